"""What every engine is: it prepares a request from a context, and sends it. It knows no session and no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from trooper_cli.turn import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.net.http import Request
    from trooper_cli.turn import Context, Side

# Every model of Claude's that is still served takes 200,000 tokens at the least (models table of November 2026).
CLAUDE_WINDOW = 200_000
# The stop reason of an answer that was ended here, because its model repeated itself.
REPETITION = "repetition"

V_contra = TypeVar("V_contra", bound=View, contravariant=True)


class Usage(NamedTuple):
    """Tokens as the engine counted them; `input` is all of the input, the cached part included."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class End(NamedTuple):
    """The end of an answer: why it stopped (in the Messages API's words), what it used, which model it was."""

    stop: str
    usage: Usage
    model: str
    sequence: str | None = None


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
        self, context: Context[V_contra], max_tokens: int, *, stream: bool, sampling: Mapping[str, float] | None = None
    ) -> Request:
        """Write the request; nothing is sent and nothing is connected to.

        What `sampling` names (`temperature`, `top_p`, `top_k`) stands for the engine's own choice.
        """
        ...

    def send(self, request: Request, read_timeout: float) -> Iterator[str | End]:
        """Send the request and yield the answer's pieces as they arrive, then one `End`.

        Raises:
            TrooperError: the class says what happened; pieces may have been yielded before.

        """
        ...


class LocalEngine(Engine[View], Protocol):
    """An engine on this machine, which may be sent any view."""

    # Whether its model is in memory already. Else the first word takes as long as the loading does.
    is_loaded: bool
