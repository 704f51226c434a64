"""Standard output is a pipe, and what cannot be written down: nothing private is printed, and nothing sent on.

The faults are real ones: a disk that is full or read-only, a limit of file sizes, and homes where none can be.
"""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND, UNMEASURED
from tests.messages.program import request, user
from tests.standin import lines, ollama
from tests.terminals import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

SECRET = (
    "The northern branch pays its contractors out of the marzipan fund, account forty-two,\nand Ottilie signs alone; "
    "the auditors have not been told, and the third ledger\nis in the vault in Vienna, behind the painting of a horse."
)
ASKS = {
    "plain": "ask --local hello",
    "json": "ask --local --json hello",
    "stream": "ask --local --stream hello",
    "session": "ask --local -s ops hello",
    "environment": "ask -s ops hello",
    "rehearsed": f'ask --local --dry-run "{SECRET}"',
    "messages": "messages --local < request.json",
    "events": "messages --local < stream.json",
    "rehearsed messages": "messages --local --dry-run < secret.json",
}


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


mounts = pytest.mark.skipif(not _may_mount(), reason="no user and mount namespace may be made here (unshare -rm)")


def run(trooper: Trooper, folder: Path, command: str, prepare: str = "true") -> tuple[int, str, str]:
    """Run a command into a pipe at whose end a public ask reads; give its code, its output and the notices of both."""
    (folder / "request.json").write_text(json.dumps(request(user("hello"))))
    (folder / "stream.json").write_text(json.dumps(request(user("hello"), stream=True)))
    (folder / "secret.json").write_text(json.dumps(request(user(SECRET))))
    script = f"""
    ( {prepare} ) || exit 90
    {{ {command.replace("@", str(COMMAND))} 2>first; echo $? >code; }} | tee out | {COMMAND} ask summarise >next 2>&1
    true
    """
    if "mount " in prepare:
        # What is mounted must be there for the commands, and be gone with them.
        script = script.replace(f"( {prepare} )", prepare)
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script] if "mount " in prepare else ["bash", "-c", script],
        cwd=folder,
        env=trooper.environment(TROOPER_LOCAL_ENGINE="ollama", TROOPER_LOCAL_MODEL="llama3.2"),
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    return int((folder / "code").read_text()), (folder / "out").read_text(), (folder / "first").read_text()


@pytest.fixture
def made(trooper: Trooper, local: Standin) -> Trooper:
    """A home with a session that has been used."""
    assert trooper("ask", "-s", "ops", "--local", "a first question of another kind").code == 0
    local.respond = ollama(SECRET)
    local.requests.clear()
    return trooper


def check_silent(outcome: tuple[int, str, str], cloud: Standin) -> None:
    """The first command said nothing but one line on standard error, and nothing private reached the cloud."""
    code, out, notices = outcome
    assert code == 74, notices
    assert notices.count("\n") == 1, notices
    if out:
        assert json.loads(out)["type"] == "error"
    assert "Ottilie" not in out + notices
    assert b"Ottilie" not in cloud.bytes


