"""Claude by Anthropic's Messages API: the cloud engine. It takes the public view's context and no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from trooper_cli import __version__
from trooper_cli.engines import claude_windows
from trooper_cli.engines.api_errors import ErrorSource, failure_in_stream, failure_of_response
from trooper_cli.engines.cloud_check import try_without_text
from trooper_cli.engines.decoding import count, get_path, items, parse, parse_or_none, server_sent_events, text
from trooper_cli.engines.engine import AS_BY_DEFAULT, End, Thinking, Thought, Usage
from trooper_cli.errors import BrokenAnswerError, ConfigurationError, LocalityError, NoConnectionError
from trooper_cli.net.http import Request, Response, cloud_url, to_cloud
from trooper_cli.turn import Context, Label, PublicView, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.engines.engine import Piece
    from trooper_cli.errors import TrooperError
    from trooper_cli.json_schema import Schema

BASE_URL = "https://api.anthropic.com"
API_VERSION = "2023-06-01"


def key_of(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return name and value of the header that carries the key, or None without a key.

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
    takes_stop_sequences = False
    answer_tokens = 16_000

    def __init__(self, model: str, environ: Mapping[str, str], inference_geo: str | None = None) -> None:
        self.model = model
        self._inference_geo = inference_geo
        self._environ = environ
        self._window: int | None = None
        self._key = key_of(environ)
        self._base = cloud_url(environ.get("ANTHROPIC_BASE_URL") or BASE_URL)
        is_token = self._key is not None and self._key[0] == "authorization"
        source = "ANTHROPIC_AUTH_TOKEN, or auth_token_cmd" if is_token else "ANTHROPIC_API_KEY"
        self._place = ErrorSource(self.name, source, "ANTHROPIC_BASE_URL", model)
        self._proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or None

    @property
    def account(self) -> tuple[str, str]:
        """Return what a quota belongs to: the address and the key."""
        return self._base, self._key[1] if self._key else ""

    def window(self) -> int:
        if self._window is None:
            self._window = claude_windows.window_of(self.model, self._base, self._environ)
        return self._window

    def prepare(
        self,
        context: Context[PublicView],
        max_tokens: int,
        *,
        stream: bool,
        sampling: Mapping[str, float] | None = None,
        thinking: Thinking = AS_BY_DEFAULT,
        schema: Schema | None = None,
    ) -> Request:
        # The type says it to whoever writes code; this says it to whatever gets past the types.
        if context.view.label is not Label.PUBLIC:
            raise LocalityError("a private turn's context was meant for the cloud; nothing was sent")
        # Newer models refuse temperature and the like (400). A program's own stand in its own request, see Forwarding.
        del sampling
        body: dict[str, object] = {"model": self.model, "max_tokens": max_tokens, "stream": stream}
        messages: list[dict[str, object]] = [
            {"role": message.role, "content": message.text} for message in context.messages
        ]
        # Only a conversation that goes on repays the dearer first writing.
        goes_on = len(messages) > 1
        unenforced: tuple[str, ...] = ()
        system = context.system
        if schema is not None:
            from trooper_cli.engines.schema_forms import for_claude, in_words

            form, unenforced = for_claude(schema.value)
            if form is None:
                system = in_words(schema, system)
            else:
                body["output_config"] = {"format": {"type": "json_schema", "schema": form}}
        if system:
            body["system"] = _cached(system) if goes_on else system
        if goes_on:
            # The last message is the prompt, and what was looked up for it: the stable part ends before it.
            messages[-2]["content"] = _cached(context.messages[-2].text)
        body["messages"] = messages
        if self._inference_geo:
            body["inference_geo"] = self._inference_geo
        if thinking != AS_BY_DEFAULT:
            from trooper_cli.engines.claude_thinking import thinking_fields

            fields = thinking_fields(self.model, thinking)
            if "output_config" in fields and "output_config" in body:
                fields["output_config"] = {**_table(fields["output_config"]), **_table(body["output_config"])}
            body |= fields
        return Request(
            url=f"{self._base}/v1/messages",
            headers=self._headers("text/event-stream" if stream else "application/json")
            | {"content-type": "application/json"},
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
            inference_geo=self._inference_geo,
            unenforced=unenforced,
        )

    def _with_model_meant(self, failure: TrooperError, status: int) -> TrooperError:
        """Return an error that names the model that was meant, where a list that is here has one like it."""
        if status == 404 and isinstance(failure, ConfigurationError):
            from trooper_cli.engines.claude_windows import known_models
            from trooper_cli.near import did_you_mean

            return ConfigurationError(f"{failure}{did_you_mean(self.model, known_models(self._base, self._environ))}")
        return failure

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        with to_cloud(request, read_timeout, self._proxy, self.name) as response:
            if response.status != 200:
                raise self._with_model_meant(failure_of_response(response, self._place), response.status)
            kind = response.headers.get("content-type", "")
            if kind.startswith("text/event-stream"):
                yield from self._streamed(response)
            elif kind.startswith("application/json"):
                yield from self._whole(response)
            else:
                raise BrokenAnswerError("the cloud's answer is neither JSON nor a stream; check ANTHROPIC_BASE_URL")

    def count_request(self, text: str) -> Request:
        """Write the request that has the API count a text as one message. It holds the text, as any request does."""
        body = {"model": self.model, "messages": [{"role": "user", "content": text}]}
        return Request(
            url=f"{self._base}/v1/messages/count_tokens",
            headers=self._headers("application/json") | {"content-type": "application/json"},
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        )

    def counted(self, request: Request, read_timeout: float) -> int:
        """Send such a request; return the tokens that were counted.

        Raises:
            TrooperError: as for `send`.

        """
        with to_cloud(request, read_timeout, self._proxy, self.name) as response:
            if response.status != 200:
                raise failure_of_response(response, self._place)
            answer = parse(response.read(), "the cloud")
        if type(get_path(answer, "input_tokens")) is not int:
            raise BrokenAnswerError("the cloud's answer is no count of tokens; check ANTHROPIC_BASE_URL")
        return count(answer, "input_tokens")

    def _arrived(self, part: object) -> None:
        """Receive a whole message or an event of a stream as the API gave it; here nobody needs more than its text."""

    def _whole(self, response: Response) -> Iterator[Piece]:
        message = parse(response.read(), "the cloud")
        if get_path(message, "type") != "message":
            raise BrokenAnswerError("the cloud's answer is not a message; check ANTHROPIC_BASE_URL")
        self._arrived(message)
        for block in items(message, "content"):
            yield from _pieces(block)
        yield End(
            text(message, "stop_reason"), _usage(get_path(message, "usage")), text(message, "model") or self.model
        )

    def check(self, read_timeout: float) -> bool | None:
        """Return whether the key is accepted and the model exists, without spending a token.

        None means that this address answers but lists no models, so that neither could be tried.

        Raises:
            TrooperError: as for `send`.

        """
        listed = get_path(self._get("/v1/models?limit=1000", read_timeout), "data")
        if not isinstance(listed, list):
            url = self._base + "/v1/messages"
            try_without_text(url, self._headers("application/json"), self.model, self._place, read_timeout, self._proxy)
            return None
        claude_windows.remember(listed, self._base, self._environ)
        if any(text(row, "id") == self.model for row in listed):
            return True
        # The list does not name aliases; a look at one model resolves them.
        one = self._get(f"/v1/models/{quote(self.model, safe='')}", read_timeout)
        return bool(text(one, "id"))

    def _get(self, path: str, read_timeout: float) -> object:
        request = Request(self._base + path, self._headers("application/json"), b"", "GET")
        with to_cloud(request, read_timeout, self._proxy, self.name) as response:
            if response.status in {404, 405}:
                return None
            if response.status != 200:
                raise failure_of_response(response, self._place)
            return parse_or_none(response.read())

    def _headers(self, accept: str) -> dict[str, str]:
        if self._key is None:
            raise ConfigurationError("no key for the cloud: set ANTHROPIC_API_KEY, or ask with --local")
        header, secret = self._key
        return {
            "accept": accept,
            "accept-encoding": "identity",
            "anthropic-version": API_VERSION,
            "connection": "close",
            "user-agent": f"trooper/{__version__}",
            header: secret,
        }

    def _streamed(self, response: Response) -> Iterator[Piece]:
        model, stop, ended = self.model, "", False
        usage: dict[str, object] = {}
        for data in server_sent_events(response.lines()):
            event = parse(data, "the cloud")
            kind = get_path(event, "type")
            if kind != "error":
                self._arrived(event)
            if kind in {"content_block_start", "content_block_delta"}:
                yield from _pieces(get_path(event, "delta") or get_path(event, "content_block"))
            elif kind == "message_start":
                model = text(event, "message", "model") or model
                usage |= _table(get_path(event, "message", "usage"))
            elif kind == "message_delta":
                stop = text(event, "delta", "stop_reason") or stop
                usage |= {name: value for name, value in _table(get_path(event, "usage")).items() if value is not None}
            elif kind == "error":
                raise failure_in_stream(event, self._place)
            elif kind == "message_stop":
                ended = True
                break
        if not ended:
            raise NoConnectionError(f"the answer of {self.name} broke off")
        yield End(stop, _usage(usage), model)


def _cached(text: str) -> list[dict[str, object]]:
    """Write a text as a block at whose end a prefix cache may be kept."""
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _pieces(part: object) -> Iterator[Piece]:
    """Yield the text or the thought of a content block, of its start or of a delta; a thought may come without text."""
    kind = get_path(part, "type")
    if kind in {"text", "text_delta"} and (piece := text(part, "text")):
        yield piece
    elif kind in {"thinking", "thinking_delta"}:
        yield Thought(text(part, "thinking"))


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _usage(usage: object) -> Usage:
    read, written = count(usage, "cache_read_input_tokens"), count(usage, "cache_creation_input_tokens")
    hour = min(count(usage, "cache_creation", "ephemeral_1h_input_tokens"), written)
    thought = count(usage, "output_tokens_details", "thinking_tokens")
    output = count(usage, "output_tokens")
    return Usage(count(usage, "input_tokens") + read + written, output, read, written, hour, _geo(usage), thought)


def _geo(usage: object) -> str | None:
    """Return where the answer was computed, as `us` or `global`: one word, whatever the response holds."""
    found = text(usage, "inference_geo")
    return found if len(found) <= 32 and found.isascii() and found.replace("_", "").isalnum() else None
