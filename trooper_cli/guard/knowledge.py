"""What the guard knows: the fingerprints of all turns, in its index or, where that cannot be written, beside it."""

from __future__ import annotations

import os
import time
from array import array
from typing import TYPE_CHECKING

from trooper_cli.errors import StorageError
from trooper_cli.guard import text_keys
from trooper_cli.guard.fingerprints import Index
from trooper_cli.guard.identity import Identity
from trooper_cli.guard.index import ReadTurn
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Protocol

    from trooper_cli.guard.identity import FileState
    from trooper_cli.guard.text_keys import Known
    from trooper_cli.turn import ImportedTurn, StoredTurn

    # The fingerprints of a turn, and whether it is public.
    Marked = tuple[set[int], bool]

    class Remember(Protocol):
        """Stores what was prepared, under a turn's number and its session's identity."""

        def __call__(self, turn: int | None, session: Identity | None = None) -> None: ...


# Seconds after which a notice says what is being waited for.
SLOW_SECONDS = 1.0


class Knowledge:
    """The fingerprints of one user's turns. It opens no session: a `Store` hands it the turns of those that changed.

    Until that is done, by `end_reading`, look-ups raise an error: the newest private text may be missing.
    """

    def __init__(self, home: Path, notify: Callable[[str], object]) -> None:
        self._tell = notify
        self._failure: StorageError | None = None
        # What the index does not know and cannot take in: on a disk that is full or read-only it still counts.
        self._beside: Index | None = None
        self._is_blind = self._is_slow = self._is_stuck = self._is_ready = False
        self._began: float | None = None
        # The ids of the sessions that are there, and of what is held beside.
        self._present: set[str] = set()
        self._held_beside: set[str] = set()
        try:
            self._index = Index.open(home)
        except StorageError as error:
            # Where there has never been an index, no turn without a session is forgotten with it.
            self._failure, self._is_blind = error, Index.is_there(home)
            self._index = Index.in_memory()
        try:
            self._index.begin(self._tell_lost)
        except StorageError as error:
            # What was marked under another key says nothing.
            self._failure, self._index = error, Index.in_memory()

    def _tell_lost(self, what: str) -> None:
        self._tell(
            f"{what} was lost or replaced; the guard built its index again from the sessions, "
            "and no longer knows the text of private turns that had none"
        )

    def close(self) -> None:
        self._index.close()
        if self._beside is not None:
            self._beside.close()

    def fingerprint(self, label: Label, *, prompt: str = "", answer: str = "", names: Iterable[str] = ()) -> Remember:
        """Fingerprint a turn's texts now; return a callback that stores the fingerprints under the turn's number.

        Hashing is slow and needs no lock; the callback only inserts. Text of public turns is known to the
        cloud and does not count as private. The `names` are the keys of the whole turn. The callback raises
        `StorageError` where it cannot insert, so that later calls will not know the text.
        """
        public, marks = label is Label.PUBLIC, set[int]()
        if self._failure is None:
            texts = [(text, is_answer) for text, is_answer in ((prompt, False), (answer, True)) if text]
            marks = self._index.marks(texts, public=public, names=names)

        def store(turn: int | None, session: Identity | None = None) -> None:
            if self._failure is not None:
                raise self._failure
            self._index.add(marks, public=public, session=session, turn=turn)

        return store

    def known(self, names: Iterable[str]) -> Known:
        """Return which texts turns have as wholes, by the keys of text_keys.py.

        Raises:
            StorageError: fingerprints of turns without a session are lost or cannot be read.

        """
        self._check_ready()
        if self._failure is not None:
            raise self._failure
        if self._beside is not None:
            raise StorageError("the guard's index does not hold all sessions, and cannot be written")
        return self._index.known(names)

    def remember(
        self,
        label: Label,
        session: Identity | None,
        turn: int | None,
        *,
        prompt: str = "",
        answer: str = "",
        names: Iterable[str] = (),
    ) -> None:
        """Store fingerprints of the text of a turn.

        The `names` are the keys of the whole turn.

        Raises:
            StorageError: it cannot be written down, so that later calls will not know it.

        """
        self.fingerprint(label, prompt=prompt, answer=answer, names=names)(turn, session)

    def marks_of(self, turns: Iterable[ImportedTurn]) -> list[Marked]:
        """Return for each turn its fingerprints and whether it is public."""
        return [
            self._marked(turn, self._index) if _counts(turn) else (set[int](), turn.label is Label.PUBLIC)
            for turn in turns
        ]

    def remember_turns(self, session: Identity | None, first: int, marked: Iterable[Marked], *, public: bool) -> None:
        """Index those turns of either label out of many that have their numbers one after the other.

        Raises:
            StorageError: they cannot be written down.

        """
        if self._failure is not None:
            raise self._failure
        numbered = ((marks, is_public, number) for number, (marks, is_public) in enumerate(marked, first))
        self._index.add_turns(session, (each for each in numbered if each[0] and each[1] is public))

    def remember_report(self, session: Identity | None, lines: Iterable[tuple[int | None, str]]) -> None:
        """Store fingerprints of a report on private turns, each text under the number of its turn if it has one.

        Raises:
            StorageError: it cannot be written down.

        """
        if not (lines := list(lines)):
            return
        if self._failure is not None:
            raise self._failure
        marked = [(self._index.new_marks([(text, True)]), False, turn) for turn, text in lines]
        if any(marks for marks, _, _ in marked):
            self._index.add_turns(session, (each for each in marked if each[0]))

    def know_all(self, session: Identity | None, turns: Iterable[StoredTurn]) -> None:
        """Index the private turns of a session that the index does not know, before they are printed.

        Raises:
            StorageError: there is one, and it cannot be written down.

        """
        if self._failure is not None:
            raise self._failure
        for turn in turns:
            if turn.label is Label.PRIVATE and not self._knows(turn):
                self.remember(
                    Label.PRIVATE,
                    session,
                    turn.number,
                    prompt=_said(turn),
                    answer=turn.answer,
                    names=text_keys.keys_of(turn),
                )

    def _knows(self, turn: StoredTurn) -> bool:
        """Return whether the index has a turn; its names are stored together with its fingerprints."""
        names = [text_keys.of_prompt(turn.prompt), *([text_keys.of_answer(turn.answer)] if turn.answer else [])]
        if not self._index.known(names).private.issuperset(names):
            return False
        return not turn.system or not self._index.new_marks([(_said(turn), False)])

    def remember_turn(self, session: Identity | None, turn: StoredTurn) -> None:
        names = text_keys.keys_of(turn)
        self.remember(turn.label, session, turn.number, prompt=_said(turn), answer=turn.answer, names=names)

    def forget_turns(self, session: Identity, numbers: Iterable[int]) -> None:
        """Remove every trace of turns that are gone from a session.

        Raises:
            StorageError: it cannot be written, or is read just now.

        """
        if self._failure is not None:
            raise self._failure
        self._index.remove_turns(session, numbers)

    def forget_session(self, name: str, session: str | None = None) -> None:
        """Remove every trace of a session that is gone: of this id, or of all that had its name and have no file.

        Raises:
            StorageError: it cannot be written, or is read just now.

        """
        if self._failure is not None:
            raise self._failure
        self._index.remove_session(name, session, self._present)

    def read_sessions(self) -> list[tuple[str, str, str]]:
        """Return id, last name and noted state of the file of all sessions that were read."""
        return self._index.sessions()

    def is_listed(self, session: Identity) -> bool:
        """Return whether all private turns of this state of a session are known."""
        return self._index.is_listed(session)

    def note(self, session: Identity, state: FileState) -> None:
        """Note that this state of a file holds nothing unknown, so that it need not be opened again."""
        self._index.note(session, state)

    def has_up_to_date(self, session: Identity | None) -> bool:
        """Return whether a session needs no reading: it is known, is held beside the index, or cannot be written."""
        if session is None or session.id in self._held_beside or self._failure is not None:
            return True
        self._present.add(session.id)
        return self._index.is_listed(session)

    @property
    def can_take_in(self) -> bool:
        """Return whether the index was written whenever that was tried."""
        return not self._is_stuck

    def index_session(self, session: Identity, state: FileState | None, turns: Iterable[StoredTurn]) -> bool:
        """Write all turns of a session's file, which is held meanwhile, into the index; return whether that worked."""
        self._present.add(session.id)
        # Another process may have read it while this one waited.
        if self._index.is_listed(session):
            return True
        read, numbers = self._read(session, session.name, turns, self._index)
        try:
            self._index.index_session(session, state, read, numbers)
        except StorageError:
            self._is_stuck = True
        return not self._is_stuck

    def hold_beside(self, session: Identity | None, name: str, turns: Iterable[StoredTurn]) -> None:
        """Index all turns of a session's file until this process ends, where one of the two files cannot be written."""
        if self._beside is None:
            self._beside = Index.in_memory()
        if session is not None:
            self._held_beside.add(session.id)
        read = self._read(session, name, turns, self._beside)
        self._beside.index_session(Identity(os.urandom(16).hex(), name, "", ""), None, *read)

    def end_reading(self, present: Iterable[str], *, had_turns: bool) -> None:
        """Begin to look: all changed files were read. `present` are the ids of all sessions that are there.

        `had_turns` says that there was a turn in a file that was read: a new index is then the second of its home.
        """
        self._present.update(present)
        self._is_ready = True
        if self._index.is_new and self._index.lost is None and self._failure is None and had_turns:
            self._tell_lost("the guard's index")

    def _check_ready(self) -> None:
        # To know less than there is would let private text pass.
        if not self._is_ready:
            raise RuntimeError("the guard was not handed the turns of changed sessions")

    def _read(
        self, session: Identity | None, name: str, turns: Iterable[StoredTurn], index: Index
    ) -> tuple[list[ReadTurn], list[int]]:
        """Return the fingerprints of a session's turns that count, and the numbers of all its turns."""
        was_known = session is not None and self._index.is_known(session.id)
        read, numbers = [], []
        for turn in turns:
            numbers.append(turn.number)
            if _counts(turn):
                marks, public = self._marked(turn, index)
                read.append(ReadTurn(array("q", marks), public, turn.number))
            self._tell_if_slow(name, again=was_known)
        return read, numbers

    def _tell_if_slow(self, name: str, *, again: bool) -> None:
        if self._began is None:
            self._began = time.monotonic()
        if not self._is_slow and time.monotonic() - self._began > SLOW_SECONDS:
            self._is_slow = True
            cause = "again, its file was changed from outside" if again else "for the first time"
            self._tell(f"reading session {name} {cause}; this takes a while, and later calls need not")

    def _marked(self, turn: StoredTurn | ImportedTurn, index: Index) -> tuple[set[int], bool]:
        public = turn.label is Label.PUBLIC
        texts = [(_said(turn), False), (turn.answer, True)]
        return index.marks(texts, public=public, names=text_keys.keys_of(turn)), public


def _said(turn: StoredTurn | ImportedTurn) -> str:
    return f"{turn.system}\n\n{turn.prompt}" if turn.system else turn.prompt


def _counts(turn: StoredTurn | ImportedTurn) -> bool:
    # What was asked in public and came to nothing may never have left this machine.
    return turn.label is Label.PRIVATE or turn.status == "answered"
