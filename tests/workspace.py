"""A folder as the examples and the documentation expect it, and a shell in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper

# What is not everywhere, and what would leave the machine.
_PROGRAMS = {
    "kubectl": "echo 'kind: Secret'",
    "claude": "cat",
    "gh": 'cp "$4" commented',
    "make": "echo 'pool.py:7: AssertionError: the pool is drained'; exit 2",
}
_PRIVATE = {3, 7}


def lay_out(trooper: Trooper, folder: Path) -> None:
    """Make files, a repository with a branch and a staged change, and a session `ops` of eight turns, two private."""
    for program in ("bash", "git", "jq"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    (folder / "bin").mkdir(parents=True)
    for name, does in _PROGRAMS.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / "bin" / name).chmod(0o755)
    for path in ("notes.txt", "server.log", "incident.md", "src/pool.py", "src/a file.py"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("one line\n")
    for command in (
        "init -q -b main",
        "add notes.txt",
        "commit -q -m Begin",
        "checkout -q -b change",
        "add server.log",
        "commit -q -m Log",
        "add incident.md",
    ):
        subprocess.run(["git", *command.split()], cwd=folder, env=environment(trooper, folder), check=True)
    request = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    (folder / "request.json").write_text(json.dumps(request))
    turns = [
        {"prompt": f"question {n}", "answer": "so", "label": "private" if n in _PRIVATE else "public"}
        for n in range(1, 9)
    ]
    (folder / "ops.jsonl").write_text("".join(f"{json.dumps(turn)}\n" for turn in turns))
    assert trooper("import", "-s", "ops", str(folder / "ops.jsonl")).code == 0


def environment(trooper: Trooper, folder: Path, **changes: str | None) -> dict[str, str]:
    """Return the environment of a person at that desk, whose editor saves what it shows."""
    path = os.pathsep.join([str(COMMAND.parent), str(folder / "bin"), os.environ["PATH"]])
    person = {f"GIT_{role}_NAME": "A Person" for role in ("AUTHOR", "COMMITTER")}
    person |= {f"GIT_{role}_EMAIL": "person@example.org" for role in ("AUTHOR", "COMMITTER")}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_EDITOR": "true"}
    return trooper.environment(**(person | git | {"PATH": path, "HOME": str(folder)} | changes))


def shell(
    trooper: Trooper, folder: Path, commands: str, stdin: int = subprocess.DEVNULL, **changes: str | None
) -> subprocess.CompletedProcess[str]:
    """Run commands as a script would that ends at the first failure."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment(trooper, folder, **changes),
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
