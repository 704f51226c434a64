"""Find what the lines of a text begin with and what is none of it: numbers, who speaks, at which time, marks."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from trooper_cli.guard.piece import Piece
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = pattern(r"^[ \t>+|-]*\d{1,7}[ \t]*[:.)|\]-]?(?=[ \t])|^[ \t>+|-]*\d{1,7}[:|]", re.MULTILINE)
# The number and the times of a subtitle.
_CUE = pattern(r"^(?:\d{1,6}[ \t]*\r?\n)?[ \t]*(?:\d\d:)?\d\d:\d\d[.,]\d{3}[ \t]+-->.*$", re.MULTILINE)
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
    """Return the numbers of lines and of subtitles, which go."""
    if "-->" in text and (cues := [Piece(*match.span(), "") for match in _CUE.finditer(text)]):
        return cues
    return [Piece(*match.span(), "") for match in _NUMBER.finditer(text)]


def line_heads(text: str) -> list[Piece]:
    """Return what the lines of a block begin with, all alike: who speaks, at which time, a comment's mark; it goes."""
    if "\n" not in text:
        return []
    matches = [match for match in _FIRST_WORD.finditer(text) if not _OFFSET.fullmatch(match[1])]
    kinds = [_kind(match[1]) for match in matches]
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


def _kind(word: str) -> str:
    """Return a word without what differs from line to line: figures, who speaks."""
    return _kind_without_figures(_DIGITS.sub("0", word))


@lru_cache(maxsize=1024)
def _kind_without_figures(word: str) -> str:
    for kind, name in ((_LEVEL, r"\1INFO\2"), (_SPEAKER, "x:"), (_NICKNAME, "<>")):
        word = kind.sub(name, word)
    return word


@lru_cache(maxsize=1024)
def _ends_head(kind: str) -> bool:
    """Return whether a word is one that heads of lines end with: a speaker, a clock, a level."""
    return kind[-1:] in {":", ">", "]", "|"} or bool(_CLOCK.fullmatch(kind) or _CAPITALS.fullmatch(kind))


def _head_end(text: str, match: re.Match[str], other: re.Match[str]) -> int:
    """Return where the head of a line ends that another line has as well."""
    end = match.end(1)
    for word, other_word in zip(_further_words(text, end), _further_words(text, other.end(1)), strict=False):
        kind = _kind(word[0])
        if kind != _kind(other_word[0]) or _OFFSET.fullmatch(word[0]):
            break
        if _ends_head(kind):
            end = word.end()
    return end


def _further_words(text: str, start: int) -> Iterator[re.Match[str]]:
    end = text.find("\n", start)
    found = _WORD.finditer(text, start, min(end if end >= 0 else len(text), start + 240))
    return islice(found, _WORDS_OF_HEAD)
