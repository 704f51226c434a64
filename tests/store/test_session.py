"""The session file, and the commands that list, show, write, read and remove sessions."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import COMMAND
from tests.standin import claude, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin


MESSAGE = {"model": "claude-standin", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}

# Runs a command and says which databases were opened as files while a connection to them was open: as soon as such a
# file is closed, a system takes the process's locks off it, and other processes write where they must not.
WATCHED = """
import atexit, sqlite3, sys
connections, opened, last = [], [], ""
def watch(event, arguments):
    global last
    if event == "sqlite3.connect":
        last = str(arguments[0]).removeprefix("file://").partition("?")[0]
    elif event == "sqlite3.connect/handle":
        connections.append((last, arguments[0]))
    elif event == "open":
        for path, connection in connections:
            if path == str(arguments[0]):
                try:
                    connection.total_changes
                except sqlite3.ProgrammingError:
                    continue
                opened.append(path)
sys.addaudithook(watch)
from trooper_cli.__main__ import main
code = main()
sys.stdout.flush()
sys.exit(99 if opened or not (connections or sys.argv[1] in {"doctor", "usage"}) else code)
"""


def file_of(trooper: Trooper, name: str) -> Path:
    return trooper.home / "sessions" / f"{name}.db"


class TestFile:
    """One file a session, for its owner alone."""

    def test_modes_do_not_depend_on_the_umask(self, trooper: Trooper) -> None:
        """Folders are 0700 and files 0600, also under umask 000."""
        script = f"umask 000; {COMMAND} ask -s ops hello </dev/null"
        done = subprocess.run(["/bin/sh", "-c", script], env=trooper.environment(), capture_output=True, check=False)
        assert done.returncode == 0
        for path in (trooper.home, *trooper.home.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path

    def test_a_file_open_to_others_is_closed(self, trooper: Trooper) -> None:
        """A session that others could read is closed to them at the next use."""
        trooper("ask", "-s", "ops", "hello")
        file_of(trooper, "ops").chmod(0o666)
        trooper.home.chmod(0o755)
        (trooper.home / "sessions").chmod(0o777)
        trooper("ask", "-s", "ops", "again")
        assert stat.S_IMODE(file_of(trooper, "ops").stat().st_mode) == 0o600
        assert stat.S_IMODE((trooper.home / "sessions").stat().st_mode) == 0o700

    def test_the_prompt_is_written_before_it_is_sent(self, trooper: Trooper, cloud: Standin) -> None:
        """While the engine thinks, the prompt is in the session already, as asked."""
        seen: list[Any] = []

        def respond(request: Recorded) -> Iterable[bytes]:
            seen.extend(trooper.turns("ops"))
            return claude()(request)

        cloud.respond = respond
        trooper("ask", "-s", "ops", "hello")
        assert [(turn["prompt"], turn["status"], turn["answer"]) for turn in seen] == [("hello", "asked", "")]
        assert [turn["status"] for turn in trooper.turns("ops")] == ["answered"]

    @pytest.mark.parametrize(
        "content",
        [b"", b"not a database", b"SQLite format 3\0" + b"\0" * 200, b"\xff" * 5000],
        ids=["empty", "text", "foreign database", "noise"],
    )
    def test_a_foreign_file_is_left_alone(self, trooper: Trooper, cloud: Standin, content: bytes) -> None:
        """A file that is no session is exit 65 for every command, and not a byte of it changes."""
        (trooper.home / "sessions").mkdir(parents=True)
        file_of(trooper, "ops").write_bytes(content)
        for command in (["ask", "-s", "ops", "hello"], ["show", "-s", "ops"], ["rm", "-s", "ops"]):
            done = trooper(*command)
            assert (done.code, done.out) == (65, b""), command
        assert file_of(trooper, "ops").read_bytes() == content
        assert cloud.connections == 0

    def test_another_format_is_left_alone(self, trooper: Trooper) -> None:
        """A session of an older or newer format is exit 65 and stays as it is."""
        trooper("ask", "-s", "ops", "hello")
        with sqlite3.connect(file_of(trooper, "ops")) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        before = file_of(trooper, "ops").read_bytes()
        done = trooper("ask", "-s", "ops", "again")
        assert done.code == 65
        assert "99" in done.notices
        assert file_of(trooper, "ops").read_bytes() == before

    def test_a_torn_file_is_bad_data(self, trooper: Trooper) -> None:
        """A session whose file lost its second half is exit 65, never a traceback."""
        for _ in range(3):
            trooper("ask", "-s", "ops", "hello " * 2000)
        path = file_of(trooper, "ops")
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2 // 4096 * 4096])
        done = trooper("show", "-s", "ops")
        assert done.code == 65
        assert done.notices.count("\n") == 1

    def test_a_link_is_not_followed(self, trooper: Trooper, tmp_path: Path) -> None:
        """A session file that is a link to elsewhere is refused."""
        trooper("ask", "-s", "ops", "hello")
        target = tmp_path / "elsewhere.db"
        file_of(trooper, "ops").rename(target)
        file_of(trooper, "ops").symlink_to(target)
        assert trooper("ask", "-s", "ops", "again").code == 65

    def test_a_name_that_differs_in_case_alone_is_refused(self, trooper: Trooper) -> None:
        """Ops beside ops would be one session on one machine and two on another, so it is refused."""
        trooper("ask", "-s", "ops", "hello")
        done = trooper("ask", "-s", "Ops", "hello")
        assert done.code == 2
        assert "ops" in done.notices

    def test_asks_at_once_all_succeed(self, trooper: Trooper, cloud: Standin) -> None:
        """Eight asks at once on a new session: eight answers, eight turns."""
        barrier = threading.Barrier(8, timeout=60)

        def respond(request: Recorded) -> Iterable[bytes]:
            barrier.wait()
            return claude(f"answer to {request.json['messages'][-1]['content']}")(request)

        cloud.respond = respond
        processes = [trooper.start("ask", "-s", "new", f"q{number}") for number in range(8)]
        outputs = [process.communicate(timeout=120) for process in processes]
        assert [process.returncode for process in processes] == [0] * 8, outputs
        assert [out for out, _ in outputs] == [f"answer to q{number}\n".encode() for number in range(8)]
        turns = trooper.turns("new")
        assert sorted((turn["prompt"], turn["answer"]) for turn in turns) == [
            (f"q{number}", f"answer to q{number}") for number in range(8)
        ]

    def test_no_lock_is_lost_by_opening_a_file_twice(self, trooper: Trooper) -> None:
        """No command opens a session or the guard's index as a file while a connection to it is open."""
        turn = json.dumps({"prompt": "p", "answer": "a"})
        for arguments in (
            ["ask", "-s", "new", "hello"],
            ["ask", "--local", "-s", "new", "hello"],
            ["ask", "--dry-run", "-s", "new", "hello"],
            ["messages", "-s", "new"],
            ["import", "-s", "copy"],
            ["import", "-s", "new"],
            ["sitrep", "-s", "new"],
            ["share", "-s", "new", "2"],
            ["forget", "-s", "new", "1"],
            ["audit", "-s", "new"],
            ["config", "set", "-s", "new", "on_leak", "local"],
            ["doctor"],
            ["usage"],
            ["guard"],
            ["rm", "-s", "new"],
        ):
            # The guard is as it is before it knows a session.
            for name in ("guard.db", "guard.db-wal", "guard.db-shm"):
                (trooper.home / name).unlink(missing_ok=True)
            stdin = json.dumps(MESSAGE) if arguments[0] == "messages" else turn
            done = subprocess.run(
                [sys.executable, "-c", WATCHED, *arguments],
                input=stdin.encode() if arguments[0] in {"messages", "import"} else b"",
                env=trooper.environment(),
                capture_output=True,
                check=False,
            )
            assert done.returncode in {0, 1}, (arguments, done)

    def test_a_killed_ask_leaves_its_prompt_visible(self, trooper: Trooper, cloud: Standin) -> None:
        """After kill -9 the session is whole and the prompt in flight stands in it as asked; later asks go on."""
        begun, release = threading.Event(), threading.Event()

        def respond(request: Recorded) -> Iterable[bytes]:
            begun.set()
            release.wait(60)
            return claude()(request)

        cloud.respond = respond
        process = trooper.start("ask", "-s", "ops", "in flight")
        assert begun.wait(60)
        process.kill()
        process.communicate()
        release.set()
        assert [(turn["prompt"], turn["status"]) for turn in trooper.turns("ops")] == [("in flight", "asked")]
        assert trooper("ask", "-s", "ops", "next").code == 0
        assert len(cloud.bodies[-1]["messages"]) == 1


