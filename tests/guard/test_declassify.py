"""What makes text public by an explicit act, `import` and `share`, is looked at as a prompt for the cloud is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.standin import ollama

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
OTHER = "Blasting at the quarry was moved to Whit Monday, since the mayor's niece weds on the Sunday upstream of it."
TOKEN = "ghp_" + "x9Zk2Lm4Qp7Rt1Vw8Yb3Nc6Df5Gh0Js2Ka4W"


def turn(prompt: str, answer: str, label: str = "public", **fields: str) -> str:
    return json.dumps({"prompt": prompt, "answer": answer, "label": label} | fields) + "\n"


class TestImport:
    """`trooper import` of turns labelled public."""

    @pytest.mark.parametrize("lines", [turn("x", TOKEN), turn(TOKEN, "x"), turn("x", "y", system=f"use {TOKEN}")])
    def test_a_credential_is_refused(self, trooper: Trooper, lines: str) -> None:
        """Wherever in the turn it stands; nothing is imported, and the option imports it with a word."""
        done = trooper("import", "-s", "in", stdin=turn("a", "b") + lines)
        assert (done.code, done.notices.count("\n")) == (77, 1)
        assert "turn 2" in done.notices
        assert TOKEN not in done.notices
        assert trooper("show", "-s", "in").code == 66
        done = trooper("import", "-s", "in", "--on-leak", "warn", stdin=turn("a", "b") + lines)
        assert (done.code, done.notices.count("\n")) == (0, 2)
        assert len(trooper.turns("in")) == 2

    def test_a_private_turn_may_hold_one(self, trooper: Trooper) -> None:
        """It stays here."""
        assert trooper("import", "-s", "in", stdin=turn("x", TOKEN, "private")).code == 0

    def test_private_text_of_the_same_file_is_refused(self, trooper: Trooper, cloud: Standin) -> None:
        """A public turn that quotes a private one before it, which the index does not know yet."""
        lines = turn("about the branch", SECRET, "private") + turn("sum it up", f"As said: {SECRET}")
        done = trooper("import", "-s", "in", stdin=lines)
        assert (done.code, done.notices.count("\n")) == (77, 1)
        assert "Ottilie" not in done.notices
        assert "turn 2" in done.notices
        assert trooper("import", "-s", "in", "--on-leak", "warn", stdin=lines).code == 0
        assert trooper("ask", "-s", "in", "go on").code == 0
        assert b"Ottilie" in cloud.bytes

    def test_a_short_answer_in_quotation_marks_is_refused(self, trooper: Trooper) -> None:
        """One too short for a passage, within JSON."""
        lines = turn("who signs?", "Ottilie of Vienna signs", "private")
        lines += turn("as JSON", json.dumps({"signs": "Ottilie of Vienna signs"}))
        assert trooper("import", "-s", "in", stdin=lines).code == 77

    @pytest.mark.parametrize(
        "fields",
        [
            {"prompt": "hm", "answer": "no idea at all"} | {part: said}
            for part in ("prompt", "answer", "system")
            for said in ("Is Oduya leaving us in May?", "Tomasz left", "Oduya is our client")
        ],
        ids=str,
    )
    @pytest.mark.parametrize("source", ["turn", "same file"])
    def test_a_short_private_text_as_a_whole_is_refused(
        self, trooper: Trooper, cloud: Standin, local: Standin, fields: dict[str, str], source: str
    ) -> None:
        """A prompt, answer or system prompt that a private turn had: each part is looked at by itself."""
        lines, asked = json.dumps({"label": "public"} | fields), "Is Oduya leaving us in May?"
        if source == "turn":
            local.respond = ollama("Tomasz left")
            assert trooper("ask", "--local", "--system", "Oduya is our client", asked).code == 0
        else:
            lines = turn(asked, "Tomasz left", "private", system="Oduya is our client") + lines
        done = trooper("import", "-s", "in", stdin=lines)
        assert done.code == 77, done.notices
        assert trooper("import", "-s", "in", stdin=lines.replace('"public"', '"private"')).code == 0
        assert cloud.connections == 0

    def test_a_private_turn_may_quote_a_public_one(self, trooper: Trooper) -> None:
        """What was public first is no secret, in this file and in the guard's index."""
        lines = turn("about the branch", SECRET) + turn("sum it up", f"As said: {SECRET}", "private")
        assert trooper("import", "-s", "in", stdin=lines + turn("again", SECRET)).code == 0
        assert trooper("import", "-s", "copy", stdin=lines + turn("again", SECRET)).code == 0

    def test_a_backup_of_a_session_with_a_shared_turn(self, trooper: Trooper, local: Standin) -> None:
        """What was shared is public in a copy as well."""
        local.respond = ollama(SECRET)
        trooper("ask", "-s", "ops", "--local", OTHER)
        assert trooper("share", "-s", "ops", "1").code == 0
        assert trooper("import", "-s", "copy", stdin=trooper("export", "-s", "ops").out).code == 0

    def test_the_user_s_own_patterns_count(self, trooper: Trooper) -> None:
        """`guard_patterns` of config.toml."""
        trooper.home.mkdir()
        (trooper.home / "config.toml").write_text('guard_patterns = ["OPS-[0-9]{4}"]\n')
        assert trooper("import", "-s", "in", stdin=turn("x", "see OPS-1234")).code == 77


