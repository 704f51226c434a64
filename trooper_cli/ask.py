"""One turn, start to finish. Who reads this file knows the program.

Question → route → guard → session.view(label) → memory(view, budget) → engine → session → Answer
"""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from trooper_cli import memory
from trooper_cli.attempt import LEAST_RATIO, check_recorded, context_of, local_engine_of, request_of, told_turns
from trooper_cli.engines import CLAUDE_WINDOW
from trooper_cli.errors import InputError, RefusedError, StorageError, TrooperError, UsageError
from trooper_cli.fallback import execute, first_cloud
from trooper_cli.guard import exact
from trooper_cli.guard.finding import described, refusal
from trooper_cli.memory import fold
from trooper_cli.question import Answer, Question, UnderWay, is_model_name
from trooper_cli.refused import remember_prompt, remembering
from trooper_cli.route import Decision, decide
from trooper_cli.settings import KNOWN
from trooper_cli.store.catalog import path_of
from trooper_cli.store.session import Session
from trooper_cli.store.store import GuardedText, Outcome, Store
from trooper_cli.store.views import StoredPrivateView, StoredPublicView
from trooper_cli.turn import Context, Exchange, Label, Side, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.engines import Engine
    from trooper_cli.guard.finding import Find
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings
    from trooper_cli.transport import Request

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
    decision = _sized(question, settings, home)
    with closing(Store(home, settings, tell)) as store:
        decision = _guarded(question, decision, settings, store.guard, tell)
        session, failure = _open(question, decision, store)
        with closing(session):
            turn = UnderWay(question, decision, session, store, None, show, tell, failure)
            if question.history:
                session.add(question.history)
            _begin(turn)
            check_recorded(turn)
            answer = _carried_out(turn, settings, home)
    answer.failure = _told_in_full(turn)
    answer.seconds = round(time.monotonic() - began, 3)
    return answer


def _sized(question: Question, settings: Settings, home: Path) -> Decision:
    """Decide a turn whose prompt can fit; the guard remembers a private one that cannot.

    Raises:
        InputError: it is over the budget, or over what the cloud takes.

    """
    decision = decision_of(question, settings)
    try:
        _check_size(question, decision, settings)
    except TrooperError as error:
        if decision.label is Label.PRIVATE:
            with remembering(error), closing(Store(home, settings)) as store:
                _remember_refused(question, store.guard)
        raise
    return decision


def _remember_refused(question: Question, guard: Guard) -> None:
    """Have the guard remember a private prompt that becomes no turn."""
    if question.carried is None:
        remember_prompt(guard, question.said, _prompt_names(question))
    else:
        remember_prompt(guard, question.prompt, _prompt_names(question))


def _check_size(question: Question, decision: Decision, settings: Settings) -> None:
    """Refuse a prompt that cannot fit before any work is done on it: the guard's grows with its length.

    Raises:
        InputError: it is over the budget, or over what the cloud takes.

    """
    budget = settings.number("budget", question.budget)
    limits = [limit for limit in (budget, CLAUDE_WINDOW if decision.side is Side.CLOUD else None) if limit]
    # No engine counts less than this share of the estimate.
    tokens = int(memory.price(question.prompt, question.system) * LEAST_RATIO)
    if limits and tokens > min(limits):
        raise InputError(
            f"the prompt does not fit: about {tokens} tokens, and the budget is {min(limits)}; see --budget"
        )


def _told_in_full(turn: UnderWay) -> StorageError | None:
    """Say of a turn that could not be written what else follows from that."""
    if turn.failure is None:
        return None
    if turn.decision.label is Label.PRIVATE:
        return StorageError(f"{turn.failure}; the guard may not know this turn, so do not pipe its answer to the cloud")
    if turn.decision.side is Side.CLOUD:
        return StorageError(f"{turn.failure}; the request was sent to the cloud, and `trooper audit` may not list it")
    return turn.failure


def _carried_out(turn: UnderWay, settings: Settings, home: Path) -> Answer:
    """Execute a turn and write down what came of it, whatever that is."""
    try:
        answer = execute(turn, settings, home)
    except BaseException as error:
        _give_up(turn, error)
        raise
    _finish(turn, Status.ANSWERED, answer.stop)
    check_recorded(turn)
    if not turn.question.live:
        turn.show(answer.text)
    return answer


