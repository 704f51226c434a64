"""What every engine is: it prepares a request from a context, and sends it. It knows no session and no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from trooper_cli.turn import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.json_schema import Schema
    from trooper_cli.net.http import Request
    from trooper_cli.turn import Context, Side

# The stop reason of an answer that was ended here, because its model repeated itself.
REPETITION = "repetition"

V_contra = TypeVar("V_contra", bound=View, contravariant=True)


class Usage(NamedTuple):
    """Tokens as the engine counted them; `input` is all of the input, the cached part included.

    `cache_write_1h` is the part of `cache_write` that is kept for an hour; `inference_geo` is where it was computed.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    inference_geo: str | None = None
    # What of `output` was thought: as the engine says it, else by the share of the characters.
    thinking: int = 0


class Thought(NamedTuple):
    """A piece of what a model thinks before it answers, which is no part of the answer; it may be empty."""

    text: str


class Thinking(NamedTuple):
    """How much a model may think (a level of the setting `effort`; None: as by default), and whether that is shown."""

    effort: str | None = None
    is_shown: bool = False


AS_BY_DEFAULT = Thinking()


class End(NamedTuple):
    """The end of an answer: why it stopped (in the Messages API's words), what it used, which model it was."""

    stop: str
    usage: Usage
    model: str
    sequence: str | None = None


# What an engine sends while it answers: text of the answer is a `str`, and nothing else is.
Piece = str | Thought | End


class Engine(Protocol[V_contra]):
    """What executes a turn. `V_contra` is the widest view it may be sent."""

    name: str
    side: Side
    model: str
    # Whether the request holds the stop sequences that its program asked for, so that nobody else need look for them.
    takes_stop_sequences: bool

    # Tokens of an answer at most, where nobody asks for another limit.
    answer_tokens: int

    @property
    def on_network(self) -> bool:
        """Return whether a local engine runs on another machine that the user trusts as local."""
        ...

    def window(self) -> int:
        """Return the most tokens that prompt and answer may have together."""
        ...

    def prepare(
        self,
        context: Context[V_contra],
        max_tokens: int,
        *,
        stream: bool,
        sampling: Mapping[str, float] | None = None,
        thinking: Thinking = AS_BY_DEFAULT,
        schema: Schema | None = None,
    ) -> Request:
        """Write the request; nothing is sent and nothing is connected to.

        What `sampling` names (`temperature`, `top_p`, `top_k`) stands for the engine's own choice. The answer is to fit
        `schema`, in the form that the engine takes; what it cannot enforce stands in `Request.unenforced`.
        """
        ...

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        """Send the request and yield the pieces of thought and answer as they arrive, then one `End`.

        Raises:
            TrooperError: the class says what happened; pieces may have been yielded before.

        """
        ...


class LocalEngine(Engine[View], Protocol):
    """An engine on this machine, which may be sent any view."""

    # Whether its model is in memory already. Else the first word takes as long as the loading does.
    is_loaded: bool
