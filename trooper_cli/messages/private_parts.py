"""Every text of a request, and the parts of it in which a whole prompt or answer of a private turn may stand.

Programs merge messages, flatten a history into one text, quote it, and move an answer into a tool's result or the
system prompt. What is longer than a run of the guard's fingerprints is found by these; the parts here are shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard import text_keys
from trooper_cli.guard.decoders import unescaped
from trooper_cli.guard.distinctive import FLOOR, LINE_FLOOR, is_ordinary, is_telling
from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern
from trooper_cli.messages.line_pieces import pieces_of
from trooper_cli.messages.split_texts import in_rows, json_in
from trooper_cli.messages.texts import beside_text, blocks_of, readings, text_of, texts_in

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trooper_cli.guard.guard import Guard
    from trooper_cli.messages.texts import ApiMessage

# A shared run of so many letters and digits is always found by the guard.
_LONGEST = 48
_MOST_PARTS = 12
# Of thousands of short lines, fewer neighbours are read together, so that time grows with the text alone.
_LEAST_PARTS = 2
_MOST_JOINED = 40_000
_LONG_NAME = 16
# Of JSON in texts of JSON.
_MOST_LAYERS = 5
# Within a line: who speaks, a tag, the border of a cell.
_CUT = pattern(r"[|\t]+|</?[\w-]{1,30}>|(?:^|(?<=\s))[*_\[(]{0,3}[^\W\d_][\w.-]{0,23}[*_\])]{0,3}:[*_]{0,3}(?=\s)")
# The same where names are a part of what is told: they are pieces too.
_CUT_AT_NAMES = pattern(r"</[\w:-]{1,30}>|[<>=|\t]+")
_QUOTED = pattern(
    r'"((?:[^"\\\n]|\\.){1,300}+)"|\u201c([^\u201d\n]{1,300})\u201d|\u201e([^\u201c\u201d\n]{1,300})[\u201c\u201d]'
    r"|\u00ab([^\u00bb\n]{1,300})\u00bb|\u2018([^\u2019\n]{1,300})\u2019|(?<!\w)'([^'\n]{1,300})'(?!\w)|`([^`\n]{1,300})`"
)


class Leaf(NamedTuple):
    """A text of a request with its place; one that was put together of several counts as a part of a text does."""

    path: str
    text: str
    is_whole: bool = True


def leaves_of(messages: Iterable[tuple[int, ApiMessage]], fields: Mapping[str, object]) -> Iterator[Leaf]:
    """Return each text of numbered messages and of fields with its place; blocks are read together and alone."""
    messages = list(messages)
    for at, message in messages:
        path = f"messages.{at}"
        blocks = blocks_of(message["content"])
        texts = [str(block["text"]) for block in blocks if block["type"] == "text"]
        if len(texts) > 1:
            yield Leaf(path, text_of(message["content"]))
        for text in (*texts, *readings(beside_text(message))):
            yield Leaf(path, text)
        yield from _apart(path, message)
    if len(messages) > 1:
        for text in in_rows([message for _, message in messages]):
            yield Leaf("messages", text, is_whole=False)
    for name, value in fields.items():
        # What a program calls a field of its own is not repeated in an error.
        path = name if name.isidentifier() and len(name) < _LONG_NAME else "a field"
        for text in readings({name: value}):
            yield Leaf(path, text)
        yield from _apart(path, {name: value})


def _apart(path: str, part: Mapping[str, object]) -> Iterator[Leaf]:
    """Return what a part of a request, and the JSON in its texts, has in a row."""
    found: list[object] = [part]
    for _ in range(_MOST_LAYERS):
        for value in found:
            for text in in_rows(value):
                yield Leaf(path, text, is_whole=False)
        # A text in JSON may hold JSON itself.
        found = [value for each in found for text in texts_in(each) for value in json_in(text)]


def private_leaf(leaves: Iterable[Leaf], halves: Iterable[str], guard: Guard) -> str | None:
    """Return the place of a leaf that holds a private turn's whole prompt or answer, None if there is none.

    A part of a leaf has to be telling by itself, or together with its other half: in another leaf, or among the
    `halves` of turns that were left out.

    Raises:
        StorageError: the guard's index cannot be read.

    """
    found: dict[str, tuple[str, str, bool]] = {}
    for path, leaf, is_whole in leaves:
        for form in text_keys.loosely(leaf) if is_whole else ():
            if form not in found or not found[form][2]:
                found[form] = path, leaf, True
        for form, part in parts(leaf):
            found.setdefault(form, (path, part, False))
    known = guard.known(map(text_keys.said, found))
    private = {form: each for form, each in found.items() if text_keys.said(form) in known.private}
    alone = {form: each for form, each in private.items() if text_keys.said(form) not in known.public}
    for path, text, is_whole in alone.values():
        if is_telling(text) if is_whole else is_telling(text, LINE_FLOOR):
            return path
    asked = {form: text for form, (_, text, _) in private.items()}
    left_out = {form: half for half in halves for form in text_keys.loosely(half)}
    pairs = {
        text_keys.pair(first, second): path
        for first, prompt in (asked | left_out).items()
        for second, (path, answer, _) in private.items()
        if first != second
        and is_telling(f"{prompt} {answer}")
        # What was asked in public too is a reason only beside an answer that is nobody else's.
        and (first in alone or first in left_out or (second in alone and _is_rare(answer)))
    }
    known = guard.known(pairs)
    return next((path for name, path in pairs.items() if known.only_private(name)), None)


def _is_rare(text: str) -> bool:
    return len(reduced(text)) >= FLOOR and not is_ordinary(text)


def parts(text: str) -> Iterator[tuple[str, str]]:
    """Return the loose form of each line, of what stands in it, and of neighbours together; each with its text."""
    for layer in (text, unescaped(text)) if "\\" in text else (text,):
        yield from _parts_of_lines(layer)
        small = [(form, piece) for piece in pieces_of(layer) if (form := reduced(piece))]
        yield from _together(small, small)
        for quoted in _QUOTED.finditer(layer):
            yield from _parts_of_lines(unescaped(quoted[quoted.lastindex or 0]))


def _parts_of_lines(text: str) -> Iterator[tuple[str, str]]:
    lines = [(form, line) for line in text.split("\n") if (form := reduced(line))]
    heads = [_bare(*line) for line in lines]
    pieces = [piece for line, head in zip(lines, heads, strict=True) for piece in _pieces(line, head, _CUT)]
    with_names = pieces
    if "=" in text or "<" in text:
        with_names = [
            piece for line, head in zip(lines, heads, strict=True) for piece in _pieces(line, head, _CUT_AT_NAMES)
        ]
    yield from _together(lines, lines)
    # Of most lines nothing comes off.
    if heads != lines:
        yield from _together(heads, lines)
        yield from _together(heads, heads)
    if pieces != heads:
        yield from _together(pieces, pieces)
    if with_names not in (pieces, heads):
        yield from _together(with_names, with_names)


def _bare(form: str, line: str) -> tuple[str, str]:
    short = text_keys.bare(line)
    return (form, line) if len(short) == len(line.strip()) else (reduced(short), short)


def _pieces(line: tuple[str, str], head: tuple[str, str], borders: re.Pattern[str]) -> list[tuple[str, str]]:
    cuts = borders.split(line[1])
    if len(cuts) == 1:
        return [head]
    return [_bare(form, cut) for cut in cuts if (form := reduced(cut))]


def _together(firsts: Sequence[tuple[str, str]], others: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Return each text with no, one, two … of those that follow it, as long as they are short."""
    most = min(_MOST_PARTS, max(_LEAST_PARTS, _MOST_JOINED // (len(others) + 1)))
    for at, (form, text) in enumerate(firsts):
        joined, joined_text = form, text
        for count in range(at + 1, at + 1 + most):
            if len(joined) > _LONGEST:
                break
            yield joined, joined_text
            if count == len(others):
                break
            joined += others[count][0]
            joined_text += f"\n{others[count][1]}"