def _guarded(
    question: Question, decision: Decision, settings: Settings, guard: Guard, tell: Callable[[str], None]
) -> Decision:
    """Look for private text and credentials in what a public turn would say, now to an engine and later to the cloud.

    Raises:
        LocalityError: there is some, and the user has not chosen otherwise.

    """
    if decision.label is Label.PRIVATE:
        return decision
    if question.model and not is_model_name(question.model):
        raise UsageError("--model is no model's name, which is one word; nothing was sent")
    if named := guard.mentioned_hosts(question.said):
        tell(f"the prompt names your hosts: {described(named)}")
    what, finds = "the prompt", _finds(question, guard)
    if not finds and decision.side is Side.CLOUD and (models := _models(question, settings)):
        what, finds = "the model's name", guard.look("\n".join(models))
    if not finds:
        return decision
    if question.on_leak == "local":
        tell(f"kept on this machine, as private: {what} holds {described(finds)}")
        return Decision(Label.PRIVATE, Side.LOCAL, "leak")
    if question.on_leak == "warn":
        tell(f"warning: {what} holds {described(finds)}")
        return decision
    raise refusal(finds, what)


def _models(question: Question, settings: Settings) -> list[str]:
    """Return the names of models that may leave with the request and are the user's own text."""
    carried = question.carried
    named = [question.model or (settings.text("cloud_model") if carried is None else str(carried.fields["model"]))]
    named += [str(row.get("model")) for row in settings.tables("clouds")]
    return [model for model in named if model and model != KNOWN["cloud_model"].default]


def _finds(question: Question, guard: Guard) -> list[Find]:
    if question.carried is None:
        finds = guard.look(question.said)
        # Beside a system prompt the prompt is still a whole.
        return finds + guard.wholes(question.prompt) if question.system else finds
    # A program sends the same system prompt with its private messages and its public ones: what these turns say does
    # not count in it, only what others say.
    system = guard.look(question.system, exact.of_system(question.system)) if question.system else []
    return system + guard.look(question.carried.text)


def _system_is_known(question: Question, guard: Guard, label: Label) -> bool:
    """Tell whether a turn of this label had the same system prompt."""
    if not question.system:
        return True
    name = exact.of_system(question.system)
    try:
        known = guard.known([name])
    except StorageError:
        return False
    return name in (known.public if label is Label.PUBLIC else known.private)


def _begin(turn: UnderWay) -> None:
    """Write the prompt down before anything is sent, and with it what the guard must know of a private one."""
    question, label = turn.question, turn.decision.label

    known = GuardedText(_told(turn), names=_prompt_names(question)) if label is Label.PRIVATE else GuardedText()
    try:
        turn.number = turn.store.begin_turn(turn.session, label, question.prompt, question.system, known)
    except StorageError as error:
        turn.failure = error


def _told(turn: UnderWay) -> str:
    """Give what the guard must remember of the prompt: a program's system prompt, which comes every time, only once."""
    question = turn.question
    again = question.carried is not None and turn.number is None
    if again and _system_is_known(question, turn.guard, turn.decision.label):
        return question.prompt
    return question.said


def _prompt_names(question: Question) -> list[str]:
    own = question.carried.prompt_names if question.carried else ()
    return [exact.of_prompt(question.prompt), *exact.loose_names(question.prompt), *_carried_names(question), *own]


def _carried_names(question: Question) -> list[str]:
    """Give the name of a program's system prompt; one that a user writes for a turn is as private as its prompt."""
    return [exact.of_system(question.system)] if question.carried and question.system else []


def _answer_names(turn: UnderWay) -> list[str]:
    question, text = turn.question, turn.text
    if not text:
        return []
    names = [exact.of_answer(text), exact.of_exchange(question.prompt, text), *_carried_names(question)]
    names += exact.loose_names(question.prompt, text)
    return names + list(question.carried.answer_names(text) if question.carried else ())


class Rehearsal(NamedTuple):
    """A turn as it would be asked: the request is the very object that would be sent.

    `failure` is what the guard could not remember of a private one that is shown on a terminal.
    """

    decision: Decision
    engine: str
    model: str
    request: Request
    context: dict[str, object]
    failure: StorageError | None = None


def rehearse(question: Question, settings: Settings, home: Path, tell: Callable[[str], None]) -> Rehearsal:
    """Prepare a question and stop before it is sent; nothing is connected to and no turn is written."""
    decision = _sized(question, settings, home)
    with closing(Store(home, settings, tell)) as store:
        decision = _guarded(question, decision, settings, store.guard, tell)
        session = Session.of_one_turn()
        if question.session and path_of(home, question.session).exists():
            session = Session.open(home, question.session)
        with closing(session):
            turn = UnderWay(question, decision, session, store, None, lambda _: None, tell)
            if question.history:
                session.add(question.history)
            if decision.side is Side.CLOUD and (cloud := first_cloud(turn, settings, home)):
                return _rehearsed(turn, cloud, turn.public_view, settings)
            local = local_engine_of(turn, settings, home, connect=False)
            if decision.label is Label.PRIVATE:
                return _rehearsed(turn, local, turn.private_view, settings)
            return _rehearsed(turn, local, turn.public_view, settings)


