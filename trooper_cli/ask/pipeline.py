"""One turn, start to finish. Who reads this file knows the program.

Question → route → guard → session.view(label) → memory(view, budget) → engine → session → Answer
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli import memory
from trooper_cli.ask.attempt import LEAST_RATIO, context_of, layers_of, local_engine_of, request_of
from trooper_cli.ask.caller import Asked
from trooper_cli.ask.fallback import execute, first_cloud
from trooper_cli.ask.output import AnswerWriter, open_session
from trooper_cli.ask.refused import PendingPrompt, remembering_unless_done
from trooper_cli.ask.request import is_model_name
from trooper_cli.ask.route import Decision, decision_of
from trooper_cli.ask.turn_in_progress import UnderWay
from trooper_cli.engines.engine import CLAUDE_WINDOW
from trooper_cli.errors import InputError, UsageError
from trooper_cli.guard.finding import described, refusal
from trooper_cli.settings import KNOWN
from trooper_cli.store.catalog import path_of
from trooper_cli.store.session import Session
from trooper_cli.store.store import Store
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.ask.caller import Caller, V
    from trooper_cli.ask.request import Question
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.engines.engine import Engine
    from trooper_cli.errors import StorageError
    from trooper_cli.guard.guard import Guard
    from trooper_cli.net.http import Request
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context


def ask(question: Question, caller: Caller, settings: Settings, home: Path, tell: Callable[[str], None]) -> Answer:
    """Ask one question.

    Args:
        question: what is asked, and how.
        caller: who asks; its sink gets the answer's pieces as they arrive, or the whole once it is in the session.
        settings: the user's settings.
        home: the data folder.
        tell: takes notices.

    Raises:
        TrooperError: there is no whole answer; what arrived is in the session.

    """
    began = time.monotonic()
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(home, settings, tell)))
        pending = PendingPrompt(question, caller, settings, home)
        with remembering_unless_done(store, pending.is_private, pending.remember):
            asked = _admitted(pending, store, settings, tell)
            session, failure = open_session(asked.question, store)
            stack.enter_context(closing(session))
            turn = UnderWay(*asked, session, settings, home, tell)
            # The prompt is written down before anything is sent, and with the end of the block what became of it.
            writer = stack.enter_context(AnswerWriter(turn, store, failure))
        # The view of the turn's label, its memory, the engine; another engine where that one cannot answer.
        answer = execute(turn, writer)
        answer = writer.finish(answer)
    return replace(answer, seconds=round(time.monotonic() - began, 3))


def _admitted(pending: PendingPrompt, store: Store, settings: Settings, tell: Callable[[str], None]) -> Asked:
    """Return the question as it may be executed.

    Raises:
        InputError: it cannot be answered, or its prompt cannot fit.
        LocalityError: it holds what may not leave, and the user has not chosen otherwise.

    """
    question, caller = pending.question, pending.caller
    # Who may know the turn, and where it is executed: decided once, before anything is looked at or sent.
    decision = decision_of(question, settings)
    pending.asked = Asked(question, decision, caller)
    pending.asked = asked = caller.admit(question, decision, store.guard, settings, tell)
    _check_size(asked.question, asked.decision, settings)
    # What may not leave is refused, or kept here.
    pending.asked = asked = asked._replace(decision=_guarded(asked, settings, store.guard, tell))
    return asked


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


def _guarded(asked: Asked, settings: Settings, guard: Guard, tell: Callable[[str], None]) -> Decision:
    """Look for private text and credentials in what a public turn would say, now to an engine and later to the cloud.

    Raises:
        LocalityError: there is some, and the user has not chosen otherwise.

    """
    question, decision, caller = asked
    if decision.label is Label.PRIVATE:
        return decision
    if question.model and not is_model_name(question.model):
        raise UsageError("--model is no model's name, which is one word; nothing was sent")
    if named := guard.mentioned_hosts(question.said):
        tell(f"the prompt names your hosts: {described(named)}")
    what, finds = "the prompt", caller.findings(question, guard)
    if not finds and decision.side is Side.CLOUD and (models := _models(asked, settings)):
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


def _models(asked: Asked, settings: Settings) -> list[str]:
    """Return the names of models that may leave with the request and are the user's own text."""
    models = [cloud.model for cloud in asked.caller.clouds(asked.question, settings, connect=False)]
    return [model for model in models if model and model != KNOWN["cloud_model"].default]


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


def rehearse(
    question: Question, caller: Caller, settings: Settings, home: Path, tell: Callable[[str], None]
) -> Rehearsal:
    """Prepare a question and stop before it is sent; nothing is connected to and no turn is written."""
    pending = PendingPrompt(question, caller, settings, home)
    with (
        closing(Store(home, settings, tell)) as store,
        remembering_unless_done(store, pending.is_private, pending.remember),
    ):
        asked = _admitted(pending, store, settings, tell)
        with closing(_session_as_it_is(asked.question, home)) as session:
            turn = UnderWay(*asked, session, settings, home, tell)
            decision = asked.decision
            if decision.side is Side.CLOUD:
                decision, cloud = first_cloud(turn)
                if cloud is not None:
                    return _rehearsed(turn, decision, cloud, turn.public_view, store)
            local = local_engine_of(turn, connect=False)
            if decision.label is Label.PRIVATE:
                return _rehearsed(turn, decision, local, turn.private_view, store)
            return _rehearsed(turn, decision, local, turn.public_view, store)


def _session_as_it_is(question: Question, home: Path) -> Session:
    if question.session and path_of(home, question.session).exists():
        return Session.open(home, question.session)
    session = Session.of_one_turn()
    if question.history:
        session.add(question.history)
    return session


def _rehearsed(turn: UnderWay, decision: Decision, engine: Engine[V], view: V, store: Store) -> Rehearsal:
    context = context_of(turn, view, engine)
    text = _readable(context, turn.question.prompt)
    writer = AnswerWriter(turn, store)
    if decision.label is Label.PRIVATE:
        writer.write_rehearsal(text)
    told = {**layers_of(context), "tokens": context.tokens, "budget": context.budget, "text": text}
    request = request_of(turn, engine, context)
    return Rehearsal(decision, engine.name, engine.model, request, told, writer.failure)


def _readable(context: Context[V], prompt: str) -> str:
    """Return what the model reads but the prompt: the system text, earlier messages, what stands before the prompt."""
    beside = context.messages[-1].text.removesuffix(prompt).rstrip()
    texts = [context.system or "", *(f"{message.role}: {message.text}" for message in context.messages[:-1]), beside]
    return "\n\n".join(text for text in texts if text)
