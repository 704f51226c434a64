"""Who asks. The pipeline knows its caller by the protocols here; a person at a terminal is one of them.

The other is a program that speaks the Messages API (`messages/caller.py`). What differs between the two stands in their
classes and nowhere in the pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from trooper_cli.guard import text_keys
from trooper_cli.store.views import StoredPrivateView, StoredPublicView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.route import Decision
    from trooper_cli.engines.clouds import Cloud
    from trooper_cli.engines.engine import Engine
    from trooper_cli.guard.finding import Finding
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings
    from trooper_cli.turn import Context, Label

V = TypeVar("V", StoredPublicView, StoredPrivateView)


class Provenance(NamedTuple):
    """Where an answer comes from, as far as it is known when an attempt begins; `turn` is None without a session."""

    decision: Decision
    engine: str
    model: str
    turn: int | None
    context: Mapping[str, object]


# With fewer tokens than these nothing can be said, and a spending cap shortens no answer further.
LEAST_ANSWER = 16


class WorstCase(NamedTuple):
    """What a request to a cloud may use at most, in tokens of input, and how far its answer may be shortened.

    `for_an_hour` says that some of the input may go to a cache of one hour. `unknown` says why nobody knows what the
    request may cost, where that is so.
    """

    input: int
    least_output: int = LEAST_ANSWER
    for_an_hour: bool = False
    unknown: str | None = None


class AnswerSink(Protocol):
    """Where the pieces of an answer go."""

    @property
    def begun(self) -> bool:
        """Whether something of the answer is out, so that no other answer may follow it."""
        ...

    def begin(self, provenance: Provenance) -> None:
        """Begin an attempt. What an earlier one brought is forgotten, since nothing of it is out."""
        ...

    def wait(self, what: str) -> None:
        """Show on a terminal what is being waited for: that the model thinks, or is loaded."""
        ...

    def think(self, text: str) -> None:
        """Write a piece of what the model thinks, which is no part of the answer."""
        ...

    def write(self, text: str) -> None:
        """Write a piece of the answer, or the whole of it once it is in the session."""
        ...


class Asked(NamedTuple):
    """What is asked, what was decided about it, and who asks."""

    ask_request: AskRequest
    decision: Decision
    caller: Caller


class Caller(Protocol):
    """Who asks a question: what the guard looks at, how the turn is known later, what Claude is sent."""

    # A caller that keeps the history itself sends a turn again although no session holds it.
    keeps_history: bool
    # An answer of the cloud without text, as a call of a tool is, is whole.
    takes_no_text: bool

    @property
    def sink(self) -> AnswerSink: ...

    def admit(
        self,
        ask_request: AskRequest,
        decision: Decision,
        guard: Guard,
        settings: Settings,
        notify: Callable[[str], None],
    ) -> Asked:
        """Complete a question for which it is decided who may know it.

        Raises:
            InputError: it cannot be answered on its side.
            LocalityError: it comes with private text that cannot be left out.

        """
        ...

    def findings(self, ask_request: AskRequest, guard: Guard) -> list[Finding]:
        """Return what the guard finds in all that a public turn would send, now and later."""
        ...

    def new_text(self, ask_request: AskRequest, guard: Guard, label: Label) -> str:
        """Return what of the question's text the guard has to remember for a turn of this label."""
        ...

    def remember_refused(self, ask_request: AskRequest, guard: Guard) -> None:
        """Store fingerprints of a private question that becomes no turn.

        Raises:
            StorageError: it cannot be written down.

        """
        ...

    def prompt_keys(self, ask_request: AskRequest) -> list[str]:
        """Return the names (of guard/text_keys.py) by which the turn is known again from its prompt."""
        ...

    def answer_keys(self, ask_request: AskRequest, text: str) -> list[str]:
        """Return the names by which the turn is known again from its answer; none where there is no text."""
        ...

    def clouds(self, ask_request: AskRequest, settings: Settings, *, connect: bool) -> list[Cloud]:
        """Return the clouds that may be asked, in their order; `connect` as for `clouds.clouds`."""
        ...

    def worst_case(self, body: Mapping[str, object], context: Context[V]) -> WorstCase:
        """Return what a request of this context to a cloud may use at most; `body` is what would be sent."""
        ...

    def given_context(self, ask_request: AskRequest, view: V, engine: Engine[V]) -> Context[V] | None:
        """Return the context of a history that goes as it was given; None where it is made of the memory."""
        ...


def keys_of_prompt(prompt: str) -> list[str]:
    return [text_keys.of_prompt(prompt), *text_keys.loose_keys(prompt)]


def keys_of_answer(prompt: str, answer: str) -> list[str]:
    return [text_keys.of_answer(answer), text_keys.of_exchange(prompt, answer), *text_keys.loose_keys(prompt, answer)]
