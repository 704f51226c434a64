"""The command line: the commands and how a usage error is reported."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, TyperException

from trooper_cli import __version__
from trooper_cli.cli.arguments import check
from trooper_cli.cli.environment import Environment
from trooper_cli.cli.help import Command, Group
from trooper_cli.cli.named_cloud import CloudCommand, check_sides, options_of
from trooper_cli.cli.terminal import say
from trooper_cli.errors import UsageError

# Each command with the place of what it runs, in the order of the help. Only what is called is imported.
COMMANDS = {
    "ask": "ask:ask",
    "again": "again:again",
    "messages": "messages:messages",
    "sessions": "sessions:sessions",
    "show": "show:show",
    "sitrep": "sitrep:sitrep",
    "share": "share:share",
    "forget": "erase:forget",
    "audit": "audit:audit",
    "guard": "guard:guard",
    "mask": "mask:mask",
    "unmask": "mask:unmask",
    "export": "transfer:export",
    "import": "transfer:import_turns",
    "rm": "erase:rm",
    "hook": "hook:app",
    "pull": "pull:pull",
    "models": "models:models",
    "count": "count:count",
    "usage": "usage:usage",
    "doctor": "doctor:doctor",
    "config": "config:app",
}

FIRST_STEPS = """\
echo "why is the sky blue?" | trooper ask      asks Claude if there is a key, else a model on this machine
trooper ask --local "what is this?" < FILE     asks on this machine and keeps it there for ever
trooper --help                                 shows all commands, and `trooper ask --help` one of them"""


def run(arguments: list[str], environment: Environment | None = None) -> int:
    """Run one command line and return its exit code; a usage error is one line.

    The commands take their streams, variables and folder from `environment`, which is the process's by default.
    """
    if not arguments:
        print(FIRST_STEPS, file=sys.stderr)
        return UsageError.code
    command = typer.main.get_command(app_of(arguments[0]))
    try:
        check_sides(arguments)
        check(arguments, command)
    except UsageError as refusal:
        _remember_refused(arguments, command, environment, refusal)
        raise
    try:
        # Help needs none, and is there whatever is wrong with the environment.
        made = environment or (None if {"-h", "--help"} & {*options_of(arguments)} else Environment.of_process())
        result = command.main(args=arguments, prog_name="trooper", standalone_mode=False, obj=made)
    except TyperException as error:
        _remember_refused(arguments, command, environment, error)
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "trooper"
        if context is not None and error.format_message().startswith("No such command"):
            say(_no_such_command(arguments, context))
            return error.exit_code
        say(f"{_plainly(_without_prompts(error.format_message(), arguments))} See `{path} --help`.")
        return error.exit_code
    except Abort:
        return 130
    return result if isinstance(result, int) else 0


def _no_such_command(arguments: list[str], context: Any) -> str:  # noqa: ANN401 - typer does not export click's types
    """Return an error that names the command that was meant; the word itself may be a prompt and is not repeated."""
    from trooper_cli.near import nearest

    path = context.command_path
    words = [argument for argument in arguments if not argument.startswith("-")][len(path.split()) - 1 :]
    near = nearest(words[0], context.command.commands) if words else None
    if near:
        return f"there is no such command; did you mean `{path} {near}`? See `{path} --help`."
    hint = "; a question is asked by `trooper ask`" if context.parent is None else ""
    return f"there is no such command{hint}. See `{path} --help`."


def _remember_refused(
    arguments: list[str], command: object, environment: Environment | None, refusal: UsageError | TyperException
) -> None:
    """Store the fingerprints of the prompt of a refused command line, if it was meant to be private."""
    from trooper_cli.cli.refused_line import refuse

    try:
        refuse(arguments, command, environment or Environment.of_process(), refusal)
    except type(refusal):
        # That is what the caller reports.
        return


def _without_prompts(message: str, arguments: list[str]) -> str:
    """Return an error without a value of several words: it may be a prompt, which no error repeats."""
    for argument in arguments:
        for value in (argument, argument.partition("=")[2], argument[2:]):
            if len(value.split()) > 1:
                message = message.replace(repr(value), "it")
    return message


def _plainly(message: str) -> str:
    """Return an error of the library in one line, and without the names of types in programs."""
    import re

    text = " ".join(message.split())
    if text.startswith("Got unexpected extra argument"):
        # They may be a prompt.
        return "there are more arguments than the command takes."
    text = re.sub(r"is not a valid int(?:eger)?(?: range)?\b", "is not a whole number", text)
    text = re.sub(r"is not a valid float(?: range)?\b", "is not a number", text)
    text = re.sub(r"is not in the range (\d\S*?)<=x<=(?:\d{16,})", r"is below \1", text)
    return re.sub(r"is not in the range (\d\S*?)<=x<=(\d[^\s<]*?)(?=\.?(?:\s|$))", r"is not from \1 to \2", text)


def _version(value: bool) -> None:  # noqa: FBT001
    if value:
        print(f"trooper {__version__}")
        raise typer.Exit


def _install_completion(value: bool) -> None:  # noqa: FBT001
    if value:
        import os

        from trooper_cli.cli.completion.install import install

        shell, place = install(os.environ, app_of())
        say(f"completions for {shell} are in {place}; they work in the next shell you start")
        raise typer.Exit


def trooper(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    install_completion: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
            help="Install completions for your shell: bash, zsh or fish.",
        ),
    ] = False,
) -> None:
    """Ask Claude or a model on this machine, one turn at a time.

    What is asked with --local never reaches the cloud.

    \b
    echo "why does the pool drain?" | trooper ask -s ops
    kubectl get secret db -o yaml | trooper ask -s ops --local "which user is this?"
    trooper show ops
    """  # noqa: D301
    del version, install_completion


def app_of(word: str = "") -> typer.Typer:
    """Build the command line: with the command of that name alone, or with all if none has it."""
    app = typer.Typer(
        name="trooper",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(cls=Group)(trooper)
    for name in [word] if word in COMMANDS else COMMANDS:
        module, attribute = COMMANDS[name].split(":")
        found = getattr(import_module(f"trooper_cli.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, cls=Group)
        else:
            app.command(name, cls=CloudCommand if name in {"ask", "again"} else Command)(found)
    return app
