# Completions of trooper, made from its commands by `python -m tools.generate`; not edited by hand.

# compgen -W is not used: it would execute what it is given.
_trooper_words() {
    local candidate whole
    for candidate in "$@"; do
        whole="$lead$candidate"
        case "$whole" in "$typed"*) COMPREPLY+=("${whole#"$strip"}") ;; esac
    done
}

_trooper_offer() {
    local candidate
    local -a found=()
    while IFS= read -r candidate; do found+=("$candidate"); done <"$1"
    [ "${#found[@]}" -eq 0 ] || _trooper_words "${found[@]}"
}

_trooper_files() {
    compopt -o default 2>/dev/null && return
    local candidate
    while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
}

# The line is cut at white space, as bash's own words are also cut at `:` and `=`, which names of models hold;
# `strip` is the part of the word that bash takes for done.
_trooper() {
    local line="${COMP_LINE:0:COMP_POINT}" word typed='' current lead='' strip='' previous='' path=trooper given=1 last
    local -a words=()
    COMPREPLY=()
    IFS=$' \t\n' read -rd '' -a words <<<"$line"
    case "$line" in
        *[[:space:]]) ;;
        *) last=$((${#words[@]} - 1)) typed="${words[last]}"; unset "words[last]" ;;
    esac
    word="${COMP_WORDS[COMP_CWORD]}"
    case "$word" in [:=]) word= ;; esac
    case "$typed" in *"$word") strip="${typed%"$word"}" ;; esac
    for word in "${words[@]:1}"; do
        case "$path $word" in
            "trooper ask" | "trooper again" | "trooper messages" | "trooper sessions" | "trooper show" | "trooper sitrep" | "trooper share" | "trooper forget" | "trooper audit" | "trooper guard" | "trooper mask" | "trooper unmask" | "trooper export" | "trooper import" | "trooper rm" | "trooper pull" | "trooper models" | "trooper count" | "trooper usage" | "trooper doctor" | "trooper hook" | "trooper hook install" | "trooper hook uninstall" | "trooper hook run" | "trooper config" | "trooper config set" | "trooper config unset") path="$path $word" ;;
        esac
        previous="$word"
    done
    current="$typed"
    case "$typed" in --*=*) previous="${typed%%=*}" current="${typed#*=}" lead="${typed%%=*}=" ;; esac
    case "$path ${lead%=}" in
        "trooper ask --cloud" | "trooper again --cloud") _trooper_offer <(trooper --complete clouds 2>/dev/null); return 0 ;;
    esac
    case "$path $previous" in
        "trooper ask -s" | "trooper ask --session" | "trooper again -s" | "trooper again --session" | "trooper messages -s" | "trooper messages --session" | "trooper show -s" | "trooper show --session" | "trooper sitrep -s" | "trooper sitrep --session" | "trooper share -s" | "trooper share --session" | "trooper forget -s" | "trooper forget --session" | "trooper audit -s" | "trooper audit --session" | "trooper mask -s" | "trooper mask --session" | "trooper unmask -s" | "trooper unmask --session" | "trooper export -s" | "trooper export --session" | "trooper import -s" | "trooper import --session" | "trooper rm -s" | "trooper rm --session" | "trooper count -s" | "trooper count --session" | "trooper usage -s" | "trooper usage --session" | "trooper config -s" | "trooper config --session" | "trooper config set -s" | "trooper config set --session" | "trooper config unset -s" | "trooper config unset --session") _trooper_offer <(trooper --complete sessions 2>/dev/null) ;;
        "trooper ask -m" | "trooper ask --model" | "trooper again -m" | "trooper again --model" | "trooper count -m" | "trooper count --model") _trooper_offer <(trooper --complete models 2>/dev/null) ;;
        "trooper ask --effort" | "trooper again --effort") _trooper_words none low medium high xhigh max ;;
        "trooper ask --system" | "trooper ask --schema" | "trooper ask --limit" | "trooper ask --budget" | "trooper ask --max-tokens" | "trooper ask --timeout" | "trooper ask --jobs" | "trooper again --system" | "trooper again --schema" | "trooper again --limit" | "trooper again --budget" | "trooper again --max-tokens" | "trooper again --timeout" | "trooper messages --timeout" | "trooper sitrep --budget" | "trooper count --truncate") : ;;
        "trooper ask -f" | "trooper ask --file" | "trooper ask --resume") _trooper_files ;;
        "trooper ask --on-leak" | "trooper again --on-leak" | "trooper messages --on-leak") _trooper_words block local warn ;;
        "trooper sitrep --as") _trooper_words cloud local ;;
        "trooper share --on-leak" | "trooper import --on-leak") _trooper_words block warn ;;
        *) given= ;;
    esac
    [ -n "$given" ] && return 0
    case "$path" in
        "trooper")
            case "$current" in -*) _trooper_words --version --install-completion -h --help; return 0 ;; esac
            _trooper_words ask again messages sessions show sitrep share forget audit guard mask unmask export import rm pull models count usage doctor hook config
            ;;
        "trooper ask")
            case "$current" in -*) _trooper_words -s --session --local --cloud --here -m --model --effort --show-thinking --system -f --file --schema -x --extract --extract-last --stream --no-stream --json --dry-run --no-fallback --on-leak --limit --budget --max-tokens --timeout -n --no-stdin --jsonl --jobs --resume -v --verbose -q --quiet -h --help; return 0 ;; esac
            :
            ;;
        "trooper again")
            case "$current" in -*) _trooper_words -s --session --local --cloud --here -m --model --effort --show-thinking --system --schema -x --extract --extract-last --stream --no-stream --json --dry-run --no-fallback --on-leak --limit --budget --max-tokens --timeout -v --verbose -q --quiet -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper messages")
            case "$current" in -*) _trooper_words -s --session --local --dry-run --no-fallback --on-leak --timeout -q --quiet -h --help; return 0 ;; esac
            ;;
        "trooper sessions")
            case "$current" in -*) _trooper_words --json -h --help; return 0 ;; esac
            ;;
        "trooper show")
            case "$current" in -*) _trooper_words -s --session --json -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper sitrep")
            case "$current" in -*) _trooper_words -s --session --as --budget --told --write --json -q --quiet -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper share")
            case "$current" in -*) _trooper_words -s --session --on-leak -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            :
            ;;
        "trooper forget")
            case "$current" in -*) _trooper_words -s --session -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            :
            ;;
        "trooper audit")
            case "$current" in -*) _trooper_words -s --session --json -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper guard")
            case "$current" in -*) _trooper_words --json -h --help; return 0 ;; esac
            _trooper_files
            ;;
        "trooper mask")
            case "$current" in -*) _trooper_words -s --session --list --show --force -h --help; return 0 ;; esac
            ;;
        "trooper unmask")
            case "$current" in -*) _trooper_words -s --session -h --help; return 0 ;; esac
            ;;
        "trooper export")
            case "$current" in -*) _trooper_words -s --session -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper import")
            case "$current" in -*) _trooper_words -s --session --on-leak -q --quiet -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            _trooper_files
            ;;
        "trooper rm")
            case "$current" in -*) _trooper_words -s --session -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper pull")
            case "$current" in -*) _trooper_words -q --quiet -h --help; return 0 ;; esac
            :
            ;;
        "trooper models")
            case "$current" in -*) _trooper_words --json -h --help; return 0 ;; esac
            ;;
        "trooper count")
            case "$current" in -*) _trooper_words -m --model --exact --truncate -s --session --json -q --quiet -h --help; return 0 ;; esac
            _trooper_files
            ;;
        "trooper usage")
            case "$current" in -*) _trooper_words -s --session --json -h --help; return 0 ;; esac
            _trooper_offer <(trooper --complete sessions 2>/dev/null)
            ;;
        "trooper doctor")
            case "$current" in -*) _trooper_words --json -h --help; return 0 ;; esac
            ;;
        "trooper hook")
            case "$current" in -*) _trooper_words -h --help; return 0 ;; esac
            _trooper_words install uninstall run
            ;;
        "trooper hook install")
            case "$current" in -*) _trooper_words -h --help; return 0 ;; esac
            _trooper_words prepare-commit-msg
            ;;
        "trooper hook uninstall")
            case "$current" in -*) _trooper_words -h --help; return 0 ;; esac
            _trooper_words prepare-commit-msg
            ;;
        "trooper hook run")
            case "$current" in -*) _trooper_words -h --help; return 0 ;; esac
            _trooper_words prepare-commit-msg
            _trooper_files
            :
            :
            ;;
        "trooper config")
            case "$current" in -*) _trooper_words -s --session --json -h --help; return 0 ;; esac
            _trooper_words set unset
            ;;
        "trooper config set")
            case "$current" in -*) _trooper_words -s --session -q --quiet -h --help; return 0 ;; esac
            :
            :
            ;;
        "trooper config unset")
            case "$current" in -*) _trooper_words -s --session -h --help; return 0 ;; esac
            :
            ;;
    esac
    return 0
}

complete -F _trooper trooper
