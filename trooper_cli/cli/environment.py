"""What a command has of the process around it: its streams, its variables and the folder of its data."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from trooper_cli.cli.terminal import Notices, Output, write_notice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import typer

    from trooper_cli.settings import Settings


class Environment(NamedTuple):
    """The surroundings of one command; a stream that is closed is None. It is made once, and tests make their own."""

    stdin: TextIO | None
    stdout: TextIO | None
    stderr: TextIO | None
    environ: Mapping[str, str]
    home: Path

    @classmethod
    def of_process(cls) -> Environment:
        from trooper_cli.files import data_folder

        environ = dict(os.environ)
        return cls(sys.stdin, sys.stdout, sys.stderr, environ, data_folder(environ))

    def output(self) -> Output:
        """Return standard output as commands write it."""
        return Output(self.stdout, self.environ)

    def notices(self, *, quiet: bool) -> Notices:
        """Return what writes notices to standard error."""
        return Notices(quiet=quiet, write=self.say)

    def say(self, text: str, style: str = "") -> None:
        """Write one line to standard error, where there is one."""
        write_notice(self.stderr, self.environ, text, style)

    def settings(self, *, check: bool = True) -> Settings:
        """Return the settings as they are without a session.

        Raises:
            ConfigurationError: a variable is misspelt, unless `check` leaves that to the caller.

        """
        from trooper_cli.settings import Settings

        if check:
            from trooper_cli.ask.variables import check_variables

            check_variables(self.environ)
        return Settings.of_environ(self.environ)


def environment_of(context: typer.Context) -> Environment:
    """Return the environment that a command was started in."""
    environment = context.obj
    assert isinstance(environment, Environment)  # noqa: S101
    return environment
