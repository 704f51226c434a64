"""`trooper hook`: install and remove the git hook, and run it for a tool that keeps hooks itself."""

# Annotations are evaluated here, once: typer would evaluate them three times over if they were texts.

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.terminal import say

app = typer.Typer(
    help="Install or remove a git hook that proposes commit messages, asked on this machine.",
    rich_markup_mode=None,
    no_args_is_help=False,
)


class Hook(StrEnum):
    """The hooks there are."""

    PREPARE_COMMIT_MSG = "prepare-commit-msg"


WhichHook = Annotated[
    Hook,
    typer.Argument(
        metavar="HOOK",
        help="prepare-commit-msg. To refuse a commit that holds secrets, call `trooper guard` in a hook of your own.",
    ),
]


@app.command()
def install(hook: WhichHook) -> int:
    """Install a git hook: `git commit` opens its editor with a message from a model on this machine.

    The diff goes to this machine's model only, as a private turn of no session. The hook never stops a commit, takes
    20 seconds at most (TROOPER_HOOK_SECONDS), and does nothing where there is a message already (-m, --amend, a merge,
    a squash, a template), where no editor opens, and with --no-verify. A hook that is there already is not touched;
    where it belongs to husky, lefthook or pre-commit, the error names the lines that call trooper from there.

    \b
    trooper hook install prepare-commit-msg
    git config core.hooksPath .githooks && trooper hook install prepare-commit-msg
    """  # noqa: D301
    from trooper_cli.cli import git_hook as hooks

    del hook
    say(f"the hook is in {hooks.install()}; the next `git commit` proposes a message")
    return 0


@app.command()
def uninstall(hook: WhichHook) -> int:
    """Remove the hook again; a hook that was renamed to make room gets its name back.

    \b
    trooper hook uninstall prepare-commit-msg
    trooper hook uninstall prepare-commit-msg || git config core.hooksPath
    """  # noqa: D301
    from trooper_cli.cli import git_hook as hooks

    del hook
    path, restored = hooks.uninstall()
    say(f"{path} is {'what it was before' if restored else 'removed'}")
    return 0


@app.command("run")
def run_hook(
    context: typer.Context,
    hook: WhichHook,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of the message, as git names it.")],
    source: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[SOURCE]", help="Where the message comes from, if there is one.", show_default=False),
    ] = None,
    commit: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[COMMIT]", help="The commit that it is taken from.", show_default=False),
    ] = None,
) -> int:
    """Run the hook once, as husky, lefthook and pre-commit do: the line for them ends with what git gives the hook.

    It exits 0, whatever the model does: no commit is stopped.

    \b
    echo 'trooper hook run prepare-commit-msg "$@"' > prepare-commit-msg
    trooper hook run prepare-commit-msg .git/COMMIT_EDITMSG
    """  # noqa: D301
    from trooper_cli.cli.propose import propose

    del hook, commit
    environment = environment_of(context)
    propose(file, source, environment.environ, environment.home, environment.say)
    return 0
