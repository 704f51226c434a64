"""`--cloud=NAME`: the switch `--cloud`, which may name a cloud behind an equals sign and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trooper_cli.cli.help import Command
from trooper_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trooper_cli.settings import Settings

# Where the context keeps the name, and the word that stands directly behind a `--cloud` without one.
_NAME, _NEXT = "trooper.cloud", "trooper.behind_cloud"
_START = "--cloud="


class CloudCommand(Command):
    """A command whose `--cloud` may name a cloud. To the library it is a switch, which takes no value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer does not export click's types
        options = options_of(args)
        if names := names_in(options):
            ctx.meta[_NAME] = names[0]
        if "--cloud" in options:
            ctx.meta[_NEXT] = "".join(options[options.index("--cloud") + 1 :][:1])
        switches = ["--cloud" if option.startswith(_START) else option for option in options]
        return super().parse_args(ctx, [*switches, *args[len(options) :]])


def options_of(arguments: list[str]) -> list[str]:
    """Return what stands before a plain `--`: behind it there are no options."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def names_in(options: list[str]) -> list[str]:
    """Return the names that `--cloud=NAME` gives, each once. No option takes a value that begins with a dash."""
    return list(dict.fromkeys(option.removeprefix(_START) for option in options if option.startswith(_START)))


def check_sides(arguments: list[str]) -> None:
    """Refuse a command line that names two sides, or two clouds.

    Raises:
        UsageError: it does, or `--cloud=` names none.

    """
    options = options_of(arguments)
    names = names_in(options)
    given = [side for side in ("--local", "--cloud", "--here") if side in options or (side == "--cloud" and names)]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given[:2])} exclude each other")
    if len(names) > 1:
        raise UsageError("--cloud= names two clouds, and one is asked; nothing was sent")
    if "" in names:
        # As an empty shell variable makes it: the first cloud is not meant.
        raise UsageError("--cloud= names no cloud, so nothing was sent; is a shell variable empty?")


def named_cloud(meta: Mapping[str, Any], settings: Settings) -> str | None:
    """Return the name that `--cloud=NAME` gives; None without it.

    Raises:
        UsageError: the name of a cloud stands behind a `--cloud` as a word of its own: it would be asked of another.
        ConfigurationError: `config.toml` cannot be used.

    """
    if (behind := meta.get(_NEXT)) is not None and _NAME not in meta:
        from trooper_cli.cli.arguments import value_word
        from trooper_cli.engines.clouds import names_of_clouds

        word = value_word(behind)
        if name := next((each for each in names_of_clouds(settings) if value_word(each) == word), None):
            raise UsageError(
                f"--cloud takes a name behind an equals sign alone, so nothing was sent; write --cloud={name}, "
                "or put -- before a text that begins with this word"
            )
    name = meta.get(_NAME)
    return name if isinstance(name, str) else None
