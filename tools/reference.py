"""`docs/reference.md`, from the definitions of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.facts import OTHER_VARIABLES, exit_codes, settings
from tools.schemas import rows_of, schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trooper_cli.cli.completion.tree import Command

_HEAD = """\
# Reference

Every command and option, setting and exit code. This page is made from the program by `python -m tools.generate`; the
same is told by `trooper COMMAND --help` and by the manual page `man/trooper.1`.
"""


def reference(trooper: Command) -> str:
    parts = [_HEAD, *(part for command in trooper.walk() for part in _command(command))]
    codes = ((str(code), meaning) for code, meaning in exit_codes())
    parts += ["## Exit codes\n", _table(("code", "meaning"), codes)]
    rows = ((f"`{name}`", _code(variable), _code(default), allowed) for name, variable, default, allowed in settings())
    parts += [
        "## Settings\n",
        "A flag goes before an environment variable, that before `config.toml`, that before the default.\n",
        _table(("setting", "environment", "default", "values"), rows),
        f"{OTHER_VARIABLES}\n",
    ]
    return "\n".join(parts)


def _command(command: Command) -> Iterator[str]:
    yield f"## {command.name}\n"
    yield f"{command.summary}\n"
    yield f"```text\n{command.usage}\n```\n"
    for paragraph in command.text:
        yield f"{paragraph}\n"
    if command.examples:
        yield "\n".join(["```sh", *command.examples, "```", ""])
    if command.commands:
        rows = ((f"[`{each.name}`](#{each.name.replace(' ', '-')})", each.summary) for each in command.commands)
        yield _table(("command", ""), rows)
    rows = ((f"`{argument.value}`", argument.help) for argument in command.arguments)
    if command.arguments:
        yield _table(("argument", ""), rows)
    rows = (
        (", ".join(f"`{name}`" for name in option.names) + (f" `{option.value}`" if option.value else ""), option.help)
        for option in command.options
    )
    yield _table(("option", ""), rows)
    for name, schema in schemas().items():
        if " ".join(schema["title"].split()[:2]) == command.name:
            yield f"JSON of `{schema['title']}` ([schema](schemas/{name}.json)): {schema['description']}\n"
            yield _table(("field", "type", ""), ((f"`{path}`", kind, said) for path, kind, said in rows_of(schema)))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
