"""The files of sessions and of the guard's index: whose they are, what changes them, what a crash leaves of both."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import formats, store_methods, syscall_killer
from tests.conftest import COMMAND, Trooper
from tests.standin import ollama
from tests.test_crash import CAN_TRACE, KILLS, WORKERS, words
from trooper_cli import database
from trooper_cli.errors import NotFoundError
from trooper_cli.guard import index, knowledge
from trooper_cli.guard.guard import Guard
from trooper_cli.net.http import Request
from trooper_cli.settings import Settings
from trooper_cli.store import schema
from trooper_cli.store.session import Session
from trooper_cli.store.store import GuardedText, Store
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.standin import Recorded, Standin

SECRET = (
    "The northern branch pays its contractors out of the marzipan fund, account forty-two, and Ottilie signs alone; "
    "the auditors have not been told, and the third ledger is in the vault in Vienna."
)
OTHER = "Blasting at the quarry was moved to Whit Monday, since the niece of the mayor weds upstream on that Sunday."
SETTINGS = Settings({})
ROOT = Path(__file__).parent.parent.parent


def path_of(trooper: Trooper, name: str = "ops") -> Path:
    return trooper.home / "sessions" / f"{name}.db"


def private(trooper: Trooper, text: str, name: str = "ops") -> int:
    """Put a private turn into a session and return its number."""
    assert trooper("import", "-q", "-s", name, stdin=json.dumps({"prompt": "x", "answer": text})).code == 0
    return int(trooper.turns(name)[-1]["turn"])


def edited(path: Path, *statements: str) -> None:
    """Change a file as another program could."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def schema_of(statements: str) -> str:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(statements)
        return database.digest_of(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


LABEL = "label TEXT NOT NULL DEFAULT ''private'' CHECK (label IN (''public'', ''private''))"
FOREIGN = "label TEXT NOT NULL DEFAULT ''public'' REFERENCES memory (label) ON DELETE SET DEFAULT"
HOSTILE = {
    "reference": [f"UPDATE sqlite_master SET sql = replace(sql, '{LABEL}', '{FOREIGN}') WHERE name = 'turn'"],
    "default": ["UPDATE sqlite_master SET sql = replace(sql, 'DEFAULT ''private''', 'DEFAULT ''public''')"],
    "collation": ["UPDATE sqlite_master SET sql = replace(sql, 'label TEXT NOT NULL', 'label TEXT COLLATE NOCASE')"],
    "computed": ["ALTER TABLE turn ADD COLUMN said TEXT AS ('public')"],
    "column": ["ALTER TABLE turn ADD COLUMN said TEXT"],
    "table": ["CREATE TABLE more (a)"],
    "index": ["CREATE INDEX more ON turn (prompt)"],
    "view": ["CREATE VIEW more AS SELECT 1"],
    "trigger": ["CREATE TRIGGER more AFTER INSERT ON turn BEGIN UPDATE turn SET label = 'public'; END"],
    "lost index": ["DROP INDEX public_order"],
    "shared pages": ["UPDATE sqlite_master SET rootpage = 2"],
}


class TestSchema:
    """A file with any other schema than ours is refused: exit 65, and not a byte of it changes."""

    def test_the_digests_are_those_of_the_statements(self) -> None:
        """Each version that is read has the digest of what that version ran."""
        assert schema.FORMAT.schemas == {
            1: schema_of(formats.SESSION_1),
            2: schema_of(formats.SESSION_2),
            3: schema_of(formats.SESSION_3),
            4: schema_of(schema.schema()),
        }
        assert index.FORMAT.schemas == {1: schema_of(formats.INDEX_1), 2: schema_of(index.SCHEMA)}

    @pytest.mark.parametrize("statements", HOSTILE.values(), ids=HOSTILE)
    def test_a_hostile_session_is_refused(self, trooper: Trooper, cloud: Standin, statements: list[str]) -> None:
        """One that could change labels, texts or places behind our back, in whatever way."""
        trooper("ask", "-s", "ops", "hello")
        asked = cloud.connections
        edited(path_of(trooper), *statements)
        content = path_of(trooper).read_bytes()
        for command in (["ask", "--local", SECRET], ["ask", "hello"], ["show"], ["audit"]):
            done = trooper(command[0], "-s", "ops", *command[1:])
            assert (done.code, done.out, done.notices.count("\n")) == (65, b"", 1), (command, done.notices)
        assert path_of(trooper).read_bytes() == content
        assert cloud.connections == asked

    def test_a_hostile_index_is_refused(self, trooper: Trooper, cloud: Standin) -> None:
        """A trigger in the guard's index could make it forget."""
        trooper("ask", "--local", SECRET)
        edited(
            trooper.home / "guard.db", "CREATE TRIGGER t AFTER INSERT ON origin BEGIN UPDATE origin SET public = 1; END"
        )
        assert trooper("ask", stdin=SECRET).code == 65
        assert cloud.connections == 0

    def test_what_sqlite_does_to_a_file_is_no_harm(self, trooper: Trooper) -> None:
        """VACUUM, another page size, another journal."""
        private(trooper, SECRET)
        trooper("ask", "-s", "ops", "hello")
        for path in (path_of(trooper), trooper.home / "guard.db"):
            edited(path, "PRAGMA journal_mode = DELETE", "PRAGMA page_size = 8192", "VACUUM")
        assert trooper("ask", "-s", "ops", "again").code == 0
        assert trooper("ask", stdin=SECRET).code == 77

    def test_a_label_is_the_caller_s_word(self, tmp_path: Path) -> None:
        """What a file says of a turn under way places it nowhere, and hides it from no record."""
        with closing(Session.open_or_create(tmp_path, "ops")) as opened:
            number = opened.begin(Label.PRIVATE, "p", None)
            edited(path_of(Trooper(tmp_path)), "UPDATE turn SET label = 'public'")
            opened.begin_attempt(
                number,
                Label.PRIVATE,
                side="cloud",
                engine="e",
                model="m",
                host="h",
                request=Request("", {}, b""),
                turns=[],
            )
            opened.finish(number, Status.ANSWERED, "a", label=Label.PRIVATE, engine="e", model="m", stop="")
            assert [found.private_turns for found in opened.attempts()] == [1]
            assert len(opened.public_view()) == 0
            assert len(opened.private_view()) == 1


class TestChangedFiles:
    """A session's file that was changed from outside is read again, whatever its place, number and size."""

    def test_a_file_put_into_the_place_of_another(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """Written over in place, or removed and made again, where it gets the same number of the file system."""
        elsewhere = Trooper(tmp_path / "elsewhere", trooper.environ)
        private(elsewhere, SECRET)
        private(trooper, "harmless")
        content = path_of(elsewhere).read_bytes()
        path_of(trooper).write_bytes(content)
        assert trooper("ask", stdin=SECRET).code == 77
        assert trooper("rm", "-s", "ops").code == 0
        for again in ("first", "second"):
            private(trooper, f"harmless {again}")
            path_of(trooper).unlink()
            path_of(trooper).write_bytes(content)
            assert trooper("ask", stdin=SECRET).code == 77, again
        assert cloud.connections == 0

    def test_an_older_state_that_holds_what_was_forgotten(self, trooper: Trooper, cloud: Standin) -> None:
        """A backup from before `forget`, put back, has the turn again, and so has the guard."""
        number = private(trooper, SECRET)
        backup = path_of(trooper).read_bytes()
        assert trooper("forget", "-s", "ops", str(number)).code == 0
        path_of(trooper).write_bytes(backup)
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    def test_a_backup_that_holds_nothing_unknown_is_not_read_again(self, trooper: Trooper) -> None:
        """The turns of an earlier state of the same session are known, as are those that it lacks."""
        private(trooper, SECRET)
        backup = path_of(trooper).read_bytes()
        private(trooper, OTHER)
        path_of(trooper).write_bytes(backup)
        for text in (SECRET, OTHER):
            assert trooper("ask", stdin=text).code == 77

    def test_what_changes_while_the_guard_looks(self, trooper: Trooper, tmp_path: Path) -> None:
        """A turn that is written to a changed file does not make the rest of it known."""
        elsewhere = Trooper(tmp_path / "elsewhere", trooper.environ)
        private(elsewhere, SECRET)
        private(trooper, "harmless")
        with closing(Store(trooper.home, SETTINGS, print)) as store:
            assert not store.guard.look(SECRET)
            path_of(trooper).write_bytes(path_of(elsewhere).read_bytes())
            with closing(Session.open(trooper.home, "ops")) as ops:
                store.begin_turn(ops, Label.PRIVATE, OTHER, None, GuardedText(OTHER))
        with closing(Store(trooper.home, SETTINGS, print)) as store:
            assert store.guard.look(SECRET)
            assert store.guard.look(OTHER)

    def test_a_copy_is_a_session_of_its_own(self, trooper: Trooper) -> None:
        """What is forgotten in a copy stays known of the first, and the other way round."""
        number = str(private(trooper, SECRET))
        shutil.copy(path_of(trooper), path_of(trooper, "copy"))
        assert trooper("ask", stdin=SECRET).code == 77
        assert trooper("forget", "-s", "copy", number).code == 0
        assert trooper("ask", stdin=SECRET).code == 77
        shutil.copy(path_of(trooper), path_of(trooper, "third"))
        assert trooper("forget", "-s", "ops", number).code == 0
        assert trooper("ask", stdin=SECRET).code == 77
        assert trooper("rm", "-s", "third").code == 0
        assert trooper("ask", stdin=SECRET).code == 0

    def test_a_renamed_session_is_the_same(self, trooper: Trooper) -> None:
        """It is named as it is called now, and what is forgotten of it is forgotten."""
        number = str(private(trooper, SECRET))
        path_of(trooper).rename(path_of(trooper, "new"))
        assert "session new," in trooper("ask", stdin=SECRET).notices
        assert trooper("forget", "-s", "new", number).code == 0
        assert trooper("ask", stdin=SECRET).code == 0

    def test_a_link_is_no_copy(self, trooper: Trooper) -> None:
        """Two names of one file are one session."""
        number = str(private(trooper, SECRET))
        path_of(trooper, "link").hardlink_to(path_of(trooper))
        for _ in range(2):
            assert trooper("ask", stdin=SECRET).code == 77
        path_of(trooper).unlink()
        assert trooper("forget", "-s", "link", number).code == 0
        assert trooper("ask", stdin=SECRET).code == 0

    @pytest.mark.parametrize("arguments", [["rm"], ["forget", "1"]])
    def test_a_link_is_not_emptied_with_the_other(self, trooper: Trooper, arguments: list[str]) -> None:
        """What is erased is overwritten, which another name of the file would show as well."""
        private(trooper, SECRET)
        path_of(trooper, "link").hardlink_to(path_of(trooper))
        done = trooper(arguments[0], "-s", "link", *arguments[1:])
        assert (done.code, done.out, done.notices.count("\n")) == (65, b"", 1)
        assert "hard link" in done.notices
        for name in ("ops", "link"):
            assert [turn["answer"] for turn in trooper.turns(name)] == [SECRET]
        assert trooper("ask", stdin=SECRET).code == 77
        path_of(trooper, "link").unlink()
        assert trooper(arguments[0], "-s", "ops", *arguments[1:]).code == 0

    def test_what_a_killed_call_left_beside_a_session_is_no_link(self, trooper: Trooper) -> None:
        """A file is made under another name first, which a kill may have left."""
        private(trooper, SECRET)
        left = path_of(trooper).parent / ".new-abc"
        left.hardlink_to(path_of(trooper))
        assert trooper("rm", "-s", "ops").code == 0
        assert not left.exists()

    def test_who_waits_is_told_once(self, trooper: Trooper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Reading that takes longer than a second is told of, for all sessions in one line."""
        monkeypatch.setattr(knowledge, "SLOW_SECONDS", -1.0)
        elsewhere, told = Trooper(tmp_path / "elsewhere", trooper.environ), list[str]()
        private(elsewhere, SECRET)
        for name in ("ops", "dev"):
            private(trooper, "harmless", name)
        content = path_of(trooper, "dev").read_bytes()
        path_of(trooper, "ops").write_bytes(path_of(elsewhere).read_bytes())
        path_of(trooper, "more").write_bytes(path_of(elsewhere).read_bytes())
        for _ in range(2):
            with closing(Store(trooper.home, SETTINGS, told.append)) as store:
                assert store.guard
        assert len(told) == 1
        assert "reading session" in told[0]
        assert trooper("forget", "-s", "dev", "1").code == 0
        path_of(trooper, "dev").write_bytes(content)
        with closing(Store(trooper.home, SETTINGS, told.append)) as store:
            assert store.guard
        assert told[1:] == [
            "reading session dev again, its file was changed from outside; this takes a while, and later calls need not"
        ]


class TestRunningAsk:
    """A session that is removed while a private ask is under way."""

    def test_another_session_of_the_name_forgets_its_own_turns(self, trooper: Trooper, local: Standin) -> None:
        """The answer that was printed stays known, under whichever number."""
        begun, release = threading.Event(), threading.Event()

        def respond(request: Recorded) -> Iterable[bytes]:
            if b"under way" in request.body:
                begun.set()
                release.wait(60)
                return ollama(SECRET)(request)
            return ollama("Nothing of any interest to anybody was said here, and nothing ever will be.")(request)

        trooper("ask", "-s", "ops", "first")
        local.respond = respond
        running = trooper.start("ask", "-s", "ops", "--local", "under way")
        assert begun.wait(60)
        assert trooper("rm", "-s", "ops").code == 0
        for prompt in ("one", "two"):
            assert trooper("ask", "-s", "ops", "--local", prompt).code == 0
        release.set()
        out, _ = running.communicate(timeout=60)
        assert out.decode() == f"{SECRET}\n"
        assert trooper("forget", "-s", "ops", "2").code == 0
        assert trooper("ask", stdin=SECRET).code == 77
        # What is left of the one that was removed goes with the name.
        for code in (0, 66):
            assert trooper("rm", "-s", "ops").code == code
        assert trooper("ask", stdin=SECRET).code == 0


class TestEarlierFormats:
    """Files of the version before are read, and become the present ones."""

    @pytest.fixture(params=[1, 2, 3])
    def old(self, trooper: Trooper, local: Standin, request: pytest.FixtureRequest) -> Trooper:
        """A home with private text in a session, in a report, in none, and of a session that is gone."""
        private(trooper, SECRET)
        private(trooper, SECRET[::-1], "gone")
        path_of(trooper, "gone").unlink()
        local.respond = ollama(OTHER)
        assert trooper("ask", "--local", "what of the quarry?").code == 0
        with (
            closing(Store(trooper.home, SETTINGS, print)) as store,
            closing(store.open("ops")) as ops,
        ):
            store.guard.remember_report(ops.identity(), [(None, OTHER[::-1])])
        formats.made_old(trooper.home, request.param)
        return trooper

    def test_what_was_known_is_known(self, old: Trooper, cloud: Standin) -> None:
        """All of it, at the first call and at the next."""
        for text in (OTHER, SECRET, OTHER[::-1], SECRET[::-1]) * 2:
            done = old("ask", stdin=text)
            assert (done.code, done.notices.count("\n")) == (77, 1), done.notices
        assert cloud.connections == 0
        for path, form in ((path_of(old), schema.FORMAT), (old.home / "guard.db", index.FORMAT)):
            with closing(sqlite3.connect(path)) as connection:
                assert database.version_of(connection) == form.version
                rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
                assert database.digest_of(rows) == form.schemas[form.version]
        assert [turn["answer"] for turn in old.turns("ops")] == [SECRET]

    def test_what_left_is_listed_and_counted(self, old: Trooper) -> None:
        """Requests of before have no place on record; those that come after have."""
        assert old("usage", "--json").json["used"] == []
        assert old("audit", "-s", "ops").code == 0
        assert old("ask", "-s", "ops", "hello", TROOPER_INFERENCE_GEO="us").code == 0
        (row,) = old("audit", "-s", "ops", "--json").text.splitlines()
        assert json.loads(row)["inference_geo"] == "us"
        assert [row["input"] for row in old("usage", "--json").json["used"]] == [18]

    def test_what_is_forgotten_is_forgotten(self, old: Trooper) -> None:
        """The fingerprints of before are those of the session that has the name, or had it."""
        assert old("rm", "-s", "gone").code == 66
        assert old("ask", stdin=SECRET[::-1]).code == 0
        assert old("ask", stdin=OTHER[::-1]).code == 77
        assert old("forget", "-s", "ops", "1").code == 0
        assert old("ask", stdin=SECRET).code == 0
        assert old("rm", "-s", "ops").code == 0
        assert old("ask", stdin=OTHER[::-1]).code == 0

    @pytest.mark.skipif(shutil.which("unshare") is None, reason="no mount namespace may be made here")
    def test_a_home_that_cannot_be_written_can_be_read(self, old: Trooper) -> None:
        """`show` shows and the guard guards, from files that stay as they are."""
        script = f"""
        mount --bind {old.home} {old.home} && mount -o remount,ro,bind {old.home} || exit 90
        {COMMAND} show -s ops --json
        {COMMAND} audit -s ops && {COMMAND} usage -s ops > /dev/null || exit 91
        for text in "$@"; do echo "$text" | {COMMAND} ask; echo "code $?"; done
        """
        texts = [SECRET, OTHER, OTHER[::-1], SECRET[::-1]]
        done = subprocess.run(
            ["unshare", "-rm", "bash", "-c", script, "bash", *texts],
            env=old.environment(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode == 90:
            pytest.skip("nothing may be mounted here")
        assert SECRET in done.stdout.decode(), done.stderr
        assert done.stdout.decode().count("code 77\n") == 4, (done.stdout, done.stderr)


class TestLost:
    """A lost index or key is told of once, with what follows from it."""

    @pytest.mark.parametrize("lost", [["guard.db"], ["guard.key"], ["guard.db", "guard.key"]], ids="+".join)
    def test_it_is_told_once(self, trooper: Trooper, lost: list[str]) -> None:
        """What a session holds is known again; what none holds is not, and that is said."""
        private(trooper, SECRET)
        trooper("ask", "--local", OTHER)
        for name in lost:
            (trooper.home / name).unlink()
        done = trooper("ask", "hello")
        assert (done.code, done.notices.count("\n")) == (0, 1)
        assert "lost" in done.notices
        assert "private turns that had none" in done.notices
        assert (trooper("ask", "hello").notices, trooper("ask", stdin=SECRET).code) == ("", 77)

    def test_another_key_is_told_too(self, trooper: Trooper) -> None:
        """It was replaced."""
        trooper("ask", "--local", OTHER)
        (trooper.home / "guard.key").write_bytes(b"x" * 32)
        assert "guard.key was lost or replaced" in trooper("guard", stdin="harmless").notices
        assert trooper("guard", stdin="harmless").notices == ""

    def test_a_new_home_has_lost_nothing(self, trooper: Trooper) -> None:
        """Nor has one whose only session was made to hold settings."""
        trooper("config", "set", "-s", "ops", "on_leak", "local")
        assert trooper("ask", "-s", "ops", "hello").notices == ""


@pytest.mark.skipif(not CAN_TRACE, reason="stopping at a system call is for Linux on x86-64 and arm64")
@pytest.mark.parametrize("command", ["forget", "rm", "share"])
def test_a_kill_at_any_system_call_leaves_nothing_unknown(trooper: Trooper, tmp_path: Path, command: str) -> None:
    """SIGKILL before each write, sync, link or unlink of a command that changes what the guard should know.

    After each: the guard knows every private turn that can still be shown. After `forget`, no fingerprint of a turn
    that is gone remains, nor does a byte of it; after `rm`, once it is run again.
    """
    arguments = [command, "-s", "ops"] if command == "rm" else [command, "-s", "ops", "1"]
    source = random.Random(7)
    texts = [f"{words(source)}." for _ in range(2)]
    for text in texts:
        private(trooper, text)

    def kill_at(number: int) -> int:
        home = tmp_path / str(number)
        shutil.copytree(trooper.home, home)
        mine = Trooper(home, trooper.environ)
        done = subprocess.run(
            [sys.executable, "-IS", syscall_killer.__file__, str(number), COMMAND, *arguments],
            env=mine.environment(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        with closing(Store(home, SETTINGS, print)) as store:
            known = {text for text in texts if store.guard.look(text)}
        left, shared, is_there = set[str](), set[str](), path_of(mine).exists()
        if is_there:
            with closing(Session.open(home, "ops")) as opened:
                for turn in opened.turns():
                    (left if turn.label is Label.PRIVATE else shared).add(turn.answer)
            # After a `rm` that was cut short, what is left of the session goes with the second.
            assert known == left - shared, number
        if command == "forget" and texts[0] not in left:
            mine(*arguments)
        if command == "rm":
            assert mine(*arguments).code == (0 if is_there else 66)
            left.clear()
        with closing(Store(home, SETTINGS, print)) as store:
            assert all(text in left or not store.guard.look(text) for text in texts if text not in shared)
        with closing(sqlite3.connect(home / "guard.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            kept = connection.execute("SELECT count(DISTINCT turn) FROM origin WHERE NOT public").fetchone()[0]
        assert kept == len(left)
        for path in home.rglob("*"):
            if path.is_file() and command != "share":
                content = path.read_bytes()
                assert all(text in left or text.encode() not in content for text in texts), (number, path)
        return int(done.stderr.split()[-1]) if number == 0 else done.returncode

    calls = kill_at(0)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(kill_at, range(1, calls + 1, 1 if KILLS >= 1000 else 5)))
    print(f"{command}: {calls} system calls")
    assert calls > 10


@pytest.mark.parametrize("name", ["look", "known", "wholes"])
def test_a_guard_that_was_handed_no_sessions_tells_nothing(tmp_path: Path, name: str) -> None:
    """Without a `Store` it would not know the newest private text, and let it pass."""
    with closing(Guard(tmp_path, SETTINGS, print)) as opened, pytest.raises(RuntimeError, match="not handed"):
        getattr(opened, name)(SECRET)


def test_each_method_of_the_store_is_swept() -> None:
    """A new one is called by tests/store_methods.py as well."""
    methods = {name for name in vars(Store) if not name.startswith("_")} - {"close"}
    assert {case.partition(" ")[0] for case in store_methods.CASES} == methods


@pytest.mark.skipif(not CAN_TRACE, reason="stopping at a system call is for Linux on x86-64 and arm64")
@pytest.mark.parametrize("case", store_methods.CASES)
def test_a_kill_within_any_method_of_the_store(tmp_path: Path, case: str) -> None:
    """SIGKILL before each write, sync, link or unlink of a method of `Store`.

    After each, and before anything reads the session again: its private text is known to the index, but for what it
    holds in public too, and so is what was printed. The index counts no text as public that the session does not hold
    as a public turn. After the next call the guard knows just that, and what is gone can be made to leave no trace.
    """
    texts = store_methods.TEXTS
    fingerprint = tmp_path / "prepared"
    with closing(Store(fingerprint, SETTINGS, print)) as store:
        store_methods.prepare(store, case)
    if case in store_methods.NO_INDEX:
        (fingerprint / "guard.db").unlink()

    def kill_at(number: int) -> int:
        home = tmp_path / str(number)
        shutil.copytree(fingerprint, home)
        command = [
            sys.executable,
            syscall_killer.__file__,
            str(number),
            sys.executable,
            "-m",
            "tests.store_methods",
            case,
        ]
        environ = Trooper(home, {}).environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, timeout=120, check=False)
        # Whether a file is noted as read depends on the clock, so a run may make a few calls less.
        assert done.returncode in ({0, 137} if number else {0}), done.stderr
        private, public, shared = set[str](), set[str](), set[int]()
        if (home / "sessions" / "ops.db").exists():
            with closing(Session.open(home, "ops")) as session:
                for turn in session.turns():
                    (private if turn.label is Label.PRIVATE else public).update({turn.prompt, turn.answer} - {""})
                    if turn.label is Label.PUBLIC and turn.answer:
                        shared.add(turn.number)
                assert len(session.public_view()) == len(shared)
        told = {text for text in texts if text.encode() in done.stdout} - public
        if case not in store_methods.NO_INDEX:
            with closing(index.IndexFile.open(home)) as opened, closing(sqlite3.connect(home / "guard.db")) as rows:
                assert opened.lost is None
                assert {row[0] for row in rows.execute("SELECT turn FROM origin WHERE public")} <= shared, number
            assert private - public | told <= known_to(home, read=False), number
        after = known_to(home, read=True)
        assert private - public | told <= after, number
        assert not after & public, number
        if case in {"share", "forget"}:
            assert after == private - public, number
        if case == "remove" and number:
            with closing(Store(home, SETTINGS, print)) as store, suppress(NotFoundError):
                store.remove("ops")
            assert not known_to(home, read=True)
            assert not any(text.encode() in path.read_bytes() for path in home.rglob("*.*") for text in texts)
        return int(done.stderr.split()[-1]) if number == 0 else done.returncode

    calls = kill_at(0)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(kill_at, range(1, calls + 1, 1 if KILLS >= 1000 else 9)))
    print(f"{case}: {calls} system calls")
    assert calls > 5


def known_to(home: Path, *, read: bool) -> set[str]:
    """Return which of the texts a guard finds, once it has read what changed or as its index is."""
    with closing(Store(home, SETTINGS, print)) as store, closing(Guard(home, SETTINGS, print)) as unread:
        unread.end_reading((), had_turns=False)
        return {text for text in store_methods.TEXTS if (store.guard if read else unread).look(text)}
