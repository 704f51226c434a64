#compdef trooper
# Completions of trooper, made from its commands by `python -m tools.generate`; not edited by hand.

_trooper() {
    local at=trooper word previous= given=1 lead=
    local -a found
    for word in ${words[2,CURRENT-1]}; do
        case "$at $word" in
            "trooper ask" | "trooper again" | "trooper messages" | "trooper sessions" | "trooper show" | "trooper sitrep" | "trooper share" | "trooper forget" | "trooper audit" | "trooper guard" | "trooper mask" | "trooper unmask" | "trooper export" | "trooper import" | "trooper rm" | "trooper pull" | "trooper models" | "trooper count" | "trooper usage" | "trooper doctor" | "trooper hook" | "trooper hook install" | "trooper hook uninstall" | "trooper hook run" | "trooper config" | "trooper config set" | "trooper config unset") at="$at $word" ;;
        esac
        previous="$word"
    done
    [[ $PREFIX == --*=* ]] && lead="${PREFIX%%=*}" && previous="$lead" && compset -P "*="
    case "$at $lead" in
        "trooper ask --cloud" | "trooper again --cloud") found=("${(@f)$(trooper --complete clouds 2>/dev/null)}"); compadd -a found; return 0 ;;
    esac
    case "$at $previous" in
        "trooper ask -s" | "trooper ask --session" | "trooper again -s" | "trooper again --session" | "trooper messages -s" | "trooper messages --session" | "trooper show -s" | "trooper show --session" | "trooper sitrep -s" | "trooper sitrep --session" | "trooper share -s" | "trooper share --session" | "trooper forget -s" | "trooper forget --session" | "trooper audit -s" | "trooper audit --session" | "trooper mask -s" | "trooper mask --session" | "trooper unmask -s" | "trooper unmask --session" | "trooper export -s" | "trooper export --session" | "trooper import -s" | "trooper import --session" | "trooper rm -s" | "trooper rm --session" | "trooper count -s" | "trooper count --session" | "trooper usage -s" | "trooper usage --session" | "trooper config -s" | "trooper config --session" | "trooper config set -s" | "trooper config set --session" | "trooper config unset -s" | "trooper config unset --session") found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found ;;
        "trooper ask -m" | "trooper ask --model" | "trooper again -m" | "trooper again --model" | "trooper count -m" | "trooper count --model") found=("${(@f)$(trooper --complete models 2>/dev/null)}"); compadd -a found ;;
        "trooper ask --effort" | "trooper again --effort") compadd -- none low medium high xhigh max ;;
        "trooper ask --system" | "trooper ask --schema" | "trooper ask --limit" | "trooper ask --budget" | "trooper ask --max-tokens" | "trooper ask --timeout" | "trooper ask --jobs" | "trooper again --system" | "trooper again --schema" | "trooper again --limit" | "trooper again --budget" | "trooper again --max-tokens" | "trooper again --timeout" | "trooper messages --timeout" | "trooper sitrep --budget" | "trooper count --truncate") : ;;
        "trooper ask -f" | "trooper ask --file" | "trooper ask --resume") _files ;;
        "trooper ask --on-leak" | "trooper again --on-leak" | "trooper messages --on-leak") compadd -- block local warn ;;
        "trooper sitrep --as") compadd -- cloud local ;;
        "trooper share --on-leak" | "trooper import --on-leak") compadd -- block warn ;;
        *) given= ;;
    esac
    [[ -n $given ]] && return
    case "$at" in
        "trooper")
            found=('--version:Show the version' '--install-completion:Install completions for your shell' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=('ask:Ask one question' 'again:Ask the last prompt of a session once more, for a second opinion' 'messages:Answer one request of the Messages API, given on standard input, as that API does' 'sessions:List the sessions' 'show:Print a session' 'sitrep:Print the situation report of a session' 'share:Declassify private turns' 'forget:Erase turns from the disk' 'audit:List what left this machine of a session, and each turn that was shared' 'guard:Check text as if it were about to go to the cloud' 'mask:Put a placeholder for each secret of the text on standard input' 'unmask:Put the values of a session back in place of their placeholders, from standard input to standard output' 'export:Write a session to standard output as JSON Lines, one turn an object' 'import:Append turns to a session, all or none' 'rm:Delete a session' 'pull:Fetch a model for the embedded engine, which then uses it' 'models:List the models' 'count:Count the tokens of text' 'usage:Sum up tokens by side and model, the cloud'\''s cost, and what local turns and compression saved' 'doctor:Check what works and what does not, and print the next step' 'hook:Install or remove a git hook that proposes commit messages, asked on this machine' 'config:Show each setting with its value and its origin')
            _describe command found
            ;;
        "trooper ask")
            found=('-s:The named session (TROOPER_SESSION)' '--session:The named session (TROOPER_SESSION)' '--local:Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0)' '--cloud:Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0)' '--here:Answer on this machine by choice' '-m:Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)' '--model:Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)' '--effort:How much the model may think (TROOPER_EFFORT)' '--show-thinking:Print what the model thinks on standard error' '--system:System prompt' '-f:A text file, added under its name' '--file:A text file, added under its name' '--schema:The answer is one JSON value valid against this JSON Schema, or the exit code is 76' '-x:Print the inside of the first fenced block only' '--extract:Print the inside of the first fenced block only' '--extract-last:Print the inside of the last fenced block only' '--stream:Print text as it arrives' '--no-stream:Print text as it arrives' '--json:Print one JSON object instead of the text' '--dry-run:Print the request as JSON and connect to nothing' '--no-fallback:A failure of the cloud is an error (TROOPER_FALLBACK=0)' '--on-leak:If a prompt for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK)' '--limit:Most that this call may cost in the cloud' '--budget:Most tokens of context and prompt sent (TROOPER_BUDGET)' '--max-tokens:Most tokens of the answer' '--timeout:Give up after so many seconds of silence (cloud 120, local 600), five times as many without a word of the answer, or four hours in all' '-n:Do not read standard input' '--no-stdin:Do not read standard input' '--jsonl:Ask each line of standard input, a JSON object, and print one object for each' '--jobs:With --jsonl' '--resume:With --jsonl' '-v:One status line on standard error' '--verbose:One status line on standard error' '-q:Not even notices on standard error' '--quiet:Not even notices on standard error' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            :
            ;;
        "trooper again")
            found=('-s:The named session (TROOPER_SESSION)' '--session:The named session (TROOPER_SESSION)' '--local:Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0)' '--cloud:Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0)' '--here:Answer on this machine by choice' '-m:Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)' '--model:Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)' '--effort:How much the model may think (TROOPER_EFFORT)' '--show-thinking:Print what the model thinks on standard error' '--system:System prompt' '--schema:The answer is one JSON value valid against this JSON Schema, or the exit code is 76' '-x:Print the inside of the first fenced block only' '--extract:Print the inside of the first fenced block only' '--extract-last:Print the inside of the last fenced block only' '--stream:Print text as it arrives' '--no-stream:Print text as it arrives' '--json:Print one JSON object instead of the text' '--dry-run:Print the request as JSON and connect to nothing' '--no-fallback:A failure of the cloud is an error (TROOPER_FALLBACK=0)' '--on-leak:If a prompt for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK)' '--limit:Most that this call may cost in the cloud' '--budget:Most tokens of context and prompt sent (TROOPER_BUDGET)' '--max-tokens:Most tokens of the answer' '--timeout:Give up after so many seconds of silence (cloud 120, local 600), five times as many without a word of the answer, or four hours in all' '-v:One status line on standard error' '--verbose:One status line on standard error' '-q:Not even notices on standard error' '--quiet:Not even notices on standard error' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper messages")
            found=('-s:The named session (TROOPER_SESSION)' '--session:The named session (TROOPER_SESSION)' '--local:Keep this turn on this machine for ever, as x_force_local does' '--dry-run:Print the request as JSON and connect to nothing' '--no-fallback:A failure of the cloud is an error (TROOPER_FALLBACK=0)' '--on-leak:If a request for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK)' '--timeout:Give up after so many seconds of silence' '-q:Not even notices on standard error' '--quiet:Not even notices on standard error' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            ;;
        "trooper sessions")
            found=('--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            ;;
        "trooper show")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper sitrep")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '--as:The side it is for' '--budget:Most tokens of the report' '--told:Print the report as that side'\''s engine reads it once the session is too long to go whole' '--write:Have the local model phrase it' '--json:Print JSON instead of text' '-q:No notices' '--quiet:No notices' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper share")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '--on-leak:If a turn made public holds text of other private turns, or a credential' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            :
            ;;
        "trooper forget")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            :
            ;;
        "trooper audit")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper guard")
            found=('--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            _files
            ;;
        "trooper mask")
            found=('-s:The session that keeps the values (TROOPER_SESSION)' '--session:The session that keeps the values (TROOPER_SESSION)' '--list:Print how many values of each kind the session holds' '--show:Print what each placeholder stands for, on a terminal only' '--force:With --show, print it into a pipe or a file too' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            ;;
        "trooper unmask")
            found=('-s:The session that keeps the values (TROOPER_SESSION)' '--session:The session that keeps the values (TROOPER_SESSION)' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            ;;
        "trooper export")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper import")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '--on-leak:If a turn made public holds text of other private turns, or a credential' '-q:Say nothing if all goes well' '--quiet:Say nothing if all goes well' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            _files
            ;;
        "trooper rm")
            found=('-s:The named session, in place of the argument' '--session:The named session, in place of the argument' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper pull")
            found=('-q:Say nothing if all goes well' '--quiet:Say nothing if all goes well' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            :
            ;;
        "trooper models")
            found=('--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            ;;
        "trooper count")
            found=('-m:A model of Claude'\''s or OpenAI'\''s, o200k_base or cl100k_base' '--model:A model of Claude'\''s or OpenAI'\''s, o200k_base or cl100k_base' '--exact:Have Claude'\''s API count, which is sent the text (free of charge)' '--truncate:Print at most N tokens of the text, and nothing else' '-s:The session whose audit lists what --exact sends' '--session:The session whose audit lists what --exact sends' '--json:Print JSON instead of text' '-q:Do not say that a count is an estimate' '--quiet:Do not say that a count is an estimate' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            _files
            ;;
        "trooper usage")
            found=('-s:One session' '--session:One session' '--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=("${(@f)$(trooper --complete sessions 2>/dev/null)}"); compadd -a found
            ;;
        "trooper doctor")
            found=('--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            ;;
        "trooper hook")
            found=('-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=('install:Install a git hook' 'uninstall:Remove the hook again' 'run:Run the hook once, as husky, lefthook and pre-commit do')
            _describe command found
            ;;
        "trooper hook install")
            found=('-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            compadd -- prepare-commit-msg
            ;;
        "trooper hook uninstall")
            found=('-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            compadd -- prepare-commit-msg
            ;;
        "trooper hook run")
            found=('-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            compadd -- prepare-commit-msg
            _files
            :
            :
            ;;
        "trooper config")
            found=('-s:The defaults of this session instead of config.toml' '--session:The defaults of this session instead of config.toml' '--json:Print JSON instead of text' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            found=('set:Set a value in config.toml, whose comments stay, or as a default of one session' 'unset:Remove a value from config.toml or from the defaults of one session')
            _describe command found
            ;;
        "trooper config set")
            found=('-s:The defaults of this session instead of config.toml' '--session:The defaults of this session instead of config.toml' '-q:Say nothing if all goes well' '--quiet:Say nothing if all goes well' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            :
            :
            ;;
        "trooper config unset")
            found=('-s:The defaults of this session instead of config.toml' '--session:The defaults of this session instead of config.toml' '-h:Show this message and exit' '--help:Show this message and exit')
            [[ $PREFIX == -* ]] && { _describe -o option found; return }
            :
            ;;
    esac
}

# In a folder of $fpath this file is the function; from a start-up file it tells zsh of it.
if [[ $funcstack[1] == _trooper ]]; then _trooper "$@"; else compdef _trooper trooper; fi
