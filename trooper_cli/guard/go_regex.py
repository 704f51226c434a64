r"""Regular expressions written for Go (RE2), rewritten for Python's `re` with the flag ASCII.

The syntax is that of Go's package regexp/syntax. What Python reads in another way is rewritten: character classes,
`\s`, `\z`, `$`, flags in the midst of a group, `{` that repeats nothing. What Go does not take is an error, and not
what Python makes of it.
"""

from __future__ import annotations

import re

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
}
# What is in none of them, as a part of a class.
_OTHERS = {
    "alnum": r"\x00-/:-@\[-`{-\U0010ffff",
    "alpha": r"\x00-@\[-`{-\U0010ffff",
    "ascii": r"\x80-\U0010ffff",
    "blank": r"\x00-\x08\n-\x1f!-\U0010ffff",
    "cntrl": r" -~\x80-\U0010ffff",
    "digit": r"\D",
    "graph": r"\x00- \x7f-\U0010ffff",
    "lower": r"\x00-`{-\U0010ffff",
    "print": r"\x00-\x1f\x7f-\U0010ffff",
    "punct": r"\x00- 0-9A-Za-z\x7f-\U0010ffff",
    "space": r"\S",
    "upper": r"\x00-@\[-\U0010ffff",
    "word": r"\W",
    "xdigit": r"\x00-/:-@G-`g-\U0010ffff",
}
# Go's \s is without the vertical tab.
_PERL = {r"\d": r"\d", r"\D": r"\D", r"\w": r"\w", r"\W": r"\W", r"\s": r"\t\n\f\r ", r"\S": r"\S\v"}
_ANCHORS = {r"\A": r"\A", r"\z": r"\Z", r"\b": r"\b", r"\B": r"\B"}
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}

_GROUP = re.compile(r"\(\?(?:P?<(?P<name>\w+)>|(?P<on>[imsU]*)(?P<off>-[imsU]+)?(?P<end>[:)]))")
_REPEAT = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})")
_POSIX = re.compile(r"\[:(\^?)(.*?):\]", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x\{(?P<braced>[0-9A-Fa-f]+)\}|x(?P<hex>[0-9A-Fa-f]{2})|(?P<octal>0[0-7]{0,2}|[1-7][0-7]{1,2})"
    r"|(?P<control>[afnrtv])|(?P<itself>[!-/:-@\[-`{-~\x00- \x7f]))"
)


