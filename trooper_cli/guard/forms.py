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
_JSON_ESCAPE = pattern(r'\\(?:u([0-9a-fA-F]{4})|([nrtbf"\\/]))')
_PERCENT = pattern(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = pattern(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_BASE64 = pattern(r"[A-Za-z0-9+/_-]{40,}={0,2}")
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
    """Give the letters and digits of a text, in lower case and in compatibility form (NFKC)."""
    if text.isascii():
        return text.encode().translate(None, _OTHER_ASCII).lower().decode()
    runs: list[str] = _RUN.findall(text)
    return "".join(run.lower() if run.isascii() else "".join(map(_alike, run)) for run in runs)


def _alike(character: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", character).casefold()))


def _decoded(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    places = range(len(text))
    if "\\" in text:
        once = _replaced(text, places, _JSON_ESCAPE, _unescaped)
        yield once
        # A log line often holds JSON within JSON.
        if "\\" in once[0]:
            yield _replaced(*once, _JSON_ESCAPE, _unescaped)
    if "%" in text:
        yield _replaced(text, places, _PERCENT, lambda match: unquote(match[0]))
    if "&" in text:
        yield _replaced(text, places, _ENTITY, _named)
    if _BASE64.search(text):
        yield _replaced(text, places, _BASE64, _from_base64)


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


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _PLAIN.get(match[2], match[2])


def _named(match: re.Match[str]) -> str:
    import html

    return html.unescape(match[0])


def _from_base64(match: re.Match[str]) -> str:
    data = match[0].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return match[0]
