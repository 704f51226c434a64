"""What a crash, a torn file and a full disk leave behind: no acknowledged turn is lost, nothing is corrupted.

TEST_KILLS says how often the kill test kills; from 1,000 on it also stops at every single system call.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING

import pytest

from tests import syscall_killer
from tests.conftest import COMMAND, Trooper
from tests.standin import STREAM_HEAD, claude, message_events, ollama
from trooper_cli.settings import Settings
from trooper_cli.store.session import Session
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.standin import Recorded, Standin
    from trooper_cli.turn import StoredTurn

KILLS = int(os.environ.get("TEST_KILLS", "160"))
WORKERS = 4
CAN_TRACE = sys.platform == "linux" and os.uname().machine in syscall_killer.KNOWN


def words(source: random.Random) -> str:
    """Make up a text of 72 letters that no other text shares."""
    return " ".join("".join(source.choices(ascii_lowercase, k=6)) for _ in range(12))


@dataclass
class Told:
    """What one session's user was told: the prompts that were answered before a crash, and those that were not."""

    trooper: Trooper
    name: str
    answered: list[str] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)

    def other(self, name: str, home: Path | None = None) -> Told:
        """Return another session with the same engines."""
        return Told(Trooper(home or self.trooper.home, self.trooper.environ), name, arrived=self.arrived)

    def note(self, prompt: str, code: int, out: bytes, *, private: bool) -> None:
        if private:
            self.private.add(prompt)
        assert code in {0, -signal.SIGKILL, 137}
        if out:
            # What was printed counts, also where the kill came between the answer and the exit.
            assert out.removesuffix(b"\n") == f"answer: {prompt}".encode()
            self.answered.append(prompt)
        else:
            assert code != 0
            self.killed.add(prompt)

    def turns(self) -> list[StoredTurn]:
        """Return the turns, after checking the integrity of the files."""
        for path in (self.trooper.home / "sessions" / f"{self.name}.db", self.trooper.home / "guard.db"):
            if path.exists():
                with closing(sqlite3.connect(path)) as connection:
                    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if not (self.trooper.home / "sessions" / f"{self.name}.db").exists():
            return []
        with closing(Session.open(self.trooper.home, self.name)) as session:
            return list(session.turns())

    def check(self) -> None:
        """Hold the session to what its user was told and to what reached an engine."""
        arrived = self.arrived & (self.killed | set(self.answered))
        turns = self.turns()
        prompts = [turn.prompt for turn in turns]
        assert len(set(prompts)) == len(prompts), "a turn is doubled"
        assert set(prompts) <= set(self.answered) | self.killed
        whole = {turn.prompt for turn in turns if (turn.status, turn.answer) == ("answered", f"answer: {turn.prompt}")}
        assert set(self.answered) <= whole, "an acknowledged turn is lost"
        assert {turn.status for turn in turns if turn.prompt not in whole} <= {"asked"}
        assert arrived <= set(prompts), "a prompt in flight is not visible"

    def check_guard(self) -> None:
        """Hold the guard to what the session has of private text."""
        with closing(Store(self.trooper.home, Settings({}), print)) as store:
            for turn in self.turns():
                if turn.prompt in self.private:
                    assert turn.label == "private"
                    assert store.guard.look(turn.prompt), "the guard does not know a private prompt"
                    assert not turn.answer or store.guard.look(turn.answer)


@pytest.fixture
def told(trooper: Trooper, cloud: Standin, local: Standin) -> Told:
    found = Told(trooper, "ops")

    def answer(request: Recorded) -> str:
        prompt = request.json["messages"][-1]["content"]
        found.arrived.add(prompt)
        return f"answer: {prompt}"

    cloud.respond = lambda request: claude(answer(request))(request)
    local.respond = lambda request: ollama(answer(request) if request.path == "/api/chat" else "")(request)
    return found


