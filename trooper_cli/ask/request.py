"""What is asked for in one call."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from trooper_cli.engines.engine import AS_BY_DEFAULT, Thinking

_LONGEST_MODEL_NAME = 200

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trooper_cli.json_schema import Schema
    from trooper_cli.turn import ImportedTurn, StoredTurn


def is_model_name(text: str) -> bool:
    """Return whether a text may be a model's name: it leaves unchecked, so nothing else may hide in it."""
    return 0 < len(text) <= _LONGEST_MODEL_NAME and not any(map(str.isspace, text))


class AskLimit:
    """The spending cap of one call in USD; `entries` are the numbers in the ledger of all that it has sent."""

    def __init__(self, dollars: float) -> None:
        self.dollars = dollars
        self.entries: list[int] = []


class AskRequest(NamedTuple):
    """What the user asked for in one call.

    `stream` asks the engine for pieces, `live` shows them as they arrive; otherwise the whole answer is shown or none.
    `on_terminal` says that a person reads them, and no pipe carries them on.
    """

    prompt: str
    session: str | None = None
    local_flag: bool | None = None
    # A public turn is executed on this machine; a private one is in any case.
    here: bool = False
    # The one cloud that is asked, by its name; None where they are asked in their order.
    cloud: str | None = None
    # The turn whose prompt this is, where it is asked again.
    repeated: StoredTurn | None = None
    model: str | None = None
    system: str | None = None
    stream: bool = True
    live: bool = False
    on_terminal: bool = False
    fallback: bool = True
    on_leak: str = "block"
    budget: int | None = None
    max_tokens: int | None = None
    read_timeout: float | None = None
    # The same object for all that one call asks.
    limit: AskLimit | None = None
    # How much the model may think, and whether that is shown.
    thinking: Thinking = AS_BY_DEFAULT
    # A cloud that was found in trouble is not asked, although `--cloud` asks it: an earlier line of a batch just did.
    heeds_breaker: bool = False
    # The answer is JSON that fits; of another answer the first or the last fenced block is printed.
    schema: Schema | None = None
    extract: Literal["first", "last"] | None = None
    # What only programs ask for, by `trooper messages`.
    stop_sequences: tuple[str, ...] = ()
    sampling: Mapping[str, float] = MappingProxyType({})
    history: tuple[ImportedTurn, ...] = ()

    @property
    def said(self) -> str:
        """The user's own text: the system prompt and the schema, if they were given, and the prompt."""
        schema = self.schema.text if self.schema else None
        return "\n\n".join(text for text in (self.system, schema, self.prompt) if text)
