"""A person at a terminal as the caller of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.ask.caller import Asked, keys_of_answer, keys_of_prompt
from trooper_cli.ask.refused import remember_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.ask.caller import AnswerSink, Provenance, V
    from trooper_cli.ask.request import Question
    from trooper_cli.ask.route import Decision
    from trooper_cli.engines.clouds import Cloud
    from trooper_cli.engines.engine import Engine
    from trooper_cli.guard.finding import Find
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context, Label


class TextSink:
    """Takes an answer's text for a person."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.begun = False
        self._write = write

    def begin(self, provenance: Provenance) -> None:
        """Do nothing: a person is shown where an answer comes from once it is complete."""

    def write(self, text: str) -> None:
        self.begun = True
        self._write(text)


class Person:
    """Somebody who asks on the command line; `write` takes the text of the answer."""

    keeps_history = False
    takes_no_text = False

    def __init__(self, write: Callable[[str], None]) -> None:
        self.sink: AnswerSink = TextSink(write)

    def admit(
        self, question: Question, decision: Decision, guard: Guard, settings: Settings, tell: Callable[[str], None]
    ) -> Asked:
        del guard, settings, tell
        return Asked(question, decision, self)

    def findings(self, question: Question, guard: Guard) -> list[Find]:
        finds = guard.look(question.said)
        # Beside a system prompt the prompt is still a whole.
        return finds + guard.wholes(question.prompt) if question.system else finds

    def new_text(self, question: Question, guard: Guard, label: Label) -> str:
        del guard, label
        return question.said

    def remember_refused(self, question: Question, guard: Guard) -> None:
        remember_prompt(guard, question.said, self.prompt_keys(question))

    def prompt_keys(self, question: Question) -> list[str]:
        return keys_of_prompt(question.prompt)

    def answer_keys(self, question: Question, text: str) -> list[str]:
        return keys_of_answer(question.prompt, text) if text else []

    def clouds(self, question: Question, settings: Settings, *, connect: bool) -> list[Cloud]:
        from trooper_cli.engines.clouds import clouds

        return clouds(settings, question.model, connect=connect)

    def given_context(self, question: Question, view: V, engine: Engine[V]) -> Context[V] | None:
        del question, view, engine
        return None
