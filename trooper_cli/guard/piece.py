"""What a decoder returns."""

from __future__ import annotations

from typing import NamedTuple


class Piece(NamedTuple):
    """A part of a text, and what stands there once it is decoded; None where it stays, for the next layer to read."""

    start: int
    end: int
    decoded: str | None


# Between two readings of the same; no decoder reads across it.
APART = "\n.\n"
