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
from trooper_cli.ask.turn_in_progress import TurnInProgress
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
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.engines.engine import Engine
    from trooper_cli.errors import StorageError
    from trooper_cli.guard.guard import Guard
    from trooper_cli.net.http import Request
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context


def ask(
    ask_request: AskRequest, caller: Caller, settings: Settings, home: Path, notify: Callable[[str], None]
) -> Answer:
    """Ask one question.

    Args:
        ask_request: what is asked, and how.
        caller: who asks; its sink gets the answer's pieces as they arrive, or the whole once it is in the session.
        settings: the user's settings.
        home: the data folder.
        notify: takes notices.

    Raises:
        TrooperError: there is no whole answer; what arrived is in the session.

    """
    began = time.monotonic()
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(home, settings, notify)))
        pending = PendingPrompt(ask_request, caller, settings, home)
        with remembering_unless_done(store, pending.is_private, pending.remember):
            asked = _admitted(pending, store, settings, notify)
            session, failure = open_session(asked.ask_request, store)
            stack.enter_context(closing(session))
            turn = TurnInProgress(*asked, session, settings, home, notify)
            # The prompt is written down before anything is sent, and with the end of the block what became of it.
            writer = stack.enter_context(AnswerWriter(turn, store, failure))
        # The view of the turn's label, its memory, the engine; another engine where that one cannot answer.
        answer = execute(turn, writer)
        answer = writer.finish(answer)
    return replace(answer, seconds=round(time.monotonic() - began, 3))


def _admitted(pending: PendingPrompt, store: Store, settings: Settings, notify: Callable[[str], None]) -> Asked:
    """Return the question as it may be executed.

    Raises:
        InputError: it cannot be answered, or its prompt cannot fit.
        LocalityError: it holds what may not leave, and the user has not chosen otherwise.

    """
    ask_request, caller = pending.ask_request, pending.caller
    # Who may know the turn, and where it is executed: decided once, before anything is looked at or sent.
    decision = decision_of(ask_request, settings)
    pending.asked = Asked(ask_request, decision, caller)
    pending.asked = asked = caller.admit(ask_request, decision, store.guard, settings, notify)
    _check_size(asked.ask_request, asked.decision, settings)
    # What may not leave is refused, or kept here.
    pending.asked = asked = asked._replace(decision=_guarded(asked, settings, store.guard, notify))
    return asked


def _check_size(ask_request: AskRequest, decision: Decision, settings: Settings) -> None:
    """Refuse a prompt that cannot fit before any work is done on it: the guard's grows with its length.

    Raises:
        InputError: it is over the budget, or over what the cloud takes.

    """
    budget = settings.number("budget", ask_request.budget)
    limits = [limit for limit in (budget, CLAUDE_WINDOW if decision.side is Side.CLOUD else None) if limit]
    # No engine counts less than this share of the estimate.
    tokens = int(memory.price(ask_request.prompt, ask_request.system) * LEAST_RATIO)
    if limits and tokens > min(limits):
        raise InputError(
            f"the prompt does not fit: about {tokens} tokens, and the budget is {min(limits)}; see --budget"
        )


def _guarded(asked: Asked, settings: Settings, guard: Guard, notify: Callable[[str], None]) -> Decision:
    """Look for private text and credentials in what a public turn would say, now to an engine and later to the cloud.

    Raises:
        LocalityError: there is some, and the user has not chosen otherwise.

    """
    ask_request, decision, caller = asked
    if decision.label is Label.PRIVATE:
        return decision
    if ask_request.model and not is_model_name(ask_request.model):
        raise UsageError("--model is no model's name, which is one word; nothing was sent")
    if named := guard.mentioned_hosts(ask_request.said):
        notify(f"the prompt names your hosts: {described(named)}")
    what, findings = "the prompt", caller.findings(ask_request, guard)
    if not findings and decision.side is Side.CLOUD and (models := _models(asked, settings)):
        what, findings = "the model's name", guard.look("\n".join(models))
    if not findings:
        return decision
    if ask_request.on_leak == "local":
        notify(f"kept on this machine, as private: {what} holds {described(findings)}")
        return Decision(Label.PRIVATE, Side.LOCAL, "leak")
    if ask_request.on_leak == "warn":
        notify(f"warning: {what} holds {described(findings)}")
        return decision
    raise refusal(findings, what)


def _models(asked: Asked, settings: Settings) -> list[str]:
    """Return the names of models that may leave with the request and are the user's own text."""
    models = [cloud.model for cloud in asked.caller.clouds(asked.ask_request, settings, connect=False)]
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
    ask_request: AskRequest, caller: Caller, settings: Settings, home: Path, notify: Callable[[str], None]
) -> Rehearsal:
    """Prepare a question and stop before it is sent; nothing is connected to and no turn is written."""
    pending = PendingPrompt(ask_request, caller, settings, home)
    with (
        closing(Store(home, settings, notify)) as store,
        remembering_unless_done(store, pending.is_private, pending.remember),
    ):
        asked = _admitted(pending, store, settings, notify)
        with closing(_session_as_it_is(asked.ask_request, home)) as session:
            turn = TurnInProgress(*asked, session, settings, home, notify)
            decision = asked.decision
            if decision.side is Side.CLOUD:
                decision, cloud = first_cloud(turn)
                if cloud is not None:
                    return _rehearsed(turn, decision, cloud, turn.public_view, store)
            local = local_engine_of(turn, connect=False)
            if decision.label is Label.PRIVATE:
                return _rehearsed(turn, decision, local, turn.private_view, store)
            return _rehearsed(turn, decision, local, turn.public_view, store)


def _session_as_it_is(ask_request: AskRequest, home: Path) -> Session:
    if ask_request.session and path_of(home, ask_request.session).exists():
        return Session.open(home, ask_request.session)
    session = Session.of_one_turn()
    if ask_request.history:
        session.add(ask_request.history)
    return session


def _rehearsed(turn: TurnInProgress, decision: Decision, engine: Engine[V], view: V, store: Store) -> Rehearsal:
    context = context_of(turn, view, engine)
    text = _readable(context, turn.ask_request.prompt)
    writer = AnswerWriter(turn, store)
    if decision.label is Label.PRIVATE:
        writer.write_rehearsal(text)
    included = {**layers_of(context), "tokens": context.tokens, "budget": context.budget, "text": text}
    request = request_of(turn, engine, context)
    return Rehearsal(decision, engine.name, engine.model, request, included, writer.failure)


def _readable(context: Context[V], prompt: str) -> str:
    """Return what the model reads but the prompt: the system text, earlier messages, what stands before the prompt."""
    beside = context.messages[-1].text.removesuffix(prompt).rstrip()
    texts = [context.system or "", *(f"{message.role}: {message.text}" for message in context.messages[:-1]), beside]
    return "\n\n".join(text for text in texts if text)
