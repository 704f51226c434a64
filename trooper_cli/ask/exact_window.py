"""Fill the window of a cloud by exact counts, where its encoding is known and the vocabulary is on this machine.

By the estimate a prompt near the window is refused, or its memory shortened, with a margin for what may be counted
otherwise. Here the margin is measured: on the prompt, or on the context that was built with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError, InputError
from trooper_cli.memory.tokens import MESSAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from trooper_cli.ask.caller import V
    from trooper_cli.turn import Context

# What opens the answer in a conversation of the OpenAI API counts with the prompt.
_OPENING = 3
_TRIES = 4


def counter_of(model: str, environ: Mapping[str, str], home: Path) -> Callable[[Iterable[str | None]], int] | None:
    """Return what counts a request of these texts for a model; None where only an estimate is to be had."""
    from trooper_cli.engines import encodings

    name = encodings.encoding_of(model)
    if name is None or not encodings.is_here(name, environ, home):
        return None
    try:
        encoding = encodings.load(name, environ, home)
    except ConfigurationError:
        # It is torn, which `trooper count` says; an ask goes by the estimate.
        return None
    return lambda texts: _OPENING + sum(MESSAGE + encoding.count(text).tokens for text in texts if text)


def fitted(
    build: Callable[[float], Context[V]],
    count: Callable[[Iterable[str | None]], int],
    room: int,
    factor: float,
    prompt: tuple[list[str | None], float],
) -> Context[V]:
    """Return the context that fits into a window by exact counts.

    Args:
        build: builds the context for so many tokens per estimated token.
        count: counts the texts of a request.
        room: the tokens that the request may have.
        factor: the tokens per estimated token that are assumed where nothing is counted.
        prompt: the texts of a request without memory, and their estimate.

    Raises:
        InputError: the prompt alone has more tokens than there is room for.

    """
    try:
        context = build(factor)
        measured, estimate = _texts(context), context.estimate
    except InputError:
        measured, estimate = prompt
    ratio = count(measured) / estimate
    for _ in range(_TRIES):
        context = build(ratio)
        if (tokens := count(_texts(context))) <= room:
            return context._replace(tokens=tokens)
        # Other turns were taken up, which count otherwise.
        ratio *= tokens / room * 1.01
    return build(factor)


def _texts(context: Context[V]) -> list[str | None]:
    return [context.system, *(message.text for message in context.messages)]
