"""Fingerprints of private text: what is found, what is not, and what is left after forgetting."""

from __future__ import annotations

import base64
import html
import json
import random
import stat
import textwrap
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trooper_cli.guard.forms import reduced
from trooper_cli.guard.overlap import RUN, WINDOW, Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRIVATE = (
    "The vault in Vienna opens with the marzipan key after nine in the evening; ask Ottilie for the third floor, "
    "and never mention the payroll of the northern branch to anyone from the auditors' office."
)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index.open(tmp_path)
    yield opened
    opened.close()


def remember(index: Index, text: str, *, public: bool = False, session: str = "ops", turn: int = 1) -> None:
    index.add(index.marks([(text, False)], public=public), public=public, session=session, turn=turn)


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: text,
        str.upper,
        lambda text: textwrap.fill(text, 31),
        lambda text: "".join(f"> {line}\n" for line in textwrap.wrap(text, 40)),
        lambda text: "".join(f"+    {line}\n" for line in textwrap.wrap(text, 50)),
        lambda text: "".join(f"{number:>4}: {line}\n" for number, line in enumerate(textwrap.wrap(text, 25), 98)),
        json.dumps,
        lambda text: json.dumps(json.dumps({"log": text.replace(" ", "\n")})),
        quote,
        lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
        html.escape,
        lambda text: "".join(f"&#{ord(character)};" for character in text),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    ],
)
def test_a_copy_is_found_in_any_dress(index: Index, disguise: Callable[[str], str]) -> None:
    """Re-wrapped, quoted, in a diff, numbered, escaped, encoded or in wide letters: a copy is a copy."""
    remember(index, PRIVATE)
    text = f"Please look at this:\n{disguise(PRIVATE)}\nWhat does it mean?"
    finds = index.find(text)
    assert finds
    assert (finds[0].session, finds[0].turn) == ("ops", 1)


def test_the_place_is_told(index: Index) -> None:
    """Offset and length are those of the repeated text."""
    remember(index, PRIVATE)
    text = "Nothing here. " * 20 + PRIVATE + " Nothing there." * 20
    (find,) = index.find(text)
    assert abs(find.offset - 280) <= WINDOW * 2
    assert abs(find.offset + find.length - 280 - len(PRIVATE)) <= WINDOW * 2


def test_unrelated_text_is_not_found(index: Index) -> None:
    """What shares no run of 32 letters and digits with a private turn passes."""
    remember(index, PRIVATE)
    assert index.find("The vault is open. Ask for the key after nine. Ottilie works in the northern branch.") == []


def test_what_public_turns_hold_too_does_not_count(index: Index) -> None:
    """Boilerplate that stands in a public turn as well is no leak; the private rest around it is."""
    boilerplate = "This message is confidential and intended solely for the use of the individual it is addressed to. "
    remember(index, PRIVATE + boilerplate)
    assert index.find(boilerplate * 2)
    remember(index, f"Hello there, {boilerplate} Goodbye.", public=True, turn=2)
    assert index.find(f"A note. {boilerplate}") == []
    assert index.find(f"{boilerplate}{PRIVATE}")


@pytest.mark.parametrize(
    ("secret", "prompt"),
    [
        ("the password is hunter2-tango-9", "try hunter2-tango-9 on the login page"),
        ("host is db-bill-01.corp.example", "is DB-BILL-01.corp.example reachable?"),
        ("account 123456789012", "what about 123456789012?"),
    ],
)
def test_a_short_secret_is_found_by_itself(index: Index, secret: str, prompt: str) -> None:
    """A password, a host or an account number of a private turn is found though it is short."""
    remember(index, secret)
    assert index.find(prompt)


def test_ordinary_words_are_no_secrets(index: Index) -> None:
    """Dates, versions, paths and plain words of a private turn may stand in a public one."""
    words = "On 2026-11-03 at 14:05:11 python3.11 read /etc/hosts, v0.33.0 of http://localhost:8080/x and utf-8"
    remember(index, f"Wir sahen: {words}")
    assert index.find("Use python3.11 and v0.33.0 on 2026-11-03, see /etc/hosts and http://localhost:8080/x") == []


def test_a_short_answer_is_found_as_a_whole(index: Index) -> None:
    """An answer too short for a run is found as a line."""
    marks = index.marks([("The capital of France is Paris.", True)], public=False)
    index.add(marks, public=False, session=None, turn=None)
    assert index.find("is this right?\n\n> The capital of France is Paris.")


letters = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789 \n.,-äé漢"), max_size=200)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=letters, after=letters, around=letters, behind=letters, seed=st.integers(0, 1 << 30))
def test_every_shared_run_of_48_is_found(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str, around: str, behind: str, seed: int
) -> None:
    """Whatever stands around it on both sides, 48 shared letters and digits are found."""
    shared = "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=RUN + WINDOW - 1))
    index = Index.open(tmp_path_factory.mktemp("index"))
    remember(index, f"{before}{shared}{after}")
    assert index.find(f"{around}{shared}{behind}")
    index.close()


@settings(max_examples=100, deadline=None)
@given(letters)
def test_reduction_forgets_layout_alone(text: str) -> None:
    """Blanks, line ends and punctuation do not count; letters and digits all do."""
    assert reduced(f" {text}\n> ") == reduced(text)
    assert reduced(text.replace(" ", "\n> ").replace(".", "")) == reduced(text)
    assert len(reduced(text)) >= sum(map(str.isalnum, text))


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Index and key are 0600."""
    index = Index.open(tmp_path)
    remember(index, PRIVATE)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    index.close()


def test_forgetting_leaves_no_fingerprint(tmp_path: Path) -> None:
    """After removal not one fingerprint's bytes are in any file, and the text passes."""
    index = Index.open(tmp_path)
    remember(index, PRIVATE, session="other")
    remember(index, "Completely different words about the weather in Graz and the price of plums in autumn. " * 3)
    rows = index._connection.execute(  # noqa: SLF001
        "SELECT hash FROM mark JOIN origin ON origin.id = origin WHERE session = 'ops'"
    ).fetchall()
    marks = [row[0].to_bytes(8, signed=True) for row in rows]
    assert marks
    assert any(mark in b"".join(path.read_bytes() for path in tmp_path.iterdir()) for mark in marks)
    index.remove("ops")
    index.close()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(mark in left for mark in marks)
    index = Index.open(tmp_path)
    assert index.find("words about the weather in Graz and the price of plums in autumn") == []
    assert index.find(PRIVATE)
    index.close()


def test_another_key_finds_nothing(tmp_path: Path) -> None:
    """The fingerprints are keyed: without the key the index says nothing about any text."""
    index = Index.open(tmp_path)
    remember(index, PRIVATE)
    index.close()
    (tmp_path / "guard.key").write_bytes(b"x" * 32)
    index = Index.open(tmp_path)
    assert index.find(PRIVATE) == []
    index.close()
