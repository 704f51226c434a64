"""Any OpenAI-compatible server on this machine: llama.cpp, vLLM, LM Studio. A local engine only.

How the API is written and read stands here too, for the engines that speak it elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import count, get_path, items, parse, parse_or_none, server_sent_events, text
from trooper_cli.engines.engine import End, Usage
from trooper_cli.errors import (
    BrokenAnswerError,
    BusyError,
    ConfigurationError,
    ContextExceededError,
    InputError,
    LocalityError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.lazy_re import pattern
from trooper_cli.net.deadline import Deadline
from trooper_cli.net.http import Request, Response, to_local
from trooper_cli.net.locality import LocalEndpoint, local_endpoint
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Failure = Callable[[object], TrooperError]

_DEFAULT_WINDOW = 8192
_PROBE_SECONDS = 10.0
# How long it is worth waiting for a server on this machine that has too much to do, or loads a model.
QUEUE_SECONDS = 8.0
LOADING_SECONDS = 300.0
_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
# vLLM's words (they stand in its API since 2023); llama.cpp has fields instead.
_TOO_LONG = pattern(r"maximum context length is (\d+) tokens.*?(\d+) (?:input )?tokens", re.DOTALL)


class OpenAI:
    """One model of one server."""

    name = "openai"
    side = Side.LOCAL
    # A server that loads models on demand says so to nobody.
    is_loaded = True
    takes_stop_sequences = False

    def __init__(self, model: str | None, url: str | None, local_hosts: tuple[str, ...] = ()) -> None:
        if not url:
            raise ConfigurationError("where is the local server? Set TROOPER_LOCAL_URL, as in http://127.0.0.1:8080")
        self.model = model or ""
        base = url.rstrip("/")
        self._base = base if base.endswith("/v1") else f"{base}/v1"
        self._local_hosts = local_hosts
        self._endpoint: LocalEndpoint | None = None
        self._window = _DEFAULT_WINDOW
        self._there: list[str] = []

    def make_ready(self) -> None:
        """Learn the server's models and their context lengths. Sends no text of the user's."""
        request = Request(f"{self._base}/models", {"connection": "close"}, b"", "GET")
        with Deadline(_PROBE_SECONDS), to_local(self._local(), "/models", request, _PROBE_SECONDS) as response:
            if response.status != 200:
                return
            rows = items(parse(response.read(), "the local server"), "data")
        self._there = [text(row, "id") for row in rows]
        chosen = next((row for row in rows if text(row, "id") == self.model), rows[0] if rows else None)
        self.model = self.model or text(chosen, "id")
        # vLLM and LM Studio say what they serve, llama.cpp what it has allocated and what the model was trained for.
        for path in (("max_model_len",), ("max_context_length",), ("meta", "n_ctx"), ("meta", "n_ctx_train")):
            if length := count(chosen, *path):
                self._window = length
                break

    @property
    def on_network(self) -> bool:
        return self._endpoint is not None and self._endpoint.on_network

    def window(self) -> int:
        return self._window

    def prepare(
        self, context: Context[View], max_tokens: int, *, stream: bool, sampling: Mapping[str, float] | None = None
    ) -> Request:
        return Request(
            url=f"{self._base}/chat/completions",
            headers={"content-type": "application/json", "connection": "close"},
            body=chat_body(context, self.model or "default", max_tokens, stream=stream, sampling=sampling),
        )

    def send(self, request: Request, read_timeout: float) -> Iterator[str | End]:
        with to_local(self._local(), "/chat/completions", request, read_timeout) as response:
            if response.status != 200:
                raise self._failure(response)
            yield from read_answer(response, self.model)

    def _failure(self, response: Response) -> TrooperError:
        if 300 <= response.status < 400:
            return LocalityError(
                "the local engine answers with a redirect, which is never followed; nothing more was sent"
            )
        if response.status == 404 and self._there:
            return ConfigurationError(
                f"the local server does not know the model {printable(self.model)} (404); "
                f"it has: {printable(', '.join(self._there))}; choose one with -m"
            )
        return failure_of(response.status, parse_or_none(response.read()))

    def _local(self) -> LocalEndpoint:
        if self._endpoint is None:
            self._endpoint = local_endpoint(self._base, self._local_hosts)
        return self._endpoint


def chat_body(
    context: Context[View], model: str, max_tokens: int, *, stream: bool, sampling: Mapping[str, float] | None = None
) -> bytes:
    """Return the body of a chat completion. Who may be sent this context is decided before."""
    messages = [{"role": message.role, "content": message.text} for message in context.messages]
    if context.system:
        messages.insert(0, {"role": "system", "content": context.system})
    body: dict[str, object] = {"model": model, "messages": messages, "max_tokens": max_tokens}
    body |= {**(sampling or {}), "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def read_answer(response: Response, model: str, failure: Failure | None = None) -> Iterator[str | End]:
    """Read a whole completion or a stream of chunks; `failure` returns the exception for an error in the stream."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        events = _until_done(server_sent_events(response.lines()))
        yield from read_chunks((parse(data, "the server") for data in events), model, failure)
        return
    answer = parse(response.read(), "the server")
    if get_path(answer, "choices", 0, "message") is None:
        raise BrokenAnswerError("the server's answer is not a chat completion; is it the right address?")
    if piece := text(answer, "choices", 0, "message", "content"):
        yield piece
    yield _end(answer, text(answer, "choices", 0, "finish_reason"), model)


