"""The forms in which a text may stand: as it is, decoded, without line numbers; each reduced to what survives copying.

Letters and digits alone, in lower case, survive quoting, re-wrapping, indentation and diff markers. Each character of a
form knows where it stood in the text.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from array import array
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from trooper_cli.lazy import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Form:
    """A reduced text that can tell where each of its characters stood in the original."""

    def __init__(self, decoded: str, places: Sequence[int]) -> None:
        self.text = reduced(decoded)
        self._decoded = decoded
        self._decoded_places = places

    @cached_property
    def places(self) -> Sequence[int]:
        """Where each character stood; few texts hold anything whose place is wanted."""
        places, kept = self._decoded_places, array("I")
        for run in _RUN.finditer(self._decoded):
            if run[0].isascii():
                kept.extend(places[run.start() : run.end()])
                continue
            for place, character in enumerate(run[0], run.start()):
                kept.extend((places[place],) * len(_alike(character)))
        return kept


_RUN = pattern(r"[A-Za-z0-9]+|[^\x00-\x7f]+")
_OTHER_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())
_LINE_NUMBER = pattern(r"^[ \t>+|-]*\d{1,7}[ \t]*[:.)|\]-]?(?=[ \t])|^[ \t>+|-]*\d{1,7}[:|]", re.MULTILINE)
_ESCAPE = pattern(r'(?:\\u[0-9a-fA-F]{4})+|(?:\\x[0-9a-fA-F]{2})+|\\[nrtbf"\\/]')
_PERCENT = pattern(r"(?:%[0-9A-Fa-f]{2})+")
_QUOTED_PRINTABLE = pattern(r"(?:=[0-9A-F]{2}(?:=\r?\n)?){2,}|=\r?\n")
_ENTITY = pattern(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
# The lines of an encoded text belong together: where one ends, a character may be cut in two.
_BASE64 = pattern(
    r"[A-Za-z0-9+/_-]{40,}(?:(?:\\n|[\s>|])+[A-Za-z0-9+/_-]{40,})*(?:(?:\\n|[\s>|])+[A-Za-z0-9+/_-]{2,39})?={0,2}"
)
_HEX = pattern(r"(?:[0-9a-fA-F]{2}){20,}(?:(?:\\n|[\s>|])+(?:[0-9a-fA-F]{2}){2,})*")
_LINE_END = pattern(r"\\n|[\s>|]+")
_NESTED = 4
_WHOLE = 0.9
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def forms(text: str) -> Iterator[Form]:
    """Give every form of a text in which private text might stand."""
    given: set[str] = set()
    for decoded, places in ((text, range(len(text))), *_decoded(text)):
        if decoded in given:
            continue
        given.add(decoded)
        yield Form(decoded, places)
        if _LINE_NUMBER.search(decoded):
            yield Form(*_replaced(decoded, places, _LINE_NUMBER, lambda _: ""))


def reduced(text: str) -> str:
    """Give the letters and digits of a text, in lower case, in compatibility form and without accents (NFKD).

    So a letter with its accent is the same as one with the accent behind it, as names of files have it.
    """
    if text.isascii():
        return text.encode().translate(None, _OTHER_ASCII).lower().decode()
    runs: list[str] = _RUN.findall(text)
    return "".join(run.lower() if run.isascii() else "".join(map(_alike, run)) for run in runs)


def _alike(character: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", character).casefold()))


def _decoded(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    places = range(len(text))
    if "\\" in text:
        yield from _peeled(text, "\\", _ESCAPE, _from_escape)
    if "%" in text:
        yield from _peeled(text, "%", _PERCENT, lambda match: unquote(match[0]))
    if "&" in text:
        yield _replaced(text, places, _ENTITY, _named)
    if "=" in text and _QUOTED_PRINTABLE.search(text):
        yield _replaced(text, places, _QUOTED_PRINTABLE, _from_quoted_printable)
    if _BASE64.search(text):
        yield _replaced(text, places, _BASE64, _from_base64)
    if _HEX.search(text):
        yield _replaced(text, places, _HEX, _from_hex)


def _peeled(
    text: str, mark: str, pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str]
) -> Iterator[tuple[str, Sequence[int]]]:
    """Decode again and again: a log line often holds JSON within JSON."""
    layer: tuple[str, Sequence[int]] = text, range(len(text))
    for _ in range(_NESTED):
        inner = _replaced(*layer, pattern, decode)
        if inner[0] == layer[0]:
            return
        yield inner
        if mark not in inner[0]:
            return
        layer = inner


def _replaced(
    text: str, places: Sequence[int], pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str]
) -> tuple[str, Sequence[int]]:
    pieces: list[str] = []
    kept = array("I")
    end = 0
    for match in pattern.finditer(text):
        pieces.append(text[end : match.start()])
        kept.extend(places[end : match.start()])
        piece = decode(match)
        pieces.append(piece)
        kept.extend((places[match.start()],) * len(piece))
        end = match.end()
    pieces.append(text[end:])
    kept.extend(places[end:])
    return "".join(pieces), kept


def unescaped(text: str) -> str:
    """Decode escapes as JSON and Python write them."""
    return _ESCAPE.sub(_from_escape, text)


def _from_escape(match: re.Match[str]) -> str:
    run = match[0]
    if run[1] == "u":
        # Letters beyond the first 65,536 come in two halves.
        return bytes.fromhex(run.replace("\\u", "")).decode("utf-16-be", "replace")
    if run[1] == "x":
        return _as_text(bytes.fromhex(run.replace("\\x", ""))) or run
    return _PLAIN.get(run[1], run[1])


def _named(match: re.Match[str]) -> str:
    import html

    return html.unescape(match[0])


def _from_quoted_printable(match: re.Match[str]) -> str:
    import quopri

    data = quopri.decodestring(match[0].encode())
    return _as_text(data) or match[0] if data else ""


def _from_base64(match: re.Match[str]) -> str:
    data = _LINE_END.sub("", match[0]).rstrip("=").replace("-", "+").replace("_", "/")
    # Of what was cut off in the middle of four characters the rest tells nothing.
    data = data[: len(data) - (len(data) % 4 == 1)]
    try:
        return _as_text(base64.b64decode(data + "=" * (-len(data) % 4))) or match[0]
    except binascii.Error:
        return match[0]


def _from_hex(match: re.Match[str]) -> str:
    digits = _LINE_END.sub("", match[0])
    return _as_text(bytes.fromhex(digits)) or match[0]


def _as_text(data: bytes) -> str | None:
    """Decode what is text, perhaps but for a character cut off at either end or a word taken along."""
    text = data.decode(errors="ignore")
    return text if len(text.encode()) >= _WHOLE * len(data) else None
