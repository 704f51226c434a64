"""The commands as data, read from their definitions: completions, the reference and the manual are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer


@dataclass(frozen=True)
class Parameter:
    """An option or an argument.

    `names` are the spellings of an option, none for an argument; `value` is its value's word, empty for a switch;
    `kind` is what the value may be: `sessions`, `models`, `files`, or nothing that is known. `joined` is the spelling
    of a switch that takes a name behind an equals sign, which is one of `clouds`.
    """

    names: tuple[str, ...]
    value: str
    kind: str
    choices: tuple[str, ...]
    help: str
    joined: str = ""


@dataclass(frozen=True)
class Command:
    """One command. Of its help, `examples` are the blocks that are kept line by line, `text` the paragraphs."""

    path: tuple[str, ...]
    usage: str
    summary: str
    text: tuple[str, ...]
    examples: tuple[str, ...]
    options: tuple[Parameter, ...]
    arguments: tuple[Parameter, ...]
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        return " ".join(self.path)

    def walk(self) -> Iterator[Command]:
        """Yield this command and all below it."""
        yield self
        for command in self.commands:
            yield from command.walk()


def tree_of(app: typer.Typer) -> Command:
    """Return the whole tree of a command line."""
    import typer

    return _command(typer.main.get_command(app), None, "trooper")


def _command(command: Any, parent: Any, name: str) -> Command:  # noqa: ANN401 - typer does not export click's types
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    below = command.list_commands(context) if hasattr(command, "list_commands") else []
    found = [(word, command.get_command(context, word)) for word in below]
    summary, *blocks = [block.strip("\n") for block in (command.help or "").split("\n\n")]
    parameters = [parameter for parameter in command.get_params(context) if not getattr(parameter, "hidden", False)]
    return Command(
        path=tuple(context.command_path.split()),
        usage=" ".join([context.command_path, *command.collect_usage_pieces(context)]),
        summary=" ".join(summary.split()),
        text=tuple(" ".join(block.split()) for block in blocks if not block.startswith("\b")),
        examples=tuple(line for block in blocks if block.startswith("\b") for line in block.split("\n")[1:]),
        options=tuple(_parameter(each) for each in parameters if each.param_type_name == "option"),
        arguments=tuple(_parameter(each) for each in parameters if each.param_type_name == "argument"),
        commands=tuple(_command(each, context, word) for word, each in found if each and not each.hidden),
    )


def _parameter(parameter: Any) -> Parameter:  # noqa: ANN401
    is_option = parameter.param_type_name == "option"
    choices = tuple(str(choice) for choice in getattr(parameter.type, "choices", None) or ())
    # `named` is a session that is an argument.
    kind = {"session": "sessions", "named": "sessions", "model": "models"}.get(parameter.name, "")
    # Short spellings first: those of --help come in no order of their own.
    spellings = sorted((*parameter.opts, *parameter.secondary_opts), key=lambda name: name.startswith("--"))
    return Parameter(
        names=tuple(spellings) if is_option else (),
        value=""
        if getattr(parameter, "is_flag", False)
        else parameter.metavar or "|".join(choices) or parameter.name.upper(),
        kind=kind or ("files" if parameter.type.name == "path" else ""),
        choices=choices,
        help=" ".join((getattr(parameter, "help", None) or "").split()),
        joined=next((name for name in parameter.secondary_opts if name == "--cloud"), ""),
    )
