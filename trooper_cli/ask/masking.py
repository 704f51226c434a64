"""Mask and restore a text that is piped through: the filters `trooper mask` and `trooper unmask`."""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, LocalityError, StorageError
from trooper_cli.guard.finding import PRIVATE_TEXT, described
from trooper_cli.guard.mask import Masker
from trooper_cli.guard.placeholders import ValueTable
from trooper_cli.guard.restore import Restorer
from trooper_cli.store.catalog import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trooper_cli.guard.finding import Finding
    from trooper_cli.guard.mask import Masked
    from trooper_cli.settings import Settings
    from trooper_cli.store.session import Session
    from trooper_cli.store.store import Store

# So much is looked at as a whole, as one prompt is: characters. Of a longer text this much at a time.
WINDOW = 4_000_000
# Of which so much before what is printed, and behind it, is looked at once more: a value may begin or end there.
OVERLAP = 1 << 16
# A line, or a value of several, that is longer is not read to its end.
LONGEST = 32_000_000


class MaskFilter:
    """Masks a text that comes in pieces, and keeps what the placeholders stand for in the session, if it has a name."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        home: Path,
        name: str | None,
        *,
        window: int = WINDOW,
        overlap: int = OVERLAP,
    ) -> None:
        self._store, self._home, self._name = store, home, name
        self._guard = store.guard
        self._masker = Masker(settings, self._guard.secrets, self._look)
        self._window, self._overlap = window, overlap
        # Without a session the values are kept for as long as this runs.
        self._table = ValueTable()

    def mask(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the masked text, each part once it was looked at and its values are on the disk.

        Raises:
            LocalityError: it holds text of private turns, or a credential that could not be masked.
            InputError: a line is too long.
            StorageError: the values could not be written.

        """
        text, start = "", 0
        waiting: list[str] = []
        size, limit = 0, self._window
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size < limit:
                continue
            text, waiting = "".join((text, *waiting)), []
            printed, end = self._part(text, start, is_last=False)
            if printed:
                yield printed
            elif size > LONGEST:
                raise InputError("a line, or a value of several, is longer than 32 MB; nothing more is printed")
            first = max(end - self._overlap, 0)
            text, start = text[first:], end - first
            size = len(text)
            limit = size + self._window if printed else 2 * size
        printed, _ = self._part("".join((text, *waiting)), start, is_last=True)
        if printed:
            yield printed

    def _part(self, text: str, start: int, *, is_last: bool) -> tuple[str, int]:
        """Return what can be printed of a text from `start` on, masked, and where that ends in the text."""
        while True:
            table = self._values()
            masked = self._masker.mask(text, table)
            _check(masked)
            end = len(text) if is_last else _end(masked, text, start, len(text) - self._overlap)
            part = masked.part(text, table, start, end)
            if self._kept(part.table):
                return part.text, end

    def _values(self) -> ValueTable:
        if self._name is None or not os.path.lexists(path_of(self._home, self._name)):
            return self._table
        with contextlib.closing(self._store.open(self._name)) as session:
            return session.masked_values()

    def _kept(self, table: ValueTable) -> bool:
        """Return whether the values could be kept under their names; if not, another process has taken some."""
        if self._name is None:
            self._table = table
            return True
        # Also where there is no value: the program at the end of the pipe is to find the session.
        with contextlib.closing(self._store.open_or_create(self._name)) as session:
            return not (table.added or table.used) or session.add_masked(table)

    def _look(self, text: str) -> list[Finding]:
        return self._guard.look(text) or self._guard.wholes(text)


def _check(masked: Masked) -> None:
    findings = [*masked.findings]
    if private := [finding for finding in findings if finding.kind == PRIVATE_TEXT]:
        raise LocalityError(
            f"not masked: the text holds {described(private)}, and private text is never masked; take it out, "
            "or ask with --local"
        )
    if findings:
        raise LocalityError(f"not masked: what comes of it still holds {described(findings)}; take it out")


def _end(masked: Masked, text: str, start: int, limit: int) -> int:
    """Return the end of the last line that ends before `limit` and within no value; `start` if there is none."""
    ends = [span.end for span in masked.spans]
    while (line := text.rfind("\n", start, max(limit, start))) >= 0:
        end = line + 1
        at = bisect_right(ends, end)
        if at == len(ends) or masked.spans[at].start >= end:
            return end
        limit = min(masked.spans[at].start, line)
    return start


def restored(pieces: Iterable[str], store: Store, name: str, *, must_remember: bool) -> Iterator[str]:
    """Yield a text with the values of a session in place of their placeholders.

    From then on the guard knows each value that was put back as private text.

    Args:
        pieces: the text.
        store: the sessions.
        name: the session whose values they are.
        must_remember: whether nothing may be printed that the guard cannot remember.

    Raises:
        NotFoundError: there is no such session.
        StorageError: a value cannot be remembered.

    """
    restorer = Restorer(ValueTable())
    with contextlib.ExitStack() as stack:
        session: Session | None = None
        for piece in chain(pieces, (None,)):
            if session is None:
                # In a pipeline all programs start at once: `mask` has made the session when the first text comes.
                session = stack.enter_context(contextlib.closing(store.open(name)))
            restorer.table = session.newer_masked(restorer.table)
            text = restorer.end() if piece is None else restorer.feed(piece)
            try:
                store.guard.remember_report(session.identity(), [(None, value) for value in restorer.take()])
            except StorageError:
                if must_remember:
                    raise
            if text:
                yield text
