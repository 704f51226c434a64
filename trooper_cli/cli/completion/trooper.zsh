#compdef trooper
# Completions of trooper, made from its commands by `python -m tools.generate`; not edited by hand.

_trooper() {
    local at=trooper word previous= given=1 lead=
    local -a found
    for word in ${words[2,CURRENT-1]}; do
        case "$at $word" in
            # @BELOW@
        esac
        previous="$word"
    done
    [[ $PREFIX == --*=* ]] && lead="${PREFIX%%=*}" && previous="$lead" && compset -P "*="
    case "$at $lead" in
        # @JOINED@
    esac
    case "$at $previous" in
        # @VALUES@
        *) given= ;;
    esac
    [[ -n $given ]] && return
    case "$at" in
        # @COMMANDS@
    esac
}

# In a folder of $fpath this file is the function; from a start-up file it tells zsh of it.
if [[ $funcstack[1] == _trooper ]]; then _trooper "$@"; else compdef _trooper trooper; fi
