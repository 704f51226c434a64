"""What `trooper again` and other commands are given without asking it is remembered if it was to stay here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from tests.ask.refused import SECRET, check
from tests.conftest import COMMAND

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin


@pytest.fixture
def sessions(trooper: Trooper, local: Standin) -> Trooper:
    """The command with a session whose last turn is private, and one whose last turn is public."""
    for name, flag in (("open", "--here"), ("ops", "--local")):
        assert trooper("ask", "-s", name, flag, f"what is {name}?").code == 0
    local.requests.clear()
    return trooper


class TestAgain:
    """It takes no prompt; what stands on its line may be one all the same."""

    @pytest.mark.parametrize(
        ("arguments", "environ", "code"),
        [
            (["--local", SECRET], {}, 2),
            ([SECRET], {"TROOPER_LOCAL": "1"}, 2),
            (["-s", "open", "--local", SECRET], {}, 2),
            (["-s", SECRET, "--local"], {}, 2),
            (["-s", "ops", SECRET], {}, 2),
            ([SECRET], {"TROOPER_SESSION": "ops"}, 2),
            (["OPS", "--system", SECRET], {}, 66),
            (["open", "-s", "ops", "--system", SECRET], {}, 2),
            (["ops", "-s", "open", "--system", SECRET], {}, 2),
            (["ops", "--timeout", "1e9", "--system", SECRET], {}, 2),
            (["ops", SECRET, "--budget", "0"], {}, 2),
            (["--bogus", SECRET, "-s", "ops"], {}, 2),
            (["nowhere", "--local", "--system", SECRET], {}, 66),
            (["ops", "--cloud", "--system", SECRET], {}, 77),
        ],
        ids=str,
    )
    def test_a_text_that_was_to_stay(
        self,
        sessions: Trooper,
        cloud: Standin,
        local: Standin,
        arguments: list[str],
        environ: dict[str, str],
        code: int,
    ) -> None:
        check(sessions, cloud, local, sessions("again", *arguments, **environ), code)

    @pytest.mark.parametrize("arguments", [["open", "--system", SECRET], ["nowhere", "--system", SECRET], [SECRET]])
    def test_a_public_text_may_be_asked(self, sessions: Trooper, cloud: Standin, arguments: list[str]) -> None:
        """Nothing says that it was to stay here."""
        assert sessions("again", *arguments, "--timeout", "1e9").code in {2, 66}
        assert sessions("ask", SECRET).code == 0
        assert SECRET in cloud.bodies[0]["messages"][0]["content"]

    def test_a_pipe_is_not_read_and_that_is_told(self, sessions: Trooper, tmp_path: Path) -> None:
        """What the pipe or the file holds is for what reads it next; -q and an empty one are silent."""
        done = sessions("again", "open", "--here", stdin=SECRET)
        assert (done.code, done.text) == (0, "a local answer\n")
        told = "standard input is not read by `again`: what it holds is not asked, and not remembered as private"
        assert done.notices == f"trooper: {told}\n"
        assert sessions("again", "open", "--here", "-q", stdin=SECRET).notices == ""
        assert sessions("again", "open", "--here", stdin="").notices == ""
        (tmp_path / "names").write_text("open\nops\n")
        with (tmp_path / "names").open("rb", buffering=0) as names:
            names.read(5)
            assert _told(sessions, names) == done.err
            assert names.read() == b"ops\n"
        with Path(os.devnull).open("rb") as nothing:
            assert _told(sessions, nothing) == b""


def _told(trooper: Trooper, stdin: IO[bytes]) -> bytes:
    call = [str(COMMAND), "again", "open", "--here"]
    return subprocess.run(call, stdin=stdin, capture_output=True, env=trooper.environment(), check=True).stderr


class TestOtherCommands:
    """A word that is no command, and a command that takes no prompt, with a wish to keep it here."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ["local", SECRET],
            ["ask-local", SECRET],
            ["private", SECRET],
            ["guard", "--local", SECRET],
            ["pull", "--local", SECRET],
            ["doctor", "--local", SECRET],
            ["hook", "run", "--local", SECRET],
            ["ask", "--local", "-s", SECRET],
        ],
        ids=str,
    )
    def test_a_text_that_was_to_stay(
        self, trooper: Trooper, cloud: Standin, local: Standin, arguments: list[str]
    ) -> None:
        check(trooper, cloud, local, trooper(*arguments), 2)

    @pytest.mark.parametrize("arguments", [["please", SECRET], ["guard", "--bogus", SECRET], ["doctor", SECRET]])
    def test_a_text_that_nobody_wished_to_keep(self, trooper: Trooper, arguments: list[str]) -> None:
        assert trooper(*arguments, TROOPER_LOCAL="1" if arguments[0] == "doctor" else None).code == 2
        assert trooper("ask", SECRET).code == 0
