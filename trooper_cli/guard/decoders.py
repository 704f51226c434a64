"""Find what is encoded in a text, and what it says.

Each decoder works in one pass; `normalize.py` makes layers of them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from trooper_cli.guard.digits import LINES, from_lines
from trooper_cli.guard.dumps import dumped
from trooper_cli.guard.literals import literals
from trooper_cli.guard.piece import APART, Piece, apart
from trooper_cli.guard.strings import readable
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence


_ESCAPE = pattern(
    r"(?:\\u[0-9a-fA-F]{4})+|(?:\\u\{[0-9a-fA-F]{1,6}\})+|(?:\\U[0-9a-fA-F]{8})+|(?:\\x[0-9a-fA-F]{2})+"
    r'|(?:\\[0-3][0-7]{2})+|(?:\\[nrtbf"\\/])+'
)
# Of CSS, each with a blank behind it or of six digits, and of RTF.
_CSS = pattern(r"(?:\\[0-9a-fA-F]{1,6}[ \t]){4,}(?:\\[0-9a-fA-F]{1,6})?|(?:\\0[0-9a-fA-F]{5}){4,}")
_OF_CSS, _OCTAL = pattern(r"[0-9a-fA-F]+"), pattern(r"[0-3]?[0-7]{2}")
_RTF = pattern(r"(?:\\'[0-9a-fA-F]{2}){2,}|\\'[89a-fA-F][0-9a-fA-F]")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_PERCENT = pattern(r"(?:%[0-9A-Fa-f]{2})+|(?:%u[0-9A-Fa-f]{4})+")
_CODE_POINTS = pattern(r"U\+[0-9A-Fa-f]{4,6}(?:[\s,]{0,4}U\+[0-9A-Fa-f]{4,6}){3,}")
_POINT = pattern(r"[0-9A-Fa-f]{4,8}")
# Unseen letters: Unicode's tags.
_UNSEEN = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_TAGS = pattern("[\\U000e0020-\\U000e007e]+")
# Unseen bytes: variation selectors.
_SELECTORS = pattern("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")
# Colours of a terminal, tags of HTML and XML, and those of WebVTT with the time of a word. Inline ones stand within a
# sentence, others end one.
_MARKUP = pattern(
    r"\x1b\[[0-?]*[ -/]*[@-~]|<(/?)([A-Za-z][\w:.-]{0,30})(?:\s[^<>]*)?/?>|<(?:\d\d:)?\d\d:\d\d[.,]\d{3}>"
)
_INLINE = frozenset(
    "a abbr b bdi bdo big c cite code del em font i ins kbd lang mark q s samp small span strong sub sup tt u v".split()
)
_CELL = frozenset(("td", "th"))
_ENTITY = pattern(r"&(?:#\d{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[a-zA-Z]{2,8};)")
_QUOTED_PRINTABLE = pattern(r"(?:=[0-9A-F]{2}(?:=\r?\n)?){2,}|=\r?\n")


def encoded(text: str) -> list[Piece]:
    """Return what is encoded in a text, in order and apart."""
    escapes = sorted(_escapes(text), key=lambda piece: piece.start)
    pieces = [*_blocks(text, escapes), *escapes]
    if not text.isascii():
        pieces += (Piece(*match.span(), match[0].translate(_UNSEEN)) for match in _TAGS.finditer(text))
        pieces += _selected(text)
    if "=" in text:
        pieces += _quoted_printable(text)
    return apart(pieces)


def markup(text: str) -> list[Piece]:
    """Return the tags and the colours between words, which go."""
    if "\x1b" not in text and "</" not in text and "<0" not in text:
        return []
    return [Piece(*match.span(), _from_markup(match)) for match in _MARKUP.finditer(text)]


def _escapes(text: str) -> Iterator[Piece]:
    if "\\" in text:
        for match in _CSS.finditer(text):
            yield Piece(*match.span(), _from_css(_OF_CSS.findall(match[0])))
        for match in _RTF.finditer(text):
            yield Piece(*match.span(), _from_bytes(bytes.fromhex(match[0].replace("\\'", ""))))
        for match in _ESCAPE.finditer(text):
            yield Piece(*match.span(), _from_escape(match))
    if "%" in text:
        for match in _PERCENT.finditer(text):
            yield Piece(*match.span(), _from_percent(match[0]))
    if "U+" in text:
        for match in _CODE_POINTS.finditer(text):
            yield Piece(*match.span(), _from_points(_POINT.findall(match[0])))
    if "&" in text and _ENTITY.search(text):
        import html

        for match in _ENTITY.finditer(text):
            if (named := html.unescape(match[0])) != match[0]:
                yield Piece(*match.span(), named)


def _selected(text: str) -> Iterator[Piece]:
    for match in _SELECTORS.finditer(text):
        # The first sixteen selectors stand apart from the others.
        codes = (code - 0xFE00 if code < 0xFE10 else code - 0xE0100 + 16 for code in map(ord, match[0]))
        if words := readable(bytes(codes)):
            yield Piece(*match.span(), f"\n{words}\n")


def _quoted_printable(text: str) -> Iterator[Piece]:
    import quopri

    for match in _QUOTED_PRINTABLE.finditer(text):
        yield Piece(*match.span(), _from_bytes(quopri.decodestring(match[0].encode())))


def _blocks(text: str, escapes: Sequence[Piece]) -> Iterator[Piece]:
    yield from dumped(text)
    yield from literals(text)
    starts = [piece.start for piece in escapes]
    for match in LINES.finditer(text):
        start, end = match.span()
        last = bisect_left(starts, end + 1)
        if last == 0 or escapes[last - 1].end < start:
            yield from from_lines(match)
            continue
        # Next to an escape, which may be a line end or a digit, all of it is read once that is decoded.
        first = bisect_left(starts, start)
        for piece in escapes[max(first - 1, 0) : last]:
            if piece.start > start:
                yield Piece(start, piece.start, None)
            start = max(start, piece.end)
        if start < end:
            yield Piece(start, end, None)


def unescaped(text: str) -> str:
    """Decode escapes as JSON and Python write them."""
    return _ESCAPE.sub(_from_escape, text)


def _from_escape(match: re.Match[str]) -> str:
    run = match[0]
    if run.startswith("\\u{"):
        return _from_points(run[3:-1].split("}\\u{"))
    if run[1] == "U":
        return _from_points(run[2:].split("\\U"))
    if run[1] == "u":
        return _from_halves(run.replace("\\u", ""))
    if run[1] == "x":
        return _from_bytes(bytes.fromhex(run.replace("\\x", "")))
    if run[1].isdigit():
        return _from_bytes(bytes(int(digits, 8) for digits in run[1:].split("\\")))
    return "".join(_PLAIN.get(letter, letter) for letter in run[1::2])


def _from_css(points: Sequence[str]) -> str:
    read = _from_points(points)
    if all(map(_OCTAL.fullmatch, points)):
        # Some write octal numbers with blanks between them.
        read += APART + _from_bytes(bytes(int(point, 8) for point in points))
    return read


def _from_points(points: Iterable[str]) -> str:
    numbers = (int(point, 16) for point in points)
    return "".join(chr(number) for number in numbers if number < 0x110000 and not 0xD800 <= number < 0xE000)


def _from_halves(digits: str) -> str:
    """Decode UTF-16, in which letters beyond the first 65,536 come in two halves."""
    return bytes.fromhex(digits).decode("utf-16-be", "replace")


def _from_percent(run: str) -> str:
    return _from_halves(run.replace("%u", "")) if run[1] == "u" else _from_bytes(bytes.fromhex(run.replace("%", "")))


def _from_markup(match: re.Match[str]) -> str:
    # Of `<c.yellow>`, the first.
    name = (match[2] or "a").lower().partition(".")[0]
    if name in _CELL:
        return "\t" if match[1] else ""
    return "" if name in _INLINE else "\n"


def _from_bytes(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