@pytest.mark.slow
def test_a_kill_at_any_instant_loses_no_acknowledged_turn(told: Told) -> None:
    """`kill -9` at instants spread over the whole life of `ask`, four sessions at once that share one guard.

    After each: every answered turn is there once, the files are whole, what an engine has seen is visible, the guard
    knows what is private, and the next ask works.
    """
    sessions = [told.other(f"ops{number}") for number in range(WORKERS)]

    def kill_often(worker: int) -> None:
        mine, source = sessions[worker], random.Random(worker)
        life = _next_ask_works(mine, words(source))
        for kill in range(worker, KILLS, WORKERS):
            # Multiples of the golden section leave no gap, however many there are.
            instant, private = kill * 0.6180339887 % 1 * life * 1.1, kill % 3 == 0
            prompt, flags = words(source), ["--local"] if private else []
            process = told.trooper.start("ask", "-n", "-s", mine.name, *flags, prompt)
            try:
                out, _ = process.communicate(timeout=instant)
            except subprocess.TimeoutExpired:
                process.kill()
                out, _ = process.communicate()
            mine.note(prompt, process.returncode, out, private=private)
            mine.check()
            life = 0.8 * life + 0.2 * _next_ask_works(mine, words(source))
        mine.check_guard()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(kill_often, range(WORKERS)))
    killed = sum(len(mine.killed) for mine in sessions)
    visible = sum(turn.status == "asked" for mine in sessions for turn in mine.turns())
    print(f"{KILLS} kills: {killed} before the end, {visible} prompts in flight visible, none lost")
    assert killed > KILLS / 4
    assert visible > 0


def _next_ask_works(told: Told, prompt: str) -> float:
    """Ask once more; give the seconds that it took."""
    began = time.monotonic()
    done = told.trooper("ask", "-n", "-s", told.name, prompt)
    seconds = time.monotonic() - began
    assert (done.code, done.notices) == (0, "")
    told.note(prompt, done.code, done.out, private=False)
    return seconds


