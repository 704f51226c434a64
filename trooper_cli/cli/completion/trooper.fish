# Completions of trooper, made from its commands by `python -m tools.generate`; not edited by hand.

function __trooper_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l path trooper
    # @BELOW@
    for word in $words
        contains -- "$path $word" $below; and set path "$path $word"
    end
    test "$path" = "$argv"
end

complete -c trooper -f
# @COMMANDS@
