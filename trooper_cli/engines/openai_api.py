"""The chat completions API as servers and clouds speak it: how a request is written, and an answer read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import count, get_path, parse, server_sent_events, text
from trooper_cli.engines.engine import AS_BY_DEFAULT, End, Thinking, Thought, Usage
from trooper_cli.errors import (
    BrokenAnswerError,
    BusyError,
    ConfigurationError,
    ContextExceededError,
    InputError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trooper_cli.engines.engine import Piece
    from trooper_cli.net.http import Response
    from trooper_cli.turn import Context, View

    Failure = Callable[[object], TrooperError]

# How long it is worth waiting for a server on this machine that has too much to do, or loads a model.
QUEUE_SECONDS = 8.0
LOADING_SECONDS = 300.0
_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
# vLLM's words (they stand in its API since 2023); llama.cpp has fields instead.
_TOO_LONG = pattern(r"maximum context length is (\d+) tokens.*?(\d+) (?:input )?tokens", re.DOTALL)


def chat_body(
    context: Context[View],
    model: str,
    max_tokens: int,
    *,
    stream: bool,
    sampling: Mapping[str, float] | None = None,
    thinking: Thinking = AS_BY_DEFAULT,
    response_format: object = None,
) -> bytes:
    """Return the body of a chat completion. Who may be sent this context is decided before."""
    messages = [{"role": message.role, "content": message.text} for message in context.messages]
    if context.system:
        messages.insert(0, {"role": "system", "content": context.system})
    body: dict[str, object] = {"model": model, "messages": messages, "max_tokens": max_tokens}
    body |= {**(sampling or {}), "stream": stream}
    if thinking.effort is not None:
        # The API has all our levels (its reference of 2026); which of them a model takes, its server says.
        body["reasoning_effort"] = thinking.effort
    if response_format is not None:
        body["response_format"] = response_format
    if stream:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def read_answer(response: Response, model: str, failure: Failure | None = None) -> Iterator[Piece]:
    """Read a whole completion or a stream of chunks; `failure` returns the exception for an error in the stream."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        events = _until_done(server_sent_events(response.lines()))
        yield from read_chunks((parse(data, "the server") for data in events), model, failure)
        return
    answer = parse(response.read(), "the server")
    if get_path(answer, "choices", 0, "message") is None:
        raise BrokenAnswerError("the server's answer is not a chat completion; is it the right address?")
    if thought := _thought(get_path(answer, "choices", 0, "message")):
        yield Thought(thought)
    if piece := text(answer, "choices", 0, "message", "content"):
        yield piece
    yield _end(answer, text(answer, "choices", 0, "finish_reason"), model)


def _until_done(events: Iterator[str]) -> Iterator[str]:
    for data in events:
        if data.strip() == "[DONE]":
            return
        yield data


def read_chunks(chunks: Iterator[object], model: str, failure: Failure | None = None) -> Iterator[Piece]:
    """Read `chat.completion.chunk` objects. The stop reason comes before the usage, so both are kept to the end."""
    stop, last = "", None
    for chunk in chunks:
        if get_path(chunk, "error") is not None:
            raise failure(chunk) if failure else failure_of(count(chunk, "error", "code") or 500, chunk)
        delta = get_path(chunk, "choices", 0, "delta")
        if thought := _thought(delta):
            yield Thought(thought)
        if piece := text(delta, "content"):
            yield piece
        stop = text(chunk, "choices", 0, "finish_reason") or stop
        if isinstance(get_path(chunk, "usage"), dict):
            last = chunk
    if not stop:
        raise failure(None) if failure else BrokenAnswerError("the local engine's answer broke off")
    yield _end(last, stop, model)


def _thought(message: object) -> str:
    # llama.cpp and DeepSeek name it by the first, vLLM since 0.11 and OpenRouter by the second.
    return text(message, "reasoning_content") or text(message, "reasoning")


def _end(answer: object, stop: str, model: str) -> End:
    usage = Usage(
        count(answer, "usage", "prompt_tokens"),
        count(answer, "usage", "completion_tokens"),
        count(answer, "usage", "prompt_tokens_details", "cached_tokens"),
        thinking=count(answer, "usage", "completion_tokens_details", "reasoning_tokens"),
    )
    return End(_STOPS.get(stop, stop), usage, model)


def failure_of(status: int, body: object) -> TrooperError:
    """Return the exception for an error of the API; its text may quote the prompt and is not repeated."""
    tokens, limit = count(body, "error", "n_prompt_tokens"), count(body, "error", "n_ctx")
    if found := _TOO_LONG.search(text(body, "error", "message") or text(body, "message")):
        tokens, limit = int(found[2]), int(found[1])
    if tokens and limit:
        return ContextExceededError(
            f"the local model takes {limit:,} tokens and the prompt has {tokens:,}; shorten it", tokens, limit
        )
    if status == 503:
        return busy(text(body, "error", "message") or text(body, "message"))
    if status in {401, 403}:
        return ConfigurationError(
            f"the local server wants a key ({status}); set TROOPER_LOCAL_KEY, or local_key_cmd in config.toml"
        )
    if status == 404:
        return ConfigurationError(
            "the local server does not know the model or the path (404); see -m and TROOPER_LOCAL_URL"
        )
    if 400 <= status < 500:
        return InputError(f"the local server calls the request invalid ({status}); see -m and --effort, and its log")
    return UnavailableError(f"the local server could not answer ({status}); its log tells why")


def busy(words: str) -> BusyError:
    """Return the exception for status 503: llama.cpp's server is loading its model, or its queue is full."""
    if "loading model" in words.lower():
        return BusyError("the local server is still loading its model (503)", LOADING_SECONDS)
    return BusyError("the local server's queue is full (503)", QUEUE_SECONDS)


def printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:200]
