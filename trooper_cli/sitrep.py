"""The situation report of a session for a person: as extracted, or phrased by a model on this machine."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trooper_cli import memory
from trooper_cli.engines import End
from trooper_cli.engines.choose import local_engine
from trooper_cli.errors import BrokenAnswerError
from trooper_cli.guard.credentials import mask
from trooper_cli.lazy import pattern
from trooper_cli.locality import this_machine_only
from trooper_cli.store.memory_cache import recollect
from trooper_cli.store.store import Store
from trooper_cli.turn import Context, Label, Message, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.settings import Settings
    from trooper_cli.store.views import StoredPrivateView

TOKENS = 2_000
_SILENCE_SECONDS = 600.0
_WORD = pattern(r"[^\s,;:!?()\[\]\"'`*<>|]+")
_PHRASE = (
    "Rewrite these notes as a short situation report in plain sentences, under the same headings. Keep every name,"
    " number, path and date exactly as it is written. Add nothing.\n\n"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what was said in one turn, by the number the user knows it by."""

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
    tell: Callable[[str], None],
    *,
    write: bool,
) -> Sitrep:
    """Return a report of what one side knows of a session.

    Args:
        home: the data folder.
        settings: the user's settings.
        name: the session.
        side: for the cloud, what public turns say; for this machine, what all say.
        tokens: the most the report may have, estimated.
        tell: takes notices.
        write: have the local model phrase it; where it loses or adds a fact, the extracted report stands.

    Raises:
        NotFoundError: there is no such session.
        TrooperError: no local model could phrase it.

    """
    with closing(Store(home, settings, tell)) as store, closing(store.open(name)) as session:
        view = session.public_view() if side is Side.CLOUD else session.private_view()
        chosen = memory.chosen(recollect(view, mask), tokens)
        # With the turn before each, whose question a line may hold.
        places = sorted({near for _, place, _ in chosen for near in (place, max(0, place - 1))})
        numbers = dict(zip(places, view.numbers(places), strict=True))
        lines = tuple(Line(kind, numbers[place], text) for kind, place, text in chosen)
        report = Sitrep(_headed(lines), lines, len(view))
        if write and lines:
            # Its turns may be private whichever side it is for, so it is phrased as a private turn would be asked.
            with this_machine_only():
                report = _phrased(report, home, settings, session.private_view(), tell)
        # What reports on private turns is private text, and a pipe may carry it on.
        private = {place for place, number in numbers.items() if session.turn(number).label is Label.PRIVATE}
        told = [numbers[place] for _, place, _ in chosen if private & {place, place - 1}]
        store.guard.remember_report(session.identity(), ((line.turn, line.text) for line in lines if line.turn in told))
        if told and report.written_by:
            store.guard.remember_report(session.identity(), [(None, report.text)])
    return report


def _headed(lines: tuple[Line, ...]) -> str:
    kinds = dict.fromkeys(line.kind for line in lines)
    return "\n\n".join(
        "\n".join([f"{kind}:", *(f"  {line.text}" for line in lines if line.kind == kind)]) for kind in kinds
    )


def _phrased(
    report: Sitrep, home: Path, settings: Settings, view: StoredPrivateView, tell: Callable[[str], None]
) -> Sitrep:
    engine = local_engine(settings, home, None, connect=True)
    prompt = _PHRASE + report.text
    estimate = memory.price(prompt)
    room = min(2 * int(estimate) + 200, engine.window() // 2)
    context = Context(
        view, None, (Message("user", prompt),), (), (), (), estimate, int(estimate * 1.3), engine.window()
    )
    pieces: list[str] = []
    for piece in engine.send(engine.prepare(context, room, stream=True), _SILENCE_SECONDS):
        if isinstance(piece, End):
            text = "".join(pieces).strip()
            told, said = facts(report.text), facts(text)
            if told <= said <= told:
                return Sitrep(text, report.lines, report.turns, piece.model)
            tell(
                f"{piece.model} lost {len(told - said)} of {len(told)} names and numbers and added {len(said - told)}; "
                "the extracted report stands"
            )
            return report
        pieces.append(piece)
    raise BrokenAnswerError(f"{engine.name} gave no end to its answer")


def facts(text: str) -> set[str]:
    """Return the words of a text that must not change: those with digits, and those that look like names of things."""
    words = (word.strip(".-_") for word in _WORD.findall(text))
    return {word for word in words if any(map(str.isdigit, word)) or any(mark in word[1:-1] for mark in "./_@:")}
