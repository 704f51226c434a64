"""Stop sequences for engines on this machine, so that all of them stop alike and say at what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.engines.engine import End, Thought, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trooper_cli.engines.engine import Piece


def until_stopped(
    pieces: Iterator[Piece], sequences: Sequence[str], model: str, estimate: Callable[[str], float]
) -> Iterator[Piece]:
    """Yield the pieces up to the first stop sequence; no part of the sequence is yielded.

    The engine is not asked for more, so that its own count of tokens never comes; `estimate` counts the output's.
    """
    held = ""
    text: list[str] = []
    longest = max(map(len, sequences))
    for piece in pieces:
        if isinstance(piece, End):
            if held:
                yield held
            yield piece
            return
        if isinstance(piece, Thought):
            yield piece
            continue
        held += piece
        found = [(at, sequence) for sequence in sequences if (at := held.find(sequence)) >= 0]
        if found:
            at, sequence = min(found, key=lambda one: one[0])
            if at:
                yield held[:at]
            pieces.close()  # type: ignore[attr-defined]
            yield End("stop_sequence", Usage(output=round(estimate("".join((*text, held[:at]))))), model, sequence)
            return
        if ready := held[: max(0, len(held) - longest + 1)]:
            text.append(ready)
            yield ready
            held = held[len(ready) :]
