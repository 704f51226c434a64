"""What is asked, what came of it, and a turn on the way between the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

_LONGEST_MODEL_NAME = 200

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trooper_cli.engines import Usage
    from trooper_cli.errors import StorageError
    from trooper_cli.guard.guard import Guard
    from trooper_cli.messages.reply import Reply
    from trooper_cli.route import Decision
    from trooper_cli.store.session import Session
    from trooper_cli.store.store import Store
    from trooper_cli.store.views import StoredPrivateView, StoredPublicView
    from trooper_cli.turn import ImportedTurn


def is_model_name(text: str) -> bool:
    """Tell whether a text may be a model's name: it leaves as it is, so that nothing else may hide in it."""
    return 0 < len(text) <= _LONGEST_MODEL_NAME and not any(map(str.isspace, text))


# Each method that is made for a class costs start-up time, so only those that somebody calls are.
@dataclass(frozen=True, eq=False, repr=False)
class Question:
    """What the user asked for in one call.

    `stream` asks the engine for pieces, `live` shows them as they arrive; otherwise the whole answer is shown or none.
    `on_terminal` says that a person reads them, and no pipe carries them on.
    """

    prompt: str
    session: str | None = None
    local_flag: bool | None = None
    model: str | None = None
    system: str | None = None
    stream: bool = True
    live: bool = False
    on_terminal: bool = False
    fallback: bool = True
    on_leak: str = "block"
    budget: int | None = None
    max_tokens: int | None = None
    silence: float | None = None
    # What only programs ask for, by `trooper messages`.
    stop_sequences: tuple[str, ...] = ()
    sampling: Mapping[str, float] = field(default_factory=dict)
    history: tuple[ImportedTurn, ...] = ()
    carried: Carried | None = None

    @property
    def said(self) -> str:
        """The user's own text: the system prompt, if one was given, and the prompt."""
        return f"{self.system}\n\n{self.prompt}" if self.system else self.prompt


@dataclass(frozen=True, eq=False, repr=False)
class Carried:
    """What a request of the Messages API carries beside its prompt.

    `fields` and `messages` are as they may be sent to the cloud; `text` is all that they would tell it but the system
    prompt. `prompt_names` and `answer_names` say how the turn will be known again in a later history.
    """

    fields: Mapping[str, object]
    messages: Sequence[Mapping[str, object]]
    text: str
    reply: Reply
    prompt_names: tuple[str, ...] = ()
    answer_names: Callable[[str], tuple[str, ...]] = lambda _: ()


@dataclass(eq=False, repr=False)
class Answer:
    """What came of it. `failure` is a session that could not be written although the answer is there."""

    text: str
    turn: int
    decision: Decision
    engine: str
    model: str
    stop: str
    usage: Usage
    context: dict[str, object]
    host: str
    on_network: bool
    fallback: dict[str, str] | None = None
    stop_sequence: str | None = None
    seconds: float = 0.0
    failure: StorageError | None = None


@dataclass(eq=False, repr=False)
class UnderWay:
    """A turn on its way: what is known of it so far, for whichever end it comes to."""

    question: Question
    decision: Decision
    session: Session
    store: Store
    number: int | None
    show: Callable[[str], None]
    tell: Callable[[str], None]
    failure: StorageError | None = None
    engine: str = ""
    model: str = ""
    pieces: list[str] = field(default_factory=list)
    shown: bool = False
    pending: str = ""

    @property
    def guard(self) -> Guard:
        return self.store.guard

    @property
    def begun(self) -> bool:
        """Tell whether something of the answer is out, so that no other answer may follow it."""
        carried = self.question.carried
        return self.shown or (carried is not None and carried.reply.begun)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @cached_property
    def public_view(self) -> StoredPublicView:
        """The public turns that were answered when this one began: the same for every attempt."""
        return self.session.public_view()

    @cached_property
    def private_view(self) -> StoredPrivateView:
        """All turns that were answered when this one began: the same for every attempt."""
        return self.session.private_view()