@pytest.mark.slow
@pytest.mark.skipif(not CAN_TRACE, reason="stopping at a system call is for Linux on x86-64 and arm64")
@pytest.mark.parametrize("begun", [False, True], ids=["new", "begun"])
@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_a_kill_at_any_system_call_loses_no_acknowledged_turn(told: Told, *, private: bool, begun: bool) -> None:
    """SIGKILL before a write, sync, link, unlink or sending of an ask, on a new session and on one begun."""
    flags = ["--local"] if private else []

    def kill_at(number: int) -> bytes:
        source = random.Random(number)
        # Each has a home of its own, which nothing but the crash has touched.
        mine = told.other("ops", told.trooper.home / str(number))
        if begun:
            _next_ask_works(mine, words(source))
        prompt = words(source)
        done = subprocess.run(
            [
                sys.executable,
                "-IS",
                syscall_killer.__file__,
                str(number),
                COMMAND,
                "ask",
                "-n",
                "-s",
                "ops",
                *flags,
                prompt,
            ],
            env=mine.trooper.environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == (137 if number else 0), done.stderr
        mine.note(prompt, done.returncode, done.stdout, private=private)
        mine.check()
        mine.check_guard()
        _next_ask_works(mine, words(source))
        return done.stderr

    calls = int(kill_at(0))
    with ThreadPoolExecutor(WORKERS) as pool:
        kills = len(list(pool.map(kill_at, range(1, calls + 1, 1 if KILLS >= 1000 else 9))))
    print(f"{kills} kills at {calls} system calls, none lost")
    assert calls > 40


@pytest.mark.slow
@pytest.mark.skipif(not CAN_TRACE, reason="stopping at a system call is for Linux on x86-64 and arm64")
def test_a_kill_during_an_import_leaves_no_private_turn_unknown(told: Told, tmp_path: Path) -> None:
    """Wherever `import` is killed, a turn that is in the session is known to the guard, and all are in it or none."""
    source = random.Random(5)
    turns = [{"prompt": words(source), "answer": words(source)} for _ in range(3)]
    path = tmp_path / "turns.jsonl"
    path.write_text("\n".join(map(json.dumps, turns)))

    def kill_at(number: int) -> tuple[int, int]:
        mine = told.other("ops", told.trooper.home / str(number))
        done = subprocess.run(
            [sys.executable, "-IS", syscall_killer.__file__, str(number), COMMAND, "import", "-q", "-s", "ops", path],
            env=mine.trooper.environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        found = mine.turns()
        mine.private = {turn.prompt for turn in found}
        mine.check_guard()
        _next_ask_works(mine, words(source))
        return len(found), int(done.stderr) if number == 0 else done.returncode

    count, calls = kill_at(0)
    assert count == 3
    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(kill_at, range(1, calls + 1, 1 if KILLS >= 1000 else 9)))
    assert {count for count, _ in found} == {0, 3}


class TestInFlight:
    """Kills at the events that matter."""

    @pytest.mark.parametrize("flags", [[], ["--stream"], ["--local"], ["--local", "--stream"]])
    @pytest.mark.parametrize("half", [False, True], ids=["request received", "half of the answer sent"])
    def test_a_prompt_in_flight_is_shown_as_asked(
        self, told: Told, cloud: Standin, local: Standin, flags: list[str], *, half: bool
    ) -> None:
        """Killed while an engine thinks or speaks, the prompt stands in `show` as asked; later turns do not know it."""
        reached, release = threading.Event(), threading.Event()

        def respond(request: Recorded) -> Iterator[bytes]:
            private = request.path == "/api/chat"
            pieces = list(_whole(request))
            if half:
                yield b"".join(pieces[: len(pieces) // 2 + private])
            reached.set()
            release.wait(60)

        def of_ollama(request: Recorded) -> Iterable[bytes]:
            return respond(request) if request.path == "/api/chat" else ollama()(request)

        assert told.trooper("ask", "-n", "-s", "ops", "before").code == 0
        kept = (cloud.respond, local.respond)
        cloud.respond, local.respond = respond, of_ollama
        process = told.trooper.start("ask", "-n", "-s", "ops", *flags, "in flight")
        assert reached.wait(60)
        process.kill()
        process.communicate()
        release.set()
        cloud.respond, local.respond = kept
        assert [(turn["prompt"], turn["status"]) for turn in told.trooper.turns("ops")] == [
            ("before", "answered"),
            ("in flight", "asked"),
        ]
        assert told.trooper("ask", "-n", "-s", "ops", "next").code == 0
        assert "in flight" not in str(cloud.bodies[-1])
        assert told.trooper("audit", "-s", "ops").code == 0


def _whole(request: Recorded) -> Iterable[bytes]:
    if request.path == "/api/chat":
        return ollama("a whole local answer")(request)
    return [STREAM_HEAD, *message_events("a whole cloud answer")]


class TestTornAndForeign:
    """A file that is torn or not ours is exit 65 and stays as it is, to the byte."""

    @pytest.mark.slow
    def test_a_session_cut_anywhere_is_left_as_it_is(self, trooper: Trooper) -> None:
        """Cut at its head, within pages and at their borders: exit 65, one line, and not a byte changes."""
        whole = _long_session(trooper)
        cuts = [0, 1, 15, 16, 60, 72, 99, 100, 101, 512, 4095, 4096, 4097, 8192, len(whole) // 2, len(whole) - 4096]
        for cut in [*cuts, len(whole) - 1]:
            _is_left_alone(trooper, whole[:cut], f"cut at {cut}")

    def test_a_foreign_file_is_left_as_it_is(self, trooper: Trooper, tmp_path: Path) -> None:
        """Another program's database, text, noise and a folder's worth of nothing."""
        _long_session(trooper)
        with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
            connection.execute("CREATE TABLE turn (id INTEGER PRIMARY KEY, prompt TEXT)")
            connection.commit()
        foreign = (tmp_path / "other.db").read_bytes()
        for name, content in {
            "database": foreign,
            "database with our mark": foreign[:68] + (0x54525052).to_bytes(4) + foreign[72:],
            "text": b"once upon a time\n" * 500,
            "noise": random.Random(1).randbytes(20_000),
        }.items():
            _is_left_alone(trooper, content, name)

    @pytest.mark.slow
    def test_flipped_bits_never_look_like_a_fault(self, trooper: Trooper) -> None:
        """Where SQLite notices damage it is exit 65; where it cannot, the session works; a torn label is private."""
        whole, source = bytearray(_long_session(trooper)), random.Random(2)
        path = trooper.home / "sessions" / "ops.db"
        codes = []
        for place in [0, 18, 20, 28, 60, 70, *(source.randrange(100, len(whole)) for _ in range(18))]:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << source.randrange(8)
            for companion in ("", "-wal", "-shm"):
                Path(f"{path}{companion}").unlink(missing_ok=True)
            path.write_bytes(damaged)
            for command in (["show", "-s", "ops"], ["ask", "-n", "-s", "ops", "again"]):
                done = trooper(*command)
                # 74: the bit that says the file may be written.
                assert done.code in {0, 65, 74}, (place, command, done.notices)
                assert done.code == 0 or done.notices.count("\n") == 1
                codes.append(done.code)
        assert {0, 65} <= set(codes)

    def test_a_damaged_session_can_be_removed(self, trooper: Trooper) -> None:
        """`rm` removes a session of ours that is torn; what the guard knew of it is forgotten with it."""
        whole = _long_session(trooper)
        path = trooper.home / "sessions" / "ops.db"
        path.write_bytes(whole[: len(whole) // 2])
        done = trooper("rm", "-s", "ops")
        assert (done.code, done.out) == (0, b""), done.notices
        assert not path.exists()
        assert trooper("ask", "-n", "-s", "ops", "anew").code == 0


def _long_session(trooper: Trooper) -> bytes:
    source = random.Random(3)
    for _ in range(3):
        prompt = " ".join(words(source) for _ in range(100))
        assert trooper("ask", "-s", "ops", stdin=prompt).code == 0
    assert trooper("ask", "-s", "ops", "--local", "a private one").code == 0
    return (trooper.home / "sessions" / "ops.db").read_bytes()


def _is_left_alone(trooper: Trooper, content: bytes, case: str) -> None:
    path = trooper.home / "sessions" / "ops.db"
    path.write_bytes(content)
    for command in (["ask", "-n", "-s", "ops", "hello"], ["show", "-s", "ops"]):
        done = trooper(*command)
        assert (done.code, done.out) == (65, b""), (case, command, done.notices)
        assert done.notices.count("\n") == 1
    assert path.read_bytes() == content, case
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["ops.db"], case


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0


class TestFullDisk:
    """A public answer is printed, the exit code is 74, and the session is whole."""

    @pytest.mark.skipif(not _may_mount(), reason="no user and mount namespace may be made here (unshare -rm)")
    def test_a_full_disk_prints_the_answer(self, trooper: Trooper, tmp_path: Path) -> None:
        """A small file system runs full under a session; when there is room again it goes on where it was."""
        trooper.home = tmp_path / "disk" / "home"
        (tmp_path / "disk").mkdir()
        script = f"""
        mount -t tmpfs -o size=1m none {tmp_path}/disk || exit 90
        ask() {{ {COMMAND} "$@" -s ops </dev/null; echo "code $?"; }}
        ask ask first
        head -c 2m /dev/zero > {tmp_path}/disk/filler 2>{tmp_path}/filling
        ask ask second
        ask ask --local third
        {COMMAND} ask -s new fourth </dev/null; echo "code $?"
        rm {tmp_path}/disk/filler
        ask ask fifth
        ask show --json
        """
        done = subprocess.run(
            ["unshare", "-rm", "bash", "-c", script],
            env=trooper.environment(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        answered, shown = done.stdout.decode().split("code 0\n", 2)[:2], done.stdout.decode()
        assert answered[0] == "a cloud answer\n", done.stderr
        assert shown.count("code 74\n") == 3, (shown, done.stderr)
        assert shown.count("a cloud answer\ncode 74\n") == 2
        assert "a local answer" not in shown
        assert shown.count('"prompt": "first"') == shown.count('"prompt": "fifth"') == 1
        assert done.stderr.count(b"\n") == 3
