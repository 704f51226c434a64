"""The guard: it looks for private text and credentials in what is about to go to the cloud.

It keeps the fingerprints of all turns, looks at every public prompt, and never tells what it found, only where and of
which kind.
"""

from __future__ import annotations

import contextlib
import os
import time
from array import array
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, LocalityError, NotFoundError, StorageError
from trooper_cli.guard import exact
from trooper_cli.guard.finding import PRIVATE_TEXT, Find
from trooper_cli.guard.fingerprints import Index
from trooper_cli.guard.identity import Identity
from trooper_cli.guard.index import ReadTurn
from trooper_cli.store.catalog import files_of
from trooper_cli.store.session import Session
from trooper_cli.terminal import say
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Protocol

    from trooper_cli.guard.exact import Known
    from trooper_cli.guard.identity import FileState
    from trooper_cli.settings import Settings
    from trooper_cli.turn import ImportedTurn, StoredTurn

    # The fingerprints of a turn, and whether it is public.
    Marked = tuple[set[int], bool]

    class Remember(Protocol):
        """Stores what was prepared, under a turn's number and its session's identity."""

        def __call__(self, turn: int | None, session: Identity | None = None) -> None: ...


__all__ = ["PRIVATE_TEXT", "Find", "Guard", "described", "exact"]

# Who waits this long is told what for.
SLOW_SECONDS = 1.0


_SAME_FILE = "(this file)"


