"""What is asked, the answer, and a turn on the way between the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

_LONGEST_MODEL_NAME = 200

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trooper_cli.caller import Caller
    from trooper_cli.engines import Usage
    from trooper_cli.errors import StorageError
    from trooper_cli.route import Decision
    from trooper_cli.settings import Settings
    from trooper_cli.store.session import Session
    from trooper_cli.store.views import StoredPrivateView, StoredPublicView
    from trooper_cli.turn import ImportedTurn


def is_model_name(text: str) -> bool:
    """Return whether a text may be a model's name: it leaves unchecked, so nothing else may hide in it."""
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

    @property
    def said(self) -> str:
        """The user's own text: the system prompt, if one was given, and the prompt."""
        return f"{self.system}\n\n{self.prompt}" if self.system else self.prompt


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """The answer to a question. `failure` is a session that could not be written although the answer is there."""

    text: str
    turn: int
    decision: Decision
    engine: str
    model: str
    stop: str
    usage: Usage
    context: Mapping[str, object]
    host: str
    on_network: bool
    fallback: Mapping[str, str] | None = None
    stop_sequence: str | None = None
    seconds: float = 0.0
    failure: StorageError | None = None


@dataclass(frozen=True, eq=False, repr=False)
class UnderWay:
    """A turn on its way: all that it takes to execute it, on whichever side."""

    question: Question
    decision: Decision
    caller: Caller
    session: Session
    settings: Settings
    home: Path
    tell: Callable[[str], None]

    @cached_property
    def public_view(self) -> StoredPublicView:
        """The public turns that were answered when this one began: the same for every attempt."""
        return self.session.public_view()

    @cached_property
    def private_view(self) -> StoredPrivateView:
        """All turns that were answered when this one began: the same for every attempt."""
        return self.session.private_view()
