"""Read strings that source code puts together from parts, `"ghp_…" + "…"`, as the one that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.guard.normalize import Form, Part
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# A string that ends within a word, and one that goes on with it: on the same line, or on the next, perhaps of a diff.
_JOIN = pattern(
    r"(?P<quote>[\"'`])(?<=[\w+/=.~-]{4}[\"'`])(?!(?P=quote))[ \t]*(?:[+.&][ \t]*)?"
    r"(?:\\?[ \t]*\r?\n[+-]?[ \t]*)?(?:[+.&][ \t]*)?(?P=quote)(?=[\w+/=.~-]{4})"
)


# Before the first of them, on a line of its own, stands a bracket.
_BRACKET = pattern(r"(?<=[=:])[ \t]*\([ \t]*\r?\n[+-]?[ \t]*\Z")
_BEFORE = 80


def joined(form: Form) -> Form | None:
    """Return the lines of a text whose strings go on in others, without what stands between them, None if none does."""
    text = form.decoded
    found: list[str] = []
    parts: list[Part] = []
    size = end = 0

    def add(start: int, stop: int, *, is_new: bool = False) -> None:
        nonlocal size
        shown = "" if is_new else text[start:stop]
        found.append(shown)
        parts.append(Part(size, size + len(shown), start, stop, not is_new, is_new))
        size += len(shown)

    for start, stop in _gaps(text):
        # What names a value may stand on the line before.
        first = text.rfind("\n", end, max(text.rfind("\n", end, start), end)) + 1
        line_end = text.find("\n", end, start)
        if not end:
            end = first
        elif first > line_end >= 0:
            add(end, line_end + 1)
            end = first
        add(end, start)
        add(start, stop, is_new=True)
        end = stop
    if not parts:
        return None
    line_end = text.find("\n", end)
    add(end, line_end if line_end >= 0 else len(text))
    return Form("".join(found), parts, form)


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of what stands between two parts of a string, and of a bracket before the first."""
    end = 0
    for match in _JOIN.finditer(text):
        opening = text.rfind(match["quote"], end, match.start())
        if opening > 0 and (bracket := _BRACKET.search(text, max(end, opening - _BEFORE), opening)):
            yield bracket.span()
        yield match.span()
        end = match.end()
