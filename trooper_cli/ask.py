"""One turn, start to finish. Who reads this file knows the program.

Question → route → guard → session.view(label) → memory(view, budget) → engine → session → Answer
"""

from __future__ import annotations

import random
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from trooper_cli import memory
from trooper_cli.engines import End, Engine, Usage
from trooper_cli.engines.anthropic import Anthropic, key_of
from trooper_cli.engines.choose import local_engine
from trooper_cli.errors import (
    BrokenAnswerError,
    ContextExceededError,
    OverloadError,
    QuotaError,
    RefusedError,
    StorageError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.guard import Guard, described, refusal
from trooper_cli.locality import this_machine_only
from trooper_cli.memory.count import message_cost
from trooper_cli.route import Decision, decide
from trooper_cli.session import Session, StoredPrivateView, StoredPublicView, path_of
from trooper_cli.turn import Context, Label, Side, Status, View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.settings import Settings
    from trooper_cli.transport import Request

# What the memory may add to a prompt where --budget does not say it.
MEMORY_TOKENS = 16_000
ANSWER_TOKENS = {Side.CLOUD: 16_000, Side.LOCAL: 2_048}
SILENCE_SECONDS = {Side.CLOUD: 120.0, Side.LOCAL: 600.0}
# Claude counts up to 40 % more than the estimate, small local models up to 25 %.
SCALE = {Side.CLOUD: 1.4, Side.LOCAL: 1.25}
RETRY_SECONDS = 8.0
RETRIES = 2


@dataclass(frozen=True)
class Question:
    """What the user asked for in one call.

    `stream` asks the engine for pieces, `live` shows them as they arrive; otherwise the whole answer is shown or none.
    """

    prompt: str
    session: str | None = None
    local_flag: bool | None = None
    model: str | None = None
    system: str | None = None
    stream: bool = True
    live: bool = False
    fallback: bool = True
    on_leak: str = "block"
    budget: int | None = None
    max_tokens: int | None = None
    silence: float | None = None


@dataclass
class Answer:
    """What came of it. `failure` is a session that could not be written although the answer is there."""

    text: str
    turn: int
    decision: Decision
    engine: str
    model: str
    stop: str
    usage: Usage
    context: dict[str, object]
    host: str
    on_network: bool
    fallback: dict[str, str] | None = None
    seconds: float = 0.0
    failure: StorageError | None = None


@dataclass
class _Turn:
    """A turn under way: what is known of it so far, for whichever end it comes to."""

    question: Question
    decision: Decision
    session: Session
    guard: Guard
    number: int | None
    show: Callable[[str], None]
    tell: Callable[[str], None]
    failure: StorageError | None = None
    engine: str = ""
    model: str = ""
    pieces: list[str] = field(default_factory=list)
    shown: bool = False

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def public_view(self) -> StoredPublicView:
        return self.session.public_view(self.number)

    def private_view(self) -> StoredPrivateView:
        return self.session.private_view(self.number)


V = TypeVar("V", StoredPublicView, StoredPrivateView)


def ask(
    question: Question,
    settings: Settings,
    home: Path,
    show: Callable[[str], None],
    tell: Callable[[str], None],
) -> Answer:
    """Ask one question.

    Args:
        question: what is asked, and how.
        settings: the user's settings.
        home: the data folder.
        show: takes the answer's pieces as they arrive, or the whole answer once it is in the session.
        tell: takes notices.

    Raises:
        TrooperError: there is no whole answer; what arrived is in the session.

    """
    began = time.monotonic()
    decision = _decide(question, settings)
    with closing(Guard(home, settings)) as guard:
        decision = _guarded(question, decision, guard, tell)
        session, failure = _open(question, home)
        with closing(session):
            turn = _Turn(question, decision, session, guard, None, show, tell, failure)
            _begin(turn)
            answer = _carried_out(turn, settings, home)
    answer.failure = turn.failure
    answer.seconds = round(time.monotonic() - began, 3)
    return answer


def _carried_out(turn: _Turn, settings: Settings, home: Path) -> Answer:
    """Execute a turn and write down what came of it, whatever that is."""
    try:
        answer = _execute(turn, settings, home)
    except BaseException as error:
        _give_up(turn, error)
        raise
    _finish(turn, Status.ANSWERED, answer.stop)
    if not turn.question.live:
        turn.show(answer.text)
    return answer


def _guarded(question: Question, decision: Decision, guard: Guard, tell: Callable[[str], None]) -> Decision:
    """Look for private text and credentials in what a public turn would say, now to an engine and later to the cloud.

    Raises:
        LocalityError: there is some, and the user has not chosen otherwise.

    """
    if decision.label is Label.PRIVATE:
        return decision
    said = f"{question.system}\n\n{question.prompt}" if question.system else question.prompt
    if named := guard.mentioned_hosts(said):
        tell(f"the prompt names your hosts: {described(named)}")
    finds = guard.look(said)
    if not finds:
        return decision
    if question.on_leak == "local":
        tell(f"kept on this machine, as private: the prompt holds {described(finds)}")
        return Decision(Label.PRIVATE, Side.LOCAL, "leak")
    if question.on_leak == "warn":
        tell(f"warning: the prompt holds {described(finds)}")
        return decision
    raise refusal(finds)


def _begin(turn: _Turn) -> None:
    """Write the prompt down before anything is sent, and with it what the guard must know of a private one."""
    question, label = turn.question, turn.decision.label
    said = f"{question.system}\n\n{question.prompt}" if question.system else question.prompt

    def remember(number: int) -> None:
        if label is Label.PRIVATE:
            turn.guard.remember(label, turn.session.name, number, prompt=said)

    try:
        if turn.failure is None and turn.session.name is not None:
            turn.number = turn.session.begin(label, question.prompt, question.system, remember)
        elif label is Label.PRIVATE:
            turn.guard.remember(label, None, None, prompt=said)
    except StorageError as error:
        turn.failure = error


@dataclass(frozen=True)
class Rehearsal:
    """A turn as it would be asked: the request is the very object that would be sent."""

    decision: Decision
    engine: str
    model: str
    request: Request
    context: dict[str, object]


def rehearse(question: Question, settings: Settings, home: Path, tell: Callable[[str], None]) -> Rehearsal:
    """Prepare a question and stop before it is sent; nothing is connected to and no turn is written."""
    with closing(Guard(home, settings)) as guard:
        decision = _guarded(question, _decide(question, settings), guard, tell)
    session = Session.of_one_turn()
    if question.session and path_of(home, question.session).exists():
        session = Session.open(home, question.session)
    with closing(session):
        turn = _Turn(question, decision, session, guard, None, lambda _: None, tell)
        if decision.side is Side.CLOUD:
            return _rehearsed(turn, _cloud(turn, settings), turn.public_view(), settings)
        local = _local(turn, settings, home, connect=False)
        if decision.label is Label.PRIVATE:
            return _rehearsed(turn, local, turn.private_view(), settings)
        return _rehearsed(turn, local, turn.public_view(), settings)


def _rehearsed(turn: _Turn, engine: Engine[V], view: V, settings: Settings) -> Rehearsal:
    context = _context(turn, view, engine, settings)
    told = _told(context) | {"text": _readable(context)}
    return Rehearsal(turn.decision, engine.name, engine.model, _request(turn, engine, context), told)


def _decide(question: Question, settings: Settings) -> Decision:
    return decide(
        local_flag=question.local_flag,
        local_variable=settings.text("local"),
        cloud_lock=settings.text("cloud") == "off",
        has_key=key_of(settings.environ) is not None,
    )


def _open(question: Question, home: Path) -> tuple[Session, StorageError | None]:
    """Open the session; where it cannot be made, the question is asked all the same and the failure told at the end."""
    if question.session is None:
        return Session.of_one_turn(), None
    try:
        return Session.open_or_create(home, question.session), None
    except StorageError as error:
        return Session.of_one_turn(), error


def _execute(turn: _Turn, settings: Settings, home: Path) -> Answer:
    """Give the turn to its side; only here can a public turn change sides, and a private one cannot."""
    if turn.decision.label is Label.PRIVATE:
        with this_machine_only():
            local = _local(turn, settings, home)
            return _attempt(turn, local, turn.private_view(), settings)
    cause = None
    if turn.decision.side is Side.CLOUD:
        cloud = _cloud(turn, settings)
        try:
            return _with_retries(turn, cloud, settings)
        except (QuotaError, UnavailableError) as error:
            if turn.shown:
                raise BrokenAnswerError(f"the answer broke off: {error}") from error
            if not turn.question.fallback:
                raise
            cause = error
        turn.pieces.clear()
    try:
        local = _local(turn, settings, home)
    except TrooperError as error:
        if cause is None:
            error.args = (f"{error}; or set ANTHROPIC_API_KEY to ask Claude",)
            raise
        raise UnavailableError(f"{cause}; and no fallback: {error}") from error
    if cause is not None:
        turn.tell(f"{cause}; answered by {local.name} on this machine instead")
        turn.decision = Decision(Label.PUBLIC, Side.LOCAL, "fallback")
    elif turn.decision.reason == "no_key":
        turn.tell(f"no ANTHROPIC_API_KEY, so {local.name} on this machine answers")
    answer = _attempt(turn, local, turn.public_view(), settings)
    answer.fallback = {"from": Anthropic.name, "cause": type(cause).__name__} if cause else None
    return answer


def _with_retries(turn: _Turn, cloud: Anthropic, settings: Settings) -> Answer:
    """Ask the cloud; where the trouble may pass, wait a little and ask again, within a few seconds in all."""
    deadline = time.monotonic() + RETRY_SECONDS
    for attempt in range(RETRIES + 1):
        try:
            return _attempt(turn, cloud, turn.public_view(), settings)
        except (OverloadError, UnavailableError) as error:
            wait = 0.5 * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311
            if isinstance(error, OverloadError) and error.retry_after is not None:
                wait = error.retry_after
            if turn.shown or attempt == RETRIES or time.monotonic() + wait > deadline:
                raise
            turn.pieces.clear()
            time.sleep(wait)
    raise AssertionError


def _attempt(turn: _Turn, engine: Engine[V], view: V, settings: Settings) -> Answer:
    """Have one engine execute the turn; if it counts more tokens than fit, once more with a smaller memory."""
    context = _context(turn, view, engine, settings)
    try:
        return _send(turn, engine, context)
    except ContextExceededError as error:
        if turn.shown or not error.limit or len(context.messages) == 1:
            raise
        smaller = int(context.tokens * error.limit / max(error.tokens, 1) * 0.9)
        return _send(turn, engine, _context(turn, view, engine, settings, at_most=smaller))


def _send(turn: _Turn, engine: Engine[V], context: Context[V]) -> Answer:
    request = _request(turn, engine, context)
    turn.engine, turn.model = engine.name, engine.model
    told = _told(context)
    record = _begin_attempt(turn, engine, request, told)
    began, outcome, usage = time.monotonic(), "failed", None
    try:
        end = None
        for piece in engine.send(request, turn.question.silence or SILENCE_SECONDS[engine.side]):
            if isinstance(piece, End):
                end = piece
                continue
            turn.pieces.append(piece)
            if turn.question.live:
                turn.shown = True
                turn.show(piece)
        if end is None:
            raise BrokenAnswerError(f"{engine.name} gave no end to its answer")
        usage, outcome, turn.model = end.usage, end.stop or "end_turn", end.model
        _check_end(turn, end)
        return Answer(
            turn.text,
            turn.number or 0,
            turn.decision,
            engine.name,
            end.model,
            end.stop,
            end.usage,
            told,
            _host(request, engine),
            engine.on_network,
        )
    except TrooperError as error:
        outcome = type(error).__name__
        raise
    finally:
        _end_attempt(turn, record, outcome, time.monotonic() - began, usage)


def _check_end(turn: _Turn, end: End) -> None:
    if end.stop == "refusal":
        raise RefusedError("the model refused to answer; later turns are not told of this one", after_text=turn.shown)
    if not turn.text.strip():
        hint = "; it spent its tokens on thinking, see --max-tokens" if end.stop == "max_tokens" else ""
        raise BrokenAnswerError(f"{turn.engine} gave an empty answer{hint}")
    if end.stop in {"max_tokens", "model_context_window_exceeded"}:
        turn.tell(f"the answer was cut at {end.usage.output or 'its limit of'} tokens; see --max-tokens")


def _cloud(turn: _Turn, settings: Settings) -> Anthropic:
    return Anthropic(turn.question.model or settings.text("cloud_model") or "", settings.environ)


def _local(turn: _Turn, settings: Settings, home: Path, *, connect: bool = True) -> Engine[View]:
    # A model named for a turn that was meant for the cloud is no local model's name.
    named = turn.question.model if turn.decision.side is Side.LOCAL else None
    return local_engine(settings, home, named, connect=connect)


def _context(turn: _Turn, view: V, engine: Engine[V], settings: Settings, *, at_most: int | None = None) -> Context[V]:
    question, scale = turn.question, SCALE[engine.side]
    system = question.system or view.system
    room = engine.window() - _answer_tokens(turn, engine)
    budget = settings.number("budget", question.budget)
    if budget is None:
        budget = message_cost(question.prompt, scale) + MEMORY_TOKENS
    budget = min(budget, room) if at_most is None else min(budget, room, at_most)
    return memory.build(view, question.prompt, budget, system=system, scale=scale)


def _answer_tokens(turn: _Turn, engine: Engine[V]) -> int:
    """Give the room kept for the answer: never more than half of what the model takes."""
    return min(turn.question.max_tokens or ANSWER_TOKENS[engine.side], engine.window() // 2)


def _request(turn: _Turn, engine: Engine[V], context: Context[V]) -> Request:
    return engine.prepare(context, _answer_tokens(turn, engine), stream=turn.question.stream)


def _told(context: Context[V]) -> dict[str, object]:
    """Name the turns that take part, by the numbers the user knows them by. For the user alone."""
    numbers = context.view.numbers
    return {
        "anchor": numbers(context.anchor),
        "sitrep": numbers(context.sitrep),
        "tail": numbers(context.tail),
        "tokens": context.tokens,
        "budget": context.budget,
    }


def _readable(context: Context[V]) -> str:
    """Give the memory as the model reads it: the system text, then the messages but the present one."""
    earlier = [f"{message.role}: {message.text}" for message in context.messages[:-1]]
    return "\n\n".join(([context.system] if context.system else []) + earlier)


def _begin_attempt(turn: _Turn, engine: Engine[V], request: Request, told: dict[str, object]) -> int | None:
    if turn.number is None or turn.failure is not None:
        return None
    turns = [number for layer in ("anchor", "sitrep", "tail") for number in told[layer]]  # type: ignore[attr-defined]
    side = "network" if engine.on_network else engine.side
    try:
        return turn.session.begin_attempt(
            turn.number, side=side, engine=engine.name, host=_host(request, engine), body=request.body, turns=turns
        )
    except StorageError as error:
        turn.failure = error
        return None


def _host(request: Request, engine: Engine[V]) -> str:
    return urlsplit(request.url).netloc or engine.name


def _end_attempt(turn: _Turn, record: int | None, outcome: str, seconds: float, usage: Usage | None) -> None:
    if record is None or turn.failure is not None:
        return
    try:
        turn.session.end_attempt(record, outcome, seconds, usage)
    except StorageError as error:
        turn.failure = error


def _finish(turn: _Turn, status: Status, stop: str) -> None:
    if turn.failure is not None:
        return
    label, name = turn.decision.label, turn.session.name

    def remember(number: int) -> None:
        if label is Label.PRIVATE:
            turn.guard.remember(label, name, number, answer=turn.text)

    try:
        if turn.number is None:
            if label is Label.PRIVATE:
                turn.guard.remember(label, None, None, answer=turn.text)
            return
        turn.session.finish(
            turn.number, status, turn.text, engine=turn.engine, model=turn.model, stop=stop, also=remember
        )
        if label is Label.PUBLIC:
            turn.guard.remember(label, name, turn.number, prompt=turn.question.prompt, answer=turn.text)
    except StorageError as error:
        turn.failure = error


def _give_up(turn: _Turn, error: BaseException) -> None:
    """Keep what arrived. A turn that came to nothing is not told to any engine later."""
    if isinstance(error, RefusedError):
        status = Status.REFUSED
    elif turn.text or not isinstance(error, TrooperError):
        status = Status.INCOMPLETE
    else:
        status = Status.FAILED
    _finish(turn, status, "")
