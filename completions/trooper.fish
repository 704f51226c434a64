# Completions of trooper, made from its commands by `python -m tools.generate`; not edited by hand.

function __trooper_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l path trooper
    for word in $words
        contains -- "$path $word" "trooper ask" "trooper sessions" "trooper show" "trooper share" "trooper forget" "trooper audit" "trooper guard" "trooper export" "trooper import" "trooper rm" "trooper pull" "trooper hook" "trooper hook install" "trooper hook uninstall"; and set path "$path $word"
    end
    test "$path" = "$argv"
end

complete -c trooper -f
complete -c trooper -n "__trooper_at trooper" -a ask -d 'Ask one question'
complete -c trooper -n "__trooper_at trooper" -a sessions -d 'List the sessions'
complete -c trooper -n "__trooper_at trooper" -a show -d 'Print a session'
complete -c trooper -n "__trooper_at trooper" -a share -d 'Declassify private turns'
complete -c trooper -n "__trooper_at trooper" -a forget -d 'Erase turns from the disk'
complete -c trooper -n "__trooper_at trooper" -a audit -d 'List every request that left this machine, and every turn that was shared'
complete -c trooper -n "__trooper_at trooper" -a guard -d 'Check text as if it were about to go to the cloud'
complete -c trooper -n "__trooper_at trooper" -a export -d 'Write a session to standard output as JSON Lines, one turn an object'
complete -c trooper -n "__trooper_at trooper" -a import -d 'Append turns to a session, all or none'
complete -c trooper -n "__trooper_at trooper" -a rm -d 'Delete a session'
complete -c trooper -n "__trooper_at trooper" -a pull -d 'Fetch the small default model of the embedded engine'
complete -c trooper -n "__trooper_at trooper" -a hook -d 'Install or remove a git hook that proposes commit messages, asked on this machine'
complete -c trooper -n "__trooper_at trooper" -l version -d 'Show the version'
complete -c trooper -n "__trooper_at trooper" -l install-completion -d 'Install completions for your shell'
complete -c trooper -n "__trooper_at trooper" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper ask" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session (TROOPER_SESSION)'
complete -c trooper -n "__trooper_at trooper ask" -l local -l cloud -d 'Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0)'
complete -c trooper -n "__trooper_at trooper ask" -s m -l model -x -a '(trooper --complete models 2>/dev/null)' -d 'Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)'
complete -c trooper -n "__trooper_at trooper ask" -l system -x -d 'System prompt'
complete -c trooper -n "__trooper_at trooper ask" -s f -l file -r -F -d 'A text file, added under its name'
complete -c trooper -n "__trooper_at trooper ask" -l stream -l no-stream -d 'Print text as it arrives'
complete -c trooper -n "__trooper_at trooper ask" -l json -d 'Print one JSON object instead of the text'
complete -c trooper -n "__trooper_at trooper ask" -l dry-run -d 'Print the exact request as JSON and connect to nothing'
complete -c trooper -n "__trooper_at trooper ask" -l no-fallback -d 'A failure of the cloud is an error (TROOPER_FALLBACK=0)'
complete -c trooper -n "__trooper_at trooper ask" -l on-leak -x -a 'block local warn' -d 'If a prompt for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK)'
complete -c trooper -n "__trooper_at trooper ask" -l budget -x -d 'Most tokens of context and prompt sent (TROOPER_BUDGET)'
complete -c trooper -n "__trooper_at trooper ask" -l max-tokens -x -d 'Most tokens of the answer'
complete -c trooper -n "__trooper_at trooper ask" -l timeout -x -d 'Give up after so many seconds of silence'
complete -c trooper -n "__trooper_at trooper ask" -s n -l no-stdin -d 'Do not read standard input'
complete -c trooper -n "__trooper_at trooper ask" -s v -l verbose -d 'One status line on standard error'
complete -c trooper -n "__trooper_at trooper ask" -s q -l quiet -d 'Not even notices on standard error'
complete -c trooper -n "__trooper_at trooper ask" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper sessions" -l json -d 'Print JSON instead of text'
complete -c trooper -n "__trooper_at trooper sessions" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper show" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper show" -l json -d 'Print JSON instead of text'
complete -c trooper -n "__trooper_at trooper show" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper share" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper share" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper forget" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper forget" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper audit" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper audit" -l json -d 'Print JSON instead of text'
complete -c trooper -n "__trooper_at trooper audit" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper guard" -l json -d 'Print JSON instead of text'
complete -c trooper -n "__trooper_at trooper guard" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper guard" -F
complete -c trooper -n "__trooper_at trooper export" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper export" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper import" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper import" -s q -l quiet -d 'Say nothing if all goes well'
complete -c trooper -n "__trooper_at trooper import" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper import" -F
complete -c trooper -n "__trooper_at trooper rm" -s s -l session -x -a '(trooper --complete sessions 2>/dev/null)' -d 'The named session'
complete -c trooper -n "__trooper_at trooper rm" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper pull" -s q -l quiet -d 'Say nothing if all goes well'
complete -c trooper -n "__trooper_at trooper pull" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper hook" -a install -d 'Let `git commit` open its editor with a message proposed by a model on this machine'
complete -c trooper -n "__trooper_at trooper hook" -a uninstall -d 'Remove the hook again'
complete -c trooper -n "__trooper_at trooper hook" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper hook install" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper hook install" -a 'prepare-commit-msg'
complete -c trooper -n "__trooper_at trooper hook uninstall" -s h -l help -d 'Show this message and exit'
complete -c trooper -n "__trooper_at trooper hook uninstall" -a 'prepare-commit-msg'
