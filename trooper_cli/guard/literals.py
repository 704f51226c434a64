"""Decode bytes as programs write them, each with its type: `66u8`, `0x42U`, `(byte)0x42`, `0b1000010`, `0x4_2`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.guard.piece import Piece
from trooper_cli.guard.strings import readable
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAST = r"(?:\((?:s?byte|u?int8_t|(?:unsigned )?char|Byte|UInt8)\) ?)?"
_SUFFIX = r"(?:_?[ui]8|[uU][lLyY]?|[yY])"
_NUMBER = r"-?\d[xXbBoO]?[\da-fA-F_]{0,10}"
_LITERAL = rf"{_CAST}{_NUMBER}{_SUFFIX}?"
_LITERALS = pattern(rf"(?<![\w.]){_LITERAL}(?:[,;\s]{{1,6}}{_LITERAL}){{15,}}(?![\w.])")
# Without one of these it is a list of plain numbers, which dumps.py reads.
_TYPED = pattern(
    rf"[Bb]yte\)|char\)|int8_t\)|Int8\)|\b0[bB][01]|\b0[xX][\da-fA-F]_|\b(?:0[xX][\da-fA-F]+|\d+){_SUFFIX}\b"
)
_ONE = pattern(rf"(-?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][\d_]*){_SUFFIX}?(?![\w])")
_CASTS = pattern(r"\([^()]*\)")


def literals(text: str) -> Iterator[Piece]:
    """Return what a text holds of lists of bytes that have a type."""
    if not _TYPED.search(text):
        return
    for match in _LITERALS.finditer(text):
        numbers = [_number(*one) for one in _ONE.findall(_CASTS.sub("", match[0]))]
        if all(number < 256 for number in numbers) and (words := readable(bytes(numbers))):
            yield Piece(*match.span(), f"\n{words}\n")


def _number(sign: str, digits: str) -> int:
    digits = digits.replace("_", "").lower()
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2], 8 if digits[:1] == "0" else 10)
    number = int(digits[2:] or "0", base) if digits[1:2] in {"x", "b", "o"} else int(digits, base)
    # What is below zero is a byte of 128 and more.
    return 256 - number if sign and 0 < number <= 128 else number