def _rehearsed(turn: UnderWay, engine: Engine[V], view: V, settings: Settings) -> Rehearsal:
    context = context_of(turn, view, engine, settings)
    text = _readable(context)
    if turn.decision.label is Label.PRIVATE:
        try:
            _remember_rehearsed(turn, f"{text}\n{context.messages[-1].text.removesuffix(turn.question.prompt)}")
        except StorageError as error:
            turn.failure = error
            check_recorded(turn)
    told = told_turns(context) | {"text": text}
    return Rehearsal(turn.decision, engine.name, engine.model, request_of(turn, engine, context), told, turn.failure)


def _remember_rehearsed(turn: UnderWay, memory_text: str) -> None:
    """Have the guard remember what a rehearsal prints: a private prompt, and private turns in other words.

    Raises:
        StorageError: it does not know them yet and cannot write them down.

    """
    turn.guard.remember_report(turn.session.identity(), [(None, memory_text)])
    name = exact.of_prompt(turn.question.prompt)
    if turn.question.system or name not in turn.guard.known([name]).private:
        turn.guard.remember(
            Label.PRIVATE, turn.session.identity(), None, prompt=turn.question.said, names=_prompt_names(turn.question)
        )


def decision_of(question: Question, settings: Settings) -> Decision:
    local = settings.value("local")
    return decide(
        local_flag=question.local_flag,
        local_setting=local.text,
        origin=local.origin,
        cloud_lock=settings.text("cloud") == "off",
        has_key=lambda: _has_cloud(settings),
    )


def _open(question: Question, decision: Decision, store: Store) -> tuple[Session, StorageError | None]:
    """Open the session; where it cannot be made, the question is asked all the same and the failure told at the end."""
    if question.session is None:
        return Session.of_one_turn(), None
    try:
        session = store.open_or_create(question.session)
    except StorageError as error:
        return Session.of_one_turn(), error
    except TrooperError as error:
        if decision.label is Label.PRIVATE:
            with remembering(error):
                _remember_refused(question, store.guard)
        raise
    return session, None


def _has_cloud(settings: Settings) -> bool:
    from trooper_cli.clouds import has_cloud

    return has_cloud(settings)


def _readable(context: Context[V]) -> str:
    """Give the memory as the model reads it: the system text, then the messages but the present one."""
    earlier = [f"{message.role}: {message.text}" for message in context.messages[:-1]]
    return "\n\n".join(([context.system] if context.system else []) + earlier)


def _finish(turn: UnderWay, status: Status, stop: str) -> None:
    tokens = fold.cost(Exchange(turn.question.prompt, turn.text))
    outcome = Outcome(status, turn.text, turn.engine, turn.model, stop, tokens)
    known = _known_in_the_end(turn, status)
    if turn.failure is not None:
        # What could not be stored was printed all the same, and must not be sent on.
        if turn.decision.label is Label.PRIVATE:
            with suppress(StorageError):
                turn.store.finish_turn(turn.session, None, Label.PRIVATE, outcome, known)
        return
    try:
        turn.store.finish_turn(turn.session, turn.number, turn.decision.label, outcome, known)
    except StorageError as error:
        turn.failure = error


def _known_in_the_end(turn: UnderWay, status: Status) -> GuardedText | None:
    """Return what the guard must know; of a public turn that was answered here, only which turn it was."""
    if turn.decision.label is Label.PRIVATE:
        return GuardedText(answer=turn.text, names=_answer_names(turn))
    if not turn.text and status is not Status.ANSWERED:
        return None
    if turn.number is None and turn.question.carried is None:
        return None
    names = _prompt_names(turn.question) + _answer_names(turn)
    if turn.decision.side is Side.CLOUD and status is Status.ANSWERED:
        return GuardedText(_told(turn), turn.text, names)
    return GuardedText(names=names)


def _give_up(turn: UnderWay, error: BaseException) -> None:
    """Keep what arrived. A turn that came to nothing is not told to any engine later."""
    if isinstance(error, RefusedError):
        status = Status.REFUSED
    elif turn.text or not isinstance(error, TrooperError):
        status = Status.INCOMPLETE
    else:
        status = Status.FAILED
    _finish(turn, status, "")
