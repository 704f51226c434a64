"""The one owner of a turn's record: its row in the session file, and its fingerprints in the guard's index.

A crash may come between the two. So the guard learns of private text before there is a row that can be shown, and
forgets it after the row is gone; text of public turns, which it no longer stops, it learns of after their row. What is
left then is a guard that stops too much, never one that stops too little.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from trooper_cli import database
from trooper_cli.errors import InputError, LocalityError, NotFoundError, StorageError, TrooperError, UsageError
from trooper_cli.guard.finding import PRIVATE_TEXT, described
from trooper_cli.guard.guard import Guard
from trooper_cli.store.catalog import delete, files_of, path_of, unknown_session
from trooper_cli.store.guard_sync import hand_over, read_changed
from trooper_cli.store.schema import FORMAT
from trooper_cli.store.session import Session
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from trooper_cli.guard.identity import Identity
    from trooper_cli.settings import Settings
    from trooper_cli.store.session import OnCommit
    from trooper_cli.turn import ImportedTurn, Status, StoredTurn

T = TypeVar("T")


class GuardedText(NamedTuple):
    """What the guard is to know of a turn: its texts, and the keys of text_keys.py that identify it as a whole."""

    prompt: str = ""
    answer: str = ""
    names: Iterable[str] = ()


class Outcome(NamedTuple):
    """What became of a turn, in the words of its row; `tokens` by the estimate."""

    status: Status
    answer: str
    engine: str
    model: str
    stop: str
    tokens: int | None = None


class Store:
    """The sessions of a data folder, and the guard over them.

    The guard is opened when it is first needed and has read all sessions then. That opens their files, so it comes
    before a session is opened to stay so: a system takes all of a process's locks off a file as soon as the process
    closes it once.
    """

    def __init__(self, home: Path, settings: Settings, notify: Callable[[str], object]) -> None:
        self._home = home
        self._settings = settings
        self.notify = notify

    @cached_property
    def guard(self) -> Guard:
        """The guard, which knows the private turns of all sessions.

        Raises:
            InputError: its index is damaged, or not one of this version.

        """
        # Looked at first: a session that was there before a new index had another one, which is lost.
        files = files_of(self._home)
        guard = Guard(self._home, self._settings, self.notify)
        try:
            read_changed(self._home, files, guard)
        except BaseException:
            guard.close()
            raise
        return guard

    @contextlib.contextmanager
    def guard_to_write(self) -> Iterator[Guard]:
        """Hold the guard, or where a session cannot be read, one that remembers and does not look.

        Raises:
            InputError: its index is damaged, or not one of this version.

        """
        with contextlib.ExitStack() as stack:
            try:
                guard = self.guard
            except (TrooperError, sqlite3.Error):
                guard = stack.enter_context(contextlib.closing(Guard(self._home, self._settings, self.notify)))
            yield guard

    def close(self) -> None:
        if "guard" in vars(self):
            self.guard.close()

    def open(self, name: str) -> Session:
        """Open a session that is there.

        Raises:
            NotFoundError: there is none of that name.
            InputError: the file is not a session of this version; it is left as it is.

        """
        return self._opened(Session.open, name)

    def open_or_create(self, name: str) -> Session:
        """Open a session, or begin it.

        Raises:
            InputError: the file is not a session of this version; it is left as it is.
            StorageError: it cannot be made.

        """
        return self._opened(Session.open_or_create, name)

    def _opened(self, opened: Callable[[Path, str], Session], name: str) -> Session:
        guard = self.guard
        session = opened(self._home, name)
        try:
            # It began, or was changed, after the guard had read the others.
            if not guard.has_up_to_date(session.identity()):
                hand_over(session, guard, None)
        except BaseException:
            session.close()
            raise
        return session

    def begin_turn(
        self,
        session: Session,
        label: Label,
        prompt: str,
        system: str | None,
        known: GuardedText,
        repeated: int | None = None,
    ) -> int | None:
        """Write the prompt of a turn before it is sent; return the turn's number, None in a session without a name.

        `repeated` is the turn whose prompt it is, where it is asked again.

        Raises:
            StorageError: it could not be written. The guard knows a private prompt nevertheless.

        """

        def write(on_commit: OnCommit | None) -> int:
            if repeated is None:
                return session.begin(label, prompt, system, on_commit)

            def record(number: int, identity: Identity | None) -> None:
                session.write_repetition(number, repeated)
                if on_commit is not None:
                    on_commit(number, identity)

            return session.begin(label, prompt, system, record)

        if label is Label.PRIVATE:
            return self._write_known(write if session.name is not None else None, known)
        return write(None) if session.name is not None else None

    def record_piece(self, session: Session, number: int | None, label: Label, text: str) -> None:
        """Store fingerprints of a piece of a private answer before it is printed; for a public one do nothing.

        Raises:
            StorageError: it could not be written.

        """
        if label is Label.PRIVATE:
            self.guard.remember(Label.PRIVATE, session.identity(), number, answer=text)

    def finish_turn(
        self, session: Session, number: int | None, label: Label, outcome: Outcome, known: GuardedText | None
    ) -> None:
        """Write the outcome of a turn. Where `number` is None there is no row, and only fingerprints are stored.

        Args:
            session: the session of the turn.
            number: what `begin_turn` returned.
            label: the label that the turn was begun with.
            outcome: what became of it.
            known: what the guard is to know; of a public turn None if nothing of it left this machine.

        Raises:
            StorageError: it could not be written. The guard knows a private answer nevertheless.

        """

        def write(on_commit: OnCommit | None) -> None:
            if number is not None:
                session.finish(number, label=label, on_commit=on_commit, **outcome._asdict())

        if label is Label.PRIVATE:
            self._write_known(write if number is not None else None, known or GuardedText())
            return
        write(None)
        if known is not None:
            self.guard.remember(Label.PUBLIC, session.identity(), number, **known._asdict())

    def _write_known(self, write: Callable[[OnCommit], T] | None, known: GuardedText) -> T | None:
        """Write a private text: into the guard's index first, and then into the session, if there is one.

        `write` begins a transaction of the session and calls what it is given at the transaction's end.
        """
        # The guard's work is done before the session is held for writing; others wait for it.
        remember = self.guard.fingerprint(Label.PRIVATE, **known._asdict())
        try:
            if write is not None:
                return write(remember)
            remember(None)
        except StorageError:
            # What could not be stored may be printed nevertheless, and must not be sent on.
            with contextlib.suppress(StorageError):
                remember(None)
            raise
        return None

    def import_turns(
        self, name: str, turns: Sequence[ImportedTurn], warn: Callable[[str], object] | None = None
    ) -> int:
        """Append turns that come from elsewhere to a session, all or none, and return how many they are.

        Turns that would leak are imported where `warn` is given, which is called with a warning.

        Raises:
            LocalityError: a turn labelled public holds a credential, or text of a private turn.
            InputError: the file is not a session of this version; it is left as it is.
            StorageError: they cannot be written.

        """
        marked = self.guard.marks_of(turns)
        # To import them would make private text public in silence.
        for place, findings in self.guard.look_at_import(turns, marked):
            what = f"turn {place} of the file, which is labelled public, holds {described(findings)}"
            if warn is None:
                raise LocalityError(f"nothing was imported: {what}; make its label private, or see --on-leak")
            warn(f"warning: {what}")
        written: list[tuple[int, Identity | None]] = []

        def know_private(first: int, identity: Identity | None) -> None:
            written.append((first, identity))
            # The file counts as read when the public ones are known as well, and is read again if that fails.
            self.guard.remember_turns(identity and identity.as_before, first, marked, public=False)

        with contextlib.closing(self.open_or_create(name)) as session:
            count = session.add(turns, know_private)
        for first, identity in written:
            with contextlib.suppress(StorageError):
                self.guard.remember_turns(identity, first, marked, public=True)
        return count

    def share(
        self, session: Session, numbers: Sequence[int], warn: Callable[[str], object] | None = None
    ) -> list[StoredTurn]:
        """Copy private turns into new public ones, all or none, which the guard no longer stops; return those.

        Turns that would leak are shared where `warn` is given, which is called with a warning.

        Raises:
            LocalityError: a turn holds a credential, or text of a private turn before it that is not shared with it.
            NotFoundError: there is no such turn, or it holds no answer.
            UsageError: a turn is public already, itself or by a copy.
            StorageError: it cannot be written.

        """
        for turn in map(session.turn, numbers):
            which = f"turn {turn.number} of {session.name}"
            if turn.label is Label.PUBLIC:
                raise UsageError(f"nothing was shared: {which} is public already")
            if turn.status not in {"answered", "incomplete"} or not turn.answer:
                raise NotFoundError(f"nothing was shared: {which} has no answer")
            for public in session.copies([turn.number]):
                raise UsageError(f"nothing was shared: {which} is public already, as turn {public}")
            if not (findings := self.guard.look_at_share(session.identity(), turn, numbers)):
                continue
            what = f"turn {turn.number} holds {described(findings)}"
            if warn is None:
                is_others = all(finding.kind == PRIVATE_TEXT for finding in findings)
                step = "share the turn it is of as well, or " if is_others else ""
                raise LocalityError(f"nothing was shared: {what}; {step}--on-leak warn shares this one as it is")
            warn(f"warning: {what}")
        copies, identity = session.share(numbers)
        for copy in copies:
            # The file counts as read when the last of them is known as public.
            self.guard.remember_turn(identity if copy is copies[-1] else identity and identity.as_before, copy)
        return copies

    def forget(self, name: str, numbers: list[int]) -> tuple[bool, list[int]]:
        """Erase turns, all or none, and then every fingerprint of theirs.

        Return whether one of them was private, and the public copies of them that stay.

        Raises:
            InputError: the file has another name; it is left as it is.
            NotFoundError: one of them is not there.
            StorageError: another process is reading, so that traces may remain; try again.

        """
        with contextlib.closing(self.open(name)) as session:
            database.check_alone(path_of(self._home, name))
            there = {turn.number: turn.label for turn in session.turns()}
            copies = [copy for copy in session.copies(numbers) if copy not in numbers]
            gone = [number for number in numbers if number not in there]
            if gone and (identity := session.identity()):
                # They may have fingerprints although they are gone: an ask that was killed, a file that was put back.
                self.guard.forget_turns(identity, gone)
            if identity := session.forget(numbers):
                self.guard.forget_turns(identity, numbers)
        return any(there.get(number) is Label.PRIVATE for number in numbers), copies

    def remove(self, name: str) -> None:
        """Delete a session with everything SQLite keeps beside it, and then every fingerprint of its turns.

        Raises:
            NotFoundError: there is none of that name; what an earlier try left of its fingerprints is gone.
            InputError: the file is not a session of Trooper's, or has another name; it is left as it is.

        """
        path = path_of(self._home, name)
        if not os.path.lexists(path):
            # Where nothing can be written, they stay, and what they are of is still refused.
            with contextlib.suppress(StorageError):
                self.guard.forget_session(name)
            raise unknown_session(self._home, name)
        identity = self._erase(path, name)
        delete(self._home, name)
        self.guard.forget_session(name, identity and identity.id)

    def _erase(self, path: Path, name: str) -> Identity | None:
        """Overwrite what is in a session's file before that goes, and before the guard reads it, which it may not."""
        database.check(path, FORMAT)
        database.check_alone(path)
        try:
            with contextlib.closing(Session.open(self._home, name)) as session:
                session.erase_masked()
                return session.forget([turn.number for turn in session.turns()])
        except (InputError, sqlite3.DatabaseError):
            # Ours, but damaged: SQLite cannot delete from it.
            database.overwrite(path)
            return None
