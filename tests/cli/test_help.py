"""Help that teaches: what a newcomer sees, examples that work, errors that name the next step."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.workspace import lay_out, shell
from trooper_cli.cli.app import app_of
from trooper_cli.cli.completion.tree import tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from trooper_cli.cli.completion.tree import Command

ALL = list(tree_of(app_of()).walk())
COMMANDS = [command for command in ALL if not command.commands]
# `trooper pull` fetches 93 MB; the README's first command runs it.
EXAMPLES = [(command.name, line) for command in ALL for line in command.examples if "trooper pull" not in line]


@pytest.fixture
def desk(trooper: Trooper, tmp_path: Path) -> Path:
    lay_out(trooper, tmp_path / "desk")
    return tmp_path / "desk"


class TestExamples:
    """The examples in the help are real."""

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_every_command_has_some(self, command: Command) -> None:
        """Each command shows a few of its own uses; those of `ask` begin with a pipe."""
        examples = [line for line in command.examples if not line.startswith("#")]
        name = command.name
        assert 2 <= len(examples) <= 4
        assert all(name in line for line in examples)
        if name == "trooper ask":
            assert "| trooper ask" in examples[0]

    @pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
    def test_they_work_as_printed(self, trooper: Trooper, desk: Path, name: str, line: str) -> None:
        """Each example, pasted into a shell, ends well and complains of nothing."""
        if name == "trooper hook uninstall":
            shell(trooper, desk, "trooper hook install prepare-commit-msg")
        done = shell(trooper, desk, line)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert "Usage" not in done.stderr


class TestNewcomer:
    """Someone who knows none of this types `trooper`."""

    def test_three_lines(self, trooper: Trooper) -> None:
        """`trooper` alone shows three lines on standard error, and wrong usage by its exit code."""
        done = trooper()
        assert (done.code, done.out) == (2, b"")
        assert done.notices.count("\n") == 3
        assert "trooper --help" in done.notices

    def test_the_three_lines_work(self, trooper: Trooper, desk: Path) -> None:
        """Each of the three is a command that runs as shown, with a real file for FILE."""
        for line in trooper().notices.splitlines():
            shown = re.split(r" {3,}", line)[0].replace("FILE", "notes.txt")
            done = shell(trooper, desk, shown)
            assert (done.returncode, done.stderr) == (0, ""), shown
            assert done.stdout

    def test_help_fits_a_terminal(self, trooper: Trooper) -> None:
        """No line of a help is wider than 80 columns but examples."""
        for command in ALL:
            done = trooper(*command.path[1:], "--help")
            assert done.code == 0
            wide = [line for line in done.text.splitlines() if len(line) > 80]
            assert all(line.strip() in command.examples for line in wide), wide


class TestErrors:
    """A wrong usage is one line that names the next step."""

    @pytest.mark.parametrize(
        "line",
        [
            "nonsense",
            "--nonsense",
            "ask --nonsense",
            "ask --budget many hello",
            "ask --on-leak maybe hello",
            "ask",
            "show",
            "show -s",
            "show -s nobody",
            "show -s ../etc",
            "forget -s ops",
            "forget -s ops seven",
            "ask --local --cloud hello",
            "ask -f /no/such/file hello",
        ],
    )
    def test_it_names_the_next_step(self, trooper: Trooper, line: str) -> None:
        """One line on standard error, nothing on standard output, and a command, an option or a rule to go by."""
        done = trooper(*shlex.split(line))
        assert done.code in {2, 66}
        assert done.out == b""
        assert done.notices.count("\n") == 1
        assert re.search(r"`trooper [^`]*`|exclude each other|is 1 to 64 letters|cannot read the file", done.notices)

    @pytest.mark.parametrize("command", [command for command in ALL if command.commands], ids=lambda c: c.name)
    def test_a_group_alone(self, trooper: Trooper, command: Command) -> None:
        """A group that does nothing by itself is wrong usage, told in at most three lines that name a next step."""
        done = trooper(*command.path[1:])
        if done.code == 0:
            assert done.out
            return
        assert (done.code, done.out) == (2, b"")
        assert done.notices.count("\n") <= 3
        assert "trooper" in done.notices
