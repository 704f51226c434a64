"""A turn as it would be asked: all that is done before it is sent, and the request."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.ask.attempt import local_engine_of, local_key_of
from trooper_cli.ask.context import context_of, included_of, request_of
from trooper_cli.ask.fallback import first_cloud
from trooper_cli.ask.output import AnswerWriter
from trooper_cli.ask.pipeline import admitted
from trooper_cli.ask.refused import PendingPrompt, remembering_unless_done
from trooper_cli.ask.route import Decision
from trooper_cli.ask.turn_in_progress import TurnInProgress
from trooper_cli.errors import LimitError
from trooper_cli.store.catalog import path_of
from trooper_cli.store.session import Session
from trooper_cli.store.store import Store
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli import json_output
    from trooper_cli.ask.caller import Caller, V
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.engines.engine import Engine
    from trooper_cli.errors import StorageError
    from trooper_cli.net.http import Request
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context


class Rehearsal(NamedTuple):
    """A turn as it would be asked: the request is the very object that would be sent.

    `failure` is what the guard could not remember of a private one that is shown on a terminal.
    """

    decision: Decision
    engine: str
    model: str
    request: Request
    context: json_output.Context
    failure: StorageError | None = None


def rehearse(
    ask_request: AskRequest,
    caller: Caller,
    settings: Settings,
    home: Path,
    notify: Callable[[str], None],
    take_over: Callable[[], None],
) -> Rehearsal:
    """Prepare a question and stop before it is sent; nothing is connected to and no turn is written.

    `take_over` is called once a private prompt is remembered here, whatever happens.
    """
    pending = PendingPrompt(ask_request, caller, settings, home)
    with (
        closing(Store(home, settings, notify)) as store,
        remembering_unless_done(store, pending.is_private, pending.remember),
    ):
        take_over()
        asked = admitted(pending, store, settings, notify)
        with closing(_session_as_it_is(asked.ask_request, home)) as session:
            turn = TurnInProgress(*asked, session, settings, home, notify)
            decision = asked.decision
            if decision.side is Side.CLOUD:
                decision, cloud = first_cloud(turn)
                if cloud is not None:
                    try:
                        return _rehearsed(turn, decision, cloud, turn.public_view, store)
                    except LimitError as error:
                        if not asked.ask_request.fallback:
                            raise
                        notify(f"{error}; this machine would answer instead")
                        decision = Decision(Label.PUBLIC, Side.LOCAL, "limit")
            local = local_engine_of(turn, local_key_of(turn, connect=False), connect=False)
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
    included = included_of(context)
    included["text"] = text
    request = request_of(turn, engine, context)
    if engine.side is Side.CLOUD and turn.counts_spending:
        from trooper_cli.ask.caps import Caps

        request = Caps(turn).fitted(engine, context, request)
    return Rehearsal(decision, engine.name, engine.model, request, included, writer.failure)


def _readable(context: Context[V], prompt: str) -> str:
    """Return what the model reads but the prompt: the system text, earlier messages, what stands before the prompt."""
    beside = context.messages[-1].text.removesuffix(prompt).rstrip()
    texts = [context.system or "", *(f"{message.role}: {message.text}" for message in context.messages[:-1]), beside]
    return "\n\n".join(text for text in texts if text)