class TestUnwritable:
    """A private turn that the guard cannot remember is not printed, and its engine is not asked."""

    @mounts
    @pytest.mark.parametrize("how", ASKS)
    def test_a_read_only_disk(self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str) -> None:
        """As in a container whose root is read-only."""
        readonly = f"mount --bind {made.home} {made.home} && mount -o remount,bind,ro {made.home}"
        outcome = run(made, tmp_path, _command(how), readonly)
        check_silent(outcome, cloud)
        assert "set TROOPER_HOME to a folder that can be written" in outcome[2]
        assert "?;" not in outcome[2]
        assert local.bodies == []

    @mounts
    @pytest.mark.parametrize("how", ASKS)
    def test_a_full_disk(self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str) -> None:
        """A small file system that has run full."""
        full = (
            f"cp -a {made.home} kept && mount -t tmpfs -o size=1m none {made.home} && cp -a kept/. {made.home}"
            f" && {{ head -c 2m /dev/zero >{made.home}/filler 2>/dev/null; true; }}"
        )
        check_silent(run(made, tmp_path, _command(how), full), cloud)
        assert local.bodies == []

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
    @pytest.mark.parametrize("how", ASKS)
    def test_a_home_that_cannot_be(
        self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str
    ) -> None:
        """`HOME` points to where no folder can be made."""
        made.home = Path("/proc/trooper")
        check_silent(run(made, tmp_path, _command(how)), cloud)
        assert local.bodies == []

    def test_a_file_where_the_home_should_be(
        self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path
    ) -> None:
        """Nothing can be kept in it, so that nothing is asked."""
        made.home = tmp_path / "file"
        made.home.write_text("")
        check_silent(run(made, tmp_path, _command("plain")), cloud)
        assert local.bodies == []

    @UNMEASURED
    @pytest.mark.parametrize("how", ["plain", "json", "stream", "session"])
    def test_a_limit_of_file_sizes(
        self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str
    ) -> None:
        """`ulimit -f`: the log beside the index can be begun and no more."""
        command = f"(ulimit -f 4; exec {_command(how)})"
        check_silent(run(made, tmp_path, command), cloud)
        assert local.bodies == []

    def test_the_index_alone(self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path) -> None:
        """The session can be written and the index cannot be opened."""
        (made.home / "guard.key").unlink()
        (made.home / "guard.key").mkdir()
        check_silent(run(made, tmp_path, _command("session")), cloud)
        assert local.bodies == []

    def test_the_session_alone(self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path) -> None:
        """The guard knows the turn and its session cannot be made: it is not printed either, nor asked."""
        (made.home / "sessions" / "ops.db").unlink()
        (made.home / "sessions").rmdir()
        (made.home / "sessions").symlink_to("/proc/self")
        check_silent(run(made, tmp_path, _command("session")), cloud)
        assert local.bodies == []

    def test_a_terminal_shows_it(self, made: Trooper, tmp_path: Path) -> None:
        """On a terminal the turn is answered as ever, and exit 74 is told at the end."""
        command = [str(COMMAND), "ask", "--local", "-n", "hello"]
        with terminal(command, made.environment(TROOPER_HOME="/proc/trooper"), tmp_path) as shown:
            assert "Ottilie" in shown.wait_for("so do not pipe its answer to the cloud")