def _until_done(events: Iterator[str]) -> Iterator[str]:
    for data in events:
        if data.strip() == "[DONE]":
            return
        yield data


def read_chunks(chunks: Iterator[object], model: str, failure: Failure | None = None) -> Iterator[str | End]:
    """Read `chat.completion.chunk` objects. The stop reason comes before the usage, so both are kept to the end."""
    stop, last = "", None
    for chunk in chunks:
        if get_path(chunk, "error") is not None:
            raise failure(chunk) if failure else failure_of(count(chunk, "error", "code") or 500, chunk)
        delta = get_path(chunk, "choices", 0, "delta")
        # A model that thinks is given an empty piece for a sign of life.
        if (piece := text(delta, "content")) or text(delta, "reasoning_content"):
            yield piece
        stop = text(chunk, "choices", 0, "finish_reason") or stop
        if isinstance(get_path(chunk, "usage"), dict):
            last = chunk
    if not stop:
        raise failure(None) if failure else BrokenAnswerError("the local engine's answer broke off")
    yield _end(last, stop, model)


def _end(answer: object, stop: str, model: str) -> End:
    usage = Usage(
        count(answer, "usage", "prompt_tokens"),
        count(answer, "usage", "completion_tokens"),
        count(answer, "usage", "prompt_tokens_details", "cached_tokens"),
    )
    return End(_STOPS.get(stop, stop), usage, model)


def failure_of(status: int, body: object) -> TrooperError:
    """Return the exception for an error of the API; its text may quote the prompt and is not repeated."""
    tokens, limit = count(body, "error", "n_prompt_tokens"), count(body, "error", "n_ctx")
    if found := _TOO_LONG.search(text(body, "error", "message") or text(body, "message")):
        tokens, limit = int(found[2]), int(found[1])
    if tokens and limit:
        return ContextExceededError(f"the local model takes {limit} tokens and the prompt has {tokens}", tokens, limit)
    if status == 503:
        return busy(text(body, "error", "message") or text(body, "message"))
    if status in {401, 403}:
        return ConfigurationError(
            f"the local server wants a key ({status}), which Trooper does not send; run it without one"
        )
    if status == 404:
        return ConfigurationError(
            "the local server does not know the model or the path (404); see -m and TROOPER_LOCAL_URL"
        )
    if 400 <= status < 500:
        return InputError(f"the local server calls the request invalid ({status})")
    return UnavailableError(f"the local server could not answer ({status}); its log tells why")


def busy(words: str) -> BusyError:
    """Return the exception for status 503: llama.cpp's server is loading its model, or its queue is full."""
    if "loading model" in words.lower():
        return BusyError("the local server is still loading its model (503)", LOADING_SECONDS)
    return BusyError("the local server's queue is full (503)", QUEUE_SECONDS)


def printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:200]
