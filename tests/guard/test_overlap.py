"""Fingerprints of private text: what is found, what is not, and what is left after forgetting."""

from __future__ import annotations

import base64
import contextlib
import html
import itertools
import json
import quopri
import random
import stat
import textwrap
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trooper_cli.guard.fingerprints import RUN, WINDOW, Index
from trooper_cli.guard.identity import Identity
from trooper_cli.guard.normalize import reduced

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
    origin = Identity(session, session, "", "")
    index.add(index.marks([(text, False)], public=public), public=public, session=origin, turn=turn)


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
    findings = index.find(text)
    assert findings
    assert (findings[0].session, findings[0].turn) == ("ops", 1)


FOREIGN = {
    "Russian": "Хранилище в Вене открывается после девяти вечера, спросите Оттилию и молчите обо всём.",  # noqa: RUF001
    "Vietnamese": "Kho tiền ở Viên mở cửa sau chín giờ tối, hãy hỏi Ottilie về tầng ba, đừng nhắc đến lương.",
    "Korean": "빈의 금고는 저녁 아홉 시 이후에 열리며 삼층에 대해서는 오틸리에에게 물어보고 "
    "급여 명세서는 절대로 언급하지 마시오 그리고 북부 지점의 장부도 비밀이다",
    "rare Chinese": "".join(chr(0x20000 + 37 * place) for place in range(60)),
}


def wrapped(data: bytes, width: int, start: str = "", end: str = "\n") -> str:
    return "".join(f"{start}{line}{end}" for line in textwrap.wrap(base64.b64encode(data).decode(), width))


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: wrapped(text.encode(), 76),
        lambda text: wrapped(text.encode(), 64, "> "),
        lambda text: json.dumps(wrapped(text.encode(), 76)),
        lambda text: unicodedata.normalize("NFD", text),
        json.dumps,
        lambda text: json.dumps(json.dumps(json.dumps(text))),
        lambda text: quote(quote(text)),
        lambda text: quopri.encodestring(text.encode()).decode(),
        lambda text: repr(text.encode()),
        lambda text: text.encode().hex(),
        lambda text: "\n".join(textwrap.wrap(text.encode().hex(), 60)),
    ],
)
def test_a_copy_in_any_language_is_found(index: Index, text: str, disguise: Callable[[str], str]) -> None:
    """Where an encoding cuts a letter in two, or writes its accent apart, a copy is a copy too."""
    remember(index, text)
    given = f"Please look at this:\n{disguise(text)}\nWhat does it mean?"
    findings = index.find(given)
    assert findings
    assert all(find.offset >= 0 and find.offset + find.length <= len(given) for find in findings)


def test_a_short_answer_is_found_in_json(index: Index) -> None:
    """As `export`, `show --json` and `messages` print it."""
    answer = "Jane Roe has\nstage four lupus, sadly"
    index.add(index.marks([(answer, True)], public=False), public=False, session=None, turn=1)
    assert index.find(json.dumps({"turn": 1, "answer": answer}))
    assert index.find(json.dumps({"content": [{"type": "text", "text": answer}]}, indent=1))
    assert not index.find(json.dumps({"turn": 1, "answer": "John Doe has a cold, luckily"}))


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


def test_what_public_turns_hold_too_does_not_count() -> None:
    """Boilerplate that stands in a public turn as well is no leak, whatever is around it; the private rest is.

    Which of its fingerprints are stored depends on the key, so there are many.
    """
    boilerplate = "This message is confidential and intended solely for the use of the individual it is addressed to. "
    for public in (f"Hello there, {boilerplate} Goodbye.", boilerplate):
        for _ in range(50):
            index = Index.in_memory()
            remember(index, PRIVATE + boilerplate)
            assert index.find(boilerplate * 2)
            remember(index, public, public=True, turn=2)
            assert index.find(f"A note. {boilerplate}") == []
            assert index.find(f"{boilerplate}{PRIVATE}")
            index.close()


@pytest.mark.parametrize(
    ("secret", "prompt"),
    [
        ("the password is hunter2-tango-9", "try hunter2-tango-9 on the login page"),
        ("host is db-bill-01.corp.example", "is DB-BILL-01.corp.example reachable?"),
        ("account 123456789012", "what about 123456789012?"),
        ("it is HunterSecretZebra99", "log in with HunterSecretZebra99"),
        ("it is hunterzebra2024", "log in with hunterzebra2024"),
        ("it is 2024-01-02xK9mQ7zR4tB8w", "log in with 2024-01-02xK9mQ7zR4tB8w"),
        ("it is v1.2k9mQ7zR4tB8w", "log in with v1.2k9mQ7zR4tB8w"),
        ("the path is /k9mQ7zR4tB8wVn3Lp6", "GET /k9mQ7zR4tB8wVn3Lp6"),
        ("hook https://hooks.acme.example/T0/zzK9mQ7zR4", "curl https://other.example/zzK9mQ7zR4?x=1"),
    ],
)
def test_a_short_secret_is_found_by_itself(index: Index, secret: str, prompt: str) -> None:
    """A password, a host or an account number of a private turn is found though it is short."""
    remember(index, secret)
    assert index.find(prompt)


def test_ordinary_words_are_no_secrets(index: Index) -> None:
    """Dates, versions, paths and plain words of a private turn may stand in a public one."""
    words = (
        "2026-11-03 2026-11-03T14:05:11Z 2026-11-03T14:05:11.123+01:00 14:05:11.123456 python3.11 postgresql17 "
        "office2021 v0.33.0 v1.2.3-beta.1 3.11.7rc1 10.20.30.40:8080 192.168.100.0/24 2026.11.03 /etc/hosts "
        "./run.sh ~/src/python3.11/site-packages http://localhost:8080/x https://example.org/2026/a.html?p=2 utf-8"
    )
    remember(index, "\n".join(f"see {word}" for word in words.split()))
    for word in words.split():
        assert index.find(f"use {word} here") == [], word


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
    index.remove_session("ops", "ops", ())
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


@pytest.mark.parametrize("look", range(2))
def test_two_that_begin_at_once_lose_nothing(tmp_path: Path, look: int) -> None:
    """Another process begins the index before this one's first or second look into it: nothing is said to be lost."""
    told: list[str] = []
    looks = itertools.count()
    with contextlib.closing(Index.open(tmp_path)) as mine:
        connection = mine._connection  # noqa: SLF001 - what stands between two statements is to be met

        def other_begins(statement: str) -> None:
            if statement.startswith("SELECT") and next(looks) == look and not connection.in_transaction:
                connection.set_trace_callback(None)
                with contextlib.closing(Index.open(tmp_path)) as other:
                    other.begin(told.append)

        connection.set_trace_callback(other_begins)
        mine.begin(told.append)
    assert told == []
