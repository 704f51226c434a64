"""Reading the written sessions, filling in their logs and small talk, and mixing them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.turn import Exchange, Label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent
TUNE, HELD_OUT = "tune", "held out"
OURS, OPS = "ours", "ops"
# How the three sessions of each half of the second set are interleaved: which one, and how many of its turns follow.
_OPS_NAMES = {
    TUNE: ("pg-upgrade", "k8s-incident", "ci-monorepo"),
    HELD_OUT: ("homelab-office-network", "data-pipeline", "cli-dev"),
}
_OPS_RUNS = {
    TUNE: "1x5 0x10 1x14 0x10 1x9 0x10 2x8 0x15 2x4 1x18 2x41",
    HELD_OUT: "1x8 0x9 1x10 2x14 1x8 2x8 0x4 2x10 1x10 2x5 0x10 2x19 1x8 0x26 1x9",
}
_PASTE = re.compile(r"\{\{(\w+) (\d+)\}\}")
_SMALL_TALK = 12


@dataclass(frozen=True)
class Probe:
    """A question about a session, its right answers, words that stand near, and the answer it once had."""

    question: str
    answers: tuple[str, ...]
    keys: tuple[str, ...]
    old: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """A written session of one of the two sets."""

    set: str
    name: str
    half: str
    turns: tuple[Exchange, ...]
    probes: tuple[Probe, ...]


class Turns:
    """A view over turns in memory."""

    label = Label.PUBLIC
    system: str | None = None

    def __init__(self, turns: Sequence[Exchange]) -> None:
        self._turns = list(turns)

    def __len__(self) -> int:
        return len(self._turns)

    def first(self, count: int) -> list[Exchange]:
        return self._turns[:count]

    def latest(self) -> Iterator[Exchange]:
        return reversed(self._turns)


def load(small_talk: int = _SMALL_TALK) -> list[Session]:
    """Return the sessions of both sets, each in the order of their names; only ours are strewn with small talk."""
    chatter = _turns((HERE / "chatter.txt").read_text("utf-8"), random.Random(0))  # noqa: S311 - filler, not secrets
    ours, ops = (sorted((HERE / folder).glob("*.txt")) for folder in ("sessions", "ops"))
    return [
        *(_read(OURS, path, position, chatter, small_talk) for position, path in enumerate(ours)),
        *(_read(OPS, path, position, (), 0) for position, path in enumerate(ops)),
    ]


def mixed(sessions: Sequence[Session], half: str, of: str = OURS) -> list[Session]:
    """Interleave the sessions of one half of a set, three at a time, some turns of each in turn."""
    chosen = [session for session in sessions if (session.set, session.half) == (of, half)]
    if of == OPS:
        return [_mixed_ops(chosen, half)]
    found = []
    for left_out in range(len(chosen)):
        three = [session for position, session in enumerate(chosen) if position != left_out]
        dice = random.Random(left_out)  # noqa: S311
        queues = [_runs(session.turns, dice) for session in three]
        turns = [turn for runs in zip_longest(*queues, fillvalue=()) for run in runs for turn in run]
        found.append(_joined(three, turns))
    return found


def _mixed_ops(chosen: Sequence[Session], half: str) -> Session:
    by_name = {session.name: session for session in chosen}
    three = [by_name[name] for name in _OPS_NAMES[half]]
    queues = [iter(session.turns) for session in three]
    runs = (run.split("x") for run in _OPS_RUNS[half].split())
    turns = [next(queues[int(which)]) for which, count in runs for _ in range(int(count))]
    return _joined(three, turns)


def _joined(three: Sequence[Session], turns: Sequence[Exchange]) -> Session:
    probes = tuple(probe for session in three for probe in session.probes)
    return Session(three[0].set, "+".join(session.name for session in three), three[0].half, tuple(turns), probes)


def _runs(turns: Sequence[Exchange], dice: random.Random) -> list[tuple[Exchange, ...]]:
    runs: list[tuple[Exchange, ...]] = []
    position = 0
    while position < len(turns):
        size = dice.randint(1, 5)
        runs.append(tuple(turns[position : position + size]))
        position += size
    return runs


def _read(of: str, path: Path, position: int, chatter: Sequence[Exchange], small_talk: int) -> Session:
    text = path.read_text("utf-8")
    head, _, body = text.partition("\n\n")
    turns = _turns(body, random.Random(position))  # noqa: S311
    count = min(small_talk, len(chatter))
    for number in range(count):
        turns.insert((number + 1) * len(turns) // (count + 2), chatter[(position * 5 + number) % len(chatter)])
    half = re.search(r"^half: (.*)$", head, re.MULTILINE)
    probes = tuple(_probe(line[2:]) for line in body.splitlines() if line.startswith("? "))
    return Session(of, path.stem, half[1] if half else TUNE, tuple(turns), probes)


def _turns(text: str, dice: random.Random) -> list[Exchange]:
    parts = re.split(r"^([UA]): ", re.split(r"^\? ", text, maxsplit=1, flags=re.MULTILINE)[0], flags=re.MULTILINE)[1:]
    said = [
        (role, _PASTE.sub(lambda match: _paste(match[1], int(match[2]), dice), words.strip()))
        for role, words in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [Exchange(said[position][1], said[position + 1][1]) for position in range(0, len(said) - 1, 2)]


def _probe(line: str) -> Probe:
    question, answers, keys, *old = [part.strip() for part in line.split("::")]

    def options(text: str) -> tuple[str, ...]:
        return tuple(option.strip() for option in text.split(" / ") if option.strip())

    return Probe(question, options(answers), options(keys), options(old[0]) if old else ())


def _paste(kind: str, size: int, dice: random.Random) -> str:
    """Write some lines of a log: bulk as it is pasted into real sessions."""
    return "\n".join(_PASTES[kind](dice, number) for number in range(size))


def _word(dice: random.Random, size: int = 5) -> str:
    return "".join(dice.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(size))


def _pods(dice: random.Random, number: int) -> str:
    if not number:
        return "NAME  READY  STATUS  RESTARTS  AGE"
    restarts = dice.choice([0, 0, 1, 4, 11])
    return f"imgsvc-{_word(dice, 9)}-{_word(dice)}   1/1   Running   {restarts}   {dice.randint(1, 40)}h"


def _applog(dice: random.Random, number: int) -> str:
    at = f"2024-10-08T09:{10 + number // 12}:{number * 5 % 60:02}Z"
    what = dice.choice(["resize ok", "cache hit", "cache miss", "fetched source", "queued derivative"])
    return f"{at} INFO worker={dice.randint(0, 3)} {what} id={_word(dice, 8)} ms={dice.randint(2, 900)}"


def _access(dice: random.Random, number: int) -> str:
    who = f"10.0.{dice.randint(0, 9)}.{dice.randint(2, 250)}"
    what = f"GET /i/{_word(dice, 8)}/w{dice.choice([200, 640, 1280])} HTTP/2"
    status = dice.choice([200, 200, 200, 200, 304, 502])
    at = f"08/Oct/2024:09:1{number % 10}:{dice.randint(10, 59)} +0000"
    return f'{who} - - [{at}] "{what}" {status} {dice.randint(900, 90000)}'


def _node(dice: random.Random, number: int) -> str:
    pod = f"imgsvc-{_word(dice, 9)}-{_word(dice)}"
    return f"  imgsvc-prod   {pod}   {dice.randint(100, 900)}m (2%)   {dice.randint(200, 900)}Mi ({number % 9}%)"


def _sqllog(dice: random.Random, number: int) -> str:
    at = f"2024-10-08 09:{number % 60:02}:{dice.randint(10, 59)} UTC [{dice.randint(4000, 5000)}]"
    took = f"{dice.randint(100, 900)}.{dice.randint(100, 999)} ms"
    row = dice.randint(10**6, 10**7)
    return f"{at} LOG: duration: {took} statement: UPDATE source SET seen_at = now() WHERE id = {row}"  # noqa: S608 - a log


def _kern(dice: random.Random, number: int) -> str:
    what = dice.choice(["cni0: port entered forwarding state", "IPv6: ADDRCONF link becomes ready", "veth: renamed"])
    return f"[81234{number % 10}.{dice.randint(100000, 999999)}] {what} {_word(dice, 6)}"


_PASTES: dict[str, Callable[[random.Random, int], str]] = {
    "pods": _pods,
    "applog": _applog,
    "access": _access,
    "node": _node,
    "sqllog": _sqllog,
    "kern": _kern,
}
