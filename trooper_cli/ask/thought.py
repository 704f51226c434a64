"""What a model thinks, on its way to somebody who wants to see it. No session holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.ask.caller import AnswerSink

# So many characters are shown together at the most, and a line at its end.
_LONGEST_PENDING = 200


class ThoughtOfTurn:
    """Shows a thought as it arrives, once the guard knows it: what is thought in a private turn is private.

    That holds on a terminal too, from which it may be copied into a prompt. `know` has the guard remember a text; for
    a public turn it does nothing.
    """

    def __init__(self, know: Callable[[str], None], sink: AnswerSink) -> None:
        self._know, self._sink = know, sink
        self._text, self._shown = "", 0

    def add(self, piece: str) -> None:
        """Add a piece, and show what makes a line.

        Raises:
            StorageError: the guard cannot remember it; it is not shown.

        """
        self._text += piece
        if "\n" in piece or len(self._text) - self._shown >= _LONGEST_PENDING:
            self._show(self._text[max(0, self._shown - _LONGEST_PENDING) :])

    def end(self) -> None:
        """Show what is left, and have the guard know the thought as one text: a table shows in its rows alone.

        Raises:
            StorageError: as for `add`.

        """
        if self._text:
            self._show(self._text)
            self.discard()

    def discard(self) -> None:
        """Forget what was not shown."""
        self._text, self._shown = "", 0

    def _show(self, known: str) -> None:
        new, self._shown = self._text[self._shown :], len(self._text)
        self._know(known)
        self._sink.think(new)
