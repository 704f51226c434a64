"""What a decoder returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Piece(NamedTuple):
    """A part of a text, and what stands there once it is decoded; None where it stays, for the next layer to read."""

    start: int
    end: int
    decoded: str | None


# Between two readings of the same; no decoder reads across it.
APART = "\n.\n"


def apart(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces in order, without those that overlap one before."""
    kept: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        if not kept or piece.start >= kept[-1].end:
            kept.append(piece)
    return kept
