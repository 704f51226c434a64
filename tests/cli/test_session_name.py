"""The session's name as an argument, as -s, and from the environment; and the name that was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.remembered import remember
from tests.in_process import run_in_process
from tests.standin import api_error
from trooper_cli.store.catalog import names

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

READING = ["show", "audit", "sitrep", "export"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    remember(folder)
    return folder


@pytest.mark.parametrize("command", READING)
def test_reading(home: Path, command: str) -> None:
    """The argument, -s and TROOPER_SESSION name the same session; the command line goes before the environment."""
    told = run_in_process(home, command, "ops")
    assert (told.code, told.out != b"") == (0, True)
    assert run_in_process(home, command, "-s", "ops").out == told.out
    assert run_in_process(home, command, "ops", "-s", "ops").out == told.out
    assert run_in_process(home, command, TROOPER_SESSION="ops").out == told.out
    assert run_in_process(home, command, "ops", TROOPER_SESSION="nobody").out == told.out
    for line in ([command, "ops", "-s", "other"], [command]):
        done = run_in_process(home, *line)
        assert (done.code, done.out) == (2, b"")
        assert "`trooper " in done.notices


def test_erasing_and_sharing(tmp_path: Path) -> None:
    """A turn's number is none of a session; with -s all are numbers; the environment names nothing that is erased."""
    remember(tmp_path)
    assert run_in_process(tmp_path, "forget", "ops", "4").code == 0
    assert (
        b"turn 2 was copied to the new public turn 14"
        in run_in_process(tmp_path, "share", "ops", "2", "--on-leak", "warn").out
    )
    assert run_in_process(tmp_path, "forget", "ops", "14").code == 0
    assert run_in_process(tmp_path, "forget", "-s", "ops", "5", "6").code == 0
    assert run_in_process(tmp_path, "forget", "ops", "-s", "ops", "7").code == 0
    turns = run_in_process(tmp_path, "show", "ops", "--json").text
    assert [number for number in range(1, 15) if f'"turn": {number},' in turns] == [1, 2, 3, *range(8, 14)]
    for line in (
        "forget 8", "forget ops", "forget ops seven", "forget -s ops other 8", "forget -s ops 0", "forget 8 9",
        "share -s ops", "rm", "rm ops -s other",
    ):  # fmt: skip
        done = run_in_process(tmp_path, *line.split(), TROOPER_SESSION="ops")
        assert (done.code in {2, 66}, done.out) == (True, b""), line
    assert run_in_process(tmp_path, "show", "ops", "--json").text == turns
    assert run_in_process(tmp_path, "rm", "ops").code == 0
    assert names(tmp_path) == ["a-session-with-quite-a-long-name"]


def test_import(tmp_path: Path) -> None:
    """The name, then the file; with -s the argument is the file. A file in the place of the name is an error."""
    file = tmp_path / "turns.jsonl"
    file.write_text('{"prompt": "why?", "answer": "so", "label": "public"}\n')
    home = tmp_path / "home"
    text = file.read_bytes()
    assert run_in_process(home, "import", "one", str(file)).code == 0
    assert run_in_process(home, "import", "-s", "two", str(file)).code == 0
    assert run_in_process(home, "import", "three", stdin=text).code == 0
    assert run_in_process(home, "import", "-s", "four", stdin=text).code == 0
    assert names(home) == ["four", "one", "three", "two"]
    done = run_in_process(home, "import", str(file))
    assert done.code == 2
    assert "import NAME FILE" in done.notices
    assert run_in_process(home, "import", "one", str(file), "-s", "two").code == 2


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_import_of_nothing_makes_no_session(tmp_path: Path, text: str) -> None:
    """Nothing to import is bad data, and leaves no session without turns."""
    done = run_in_process(tmp_path, "import", "empty", stdin=text)
    assert (done.code, done.out) == (65, b"")
    assert "no turn to import" in done.notices
    assert names(tmp_path) == []


def test_the_session_that_was_meant(home: Path) -> None:
    """A name that is near a known one is answered by it; one that is not by the command that lists them."""
    # The guard reads sessions that it does not know, and says so once.
    run_in_process(home, "guard", stdin="harmless")
    for command in ("show opps", "usage opps", "forget opps 1", "rm opps", "again opps"):
        done = run_in_process(home, *command.split())
        assert (done.code, done.notices) == (66, 'trooper: no session "opps"; did you mean ops?\n'), command
    assert "`trooper sessions` lists" in run_in_process(home, "show", "nightowl").notices


@pytest.mark.parametrize(
    ("line", "meant"),
    [("shwo", "trooper show"), ("Sessions", "trooper sessions"), ("hook instal", "trooper hook install")],
)
def test_the_command_that_was_meant(home: Path, capfd: pytest.CaptureFixture[str], line: str, meant: str) -> None:
    """A misspelt command is answered by the known one, and is not repeated."""
    assert run_in_process(home, *line.split()).code == 2
    told = capfd.readouterr().err
    assert f"did you mean `{meant}`?" in told
    assert line.rpartition(" ")[2] not in told.replace(meant, "")


def test_a_prompt_in_the_place_of_a_command_is_not_repeated(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A word that is near no command is told nothing of, and nor are the words behind it."""
    assert run_in_process(home, "tulip", "shows", "sessio").code == 2
    told = capfd.readouterr().err
    assert "did you mean" not in told
    assert not any(word in told for word in ("tulip", "shows", "sessio"))


def test_the_model_that_was_meant(trooper: Trooper) -> None:
    """An unknown model of an engine here is answered by one that it has; a cloud's by a list that is here."""
    done = trooper("ask", "--local", "-m", "lama3.2", "hello")
    assert done.code == 78
    assert "did you mean llama3.2?" in done.notices
    assert "did you mean" not in trooper("ask", "--local", "-m", "entirely-different", "hello").notices


def test_the_model_of_the_cloud_that_was_meant(trooper: Trooper, cloud: Standin) -> None:
    """After a 404 of the cloud the list of this machine is looked at, and no request is made for it."""
    cloud.respond = lambda _: api_error(404, "not_found_error")
    done = trooper("ask", "--no-fallback", "-m", "claude-sonet-5-5", "hello")
    assert done.code == 78
    assert "did you mean claude-sonnet-5-5?" in done.notices
    assert len(cloud.requests) == 1
    assert "did you mean" not in trooper("ask", "--no-fallback", "-m", "claude-sonnet-5-5", "hello").notices
