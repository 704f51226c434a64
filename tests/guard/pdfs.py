"""PDFs made by hand, each writing its text in another way."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _file(objects: Sequence[bytes]) -> bytes:
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, value) for number, value in enumerate(objects, 1))
    return b"%PDF-1.5\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def _stream(data: bytes, entries: bytes = b"", *, is_packed: bool = True) -> bytes:
    packed = zlib.compress(data) if is_packed else data
    entries += b" /Filter /FlateDecode" if is_packed else b""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(packed), entries, packed)


def _page(content: bytes, font: bytes, *more: bytes) -> bytes:
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
            content,
            font,
            *more,
        ]
    )


_SIMPLE = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def _lines(text: str, width: int = 30) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]


def _literal(text: str) -> bytes:
    return text.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def literal(text: str, *, is_packed: bool = True) -> bytes:
    shown = b" ".join(b"(%s) Tj 0 -14 Td" % _literal(line) for line in _lines(text))
    return _page(_stream(b"BT /F1 12 Tf 72 700 Td %s ET" % shown, is_packed=is_packed), _SIMPLE)


def uncompressed(text: str) -> bytes:
    return literal(text, is_packed=False)


def kerned(text: str) -> bytes:
    shown = b" ".join(b"[(%s) -12 (%s) 30.5 (%s)] TJ T*" % tuple(map(_literal, (line[:3], line[3:9], line[9:])))
                      for line in _lines(text))  # fmt: skip
    return _page(_stream(b"BT /F1 12 Tf 14 TL %s ET" % shown), _SIMPLE)


def hexadecimal(text: str) -> bytes:
    shown = b" ".join(b"<%s> '" % line.encode("latin-1").hex().encode() for line in _lines(text))
    return _page(_stream(b"BT /F1 12 Tf %s ET" % shown), _SIMPLE)


def octal(text: str) -> bytes:
    shown = "".join(f"\\{byte:03o}" for byte in text.encode("latin-1")).encode()
    return _page(_stream(b'BT /F1 12 Tf 1 1 (%s) " ET' % shown), _SIMPLE)


def mapped(text: str) -> bytes:
    """Write numbers of glyphs, and the table that tells their letters, as office programs and browsers do."""
    letters = sorted(set(text))
    rows = "".join(f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>\n" for code, letter in enumerate(letters, 3))
    table = f"{len(letters)} beginbfchar\n{rows}endbfchar".encode()
    codes = "".join(f"{letters.index(letter) + 3:04x}" for letter in text).encode()
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /ToUnicode 6 0 R >>"
    return _page(_stream(b"BT /F1 12 Tf <%s> Tj ET" % codes), font, _stream(table))


def ranged(text: str) -> bytes:
    """Do the same with a range: letters from a blank on."""
    codes = "".join(f"{ord(letter) - 0x1D:04x}" for letter in text).encode()
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /ToUnicode 6 0 R >>"
    table = b"2 beginbfrange\n<0003> <0100> <0020>\n<0101> <0102> [<0041> <0042>]\nendbfrange"
    return _page(_stream(b"BT /F1 12 Tf [<%s>] TJ ET" % codes), font, _stream(table))


def renamed(text: str) -> bytes:
    """Write ligatures by codes of the font's own, as TeX does."""
    shown = _literal(text.replace("fi", "\x02"))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /A /Encoding 6 0 R >>"
    return _page(_stream(b"BT /F1 12 Tf (%s) Tj ET" % shown), font, b"<< /Differences [ 2 /fi 65 /A ] >>")


def in_object_stream(text: str) -> bytes:
    """Keep the font among objects that are compressed as one."""
    whole = mapped(text).split(b"5 0 obj\n", 1)
    font, rest = whole[1].split(b"\nendobj\n", 1)
    packed = b"5 0 " + font
    return whole[0] + b"9 0 obj\n%s\nendobj\n" % _stream(packed, b"/Type /ObjStm /N 1 /First 4") + rest


def in_ascii85(text: str) -> bytes:
    data = base64.a85encode(zlib.compress(b"BT /F1 12 Tf (%s) Tj ET" % _literal(text))) + b"~>"
    content = b"<< /Filter [/ASCII85Decode /FlateDecode] >>\nstream\n%s\nendstream" % data
    return _page(content, _SIMPLE)


WRITERS: dict[str, Callable[[str], bytes]] = {
    writer.__name__: writer
    for writer in (
        literal, uncompressed, kerned, hexadecimal, octal, mapped, ranged, renamed, in_object_stream, in_ascii85
    )
}  # fmt: skip
