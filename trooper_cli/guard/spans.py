"""Where a credential begins and ends, once a rule has found it: not a character more, and none less.

A rule looks at so many characters of a value at most, and at those that such values mostly have. Here its place grows
to the end of the value, and what only stands beside it goes: the next parameter of an address, a full stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    import re

# Values that are known by what is said before them: anything may stand in them.
_NAMED = frozenset(("password", "secret", "cookie"))
# In these every character counts, and their rules say where they end.
_AS_FOUND = frozenset(("password-hash",))
# An address says where its password ends.
_ADDRESS = "connection-string"
_QUOTES = ('"', "'", "`")
_BLANKS = " \t\r\n\f\v"
# The next parameter of a form, or a character of HTML that ends the value.
_NEXT = r"&(?=[\w.\[\]%-]{1,64}=|(?:amp|quot|apos|lt|gt|nbsp|#\w{1,7});)"
_NEXT_PARAMETER = pattern(_NEXT)
_RUN = pattern(rf"(?:(?!{_NEXT})[^\s\"'`,;<>(){{}}\[\]|\\])*+")
_RUN_OF_ADDRESS = pattern(r"[^\s\"'`,;<>(){}\[\]|\\&#]*+")
_RUN_OF_VARIABLE = pattern(r"[^\s\"'`\\]*+")
_LETTERS = pattern(r"[A-Za-z0-9]*+")
_PARAMETER = pattern(r"[?&][\w.\[\]%-]{1,64}=\Z")
_USER_OF_ADDRESS = pattern(r"://[^\s/@]{0,64}:\Z")
_VARIABLE = pattern(r"(?:\A|\n)[ \t+>-]*(?:export[ \t]+)?[A-Z][A-Z0-9_]{1,64}=\Z")
_SETTING = pattern(r"(?:\A|\n)[ \t+>-]*(?:export[ \t]+)?[\w.-]{1,64}=\Z")
_STOPS = ".,:;\u2026"
# As far back as what is looked for before a value may stand.
_BEFORE = 128
# A line of quoted-printable has at most 76 characters and ends not long before them; each of its = is an escape.
_SHORTEST_BROKEN, _LONGEST_BROKEN = 60, 80
_NO_ESCAPE = pattern(r"=(?![0-9A-F]{2}|\r?\n|\Z)")


def exact(kind: str, text: str, start: int, end: int) -> tuple[int, int]:
    """Return start and end of the credential of which a rule of this kind found `text[start:end]`."""
    while start < end and text[start] in _BLANKS:
        start += 1
    while end > start and text[end - 1] in _BLANKS:
        end -= 1
    if kind in _AS_FOUND or "\n" in text[start:end]:
        return start, end
    closing = _closing_quote(text, start)
    if closing is not None:
        if closing > end:
            end = closing if kind in _NAMED else min(closing, _end_of(_LETTERS, text, end))
        return start, end
    if kind == _ADDRESS and text[end : end + 1] == "@":
        return start, end
    if kind in _NAMED or kind == _ADDRESS:
        end = _within_address(text, start, end, grows=kind in _NAMED)
    else:
        end = _end_of(_LETTERS, text, end)
    return start, _without_stops(text, start, end)


def is_broken_line(text: str, end: int) -> bool:
    """Return whether the line of which `text[:end]` is the end may be one that quoted-printable broke.

    Where it is none, what stands on the next line is no part of a value that ends with `=`.
    """
    first = max(0, end - _LONGEST_BROKEN - 1)
    line = text[text.rfind("\n", first, end) + 1 if "\n" in text[first:end] else first : end]
    return _SHORTEST_BROKEN <= len(line) <= _LONGEST_BROKEN and not _NO_ESCAPE.search(line)


def _closing_quote(text: str, start: int) -> int | None:
    """Return where the quotation ends that begins right before `start`, None if none does or it has no end."""
    quote = text[start - 1 : start]
    if quote not in _QUOTES:
        return None
    escapes = start - 1
    while escapes > 0 and text[escapes - 1] == "\\":
        escapes -= 1
    escape = text[escapes : start - 1]
    at = text.find(escape + quote, start)
    # A quotation mark with more escapes than the first stands within.
    while at > start and text[at - 1] == "\\":
        at = text.find(escape + quote, at + len(escape) + 1)
    return at if at >= 0 and "\n" not in text[start:at] else None


def _end_of(run: re.Pattern[str], text: str, end: int) -> int:
    match = run.match(text, end)
    return match.end() if match else end


def _within_address(text: str, start: int, end: int, *, grows: bool) -> int:
    """Return where a value ends that may be a parameter of an address or a form."""
    before = text[max(0, start - _BEFORE) : start]
    if _USER_OF_ADDRESS.search(before) and (at := text.rfind("@", start, end)) > start:
        return at
    is_parameter = bool(_PARAMETER.search(before))
    if grows:
        run = _RUN_OF_ADDRESS if is_parameter else _RUN_OF_VARIABLE if _VARIABLE.search(before) else _RUN
        end = _end_of(run, text, end)
    if is_parameter:
        ends = [at for sign in "&#" if (at := text.find(sign, start, end)) > start]
        return min(ends, default=end)
    if not _VARIABLE.search(before) and (following := _NEXT_PARAMETER.search(text, start, end)):
        return max(following.start(), start + 1)
    return end


def _without_stops(text: str, start: int, end: int) -> int:
    """Return where a value ends before the marks of a sentence, and before bold in Markdown."""
    bold = text[max(0, start - 2) : start]
    if bold in {"**", "__"} and text.endswith(bold, start + 3, end):
        return end - 2
    if end > start + 1 and text[end - 1] == "&":
        # Of a shell.
        return end - 1
    is_end = end == len(text) or text[end] in _BLANKS or text[end] in "\"'`)]}<>"
    is_last_of_setting = end == len(text) or text[end] in "\r\n"
    if not is_end or text[end - 1] not in _STOPS:
        return end
    if is_last_of_setting and _SETTING.search(text[max(0, start - _BEFORE) : start]):
        return end
    while end > start + 1 and text[end - 1] in _STOPS:
        end -= 1
    return end