@UNMEASURED
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="this system cannot limit another process")
class TestInMidTurn:
    """The disk runs full while the engine answers."""

    @pytest.mark.parametrize("how", ["plain", "json", "session", "stream", "messages", "events"])
    def test_an_answer_is_not_printed(
        self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str
    ) -> None:
        """What was remembered of the prompt is not what is remembered of the answer."""
        started, may_go = threading.Event(), threading.Event()

        def chat(_: Recorded) -> Iterator[bytes]:
            started.set()
            may_go.wait(60)
            yield from lines(SECRET)

        local.respond = ollama(chat=chat)
        process = self.start(made, how, tmp_path)
        assert started.wait(60)
        fill(process)
        may_go.set()
        out, err = process.communicate(timeout=60)
        check_silent((process.returncode, out.decode(), err.decode()), cloud)

    @pytest.mark.parametrize("how", ["stream", "events"])
    def test_a_stream_stops_with_what_is_known(
        self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str
    ) -> None:
        """No piece is printed that the index does not hold, and what was printed is not sent on."""
        first, second = SECRET.splitlines()[:2]
        may_go = threading.Event()

        def chat(_: Recorded) -> Iterator[bytes]:
            pieces = list(lines(f"{first}\n{second}\n"))
            at = next(place for place, piece in enumerate(pieces) if b"\\n" in piece) + 1
            yield from pieces[:at]
            may_go.wait(60)
            yield from pieces[at:]

        local.respond = ollama(chat=chat)
        process = self.start(made, how, tmp_path)
        assert process.stdout is not None
        out = b""
        while b"forty-two" not in out:
            out += process.stdout.readline()
        fill(process)
        may_go.set()
        rest, err = process.communicate(timeout=60)
        assert (process.returncode, err.count(b"\n")) == (74, 1), err
        assert b"auditors" not in rest
        assert made("ask", stdin=out + rest).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("how", ["session", "session stream"])
    def test_a_session_that_fails_at_the_end(
        self, made: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str
    ) -> None:
        """The guard knows the answer, and the session's file cannot take it: only a stream has printed it by then."""
        path = made.home / "sessions" / "ops.db"

        def chat(_: Recorded) -> Iterator[bytes]:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.execute(
                    "CREATE TRIGGER full BEFORE UPDATE ON turn BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                )
            yield from lines(SECRET)

        local.respond = ollama(chat=chat)
        code, out, _ = run(made, tmp_path, _command("session") + " --stream" * how.endswith("stream"))
        assert (code, "Ottilie" in out) == (74, how.endswith("stream"))
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER full")
        assert made("ask", stdin=SECRET).code == 77
        assert b"Ottilie" not in cloud.bytes

    @staticmethod
    def start(trooper: Trooper, how: str, folder: Path) -> subprocess.Popen[bytes]:
        arguments = ASKS[how].partition(" <")[0].split()
        if arguments[0] == "ask":
            return trooper.start(*arguments)
        path = folder / "body.json"
        path.write_text(json.dumps(request(user("hello"), stream=how == "events")))
        with path.open("rb") as body:
            return trooper.start(*arguments, stdin=body.fileno())


class TestPrinting:
    """`show`, `export` and `sitrep` print private turns that the guard knows, and no others into a pipe."""

    @mounts
    @pytest.mark.parametrize("command", ["show -s ops", "show -s ops --json", "export -s ops", "sitrep -s ops"])
    def test_a_read_only_home_whose_guard_knows_all(self, made: Trooper, tmp_path: Path, command: str) -> None:
        """It goes on working."""
        made("ask", "-s", "ops", "--local", "--system", "You are a clerk of the northern branch.", SECRET)
        made("sitrep", "-s", "ops")
        readonly = f"mount --bind {made.home} {made.home} && mount -o remount,bind,ro {made.home}"
        code, out, notices = run(made, tmp_path, f"@ {command}", readonly)
        assert code == 0, notices
        assert "Ottilie" in out or command.startswith("sitrep")

    @mounts
    @pytest.mark.parametrize("command", ["show -s ops", "show -s ops --json", "export -s ops"])
    def test_a_read_only_home_whose_guard_is_gone(
        self, made: Trooper, cloud: Standin, tmp_path: Path, command: str
    ) -> None:
        """Nothing is printed where nobody could know it again."""
        made("ask", "-s", "ops", "--local", SECRET)
        for name in ("guard.db", "guard.db-wal", "guard.db-shm", "guard.key"):
            (made.home / name).unlink(missing_ok=True)
        readonly = f"mount --bind {made.home} {made.home} && mount -o remount,bind,ro {made.home}"
        check_silent(run(made, tmp_path, f"@ {command}", readonly), cloud)

    @mounts
    def test_a_missing_session_in_a_read_only_home_is_told(self, trooper: Trooper, tmp_path: Path) -> None:
        """That there is no such session is the error, not that nothing can be written."""
        trooper.home.mkdir(mode=0o700)
        readonly = f"mount --bind {trooper.home} {trooper.home} && mount -o remount,bind,ro {trooper.home}"
        code, out, notices = run(trooper, tmp_path, "@ rm -s ops", readonly)
        assert (code, out, notices.count("\n")) == (66, "", 1), notices
        assert "there is no session ops" in notices

    @pytest.mark.parametrize("command", ["show", "export"])
    def test_a_turn_that_the_guard_missed_is_taken_in(
        self, made: Trooper, cloud: Standin, tmp_path: Path, command: str
    ) -> None:
        """As when a file was written over in place."""
        made("ask", "-s", "ops", "--local", SECRET)
        forgotten = "import contextlib, sqlite3, sys\nwith contextlib.closing(sqlite3.connect(sys.argv[1])) as c:\n"
        forgotten += "    c.execute('PRAGMA foreign_keys = ON')\n    c.execute('DELETE FROM origin')\n    c.commit()\n"
        subprocess.run([sys.executable, "-c", forgotten, made.home / "guard.db"], check=True)
        code, out, notices = run(made, tmp_path, f"@ {command} -s ops")
        assert (code, notices) == (0, "")
        assert "Ottilie" in out
        assert cloud.connections == 0

    def test_public_turns_need_no_guard(self, trooper: Trooper) -> None:
        """A session without a private turn is printed whatever has become of the index."""
        assert trooper("ask", "-s", "open", "hello").code == 0
        (trooper.home / "guard.key").unlink()
        (trooper.home / "guard.key").mkdir()
        for command in (["show"], ["export"], ["sitrep"]):
            assert trooper(*command, "-s", "open").code == 0, command


def _command(how: str) -> str:
    return f"{'TROOPER_LOCAL=1 ' * (how == 'environment')}{COMMAND} {ASKS[how]}"


def fill(process: subprocess.Popen[bytes]) -> None:
    """Make a running process unable to write to files, as on a full disk; pipes still work."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
