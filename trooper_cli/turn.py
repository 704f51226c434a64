"""The words of Trooper as types. This module imports nothing of the program's own."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class Label(StrEnum):
    """Who may know a turn; decided before anything is sent and never changed."""

    PUBLIC = "public"
    PRIVATE = "private"

    @classmethod
    def read(cls, value: object) -> Label:
        """Return the stored label; a missing or unreadable one is private."""
        return cls.PUBLIC if value == "public" else cls.PRIVATE


class Side(StrEnum):
    """Where a turn is executed."""

    CLOUD = "cloud"
    LOCAL = "local"


class Status(StrEnum):
    """How far a turn came."""

    ASKED = "asked"
    ANSWERED = "answered"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"
    FAILED = "failed"


class Exchange(NamedTuple):
    """What a view shows of a turn: its two texts, and nothing that would reveal any other turn.

    `tokens` is what both cost as messages, by the estimate, where it was counted before.
    """

    prompt: str
    answer: str
    tokens: int | None = None


class View(Protocol):
    """The turns that a turn of one label may know, in their order; positions count within the view alone."""

    @property
    def label(self) -> Label: ...

    @property
    def system(self) -> str | None:
        """The newest system prompt among the turns of the view."""
        ...

    def __len__(self) -> int: ...

    def first(self, count: int) -> list[Exchange]:
        """Return the oldest turns, at most `count`."""
        ...

    def latest(self) -> Iterator[Exchange]:
        """Yield the turns from the newest to the oldest; each is read when it is asked for."""
        ...


class PublicView(View, Protocol):
    """A view that holds public turns only: all that the cloud may ever be sent."""

    @property
    def label(self) -> Literal[Label.PUBLIC]: ...


class Message(NamedTuple):
    """One message as every engine understands it."""

    role: Literal["user", "assistant"]
    text: str


V_co = TypeVar("V_co", bound=View, covariant=True)


class Context(NamedTuple, Generic[V_co]):
    """What one engine is sent for one turn: a view's memory and the prompt.

    A cloud engine takes `Context[PublicView]` and nothing else; the type checker holds every caller to it.
    Positions count the turns of the view from zero. `tokens` is `estimate` by what the engine counts for one of it.
    """

    view: V_co
    system: str | None
    messages: tuple[Message, ...]
    anchor: tuple[int, ...]
    sitrep: tuple[int, ...]
    tail: tuple[int, ...]
    estimate: float
    tokens: int
    budget: int


class StoredTurn(NamedTuple):
    """A turn as the session file holds it."""

    number: int
    at: str
    label: Label
    status: str
    system: str | None
    prompt: str
    answer: str
    engine: str | None
    model: str | None
    stop: str | None


class ImportedTurn(NamedTuple):
    """A turn that comes from elsewhere, in the order of the columns it goes to; its tokens where they are counted."""

    at: str
    label: Label
    status: Status
    system: str | None
    prompt: str
    answer: str
    engine: str | None
    model: str | None
    tokens: int | None = None
