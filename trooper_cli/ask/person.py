"""A person at a terminal as the caller of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.ask.caller import Asked, WorstCase, keys_of_answer, keys_of_prompt
from trooper_cli.ask.refused import remember_prompt
from trooper_cli.guard import text_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trooper_cli.ask.caller import AnswerSink, Provenance, V
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.route import Decision
    from trooper_cli.engines.clouds import Cloud
    from trooper_cli.engines.engine import Engine
    from trooper_cli.guard.finding import Finding
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context, Label


# What a cloud adds to a prompt, at most, where the answer is to have a form.
TOKENS_OF_A_FORM = 500


class TextSink:
    """Takes an answer's text for a person."""

    def __init__(self, write: Callable[[str], None], think: Callable[[str], None], wait: Callable[[str], None]) -> None:
        self.begun = False
        self._write = write
        self.think = think
        self.wait = wait

    def begin(self, provenance: Provenance) -> None:
        """Do nothing: a person is shown where an answer comes from once it is complete."""

    def write(self, text: str) -> None:
        self.begun = True
        self._write(text)


class Person:
    """Somebody who asks on the command line.

    `write` takes the text of the answer, `think` what the model thinks, `wait` what is being waited for.
    """

    keeps_history = False
    takes_no_text = False

    def __init__(
        self,
        write: Callable[[str], None],
        think: Callable[[str], None] = lambda _: None,
        wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.sink: AnswerSink = TextSink(write, think, wait)

    def admit(
        self,
        ask_request: AskRequest,
        decision: Decision,
        guard: Guard,
        settings: Settings,
        notify: Callable[[str], None],
    ) -> Asked:
        del guard, settings, notify
        return Asked(ask_request, decision, self)

    def findings(self, ask_request: AskRequest, guard: Guard) -> list[Finding]:
        findings = guard.look(ask_request.said)
        # Beside each other the system prompt and the prompt are still wholes.
        beside = [ask_request.system or "", *_texts_of_schema(ask_request)]
        wholes = [*filter(None, beside), ask_request.prompt] if any(beside) else []
        return [*findings, *(find for text in wholes for find in guard.wholes(text))]

    def new_text(self, ask_request: AskRequest, guard: Guard, label: Label) -> str:
        del guard, label
        return ask_request.said

    def remember_refused(self, ask_request: AskRequest, guard: Guard) -> None:
        remember_prompt(guard, ask_request.said, self.prompt_keys(ask_request))

    def prompt_keys(self, ask_request: AskRequest) -> list[str]:
        return [*keys_of_prompt(ask_request.prompt), *_keys_beside(ask_request)]

    def answer_keys(self, ask_request: AskRequest, text: str) -> list[str]:
        if not text:
            return []
        return [*keys_of_answer(ask_request.prompt, text), *_keys_beside(ask_request)]

    def clouds(self, ask_request: AskRequest, settings: Settings, *, connect: bool) -> list[Cloud]:
        from trooper_cli.engines.clouds import clouds

        return clouds(settings, ask_request.model, name=ask_request.cloud, connect=connect)

    def worst_case(self, body: Mapping[str, object], context: Context[V]) -> WorstCase:
        forms = [body[name] for name in ("output_config", "response_format") if name in body]
        if not forms:
            return WorstCase(context.tokens)
        import json

        from trooper_cli.memory.tokens import message_cost

        # A form of the answer is told to the model in words of the cloud's own.
        told = sum(message_cost(json.dumps(form, ensure_ascii=False)) for form in forms)
        return WorstCase(context.tokens + int(told * 2) + TOKENS_OF_A_FORM)

    def given_context(self, ask_request: AskRequest, view: V, engine: Engine[V]) -> Context[V] | None:
        del ask_request, view, engine
        return None


def _keys_beside(ask_request: AskRequest) -> list[str]:
    """Return the keys of the system prompt, and of the texts of a schema, which are the user's own as well."""
    texts = [ask_request.system, *_texts_of_schema(ask_request)]
    return [key for text in texts for key in text_keys.wholes(text)]


def _texts_of_schema(ask_request: AskRequest) -> list[str]:
    """Return the texts and names in a schema that may be somebody's own, and no word of the format's."""
    if ask_request.schema is None:
        return []
    from trooper_cli.json_schema import own_texts

    return list(dict.fromkeys(own_texts(ask_request.schema.value)))