class TestShare:
    """`trooper share` makes its own turns public and nothing else."""

    def test_a_turn_s_own_text_is_no_obstacle(self, trooper: Trooper, local: Standin, cloud: Standin) -> None:
        """Nor is what later turns quote of it, a refused try of the same prompt, a report, or a copy of the session."""
        trooper("ask", "-s", "ops", "--local", "--budget", "3", OTHER)
        trooper("ask", "-s", "ops", "--local", "--dry-run", OTHER)
        local.respond = ollama(SECRET)
        assert trooper("ask", "-s", "ops", "--local", OTHER).code == 0
        assert trooper("ask", "-s", "ops", "--local", "say it again").code == 0
        assert trooper("ask", "--local", stdin=f"What of this? {SECRET}").code == 0
        trooper("sitrep", "-s", "ops")
        trooper("import", "-s", "copy", stdin=trooper("export", "-s", "ops").out)
        done = trooper("share", "-s", "ops", "1")
        assert (done.code, done.notices) == (0, "")
        assert trooper("ask", "-s", "ops", "go on").code == 0
        assert b"Ottilie" in cloud.bytes

    @pytest.mark.parametrize("where", ["ops", "elsewhere"])
    def test_text_of_a_private_turn_before_it_is_refused(self, trooper: Trooper, local: Standin, where: str) -> None:
        """Of the same session or of another, unless that turn is shared in the same call or has been."""
        local.respond = ollama(SECRET)
        trooper("ask", "-s", where, "--local", "about the branch")
        local.respond = ollama(f"Nothing new. {SECRET}")
        trooper("ask", "-s", "ops", "--local", "sum it up")
        number = str(len(trooper.turns("ops")))
        done = trooper("share", "-s", "ops", number)
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert "Ottilie" not in done.notices
        assert len(trooper.turns("ops")) == int(number)
        if where == "ops":
            assert trooper("share", "-s", "ops", "2", "1").code == 0
        else:
            assert trooper("share", "-s", where, "1").code == 0
            assert trooper("share", "-s", "ops", "1").code == 0

    @pytest.mark.parametrize("answer", [SECRET, "Ottilie of Vienna signs", "Ottilie Kern"])
    @pytest.mark.parametrize("where", ["ops", "elsewhere"])
    def test_an_answer_that_another_private_turn_had_is_refused(
        self, trooper: Trooper, local: Standin, cloud: Standin, where: str, answer: str
    ) -> None:
        """However short: shared, it would be public for that turn as well."""
        local.respond = ollama(answer)
        trooper("ask", "-s", where, "--local", "who signs for the northern branch?")
        trooper("ask", "-s", "ops", "--local", "whom did I mean with the branch?")
        number = str(len(trooper.turns("ops")))
        done = trooper("share", "-s", "ops", number)
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert f"session {where}, turn 1" in done.notices
        assert "Ottilie" not in done.notices
        assert trooper("ask", stdin=answer).code == 77
        assert cloud.connections == 0
        if where == "ops":
            assert trooper("share", "-s", "ops", "1", number).code == 0
        else:
            done = trooper("share", "-s", "ops", number, "--on-leak", "warn")
            assert (done.code, done.notices.count("\n")) == (0, 1)
        assert trooper("ask", stdin=answer).code == 0

    def test_the_same_turn_asked_twice_is_shared(self, trooper: Trooper, local: Standin) -> None:
        """Prompt and answer are the same text; and an everyday answer is nobody's."""
        local.respond = ollama(SECRET)
        for _ in range(2):
            trooper("ask", "-s", "ops", "--local", "about the branch")
        done = trooper("share", "-s", "ops", "2")
        assert (done.code, done.notices) == (0, "")
        local.respond = ollama("Yes, that is correct.")
        trooper("ask", "-s", "ops", "--local", "is this so?")
        trooper("ask", "-s", "ops", "--local", "and are the ledgers complete?")
        number = str(len(trooper.turns("ops")))
        done = trooper("share", "-s", "ops", number)
        assert (done.code, done.notices) == (0, "")

    def test_all_or_none(self, trooper: Trooper, local: Standin, cloud: Standin) -> None:
        """One turn that cannot be shared keeps the others where they are."""
        local.respond = ollama(SECRET)
        trooper("ask", "-s", "ops", "--local", "about the branch")
        trooper("ask", "-s", "ops", "hello")
        for number, code, why in (("2", 2, "turn 2 of ops is public already"), ("9", 66, "turn 9")):
            done = trooper("share", "-s", "ops", "1", number)
            assert (done.code, done.out, done.notices.count("\n")) == (code, b"", 1)
            assert why in done.notices
        assert [turn["label"] for turn in trooper.turns("ops")] == ["private", "public"]
        assert trooper("ask", stdin=SECRET).code == 77
        assert b"Ottilie" not in cloud.bytes

    def test_twice(self, trooper: Trooper, local: Standin) -> None:
        """The second time it says under which number the turn is public; when that one is gone it is copied again."""
        local.respond = ollama(SECRET)
        trooper("ask", "-s", "ops", "--local", "about the branch")
        assert trooper("share", "-s", "ops", "1", "1").text == "turn 1 was copied to the new public turn 2\n"
        done = trooper("share", "-s", "ops", "1")
        assert (done.code, done.out) == (2, b"")
        assert "public already, as turn 2" in done.notices
        assert trooper("forget", "-s", "ops", "2").code == 0
        assert trooper("share", "-s", "ops", "1").code == 0

    def test_a_copy_outlives_its_turn(self, trooper: Trooper, local: Standin) -> None:
        """`forget` says so, and how to erase it."""
        local.respond = ollama(SECRET)
        trooper("ask", "-s", "ops", "--local", "about the branch")
        trooper("share", "-s", "ops", "1")
        done = trooper("forget", "-s", "ops", "1")
        assert (done.code, done.notices.count("\n")) == (0, 2)
        assert "turn 2 is a public copy and stays; `trooper forget -s ops 2`" in done.notices
        assert trooper("forget", "-s", "ops", "2").notices == ""

    def test_a_credential_is_refused(self, trooper: Trooper, local: Standin) -> None:
        """A private turn may hold one, and a public turn gets it by the user's word alone."""
        local.respond = ollama(f"the token is {TOKEN}")
        trooper("ask", "-s", "ops", "--local", "which token?")
        done = trooper("share", "-s", "ops", "1")
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert TOKEN not in done.notices
        assert "share the turn it is of" not in done.notices
        done = trooper("share", "-s", "ops", "1", "--on-leak", "warn")
        assert (done.code, done.text) == (0, "turn 1 was copied to the new public turn 2\n")
        assert "warning" in done.notices


class TestRemoval:
    """`trooper rm` of a session that was kept from the cloud."""

    @pytest.mark.parametrize(("name", "value"), [("cloud", "off"), ("local", "1")])
    def test_it_says_that_the_lock_is_gone(self, trooper: Trooper, name: str, value: str) -> None:
        """One notice, after the removal."""
        assert trooper("config", "set", "-s", "ops", name, value).code == 0
        done = trooper("rm", "-s", "ops")
        assert (done.code, done.out, done.notices.count("\n")) == (0, b"", 1)
        assert f"{name} = {value}" in done.notices

    def test_without_one_it_says_nothing(self, trooper: Trooper, tmp_path: Path) -> None:
        """Nor where the file cannot be read, or there is none."""
        assert trooper("config", "set", "-s", "ops", "local", "0").code == 0
        done = trooper("rm", "-s", "ops")
        assert (done.code, done.notices) == (0, "")
        assert trooper("rm", "-s", "ops").code == 66
        assert not (tmp_path / "home" / "sessions" / "ops.db").exists()
