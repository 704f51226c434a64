"""Read JSON that may be broken, for what a refused request held: no text is lost, whatever stands around it.

Python's notation, comments, missing quotes and fields that stand twice are read as far as they go; nothing is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from trooper_cli.guard.decoders import unescaped
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = pattern(
    r'"(?P<quoted>(?:[^"\\]|\\.)*+)(?:"|\\?\Z)'
    r"|'(?P<single>(?:[^'\\]|\\.)*+)'(?=\s*[\]},:])"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<end>,)|[:=&]"
    r'|(?P<bare>[^\s"\[\]{},:=&][^"\[\]{},:=&\n]*)',
    re.DOTALL,
)
_BEFORE_VALUE = pattern(r"\s*[:=]")
_LITERALS = {"true": True, "false": False, "null": None, "none": None}
# Whoever walks the tree may do so by recursion; what is nested deeper becomes part of what holds it.
_DEEPEST = 60
# A request that is written as a text in a text.
_MOST_LAYERS = 3


class Node(list[tuple[str, object]]):
    """An object or a list as it was written: names, which are empty in a list, with their values."""

    def all(self, name: str) -> list[object]:
        return [value for key, value in self if key == name]

    def nodes(self) -> Iterator[Node]:
        return (value for _, value in self if isinstance(value, Node))


def parsed(text: str) -> Node:
    """Return a list of what stands at the top of a text: nodes, texts, numbers and literals."""
    for _ in range(_MOST_LAYERS):
        top = _parsed(text)
        if len(top) != 1 or not isinstance(top[0][1], str):
            break
        text = top[0][1]
    return top


def _parsed(text: str) -> Node:
    nodes, name, too_deep = [Node()], "", 0
    for token in _TOKEN.finditer(text):
        if token["open"]:
            if len(nodes) > _DEEPEST:
                too_deep += 1
                continue
            node = Node()
            nodes[-1].append((name, node))
            nodes.append(node)
        elif token["close"]:
            if too_deep:
                too_deep -= 1
                continue
            del nodes[max(1, len(nodes) - 1) :]
        elif token.lastgroup is None:
            continue
        elif not token["end"]:
            value = _value_of(token)
            if isinstance(value, str) and _BEFORE_VALUE.match(text, token.end()):
                if name or token["bare"]:
                    # Without quotes it may as well be a part of a text.
                    nodes[-1].append(("", name or value))
                name = value
                continue
            nodes[-1].append((name, value))
        name = ""
    if name:
        nodes[-1].append((name, ""))
    return nodes[0]


def _value_of(token: re.Match[str]) -> object:
    if token["bare"] is None:
        written = token["quoted"] if token["quoted"] is not None else token["single"]
        if "\\" not in written:
            return str(written)
        try:
            text = str(json.loads(f'"{written}"', strict=False))
        except ValueError:
            text = unescaped(written)
        # Half of a surrogate pair is no text.
        return text.encode("utf-8", "replace").decode()
    word = token["bare"].strip()
    if word.lower() in _LITERALS:
        return _LITERALS[word.lower()]
    if word[0] not in "-0123456789":
        return word
    try:
        number: int | float = json.loads(word)
    except ValueError:
        return word
    return number
