"""The guard at the pipe: what was processed locally is not sent on by the user's own pipe."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND, Trooper
from tests.standin import claude, ollama
from trooper_cli import database
from trooper_cli.settings import Settings
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standin import Standin

SECRET = (
    "The northern branch pays its contractors out of the marzipan fund, account forty-two, and Ottilie signs alone; "
    "the auditors have not been told, and the third ledger is in the vault in Vienna."
)


class TestPipe:
    """`trooper ask --local … | trooper ask …`."""

    @pytest.mark.parametrize("session", [[], ["-s", "other"], ["-s", "ops"]])
    @pytest.mark.parametrize("source", [[], ["-s", "ops"]])
    def test_a_private_answer_is_not_piped_on(
        self, trooper: Trooper, cloud: Standin, local: Standin, source: list[str], session: list[str]
    ) -> None:
        """The answer of a private turn, of any session or none, is refused as a public prompt."""
        local.respond = ollama(SECRET)
        answer = trooper("ask", *source, "--local", "what about the branch?")
        assert answer.code == 0, answer.notices
        done = trooper("ask", *session, "summarise", stdin=answer.out)
        assert (done.code, done.out) == (77, b"")
        assert done.notices.count("\n") == 1
        assert "Ottilie" not in done.notices
        assert "character" in done.notices
        assert cloud.connections == 0

    def test_nor_is_a_private_prompt_a_file_or_a_system_prompt(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path
    ) -> None:
        """What a private turn was given, in whatever way, is found in whatever way it comes back."""
        note = tmp_path / "note.txt"
        note.write_text(SECRET)
        trooper("ask", "--local", "-f", str(note), "look")
        assert trooper("ask", stdin=f"> {SECRET[:90]}\n> {SECRET[90:]}").code == 77
        assert trooper("ask", "-f", str(note), "look").code == 77
        assert trooper("ask", "--system", SECRET, "look").code == 77
        assert trooper("ask", "--dry-run", stdin=SECRET).code == 77
        trooper("ask", "--local", "--system", SECRET[::-1] * 2, "look")
        assert trooper("ask", stdin=SECRET[::-1]).code == 77
        assert cloud.connections == 0

    def test_a_short_private_answer_is_refused_too(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """An answer of a few words is found as a line of its own, quoted or not."""
        local.respond = ollama("The capital of France is Paris.")
        answer = trooper("ask", "--local", "capital?").text
        assert trooper("ask", "is this so?", stdin=f"> {answer}").code == 77
        assert cloud.connections == 0

    def test_a_public_turn_answered_here_is_guarded_as_well(self, trooper: Trooper, local: Standin) -> None:
        """Without a key a public turn runs here, but its text may reach the cloud later: it is guarded now."""
        trooper("ask", "--local", stdin=SECRET)
        asked = len(local.bodies)
        assert trooper("ask", "-s", "ops", stdin=SECRET, ANTHROPIC_API_KEY=None).code == 77
        assert len(local.bodies) == asked

    def test_what_is_refused_is_not_stored(self, trooper: Trooper) -> None:
        """A refused prompt leaves no turn behind."""
        trooper("ask", "--local", stdin=SECRET)
        trooper("ask", "-s", "ops", stdin=SECRET)
        assert trooper("show", "-s", "ops").code == 66

    def test_on_leak_local_keeps_it_here(self, trooper: Trooper, cloud: Standin) -> None:
        """`--on-leak local` makes the ask a private turn instead; the next public one is not told of it."""
        trooper("ask", "--local", stdin=SECRET)
        done = trooper("ask", "-s", "ops", "--on-leak", "local", "--json", stdin=SECRET)
        assert (done.code, done.json["label"], done.json["route"], done.json["reason"]) == (
            0,
            "private",
            "local",
            "leak",
        )
        trooper("ask", "-s", "ops", "next")
        assert b"Ottilie" not in cloud.bytes

    def test_on_leak_warn_sends_it(self, trooper: Trooper, cloud: Standin) -> None:
        """`--on-leak warn`, or TROOPER_ON_LEAK=warn, sends it with one notice: the user's own decision."""
        trooper("ask", "--local", stdin=SECRET)
        done = trooper("ask", stdin=SECRET, TROOPER_ON_LEAK="warn")
        assert (done.code, done.notices.count("\n")) == (0, 1)
        assert b"Ottilie" in cloud.bytes
        assert trooper("ask", "x", TROOPER_ON_LEAK="perhaps").code == 78

    def test_ordinary_conversation_is_not_hindered(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """Public turns may quote public answers, and repeat short instructions that were used privately."""
        cloud.respond = claude(SECRET)
        answer = trooper("ask", "-s", "ops", "tell me a story").out
        assert trooper("ask", "-s", "dev", "summarise", stdin=answer).code == 0
        trooper("ask", "--local", "Write a commit message")
        assert trooper("ask", "Write a commit message").code == 0
        assert len(local.bodies) == 1

    def test_sessions_from_before_the_index_are_known(self, trooper: Trooper) -> None:
        """If the index is gone it is made again from the sessions: private turns do not become sendable."""
        trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        for lost in (("guard.db", "guard.key"), ("guard.db",), ("guard.key",)):
            for name in lost:
                (trooper.home / name).unlink()
            assert trooper("ask", stdin=SECRET).code == 77, lost

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
    def test_a_home_that_cannot_be_written_does_not_hinder(self, trooper: Trooper) -> None:
        """Where nothing can be written, public questions are answered; what should be remembered is exit 74."""
        home = "/proc/trooper"
        assert trooper("ask", "hello", TROOPER_HOME=home).text == "a cloud answer\n"
        for arguments in (["-s", "ops"], ["--local"], ["--local", "-s", "ops"]):
            done = trooper("ask", *arguments, "hello", TROOPER_HOME=home)
            assert (done.code, done.text) == (74, "" if "--local" in arguments else "a cloud answer\n")
            assert done.notices.count("\n") == 1

    def test_imported_private_turns_are_known(self, trooper: Trooper) -> None:
        """A private turn that came by import is guarded like one that was asked."""
        trooper("import", "-s", "in", stdin=json.dumps({"prompt": "x", "answer": SECRET}))
        assert trooper("ask", stdin=SECRET).code == 77

    def test_what_a_known_session_gains_is_known(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """Prompts, answers and imports of a session that the guard has seen before count from their turn on."""
        prompt, answer = SECRET, SECRET[::-1]
        imported = "Blasting at the quarry was moved to Whit Monday since the mayor's niece weds on Sunday upstream."
        for name in ("ops", "in"):
            assert trooper("ask", "-s", name, "first").code == 0
        assert trooper("ask", "second").code == 0
        asked = len(cloud.bodies)
        local.respond = ollama(answer)
        assert trooper("ask", "-s", "ops", "--local", stdin=prompt).code == 0
        assert trooper("import", "-s", "in", stdin=json.dumps({"prompt": "x", "answer": imported})).code == 0
        for text in (prompt, answer, imported):
            assert trooper("ask", stdin=text).code == 77, text[:9]
        assert len(cloud.bodies) == asked

    def test_each_turn_is_taken_in_once(self, trooper: Trooper) -> None:
        """A session that began here is not read again at the next call: an import of many turns would cost seconds."""
        trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        turns = [{"prompt": f"question {number}", "answer": f"{number} {SECRET}"} for number in range(3)]
        trooper("import", "-s", "in", stdin="\n".join(map(json.dumps, turns)))
        trooper("ask", "hello")
        with contextlib.closing(sqlite3.connect(trooper.home / "guard.db")) as connection:
            query = (
                "SELECT name, count(*), count(DISTINCT turn) FROM origin "
                "JOIN session ON session.id = origin.session GROUP BY name"
            )
            held = {session: (origins, turns) for session, origins, turns in connection.execute(query)}
        assert held["in"] == (3, 3)
        # The prompt and the answer of a turn are remembered when each is there.
        assert held["ops"] == (2, 1)

    def test_a_public_import_declassifies_nothing(self, trooper: Trooper, cloud: Standin) -> None:
        """A public turn from elsewhere that holds private text is exit 77; shared first, it may be imported."""
        line = json.dumps({"prompt": "x", "answer": SECRET, "label": "public"})
        trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        done = trooper("import", "-s", "in", stdin=line)
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert "Ottilie" not in done.notices
        assert trooper("show", "-s", "in").code == 66
        assert trooper("ask", stdin=SECRET).code == 77
        trooper("share", "-s", "ops", "1")
        assert trooper("import", "-s", "in", stdin=line).code == 0
        assert trooper("ask", stdin=SECRET).code == 0
        assert len(cloud.bodies) == 1

    def test_a_session_copied_into_the_folder_is_known(self, trooper: Trooper, tmp_path: Path) -> None:
        """A session file that came by hand is taken in at the next call, and once."""
        elsewhere = Trooper(tmp_path / "elsewhere", trooper.environ)
        elsewhere("ask", "-s", "ops", "--local", stdin=SECRET)
        assert trooper("ask", "-s", "other", "first").code == 0
        (trooper.home / "sessions" / "ops.db").write_bytes((elsewhere.home / "sessions" / "ops.db").read_bytes())
        for _ in range(2):
            assert trooper("ask", stdin=SECRET).code == 77
        with contextlib.closing(sqlite3.connect(trooper.home / "guard.db")) as connection:
            query = (
                "SELECT count(*) FROM origin JOIN session ON session.id = origin.session "
                "WHERE name = 'ops' AND NOT public"
            )
            assert connection.execute(query).fetchone() == (1,)
        (trooper.home / "sessions" / "ops.db").unlink()
        trooper("ask", "-s", "third", "hello")
        assert trooper("rm", "-s", "ops").code == 66
        assert trooper("ask", stdin=SECRET).code == 0

    def test_a_turn_that_is_still_there_stays_known(self, trooper: Trooper, cloud: Standin) -> None:
        """Turns that come after a forgotten one have the guard's marks under their own numbers."""
        for name in ("one", "two", "three"):
            trooper("import", "-s", "ops", stdin=json.dumps({"prompt": name, "answer": f"{name} of three"}))
        assert trooper("forget", "-s", "ops", "3").code == 0
        turns = [{"prompt": "dull", "answer": "nothing of interest"}, {"prompt": "x", "answer": SECRET}]
        trooper("import", "-s", "ops", stdin="\n".join(map(json.dumps, turns)))
        dull, _ = [turn["turn"] for turn in trooper.turns("ops")][-2:]
        assert trooper("forget", "-s", "ops", str(dull)).code == 0
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    def test_a_rehearsal_is_private_text(self, trooper: Trooper, cloud: Standin) -> None:
        """What `--dry-run` prints of private turns is refused at the next pipe, line by line or whole."""
        turns = [
            {"prompt": f"We sell the house in Zebra{place} street to the Weiss family for {412 + place}000 euros.",
             "answer": f"Noted, the Weiss family pays {412 + place}000 euros for Zebra{place} street."}
            for place in range(30)
        ]  # fmt: skip
        trooper("import", "-s", "ops", stdin="\n".join(map(json.dumps, turns)))
        engine = {"TROOPER_LOCAL_ENGINE": "ollama", "TROOPER_LOCAL_MODEL": "llama3.2"}
        shown = trooper("ask", "-s", "ops", "--local", "--dry-run", "--budget", "700", "what of Zebra7?", **engine)
        assert shown.code == 0, shown.notices
        notes = shown.json["body"]["messages"][-1]["content"].splitlines()
        told = [line for line in notes if "Zebra" in line and "?" not in line]
        assert told
        for text in (shown.text, shown.json["context"]["text"], told[0], told[-1]):
            assert trooper("ask", "what would be sent?", stdin=text).code == 77, text
        assert cloud.connections == 0

    @pytest.mark.parametrize("public_first", [False, True])
    def test_a_private_system_prompt_opens_no_way(
        self, trooper: Trooper, cloud: Standin, local: Standin, *, public_first: bool
    ) -> None:
        """A program's system prompt may go both ways; what other private turns said in it may not."""
        request = {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}

        def send(**fields: object) -> int:
            return trooper("messages", stdin=json.dumps(request | fields)).code

        plain = "You are the clerk of a harbour and answer in whole sentences, never in lists, never in haste."
        order = [{}, {"x_force_local": True}]
        for fields in order if public_first else order[::-1]:
            assert send(system=plain, **fields) == 0
        assert send(system=plain) == 0
        local.respond = ollama(SECRET)
        trooper("ask", "--local", "what about the branch?")
        trooper("ask", "--local", "--system", SECRET[::-1], "hello")
        sent = len(cloud.bodies)
        for system in (f"Context: {SECRET}", SECRET[::-1]):
            assert send(system=system) == 77
            assert send(system=system, x_force_local=True) == 0
            assert send(system=system) == 77
        assert trooper("ask", stdin=SECRET).code == 77
        assert len(cloud.bodies) == sent

    def test_the_name_of_a_model_carries_nothing(self, trooper: Trooper, cloud: Standin) -> None:
        """It leaves as it is, so it is one word."""
        assert trooper("ask", "-m", SECRET, "hello").code == 2
        body = {"model": SECRET, "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
        assert trooper("messages", stdin=json.dumps(body)).code == 65
        assert cloud.connections == 0


class TestUnwritable:
    """An index that cannot be written or read makes the guard no less strict."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)

    @contextlib.contextmanager
    def held(self, home: Path) -> Iterator[None]:
        """Keep others from writing the index."""
        with contextlib.closing(sqlite3.connect(home / "guard.db", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def findings(self, home: Path, text: str) -> int:
        with contextlib.closing(Store(home, Settings({}), print)) as store:
            return len(store.guard.look(text))

    def test_turns_without_a_session_stay_known(self, trooper: Trooper) -> None:
        """Something has to be written, a session that is gone, and cannot be."""
        trooper("ask", "-s", "old", "hello")
        trooper("ask", "--local", stdin=SECRET)
        (trooper.home / "sessions" / "old.db").unlink()
        with self.held(trooper.home):
            assert self.findings(trooper.home, SECRET)

    def test_a_session_that_cannot_be_taken_in_counts(self, trooper: Trooper, tmp_path: Path) -> None:
        """It came by hand while the index was held."""
        elsewhere = Trooper(tmp_path / "elsewhere", trooper.environ)
        elsewhere("ask", "-s", "ops", "--local", stdin=SECRET)
        trooper("ask", "-s", "own", "--local", stdin=SECRET[::-1])
        (trooper.home / "sessions" / "ops.db").write_bytes((elsewhere.home / "sessions" / "ops.db").read_bytes())
        with self.held(trooper.home):
            assert self.findings(trooper.home, SECRET)
            assert self.findings(trooper.home, SECRET[::-1])
            assert not self.findings(trooper.home, "Nothing of all that is in this sentence about the weather at sea.")

    def test_an_index_that_cannot_be_read_stops_public_asks(self, trooper: Trooper, cloud: Standin) -> None:
        """It may hold what no session tells; private asks, which it could not remember, are stopped in a pipe."""
        trooper("ask", "--local", stdin=SECRET)
        (trooper.home / "guard.key").unlink()
        (trooper.home / "guard.key").mkdir()
        done = trooper("ask", stdin=SECRET)
        assert (done.code, done.out, done.notices.count("\n")) == (74, b"", 1)
        done = trooper("ask", "--local", "hello")
        assert (done.code, done.out, done.notices.count("\n")) == (74, b"", 1)
        assert cloud.connections == 0


class TestOwnRules:
    """The user's own patterns and hosts."""

    def test_patterns_block_and_hosts_warn(self, trooper: Trooper, cloud: Standin) -> None:
        """`guard_patterns` refuse, `guard_hosts` are told in a notice."""
        trooper.home.mkdir(parents=True)
        (trooper.home / "config.toml").write_text(
            'guard_patterns = ["PROJECT-[0-9]{3}", "a,b"]\nguard_hosts = ["db1.corp.example", "10.1.2.3"]\n'
        )
        done = trooper("ask", "what is PROJECT-123?")
        assert done.code == 77
        assert "PROJECT" not in done.notices
        done = trooper("ask", "is DB1.corp.example up, or 10.1.2.3?")
        assert (done.code, done.notices.count("\n")) == (0, 1)
        assert trooper("ask", "is xdb1.corp.example up, or 10.1.2.34?").notices == ""
        (trooper.home / "config.toml").write_text('guard_patterns = ["("]\n')
        assert trooper("ask", "hello").code == 78
        assert len(cloud.bodies) == 2


class TestCredentials:
    """Credentials are not sent, wherever they come from."""

    def test_a_credential_is_refused(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """A key or a password in prompt, pipe or file is exit 77; kind and place are told, not the text."""
        key = "AKIA" + "Q3EGXWJ5LZT2RMVB"
        connection = "postgres://billing:" + "n7Rw-tq2Lz" + "@db1.internal:5432/billing"
        note = tmp_path / "dump.env"
        note.write_text(f"DATABASE_URL={connection}\n")
        for done in (
            trooper("ask", stdin=f"why does {key} fail?"),
            trooper("ask", "explain", stdin=connection),
            trooper("ask", "-f", str(note), "explain"),
            trooper("ask", "--dry-run", key),
        ):
            assert (done.code, done.out) == (77, b"")
            assert key not in done.notices
            assert "n7Rw" not in done.notices
        assert cloud.connections == 0
        assert trooper("ask", "--local", stdin=key).code == 0
        assert trooper("guard", stdin=connection).code == 77

    def test_the_user_s_gitleaks_rules_count(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """Rules of the user's own .gitleaks.toml are added; one that cannot be used is exit 78, not passed over."""
        rules = tmp_path / ".gitleaks.toml"
        rules.write_text('[[rules]]\nid = "acme"\nregex = "acme-[0-9]{6}"\nkeywords = ["acme"]\n')
        trooper.home.mkdir(parents=True)
        (trooper.home / "config.toml").write_text(f'gitleaks = "{rules}"\n')
        done = trooper("ask", "what is acme-123456?")
        assert done.code == 77
        assert "acme" in done.notices
        assert "123456" not in done.notices
        rules.write_text('[[rules]]\nid = "acme"\nregex = "acme-("\n')
        assert trooper("ask", "hello").code == 78
        assert cloud.connections == 0

    def test_a_relative_path_is_relative_to_the_settings(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path
    ) -> None:
        """Wherever trooper is called, the file beside config.toml is meant, and none in that folder."""
        trooper.home.mkdir(parents=True)
        (trooper.home / "rules.toml").write_text('[[rules]]\nid = "acme"\nregex = "acme-[0-9]{6}"\n')
        (trooper.home / "config.toml").write_text('gitleaks = "rules.toml"\n')
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for content in (None, "", "[allowlist]\nregexes = ['.*']\n"):
            if content is not None:
                (elsewhere / "rules.toml").write_text(content)
            for prompt in ("what is acme-123456?", "AKIA" + "IOSFODNN7EXAMPLQ"):
                done = subprocess.run(
                    [COMMAND, "ask", "-n", prompt],
                    cwd=elsewhere,
                    env=trooper.environment(),
                    capture_output=True,
                    check=False,
                )
                assert done.returncode == 77, done.stderr
        assert cloud.connections == 0


class TestCommands:
    """guard, share, forget, audit."""

    def test_guard_checks_standard_input_and_files(self, trooper: Trooper, tmp_path: Path) -> None:
        """`trooper guard` is exit 0 or 77 and tells kind, offset and length, never the text."""
        trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        assert (trooper("guard", stdin="harmless").code, trooper("guard", stdin="harmless").out) == (0, b"")
        done = trooper("guard", "--json", stdin=f"well, {SECRET}")
        assert done.code == 77
        assert done.json["kind"] == "private-text"
        assert (done.json["session"], done.json["turn"]) == ("ops", 1)
        assert "Ottilie" not in done.text
        clean, dirty = tmp_path / "clean.txt", tmp_path / "dirty.txt"
        clean.write_text("harmless")
        dirty.write_text(SECRET)
        done = trooper("guard", str(clean), str(dirty))
        assert done.code == 77
        assert "clean.txt" not in done.text
        assert "dirty.txt" in done.text
        assert (done.notices.count("\n"), "ask with --local" in done.notices) == (1, True)
        assert trooper("guard", str(tmp_path / "none")).code == 66

    def test_guard_names_where_private_text_is_from(self, trooper: Trooper) -> None:
        """A turn without a session has no name, and that is what is said."""
        trooper("ask", "--local", stdin=SECRET)
        assert trooper("guard", stdin=SECRET).text.endswith(" of a turn without a session\n")
        assert "session" not in trooper("guard", "--json", stdin=SECRET).text

    def test_what_is_erased_is_said_to_be_unknown(self, trooper: Trooper) -> None:
        """So nobody takes an erased secret for a guarded one."""
        for _ in range(3):
            trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        assert "turn 1 of ops erased; the guard no longer knows" in trooper("forget", "-s", "ops", "1").notices
        assert "2 turns of ops erased; the guard" in trooper("forget", "-s", "ops", "2", "3").notices
        turn = json.dumps({"prompt": "a", "answer": "b"})
        assert "1 turn imported into ops" in trooper("import", "-s", "ops", stdin=turn).notices
        assert "ops is gone; the guard no longer knows" in trooper("rm", "-s", "ops").notices
        trooper("ask", "-s", "ops", "--cloud", "hello")
        assert trooper("forget", "-s", "ops", "1").notices == trooper("rm", "-s", "ops").notices == ""

    def test_share_declassifies_by_copying(self, trooper: Trooper, cloud: Standin) -> None:
        """A shared turn is copied into a new public one, which the cloud is told; the private one stays private."""
        trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        trooper("ask", "-s", "ops", "hello")
        assert b"Ottilie" not in cloud.bytes
        assert trooper("share", "-s", "ops", "1").text == "turn 1 was copied to the new public turn 3\n"
        assert trooper("ask", "-s", "ops", "and now?").code == 0
        assert b"Ottilie" in cloud.bytes
        assert [turn["label"] for turn in trooper.turns("ops")] == ["private", "public", "public", "public"]
        assert trooper("ask", stdin=SECRET).code == 0
        assert trooper("share", "-s", "ops", "2").code == 2
        assert trooper("share", "-s", "ops", "99").code == 66
        (shared,) = [record for record in audit(trooper, "ops") if record["to"] == "share"]
        assert (shared["turn"], shared["turns"]) == (3, [1])
        assert trooper("audit", "-s", "ops").code == 0

    def test_forget_leaves_not_one_byte(self, trooper: Trooper, local: Standin) -> None:
        """After `forget` no byte of the turn is in any file of Trooper's, and the guard no longer knows it."""
        local.respond = ollama("The answer speaks of Ottilie and the marzipan fund in great detail and at some length.")
        trooper("ask", "-s", "ops", "keep me")
        trooper("ask", "-s", "ops", "--local", "--system", "Be like Ottilie.", stdin=SECRET)
        trooper("ask", "-s", "ops", "--local", "keep me too")
        assert any(b"Ottilie" in path.read_bytes() for path in trooper.home.rglob("*") if path.is_file())
        assert trooper("forget", "-s", "ops", "2", "3").code == 0
        for path in trooper.home.rglob("*"):
            if path.is_file():
                for trace in (b"Ottilie", b"marzipan", b"keep me too"):
                    assert trace not in path.read_bytes(), (path, trace)
        assert [turn["turn"] for turn in trooper.turns("ops")] == [1]
        assert trooper("ask", stdin=SECRET).code == 0
        assert trooper("forget", "-s", "ops", "1", "77").code == 66
        assert len(trooper.turns("ops")) == 1

    def test_rm_forgets_fingerprints(self, trooper: Trooper) -> None:
        """With a session its fingerprints go."""
        trooper("ask", "-s", "ops", "--local", stdin=SECRET)
        assert trooper("rm", "-s", "ops").code == 0
        assert trooper("ask", stdin=SECRET).code == 0

    def test_audit_lists_what_left(self, trooper: Trooper, cloud: Standin) -> None:
        """`audit` names time, host, bytes, digest and turns of every cloud request, and nothing of local ones."""
        import hashlib

        trooper("ask", "-s", "ops", "one")
        trooper("ask", "-s", "ops", "--local", "two")
        trooper("ask", "-s", "ops", "three")
        first, second = audit(trooper, "ops")
        sent = cloud.requests[1]
        assert second["host"] == f"127.0.0.1:{cloud.port}"
        assert second["bytes"] == len(sent.body)
        assert second["sha256"] == hashlib.sha256(sent.body).hexdigest()
        assert (second["turn"], second["turns"]) == (3, [1])
        assert (first["turn"], first["turns"]) == (1, [])
        done = trooper("audit", "-s", "ops")
        assert (done.code, done.text.count("\n")) == (0, 2)

    def test_audit_raises_the_alarm(self, trooper: Trooper) -> None:
        """If a private turn did take part in a cloud request, audit says so and is exit 77, even after forgetting."""
        import sqlite3

        trooper("ask", "-s", "ops", "one")
        trooper("ask", "-s", "ops", "two")
        with sqlite3.connect(trooper.home / "sessions" / "ops.db") as connection:
            connection.execute("UPDATE turn SET label = 'private', public_place = NULL WHERE id = 1")
        connection.close()
        done = trooper("audit", "-s", "ops")
        assert done.code == 77
        assert "PRIVATE" in done.text


def audit(trooper: Trooper, session: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in trooper("audit", "-s", session, "--json").out.splitlines()]