class TestCommands:
    """sessions, show, export, import, rm."""

    def test_sessions_are_listed(self, trooper: Trooper) -> None:
        """`sessions` gives a line a session; with --json an object a line."""
        assert (trooper("sessions").code, trooper("sessions").out) == (0, b"")
        trooper("ask", "-s", "ops", "hello")
        trooper("ask", "-s", "ops", "--local", "hello")
        trooper("ask", "-s", "dev", "hello")
        rows = [json.loads(line) for line in trooper("sessions", "--json").out.splitlines()]
        assert [(row["session"], row["turns"], row["private"]) for row in rows] == [("dev", 1, 0), ("ops", 2, 1)]
        assert [line.split()[0] for line in trooper("sessions").text.splitlines()] == ["dev", "ops"]

    def test_show_marks_what_is_private(self, trooper: Trooper) -> None:
        """`show` prints prompts and answers in order, with label and status."""
        trooper("ask", "-s", "ops", "hello")
        trooper("ask", "-s", "ops", "--local", "two\nlines")
        shown = trooper("show", "-s", "ops").text
        assert (
            shown.index("> hello")
            < shown.index("a cloud answer")
            < shown.index("private")
            < shown.index("> two\n> lines")
        )

    @pytest.mark.parametrize("command", ["show", "export", "rm"])
    def test_a_session_that_is_not_there_is_66(self, trooper: Trooper, command: str) -> None:
        """Commands on a session that is not there are exit 66 and make none."""
        assert trooper(command, "-s", "none").code == 66
        assert trooper("sessions").out == b""

    def test_export_and_import_keep_everything(self, trooper: Trooper) -> None:
        """What export writes, import reads: the copy exports the same lines, labels included."""
        trooper("ask", "-s", "ops", "--system", "Be brief.", "größe 漢字")
        trooper("ask", "-s", "ops", "--local", "secret")
        exported = trooper("export", "-s", "ops").out
        assert trooper("import", "-s", "copy", stdin=exported).code == 0
        assert trooper("export", "-s", "copy").out == exported
        first = json.loads(exported.splitlines()[0])
        assert list(first)[:8] == ["turn", "at", "label", "prompt", "answer", "engine", "model", "status"]

    def test_a_turn_from_elsewhere_is_private_unless_it_says_public(self, trooper: Trooper, cloud: Standin) -> None:
        """A missing, unknown or oddly written label reads as private and never reaches the cloud."""
        labels: list[Any] = [None, "Public", "PUBLIC", " public", "secret", 1, True, ["public"], {"public": 1}]
        lines = [json.dumps({"prompt": f"p{n}", "answer": f"a{n}", "label": label}) for n, label in enumerate(labels)]
        lines += ['{"prompt": "bare", "answer": "bare"}', '{"prompt": "open", "answer": "sesame", "label": "public"}']
        assert trooper("import", "-s", "in", stdin="\n".join(lines)).code == 0
        assert [turn["label"] for turn in trooper.turns("in")] == ["private"] * 10 + ["public"]
        trooper("ask", "-s", "in", "hello")
        assert [message["content"] for message in plain(cloud.bodies[0]["messages"])] == ["open", "sesame", "hello"]

    @pytest.mark.parametrize(
        "line",
        [
            "{",
            "[]",
            "1",
            "null",
            '{"prompt": "x"}',
            '{"prompt": 1, "answer": "x"}',
            '"x"',
            "\\",
            '{"prompt":"\\ud800","answer":"x"}',
        ],
    )
    def test_a_bad_line_imports_nothing(self, trooper: Trooper, line: str) -> None:
        """A line that is no turn is exit 65 with its number; nothing is imported and no session begun."""
        done = trooper("import", "-s", "in", stdin=f'{{"prompt": "x", "answer": "y"}}\n{line}\n')
        assert done.code == 65
        assert "line 2" in done.notices
        assert trooper("show", "-s", "in").code == 66
        trooper("import", "-s", "in", stdin='{"prompt": "x", "answer": "y"}\n')
        trooper("import", "-s", "in", stdin=f'{{"prompt": "x", "answer": "y"}}\n{line}\n')
        assert len(trooper.turns("in")) == 1

    def test_import_reads_a_file(self, trooper: Trooper, tmp_path: Path) -> None:
        """`import FILE` reads a file; one that is not there is exit 66."""
        path = tmp_path / "turns.jsonl"
        path.write_text('{"prompt": "x", "answer": "y", "label": "public"}\n\n')
        assert trooper("import", "-s", "in", str(path)).code == 0
        assert len(trooper.turns("in")) == 1
        assert trooper("import", "-s", "in", str(tmp_path / "none")).code == 66

    def test_rm_leaves_nothing(self, trooper: Trooper) -> None:
        """`rm` removes the session and every file beside it."""
        trooper("ask", "-s", "ops", "hello")
        assert trooper("rm", "-s", "ops").code == 0
        assert os.listdir(trooper.home / "sessions") == []  # noqa: PTH208
        assert trooper("show", "-s", "ops").code == 66
