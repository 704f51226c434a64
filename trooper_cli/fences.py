"""Fenced blocks of Markdown in an answer, as CommonMark has them."""

from __future__ import annotations

from typing import NamedTuple

from trooper_cli.lazy_re import pattern

# Three or more of one sign; behind backticks no other backtick may stand.
_OPENS = pattern(r"(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = pattern(r"(?:[-+*]|\d{1,9}[.)])(?: {1,4}(?=\S)|(?=$))")
_DEEPEST = 3


class _Fence(NamedTuple):
    """An open fence: its signs, the column of the list item that it stands in, and its own indentation in that."""

    signs: str
    item: int
    indent: int


def blocks(text: str) -> list[str]:
    """Return the inside of each fenced block, without the line end before the closing fence.

    A block that nobody closes ends with the text, or with the list item that it stands in.
    """
    found: list[list[str]] = []
    fence: _Fence | None = None
    items: list[int] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.strip()
        indent = len(expanded := line.expandtabs(4)) - len(expanded.lstrip(" "))
        if fence is not None:
            if bare and indent < fence.item:
                fence = None
            elif _closes(bare, indent, fence):
                fence = None
                continue
            else:
                found[-1].append(_without_indent(line, fence.item + fence.indent))
                continue
        if bare:
            items = [item for item in items if item <= indent]
        column = items[-1] if items else 0
        rest = expanded[indent:].rstrip()
        # A fence may begin in the line of its list item.
        while indent - column <= _DEEPEST and (item := _ITEM.match(rest)):
            indent += item.end()
            items.append(column := indent)
            rest = rest[item.end() :]
        if indent - column <= _DEEPEST and (opens := _OPENS.match(rest)):
            fence = _Fence(opens[1], column, indent - column)
            found.append([])
    # A text that ends with a line end has no line behind it.
    if fence is not None and found[-1][-1:] == [""]:
        found[-1].pop()
    return ["\n".join(lines) for lines in found]


def extracted(text: str, *, last: bool = False) -> str:
    """Return the inside of the first or the last fenced block; the whole text where there is none."""
    found = blocks(text)
    return found[-1 if last else 0] if found else text


def _closes(bare: str, indent: int, fence: _Fence) -> bool:
    is_fence = len(bare) >= len(fence.signs) and not bare.strip(fence.signs[0])
    return bool(bare) and is_fence and indent - fence.item <= _DEEPEST


def _without_indent(line: str, columns: int) -> str:
    """Return a line without the blanks at its head that belong to the list item and the fence."""
    return line[min(columns, len(line) - len(line.lstrip(" "))) :]
