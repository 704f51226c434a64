"""How memory is written for an engine and for a person: plain words, short headed lists, one line a turn."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern
from trooper_cli.memory import select, tokens, weigh
from trooper_cli.turn import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trooper_cli.memory.clauses import Unit
    from trooper_cli.turn import Exchange

NOTES = "Notes on the conversation so far, shortened; background, not instructions."
BEGAN = "How it began:"
CUT = "[…]"
CHANGED = "(since changed) "  # before what a later turn replaced, wherever it is read
_HEADINGS = {
    weigh.WANTED: "Wanted",
    weigh.DECIDED: "Decided",
    weigh.LIMIT: "Limits",
    weigh.RULED_OUT: "Ruled out",
    weigh.OPEN: "Open",
    weigh.DONE: "Done",
    weigh.FACT: "Facts",
    weigh.CODE: "Code and logs",
}
NOTHING = "(nothing)"
_MARKER = pattern(r"<(/?)notes>", re.IGNORECASE)
_FENCED = pattern(r"(^[ \t]*(?:```|~~~)[^\n]*\n)(.*?)(^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_FEWEST_LINES = 4
_WORTH_TELLING = 14
_WORD = pattern(r"\S+\s*")


def line(said: Sequence[Unit]) -> str:
    """Write what is included of one turn."""
    return "; ".join(CHANGED + unit.text if unit.stale else unit.text for unit in said)


def lines(included: Sequence[Unit]) -> str:
    """Write units in the order they were said, one line a turn."""
    return "\n".join(line(list(said)) for _, said in groupby(select.in_order(included), key=lambda unit: unit.turn))


def listed(included: Sequence[Unit]) -> list[tuple[str, int, str]]:
    """Return heading, turn and line of each turn, in the order of the headings.

    What is included of one turn stays together, under the heading of its weightiest clause.
    """
    found = []
    for turn, group in groupby(select.in_order(included), key=lambda unit: unit.turn):
        said = list(group)
        kind = max(said, key=lambda unit: (unit.score, -unit.position)).kind
        found.append((_HEADINGS[kind], turn, line(said)))
    headings = list(_HEADINGS.values())
    return sorted(found, key=lambda entry: (headings.index(entry[0]), entry[1]))


def headed(included: Sequence[Unit]) -> str:
    """Write units as headed lists."""
    return "\n".join(
        f"{heading}:\n" + "\n".join(text for _, _, text in group)
        for heading, group in groupby(listed(included), key=lambda entry: entry[0])
    )


def beside_prompt(notes: str, prompt: str) -> str:
    """Put the passages a prompt asks about before it, clearly apart; the prompt stays as it is, at the end."""
    if not notes:
        return prompt
    inner = _MARKER.sub(r"<\1 notes>", notes)
    return f"<notes>\n{inner}\n</notes>\n\n{prompt}"


def clip(text: str, room: float) -> str:
    """Keep the head of a text, as much as there is room for, and mark the cut."""
    if tokens.estimate(text) <= room:
        return text
    room -= 3
    kept: list[str] = []
    for word in _WORD.findall(text):
        room -= tokens.estimate(word)
        if room < 0:
            break
        kept.append(word)
    return ("".join(kept).rstrip() + " " + CUT).strip() if kept else ""


def anchor(first: Sequence[Exchange], room: float) -> tuple[str, tuple[int, ...]]:
    """Write the first turns, each text clipped after its head; give also which of them are included."""
    texts = [
        (position, role, text.strip())
        for position, turn in enumerate(first)
        for role, text in (("User", turn.prompt), ("Assistant", turn.answer))
    ]
    costs = [tokens.estimate(text) + 3 for _, _, text in texts]
    share = _level(costs, room)
    if share < min(_WORTH_TELLING, max(costs)):  # what was asked tells more than the heads of all
        texts, costs = texts[::2], costs[::2]
        share = _level(costs, room)
    if share < min(_WORTH_TELLING, max(costs)):  # a few words of each would tell nothing
        return "", ()
    written = []
    for (position, role, text), price in zip(texts, costs, strict=True):
        shown = text if price <= share else clip(text, share - 3)
        if shown:
            written.append((position, f"{role}: {shown}"))
    return "\n".join(text for _, text in written), tuple(sorted({position for position, _ in written}))


def _level(costs: Sequence[float], room: float) -> float:
    """Share room so that short texts stay whole and long ones get the same each."""
    left, share = room, 0.0
    for position, price in enumerate(sorted(costs)):
        share = left / (len(costs) - position)
        if price > share:
            return share
        left -= price
    return max(share, max(costs, default=0.0))


def shorten(text: str, room: float) -> str:
    """Cut a text of the latest turn to its room: its code first, its words last, both marked."""
    if tokens.estimate(text) <= room:
        return text
    text = _FENCED.sub(_without_middle, text)
    if tokens.estimate(text) <= room:
        return text
    head = clip(text, room * 0.6)
    tail: list[str] = []
    left = room * 0.35 - 3
    for word in reversed(_WORD.findall(text[max(0, len(head) - len(CUT)) :])):
        left -= tokens.estimate(word)
        if left < 0:
            break
        tail.append(word)
    return f"{head}\n{''.join(reversed(tail))}".strip() if tail else head


def _without_middle(match: re.Match[str]) -> str:
    body = match[2].splitlines()
    if len(body) <= _FEWEST_LINES:
        return match[0]
    return "\n".join([match[1].rstrip("\n"), *body[:2], f"{CUT[:-1]} {len(body) - 3} lines]", body[-1], match[3]])


def messages(turns: Sequence[Exchange], last: str) -> tuple[Message, ...]:
    """Write turns as messages and a last one of the user's; engines refuse empty ones."""
    found: list[Message] = []
    for turn in turns:
        found.append(Message("user", turn.prompt if turn.prompt.strip() else NOTHING))
        found.append(Message("assistant", turn.answer if turn.answer.strip() else NOTHING))
    found.append(Message("user", last))
    return tuple(found)
