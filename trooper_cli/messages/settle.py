"""From a program's request to a question: what it may tell whom is settled here, before anything is asked."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trooper_cli.ask import decision_of
from trooper_cli.attempt import SCALE
from trooper_cli.errors import InputError, LocalityError, StorageError, UsageError
from trooper_cli.guard import exact
from trooper_cli.key import has_key
from trooper_cli.memory.count import message_cost
from trooper_cli.messages.leaves import leaves_of, private_leaf
from trooper_cli.messages.recognise import Exchange, Recognised, exchanges, place_of_answer, without_private
from trooper_cli.messages.request import blocks_of, text_of, texts_in
from trooper_cli.question import Carried, Question
from trooper_cli.store.catalog import check_name
from trooper_cli.store.schema import now
from trooper_cli.store.session import settings_of
from trooper_cli.store.store import Store
from trooper_cli.turn import ImportedTurn, Label, Side, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trooper_cli.guard.guard import Guard
    from trooper_cli.messages.reply import Reply
    from trooper_cli.messages.request import Body, Message
    from trooper_cli.settings import Settings


@dataclass(frozen=True)
class Wishes:
    """What the command line says beside the request."""

    session: str | None = None
    local: bool = False
    fallback: bool = True
    on_leak: str | None = None
    silence: float | None = None


def settled(
    body: Body, wishes: Wishes, settings: Settings, home: Path, reply: Reply, tell: Callable[[str], None]
) -> Question:
    """Make the question; of a public one's history, private turns are left out.

    Raises:
        InputError: the request cannot be carried out as it is.
        LocalityError: something in the history may be a private turn's, and cannot be left out.

    """
    session = _session(body, wishes)
    settings.of_session = settings_of(home, session)
    reply.live, reply.session = body.stream, session
    question = Question(
        prompt="",
        session=session,
        local_flag=True if body.force_local or wishes.local else None,
        system=body.system,
        live=body.stream,
        fallback=wishes.fallback and settings.text("fallback") == "1",
        on_leak=wishes.on_leak or settings.text("on_leak") or "block",
        max_tokens=body.max_tokens or None,
        silence=wishes.silence,
        stop_sequences=body.stop_sequences,
        sampling=body.sampling,
    )
    decision = decision_of(question, settings)
    obstacle = body.obstacle()
    # A cloud of another API is told text alone, as this machine is.
    if obstacle is not None and (decision.side is Side.LOCAL or not has_key(settings)):
        raise InputError(obstacle)
    if session is not None and (len(body.messages) != 1 or obstacle is not None):
        raise InputError(
            obstacle or "messages: with a session, which holds the history, there is one message: the new one"
        )
    if obstacle is not None:
        # Nobody here could stand in.
        question = replace(
            question, fallback=False, on_leak="block" if question.on_leak == "local" else question.on_leak
        )
    if decision.label is Label.PUBLIC:
        try:
            return _public(body, question, settings, home, reply, tell)
        except LocalityError as error:
            if question.on_leak != "local":
                raise
            tell(f"kept on this machine, as private: {error}")
            question = replace(question, local_flag=True)
    *history, last = exchanges(body.messages)
    return _with(body, question, history, list(last.prompts), Label.PRIVATE, reply)


def _session(body: Body, wishes: Wishes) -> str | None:
    if body.session is not None:
        try:
            check_name(body.session)
        except UsageError as error:
            raise InputError(f"x_session: {error}") from error
    if wishes.session is not None and body.session not in {None, wishes.session}:
        raise InputError("x_session: the command line names another session; nothing was sent")
    return check_name(wishes.session) if wishes.session is not None else body.session


def _public(
    body: Body, question: Question, settings: Settings, home: Path, reply: Reply, tell: Callable[[str], None]
) -> Question:
    with closing(Store(home, settings, tell)) as store:
        guard = store.guard
        try:
            seen = without_private(body.messages, guard)
            if place := _private_leaf(body, seen, guard):
                if question.on_leak != "warn":
                    raise LocalityError(
                        f"{place} holds the prompt or the answer of a private turn; nothing was sent. "
                        "Leave it out, or set x_force_local"
                    )
                tell(f"warning: {place} holds the prompt or the answer of a private turn")
        except StorageError as error:
            if len(body.messages) > 1:
                raise LocalityError(
                    f"the guard's index cannot be read, so that private turns in messages would not be known ({error})"
                ) from error
            seen = Recognised([], list(body.messages), 0, [], [])
    reply.left_out = seen.left_out
    made = _with(body, question, seen.exchanges, seen.remaining, Label.PUBLIC, reply)
    budget = settings.number("budget")
    if question.session is None and budget is not None and made.carried is not None:
        cost = round((message_cost(made.carried.text) + message_cost(made.system or "")) * SCALE[Side.CLOUD])
        if cost > budget:
            raise InputError(f"the request does not fit: about {cost} tokens, and the budget is {budget}")
    return made


def _private_leaf(body: Body, seen: Recognised, guard: Guard) -> str | None:
    # What the cloud was told before as it is may be told again, whatever a private turn has said since.
    fields = {name: value for name, value in body.fields.items() if name != "model"}
    if body.system and exact.of_system(body.system) in guard.known([exact.of_system(body.system)]).public:
        del fields["system"]
    fresh = set(map(id, seen.fresh))
    messages = [(at, message) for at, message in enumerate(body.messages) if id(message) in fresh]
    return private_leaf(leaves_of(messages, fields), seen.halves, guard)


def _with(
    body: Body, question: Question, history: Sequence[Exchange], last: list[Message], label: Label, reply: Reply
) -> Question:
    # A private turn has nothing that could be sent to the cloud.
    told = history if label is Label.PUBLIC else ()
    messages = [message for exchange in told for message in (*exchange.prompts, *exchange.answers)]
    messages += last if label is Label.PUBLIC else []
    prompts = [text_of(message["content"]) for message in last if message["role"] != "assistant"]
    # Where a turn stands is told by the whole history as it was given, in which a later request gives it again.
    given = exchanges(body.messages)[-1]
    other_fields = {name: value for name, value in body.fields.items() if name not in {"system", "model"}}
    whole = question.session is None
    carried = Carried(
        fields=body.fields,
        messages=messages,
        text="\n\n".join(_texts(messages, other_fields)),
        reply=reply,
        prompt_names=_prompt_names(given, prompts) if whole else (),
        answer_names=lambda text: (
            tuple(place_of_answer((*given.prompt_places, *given.answer_places)[-1], text)) if whole else ()
        ),
    )
    turns = [
        ImportedTurn(now(), label, Status.ANSWERED, None, exchange.prompt, exchange.answer, None, None)
        for exchange in history
    ]
    return replace(question, prompt="\n\n".join(prompts), history=tuple(turns) if whole else (), carried=carried)


def _prompt_names(given: Exchange, prompts: Sequence[str]) -> tuple[str, ...]:
    """Return the names by which a prompt is known again: its place, and each of its messages."""
    places = [name for place in given.prompt_places[-1:] for name in place]
    return (*places, *map(exact.of_prompt, prompts), *(name for text in prompts for name in exact.loose_names(text)))


def _texts(messages: Sequence[Message], other_fields: dict[str, object]) -> Iterator[str]:
    """Give all that the request would tell beside its system prompt; blocks of one message are read as one text."""
    for message in messages:
        yield text_of(message["content"])
        yield from texts_in([block for block in blocks_of(message["content"]) if block["type"] != "text"])
    yield from texts_in(other_fields)
