"""What a session file keeps of a memory is a cache: it follows from the turns, whatever happened on the way."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.memory.views import talk
from trooper_cli import database
from trooper_cli.errors import StorageError
from trooper_cli.guard.credentials import mask
from trooper_cli.memory import build, fold
from trooper_cli.store import memory_cache
from trooper_cli.store.session import Session
from trooper_cli.turn import ImportedTurn, Label, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

LABELS = (Label.PUBLIC, Label.PRIVATE)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with contextlib.closing(Session.open_or_create(tmp_path, "s")) as opened:
        yield opened


def view_of(session: Session, label: Label) -> Any:
    return session.public_view() if label is Label.PUBLIC else session.private_view()


def answered(session: Session, label: Label, prompt: str, answer: str) -> int:
    number = session.begin(label, prompt, None)
    session.finish(number, Status.ANSWERED, answer, label=label, engine="e", model="m", stop="end_turn")
    return number


def fill(session: Session, count: int) -> None:
    session.add(
        ImportedTurn(
            "2026-01-01T00:00:00Z", LABELS[position % 3 == 0], Status.ANSWERED, None, turn.prompt, turn.answer, *"em"
        )
        for position, turn in enumerate(talk(count).turns)
    )


def assert_is_as_folded_anew(session: Session) -> None:
    for label in LABELS:
        memory = memory_cache.recollect(view_of(session, label), mask)
        assert memory.state.dump() == fold.fold(view_of(session, label), mask=mask).dump()
        fresh = [unit for exchange in reversed(list(view_of(session, label).latest())) for unit in [exchange]]
        assert memory.state.turns == len(fresh) == len(view_of(session, label))


def test_a_state_is_read_back_and_continued(session: Session) -> None:
    """After each turn the stored state is the one that folding all turns anew gives."""
    for position, turn in enumerate(talk(12).turns):
        answered(session, LABELS[position % 2], turn.prompt, turn.answer)
        assert_is_as_folded_anew(session)


def test_a_state_is_stored_and_not_folded_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is folded."""
    fill(session, 30)
    first = memory_cache.recollect(session.public_view(), mask).state.dump()
    monkeypatch.setattr(fold.Folded, "add", None)
    assert memory_cache.recollect(session.public_view(), mask).state.dump() == first


def test_forgetting_and_sharing_make_it_anew(session: Session) -> None:
    """A forgotten turn is in no state and in no index; a shared one is in both."""
    fill(session, 30)
    assert_is_as_folded_anew(session)
    number = answered(session, Label.PRIVATE, "The vault is called marmalade-77.", "Noted.")
    assert_is_as_folded_anew(session)
    session.share([number])
    assert_is_as_folded_anew(session)
    assert "marmalade-77" in memory_cache.recollect(session.public_view(), mask).state.dump().decode()
    session.forget([number, number + 1])
    assert_is_as_folded_anew(session)
    for label in LABELS:
        memory = memory_cache.recollect(view_of(session, label), mask)
        assert memory.index is not None
        assert "marmalade-77" not in memory.state.dump().decode()
        assert memory.index.document_frequency(["marmalade-77"]) == {}


def test_turns_that_end_out_of_order_stand_in_the_order_of_their_answers(session: Session) -> None:
    """A turn that began first and is answered last comes last, so that no state is ever wrong."""
    slow = session.begin(Label.PUBLIC, "slow", None)
    answered(session, Label.PUBLIC, "quick", "done")
    assert_is_as_folded_anew(session)
    session.finish(slow, Status.ANSWERED, "at last", label=Label.PUBLIC, engine="e", model="m", stop="")
    assert [exchange.prompt for exchange in session.public_view().first(9)] == ["quick", "slow"]
    assert session.public_view().numbers([0, 1]) == [2, 1] or session.public_view().numbers([0, 1]) == [2, slow]
    assert_is_as_folded_anew(session)


def test_a_view_stays_as_it_was_taken(session: Session) -> None:
    """What is answered while a turn is under way is not told to it, also when it is tried again."""
    fill(session, 3)
    view = session.public_view()
    before = (len(view), list(view.latest()))
    answered(session, Label.PUBLIC, "meanwhile", "yes")
    assert (len(view), list(view.latest())) == before
    assert len(session.public_view()) == before[0] + 1


