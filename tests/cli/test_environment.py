"""Commands take their streams, variables and folder from their environment, not from the process around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.in_process import run_in_process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper

RECORD = '{"label": "public", "prompt": "why?", "answer": "because", "status": "answered"}\n'


@pytest.fixture(autouse=True)
def process_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process itself has would be noticed."""
    monkeypatch.setenv("TROOPER_HOME", str(tmp_path / "of the process"))
    monkeypatch.setenv("TROOPER_BUDGET", "many")
    monkeypatch.setenv("TROOPER_LOCL", "1")


def test_sessions_of_the_folder_are_listed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is imported from standard input is listed, shown and written out again."""
    home = tmp_path / "home"
    assert run_in_process(home, "import", "-s", "ops", stdin=RECORD * 2).code == 0
    listed = run_in_process(home, "sessions")
    assert (listed.code, listed.text.split()[:3], listed.err) == (0, ["ops", "2", "turns"], b"")
    assert run_in_process(home, "export", "-s", "ops").out.count(b"because") == 2
    assert run_in_process(home, "show", "-s", "none").code == 66
    assert not (tmp_path / "of the process").exists()
    assert capfd.readouterr() == ("", "")


def test_a_setting_comes_from_its_variables(tmp_path: Path) -> None:
    assert run_in_process(tmp_path, "config", "set", "budget", "800").code == 0
    assert run_in_process(tmp_path, "config", "--json").json["budget"] == {
        "value": 800,
        "origin": "config",
        "variable": "TROOPER_BUDGET",
    }
    assert run_in_process(tmp_path, "config", "--json", TROOPER_BUDGET="9").json["budget"]["origin"] == "env"
    done = run_in_process(tmp_path, "sessions", TROOPER_CLUD="off")
    assert (done.code, done.out) == (78, b"")
    assert "TROOPER_CLOUD" in done.notices


def test_usage_is_written_to_its_output(tmp_path: Path) -> None:
    """In colours on a terminal that takes them."""
    assert run_in_process(tmp_path, "usage").text == "no request is on record; asks without a session leave none\n"
    done = run_in_process(tmp_path, "config", on_terminal=True, TERM="xterm")
    assert "\x1b[2m" in done.text
    assert "config.toml is" in done.text
    assert "\x1b" not in run_in_process(tmp_path, "config", on_terminal=True, TERM="xterm", NO_COLOR="1").text


def test_a_private_prompt_that_is_refused_is_known(tmp_path: Path) -> None:
    """The guard of the same folder knows what standard input held."""
    secret = "Ottilie alone signs for the marzipan fund of the northern branch, and nobody else knows of it."
    assert run_in_process(tmp_path, "ask", "--local", "--budget", "3", stdin=secret).code == 65
    done = run_in_process(tmp_path, "guard", stdin=secret)
    assert done.code == 77
    assert "private-text" in done.text + done.notices


def test_help_needs_none(trooper: Trooper) -> None:
    """Whatever is wrong with the environment."""
    for arguments in (["--help"], ["ask", "-h"], ["config", "set", "--help"]):
        assert trooper(*arguments, TROOPER_HOME="~nobody-of-this-name").code == 0
