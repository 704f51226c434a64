"""Who is asked, one after the other, until there is an answer: clouds in their order, then this machine.

Only here can a public turn change sides, and a private one cannot.
"""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING

from trooper_cli import breaker
from trooper_cli.attempt import V, attempt, local_engine_of
from trooper_cli.errors import (
    BreakerError,
    BusyError,
    NotCoveredError,
    OverloadError,
    QuotaError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.locality import this_machine_only
from trooper_cli.route import Decision
from trooper_cli.turn import Label, Side, View

if TYPE_CHECKING:
    from pathlib import Path

    from trooper_cli.clouds import Cloud
    from trooper_cli.engines import Engine
    from trooper_cli.question import Answer, Question, UnderWay
    from trooper_cli.settings import Settings

# What a cloud says that lets the next one, or this machine, answer in its place. All else is for the user to mend.
FALLS_BACK = (QuotaError, NotCoveredError, OverloadError, UnavailableError, BreakerError)
RETRIES = 2
RETRY_SECONDS = 8.0
LONGEST_WAIT = 4.0


def execute(turn: UnderWay, settings: Settings, home: Path) -> Answer:
    """Give the turn to its side and, if it is public and the clouds cannot answer, to this machine."""
    if turn.decision.label is Label.PRIVATE:
        with this_machine_only():
            local = local_engine_of(turn, settings, home)
            _tell_loading(turn, local)
            return _patiently(turn, local, turn.private_view, settings)
    if turn.decision.side is Side.LOCAL:
        return _for_want_of_a_key(turn, settings, home)
    asked = _clouds(turn.question, settings)
    failures: list[TrooperError] = []
    for cloud in asked if turn.question.fallback else asked[:1]:
        if failures:
            turn.tell(f"{failures[-1]}; {cloud.name} is asked instead")
        try:
            answer = _in_the_cloud(turn, cloud, settings, home)
        except FALLS_BACK as error:
            if not turn.question.fallback:
                raise
            failures.append(error)
            turn.pieces.clear()
            continue
        return _told(answer, asked[0], failures)
    try:
        local = local_engine_of(turn, settings, home)
    except TrooperError as error:
        raise UnavailableError(f"{failures[-1]}; and no fallback: {error}") from error
    turn.tell(f"{failures[-1]}; {local.name} on this machine answers instead")
    _tell_loading(turn, local)
    turn.decision = Decision(Label.PUBLIC, Side.LOCAL, turn.decision.reason)
    return _told(_patiently(turn, local, turn.public_view, settings), asked[0], failures)


def first_cloud(turn: UnderWay, settings: Settings, home: Path) -> Cloud | None:
    """Give the cloud that would be asked first, without asking it; None if it is this machine's turn.

    Raises:
        BreakerError: none would be asked, and falling back is off.

    """
    asked = _clouds(turn.question, settings, connect=False)
    holds = [_hold(turn, cloud, home) for cloud in asked]
    if not turn.question.fallback and holds[0]:
        raise _remembered(asked[0], holds[0])
    place = next((place for place, hold in enumerate(holds) if not hold), None)
    if place != 0:
        side = Side.LOCAL if place is None else Side.CLOUD
        turn.decision = Decision(Label.PUBLIC, side, "breaker")
    return None if place is None else asked[place]


def _clouds(question: Question, settings: Settings, *, connect: bool = True) -> list[Cloud]:
    from trooper_cli.clouds import clouds

    if (carried := question.carried) is None:
        return clouds(settings, question.model, connect=connect)
    from trooper_cli.messages.forward import Forwarding

    return clouds(settings, connect=connect, claude=lambda _, environ: Forwarding(question, carried, environ))


def _for_want_of_a_key(turn: UnderWay, settings: Settings, home: Path) -> Answer:
    try:
        local = local_engine_of(turn, settings, home)
    except TrooperError as error:
        error.args = (f"{error}; or set ANTHROPIC_API_KEY to ask Claude",)
        raise
    turn.tell(f"no ANTHROPIC_API_KEY, so {local.name} on this machine answers")
    _tell_loading(turn, local)
    return _patiently(turn, local, turn.public_view, settings)


def _tell_loading(turn: UnderWay, local: Engine[View]) -> None:
    """Say to somebody who looks at a screen why nothing comes for a while."""
    if not _is_watched():
        return
    from trooper_cli.engines.ollama import Ollama

    if isinstance(local, Ollama) and not local.is_loaded:
        turn.tell(f"Ollama loads {local.model} first, which takes a while")


def _is_watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _told(answer: Answer, first: Cloud, failures: list[TrooperError]) -> Answer:
    """Write into an answer that another should have given it."""
    if failures:
        remembered = all(isinstance(error, BreakerError) for error in failures)
        decision = answer.decision
        answer.decision = Decision(decision.label, decision.side, "breaker" if remembered else "fallback")
        answer.fallback = {"from": first.name, "cause": type(failures[0]).__name__}
    return answer


def _in_the_cloud(turn: UnderWay, cloud: Cloud, settings: Settings, home: Path) -> Answer:
    """Ask one cloud, unless it is known that it cannot answer; remember what is learnt of that."""
    if hold := _hold(turn, cloud, home):
        raise _remembered(cloud, hold)
    try:
        answer = _patiently(turn, cloud, turn.public_view, settings)
    except FALLS_BACK as error:
        # A silence that the user's own limit ended tells nothing of the cloud.
        if turn.question.silence is None or not isinstance(error, UnavailableError):
            breaker.failed(home, cloud.account, error)
        raise
    breaker.answered(home, cloud.account)
    return answer


def _remembered(cloud: Cloud, hold: breaker.Hold) -> BreakerError:
    return BreakerError(f"{cloud.name} {hold}; --cloud asks it all the same")


def _hold(turn: UnderWay, cloud: Cloud, home: Path) -> breaker.Hold | None:
    return None if turn.question.local_flag is False else breaker.held(home, cloud.account)


def _patiently(turn: UnderWay, engine: Engine[V], view: V, settings: Settings) -> Answer:
    """Ask; where the trouble may pass, wait a little and ask again."""
    began = time.monotonic()
    for tries in range(10_000):
        try:
            return attempt(turn, engine, view, settings)
        except (OverloadError, UnavailableError) as error:
            wait = _wait(error, engine.side, tries, time.monotonic() - began)
            if wait is None:
                raise
            turn.pieces.clear()
            if tries == 0 and isinstance(error, BusyError) and _is_watched():
                turn.tell(f"{error}; waiting for it")
            time.sleep(wait)
    raise AssertionError


def _wait(error: OverloadError | UnavailableError, side: Side, tries: int, spent: float) -> float | None:
    """Give the seconds until the next try, or None where it is not worth one."""
    most, patience = RETRIES, RETRY_SECONDS
    if isinstance(error, BusyError):
        patience = error.patience
        most = RETRIES if patience <= RETRY_SECONDS else 10_000
    elif side is Side.LOCAL:
        return None
    wait = min(0.5 * 2**tries, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311
    if isinstance(error, OverloadError) and error.retry_after is not None:
        wait = error.retry_after + random.uniform(0.0, 0.25)  # noqa: S311
    return None if tries >= most or spent + wait > patience else wait
