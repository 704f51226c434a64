"""A command line that is refused before anything is asked, although its prompt was meant to be private.

The guard remembers what was given, as far as that can be told: of a wrong command line nobody knows for certain which
argument is the prompt. Since nothing is sent anyway, what looks as if it were meant to be private counts as private.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn

from trooper_cli.ask.refused import is_meant_private_in, remember_parts, remembering_unless_done, says_private
from trooper_cli.cli.prompt_input import read_at_once, read_stream, readable
from trooper_cli.cli.schema_input import is_json
from trooper_cli.store.catalog import is_name
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from trooper_cli.cli.environment import Environment
    from trooper_cli.guard.guard import Guard

_LONGEST_NAME = 64
# What stands for `--local` on a command line, beside what is misspelt for it, as a name or the value of an option.
_PRIVATE = ("local", "private", "offline")


class _Line:
    """What a command line was to say: its words, the values of its options, and texts that may be a prompt as well."""

    def __init__(self, arguments: Sequence[str], options: Mapping[str, Any]) -> None:
        self.words: list[str] = []
        self.others: list[str] = []
        self.values: dict[str, list[str]] = {}
        self.flags: set[str] = set()
        self._options = options
        left = iter(arguments)
        for argument in left:
            if argument == "--":
                self.words += left
            elif not argument.startswith("-") or any(map(str.isspace, argument.partition("=")[0])):
                # A dash of another kind makes no word, unless more than a name follows it.
                if not _is_private_option(argument, options):
                    self.words.append(argument)
            else:
                self._take_option(argument, left)

    def last(self, name: str) -> str | None:
        return self.values.get(name, [None])[-1]

    def _take_option(self, argument: str, left: Iterator[str]) -> None:
        name, is_given, value = argument.partition("=")
        if not argument.startswith("--"):
            # Switches of one letter may stand together, before one whose value follows at once.
            end = next((at for at in range(1, len(argument)) if self._takes_value(f"-{argument[at]}")), 1)
            name, value = f"-{argument[end : end + 1]}", argument[end + 1 :]
            is_given = value
            self.flags |= {f"-{letter}" for letter in argument[1:end]}
        if self._takes_value(name):
            value = value if is_given else next(left, "")
            self.values.setdefault(max(self._options[name].opts, key=len), []).append(value)
            is_given = value if any(map(str.isspace, value)) else ""
        self.flags.add(name)
        if is_given:
            # No name and no number: it may be the prompt.
            self.others.append(value)

    def _takes_value(self, name: str) -> bool:
        option = self._options.get(name)
        return option is not None and not option.is_flag and not option.count


def refuse(arguments: Sequence[str], command: Any, environment: Environment, refusal: Exception) -> NoReturn:  # noqa: ANN401
    """Raise a refusal; before that, have the guard remember what was given if it was meant to be private.

    Args:
        arguments: what follows the program's name.
        command: the command line as typer built it.
        environment: the surroundings of the command.
        refusal: what is wrong.

    """
    words = [*arguments]
    name = next((word for word in words if word in command.commands), "ask")
    if name not in command.commands:
        raise refusal
    # A word where the name of a command belongs may say it too, as in `trooper local …`.
    first = words[0] if words and words[0][:1].isalnum() and words[0] not in command.commands else ""
    is_local = _is_short(first) and _says_local(first)
    if name in words:
        words.remove(name)
    parameters = [each for each in command.commands[name].params if each.param_type_name == "option"]
    options = {opt: each for each in parameters for opt in (*each.opts, *each.secondary_opts)}
    line = _Line(words, options)
    session, home, settings = line.last("--session"), environment.home, environment.settings(check=False)
    # A value may be the next argument.
    given = [*words, *(f"{one}={other}" for one, other in pairwise(words) if "=" not in one)]
    is_local = is_local or "--local" in str(refusal) or any(_is_private_option(each, options) for each in given)
    if name not in {"ask", "again", "messages"} and not is_local:
        # It asks nothing, and nothing on its line says that something was to stay here.
        raise refusal
    flag = True if is_local else False if "--cloud" in line.flags else None
    stdin = None if {"-n", "--no-stdin"} & line.flags else environment.stdin
    is_of_private = False
    if name == "again":
        from trooper_cli.cli.repetition import is_last_private

        # It takes no prompt, so that what stands behind the session's name, or is none, may be one.
        named = [*line.values.get("--session", []), *line.words, settings.environ.get("TROOPER_SESSION")]
        is_of_private = is_last_private(home, named)
        stdin, session = None, session or next((word for word in line.words if is_name(word)), None)
        line.words = [word for word in line.words if word != session]
    parts, data = [" ".join(line.words)], bytearray()
    with (
        closing(Store(home, settings, environment.say)) as store,
        remembering_unless_done(
            store,
            lambda: is_meant_private_in(home, session, flag, settings, repeats_private=is_of_private),
            lambda guard: _remember(guard, line, parts, readable(data)),
        ),
    ):
        if name == "messages":
            from trooper_cli.messages.refused import RefusedCall, remembering_request

            call, request = RefusedCall(is_local, session, settings, home, environment.say), bytearray()
            with remembering_request(call, lambda: readable(request)):
                read_stream(stdin, request)
                raise refusal
        schemas = line.values.get("--schema", [])
        line.others += [given for given in schemas if is_json(given)]
        for path in [*line.values.get("--file", []), *(given for given in schemas if not is_json(given))]:
            content = bytearray()
            with suppress(OSError):
                # A pipe that nobody writes to would make this wait.
                file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
                try:
                    read_at_once(file, content)
                finally:
                    os.close(file)
            parts.append(f"File {path}:\n\n{readable(content).rstrip()}")
        read_stream(stdin, data)
        raise refusal


def _remember(guard: Guard, line: _Line, parts: Sequence[str], text: str) -> None:
    # In the order of a prompt.
    remember_parts(guard, line.last("--system") or "", [parts[0], text.rstrip("\r\n"), *parts[1:]], line.others)


def _is_private_option(argument: str, options: Collection[str]) -> bool:
    """Return whether an argument is `--local`, or what somebody writes who means it.

    That is a word for it as the name, or as the value of an option that is none of the `options`; or a name and its
    value that would be a wish for privacy as a field of a request: a denial beside a cloud, an upload or a sharing.
    """
    name, _, value = argument.partition("=")
    if name[:1].isalnum() or not _is_short(name):
        return False
    from trooper_cli.guard.normalize import reduced
    from trooper_cli.messages.own_fields import asks

    word, value = reduced(name), value if _is_short(value) else ""
    if word == "l" or _says_local(word) or asks({name: value or True}, ("option",)):
        return True
    if name in options or not value:
        return False
    return _says_local(value) or asks({"label": value}, ("option",))


def _says_local(word: str) -> bool:
    return says_private(word, _PRIVATE)


def _is_short(word: str) -> bool:
    """Return whether a word is no longer than a name, and one word."""
    return len(word) <= _LONGEST_NAME and not any(map(str.isspace, word))
