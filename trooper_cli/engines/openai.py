"""Any OpenAI-compatible server on this machine: llama.cpp, vLLM, LM Studio. A local engine only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.engines.decoding import count, items, parse, parse_or_none, text
from trooper_cli.engines.engine import AS_BY_DEFAULT, Thinking
from trooper_cli.engines.openai_api import chat_body, failure_of, printable, read_answer
from trooper_cli.errors import (
    ConfigurationError,
    LocalityError,
    TrooperError,
)
from trooper_cli.net.deadline import Deadline
from trooper_cli.net.http import Request, Response, to_local
from trooper_cli.net.locality import LocalEndpoint, local_endpoint
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.engines.engine import Piece
    from trooper_cli.json_schema import Schema

_DEFAULT_WINDOW = 8192
_PROBE_SECONDS = 10.0


class LocalKey(NamedTuple):
    """The key of the server of `local_url`, and where it is set. No other engine is ever given it."""

    secret: str
    source: str


class OpenAI:
    """One model of one server."""

    name = "openai"
    side = Side.LOCAL
    # A server that loads models on demand says so to nobody.
    is_loaded = True
    takes_stop_sequences = False
    answer_tokens = 2_048

    def __init__(
        self, model: str | None, url: str | None, local_hosts: tuple[str, ...] = (), key: LocalKey | None = None
    ) -> None:
        if not url:
            raise ConfigurationError(
                "where is the local server? It is named nowhere; set TROOPER_LOCAL_URL, as in 127.0.0.1:8080"
            )
        self.model = model or ""
        base = url.rstrip("/")
        self._base = base if base.endswith("/v1") else f"{base}/v1"
        self._local_hosts = local_hosts
        self._key = key
        self._endpoint: LocalEndpoint | None = None
        self._window = _DEFAULT_WINDOW
        self._there: list[str] = []

    def make_ready(self) -> None:
        """Learn the server's models and their context lengths. Sends no text of the user's.

        Raises:
            ConfigurationError: the server wants a key, or another one. Some say so only when they are asked a question.

        """
        request = Request(f"{self._base}/models", self._headers(), b"", "GET")
        with Deadline(_PROBE_SECONDS), to_local(self._local(), "/models", request, _PROBE_SECONDS) as response:
            if response.status in {401, 403}:
                raise self._failure(response)
            if response.status != 200:
                return
            rows = items(parse(response.read(), "the local server"), "data")
        if self._key and any(self._key.secret in text(row, "id") for row in rows):
            raise ConfigurationError(
                "the local server puts its key into a model's name; names are written down, give it another one"
            )
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
        self,
        context: Context[View],
        max_tokens: int,
        *,
        stream: bool,
        sampling: Mapping[str, float] | None = None,
        thinking: Thinking = AS_BY_DEFAULT,
        schema: Schema | None = None,
    ) -> Request:
        model = self.model or "default"
        form: object = None
        unenforced: tuple[str, ...] = ()
        if schema is not None:
            from trooper_cli.engines.schema_forms import of_server

            form, unenforced = of_server(schema.value)
        return Request(
            url=f"{self._base}/chat/completions",
            headers={"content-type": "application/json", **self._headers()},
            body=chat_body(
                context, model, max_tokens, stream=stream, sampling=sampling, thinking=thinking, response_format=form
            ),
            unenforced=unenforced,
        )

    def _headers(self) -> dict[str, str]:
        """Return the headers of every request. They go to an endpoint that was shown to be local, by `to_local`."""
        return {"connection": "close"} | ({"authorization": f"Bearer {self._key.secret}"} if self._key else {})

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        with to_local(self._local(), "/chat/completions", request, read_timeout) as response:
            if response.status != 200:
                raise self._failure(response)
            yield from read_answer(response, self.model)

    def _failure(self, response: Response) -> TrooperError:
        if 300 <= response.status < 400:
            return LocalityError(
                "the local engine answers with a redirect, which is never followed; nothing more was sent"
            )
        if response.status in {401, 403} and self._key:
            return ConfigurationError(f"the local server rejects the key ({response.status}); check {self._key.source}")
        if response.status == 404 and self._there:
            from trooper_cli.near import did_you_mean

            meant = printable(did_you_mean(self.model, self._there))
            return ConfigurationError(
                f"the local server does not know the model {printable(self.model)} (404); "
                f"it has: {printable(', '.join(self._there))}; choose one with -m{meant}"
            )
        return failure_of(response.status, parse_or_none(response.read()))

    def _local(self) -> LocalEndpoint:
        if self._endpoint is None:
            self._endpoint = local_endpoint(self._base, self._local_hosts)
        return self._endpoint