def test_where_nothing_can_be_stored_it_is_folded_all_the_same(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk costs time, not memory."""
    fill(session, 30)
    expected = fold.fold(session.public_view(), mask=mask).dump()

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(memory_cache, "writing", full)
    assert memory_cache.recollect(session.public_view(), mask).state.dump() == expected


def test_whoever_holds_the_file_the_same_is_told(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private ask that holds the session while a public one is asked changes no byte of what that one tells."""
    fill(session, 700)
    view = session.public_view()
    prompt = f"What was it again: {talk(700).turns[31].prompt}"
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "sessions" / "s.db", isolation_level=None)) as holder,
        contextlib.closing(Session.open(tmp_path, "s")) as waiting,
    ):
        holder.execute("BEGIN IMMEDIATE")
        held = build(waiting.public_view(), prompt, 700, recollect=lambda view: memory_cache.recollect(view, mask))
    free = build(view, prompt, 700, recollect=lambda view: memory_cache.recollect(view, mask))
    assert (held.system, held.messages) == (free.system, free.messages)
    assert memory_cache.recollect(view, mask).index is not None
    assert free.sitrep


def test_forgetting_a_private_turn_leaves_the_public_memory(session: Session, tmp_path: Path) -> None:
    """A public ask that has read its state finds its index as it was, whatever private turn goes meanwhile."""
    fill(session, 60)
    private = next(turn.number for turn in session.turns() if turn.label is Label.PRIVATE)
    prompt = f"What was it again: {talk(60).turns[1].prompt}"
    with contextlib.closing(Session.open(tmp_path, "s")) as asking:
        view = asking.public_view()
        memory = memory_cache.recollect(view, mask)
        before = build(view, prompt, 700, recollect=lambda _: memory)
        session.forget([private])
        after = build(view, prompt, 700, recollect=lambda _: memory)
        assert memory.index is not None
        assert len(memory.index)
    assert (before.system, before.messages) == (after.system, after.messages)


def test_turns_erased_while_they_are_read_are_told_of(session: Session) -> None:
    """An ask whose turns are forgotten under its hands says so, and does not look for them for ever."""
    fill(session, 20)
    view = session.public_view()
    session.forget([2, 3])
    with pytest.raises(StorageError, match="erased"):
        memory_cache.recollect(view, mask)


def test_a_broken_state_is_folded_anew(session: Session, tmp_path: Path) -> None:
    """Whatever stands in the cache, what is told follows from the turns."""
    fill(session, 30)
    assert_is_as_folded_anew(session)
    with contextlib.closing(sqlite3.connect(tmp_path / "sessions" / "s.db")) as connection:
        connection.execute("UPDATE memory SET state = x'00'")
        connection.commit()
    assert_is_as_folded_anew(session)
    memory = memory_cache.recollect(session.public_view(), mask)
    assert memory.index is not None
    state = fold.Folded()
    assert len(memory.index) == sum(len(state.add(turn)) for turn in reversed(list(session.public_view().latest())))


def test_two_at_once_store_one_state(session: Session, tmp_path: Path) -> None:
    """A process that finds its state overtaken takes the newer one."""
    fill(session, 20)
    with contextlib.closing(Session.open(tmp_path, "s")) as other:
        mine, theirs = session.public_view(), other.public_view()
        memory_cache.recollect(theirs, mask)
        assert memory_cache.recollect(mine, mask).state.dump() == memory_cache.recollect(theirs, mask).state.dump()
    assert_is_as_folded_anew(session)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("turn"), st.sampled_from(LABELS), st.sampled_from(list(Status)), st.integers(0, 40)),
        st.tuples(st.just("forget"), st.integers(0, 20), st.none(), st.none()),
        st.tuples(st.just("share"), st.integers(0, 20), st.none(), st.none()),
        st.tuples(st.just("read"), st.sampled_from(LABELS), st.none(), st.none()),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_any_history_gives_the_state_of_its_turns(steps: list[Any]) -> None:
    """Whatever was asked, forgotten, shared and read in whatever order: the state follows from the turns left."""
    said = talk(41).turns
    with contextlib.closing(Session.of_one_turn()) as session:
        for kind, what, status, position in steps:
            numbers = [turn.number for turn in session.turns()]
            if kind == "turn":
                number = session.begin(what, said[position].prompt, None)
                if status is not Status.ASKED:
                    session.finish(number, status, said[position].answer, label=what, engine="e", model="m", stop="")
            elif kind == "read":
                memory_cache.recollect(view_of(session, what), mask)
            elif numbers:
                chosen = session.turn(numbers[what % len(numbers)])
                if kind == "forget":
                    session.forget([chosen.number])
                elif chosen.label is Label.PRIVATE and chosen.status in {"answered", "incomplete"}:
                    session.copies([chosen.number]) or session.share([chosen.number])
        assert_is_as_folded_anew(session)


