"""What nobody sees in a text, and other ways to write a Latin letter: neither makes a word another one for a reader.

A key with a zero-width space in it, in full-width letters, or of which `grep --color` marked a part, is the key.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING

from trooper_cli.guard.piece import Piece, apart
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# Control characters other than white space. No text for people has one, but what programs print for terminals does:
# sequences of ECMA-48 (colours, links), and letters printed twice or over a line.
_CONTROLS = bytes((*range(9), *range(14, 32), 127))
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f]"
_SEQUENCE = r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)"
# The letter behind them is taken along: a word may begin there that did not begin behind the last letter of a sequence.
_UNSEEN = pattern(rf"(?:{_SEQUENCE}|[^\n]\x08|{_CONTROL})++([!-~]?)")
_BEYOND_ASCII = pattern(r"[^\x00-\x7f]+")
# Default_Ignorable_Code_Point, from DerivedCoreProperties.txt of Unicode, and the empty pattern of Braille. Not all of
# them have the category Cf.
_IGNORABLES = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
IGNORABLE = pattern(f"[{_IGNORABLES}]")
# With the blanks behind and between them; those before none.
_IGNORED, _BETWEEN_WORDS = pattern(rf"[{_IGNORABLES}][{_IGNORABLES}\s]*+"), pattern(rf"[{_IGNORABLES}]+")
# Letters that look like Latin ones, after "confusables" of Unicode's TR39. What is compared in small letters has both
# cases as the small letter looks.
_SMALL = (
    "авгекмнопрстухьѕіјһԁԛԝӏѵґαβγεζηικμνορτυχωıɑɡ",
    "abrekmhonpctyxbsijhdqwlvrabyeznikmvoptuxwiag",
)
_CAPITAL = ("АВЕКМНОРСТУХЅІЈԌԚԜӀΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXSIJGQWIABEZHIKMNOPTYX")
LOOKALIKES = str.maketrans("".join((_SMALL[0], _CAPITAL[0])), "".join((_SMALL[1], _CAPITAL[1])))
# In a word of ASCII they are not of another script; in a text of their own they are left as they are.
_ALIKE = f"[{_SMALL[0]}{_CAPITAL[0]}]"
_FOREIGN = pattern(rf"(?<=[A-Za-z0-9_]){_ALIKE}++|(?<!{_ALIKE}){_ALIKE}++(?=[A-Za-z0-9_])")
# Letters that look like a hyphen, between others that are not of their script: of Korean, Chinese, Japanese, Arabic.
_STROKE = pattern("(?<=[A-Za-z0-9])[\u0640\u1173\u2f00\u30fc\u3161\u31d0\u4e00\ua7f7\uff70]++(?= ?[A-Za-z0-9])")
# What a page or a shell does not show within a word: where it may be broken, marks of Markdown, escapes of both.
_BREAK = pattern(
    r"<[wW][bB][rR] ?/?>|(?<=[A-Za-z0-9_+/-])(?:\\(?:\r?\n[ \t]{0,40}|(?=[_.-]))|\*\*|`{1,3})(?=[A-Za-z0-9_.+/-])"
)


class _Shown(dict[int, str]):
    """What each character stands for: nothing, characters of ASCII (NFKC), a digit, or itself."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = unicodedata.normalize("NFKC", character)
        if unicodedata.category(character) == "Cf" or IGNORABLE.match(character):
            shown = ""
        elif shown.isdecimal():
            # The digits of Arabic, of Devanagari and of other scripts.
            shown = "".join(str(unicodedata.decimal(one)) for one in shown)
        elif not (shown.isascii() and shown.isprintable()):
            shown = character
        self[code] = shown
        return shown


_SHOWN = _Shown()


def unseen(text: str) -> list[Piece]:
    """Return what nobody sees, which goes, and characters of ASCII written in another way; in order and apart."""
    pieces: list[Piece] = []
    data = text.encode("utf-8", "replace")
    if len(data) != len(data.translate(None, _CONTROLS)):
        pieces += [Piece(*match.span(), match[1]) for match in _UNSEEN.finditer(text)]
    if any(sign in text for sign in ("\\", "`", "**", "<")):
        pieces += [Piece(*match.span(), "") for match in _BREAK.finditer(text)]
    if not text.isascii():
        pieces += [Piece(*match.span(), match[0].translate(LOOKALIKES)) for match in _FOREIGN.finditer(text)]
        pieces += [Piece(*match.span(), "-") for match in _STROKE.finditer(text)]
        if text.translate(_SHOWN) != text:
            pieces += _other_letters(text)
            pieces += _ignored(text)
    return apart(pieces)


def blanked(text: str) -> list[Piece]:
    """Return what nobody sees between two words, as a blank: some of it takes the place of one, or is as wide."""
    if text.isascii():
        return []
    return [
        Piece(*match.span(), " ")
        for match in _BETWEEN_WORDS.finditer(text)
        if _is_word(text[match.start() - 1 : match.start()]) and _is_word(text[match.end() : match.end() + 1])
    ]


def _ignored(text: str) -> Iterator[Piece]:
    """Return what nobody sees next to a word, or apart from it by blanks.

    Behind a letter of another script, or an emoji, it is a part of that.
    """
    for match in _IGNORED.finditer(text):
        before = match.start()
        while before and text[before - 1].isspace():
            before -= 1
        is_apart = before < match.start() or not before
        if _is_word(text[before - 1 : before]) or (is_apart and _is_word(text[match.end() : match.end() + 1])):
            for one in _BETWEEN_WORDS.finditer(text, *match.span()):
                yield Piece(*one.span(), "")


def _other_letters(text: str) -> Iterator[Piece]:
    for run in _BEYOND_ASCII.finditer(text):
        end = run.start()
        for is_other, letters in groupby(run[0], _is_other):
            start, end = end, end + sum(1 for _ in letters)
            if not is_other:
                continue
            shown = text[start:end].translate(_SHOWN)
            # Commas of Chinese and joiners of Persian matter only within what is ASCII for the rest.
            if any(map(str.isalnum, shown)) or (_is_word(text[start - 1 : start]) and _is_word(text[end : end + 1])):
                yield Piece(start, end, shown)


def _is_other(letter: str) -> bool:
    return _SHOWN[ord(letter)] != letter


def _is_word(letter: str) -> bool:
    """Return whether a character is of ASCII and no blank, or a Latin letter with an accent."""
    return "!" <= letter <= "~" or "\xc0" <= letter <= "\u024f"
