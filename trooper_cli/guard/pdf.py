"""Read the text layer of a PDF, as far as a leak would be found by it: no layout, no passwords, no pictures.

The format is that of ISO 32000-1: objects (7.3), streams (7.4), object streams (7.5.7), text operators (9.4.3), and the
maps from a font's codes to Unicode (9.10.3).
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What all streams together may grow to, for each byte of the file.
_GROWTH = 8
# What has no end goes to the end of the file, so that no place is read once for each object before it.
_OBJECT = re.compile(rb"(\d{1,9})\s+\d{1,5}\s+obj\b(.*?)(?:\bstream\r?\n(.*?)(?:endstream|\Z)|endobj|\Z)", re.DOTALL)
_REFERENCE = re.compile(rb"/([^\s/<>\[\]()%]+)\s+(\d{1,9})\s+\d{1,5}\s+R")
_TO_UNICODE = re.compile(rb"/ToUnicode\s+(\d{1,9})")
_ENCODING = re.compile(rb"/Encoding\s+(\d{1,9})")
_DIFFERENCES = re.compile(rb"/Differences\s*\[(.*?)\]", re.DOTALL)
_MAPPED = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_HEX = re.compile(rb"<([0-9A-Fa-f\s]*)>|([\[\]])")
_SHOWN = re.compile(
    rb"/(?P<font>[^\s/<>\[\]()%]+)\s+[-+\d.]+\s+Tf"
    rb"|\((?P<literal>(?:[^()\\]|\\.|\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\))*)\)"
    rb"|<(?P<hex>[0-9A-Fa-f\s]*)>"
    rb"|(?P<x>[-+\d.]+)\s+(?P<y>[-+\d.]+)\s+T[dD]\b"
    rb"|(?P<line>T[*m]|ET|'|\")|(?P<gap>-(?:[2-9]\d\d|\d{4,})(?:\.\d*)?)",
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(?:([0-7]{1,3})|\r?\n|(.))", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_DIGITS = {name: str(digit) for digit, name in enumerate("zero one two three four five six seven eight nine".split())}
_ACCENTS = ("acute", "grave", "circumflex", "dieresis", "tilde", "ring", "cedilla", "caron", "slash", "ogonek")
# Two fonts of the same name on different pages: each is tried.
_FONTS_OF_A_NAME = 4


class _Font(NamedTuple):
    """What a font's codes mean, and how many bytes each has."""

    letters: Mapping[int, str]
    width: int


def text_of_pdf(data: bytes) -> str:
    """Return the text of a PDF; empty if it has none that can be read."""
    objects = dict(_objects(data))
    fonts = {number: _font(value, objects) for number, (value, _) in objects.items() if b"/Font" in value}
    named: dict[bytes, list[_Font]] = {}
    for value, _ in objects.values():
        for name, number in _REFERENCE.findall(value):
            font = fonts.get(int(number))
            if font is not None and font not in (known := named.setdefault(name, [])):
                known.append(font)
    texts: dict[str, None] = {}
    for _, stream in objects.values():
        if b"Tf" in stream or b"Tj" in stream or b"TJ" in stream:
            for choice in range(_FONTS_OF_A_NAME):
                texts[_shown(stream, named, choice)] = None
                if all(len(known) <= choice + 1 for known in named.values()):
                    break
    return "\n".join(texts)


def _objects(data: bytes) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    """Return the objects by number, each with its value and its stream."""
    left = _GROWTH * len(data)
    for match in _OBJECT.finditer(data):
        number, value = int(match[1]), match[2]
        stream = b""
        if match[3] and b"/Image" not in value and b"/Length1" not in value:
            stream = _decoded(value, match[3], left)
            left -= len(stream)
        if b"/ObjStm" not in value:
            yield number, (value, stream)
            continue
        first = re.search(rb"/First\s+(\d{1,9})", value)
        if first is not None:
            start = int(first[1])
            header = [int(figure) for figure in re.findall(rb"\d{1,9}", stream[:start])]
            offsets = [start + offset for offset in header[1::2]]
            for inner, at, end in zip(header[::2], offsets, [*offsets[1:], len(stream)], strict=False):
                yield inner, (stream[at:end], b"")


