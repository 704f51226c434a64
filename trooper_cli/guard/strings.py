"""Find text in bytes, as strings(1) does: UTF-8, UTF-16 and UTF-32, compressed, or in a PDF."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTROLS = bytes((*range(7), 11, *range(14, 27), *range(28, 32), 127))
_WHOLE = 0.9
_LOW = bytes(range(8))
# Letters of alphabets stand before it.
_FAR = "\u0800"
_ORDERS = {b"\xfe\xff": "be", b"\xff\xfe": "le"}
# In bytes read as UTF-8, with what is none as surrogates: letters, with a foreign byte here and there; or UTF-16.
_LETTERS = r"[^\x00-\x06\x0b\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff]{8,}"
_STRING = pattern(
    rf"{_LETTERS}(?:[\x00\udc80-\udcff]{_LETTERS})*|(?P<wide>(?:[\s\S][\x00-\x07]){{8,}}|(?:[\x00-\x07][\s\S]){{8,}})"
)
# By chance, one place in some ten thousand looks like text of this many bytes.
_SHORTEST = 12
_FOREIGN = {0: "\n", **{0xDC00 + byte: chr(byte) for byte in range(128, 256)}}
_PACKED = rb"\x1f\x8b\x08|x[\x01\x5e\x9c\xda]|%PDF-|\x89PNG\r\n|\xff\xd8\xff[\xdb\xe0\xe1\xee]"
_ENDS = {b"%PDF": b"%%EOF", b"\x89PNG": b"IEND"}
# What compressed text may grow to; who encodes more of it is not found.
_INFLATED, _GROWTH = 1 << 20, 8
_CHUNK = 1 << 14
# What looked compressed and was not ends before it has given so much. Its head, which names a file and may give
# nothing, is shorter than this: what has not begun by then need not be read to its end, from each of many such heads.
_DAMAGED, _HEAD = 64, 1 << 10


class String(NamedTuple):
    """A part of some bytes, and the text that it holds."""

    start: int
    end: int
    text: str


def readable(data: bytes) -> str | None:
    """Return the text that bytes hold, None if there is none."""
    return "\n".join(string.text for string in strings(data)) or None


def strings(data: bytes) -> list[String]:
    """Return the texts that bytes hold, in order and apart; pictures are passed over."""
    if not data.startswith(b"%PDF-") and (text := _utf8(data) or _wide(data)):
        return [String(0, len(data), text)]
    found: list[String] = []
    end = 0
    for packed in _packed(data):
        found += _parts(data, end, packed.start)
        if packed.text:
            found.append(packed)
        end = packed.end
    return [*found, *_parts(data, end, len(data))]


def _parts(data: bytes, start: int, end: int) -> Iterator[String]:
    """Return the parts of bytes that are text."""
    if end - start < _SHORTEST:
        return
    text = data[start:end].decode(errors="surrogateescape")
    done = 0
    for match in _STRING.finditer(text):
        start += _size(text[done : match.start()])
        done = match.end()
        size = _size(match[0])
        found = _wide(data[start : start + size]) if match["wide"] else match[0].translate(_FOREIGN)
        if found and size >= _SHORTEST and (size >= 2 * _SHORTEST or "".join(found.split()).isprintable()):
            yield String(start, start + size, found)
        start += size


def _size(text: str) -> int:
    return len(text.encode(errors="surrogateescape"))


def _utf8(data: bytes) -> str | None:
    """Decode what is text, perhaps but for a character cut off at either end or a word taken along."""
    text = data.decode(errors="ignore")
    lost = len(data) - len(text.encode())
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return text if lost <= (1 - _WHOLE) * len(data) and controls * 64 <= len(data) else None


def _wide(data: bytes) -> str | None:
    """Decode UTF-32; or UTF-16 of letters that have one half of their codes in common, or that says in which order."""
    if len(data) < 2 or (len(data.translate(None, _LOW)) * 3 > len(data) * 2 and data[:2] not in _ORDERS):
        return None
    if (text := _utf32(data)) and (found := _utf8(text.lstrip("\ufeff").encode())):
        return found
    whole = data[: len(data) - len(data) % 2]
    big, little = whole[::2], whole[1::2]
    order = _ORDERS.get(whole[:2])
    if order is None:
        shares = {"be": max(map(big.count, range(8))), "le": max(map(little.count, range(8)))}
        order = max(shares, key=lambda one: shares[one])
        if shares[order] * 3 < len(big) * 2:
            return None
    text = whole.decode(f"utf-16-{order}", "ignore").lstrip("\ufeff")
    return _utf8(text.encode())


def _utf32(data: bytes) -> str | None:
    """Decode UTF-32 in either order, from any byte of a letter on, with a word before or after it that is none.

    In the other order, and from another byte, the letters of most scripts are letters as well, but far from each other.
    """
    size = len(data) // 4
    best, most = None, 0
    for start in range(4):
        whole = data[start : len(data) - (len(data) - start) % 4]
        for order in ("be", "le"):
            text = whole.decode(f"utf-32-{order}", "ignore")
            near = sum(letter < _FAR for letter in text)
            # Far letters, as those of Chinese, count only where they begin with the bytes.
            if near * 3 >= size * 2 if near > most else best is None and start == 0 and len(text) >= _WHOLE * size:
                best, most = text, near
    return best


def _packed(data: bytes) -> Iterator[String]:
    """Return what is compressed, PDFs, and pictures, which have no text."""
    left = 2 * _GROWTH * len(data)
    end = 0
    has_pdf = True
    for match in re.finditer(_PACKED, data):
        start = match.start()
        if start < end or left <= 0:
            continue
        if match[0][:1] in b"\x1fx":
            inflated, stop, read = _inflated(data, start, min(left, _INFLATED, _GROWTH * (len(data) - start)))
            left -= max(len(inflated), read - start) if inflated else 0
            text = _utf8(inflated) or "\n".join(part.text for part in _parts(inflated, 0, len(inflated)))
        else:
            is_pdf = match[0] == b"%PDF-"
            text = _text_of_pdf(data[start:]) if is_pdf and has_pdf else ""
            if is_pdf and not text:
                # All that a later one has is a part of this one.
                has_pdf = False
                continue
            last = data.rfind(_ENDS.get(match[0][:4], b"\xff\xd9"), start)
            stop = last if last > 0 else len(data)
        if text or stop > start:
            end = stop
            yield String(start, stop, text)


def _text_of_pdf(data: bytes) -> str:
    from trooper_cli.guard.pdf import text_of_pdf

    return text_of_pdf(data)


def _inflated(data: bytes, start: int, limit: int) -> tuple[bytes, int, int]:
    """Return what is compressed from a place on, up to a limit, where it ends, and where reading it ended.

    It may be cut off or damaged.
    """
    import zlib

    inflater = zlib.decompressobj(47)
    inflated = b""
    at, end = start, min(start + _HEAD, len(data))
    while at < end:
        try:
            inflated += inflater.decompress(data[at:end], limit - len(inflated))
        except zlib.error:
            return (inflated, start + 1, end) if len(inflated) >= _DAMAGED else (b"", start, end)
        if inflater.eof or len(inflated) >= limit:
            return inflated, end - len(inflater.unused_data or inflater.unconsumed_tail), end
        if len(inflated) < _DAMAGED:
            break
        at, end = end, min(end + _CHUNK, len(data))
    return (inflated, len(data), end) if len(inflated) >= _DAMAGED else (b"", start, end)
