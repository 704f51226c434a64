"""`trooper sitrep`: what a session comes to, for a person."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.standin import ollama

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

TURNS = [
    ("Which database do we take?", "We decided on PostgreSQL 17 on db-7.internal.", "public"),
    ("The old one must never be restarted before 22:00.", "Noted, not before 22:00.", "public"),
    ("The vendor's quote is 48,200 EUR and stays secret.", "We will not pay 48,200 EUR.", "private"),
]


@pytest.fixture
def ops(trooper: Trooper) -> Trooper:
    lines = [json.dumps({"prompt": prompt, "answer": answer, "label": label}) for prompt, answer, label in TURNS]
    assert trooper("import", "-s", "ops", stdin="\n".join(lines)).code == 0
    return trooper


def test_it_is_headed_lists(ops: Trooper) -> None:
    """Plain words under headings, no JSON, no turn numbers."""
    done = ops("sitrep", "-s", "ops")
    assert done.code == 0
    assert "PostgreSQL 17 on db-7.internal" in done.text
    assert "48,200 EUR" in done.text
    assert any(line.endswith(":") and not line.startswith(" ") for line in done.text.splitlines())
    assert "{" not in done.text


def test_as_the_cloud_is_told(ops: Trooper, cloud: Standin, local: Standin) -> None:
    """The report for the cloud is of public turns alone; to print one asks nobody."""
    done = ops("sitrep", "-s", "ops", "--as", "cloud")
    assert "PostgreSQL 17" in done.text
    assert "48,200" not in done.text
    assert (cloud.connections, local.connections) == (0, 0)


def test_what_an_engine_would_read(ops: Trooper) -> None:
    """`--told` prints the short form that an engine is told, of that side's turns alone."""
    done = ops("sitrep", "-s", "ops", "--told", "--as", "cloud")
    assert "PostgreSQL 17 on db-7.internal" in done.text
    assert "48,200" not in done.text


def test_credentials_are_masked(ops: Trooper) -> None:
    """What the guard's rules know is not in a report, whichever it is."""
    key = "ghp_" + "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2"
    turn = {"prompt": f"The deploy token is {key} and must stay.", "answer": "Noted.", "label": "private"}
    ops("import", "-s", "keys", stdin=json.dumps(turn))
    for form in ([], ["--told"]):
        done = ops("sitrep", "-s", "keys", *form)
        assert "deploy token" in done.text
        assert key not in done.text


def test_json(ops: Trooper) -> None:
    """Each line with its heading and the turn it comes from, as `show` numbers it."""
    record = json.loads(ops("sitrep", "-s", "ops", "--json").text)
    assert (record["session"], record["as"], record["turns"], record["written_by"]) == ("ops", "local", 3, None)
    quotes = [line for line in record["lines"] if "48,200" in line["text"]]
    assert [line["turn"] for line in quotes] == [3]
    assert all(line["text"] in record["text"] for line in record["lines"])


def test_a_report_of_private_turns_is_private_text(ops: Trooper, cloud: Standin) -> None:
    """What `sitrep` printed does not go to the cloud by the next pipe."""
    report = ops("sitrep", "-s", "ops").text
    assert ops("ask", "what now?", stdin=report).code == 77
    assert cloud.connections == 0
    assert ops("ask", "what now?", stdin=ops("sitrep", "-s", "ops", "--as", "cloud").text).code == 0


def test_a_question_answered_in_public_takes_nothing_along(ops: Trooper, cloud: Standin) -> None:
    """A line that joins a private question with its public answer is private text, alone as well."""
    lines = [
        ("go on", "Is the vault door opened with the Zebra codes?", "private"),
        ("yes, on Monday", "Fine", "public"),
    ]
    told = "\n".join(
        json.dumps({"prompt": prompt, "answer": answer, "label": label}) for prompt, answer, label in lines
    )
    ops("import", "-s", "vault", stdin=told)
    lines_told = [line["text"] for line in json.loads(ops("sitrep", "-s", "vault", "--json").text)["lines"]]
    joined = [line for line in lines_told if "Zebra" in line and "Monday" in line]
    assert joined
    for line in joined:
        assert ops("ask", "translate", stdin=line).code == 77
    assert cloud.connections == 0


