"""What stands by itself within a line: a cell, a sentence, what is in brackets, behind a sign, or in an address.

Programs put a short answer into a row of a CSV file, a line of a log, a list in a sentence, a comment or a link. Any
sign may be the border of such a place, and so may a number or a word in capitals; `private_parts.py` reads neighbours
together again, so that a text that has such signs itself is found as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    import re

# Signs; words that may be a part of what is told are kept as pieces: commands of LaTeX, figures, words with figures
# (the hash of a commit) and words in capitals (the level of a log), and the numbers of footnotes.
_BORDER = pattern(
    r"(\\[A-Za-z]{2,20}|\b[^\W_\u00b2\u00b3\u00b9\u2070-\u209c]*\d[^\W_\u00b2\u00b3\u00b9\u2070-\u209c]*|\b[A-Z]{2,12}\b"
    r"|[\u00b2\u00b3\u00b9\u2070-\u209c]+)"
    r"|[\t\r\n!\"#$%&()*,./:;<=>?@\[\\\]^`{|}~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf"
    r"\u2012-\u2018\u201a-\u2027\u2030-\u205e\u2190-\u2bff\u3001-\u301f\uff01-\uff0f\uff1a-\uff20\U0001f000-\U0001faff]+"
    r"|(?<!\w)['\u2019+-]+|['\u2019+-]+(?!\w)"
)
# A word with a stroke or a percent sign: an address or a path.
_ADDRESS = pattern(r"(?<!\S)[^\s%/]*+[%/]\S*")
# An address within an address is quoted twice.
_MOST_QUOTED = 2


def pieces_of(text: str) -> list[str]:
    """Return what stands between the borders of a text in order, and the words that are borders themselves."""
    if "/" in text or "%" in text:
        text = _ADDRESS.sub(_apart, text)
    return [piece for piece in _BORDER.split(text) if piece]


def _apart(match: re.Match[str]) -> str:
    from urllib.parse import unquote

    address = match[0]
    for _ in range(_MOST_QUOTED):
        if "%" in address:
            address = unquote(address)
    return f"\n{address}\n"
