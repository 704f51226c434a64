from __future__ import annotations

import time

import pytest

from tests.memory.views import tables, talk
from trooper_cli.memory import fold, search
from trooper_cli.turn import Exchange, Label


def test_folding_anew_gives_the_same_bytes() -> None:
    """Stored, read back and continued at every turn, or folded at once: the same state."""
    view = talk(150)
    state = fold.Folded()
    for turn in view.turns:
        state.add(turn)
        again = fold.Folded.load(state.dump())
        assert again is not None
        state = again
    assert state.dump() == fold.fold(view).dump()


@pytest.mark.slow
def test_the_state_is_bounded() -> None:
    """Ten times the turns give no larger state."""
    short, long = fold.fold(talk(150)), fold.fold(talk(1500))
    assert len(long.units) <= fold.KEPT * 1.25
    assert len(long.dump()) < 3 * len(short.dump())


def test_a_broken_state_is_not_read() -> None:
    """Whatever is not a state of this form is folded anew."""
    for stored in (b"", b"{}", b"[[0,1,2,3,4],[]]", b"[[1,2],[]]", b"\xff", b"[1,2]"):
        assert fold.Folded.load(stored) is None


def test_what_the_mask_hides_never_enters() -> None:
    """Texts are masked whole, so a secret of two lines is found."""
    state = fold.Folded()
    fresh = state.add(
        Exchange("The key is\nBEGIN abc\nEND of it.", "The key BEGIN abc\nEND is noted."),
        lambda text: text.replace("BEGIN abc\nEND", "***"),
    )
    assert b"abc" not in state.dump()
    assert not any("abc" in (*unit.terms, unit.text) for unit in fresh)


@pytest.mark.slow
def test_folding_is_quick() -> None:
    """An ordinary turn takes a few milliseconds at most, at any length; the limit here is a slow machine's."""
    view = talk(400)
    state = fold.Folded()
    began = time.process_time()
    for turn in view.turns:
        state.add(turn)
    assert (time.process_time() - began) / len(view) < 0.01


def test_both_indexes_find_the_same() -> None:
    """A table in SQLite and a shelf in memory give the same answers."""
    view = talk(120)
    with tables() as indexes:
        index = indexes[Label.PUBLIC]
        state, units = fold.Folded(), []
        for turn in view.turns:
            fresh = state.add(turn)
            index.add(fresh)
            units += fresh
        shelf = search.MemoryIndex(units)
        for question in ("What is the host for Graz?", "node-17", "restart before 05:15", "nothing of it", ""):
            assert search.find(index, question) == search.find(shelf, question)
        index.clear()
        assert len(index) == 0
        assert search.find(index, "node-17").found == []


def test_two_views_have_two_indexes() -> None:
    """What is counted in one view is not seen in the other."""
    with tables() as indexes:
        indexes[Label.PRIVATE].add(fold.Folded().add(Exchange("The safe's code is 4711.", "Noted.")))
        assert len(indexes[Label.PUBLIC]) == 0
        assert search.find(indexes[Label.PUBLIC], "safe code 4711").found == []
        assert search.find(indexes[Label.PRIVATE], "safe code 4711").found
