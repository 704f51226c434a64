"""Decode what xxd, hexdump and od print, quoted or not, and hexadecimal digits that stand apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.guard.piece import APART, Piece
from trooper_cli.guard.strings import readable
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORTEST = 16
# Hexadecimal digits apart, as in `54:68:65`, `5468 6520`, or `0x54, 0x68`.
_HEX_WORDS = pattern(
    r"(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9A-Fa-f]{2}){1,8}"
    r"(?:(?:[:,;-][\s>|]{0,8}|[\s>|]{1,8})(?:0[xX])?(?:[0-9A-Fa-f]{2}){1,8}){3,}(?![0-9A-Za-z])"
)
_HEX_WORD = pattern(r"[0-9A-Fa-f]{4,}")
_NO_DIGIT = pattern(r"0[xX]|[^0-9A-Fa-f]+")
# Bytes as decimal numbers, as in a list of a program.
_DECIMALS = pattern(r"\d(?<![\w.,]\d)\d{0,2}(?:[,;\s]{1,4}\d{1,3}){15,}(?![\w.])")
_DECIMAL = pattern(r"\d+")
# Bytes as octal numbers, as in C and in Python, and as bits that nothing divides.
_OCTALS = pattern(r"(?<![\w.,])0[oO]?[0-7]{2,3}(?:[,;\s]{1,4}0[oO]?[0-7]{2,3}){15,}(?![\w.])")
_OCTAL_NUMBER = pattern(r"[0-7]{2,}")
_RUN_OF_BITS = pattern(r"(?<![0-9A-Za-z])(?:[01]{8}){8,}(?![0-9A-Za-z])")
# What xxd, hexdump and od print, quoted or not.
_FURTHER_LINES = r".*(?:\n[ \t>|+-]*(?:0[0-9a-fA-F]{5,15}(?::|\b).*|\*[ \t]*$))*"
_DUMP = pattern(rf"^[ \t>|+-]*0[0-9a-fA-F]{{5,15}}:?[ \t]+\S{_FURTHER_LINES}", re.MULTILINE)
# One whose first line begins behind other words.
_DUMP_WITHIN = pattern(
    rf"000000(?<![\w.-]000000)0{{0,10}}:?(?:[ \t]+[0-9a-fA-F]{{2,8}}){{4}}{_FURTHER_LINES}", re.MULTILINE
)
_DUMP_LINE = pattern(r"[ \t>|+-]*0[0-9a-fA-F]{5,15}(:?)(.*)")
_DUMP_TEXT = pattern(r" {1,2}[>|].*[|<]\s*$")
_OCTAL = pattern(r"[0-7]+")
_BITS = pattern(r"[01]{8}")
_DUMP_NAMES = {"": " ", "sp": " ", "nl": "\n", "ht": "\t", "cr": "\r", "\\n": "\n", "\\t": "\t", "\\r": "\r", "**": ""}


def dumped(text: str) -> Iterator[Piece]:
    """Return what a text holds of dumps."""
    for match in (*_DUMP.finditer(text), *_DUMP_WITHIN.finditer(text)):
        if decoded := _from_dump(match[0]):
            yield Piece(*match.span(), f"\n{decoded}\n")
    for match in _OCTALS.finditer(text):
        numbers = [int(number, 8) for number in _OCTAL_NUMBER.findall(match[0])]
        if max(numbers) < 256 and (words := readable(bytes(numbers))):
            yield Piece(*match.span(), f"\n{words}\n")
    for match in _RUN_OF_BITS.finditer(text):
        if words := readable(int(match[0], 2).to_bytes(len(match[0]) // 8)):
            yield Piece(*match.span(), f"\n{words}\n")
    for match in _HEX_WORDS.finditer(text):
        digits = _NO_DIGIT.sub("", match[0])
        if len(digits) < _SHORTEST:
            continue
        # Words of several bytes, too, may have the last of them first.
        turned = b"".join(bytes.fromhex(word)[::-1] for word in _HEX_WORD.findall(match[0]) if len(word) % 2 == 0)
        readings = [words for data in (bytes.fromhex(digits), turned) if (words := readable(data))]
        if readings:
            yield Piece(*match.span(), f"\n{APART.join(readings)}\n")
    for match in _DECIMALS.finditer(text):
        numbers = [int(number) for number in _DECIMAL.findall(match[0])]
        if max(numbers) < 256 and (words := readable(bytes(numbers))) and len(words.encode()) == len(numbers):
            yield Piece(*match.span(), f"\n{words}\n")


def _from_dump(text: str) -> str:
    rows = [match.groups() for match in map(_DUMP_LINE.match, text.split("\n")) if match]
    # Words of several bytes have the first of them first or last, by program, option and machine.
    found: list[str] = []
    for order in ("big", "little"):
        data = b"".join(_bytes_of_row(row, order, has_colon=bool(colon)) for colon, row in rows).rstrip(b"\0")
        if (decoded := readable(data)) and decoded not in found:
            found.append(decoded)
    return APART.join(found)


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
