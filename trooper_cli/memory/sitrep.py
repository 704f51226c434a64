"""The situation report, first form: of each middle turn the lead sentence of its prompt and of its answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trooper_cli.turn import Exchange

_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_LONGEST = 240


def lead_line(exchange: Exchange) -> str:
    """Give one line that tells what was asked and what came of it, in the turn's own words."""
    return f"{_lead(exchange.prompt)} → {_lead(exchange.answer)}"


def _lead(text: str) -> str:
    sentence = next((part for part in _SENTENCE.split(text.strip()) if part.strip()), "")
    words = " ".join(sentence.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST].rstrip()} […]"
