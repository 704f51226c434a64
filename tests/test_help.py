"""Help that teaches: what a newcomer sees, examples that work, errors that name the next step."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND
from trooper_cli.completion.tree import trooper as tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from trooper_cli.completion.tree import Command

ALL = list(tree().walk())
COMMANDS = [command for command in ALL if not command.commands]
# `trooper pull` fetches 93 MB; the README's first command runs it.
EXAMPLES = [(command.name, line) for command in ALL for line in command.examples if "trooper pull" not in line]


@pytest.fixture
def desk(trooper: Trooper, tmp_path: Path) -> Path:
    """A folder as the examples expect it: files, a repository, a `kubectl`, and a session `ops` with private turns."""
    folder = tmp_path / "desk"
    (folder / "bin").mkdir(parents=True)
    kubectl = folder / "bin" / "kubectl"
    kubectl.write_text("#!/bin/sh\necho 'kind: Secret'\n")
    kubectl.chmod(0o755)
    for name in ("server.log", "notes.txt"):
        (folder / name).write_text("one line\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "notes.txt"], ["commit", "-qm", "Begin"], ["add", "server.log"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    turns = [
        {"prompt": f"question {n}", "answer": "so", "label": "private" if n in {3, 7} else "public"}
        for n in range(1, 9)
    ]
    (folder / "ops.jsonl").write_text("".join(f"{json.dumps(turn)}\n" for turn in turns))
    assert trooper("import", "-s", "ops", str(folder / "ops.jsonl")).code == 0
    return folder


def environment(trooper: Trooper, folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(COMMAND.parent), str(folder / "bin"), os.environ["PATH"]])
    return trooper.environment(PATH=path, HOME=str(folder))


class TestExamples:
    """The examples in the help are real."""

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_every_command_has_some(self, command: Command) -> None:
        """Each command shows two or three of its own uses; those of `ask` begin with a pipe."""
        examples = [line for line in command.examples if not line.startswith("#")]
        name = command.name
        assert 2 <= len(examples) <= 3
        assert all(name in line for line in examples)
        if name == "trooper ask":
            assert "| trooper ask" in examples[0]

    @pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
    def test_they_work_as_printed(self, trooper: Trooper, desk: Path, name: str, line: str) -> None:
        """Each example, pasted into a shell, ends well and complains of nothing."""
        if name == "trooper hook uninstall":
            install = [COMMAND, "hook", "install", "prepare-commit-msg"]
            subprocess.run(install, cwd=desk, env=environment(trooper, desk), check=True, stderr=subprocess.DEVNULL)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=desk,
            env=environment(trooper, desk),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
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
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", shown],
                cwd=desk,
                env=environment(trooper, desk),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
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
    def test_a_group_without_a_command_says_which_there_are(self, trooper: Trooper, command: Command) -> None:
        """A group alone is wrong usage; what is shown fits on a screen and names a command that is there."""
        done = trooper(*command.path[1:])
        assert (done.code, done.out) == (2, b"")
        assert done.notices.count("\n") <= 3
        assert "trooper" in done.notices
