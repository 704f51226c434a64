"""Put the values back in the place of their placeholders, as a model writes them, whole or in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.guard.placeholders import LONGEST, PLACEHOLDER, name_of, plain
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    import re

    from trooper_cli.guard.placeholders import ValueTable

# What may be the beginning of a placeholder, at the end of a piece.
_OPEN = pattern(rf"[\w<&#;\\]{{1,{LONGEST}}}\Z")
# What a placeholder's first character may have to be told from: the longest escape before it.
_BEFORE = 8


class Restorer:
    """Restores a text that comes in pieces; of each it holds back at most as much as a placeholder is long."""

    def __init__(self, table: ValueTable) -> None:
        self.table = table
        self._held = ""
        self._before = ""
        # The values that were put back, each with whether somebody has taken note of it.
        self._restored: dict[str, bool] = {}

    def feed(self, piece: str) -> str:
        """Return what can be printed of the text so far."""
        text = self._held + piece
        tail = _OPEN.search(text, max(len(text) - LONGEST, 0))
        return self._restore(text, tail.start() if tail else len(text))

    def end(self) -> str:
        """Return the rest."""
        return self._restore(self._held, len(self._held))

    def take(self) -> list[str]:
        """Return the values that were put back since the last call, each once in all."""
        new = [value for value in self._restored if not self._restored[value]]
        self._restored.update(dict.fromkeys(new, True))
        return new

    def _restore(self, text: str, limit: int) -> str:
        """Return the text up to a place; a placeholder that ends behind it waits with what follows."""
        searched = self._before + text
        shift = len(self._before)
        pieces: list[str] = []
        end = shift
        stop = limit + shift
        for match in PLACEHOLDER.finditer(searched, shift):
            if match.start() >= stop:
                break
            if match.end() > stop:
                stop = match.start()
                break
            pieces += (searched[end : match.start()], self._shown(match))
            end = match.end()
        pieces.append(searched[end:stop])
        self._held = searched[stop:]
        self._before = searched[max(stop - _BEFORE, 0) : stop]
        return "".join(pieces)

    def _shown(self, match: re.Match[str]) -> str:
        name = name_of(match)
        text = self.table.text_of(name)
        if text is None:
            return match[0]
        if name.kind != "TEXT":
            for value in (text, self.table.value_of(name) or text):
                self._restored.setdefault(value, False)
        bracket = (match[1] or "").lower()
        if bracket.endswith("u003c"):
            import json

            return json.dumps(plain(text), ensure_ascii=False)[1:-1]
        if bracket.startswith("&"):
            import html

            return html.escape(plain(text), quote=False)
        return text


def restore(text: str, table: ValueTable) -> str:
    """Return a text with all values of the table in the place of their placeholders."""
    restorer = Restorer(table)
    return restorer.feed(text) + restorer.end()
