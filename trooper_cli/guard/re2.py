"""Regular expressions written for Go (RE2), rewritten for Python."""

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
_OPPOSITES = {"digit": r"\D", "space": r"\S", "word": r"\W"}
_PIECE = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|\\x\{(?P<point>[0-9A-Fa-f]{1,6})\}"
    r"|(?P<escape>\\.)"
    r"|\[:(?P<negated>\^?)(?P<posix>[a-z]+):\]"
    r"|\(\?(?P<flags>[imsU-]+)\)"
    r"|\(\?P?<(?P<name>[A-Za-z_]\w*)>"
    r"|(?P<other>.)",
    re.DOTALL,
)


def translated(pattern: str) -> str:
    """Rewrite a Go regular expression.

    Raises:
        ValueError: it uses what Python does not have.

    """
    given: list[str] = []
    # For each open group, the flags that were set within it, each as a group of its own yet to be closed.
    opened: list[list[str]] = [[]]
    in_class = False
    at = 0
    while piece := _PIECE.match(pattern, at):
        text = piece[0]
        if in_class:
            # Go takes a bracket first in a class for an ordinary character, as Python does.
            in_class = text != "]" or pattern[at - 1] == "[" or pattern[at - 2 : at] == "[^"
            given.append(_in_class(piece))
        elif piece["flags"]:
            opened[-1].append(_group(piece["flags"]))
            given.append(opened[-1][-1])
        elif text == "|":
            # In Go a flag goes on after the next bar, up to the end of the group around it.
            given += [")" * len(opened[-1]), "|", *opened[-1]]
        elif text == ")":
            given.append(")" * len(opened.pop()) + ")")
            if not opened:
                raise ValueError("unbalanced parenthesis")
        else:
            if text == "(" or piece["name"]:
                opened.append([])
            in_class = text == "["
            given.append(_outside(piece))
        at = piece.end()
    given.append(")" * len(opened[0]))
    return "".join(given)


def _group(flags: str) -> str:
    if "U" in flags:
        raise ValueError("the flag U is not supported")
    return f"(?{flags.removesuffix('-')}:"


def _outside(piece: re.Match[str]) -> str:
    if piece["quoted"] is not None:
        return re.escape(piece["quoted"])
    if piece["name"]:
        return f"(?P<{piece['name']}>"
    if piece["posix"]:
        # Outside of a class this is a class of its own characters.
        return "[" + re.escape(piece[0][1:-1]) + "]"
    if piece["escape"] == r"\z":
        return r"\Z"
    return _character(piece)


def _in_class(piece: re.Match[str]) -> str:
    if piece["posix"]:
        known = _OPPOSITES if piece["negated"] else _CLASSES
        if piece["posix"] not in known:
            raise ValueError(f"the class {piece[0]} is not supported")
        return known[piece["posix"]]
    if piece["escape"] or piece["point"] or piece["quoted"] is not None:
        return re.escape(piece["quoted"]) if piece["quoted"] is not None else _character(piece)
    # Python warns of what may become the operators of sets.
    return re.sub(r"[\[&~|]", r"\\\g<0>", piece[0])


def _character(piece: re.Match[str]) -> str:
    if piece["point"]:
        return f"\\U{int(piece['point'], 16):08x}"
    if piece["escape"] in {r"\p", r"\P", r"\C"}:
        raise ValueError(f"{piece['escape']} is not supported")
    return piece[0]