SECRET = "marmalade-4711.example"


class TestCommands:
    """Through the program."""

    def test_nothing_of_a_forgotten_turn_is_left_on_the_disk(self, trooper: Trooper, local: Standin) -> None:
        """Also what the memory kept of it is gone, from every file."""
        turns = [{"prompt": f"node {n} of {SECRET}?", "answer": f"it has {n} GB. " * 60} for n in range(40)]
        trooper("import", "-s", "ops", stdin="\n".join(map(json.dumps, turns)))
        assert trooper("ask", "-s", "ops", "--local", "--budget", "1500", "go on").code == 0
        (body,) = local.bodies
        assert SECRET in json.dumps(body)
        files = list((trooper.home / "sessions").iterdir())
        assert any(SECRET.encode() in file.read_bytes() for file in files)
        assert trooper("forget", "-s", "ops", *map(str, range(1, 42))).code == 0
        for file in (trooper.home / "sessions").iterdir():
            assert SECRET.encode() not in file.read_bytes()
            assert b"marmalade" not in file.read_bytes()

    def test_credentials_of_public_turns_are_masked_for_the_local_model(
        self, trooper: Trooper, local: Standin, cloud: Standin
    ) -> None:
        """What the cloud was told of a credential, a local model is not told again; its own stay as they are."""
        key = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" + "K1l2M3n4O5p6Q7r8"
        turns = [
            {"prompt": f"is {key} a token?", "answer": "It is.", "label": "public"},
            {"prompt": f"and my own {key}?", "answer": "Yes."},
        ]
        # Without it, a public turn that holds a credential is refused.
        assert trooper("import", "-s", "ops", "--on-leak", "warn", stdin="\n".join(map(json.dumps, turns))).code == 0
        assert trooper("ask", "-s", "ops", "--local", "go on").code == 0
        texts = [message["content"] for message in local.bodies[0]["messages"]]
        assert key not in texts[0]
        assert key in texts[2]
        assert cloud.connections == 0

    def test_credentials_enter_no_report(self, trooper: Trooper, cloud: Standin) -> None:
        """What the guard's rules know in an earlier turn is told to the cloud as its kind, not as it is."""
        key = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" + "K1l2M3n4O5p6Q7r8"
        turns = [{"prompt": f"node {n}?", "answer": f"It has {n} GB. " * 20, "label": "public"} for n in range(40)]
        turns[9] = {"prompt": f"The deploy token is {key} for node-9.", "answer": "Noted.", "label": "public"}
        assert trooper("import", "-s", "ops", "--on-leak", "warn", stdin="\n".join(map(json.dumps, turns))).code == 0
        assert trooper("ask", "-s", "ops", "--budget", "900", "what is the deploy token for node-9?").code == 0
        sent = json.dumps(cloud.bodies[0])
        assert "deploy token" in sent.replace("what is the deploy token for node-9?", "")
        assert key not in sent
        with contextlib.closing(sqlite3.connect(trooper.home / "sessions" / "ops.db")) as connection:
            kept = connection.execute("SELECT state FROM memory").fetchall()
            kept += connection.execute("SELECT text FROM memory_public_unit").fetchall()
        assert "deploy token" in str(kept)
        assert key not in str(kept)
