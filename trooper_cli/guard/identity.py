"""The identity of a session's file, by which the guard knows whether it has read it."""

from __future__ import annotations

import time
from typing import NamedTuple


class Identity(NamedTuple):
    """The identity of a session's file, whatever its name.

    `id` is made with the file, `stamp` is new with every write that private turns take part in; `before` is the stamp
    that such a write replaces, and the same outside of one.
    """

    id: str
    name: str
    stamp: str
    before: str

    @property
    def as_before(self) -> Identity:
        """The same without the write that is under way."""
        return self._replace(stamp=self.before)


class FileState(NamedTuple):
    """What the file system says of a session's file and of the log beside it."""

    text: str
    inode: tuple[int, int]
    changed: int

    @property
    def is_settled(self) -> bool:
        """Whether a later change must show: some file systems count in steps of two seconds."""
        return time.time_ns() - self.changed > 2_500_000_000
