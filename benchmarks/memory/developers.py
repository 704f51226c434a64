"""A developers' session made by rule: long turns of code, logs, diffs and JSON, to measure what they cost."""

from __future__ import annotations

import random

from trooper_cli.turn import Exchange

_NAMES = "order invoice ledger session token bucket worker queue shard cursor batch retry cache index report".split()
_VERBS = "load store parse merge split check flush drain retry apply".split()


def turns(count: int = 150) -> list[Exchange]:
    """Return so many turns, the same ones each time, of 0.5 to 20 kB."""
    dice = random.Random(7)  # noqa: S311 - filler, not secrets
    return [Exchange(_prompt(dice, number), _answer(dice, number)) for number in range(count)]


def _prompt(dice: random.Random, number: int) -> str:
    name, verb = dice.choice(_NAMES), dice.choice(_VERBS)
    asked = (
        f"{verb}_{name} fails in build {4100 + number} since we moved {name}s to node-{number % 23}."
        f" It must not take more than {dice.randint(2, 90)} s. What is wrong?"
    )
    return f"{asked}\n\n{_paste(dice, number)}" if dice.random() < 0.6 else asked


def _answer(dice: random.Random, number: int) -> str:
    name, verb = dice.choice(_NAMES), dice.choice(_VERBS)
    cause = (
        f"The cause is in `{verb}_{name}`: the lock is taken before the {name} is read, so the second worker waits"
        f" for {dice.randint(3, 60)} seconds and gives up. I'd move the read out of the lock and set the limit to"
        f" {dice.randint(2, 40)}."
    )
    parts = [cause]
    for _ in range(dice.randint(1, 3)):
        parts.append(f"```python\n{_code(dice, dice.randint(10, 80))}\n```")
        parts.append(
            f"- `{dice.choice(_VERBS)}_{name}` keeps its signature.\n- {dice.choice(_NAMES)}s are now read in"
            f" batches of {dice.choice([50, 200, 500])}.\n- The test `test_{verb}_{number}` covers the case."
        )
    return "\n\n".join(parts)


def _paste(dice: random.Random, number: int) -> str:
    lines = dice.randint(10, 120)
    kind = dice.randrange(3)
    if kind == 0:
        return "\n".join(
            f"2025-03-{number % 28 + 1:02}T{line // 60 % 24:02}:{line % 60:02}:07Z {dice.choice(['INFO', 'WARN'])}"
            f" worker={dice.randint(0, 9)} {dice.choice(_VERBS)} {dice.choice(_NAMES)} id={dice.getrandbits(40):x}"
            for line in range(lines)
        )
    if kind == 1:
        rows = ", ".join(f'{{"{dice.choice(_NAMES)}": {dice.randint(1, 9999)}, "ok": true}}' for _ in range(lines))
        return f'```json\n{{"rows": [{rows}]}}\n```'
    return f"```\n{_code(dice, lines)}\n```"


def _code(dice: random.Random, lines: int) -> str:
    found: list[str] = []
    while len(found) < lines:
        name, verb = dice.choice(_NAMES), dice.choice(_VERBS)
        found += [
            f"def {verb}_{name}({name}: dict[str, int], limit: int = {dice.randint(1, 99)}) -> int:",
            f"    total = {name}.get('{dice.choice(_NAMES)}', 0)",
            f"    for entry in sorted({name}, key=len)[:limit]:",
            f"        total += {dice.choice(_VERBS)}_{dice.choice(_NAMES)}(entry) * {dice.randint(2, 9)}",
            f"    return min(total, {dice.randint(100, 9999)})",
            "",
        ]
    return "\n".join(found)
