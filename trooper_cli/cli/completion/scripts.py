"""The completion scripts of bash, zsh and fish, written from the tree of commands.

All that is known beforehand stands in the script itself, so that a Tab starts no process; only for names of sessions
and models `trooper --complete KIND` is run, which loads next to nothing. What does not depend on the commands lies
beside this module, in `trooper.bash`, `trooper.zsh` and `trooper.fish`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trooper_cli.cli.completion.tree import Command, Parameter


def script(shell: str, trooper: Command) -> str:
    """Return the script for `bash`, `zsh` or `fish`."""
    text = Path(__file__).with_name(f"trooper.{shell}").read_text(encoding="utf-8")
    # A line that is only such a comment gives way to the lines made for it, so that the file itself can be checked.
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](trooper)
    return "".join(f"{line}\n" for each in text.splitlines() for line in made.get(each.strip(), [each]))


def _short(text: str) -> str:
    """Return the first sentence without its full stop."""
    return re.split(r"(?<=[^.])[.;:](?:\s|$)", text, maxsplit=1)[0]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _below(trooper: Command) -> str:
    return _alternatives(command.name for command in list(trooper.walk())[1:])


def _alternatives(patterns: Iterable[str]) -> str:
    return " | ".join(f'"{pattern}"' for pattern in patterns)


def _completed(parameter: Parameter, files: str, names: str, words: str) -> str:
    """Return the line of a script that offers a parameter's values; a no-op where they are unknown."""
    if parameter.choices:
        return words.format(" ".join(parameter.choices))
    if parameter.kind == "files":
        return files
    return names.format(parameter.kind) if parameter.kind else ":"


def _value_cases(trooper: Command, files: str, names: str, words: str) -> list[str]:
    """Return the branches of a `case` on command and option before the cursor, one for each way to complete."""
    branches: dict[str, list[str]] = {}
    for command in trooper.walk():
        for option in command.options:
            if option.value:
                action = _completed(option, files, names, words)
                branches.setdefault(action, []).extend(f"{command.name} {name}" for name in option.names)
    return [f"        {_alternatives(patterns)}) {action} ;;" for action, patterns in branches.items()]


def _joined_cases(trooper: Command, names: str) -> list[str]:
    """Return the branch of a `case` on command and option for switches that take a cloud's name behind `=`."""
    patterns = [
        f"{command.name} {option.joined}" for command in trooper.walk() for option in command.options if option.joined
    ]
    return [f"        {_alternatives(patterns)}) {names.format('clouds')}; return 0 ;;"] if patterns else []


def _bash(trooper: Command) -> dict[str, list[str]]:
    files, names, words = "_trooper_files", "_trooper_offer <(trooper --complete {} 2>/dev/null)", "_trooper_words {}"
    lines = []
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
    return {
        "# @BELOW@": [f'            {_below(trooper)}) path="$path $word" ;;'],
        "# @JOINED@": _joined_cases(trooper, names),
        "# @VALUES@": _value_cases(trooper, files, names, words),
        "# @COMMANDS@": lines,
    }


def _zsh_list(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(_quoted(f"{name.replace(':', chr(92) + ':')}:{_short(text)}") for name, text in pairs)


def _zsh(trooper: Command) -> dict[str, list[str]]:
    files = "_files"
    names = 'found=("${{(@f)$(trooper --complete {} 2>/dev/null)}}"); compadd -a found'
    words = "compadd -- {}"
    lines = []
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
    return {
        "# @BELOW@": [f'            {_below(trooper)}) at="$at $word" ;;'],
        "# @JOINED@": _joined_cases(trooper, names),
        "# @VALUES@": _value_cases(trooper, files, names, words),
        "# @COMMANDS@": lines,
    }


def _fish(trooper: Command) -> dict[str, list[str]]:
    below = " ".join(f'"{command.name}"' for command in list(trooper.walk())[1:])
    lines = []
    for command in trooper.walk():
        start = f'complete -c trooper -n "__trooper_at {command.name}"'
        lines += [f"{start} -a {each.path[-1]} -d {_fish_quoted(each.summary)}" for each in command.commands]
        for option in command.options:
            names = [name for name in option.names if name != option.joined]
            spelt = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names)
            value = f" {_fish_value(option)}" if option.value else ""
            lines.append(f"{start} {spelt}{value} -d {_fish_quoted(option.help)}")
            if option.joined:
                # Without -r or -x the value is one behind an equals sign alone.
                offer = "-a '(trooper --complete clouds 2>/dev/null)'"
                lines.append(f"{start} -l {option.joined[2:]} {offer} -d {_fish_quoted(option.help)}")
        lines += [
            f"{start} {_fish_value(argument).removeprefix('-r ').removeprefix('-x ')}"
            for argument in command.arguments
            if argument.choices or argument.kind
        ]
    return {
        "# @BELOW@": [f"    set -l below {below}"],
        "# @COMMANDS@": lines,
    }


def _fish_value(parameter: Parameter) -> str:
    if parameter.choices:
        return f"-x -a {_fish_quoted(' '.join(parameter.choices))}"
    if parameter.kind == "files":
        return "-r -F"
    return f"-x -a '(trooper --complete {parameter.kind} 2>/dev/null)'" if parameter.kind else "-x"


def _fish_quoted(text: str) -> str:
    return "'" + _short(text).replace("\\", "\\\\").replace("'", "\\'") + "'"
