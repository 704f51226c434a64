"""What a pipe reads stays as it is, byte for byte, whatever a person is shown on a terminal."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.cli.remembered import remember
from tests.in_process import run_in_process
from trooper_cli.cli import checks, models
from trooper_cli.cli.checks.result import CheckResult
from trooper_cli.json_output import State
from trooper_cli.store.prices import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli.cli.models import Row

FOLDER = Path(__file__).with_name("piped")
PRICES = '[[price]]\nmodel = "claude-standin"\ninput = 3\noutput = 15\ncache_read = 0.3\ncache_write = 3.75\n'


def report(*_: object) -> SimpleNamespace:
    results = [
        CheckResult("key", State.OK, "comes from ANTHROPIC_API_KEY"),
        CheckResult("cloud", State.FAIL, "api.example.org does not take the key (401)", "set another with `export`"),
        CheckResult("disk", State.WARN, "a little " * 12, "make room " * 12),
    ]
    return SimpleNamespace(code=78, results=results)


def rows(*_: object) -> Iterator[Row]:
    yield models.Row(
        "cloud", "anthropic", "claude-sonnet-5-5", host="api.example.org", context=1_000_000, price=(3, 15),
        used_by=("ask",),
    )  # fmt: skip
    yield models.Row(
        "local", "ollama", "hf.co/some-owner/Some-Model-3B-Instruct-GGUF:Q4_K_M", "loopback", "127.0.0.1:11434",
        2_019_393_189, "llama3.2", 131_072, used_by=("ask --local",),
    )  # fmt: skip
    yield models.Row(
        "local", "embedded", "smollm2", "process", "", 93_000_000, "apache-2.0", 8192,
        refused="the embedded engine is not installed",
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    remember(folder)
    (folder / "prices.toml").write_text(PRICES)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(checks, "examine", report)
        monkeypatch.setattr(models, "_rows", rows)
        yield folder


@pytest.mark.parametrize(
    "line",
    ["sessions", "sessions --json", "show -s ops", "show -s ops --json", "usage", "usage --json", "audit -s ops",
     "audit -s ops --json", "doctor", "doctor --json", "models", "models --json", "export -s ops", "sitrep -s ops"],
)  # fmt: skip
def test_a_pipe_reads_what_it_read(home: Path, line: str) -> None:
    """Each listing in a pipe is a file beside this one; no width, colour or terminal of the person changes it."""
    done = run_in_process(home, *line.split(), COLUMNS="40", TERM="xterm-256color", FORCE_COLOR="1")
    prices = load(home / "prices.toml")
    told = done.text.replace(prices.source, "SOURCE").replace(prices.date, "DATE")
    path = FOLDER / f"{line.replace(' ', '')}.txt"
    if "TROOPER_WRITE_PIPED" in os.environ:
        path.write_text(told, encoding="utf-8")
    assert told == path.read_text(encoding="utf-8")
    assert "\x1b" not in done.notices
