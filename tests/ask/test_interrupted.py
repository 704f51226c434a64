"""A private prompt is remembered whenever a signal comes between its reading and its record."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.ask.refused import SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin


# What an ask imports once its prompt is read, up to the instant before it is on record.
BEFORE_THE_RECORD = ("ask.person", "ask.pipeline", "ask.attempt", "engines.local")


class TestSignals:
    """A signal may come at any instant between the reading of a prompt and its record."""

    @pytest.mark.parametrize("module", BEFORE_THE_RECORD)
    def test_a_signal_at_an_import(
        self, trooper: Trooper, cloud: Standin, local: Standin, tmp_path: Path, module: str
    ) -> None:
        """While the pipeline is loaded."""
        done = trooper.dying(tmp_path, f"trooper_cli.{module}")("ask", "--local", stdin=SECRET)
        assert (done.code, done.out, local.bodies) == (143, b"", [])
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 143)])
    @pytest.mark.parametrize("flag", [[], ["--dry-run"]], ids=["asked", "rehearsed"])
    def test_each_signal(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path, number: signal.Signals, code: int, flag: list[str]
    ) -> None:
        """Where the prompt is asked, and where it is rehearsed."""
        done = trooper.dying(tmp_path, "trooper_cli.ask.pipeline", number)("ask", "--local", *flag, stdin=SECRET)
        assert (done.code, done.out) == (code, b"")
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("kind", ["file", "pipe"])
    def test_files_are_read_before_standard_input_is_waited_for(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path, kind: str
    ) -> None:
        """Whatever fills the pipe may take its time."""
        path = tmp_path / "secret"
        if kind == "file":
            path.write_text(SECRET)
        else:
            os.mkfifo(path)
        with trooper.start("ask", "--local", "-f", str(path), "sum up", stdin=subprocess.PIPE) as process:
            if kind == "pipe":
                path.write_text(SECRET)
            assert process.stderr is not None
            assert b"waiting for standard input" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 143
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    def test_a_public_prompt_is_forgotten(self, trooper: Trooper, tmp_path: Path) -> None:
        """It may be asked again."""
        assert trooper.dying(tmp_path, "trooper_cli.ask.pipeline")("ask", stdin=SECRET).code == 143
        assert trooper("ask", stdin=SECRET).code == 0

    def test_what_is_on_record_is_forgotten_with_its_turn(self, trooper: Trooper, local: Standin) -> None:
        """The command does not remember once more what the pipeline has written down: `forget` would not reach it."""
        nowhere = {"OLLAMA_HOST": "127.0.0.1:1"}
        assert trooper("ask", "--local", "-s", "ops", stdin=SECRET, **nowhere).code == 69
        assert local.bodies == []
        assert trooper("rm", "-s", "ops").code == 0
        assert trooper("ask", stdin=SECRET).code == 0
