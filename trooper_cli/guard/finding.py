"""What the guard reports: where something stands and what it is, never the text itself."""

from __future__ import annotations

from typing import NamedTuple


class Find(NamedTuple):
    """One place in a text, counted in characters from zero; session and turn where private text comes from one."""

    kind: str
    offset: int
    length: int
    session: str | None = None
    turn: int | None = None


PRIVATE_TEXT = "private-text"
