"""Who is asked, one after the other, until there is an answer: clouds in their order, then this machine.

Only here can a public turn change sides, and a private one cannot.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from trooper_cli.ask.attempt import attempt, local_engine_of, local_key_of
from trooper_cli.ask.route import Decision
from trooper_cli.errors import (
    BreakerError,
    BusyError,
    LimitError,
    NotCoveredError,
    OverloadError,
    QuotaError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.net.egress import this_machine_only
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from trooper_cli.ask.caller import V
    from trooper_cli.ask.output import AnswerWriter
    from trooper_cli.ask.turn_in_progress import Answer, TurnInProgress
    from trooper_cli.engines.circuit_breaker import Hold
    from trooper_cli.engines.clouds import Cloud
    from trooper_cli.engines.engine import Engine, LocalEngine
    from trooper_cli.json_output import Reason

# What a cloud says that lets the next one, or this machine, answer in its place. All else is for the user to mend.
FALLS_BACK = (QuotaError, NotCoveredError, OverloadError, UnavailableError, BreakerError, LimitError)
RETRIES = 2
RETRY_SECONDS = 8.0
LONGEST_WAIT = 4.0


def execute(turn: TurnInProgress, writer: AnswerWriter) -> Answer:
    """Execute the turn on its side; a public one that the clouds cannot answer, on this machine."""
    if turn.decision.label is Label.PRIVATE:
        # A program that knows the key is run before the gate closes, behind which no program may start.
        key = local_key_of(turn)
        with this_machine_only():
            return _on_this_machine(turn, writer, local_engine_of(turn, key), turn.private_view)
    if turn.decision.side is Side.LOCAL:
        if turn.decision.reason == "no_key":
            return _for_want_of_a_key(turn, writer)
        return _on_this_machine(turn, writer, local_engine_of(turn, local_key_of(turn)), turn.public_view)
    asked = turn.caller.clouds(turn.ask_request, turn.settings, connect=True)
    failures: list[TrooperError] = []
    for cloud in asked if turn.ask_request.fallback else asked[:1]:
        if failures:
            turn.notify(f"{failures[-1]}; {cloud.name} is asked instead")
        try:
            answer = _in_the_cloud(turn, writer, cloud)
        except FALLS_BACK as error:
            if not turn.ask_request.fallback:
                raise
            failures.append(error)
            writer.discard()
            if isinstance(error, LimitError):
                # What the user lets be spent is no cloud's quota, of which another might have some.
                break
            continue
        return _instead_of(answer, asked[0], failures)
    try:
        local = local_engine_of(turn, local_key_of(turn))
    except TrooperError as error:
        raise UnavailableError(f"{failures[-1]}; and no fallback: {error}") from error
    turn.notify(f"{failures[-1]}; {_named(local)} on this machine answers instead; the turn stays public")
    return _instead_of(_on_this_machine(turn, writer, local, turn.public_view), asked[0], failures)


def first_cloud(turn: TurnInProgress) -> tuple[Decision, Cloud | None]:
    """Return the cloud that would be asked first, without asking it, and the decision with its side and reason.

    The cloud is None if it is this machine's turn.

    Raises:
        BreakerError: none would be asked, and falling back is off.

    """
    asked = turn.caller.clouds(turn.ask_request, turn.settings, connect=False)
    holds = [_hold(turn, cloud) for cloud in asked]
    if not turn.ask_request.fallback and holds[0]:
        raise _remembered(asked[0], holds[0])
    place = next((place for place, hold in enumerate(holds) if not hold), None)
    if place is None:
        return Decision(Label.PUBLIC, Side.LOCAL, "breaker"), None
    return turn.decision if place == 0 else Decision(Label.PUBLIC, Side.CLOUD, "breaker"), asked[place]


def _for_want_of_a_key(turn: TurnInProgress, writer: AnswerWriter) -> Answer:
    try:
        local = local_engine_of(turn, local_key_of(turn))
    except TrooperError as error:
        said = f"{error}; or" if not str(error).endswith("?") else f"{error} Or"
        error.args = (f"{said} set ANTHROPIC_API_KEY to ask Claude",)
        raise
    turn.notify(f"no ANTHROPIC_API_KEY, so {_named(local)} on this machine answers; the turn is public, see --local")
    return _on_this_machine(turn, writer, local, turn.public_view)


def _on_this_machine(turn: TurnInProgress, writer: AnswerWriter, local: LocalEngine, view: V) -> Answer:
    _tell_loading(turn, local)
    answer = _patiently(turn, writer, local, view)
    if local.name == "ollama":
        from trooper_cli.engines.ollama_models import remember_used

        remember_used(turn.home, turn.decision.label, local.model)
    return answer


def _tell_loading(turn: TurnInProgress, local: LocalEngine) -> None:
    """Write to a terminal that the model is being loaded, so that the wait is explained."""
    if _is_watched() and not local.is_loaded:
        turn.notify(f"{local.name} loads {local.model} first, which takes a while; see keep_alive")
        turn.caller.sink.wait(f"loading {local.model}")
    else:
        turn.caller.sink.wait(f"asking {local.model or local.name}")


def _named(local: LocalEngine) -> str:
    """Return the model that answers and its engine, as far as they are known."""
    return f"{local.model} ({local.name})" if local.model else local.name


def _is_watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _instead_of(answer: Answer, first: Cloud, failures: list[TrooperError]) -> Answer:
    """Return an answer with what is to be said of it if another should have given it."""
    if not failures:
        return answer
    reason: Reason = "fallback"
    if all(isinstance(error, BreakerError) for error in failures):
        reason = "breaker"
    elif isinstance(failures[0], LimitError):
        reason = "limit"
    decision = answer.decision._replace(reason=reason)
    return answer._replace(decision=decision, fallback={"from": first.name, "cause": type(failures[0]).__name__})


def _in_the_cloud(turn: TurnInProgress, writer: AnswerWriter, cloud: Cloud) -> Answer:
    """Ask one cloud, unless it is known that it cannot answer; remember what is learnt of that."""
    from trooper_cli.engines import circuit_breaker

    if hold := _hold(turn, cloud):
        raise _remembered(cloud, hold)
    turn.caller.sink.wait(f"asking {cloud.name}")
    try:
        answer = _patiently(turn, writer, cloud, turn.public_view)
    except FALLS_BACK as error:
        # A silence that the user's own limit ended says nothing about the cloud.
        if turn.ask_request.read_timeout is None or not isinstance(error, UnavailableError):
            circuit_breaker.failed(turn.home, cloud.account, error)
        raise
    circuit_breaker.answered(turn.home, cloud.account)
    return answer


def _remembered(cloud: Cloud, hold: Hold) -> BreakerError:
    return BreakerError(f"{cloud.name} {hold}; --cloud asks it in any case")


def _hold(turn: TurnInProgress, cloud: Cloud) -> Hold | None:
    from trooper_cli.engines.circuit_breaker import held

    asks_in_any_case = turn.ask_request.local_flag is False and not turn.ask_request.heeds_breaker
    return None if asks_in_any_case else held(turn.home, cloud.account)


def _patiently(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], view: V) -> Answer:
    """Ask; where the trouble may pass, wait a little and ask again."""
    began = time.monotonic()
    for tries in range(10_000):
        try:
            return attempt(turn, writer, engine, view)
        except (OverloadError, UnavailableError) as error:
            wait = _wait(error, engine.side, tries, time.monotonic() - began)
            if wait is None:
                raise
            writer.discard()
            if tries == 0 and isinstance(error, BusyError) and _is_watched():
                turn.notify(f"{error}; waiting for it")
            time.sleep(wait)
    raise AssertionError


def _wait(error: OverloadError | UnavailableError, side: Side, tries: int, spent: float) -> float | None:
    """Return the seconds until the next try, or None where another try is not worthwhile."""
    most, max_wait = RETRIES, RETRY_SECONDS
    if isinstance(error, BusyError):
        max_wait = error.max_wait
        most = RETRIES if max_wait <= RETRY_SECONDS else 10_000
    elif side is Side.LOCAL:
        return None
    import random

    wait = min(0.5 * 2**tries, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311
    if isinstance(error, OverloadError) and error.retry_after is not None:
        wait = error.retry_after + random.uniform(0.0, 0.25)  # noqa: S311
    return None if tries >= most or spent + wait > max_wait else wait
