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
            # @BELOW@
        esac
        previous="$word"
    done
    current="$typed"
    case "$typed" in --*=*) previous="${typed%%=*}" current="${typed#*=}" lead="${typed%%=*}=" ;; esac
    case "$path ${lead%=}" in
        # @JOINED@
    esac
    case "$path $previous" in
        # @VALUES@
        *) given= ;;
    esac
    [ -n "$given" ] && return 0
    case "$path" in
        # @COMMANDS@
    esac
    return 0
}

complete -F _trooper trooper
