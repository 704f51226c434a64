"""Claude by Anthropic's Messages API: the cloud engine. It takes the public view's context and no other."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trooper_cli import __version__
from trooper_cli.engines import End, Usage
from trooper_cli.engines.reading import count, items, parse, parse_or_none, pick, server_sent_events, text
from trooper_cli.errors import (
    BrokenAnswerError,
    ConfigurationError,
    ContextExceededError,
    InputError,
    LocalityError,
    OverloadError,
    QuotaError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.transport import Request, Response, cloud_url, to_cloud
from trooper_cli.turn import Context, Label, PublicView, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE_URL = "https://api.anthropic.com"
API_VERSION = "2023-06-01"
# Every model that is still served takes 200,000 tokens at the least (models table of November 2026).
WINDOW = 200_000

_SPEND_LIMITS = {"enforced_spend_limit_reached", "contract_spend_limit_reached"}
# The API has no code for these two: their words are all there is (threads of 2025-01 to 2026-08).
_QUOTA_WORDS = re.compile(
    r"credit balance is too low|reached your specified (?:workspace )?API usage limits", re.IGNORECASE
)
_REGAIN = re.compile(r"regain access on (\d{4}-\d\d-\d\d)")
_TOO_LONG = re.compile(r"(\d{1,12}) tokens > (\d{1,12})\b")


def key_of(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Give the header that carries the key, or None without one.

    Raises:
        ConfigurationError: the key holds what no header may hold; it is not repeated.

    """
    for variable, header, form in (
        ("ANTHROPIC_API_KEY", "x-api-key", "{}"),
        ("ANTHROPIC_AUTH_TOKEN", "authorization", "Bearer {}"),
    ):
        if key := environ.get(variable, "").strip():
            if not (key.isascii() and key.isprintable()) or " " in key:
                raise ConfigurationError(f"{variable} holds characters that no key has; copy it again")
            return header, form.format(key)
    return None


class Anthropic:
    """One model behind one base URL."""

    name = "anthropic"
    side = Side.CLOUD
    on_network = False

    def __init__(self, model: str, environ: Mapping[str, str]) -> None:
        self.model = model
        self._key = key_of(environ)
        self._base = cloud_url(environ.get("ANTHROPIC_BASE_URL") or BASE_URL)
        self._proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or None

    def window(self) -> int:
        return WINDOW

    def prepare(
        self,
        context: Context[PublicView],
        max_tokens: int,
        *,
        stream: bool,
        sampling: Mapping[str, float] | None = None,
    ) -> Request:
        # The type says it to whoever writes code; this says it to whatever gets past the types.
        if context.view.label is not Label.PUBLIC:
            raise LocalityError("a private turn's context was meant for the cloud; nothing was sent")
        if self._key is None:
            raise ConfigurationError("no key for the cloud: set ANTHROPIC_API_KEY, or ask with --local")
        header, secret = self._key
        body: dict[str, object] = {"model": self.model, "max_tokens": max_tokens, "stream": stream, **(sampling or {})}
        messages: list[dict[str, object]] = [
            {"role": message.role, "content": message.text} for message in context.messages
        ]
        # Only a conversation that goes on repays the dearer first writing.
        goes_on = len(messages) > 1
        if context.system:
            body["system"] = _cached(context.system) if goes_on else context.system
        if goes_on:
            # The last message is the prompt, and what was looked up for it: the stable part ends before it.
            messages[-2]["content"] = _cached(context.messages[-2].text)
        body["messages"] = messages
        return Request(
            url=f"{self._base}/v1/messages",
            headers={
                "accept": "text/event-stream" if stream else "application/json",
                "accept-encoding": "identity",
                "anthropic-version": API_VERSION,
                "connection": "close",
                "content-type": "application/json",
                "user-agent": f"trooper/{__version__}",
                header: secret,
            },
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        )

    def send(self, request: Request, silence: float) -> Iterator[str | End]:
        with to_cloud(request, silence, self._proxy) as response:
            if response.status != 200:
                raise _failure(response, urlsplit(request.url).netloc)
            kind = response.headers.get("content-type", "")
            if kind.startswith("text/event-stream"):
                yield from self._streamed(response)
            elif kind.startswith("application/json"):
                yield from self._whole(response)
            else:
                raise BrokenAnswerError("the cloud's answer is neither JSON nor a stream; check ANTHROPIC_BASE_URL")

    def _arrived(self, part: object) -> None:
        """Take a whole message or an event of a stream as the API gave it; here nobody needs more than its text."""

    def _whole(self, response: Response) -> Iterator[str | End]:
        message = parse(response.read(), "the cloud")
        if pick(message, "type") != "message":
            raise BrokenAnswerError("the cloud's answer is not a message; check ANTHROPIC_BASE_URL")
        self._arrived(message)
        for block in items(message, "content"):
            if pick(block, "type") == "text" and (piece := text(block, "text")):
                yield piece
        yield End(text(message, "stop_reason"), _usage(pick(message, "usage")), text(message, "model") or self.model)

    def _streamed(self, response: Response) -> Iterator[str | End]:
        model, stop, ended = self.model, "", False
        usage: dict[str, object] = {}
        for data in server_sent_events(response.lines()):
            event = parse(data, "the cloud")
            kind = pick(event, "type")
            if kind != "error":
                self._arrived(event)
            if kind == "content_block_delta" and pick(event, "delta", "type") == "text_delta":
                if piece := text(event, "delta", "text"):
                    yield piece
            elif kind == "content_block_start" and pick(event, "content_block", "type") == "text":
                if piece := text(event, "content_block", "text"):
                    yield piece
            elif kind == "message_start":
                model = text(event, "message", "model") or model
                usage |= _table(pick(event, "message", "usage"))
            elif kind == "message_delta":
                stop = text(event, "delta", "stop_reason") or stop
                usage |= {name: value for name, value in _table(pick(event, "usage")).items() if value is not None}
            elif kind == "error":
                raise _classify(200, {}, event, "the cloud")
            elif kind == "message_stop":
                ended = True
                break
        if not ended:
            raise UnavailableError("the cloud's answer broke off")
        yield End(stop, _usage(usage), model)


