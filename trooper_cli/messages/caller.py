"""A program as the caller of the pipeline: what of its request may be sent, and how its turns are recognised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trooper_cli.ask.caller import Asked, keys_of_answer, keys_of_prompt
from trooper_cli.ask.context import SCALE
from trooper_cli.ask.route import Decision
from trooper_cli.engines.api_key import has_key
from trooper_cli.errors import InputError, LocalityError, StorageError
from trooper_cli.guard import text_keys
from trooper_cli.memory.tokens import message_cost
from trooper_cli.messages.history import HistoryTurn, Recognised, digest_after_answer, without_private
from trooper_cli.messages.private_parts import leaves_of, private_leaf
from trooper_cli.messages.texts import beside_text, blocks_beside_text, own_texts, readings, text_of, texts_in
from trooper_cli.store.schema import now
from trooper_cli.turn import ImportedTurn, Label, Side, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trooper_cli.ask.caller import V, WorstCase
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.engines.clouds import Cloud
    from trooper_cli.engines.engine import Engine
    from trooper_cli.guard.finding import Finding
    from trooper_cli.guard.guard import Guard
    from trooper_cli.messages.request import Body
    from trooper_cli.messages.response import Reply
    from trooper_cli.messages.texts import ApiMessage
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context


@dataclass(frozen=True)
class ApiCaller:
    """A program with a request of the Messages API, which holds the history where no session does.

    `exchanges` are those of the whole history as it was given, in which a later request gives it again. Once the
    request is admitted, `messages` are as they may be sent to the cloud, `text` is theirs, `beside_text` is all else
    that it would be sent but the system prompt, and `prompts` are the texts that make the prompt.
    """

    body: Body
    sink: Reply
    exchanges: Sequence[HistoryTurn]
    messages: Sequence[ApiMessage] = ()
    text: str = ""
    beside_text: str = ""
    prompts: tuple[str, ...] = ()
    keeps_history = True
    takes_no_text = True

    def admit(
        self,
        ask_request: AskRequest,
        decision: Decision,
        guard: Guard,
        settings: Settings,
        notify: Callable[[str], None],
    ) -> Asked:
        """Complete the question; from a public one's history, private turns are left out."""
        ask_request = self._executable(ask_request, decision, settings)
        if decision.label is Label.PUBLIC:
            try:
                return self._in_public(ask_request, decision, guard, settings, notify)
            except LocalityError as error:
                if ask_request.on_leak != "local":
                    raise
                notify(f"kept on this machine, as private: {error}")
                decision = Decision(Label.PRIVATE, Side.LOCAL, "leak")
        *history, last = self.exchanges
        # A private turn has nothing that could be sent to the cloud.
        caller = replace(self, prompts=_prompts(last.prompts))
        return Asked(caller.completed(ask_request, history, decision.label), decision, caller)

    def _executable(self, ask_request: AskRequest, decision: Decision, settings: Settings) -> AskRequest:
        obstacle = self.body.obstacle()
        # A cloud of another API is told text alone, as this machine is.
        if obstacle is not None and (decision.side is Side.LOCAL or not has_key(settings)):
            raise InputError(obstacle)
        if ask_request.session is not None and (len(self.body.messages) != 1 or obstacle is not None):
            raise InputError(
                obstacle or "messages: with a session, which holds the history, there is one message: the new one"
            )
        if obstacle is None:
            return ask_request
        # Nobody here could stand in.
        return ask_request._replace(
            fallback=False, on_leak="block" if ask_request.on_leak == "local" else ask_request.on_leak
        )

    def _in_public(
        self,
        ask_request: AskRequest,
        decision: Decision,
        guard: Guard,
        settings: Settings,
        notify: Callable[[str], None],
    ) -> Asked:
        try:
            seen = without_private(self.body.messages, guard)
            if path := _private_leaf(self.body, seen, guard):
                if ask_request.on_leak != "warn":
                    raise LocalityError(
                        f"{path} holds the prompt or the answer of a private turn; nothing was sent. "
                        "Leave it out, or set x_force_local"
                    )
                notify(f"warning: {path} holds the prompt or the answer of a private turn")
        except StorageError as error:
            if len(self.body.messages) > 1:
                raise LocalityError(
                    f"the guard's index cannot be read, so that private turns in messages would not be known ({error})"
                ) from error
            seen = Recognised([], list(self.body.messages), 0, [], [])
        if (at := self._changed_answer(seen, guard)) is not None:
            raise LocalityError(
                f"messages.{at} says in x_trooper that it is private, and its turn is not known by it any more; "
                "nothing was sent. Leave it out, or set x_force_local"
            )
        self.sink.leave_out(seen.left_out)
        messages = [message for exchange in seen.exchanges for message in (*exchange.prompts, *exchange.answers)]
        messages += seen.remaining
        text = "\n\n".join(text_of(message["content"]) for message in messages)
        beside = [*map(beside_text, messages), self.body.beside_text(without_schema=ask_request.schema is not None)]
        other_text = "\n\n".join(reading for part in beside for reading in readings(part))
        budget = settings.number("budget")
        if ask_request.session is None and budget is not None:
            texts = (text, *texts_in(beside), ask_request.system or "")
            cost = round(sum(map(message_cost, texts)) * SCALE[Side.CLOUD])
            if cost > budget:
                raise InputError(f"the request does not fit: about {cost:,} tokens, and the budget is {budget:,}")
        caller = replace(self, messages=messages, text=text, beside_text=other_text, prompts=_prompts(seen.remaining))
        return Asked(caller.completed(ask_request, seen.exchanges, decision.label), decision, caller)

    def _changed_answer(self, seen: Recognised, guard: Guard) -> int | None:
        """Return the number of a message that would be sent and says that it is private, unless it was made public."""
        fresh = set(map(id, seen.fresh))
        answers = ((at, self.body.messages[at]) for at in sorted(self.body.private_answers))
        names = {at: text_keys.of_answer(text_of(answer["content"])) for at, answer in answers if id(answer) in fresh}
        known = guard.known(names.values()) if names else None
        return next((at for at, name in names.items() if known and not known.only_public(name)), None)

    def completed(self, ask_request: AskRequest, history: Sequence[HistoryTurn], label: Label) -> AskRequest:
        """Return the question with its prompt, and with its history where no session holds it."""
        turns = [
            ImportedTurn(now(), label, Status.ANSWERED, None, exchange.prompt, exchange.answer, None, None)
            for exchange in history
        ]
        return ask_request._replace(
            prompt="\n\n".join(self.prompts), history=tuple(turns) if ask_request.session is None else ()
        )

    def findings(self, ask_request: AskRequest, guard: Guard) -> list[Finding]:
        # A program sends the same system prompt with its private messages and its public ones: what these turns say
        # does not count in it, only what others say.
        system = guard.look(ask_request.system, text_keys.of_system(ask_request.system)) if ask_request.system else []
        if (schema := ask_request.schema) is not None:
            # It comes every time as well.
            system += guard.look("\n\n".join(readings(schema.value)), text_keys.of_system(schema.text))
        return system + guard.look(self.text) + guard.look(self.beside_text)

    def new_text(self, ask_request: AskRequest, guard: Guard, label: Label) -> str:
        """Return the prompt; before it system prompt and schema, where no turn of this label had them yet."""
        beside = self._beside() if label is Label.PRIVATE else ""
        return self._new_text(ask_request, guard, label) + beside

    def _beside(self) -> str:
        """Return what the newest messages and the system prompt say beside their text, each behind a blank line."""
        parts = [beside_text(message) for message in self.exchanges[-1].prompts]
        parts += blocks_beside_text(self.body.fields.get("system"))
        return "".join(f"\n\n{text}" for text in dict.fromkeys(text for part in parts for text in own_texts(part)))

    def _new_text(self, ask_request: AskRequest, guard: Guard, label: Label) -> str:
        beside = _beside_prompt(ask_request)
        if not beside:
            return ask_request.prompt
        try:
            known = guard.known(list(beside))
        except StorageError:
            return ask_request.said
        names = known.public if label is Label.PUBLIC else known.private
        return "\n\n".join([*(text for name, text in beside.items() if name not in names), ask_request.prompt])

    def remember_refused(self, ask_request: AskRequest, guard: Guard) -> None:
        del ask_request
        from trooper_cli.messages.refused import remember_messages

        last = self.exchanges[-1]
        messages = (*last.prompts, *last.answers)
        texts = [[text_of(message["content"]), *own_texts(message)] for message in messages]
        remember_messages(guard, texts, [name for path in last.prompt_digests[-1:] for name in path])

    def prompt_keys(self, ask_request: AskRequest) -> list[str]:
        names = [*keys_of_prompt(ask_request.prompt), *_beside_prompt(ask_request)]
        if ask_request.session is not None:
            return names
        places = [name for path in self.exchanges[-1].prompt_digests[-1:] for name in path]
        return [*names, *places, *(name for text in self.prompts for name in keys_of_prompt(text))]

    def answer_keys(self, ask_request: AskRequest, text: str) -> list[str]:
        if not text:
            return []
        names = [*keys_of_answer(ask_request.prompt, text), *_beside_prompt(ask_request)]
        if ask_request.session is not None:
            return names
        given = self.exchanges[-1]
        return [*names, *digest_after_answer((*given.prompt_digests, *given.answer_digests)[-1], text)]

    def clouds(self, ask_request: AskRequest, settings: Settings, *, connect: bool) -> list[Cloud]:
        from trooper_cli.engines.clouds import clouds
        from trooper_cli.messages.passthrough import Forwarding

        def claude(_: str, environ: Mapping[str, str], inference_geo: str | None) -> Cloud:
            messages = self.messages if ask_request.session is None else None
            return Forwarding(self.body, messages, self.sink.arrived, environ, inference_geo)

        return clouds(settings, connect=connect, claude=claude)

    def worst_case(self, body: Mapping[str, object], context: Context[V]) -> WorstCase:
        from trooper_cli.messages.worst_case import worst_case

        return worst_case(body, context)

    def given_context(self, ask_request: AskRequest, view: V, engine: Engine[V]) -> Context[V] | None:
        if ask_request.session is not None or engine.side is not Side.CLOUD:
            return None
        from trooper_cli.messages.passthrough import as_given

        return as_given(view, ask_request, engine.window())


def _beside_prompt(ask_request: AskRequest) -> dict[str, str]:
    """Return system prompt and schema under the names that they are known by.

    What a user writes for a turn is as private as its prompt.
    """
    schema = ask_request.schema.text if ask_request.schema else None
    return {text_keys.of_system(text): text for text in (ask_request.system, schema) if text}


def _private_leaf(body: Body, seen: Recognised, guard: Guard) -> str | None:
    # What the cloud was told before as it is may be told again, whatever a private turn has said since.
    fields = {name: value for name, value in body.fields.items() if name != "model"}
    if body.system and text_keys.of_system(body.system) in guard.known([text_keys.of_system(body.system)]).public:
        fields["system"] = blocks_beside_text(fields["system"])
    fresh = set(map(id, seen.fresh))
    messages = [(at, message) for at, message in enumerate(body.messages) if id(message) in fresh]
    return private_leaf(leaves_of(messages, fields), seen.halves, guard)


def _prompts(messages: Sequence[ApiMessage]) -> tuple[str, ...]:
    return tuple(text_of(message["content"]) for message in messages if message["role"] != "assistant")