def test_a_public_line_holds_no_value_of_a_private_turn(ops: Trooper, cloud: Standin) -> None:
    """What a private turn said before is not put behind a public decision, where the guard could not know it again."""
    turns = [
        ("The cut-over of the billing database is planned for Saturday 14 June.", "Noted.", "private"),
        ("Change of plan: the cut-over of the billing database moves to Saturday 21 June.", "Noted.", "public"),
    ]
    for label, was in (("public", True), ("private", False)):
        told = "\n".join(
            json.dumps({"prompt": prompt, "answer": answer, "label": label if number == 0 else own})
            for number, (prompt, answer, own) in enumerate(turns)
        )
        ops("import", "-s", f"move-{label}", stdin=told)
        text = ops("sitrep", "-s", f"move-{label}").text
        assert "21 June" in text
        assert ("14" in text) is was
    assert cloud.connections == 0


def test_what_it_told_is_forgotten_with_the_turn(ops: Trooper) -> None:
    """`forget` takes the fingerprints of the report's lines along."""
    (quote,) = [
        line["text"] for line in json.loads(ops("sitrep", "-s", "ops", "--json").text)["lines"] if line["turn"] == 3
    ]
    assert ops("ask", stdin=quote).code == 77
    ops("forget", "-s", "ops", "3")
    assert ops("ask", stdin=quote).code == 0


def test_to_look_again_and_again_costs_no_room(ops: Trooper) -> None:
    """The guard takes a report's lines in once."""
    sizes = []
    for _ in range(2):
        ops("sitrep", "-s", "ops")
        with contextlib.closing(sqlite3.connect(ops.home / "guard.db")) as connection:
            sizes.append(connection.execute("SELECT count(*) FROM mark").fetchone())
    assert sizes[0] == sizes[1]


def test_an_empty_session_and_one_that_is_not_there(trooper: Trooper) -> None:
    """Nothing to tell is no error; no session is."""
    trooper("import", "new", stdin='{"prompt": "why?", "answer": "so"}')
    trooper("forget", "new", "1")
    done = trooper("sitrep", "-s", "new")
    assert (done.code, done.text) == (0, "")
    assert trooper("sitrep", "-s", "none").code == 66
    assert trooper("sitrep", "-s", "new", "--as", "nobody").code == 2


class TestWrite:
    """`--write` has the local model phrase it."""

    def answer(self, local: Standin, change: dict[str, str]) -> None:
        def chat(request: Recorded) -> Iterable[bytes]:
            notes = request.json["messages"][-1]["content"].split("\n\n", 1)[1]
            for old, new in change.items():
                notes = notes.replace(old, new)
            return ollama(f"In prose: {notes}")(request)

        local.respond = ollama(chat=chat)

    def test_a_faithful_text_is_printed(self, ops: Trooper, local: Standin, cloud: Standin) -> None:
        """It is asked of the local model alone, and says who wrote it."""
        self.answer(local, {})
        record = json.loads(ops("sitrep", "-s", "ops", "--write", "--json").text)
        assert record["text"].startswith("In prose: ")
        assert record["written_by"]
        assert cloud.connections == 0

    @pytest.mark.parametrize("change", [{"48,200": "48,300"}, {"db-7.internal": "the database"}, {"22:00": ""}])
    def test_a_lost_fact_keeps_the_extracted_report(self, ops: Trooper, local: Standin, change: dict[str, str]) -> None:
        """A changed number or a lost name is noticed and said."""
        self.answer(local, change)
        done = ops("sitrep", "-s", "ops", "--write")
        assert done.text == ops("sitrep", "-s", "ops").text
        assert "the extracted report stands" in done.notices