def _cached(text: str) -> list[dict[str, object]]:
    """Write a text as a block at whose end a prefix cache may be kept."""
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _usage(usage: object) -> Usage:
    read, written = count(usage, "cache_read_input_tokens"), count(usage, "cache_creation_input_tokens")
    return Usage(count(usage, "input_tokens") + read + written, count(usage, "output_tokens"), read, written)


def _failure(response: Response, host: str) -> TrooperError:
    if 300 <= response.status < 400:
        return ConfigurationError(f"{host} answers with a redirect, which is never followed; check ANTHROPIC_BASE_URL")
    return _classify(response.status, response.headers, parse_or_none(response.read()), host)


def _classify(status: int, headers: Mapping[str, str], body: object, host: str) -> TrooperError:
    """Say what an error of the API means for the caller. Its own words may quote the prompt and are not repeated."""
    kind, words = text(body, "error", "type"), text(body, "error", "message")
    code = text(body, "error", "details", "error_code")
    named = f"{host}: {_printable(kind) or 'error'} ({status})"
    if request_id := _printable(headers.get("request-id", "") or text(body, "request_id")):
        named += f", request {request_id}"
    if (
        status == 402
        or kind == "billing_error"
        or code in _SPEND_LIMITS
        or (status == 400 and _QUOTA_WORDS.search(words))
    ):
        until = _REGAIN.search(words)
        return QuotaError(f"the cloud's quota is gone{f' until {until[1]}' if until else ''} ({named})")
    wait = _seconds(headers)
    if status == 429 or (status == 200 and kind == "rate_limit_error"):
        if wait is None:
            return QuotaError(f"the cloud's quota is gone ({named})")
        return OverloadError(f"the cloud's rate limit is reached ({named})", wait)
    if status in {503, 529} or kind == "overloaded_error":
        return OverloadError(f"the cloud is overloaded ({named})", wait)
    if status in {401, 403} or kind in {"authentication_error", "permission_error"}:
        return ConfigurationError(f"the cloud rejects the key ({named}); check ANTHROPIC_API_KEY")
    if status == 404:
        return ConfigurationError(
            f"the cloud does not know this model or address ({named}); see --model and ANTHROPIC_BASE_URL"
        )
    if status >= 500 or status in {200, 408, 409}:
        return UnavailableError(f"the cloud is in trouble ({named})")
    if counts := _TOO_LONG.search(words):
        tokens, limit = int(counts[1]), int(counts[2])
        return ContextExceededError(f"the cloud counts {tokens} tokens where {limit} fit ({named})", tokens, limit)
    return InputError(f"the cloud calls the request invalid ({named})")


def _printable(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "", value)[:64]


def _seconds(headers: Mapping[str, str]) -> float | None:
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) / scale)
        except ValueError:
            continue
    # A date is a wait as well, of unknown length.
    return 60.0 if headers.get("retry-after") else None
