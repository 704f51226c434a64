"""The one line of a model's answer that can be the headline of a commit, however the model has dressed it up."""

from __future__ import annotations

import re

LONGEST = 72
# Of a line that is longer than this nothing is a headline.
_LONGEST_LINE = 600
_FENCE = re.compile(r"\s*(?:```|~~~)")
_MARKUP = re.compile(r"(?:#{1,6}\s+|>\s+|[*\u2022-]\s+|\d{1,2}[.)]\s+)+")
_LABEL = re.compile(
    r"(?:the )?(?:git )?(?:commit message|commit|message|subject|headline|title)(?: line)?\s*:\s*", re.IGNORECASE
)
_QUOTES = "\"'`*_\u201c\u201d\u2018\u2019\u201e\u00ab\u00bb"
# How answers begin that talk about the message, and lines of the diff itself.
_CHATTER = re.compile(
    r"(?:here(?:['\u2019]s| is| are)|sure|certainly|of course|okay|i(?:['\u2019]m| am| have| would| will| can)|as an ai"
    r"|(?:the|this|your) (?:(?:git )?commit|headline|message|following|change is)|diff --git|index [0-9a-f]{7})\b",
    re.IGNORECASE,
)
# A sentence to a reader or about the change is none either; what a headline says it says to nobody.
_TALK = re.compile(
    r"\b(?:you|your|yours)\b|\bthis (?:commit|diff|change|code|patch)\b"
    r"|^(?:the|this|a) (?:provided |given |above |following )*(?:code|diff|snippet|patch)\b",
    re.IGNORECASE,
)
_SPEAKER = re.compile(r"\b(?:I(?:['\u2019](?:m|ve|d|ll))?|my) [a-z]")
_REPEATED = re.compile(r"(.{2,40}?)\1{3,}")


def headline(answer: str, *, is_whole: bool, instead: str | None = None) -> str | None:
    """Return the first line of an answer that is a plausible headline, without its dress, or None.

    Args:
        answer: what has arrived.
        is_whole: whether the model ended it; else its last word, and a last line of one word, may be cut.
        instead: what is said where the model only talks about the change.

    """
    lines = answer.split("\n")
    if not is_whole:
        lines[-1] = lines[-1].rpartition(" ")[0]
    read = [found for line in lines if (found := _read(line))]
    found = next((line for line in read if not _talks(line)), None)
    if found is None and read:
        found = instead
    return _cut(found) if found else None


def _talks(text: str) -> bool:
    return bool(_TALK.search(text) or _SPEAKER.search(text))


def _read(line: str) -> str | None:
    if _FENCE.match(line) or len(line) > _LONGEST_LINE:
        return None
    text = " ".join("".join(each for each in line.replace("\t", " ") if each.isprintable()).split())
    text = _MARKUP.sub("", text, 1) if _MARKUP.match(text) else text
    for _ in range(2):
        text = _LABEL.sub("", text.strip(_QUOTES).strip(), 1) if _LABEL.match(text.strip(_QUOTES)) else text
        if len(text) > 1 and text[0] in _QUOTES:
            text = text.strip(_QUOTES)
    text = text.rstrip(" .:;,")
    first, _, second = text.partition(": ")
    text = first if first == second else text
    return text if _is_plausible(text) else None


def _is_plausible(text: str) -> bool:
    # Several words; languages that write without spaces have some characters.
    if len(text.split()) < 2 and (text.isascii() or len(text) < 4):
        return False
    begins = text[0].isalnum() or not text[0].isascii() or text[0] in "[(:"
    letters = sum(map(str.isalpha, text))
    return begins and letters >= 3 and not _CHATTER.match(text) and not _REPEATED.search(text)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return (text[: LONGEST + 1].rpartition(" ")[0] or text[:LONGEST]).rstrip(" .:;,")
