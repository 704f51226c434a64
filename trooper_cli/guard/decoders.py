"""Find what is encoded in a text, and what it says. Each decoder works in one pass; forms.py makes layers of them."""

from __future__ import annotations

import base64
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.lazy import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Piece(NamedTuple):
    """A part of a text, and what stands there once it is decoded; None where it stays, for the next layer to read."""

    start: int
    end: int
    decoded: str | None


_ESCAPE = pattern(
    r'(?:\\u[0-9a-fA-F]{4})+|(?:\\u\{[0-9a-fA-F]{1,6}\})+|(?:\\x[0-9a-fA-F]{2})+|(?:\\[0-3][0-7]{2})+|\\[nrtbf"\\/]'
)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_PERCENT = pattern(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = pattern(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_QUOTED_PRINTABLE = pattern(r"(?:=[0-9A-F]{2}(?:=\r?\n)?){2,}|=\r?\n")
# Base64, base32 or hexadecimal digits. The lines of an encoded text belong together: where one ends, a character may
# be cut in two.
_LINES = pattern(r"[A-Za-z0-9+/_-]{16,}(?:[\s>|]+[A-Za-z0-9+/_-]{16,})*(?:[\s>|]+[A-Za-z0-9+/_-]{2,39})?={0,6}")
_LINE = pattern(r"[^\s>|=]+")
_BASE32 = pattern(r"[A-Z2-7]+|[a-z2-7]+")
_SHORTEST = 16
# Hexadecimal digits apart, as in `54:68:65`, `5468 6520`, or `0x54, 0x68`.
_HEX_WORDS = pattern(
    r"(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9A-Fa-f]{2}){1,8}"
    r"(?:(?:[:,;-][\s>|]{0,8}|[\s>|]{1,8})(?:0[xX])?(?:[0-9A-Fa-f]{2}){1,8}){3,}(?![0-9A-Za-z])"
)
_NO_DIGIT = pattern(r"0[xX]|[^0-9A-Fa-f]+")
# What xxd, hexdump and od print, quoted or not.
_DUMP = pattern(
    r"^[ \t>|+-]*0[0-9a-fA-F]{5,15}:?[ \t]+\S.*(?:\n[ \t>|+-]*(?:0[0-9a-fA-F]{5,15}(?::|\b).*|\*[ \t]*$))*",
    re.MULTILINE,
)
_DUMP_LINE = pattern(r"[ \t>|+-]*0[0-9a-fA-F]{5,15}(:?)(.*)")
_DUMP_TEXT = pattern(r" {1,2}[>|].*[|<]\s*$")
_OCTAL = pattern(r"[0-7]+")
_BITS = pattern(r"[01]{8}")
_DUMP_NAMES = {"": " ", "sp": " ", "nl": "\n", "ht": "\t", "cr": "\r", "\\n": "\n", "\\t": "\t", "\\r": "\r", "**": ""}
_CONTROLS = bytes((*range(7), 11, *range(14, 27), *range(28, 32), 127))
_WHOLE = 0.9
# Between two readings of the same; no decoder reads across it.
_APART = "\n.\n"
# What compressed text may grow to; who encodes more of it is not found.
_INFLATED = 1 << 20


def encoded(text: str) -> list[Piece]:
    """Return what is encoded in a text, in order and apart."""
    escapes = sorted(_escapes(text), key=lambda piece: piece.start)
    pieces = [*_blocks(text, escapes), *escapes]
    if "=" in text:
        pieces += _quoted_printable(text)
    return _apart(pieces)


def _apart(pieces: list[Piece]) -> list[Piece]:
    kept: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        if not kept or piece.start >= kept[-1].end:
            kept.append(piece)
    return kept


def _escapes(text: str) -> Iterator[Piece]:
    if "\\" in text:
        for match in _ESCAPE.finditer(text):
            yield Piece(*match.span(), _from_escape(match))
    if "%" in text:
        for match in _PERCENT.finditer(text):
            yield Piece(*match.span(), _from_bytes(bytes.fromhex(match[0].replace("%", ""))))
    if "&" in text and _ENTITY.search(text):
        import html

        for match in _ENTITY.finditer(text):
            if (named := html.unescape(match[0])) != match[0]:
                yield Piece(*match.span(), named)


def _quoted_printable(text: str) -> Iterator[Piece]:
    import quopri

    for match in _QUOTED_PRINTABLE.finditer(text):
        yield Piece(*match.span(), _from_bytes(quopri.decodestring(match[0].encode())))


def _blocks(text: str, escapes: Sequence[Piece]) -> Iterator[Piece]:
    for match in _DUMP.finditer(text):
        if decoded := _from_dump(match[0]):
            yield Piece(*match.span(), f"\n{decoded}\n")
    for match in _HEX_WORDS.finditer(text):
        digits = _NO_DIGIT.sub("", match[0])
        if len(digits) >= _SHORTEST and (words := readable(bytes.fromhex(digits))):
            yield Piece(*match.span(), f"\n{words}\n")
    starts = [piece.start for piece in escapes]
    for match in _LINES.finditer(text):
        start, end = match.span()
        last = bisect_left(starts, end + 1)
        if last == 0 or escapes[last - 1].end < start:
            yield from _from_lines(match)
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
        points = (int(point, 16) for point in run[3:-1].split("}\\u{"))
        return "".join(chr(point) for point in points if point < 0x110000)
    if run[1] == "u":
        # Letters beyond the first 65,536 come in two halves.
        return bytes.fromhex(run.replace("\\u", "")).decode("utf-16-be", "replace")
    if run[1] == "x":
        return _from_bytes(bytes.fromhex(run.replace("\\x", "")))
    if run[1].isdigit():
        return _from_bytes(bytes(int(digits, 8) for digits in run[1:].split("\\")))
    return _PLAIN.get(run[1], run[1])


def _from_bytes(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _from_lines(match: re.Match[str]) -> Iterator[Piece]:
    """Decode the lines as one, or without the last, which may be a word; else those of the same length; else each."""
    lines = list(_LINE.finditer(match[0]))
    start = match.start()
    digits = [line[0] for line in lines]
    whole = _from_digits("".join(digits))
    shorter = _from_digits("".join(digits[:-1])) if len(lines) > 1 else None
    if whole and shorter and _is_odd(whole[len(shorter) :], digits[-1]):
        whole = f"{shorter}{_APART}{whole}"
    if whole or shorter:
        yield Piece(start, match.end() if whole else start + lines[-2].end(), f"\n{whole or shorter}\n")
        return
    first = 0
    while len(lines) > 1 and first < len(lines):
        size, last = len(lines[first][0]), first + 1
        while last < len(lines) and len(lines[last][0]) == size:
            last += 1
        # The last line of a block is shorter.
        ends = (last + 1, last) if last < len(lines) and len(lines[last][0]) < size else (last,)
        for end in ends:
            if decoded := _from_digits("".join(digits[first:end])):
                yield Piece(start + lines[first].start(), start + lines[end - 1].end(), f"\n{decoded}\n")
                last = end
                break
        first = last


def _is_odd(decoded: str, line: str) -> bool:
    """Return whether a line may be a word that was taken along: it is short, or not all that it says is text."""
    data = decoded.encode()
    return len(line) < _SHORTEST or len(data) < len(line) * 5 // 8 - 2 or data != data.translate(None, _CONTROLS)


def _from_digits(digits: str) -> str | None:
    size = len(digits)
    if size < _SHORTEST:
        return None
    try:
        if size % 2 == 0 and (text := readable(bytes.fromhex(digits))):
            return text
    except ValueError:
        pass
    if _BASE32.fullmatch(digits):
        # Of what was cut off in the middle of eight digits the rest tells nothing.
        whole = digits[: size - (size % 8 in {1, 3, 6})].upper()
        if text := readable(base64.b32decode(whole + "=" * (-len(whole) % 8))):
            return text
    whole = digits[: size - (size % 4 == 1)].replace("-", "+").replace("_", "/")
    return readable(base64.b64decode(whole + "=" * (-len(whole) % 4)))


def readable(data: bytes) -> str | None:
    """Return the text that bytes hold: UTF-8 or UTF-16, perhaps compressed, or the text of a PDF."""
    if data.startswith(b"%PDF-"):
        from trooper_cli.guard.pdf import text_of_pdf

        return text_of_pdf(data)
    if data[:2] in {b"\x1f\x8b", b"x\x01", b"x\x9c", b"x\xda"}:
        data = _inflated(data)
    return _utf8(data) or _utf16(data)


def _utf8(data: bytes) -> str | None:
    """Decode what is text, perhaps but for a character cut off at either end or a word taken along."""
    text = data.decode(errors="ignore")
    lost = len(data) - len(text.encode())
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return text if lost <= (1 - _WHOLE) * len(data) and controls * 64 <= len(data) else None


def _utf16(data: bytes) -> str | None:
    """Decode UTF-16 of a script that has one half of its letters' codes in common, or that says in which order."""
    whole = data[: len(data) - len(data) % 2]
    if not whole:
        return None
    big, little = whole[::2], whole[1::2]
    order = {b"\xfe\xff": "be", b"\xff\xfe": "le"}.get(whole[:2])
    if order is None:
        shares = {"be": max(map(big.count, range(8))), "le": max(map(little.count, range(8)))}
        order = max(shares, key=lambda one: shares[one])
        if shares[order] * 3 < len(big) * 2:
            return None
    text = whole.decode(f"utf-16-{order}", "ignore").lstrip("\ufeff")
    return _utf8(text.encode())


def _inflated(data: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(47).decompress(data, min(_INFLATED, 8 * len(data)))
    except zlib.error:
        return data


def _from_dump(text: str) -> str:
    rows = [match.groups() for match in map(_DUMP_LINE.match, text.split("\n")) if match]
    # Words of several bytes have the first of them first or last, by program, option and machine.
    found: list[str] = []
    for order in ("big", "little"):
        data = b"".join(_bytes_of_row(row, order, has_colon=bool(colon)) for colon, row in rows).rstrip(b"\0")
        if (decoded := readable(data)) and decoded not in found:
            found.append(decoded)
    return _APART.join(found)


def _bytes_of_row(row: str, order: str, *, has_colon: bool) -> bytes:
    """Return the bytes of one line: words of two or more hexadecimal digits, of octal ones, of bits, or characters."""
    words = (row.strip().split("  ", 1)[0] if has_colon else _DUMP_TEXT.sub("", row)).split()
    if not words:
        return b""
    width = len(words[0])
    digits = "".join(words)
    if width == 8 and _BITS.fullmatch(words[0]):
        return bytes(int(word, 2) for word in words if _BITS.fullmatch(word))
    if width in {3, 6} and len(digits) == width * len(words) and _OCTAL.fullmatch(digits):
        return b"".join((int(word, 8) & 0xFFFF).to_bytes(width // 3, "little") for word in words)
    if width % 2 == 0 and all(len(word) <= width for word in words):
        try:
            halves = [bytes.fromhex(word) for word in words]
        except ValueError:
            halves = []
        if halves:
            return b"".join(half if order == "big" else half[::-1] for half in halves)
    return b"".join(map(_byte_of_field, re.findall(".{1,4}", row)))


def _byte_of_field(field: str) -> bytes:
    name = field.strip()
    if len(name) == 3 and _OCTAL.fullmatch(name):
        return bytes((int(name, 8) & 0xFF,))
    return _DUMP_NAMES.get(name, name).encode()


_NUMBER = pattern(r"^[ \t>+|-]*\d{1,7}[ \t]*[:.)|\]-]?(?=[ \t])|^[ \t>+|-]*\d{1,7}[:|]", re.MULTILINE)
_FIRST_WORD = pattern(
    r"^[ \t>+|*#/%;!-]*((?:[A-Z][\w.'-]{0,30} ){1,2}[A-Z][\w.'-]{0,30}:|[^\s{}()]{1,64})(?=[ \t])", re.MULTILINE
)
_WORD = pattern(r"\S+")
_DIGITS, _SPEAKER, _NICKNAME = pattern(r"\d+"), pattern(r"(?m)^[^:\"'\n]{1,90}:$"), pattern(r"(?m)^<[^>\n]{1,40}>:?$")
_LEVEL = pattern(r"(?mi)^(\W?)(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE)(\W?)$")
_CLOCK = pattern(r"\W*0(?:[:.,/TZ+-]+0)+\w?\W*")
_CAPITALS = pattern(r"\W*[A-Z]{1,8}\W*")
_OFFSET = pattern(r"0[0-9a-fA-F]{5,15}:?")
_WORDS_OF_HEAD = 8


def line_numbers(text: str) -> list[Piece]:
    """Return the numbers of lines, which go."""
    return [Piece(*match.span(), "") for match in _NUMBER.finditer(text)]


def line_heads(text: str) -> list[Piece]:
    """Return what the lines of a block begin with, all alike: who speaks, at which time, a comment's mark; it goes."""
    if "\n" not in text:
        return []
    matches = [match for match in _FIRST_WORD.finditer(text) if not _OFFSET.fullmatch(match[1])]
    kinds = _kinds([match[1] for match in matches])
    heads: list[Piece] = []
    beyond = ["", "", *kinds, "", ""]
    for at, (kind, match) in enumerate(zip(kinds, matches, strict=True)):
        around = beyond[at : at + 5]
        if around.count(kind) < 2 or not any(map(str.isalnum, kind)):
            continue
        # Speakers take turns, other words stand at the head of each line.
        for step in (-1, 1, -2, 2) if _ends_head(kind) else (-1, 1):
            if around[step + 2] == kind and not _is_apart(text, match, matches[at + step]):
                heads.append(Piece(match.start(), _head_end(text, match, matches[at + step]), ""))
                break
    return heads


def _is_apart(text: str, match: re.Match[str], other: re.Match[str]) -> bool:
    """Return whether several lines lie between two words."""
    first, last = sorted((match.start(1), other.start(1)))
    return text.count("\n", first, last) > 3


def _kinds(words: list[str]) -> list[str]:
    """Return words without what differs from line to line: figures, who speaks."""
    joined = _DIGITS.sub("0", "\n".join(words))
    for kind, name in ((_LEVEL, r"\1INFO\2"), (_SPEAKER, "x:"), (_NICKNAME, "<>")):
        joined = kind.sub(name, joined)
    return joined.split("\n") if words else []


def _ends_head(kind: str) -> bool:
    """Return whether a word is one that heads of lines end with: a speaker, a clock, a level."""
    return kind[-1:] in {":", ">", "]", "|"} or bool(_CLOCK.fullmatch(kind) or _CAPITALS.fullmatch(kind))


def _head_end(text: str, match: re.Match[str], other: re.Match[str]) -> int:
    """Return where the head of a line ends that another line has as well."""
    end = match.end(1)
    words, others = _further_words(text, end), _further_words(text, other.end(1))
    kinds, other_kinds = _kinds([word[0] for word in words]), _kinds([word[0] for word in others])
    for word, kind, other_kind in zip(words, kinds, other_kinds, strict=False):
        if kind != other_kind or _OFFSET.fullmatch(word[0]):
            break
        if _ends_head(kind):
            end = word.end()
    return end


def _further_words(text: str, start: int) -> list[re.Match[str]]:
    end = text.find("\n", start)
    found = _WORD.finditer(text, start, min(end if end >= 0 else len(text), start + 240))
    return [match for match, _ in zip(found, range(_WORDS_OF_HEAD), strict=False)]