def _decoded(value: bytes, stream: bytes, limit: int) -> bytes:
    if b"/ASCII85Decode" in value:
        try:
            stream = base64.a85decode(stream.strip().removeprefix(b"<~").removesuffix(b"~>"))
        except ValueError:
            return b""
    if b"/FlateDecode" not in value:
        return stream[:limit]
    try:
        return zlib.decompressobj().decompress(stream, max(limit, 1))
    except zlib.error:
        return b""


def _font(value: bytes, objects: Mapping[int, tuple[bytes, bytes]]) -> _Font | None:
    if found := _TO_UNICODE.search(value):
        return _from_map(objects.get(int(found[1]), (b"", b""))[1])
    if found := _ENCODING.search(value):
        value += objects.get(int(found[1]), (b"", b""))[0]
    if b"/BaseFont" not in value and b"/FontDescriptor" not in value:
        return None
    letters: dict[int, str] = {}
    if found := _DIFFERENCES.search(value):
        code = 0
        for figure, name in re.findall(rb"(\d{1,5})|/([^\s/\[\]]+)", found[1]):
            if figure:
                code = int(figure)
            else:
                letters[code] = _letter(name.decode("latin-1"))
                code += 1
    return _Font(letters, 1)


def _letter(name: str) -> str:
    """Return what the name of a glyph stands for, if it is a letter or a digit."""
    if len(name) == 1 or name in {"ff", "fi", "fl", "ffi", "ffl"}:
        return name
    if name[1:] in _ACCENTS:
        return name[0]
    return _DIGITS.get(name, "ß" if name == "germandbls" else " ")


def _from_map(stream: bytes) -> _Font:
    letters: dict[int, str] = {}
    width = 1
    for kind, body in _MAPPED.findall(stream):
        row: list[bytes] = []
        size, in_list = 2 if kind == b"bfchar" else 3, False
        for digits, bracket in _HEX.findall(body):
            if bracket:
                in_list = bracket == b"["
            else:
                row.append(b"".join(digits.split()))
            if len(row) < size or in_list:
                continue
            width = max(width, len(row[0]) // 2)
            if kind == b"bfchar":
                letters[_number(row[0])] = _utf16(row[1])
            elif len(row) > 3 or bracket:
                letters |= {_number(row[0]) + at: _utf16(one) for at, one in enumerate(row[2:])}
            else:
                text = _utf16(row[2])
                for code in range(_number(row[0]), min(_number(row[1]), 0xFFFF) + 1):
                    step = ord(text[-1]) + code - _number(row[0]) if text else 0
                    letters[code] = text[:-1] + chr(step) if 0 < step < 0x110000 else ""
            row = []
    return _Font(letters, width)


def _number(digits: bytes) -> int:
    return int(digits or b"0", 16)


def _utf16(digits: bytes) -> str:
    return bytes.fromhex(digits[: len(digits) - len(digits) % 4].decode()).decode("utf-16-be", "ignore")


def _shown(stream: bytes, named: Mapping[bytes, list[_Font]], choice: int) -> str:
    """Return the text that a page's operators show; `choice` says which of the fonts of a name is taken."""
    font = plain = _Font({}, 1)
    shown: list[str] = []
    for match in _SHOWN.finditer(stream):
        if match["font"]:
            known = named.get(match["font"], [plain])
            font = known[min(choice, len(known) - 1)]
        elif match["literal"] is not None:
            shown.append(_letters(_ESCAPED.sub(_unescaped, match["literal"]), font))
        elif match["hex"] is not None:
            digits = b"".join(match["hex"].split())
            shown.append(_letters(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()), font))
        else:
            on_line = match["gap"] or (match["y"] and not match["y"].strip(b"+-0."))
            shown.append(" " if on_line else "\n")
    return "".join(shown)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes((int(match[1], 8) & 0xFF,))
    return _CONTROLS.get(match[2], match[2]) if match[2] else b""


def _letters(data: bytes, font: _Font) -> str:
    if font.width == 1:
        return "".join(font.letters.get(code, chr(code)) for code in data)
    codes = (int.from_bytes(data[at : at + font.width]) for at in range(0, len(data), font.width))
    return "".join(font.letters.get(code, "") for code in codes)
