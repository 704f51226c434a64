"""The texts in an answer that is JSON, or holds it in fenced blocks: what a program takes out of it and sends on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trooper_cli.fences import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator


def values_in(answer: str) -> list[str]:
    """Return each text value once, and each name of a field that is more than one word."""
    return list(dict.fromkeys(value for part in _parts(answer) for value in _texts(_parsed(part)) if value.strip()))


def _parts(answer: str) -> list[str]:
    if "{" not in answer and "[" not in answer:
        return []
    if answer.lstrip()[:1] in {"{", "["}:
        return [answer]
    return blocks(answer) if "```" in answer or "~~~" in answer else []


def _parsed(part: str) -> object:
    try:
        return json.loads(part) if part.lstrip()[:1] in {"{", "["} else None
    except (ValueError, RecursionError):
        return None


def _texts(value: object) -> Iterator[str]:
    """Yield them without recursion: what a model wrote may be nested to any depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from (name for name in one if " " in name.strip())
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)