class Guard:
    """The guard of one user. Where there is no index yet it is made from the sessions that are there.

    It opens sessions, so it is made before one is opened: a system takes all of a process's locks off a file as soon as
    the process closes it once.
    """

    def __init__(self, home: Path, settings: Settings, tell: Callable[[str], object] = say) -> None:
        self._settings = settings
        self._tell = tell
        self._failure: StorageError | None = None
        # What the index does not know and cannot take in: on a disk that is full or read-only it still counts.
        self._beside: Index | None = None
        self._is_blind = self._is_slow = self._is_stuck = False
        self._began: float | None = None
        # The ids of the sessions that are there, and of what is held beside.
        self._present: set[str] = set()
        self._held_beside: set[str] = set()
        # A session that was there before the index was made had another one, which is lost.
        files = files_of(home)
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
        had_turns = self._read_changed(home, files)
        if self._index.is_new and self._index.lost is None and self._failure is None and had_turns:
            self._tell_lost("the guard's index")

    def _tell_lost(self, what: str) -> None:
        self._tell(
            f"{what} was lost or replaced; the guard made its index anew from the sessions, "
            "and no longer knows the text of private turns that had none"
        )

    def close(self) -> None:
        self._index.close()
        if self._beside is not None:
            self._beside.close()

    def look(self, text: str, known_as: str | None = None) -> list[Find]:
        """Give every find in a text, in order of place; what turns with the name `known_as` hold is passed over.

        Raises:
            StorageError: the index is there and cannot be read, so that private text would not be known.

        """
        finds = [*self._repeats(text, known_as), *self._secrets(text)]
        return sorted(finds, key=lambda found: (found.offset, found.kind))

    def _secrets(self, text: str) -> list[Find]:
        """Give the credentials in a text, and what the user's own patterns find."""
        from trooper_cli.guard import credentials

        extra = None
        if path := self._settings.path("gitleaks"):
            extra = credentials.load_gitleaks(path)
        finds = credentials.find(text, extra)
        if self._settings.words("guard_patterns"):
            from trooper_cli.guard import patterns

            finds = [*finds, *patterns.find(text, self._settings.words("guard_patterns"))]
        return finds

    def mentioned_hosts(self, text: str) -> list[Find]:
        """Give the user's own hosts and addresses in a text: every log of theirs holds some, so these only warn."""
        if not (hosts := self._settings.words("guard_hosts")):
            return []
        from trooper_cli.guard import patterns

        return patterns.hosts(text, hosts)

    def _repeats(self, text: str, known_as: str | None, passed_over: Collection[int] = ()) -> list[Find]:
        if self._is_blind:
            raise StorageError(f"{self._failure}; without the guard nothing is sent to the cloud")
        found = self._index.find(text, known_as, passed_over)
        return found + self._beside.find(text, known_as) if self._beside is not None else found

    def wholes(self, text: str) -> list[Find]:
        """Return a find if a text as a whole is a private turn's prompt or answer, and says enough."""
        if self._is_blind:
            return []
        return [find for index in (self._index, self._beside) if index is not None for find in index.whole(text)]

    def look_at_import(
        self, turns: Sequence[ImportedTurn], marked: Sequence[Marked]
    ) -> Iterator[tuple[int, list[Find]]]:
        """Give each turn labelled public, by its place, that holds a credential or private text.

        That may be the text of a private turn that stands before it among the same turns.
        """
        private: set[int] = set()
        waiting: list[tuple[int, Marked]] = []
        with contextlib.closing(self._index.beside()) as beside:
            for place, (turn, (marks, public)) in enumerate(zip(turns, marked, strict=True), 1):
                if turn.label is Label.PUBLIC:
                    text = "\n\n".join(part for part in (turn.system, turn.prompt, turn.answer) if part)
                    within: list[Find] = []
                    # A shared passage has a shared fingerprint, but for what stands in quotation marks.
                    if private and ('"' in text or not private.isdisjoint(marks)):
                        self._fill(beside, waiting)
                        within = [find._replace(session=_SAME_FILE) for find in beside.find(text)]
                    if finds := [*self.look(text), *within]:
                        yield place, finds
                if not public:
                    private |= marks
                waiting.append((place, (marks, public)))

    def _fill(self, beside: Index, waiting: list[tuple[int, Marked]]) -> None:
        for place, (marks, public) in waiting:
            # What is public already is not made so by this file.
            beside.add(marks if public else marks - self._index.public(marks), public=public, session=None, turn=place)
        waiting.clear()

    def look_at_share(self, session: Identity | None, turn: StoredTurn, shared: Iterable[int]) -> list[Find]:
        """Give what a private turn holds beside its own text: credentials, and text of private turns before it.

        The turns that are shared with it are passed over.
        """
        names = [exact.of_prompt(turn.prompt), exact.of_answer(turn.answer)]
        text, own = (
            f"{turn.prompt}\n\n{turn.answer}",
            self._index.own_origins(session.id if session else "", turn.number, shared, names),
        )
        finds = [*self._repeats(text, None, own), *self._secrets(text)]
        return sorted(finds, key=lambda found: (found.offset, found.kind))

    def prepared(self, label: Label, *, prompt: str = "", answer: str = "", names: Iterable[str] = ()) -> Remember:
        """Do the work of taking in a turn's text; what is returned then stores it, under the turn's number, at once.

        So it is ready before a session is held for writing. Text of public turns is known to the cloud and does not
        count as private. The `names` are those by which the turn is known as a whole. Storing raises `StorageError` if
        it cannot, so that later calls will not know the text.
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
        """Tell which texts turns had as wholes, by the names of exact.py.

        Raises:
            StorageError: what turns without a session had cannot be told.

        """
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
        """Take in the text of a turn.

        The `names` are those by which the turn is known as a whole.

        Raises:
            StorageError: it cannot be written down, so that later calls will not know it.

        """
        self.prepared(label, prompt=prompt, answer=answer, names=names)(turn, session)

    def marks_of(self, turns: Iterable[ImportedTurn]) -> list[Marked]:
        """Give the fingerprints of many turns, each with whether it is public."""
        return [
            self._marked(turn, self._index) if _counts(turn) else (set[int](), turn.label is Label.PUBLIC)
            for turn in turns
        ]

    def prepared_turns(self, marked: Iterable[Marked]) -> Callable[[int, Identity | None], None]:
        """Give what stores many turns that get their numbers one after the other; it wants the first number."""

        def store(first: int, session: Identity | None) -> None:
            if self._failure is not None:
                raise self._failure
            self._index.add_turns(session, ((*each, number) for number, each in enumerate(marked, first)))

        return store

    def remember_report(self, session: Identity | None, lines: Iterable[tuple[int | None, str]]) -> None:
        """Take in what a report tells of private turns, each text under the number of its turn if it has one.

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
        """Take in the private turns of a session that the index does not know, before they are printed.

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
                    names=_names_of(turn),
                )

    def _knows(self, turn: StoredTurn) -> bool:
        """Return whether the index has a turn; its names are stored together with its fingerprints."""
        names = [exact.of_prompt(turn.prompt), *([exact.of_answer(turn.answer)] if turn.answer else [])]
        if not self._index.known(names).private.issuperset(names):
            return False
        return not turn.system or not self._index.new_marks([(_said(turn), False)])

    def remember_turn(self, session: Identity | None, turn: StoredTurn) -> None:
        names = _names_of(turn)
        self.remember(turn.label, session, turn.number, prompt=_said(turn), answer=turn.answer, names=names)

    def welcome(self, session: Session) -> None:
        """Take in a session that began, or was changed, after this guard looked."""
        identity = session.identity()
        if identity is None or identity.id in self._held_beside or self._failure is not None:
            return
        self._present.add(identity.id)
        if not self._index.is_listed(identity):
            self._take_in(session, None)

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

    def _read_changed(self, home: Path, files: dict[str, FileState]) -> bool:
        """Take in the sessions whose file is not known as it is; returns whether there was a turn in one."""
        known = self._index.sessions()
        noted = {(name, state): session for session, name, state in known}
        last_names = {session: name for session, name, _ in known}
        owners: dict[str, list[str]] = {}
        changed: dict[str, Identity | None] = {}
        for name, state in files.items():
            if (session := noted.get((name, state.text))) is not None:
                owners.setdefault(session, []).append(name)
                continue
            # A file that cannot be read has no turn that could be asked about either.
            with contextlib.suppress(InputError, NotFoundError), contextlib.closing(Session.open(home, name)) as opened:
                identity = changed[name] = opened.identity()
                if identity is not None:
                    owners.setdefault(identity.id, []).append(name)
        self._present = set(owners)
        had_turns = False
        for name, identity in changed.items():
            owner = identity and _owner(owners[identity.id], last_names.get(identity.id), name, files)
            if identity is not None and owner == name and self._index.is_listed(identity):
                self._index.note(identity, files[name])
                continue
            with contextlib.suppress(InputError, NotFoundError), contextlib.closing(Session.open(home, name)) as opened:
                if identity is not None and owner != name:
                    # Where it cannot be written, what it holds is taken in beside.
                    with contextlib.suppress(StorageError):
                        opened.become_another(identity.id)
                    self._take_in(opened, files[name], copy_of=identity.id)
                else:
                    if identity is not None and identity.id in last_names:
                        # It may be that `forget` was cut short: no byte of what it erased stays in the log.
                        with contextlib.suppress(StorageError):
                            opened.settle()
                    self._take_in(opened, files[name])
                had_turns = had_turns or opened.counts()[0] > 0
        return had_turns

    def _take_in(self, session: Session, state: FileState | None, copy_of: str | None = None) -> None:
        """Take in a session, or hold it beside the index where one of the two files cannot be written."""
        if not self._is_stuck:
            try:
                with session.held() as identity:
                    if identity is not None and identity.id != copy_of:
                        self._present.add(identity.id)
                        self._take_in_held(session, identity, state)
                        if not self._is_stuck:
                            return
            except StorageError:
                # Another process writes, longer than anybody waits.
                pass
        if self._beside is None:
            self._beside = Index.in_memory()
        identity = session.identity()
        if identity is not None:
            self._held_beside.add(identity.id)
        name = session.name or ""
        self._beside.take_in(Identity(os.urandom(16).hex(), name, "", ""), None, *self._read(session, self._beside))

    def _take_in_held(self, session: Session, identity: Identity, state: FileState | None) -> None:
        # Another process may have read it while this one waited.
        if self._index.is_listed(identity):
            return
        turns, numbers = self._read(session, self._index)
        try:
            self._index.take_in(identity, state, turns, numbers)
        except StorageError:
            self._is_stuck = True

    def _read(self, session: Session, index: Index) -> tuple[list[ReadTurn], list[int]]:
        """Return the fingerprints of a session's turns that count, and the numbers of all its turns."""
        identity = session.identity()
        was_known = identity is not None and self._index.is_known(identity.id)
        turns, numbers = [], []
        for turn in session.turns():
            numbers.append(turn.number)
            if _counts(turn):
                marks, public = self._marked(turn, index)
                turns.append(ReadTurn(array("q", marks), public, turn.number))
            self._tell_if_slow(session.name, again=was_known)
        return turns, numbers

    def _tell_if_slow(self, name: str | None, *, again: bool) -> None:
        if self._began is None:
            self._began = time.monotonic()
        if not self._is_slow and time.monotonic() - self._began > SLOW_SECONDS:
            self._is_slow = True
            cause = "again, its file was changed from outside" if again else "for the first time"
            self._tell(f"reading session {name} {cause}; this takes a while, and later calls need not")

    def _marked(self, turn: StoredTurn | ImportedTurn, index: Index) -> tuple[set[int], bool]:
        public = turn.label is Label.PUBLIC
        texts = [(_said(turn), False), (turn.answer, True)]
        return index.marks(texts, public=public, names=_names_of(turn)), public


