"""One turn, start to finish: each step of it is one call here.

Question → route → guard → session.view(label) → memory(view, budget) → engine → session → Answer
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from trooper_cli import memory
from trooper_cli.ask.attempt import LEAST_RATIO
from trooper_cli.ask.caller import Asked
from trooper_cli.ask.fallback import execute
from trooper_cli.ask.output import AnswerWriter
from trooper_cli.ask.refused import PendingPrompt, remembering_unless_done
from trooper_cli.ask.request import is_model_name
from trooper_cli.ask.route import Decision, decision_of
from trooper_cli.ask.turn_in_progress import TurnInProgress, open_session
from trooper_cli.errors import InputError, UsageError
from trooper_cli.guard.finding import described, refusal
from trooper_cli.settings import KNOWN
from trooper_cli.store.store import Store
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.ask.caller import Caller
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings


def ask(
    ask_request: AskRequest,
    caller: Caller,
    settings: Settings,
    home: Path,
    notify: Callable[[str], None],
    take_over: Callable[[], None] = lambda: None,
) -> Answer:
    """Ask one question.

    Args:
        ask_request: what is asked, and how.
        caller: who asks; its sink gets the answer's pieces as they arrive, or the whole once it is in the session.
        settings: the user's settings.
        home: the data folder.
        notify: takes notices.
        take_over: is called once a private prompt is remembered here, whatever happens.

    Raises:
        TrooperError: there is no whole answer; what arrived is in the session.

    """
    began = time.monotonic()
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(home, settings, notify)))
        pending = PendingPrompt(ask_request, caller, settings, home)
        with remembering_unless_done(store, pending.is_private, pending.remember):
            take_over()
            asked = admitted(pending, store, settings, notify)
            session, failure = open_session(asked.ask_request, store)
            stack.enter_context(closing(session))
            turn = TurnInProgress(*asked, session, settings, home, notify)
            # The prompt is written down before anything is sent, and with the end of the block what became of it.
            writer = stack.enter_context(AnswerWriter(turn, store, failure))
        # The view of the turn's label, its memory, the engine; another engine where that one cannot answer.
        answer = execute(turn, writer)
        answer = writer.finish(answer)
    return answer._replace(seconds=round(time.monotonic() - began, 3))


def admitted(pending: PendingPrompt, store: Store, settings: Settings, notify: Callable[[str], None]) -> Asked:
    """Return the question as it may be executed.

    Raises:
        InputError: it cannot be answered, or its prompt cannot fit.
        LocalityError: it holds what may not leave, and the user has not chosen otherwise.

    """
    ask_request, caller = pending.ask_request, pending.caller
    # Who may know the turn, and where it is executed: decided once, before anything is looked at or sent.
    decision = decision_of(ask_request, settings)
    # A cap that cannot be read is told whoever answers, and not at the first request that it concerns.
    settings.validate("limit_day", "limit_session")
    pending.asked = Asked(ask_request, decision, caller)
    pending.asked = asked = caller.admit(ask_request, decision, store.guard, settings, notify)
    _check_size(asked, settings)
    # What may not leave is refused, or kept here.
    pending.asked = asked = asked._replace(decision=_guarded(asked, settings, store.guard, notify))
    return asked


def _check_size(asked: Asked, settings: Settings) -> None:
    """Refuse a prompt that cannot fit before any work is done on it: the guard's grows with its length.

    Raises:
        InputError: it is over the budget, or over what the first cloud takes.

    """
    ask_request, decision, caller = asked
    # No engine counts less than this share of the estimate.
    tokens = int(memory.price(ask_request.prompt, ask_request.system) * LEAST_RATIO)
    said = f"the prompt does not fit: about {tokens:,} tokens"
    budget = settings.number("budget", ask_request.budget)
    if budget and tokens > budget:
        raise InputError(f"{said}, and the budget is {budget:,}; shorten it, or see --budget")
    if decision.side is Side.CLOUD:
        for cloud in caller.clouds(ask_request, settings, connect=False)[:1]:
            if tokens > (window := cloud.window()):
                raise InputError(f"{said}, and {cloud.model} of {cloud.name} takes {window:,}; shorten it")


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
    if findings and ask_request.schema is not None and not caller.findings(ask_request._replace(schema=None), guard):
        what = "the schema"
    if not findings and decision.side is Side.CLOUD and (models := _models(asked, settings)):
        what, findings = "the model's name", guard.look("\n".join(models))
    if not findings:
        return decision
    if ask_request.on_leak == "local":
        notify(f"kept on this machine, as private: {what} holds {described(findings)}")
        return Decision(Label.PRIVATE, Side.LOCAL, "leak")
    if ask_request.on_leak == "warn":
        notify(f"warning: {what} holds {described(findings)}; once it is sent it is public")
        return decision
    raise refusal(findings, what)


def _models(asked: Asked, settings: Settings) -> list[str]:
    """Return the names of models that may leave with the request and are the user's own text."""
    models = [cloud.model for cloud in asked.caller.clouds(asked.ask_request, settings, connect=False)]
    return [model for model in models if model and model != KNOWN["cloud_model"].default]
