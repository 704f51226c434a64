"""What a program's request may use at most: all that stands in it, and not its texts alone."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from trooper_cli.ask.caller import LEAST_ANSWER, WorstCase
from trooper_cli.ask.context import SCALE
from trooper_cli.engines.decoding import get_path
from trooper_cli.memory.tokens import estimate
from trooper_cli.turn import Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.ask.caller import V
    from trooper_cli.turn import Context

# The most that one picture counts as (documents of the API, November 2026; the largest of any model).
_PICTURE = 5_000
# Tools that the API defines and the program runs itself; all others of its own are run in the cloud.
_RUN_BY_THE_PROGRAM = ("bash_", "text_editor_", "computer_", "memory_")


def worst_case(body: Mapping[str, object], context: Context[V]) -> WorstCase:
    """Return the most that a request uses; `unknown` where what it costs is not written in it."""
    tokens = sum(map(_tokens, _parts(body)))
    factor = context.tokens / context.estimate if context.estimate else SCALE[Side.CLOUD]
    thought = get_path(body, "thinking", "budget_tokens")
    return WorstCase(
        max(context.tokens, math.ceil(tokens * factor)),
        # The API refuses an answer that is not longer than what may be thought.
        LEAST_ANSWER + thought if isinstance(thought, int) else LEAST_ANSWER,
        '"1h"' in json.dumps(body),
        next(_unknown(body), None),
    )


def _tokens(part: object) -> float:
    return estimate(part) if isinstance(part, str) else float(str(part))


def _parts(value: object) -> Iterator[str | float]:
    """Yield the texts of a request, the names of its fields among them, and the tokens of what is no text."""
    if isinstance(value, dict):
        source = value.get("source")
        if value.get("type") == "image":
            yield _PICTURE
            return
        if value.get("type") == "document" and isinstance(source, dict) and source.get("type") == "base64":
            # Text that is packed in a file has more letters than the file has bytes, but hardly more tokens.
            yield float(len(str(source.get("data"))))
            value = {name: each for name, each in value.items() if name != "source"}
        for name, each in value.items():
            yield str(name)
            yield from _parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _parts(each)
    elif value is not None:
        yield str(value)


def _unknown(body: Mapping[str, object]) -> Iterator[str]:
    """Yield what of a request costs more than is written in it."""
    if body.get("speed") not in {None, "standard"}:
        yield "speed: the prices know one speed only"
    for name in ("fallbacks", "mcp_servers"):
        if body.get(name):
            yield f"{name}: what the cloud does for it costs more than is written in the request"
    tools = body.get("tools")
    for at, tool in enumerate(tools if isinstance(tools, list) else []):
        kind = str(get_path(tool, "type") or "custom")
        if kind != "custom" and not kind.startswith(_RUN_BY_THE_PROGRAM):
            yield f"tools.{at}: what the cloud does for it costs more than is written in the request"
    messages = body.get("messages")
    if any(_is_elsewhere(each) for each in (messages if isinstance(messages, list) else [])):
        yield "messages: a file that is not in the request has no size that is known here"


def _is_elsewhere(value: object) -> bool:
    """Return whether a document of a message, at any depth, is named and not given."""
    if isinstance(value, dict):
        source = value.get("source")
        if value.get("type") in {"document", "container_upload"} and (
            not isinstance(source, dict) or source.get("type") in {"url", "file"}
        ):
            return True
        return any(map(_is_elsewhere, value.values()))
    return isinstance(value, list) and any(map(_is_elsewhere, value))