def _owner(names: list[str], last_name: str | None, name: str, files: dict[str, FileState]) -> str:
    """Return which of the files with the same id keeps it: that which had it last, else the first; links are one."""
    owner = last_name if last_name in names else names[0]
    return name if files[name].inode == files[owner].inode else owner


def _said(turn: StoredTurn | ImportedTurn) -> str:
    return f"{turn.system}\n\n{turn.prompt}" if turn.system else turn.prompt


def _names_of(turn: StoredTurn | ImportedTurn) -> list[str]:
    names = [exact.of_prompt(turn.prompt), *exact.loose_names(turn.prompt, turn.answer)]
    if turn.answer:
        names += [exact.of_answer(turn.answer), exact.of_exchange(turn.prompt, turn.answer)]
    return names


def _counts(turn: StoredTurn | ImportedTurn) -> bool:
    # What was asked in public and came to nothing may never have left this machine.
    return turn.label is Label.PRIVATE or turn.status == "answered"


def described(finds: list[Find]) -> str:
    """Say what was found and where, in one line and without a character of it."""
    shown = [_described(find) for find in finds[:3]]
    more = f" and {len(finds) - 3} more" if len(finds) > 3 else ""
    return "; ".join(shown) + more


def _described(find: Find) -> str:
    source = ""
    if find.kind == PRIVATE_TEXT:
        source = f" of session {find.session}, turn {find.turn}" if find.session else " of a turn without a session"
    return f"{find.kind}{source} at character {find.offset}, length {find.length}"


def refusal(finds: list[Find], what: str = "the prompt") -> LocalityError:
    return LocalityError(
        f"{what} was not sent to the cloud, it holds {described(finds)}; "
        "ask with --local, or see --on-leak and `trooper share`"
    )