def translated(pattern: str) -> str:
    """Rewrite a Go regular expression.

    Raises:
        ValueError: Go does not take it, or Python has nothing for it.

    """
    return _Reader(pattern).read()


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._given: list[str] = []
        # For each open group: the flags set within it, each a group of its own yet to be closed, and what `$` means.
        self._opened: list[list[str]] = [[]]
        self._multiline = [False]

    def read(self) -> str:
        while self._at < len(self._pattern):
            self._given.append(self._next())
            self._check_repetition()
        if len(self._opened) > 1:
            raise ValueError("a parenthesis is not closed")
        return "".join(self._given) + ")" * len(self._opened[0])

    def _next(self) -> str:
        """Read one piece and return it in Python's syntax."""
        letter = self._pattern[self._at]
        if letter == "\\":
            return self._escape()
        if letter == "[":
            return self._class()
        if letter == "(":
            return self._group()
        if letter == "{" and not _REPEAT.match(self._pattern, self._at):
            letter = r"\{"
        self._at += 1
        if letter == ")":
            if len(self._opened) == 1:
                raise ValueError("a parenthesis is not opened")
            self._multiline.pop()
            return ")" * len(self._opened.pop()) + ")"
        if letter == "|":
            # In Go a flag goes on after the next bar, up to the end of the group around it.
            return ")" * len(self._opened[-1]) + "|" + "".join(self._opened[-1])
        # Without the flag m Python's own $ also stands before a line end at the end.
        return r"\Z" if letter == "$" and not self._multiline[-1] else letter

    def _check_repetition(self) -> None:
        """Refuse what repeats a repetition: Go does not take it, and Python means something else by it."""
        repeat = _REPEAT.match(self._pattern, self._at)
        if repeat is None:
            return
        self._at = repeat.end() + self._pattern.startswith("?", repeat.end())
        self._given.append(self._pattern[repeat.start() : self._at])
        if _REPEAT.match(self._pattern, self._at):
            raise ValueError("a repetition is repeated")

    def _group(self) -> str:
        if not self._pattern.startswith("(?", self._at):
            self._at += 1
            return self._open("(")
        group = _GROUP.match(self._pattern, self._at)
        if group is None:
            raise ValueError(f"a group that begins {self._pattern[self._at : self._at + 4]} is not supported")
        self._at = group.end()
        if name := group["name"]:
            return self._open(f"(?P<{name}>" if name.isidentifier() and name.isascii() else "(")
        on, off = group["on"], group["off"] or ""
        if "U" in on + off:
            raise ValueError("the flag U is not supported")
        opening = f"(?{''.join(sorted({*on} - {*off}))}{off[:1]}{''.join(sorted({*off[1:]}))}:"
        is_multiline = "m" not in off and ("m" in on or self._multiline[-1])
        if group["end"] == ":":
            self._open(opening)
            self._multiline[-1] = is_multiline
            return opening
        self._multiline[-1] = is_multiline
        if opening == "(?:":
            return ""
        self._opened[-1].append(opening)
        return opening

    def _open(self, opening: str) -> str:
        self._opened.append([])
        self._multiline.append(self._multiline[-1])
        return opening

    def _escape(self) -> str:
        pair = self._pattern[self._at : self._at + 2]
        if pair == r"\Q":
            begin = self._at + 2
            end = self._pattern.find(r"\E", begin)
            self._at = len(self._pattern) if end < 0 else end + 2
            return re.escape(self._pattern[begin : None if end < 0 else end])
        if pair in _ANCHORS:
            self._at += 2
            return _ANCHORS[pair]
        if pair in _PERL:
            self._at += 2
            return pair if pair not in {r"\s", r"\S"} else f"[{_PERL[pair]}]"
        return re.escape(self._character())

    def _class(self) -> str:
        """Read a class in brackets: to its end a bracket that opens is a character like others."""
        self._at += 1
        negated = "^" * self._pattern.startswith("^", self._at)
        first = self._at = self._at + len(negated)
        parts: list[str] = []
        while not self._pattern.startswith("]", self._at) or self._at == first:
            if self._at >= len(self._pattern):
                raise ValueError("a class in brackets is not closed")
            parts.append(self._part())
        self._at += 1
        return f"[{negated}{''.join(parts)}]"

    def _part(self) -> str:
        """Read a part of a class: a class by name, a character or a range."""
        if posix := _POSIX.match(self._pattern, self._at):
            known = _OTHERS if posix[1] else _CLASSES
            if posix[2] not in known:
                raise ValueError(f"the class {posix[0]} is not supported")
            self._at = posix.end()
            return known[posix[2]]
        if (pair := self._pattern[self._at : self._at + 2]) in _PERL:
            self._at += 2
            return _PERL[pair]
        low = high = self._character()
        dash, end = self._pattern[self._at : self._at + 1], self._pattern[self._at + 1 : self._at + 2]
        if dash == "-" and end not in {"", "]"}:
            self._at += 1
            high = self._character()
            if high < low:
                raise ValueError(f"the range {low}-{high} has its ends the wrong way round")
        return _quoted(low) if low == high else f"{_quoted(low)}-{_quoted(high)}"

    def _character(self) -> str:
        """Read one character, plain or by an escape."""
        if self._pattern[self._at] != "\\":
            self._at += 1
            return self._pattern[self._at - 1]
        escape = _ESCAPE.match(self._pattern, self._at)
        if escape is None:
            raise ValueError(f"{self._pattern[self._at : self._at + 2]} is not supported")
        self._at = escape.end()
        if code := escape["braced"] or escape["hex"]:
            return chr(int(code, 16))
        if escape["octal"]:
            return chr(int(escape["octal"], 8))
        return chr(_CONTROLS[escape["control"]]) if escape["control"] else escape["itself"]


def _quoted(letter: str) -> str:
    """Return a character as written in a Python character class, escaped where it might be a set operator."""
    return f"\\{letter}" if letter in r"\]^[-&~|" else letter
