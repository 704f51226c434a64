"""The command line: the commands and how a wrong usage is told."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from trooper_cli import __version__
from trooper_cli.commands import guard, sessions
from trooper_cli.commands.ask import ask, pull
from trooper_cli.commands.messages import messages
from trooper_cli.commands.sitrep import sitrep
from trooper_cli.errors import UsageError
from trooper_cli.terminal import say

app = typer.Typer(
    name="trooper",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: list[str]) -> int:
    """Run one command line and give its exit code; a wrong usage is one line."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--local" in options and "--cloud" in options:
        raise UsageError("--local and --cloud exclude each other")
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="trooper", standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "trooper"
        if context is not None and context.parent is None and arguments and not arguments[0].startswith("-"):
            # The word that is no command may be a prompt, which no error repeats.
            say("there is no such command; a question is asked by `trooper ask`. See `trooper --help`.")
            return error.exit_code
        say(f"{' '.join(error.format_message().split())} See `{path} --help`.")
        return error.exit_code
    except Abort:
        return 130
    return result if isinstance(result, int) else 0


def _version(value: bool) -> None:  # noqa: FBT001
    if value:
        print(f"trooper {__version__}")
        raise typer.Exit


@app.callback()
def trooper(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Ask Claude or a model on this machine, one turn at a time.

    What was processed locally never reaches the cloud.

    \b
    echo "why does the pool drain?" | trooper ask -s ops
    kubectl get secret db -o yaml | trooper ask -s ops --local "which user is this?"
    trooper show -s ops
    """  # noqa: D301
    del version


app.command()(ask)
app.command()(messages)
app.command()(sessions.sessions)
app.command()(sessions.show)
app.command()(sitrep)
app.command()(sessions.share)
app.command()(sessions.forget)
app.command()(guard.audit)
app.command()(guard.guard)
app.command()(sessions.export)
app.command("import")(sessions.import_turns)
app.command()(sessions.rm)
app.command()(pull)
