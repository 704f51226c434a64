"""The situation report of a session for a person: as extracted, or phrased by a model on this machine."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trooper_cli import memory
from trooper_cli.engines.engine import End
from trooper_cli.engines.local import local_engine, local_key
from trooper_cli.errors import BrokenAnswerError
from trooper_cli.guard.credentials import mask
from trooper_cli.lazy_re import pattern
from trooper_cli.memory import report
from trooper_cli.net.egress import this_machine_only
from trooper_cli.store.memory_cache import recollect
from trooper_cli.store.store import Store
from trooper_cli.turn import Context, Label, Message, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.engines.engine import LocalEngine
    from trooper_cli.settings import Settings
    from trooper_cli.store.session import Session
    from trooper_cli.store.views import StoredPrivateView, StoredPublicView

TOKENS = 600
_SILENCE_SECONDS = 600.0
_WORD = pattern(r"[^\s,;:!?()\[\]\"'`*<>|]+")
_PHRASE = (
    "Rewrite these notes as a short situation report in plain sentences, under the same headings. Keep every name,"
    " number, path and date exactly as it is written. Add nothing.\n\n"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: its heading, the number the user knows its newest turn by, and its text."""

    kind: str
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Sitrep:
    """The report of one view. `written_by` is the model that phrased the text, if one did."""

    text: str
    lines: tuple[Line, ...]
    turns: int
    written_by: str | None = None


def sitrep(
    home: Path,
    settings: Settings,
    name: str,
    side: Side,
    tokens: int,
    notify: Callable[[str], None],
    *,
    write: bool,
    told: bool = False,
) -> Sitrep:
    """Return a report of what a person should know of a session.

    Args:
        home: the data folder.
        settings: the user's settings.
        name: the session.
        side: for the cloud, what public turns say; for this machine, what all say.
        tokens: the most the report may have, estimated.
        notify: takes notices.
        told: return what that side's engine would be sent instead, as short as it is sent.
        write: have the local model phrase it; where it loses or adds a fact, the extracted report stands.

    Raises:
        NotFoundError: there is no such session.
        TrooperError: no local model could phrase it.

    """
    with closing(Store(home, settings, notify)) as store, closing(store.open(name)) as session:
        view = session.public_view() if side is Side.CLOUD else session.private_view()
        chosen = _included(view, tokens) if told else _sentences(session, view, tokens)
        positions = sorted({position for line in chosen for position in line.turns})
        numbers = dict(zip(positions, view.numbers(positions), strict=True))
        lines = tuple(Line(line.heading, numbers[line.turns[0]], line.text) for line in chosen)
        found = Sitrep(_headed(lines), lines, len(view))
        if write and lines:
            # Its turns may be private whichever side it is for, so it is phrased as a private turn would be asked.
            key = local_key(settings)
            with this_machine_only():
                engine = local_engine(settings, home, None, connect=True, key=key)
                found = _phrased(found, engine, session.private_view(), notify)
        # What tells of private turns is private text, and a pipe may carry it on.
        private = {position for position, number in numbers.items() if session.turn(number).label is Label.PRIVATE}
        kept = [line for line, source in zip(lines, chosen, strict=True) if private.intersection(source.turns)]
        store.guard.remember_report(session.identity(), ((line.turn, line.text) for line in kept))
        if kept and found.written_by:
            store.guard.remember_report(session.identity(), [(None, found.text)])
    return found


def _sentences(session: Session, view: StoredPublicView | StoredPrivateView, tokens: int) -> list[report.Line]:
    numbers = view.numbers(range(len(view)))

    def may_join(new: int, old: int) -> bool:
        # A few private letters at the end of a public line are too short for the guard to know again.
        return session.turn(numbers[new]).label is session.turn(numbers[old]).label

    return report.lines(reversed(list(view.latest())), tokens, mask, may_join)


def _included(view: StoredPublicView | StoredPrivateView, tokens: int) -> list[report.Line]:
    """Return what an engine would read; a line may hold the question of the turn before."""
    return [
        report.Line(heading, text, (position, max(0, position - 1)))
        for heading, position, text in memory.chosen(recollect(view, mask), tokens)
    ]


def _headed(lines: tuple[Line, ...]) -> str:
    kinds = dict.fromkeys(line.kind for line in lines)
    return "\n\n".join(
        "\n".join([f"{kind}:", *(f"- {line.text}" for line in lines if line.kind == kind)]) for kind in kinds
    )


def _phrased(found: Sitrep, engine: LocalEngine, view: StoredPrivateView, notify: Callable[[str], None]) -> Sitrep:
    prompt = _PHRASE + found.text
    estimate = memory.price(prompt)
    room = min(2 * int(estimate) + 200, engine.window() // 2)
    context = Context(
        view, None, (Message("user", prompt),), (), (), (), estimate, int(estimate * 1.3), engine.window()
    )
    pieces: list[str] = []
    for piece in engine.send(engine.prepare(context, room, stream=True), _SILENCE_SECONDS):
        if isinstance(piece, End):
            text = "".join(pieces).strip()
            before, said = facts(found.text), facts(text)
            if before <= said <= before:
                return Sitrep(text, found.lines, found.turns, piece.model)
            notify(
                f"{piece.model} lost {len(before - said)} of {len(before)} names and numbers and added"
                f" {len(said - before)}; the extracted report stands"
            )
            return found
        if isinstance(piece, str):
            pieces.append(piece)
    raise BrokenAnswerError(f"{engine.name} gave no end to its answer")


def facts(text: str) -> set[str]:
    """Return the words of a text that must not change: those with digits, and those that look like names of things."""
    words = (word.strip(".-_") for word in _WORD.findall(text))
    return {word for word in words if any(map(str.isdigit, word)) or any(mark in word[1:-1] for mark in "./_@:")}
