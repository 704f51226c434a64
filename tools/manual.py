"""The manual page `trooper.1`, from the definitions of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.facts import exit_codes, settings
from trooper_cli import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli.cli.completion.tree import Command


def manual(trooper: Command) -> str:
    return "\n".join([*_lines(trooper), ""])


def _lines(trooper: Command) -> Iterator[str]:
    yield '.\\" Made from the commands by `python -m tools.generate`; not edited by hand.'
    yield f'.TH TROOPER 1 "" "trooper {__version__}" "User Commands"'
    yield from (".SH NAME", f"trooper \\- {_text(trooper.summary[0].lower() + trooper.summary[1:].rstrip('.'))}")
    yield from (".SH SYNOPSIS", f".B {_text(trooper.usage)}")
    yield ".SH DESCRIPTION"
    yield from _body(trooper)
    yield ".SH COMMANDS"
    for command in list(trooper.walk())[1:]:
        yield from (f".SS {_text(command.name)}", f".B {_text(command.usage)}", ".PP", _text(command.summary))
        yield from _body(command)
    yield ".SH EXIT STATUS"
    for code, meaning in exit_codes():
        yield from (".TP", f".B {code}", _text(meaning))
    yield ".SH ENVIRONMENT"
    for name, variable, default, allowed in settings():
        if variable:
            says = (
                f"The setting {name}" + (f": {allowed}" if allowed else "") + (f"; default {default}" * bool(default))
            )
            yield from (".TP", f".B {_text(variable)}", _text(f"{says}."))
    for variable, says in _OTHERS:
        yield from (".TP", f".B {variable}", _text(says))
    yield from (".SH FILES", ".TP", ".I config.toml", _text(_FILES))


_OTHERS = (
    ("ANTHROPIC_API_KEY", "The key for the cloud; or ANTHROPIC_AUTH_TOKEN."),
    ("ANTHROPIC_BASE_URL", "Another address for the cloud."),
    ("OLLAMA_HOST", "Where Ollama listens; 127.0.0.1:11434 without it."),
    ("TROOPER_HOME", "The folder of sessions, models and config.toml."),
    ("NO_COLOR", "No colours on a terminal."),
)
_FILES = "The settings, in the user's configuration folder or in TROOPER_HOME."


def _body(command: Command) -> Iterator[str]:
    for paragraph in command.text:
        yield from (".PP", _text(paragraph))
    if command.examples:
        yield from (".PP", ".RS 4", ".nf", *(_text(line) for line in command.examples), ".fi", ".RE")
    for argument in command.arguments:
        yield from (".TP", f".I {_text(argument.value)}", _text(argument.help))
    for option in command.options:
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in option.names)
        yield from (".TP", f"{names} \\fI{_text(option.value)}\\fR".rstrip() if option.value else names)
        yield _text(option.help)


def _text(text: str) -> str:
    """Return the text escaped, so that roff takes it literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{text}" if text.startswith(".") else text
