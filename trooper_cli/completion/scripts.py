"""The completion scripts of bash, zsh and fish, written from the tree of commands.

All that is known beforehand stands in the script itself, so that a Tab starts no process; only for names of sessions
and models `trooper --complete KIND` is run, which loads next to nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trooper_cli.completion.tree import Command, Parameter

_HEAD = "# Completions of trooper, made from its commands by `python -m tools.generate`; not edited by hand.\n"


def script(shell: str, trooper: Command) -> str:
    """Give the script for `bash`, `zsh` or `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](trooper)


def _short(text: str) -> str:
    """Give the first sentence without its full stop."""
    return re.split(r"(?<=[^.])[.;:](?:\s|$)", text, maxsplit=1)[0]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _alternatives(patterns: Iterable[str]) -> str:
    return " | ".join(f'"{pattern}"' for pattern in patterns)


def _completed(parameter: Parameter, files: str, names: str, words: str) -> str:
    """Give the line of a script that offers a parameter's values; a no-op where nothing is known of them."""
    if parameter.choices:
        return words.format(" ".join(parameter.choices))
    if parameter.kind == "files":
        return files
    return names.format(parameter.kind) if parameter.kind else ":"


def _value_cases(trooper: Command, files: str, names: str, words: str) -> list[str]:
    """Give the branches of a `case` on command and option before the cursor, one for each way to go on."""
    branches: dict[str, list[str]] = {}
    for command in trooper.walk():
        for option in command.options:
            if option.value:
                action = _completed(option, files, names, words)
                branches.setdefault(action, []).extend(f"{command.name} {name}" for name in option.names)
    return [f"        {_alternatives(patterns)}) {action} ;;" for action, patterns in branches.items()]


def _bash(trooper: Command) -> str:
    below = _alternatives(command.name for command in list(trooper.walk())[1:])
    files, names, words = "_trooper_files", "_trooper_offer <(trooper --complete {} 2>/dev/null)", "_trooper_words {}"
    lines = [
        _HEAD,
        _BASH_START.replace("@BELOW@", below),
        '    case "$path $previous" in',
        *_value_cases(trooper, files, names, words),
        "        *) given= ;;",
        "    esac",
        '    [ -n "$given" ] && return 0',
        '    case "$path" in',
    ]
    for command in trooper.walk():
        options = " ".join(name for option in command.options for name in option.names)
        lines += [
            f'        "{command.name}")',
            f'            case "$current" in -*) _trooper_words {options}; return 0 ;; esac',
        ]
        if command.commands:
            lines.append(f"            _trooper_words {' '.join(each.path[-1] for each in command.commands)}")
        lines += [f"            {_completed(argument, files, names, words)}" for argument in command.arguments]
        lines.append("            ;;")
    return "\n".join([*lines, "    esac", "    return 0", "}", "", "complete -F _trooper trooper", ""])


# The line is cut at white space, as bash's own words are also cut at `:` and `=`, which names of models hold;
# `strip` is the part of the word that bash takes for done. compgen -W is not used: it would execute what it is given.
_BASH_START = """\
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

_trooper() {
    local line="${COMP_LINE:0:COMP_POINT}" word typed= current lead= strip= previous= path=trooper given=1 last
    local -a words=()
    COMPREPLY=()
    IFS=$' \\t\\n' read -rd '' -a words <<<"$line"
    case "$line" in
        *[[:space:]]) ;;
        *) last=$((${#words[@]} - 1)) typed="${words[last]}"; unset "words[last]" ;;
    esac
    word="${COMP_WORDS[COMP_CWORD]}"
    case "$word" in [:=]) word= ;; esac
    case "$typed" in *"$word") strip="${typed%"$word"}" ;; esac
    for word in "${words[@]:1}"; do
        case "$path $word" in
            @BELOW@) path="$path $word" ;;
        esac
        previous="$word"
    done
    current="$typed"
    case "$typed" in --*=*) previous="${typed%%=*}" current="${typed#*=}" lead="${typed%%=*}=" ;; esac"""


def _zsh_list(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(_quoted(f"{name.replace(':', chr(92) + ':')}:{_short(text)}") for name, text in pairs)


def _zsh(trooper: Command) -> str:
    below = _alternatives(command.name for command in list(trooper.walk())[1:])
    files = "_files"
    names = 'found=("${{(@f)$(trooper --complete {} 2>/dev/null)}}"); compadd -a found'
    words = "compadd -- {}"
    lines = [
        "#compdef trooper",
        _HEAD,
        "_trooper() {",
        "    local at=trooper word previous= given=1",
        "    local -a found",
        "    for word in ${words[2,CURRENT-1]}; do",
        f'        case "$at $word" in {below}) at="$at $word" ;; esac',
        '        previous="$word"',
        "    done",
        '    [[ $PREFIX == --*=* ]] && previous="${PREFIX%%=*}" && compset -P "*="',
        '    case "$at $previous" in',
        *_value_cases(trooper, files, names, words),
        "        *) given= ;;",
        "    esac",
        "    [[ -n $given ]] && return",
        '    case "$at" in',
    ]
    for command in trooper.walk():
        options = [(name, option.help) for option in command.options for name in option.names]
        lines += [
            f'        "{command.name}")',
            f"            found=({_zsh_list(options)})",
            "            [[ $PREFIX == -* ]] && { _describe -o option found; return }",
        ]
        if command.commands:
            found = _zsh_list((each.path[-1], each.summary) for each in command.commands)
            lines += [f"            found=({found})", "            _describe command found"]
        lines += [f"            {_completed(argument, files, names, words)}" for argument in command.arguments]
        lines.append("            ;;")
    return "\n".join(
        [
            *lines,
            "    esac",
            "}",
            "",
            "# In a folder of $fpath this file is the function; from a start-up file it tells zsh of it.",
            'if [[ $funcstack[1] == _trooper ]]; then _trooper "$@"; else compdef _trooper trooper; fi',
            "",
        ]
    )


def _fish(trooper: Command) -> str:
    below = " ".join(f'"{command.name}"' for command in list(trooper.walk())[1:])
    lines = [_HEAD, _FISH_START.replace("@BELOW@", below)]
    for command in trooper.walk():
        start = f'complete -c trooper -n "__trooper_at {command.name}"'
        lines += [f"{start} -a {each.path[-1]} -d {_fish_quoted(each.summary)}" for each in command.commands]
        for option in command.options:
            spelt = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            value = f" {_fish_value(option)}" if option.value else ""
            lines.append(f"{start} {spelt}{value} -d {_fish_quoted(option.help)}")
        lines += [
            f"{start} {_fish_value(argument).removeprefix('-r ').removeprefix('-x ')}"
            for argument in command.arguments
            if argument.choices or argument.kind
        ]
    return "\n".join([*lines, ""])


def _fish_value(parameter: Parameter) -> str:
    if parameter.choices:
        return f"-x -a {_fish_quoted(' '.join(parameter.choices))}"
    if parameter.kind == "files":
        return "-r -F"
    return f"-x -a '(trooper --complete {parameter.kind} 2>/dev/null)'" if parameter.kind else "-x"


def _fish_quoted(text: str) -> str:
    return "'" + _short(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


_FISH_START = """\
function __trooper_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l path trooper
    for word in $words
        contains -- "$path $word" @BELOW@; and set path "$path $word"
    end
    test "$path" = "$argv"
end

complete -c trooper -f"""
