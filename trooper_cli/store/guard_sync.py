"""What keeps the guard up to date: it is handed the turns of each session whose file it does not know as it is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, NotFoundError, StorageError
from trooper_cli.store.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from trooper_cli.guard.guard import Guard
    from trooper_cli.guard.identity import FileState, Identity


def read_changed(home: Path, files: dict[str, FileState], guard: Guard) -> None:
    """Hand the guard the turns of all sessions whose file it does not know as it is; then it begins to look."""
    known = guard.read_sessions()
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
    had_turns = False
    for name, identity in changed.items():
        owner = identity and _owner(owners[identity.id], last_names.get(identity.id), name, files)
        if identity is not None and owner == name and guard.is_listed(identity):
            guard.note(identity, files[name])
            continue
        with contextlib.suppress(InputError, NotFoundError), contextlib.closing(Session.open(home, name)) as opened:
            if identity is not None and owner != name:
                # Where it cannot be written, what it holds is known beside.
                with contextlib.suppress(StorageError):
                    opened.become_another(identity.id)
                hand_over(opened, guard, files[name], copy_of=identity.id)
            else:
                if identity is not None and identity.id in last_names:
                    # It may be that `forget` was cut short: no byte of what it erased stays in the log.
                    with contextlib.suppress(StorageError):
                        opened.vacuum_and_truncate_wal()
                hand_over(opened, guard, files[name])
            had_turns = had_turns or opened.counts()[0] > 0
    guard.end_reading(owners, had_turns=had_turns)


def _owner(names: list[str], last_name: str | None, name: str, files: dict[str, FileState]) -> str:
    """Return which of the files with the same id keeps it: that which had it last, else the first; links are one."""
    owner = last_name if last_name in names else names[0]
    return name if files[name].inode == files[owner].inode else owner


def hand_over(session: Session, guard: Guard, state: FileState | None, copy_of: str | None = None) -> None:
    """Hand the guard all turns of a session, which it holds beside its index where one of the files cannot be written.

    Of a session that still has the id of the one it is a `copy_of`, nothing is written.
    """
    if guard.can_take_in:
        try:
            with session.held() as identity:
                if (
                    identity is not None
                    and identity.id != copy_of
                    and guard.index_session(identity, state, session.turns())
                ):
                    return
        except StorageError:
            # Another process writes, longer than anybody waits.
            pass
    guard.hold_beside(session.identity(), session.name or "", session.turns())
