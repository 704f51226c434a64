"""Which turn's prompt is asked again, and what of a command line that names sessions may be a prompt instead."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import NotFoundError, TrooperError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trooper_cli.settings import Settings
    from trooper_cli.turn import StoredTurn


class Repetition(NamedTuple):
    """The sessions that a command line names: `trooper again NAME` and `-s NAME`; `ask` names one and repeats none."""

    home: Path
    named: str | None
    session: str | None
    repeats: bool = True

    def turn(self, settings: Settings) -> StoredTurn | None:
        """Return the turn whose prompt is asked again, if one is.

        Raises:
            UsageError: no session is named, or two are.
            NotFoundError: there is none of that name, or it has no turns.
            InputError: the file is not a session of this version.

        """
        if not self.repeats:
            return None
        from trooper_cli.ask.variables import check_variables

        check_variables(settings.environ)
        if self.named is not None and self.session not in {None, self.named}:
            raise UsageError("two sessions are named, and one is asked; see `trooper again --help`")
        given = (self.named, self.session, settings.text("session"))
        return last_turn(self.home, next((name for name in given if name is not None), None))

    def is_of_private(self, settings: Settings) -> bool:
        """Return whether a turn that may have been meant is private: the last one of any session in question."""
        names = (self.named, self.session, settings.environ.get("TROOPER_SESSION"))
        return self.repeats and is_last_private(self.home, names)

    def no_names(self) -> list[str]:
        """Return what stands where a session's name belongs and is none, or is one too many: it may be a prompt."""
        from trooper_cli.store.catalog import is_name

        given = [text for text in (self.named, self.session) if text is not None]
        return given if len({*given}) > 1 else [text for text in given if not is_name(text)]


def last_turn(home: Path, name: str | None) -> StoredTurn:
    """Return the turn of a session that was asked last.

    Raises:
        UsageError: no session is named.
        NotFoundError: there is none of that name, or it has no turns.
        InputError: the file is not a session of this version.

    """
    from trooper_cli.store.session import Session

    if name is None:
        raise UsageError("there is no session to ask again: name one, as in `trooper again NAME`")
    with closing(Session.open(home, name)) as opened:
        number = opened.last_number()
        if number is None:
            raise NotFoundError(f"session {name} has no turns, so there is no prompt to ask again")
        return opened.turn(number)


def is_last_private(home: Path, names: Iterable[str | None]) -> bool:
    """Return whether the last turn of one of the sessions is private, in whatever case its name is written.

    One that cannot be read counts as private; one that is not there is none.
    """
    from trooper_cli.store.catalog import twin_of
    from trooper_cli.turn import Label

    for name in filter(None, names):
        try:
            if last_turn(home, twin_of(home, name) or name).label is Label.PRIVATE:
                return True
        except (UsageError, NotFoundError):
            continue
        except (TrooperError, sqlite3.Error, OSError):
            return True
    return False
