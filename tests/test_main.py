"""The end of the process: quick, but not for what watches it."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENTRY = "import atexit, sys; atexit.register(print, 'at the end'); from trooper_cli.__main__ import entry; {}; entry()"


@pytest.mark.parametrize(
    ("watched_by", "at_the_end"),
    [
        ("pass", b""),
        ("sys.settrace(lambda *_: None)", b"at the end\n"),
        ("sys.modules['coverage'] = sys", b"at the end\n"),
    ],
    ids=["nothing", "a tracer", "coverage"],
)
def test_what_watches_the_process_can_write_down_what_it_saw(watched_by: str, at_the_end: bytes) -> None:
    """A plain call leaves without taking its modules down; under a tracer or coverage the interpreter ends as usual."""
    done = subprocess.run(
        [sys.executable, "-c", ENTRY.format(watched_by), "--version"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    version, rest = done.stdout.split(b"\n", 1)
    assert version.startswith(b"trooper ")
    assert rest == at_the_end
