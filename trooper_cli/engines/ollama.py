"""Ollama's native API. Facts are of its source, v0.33 line: `:local` since 0.18, `remote_host` since 0.12."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, NamedTuple, Self

from trooper_cli.engines.decoding import count, get_path, items, parse, parse_or_none, text
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
from trooper_cli.net.deadline import Deadline
from trooper_cli.net.http import Request, Response, to_local
from trooper_cli.net.locality import LocalEndpoint, local_endpoint
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STEP = 8192
_LOCK_SINCE = (0, 18)
_PROBE_SECONDS = 5.0
_CUT = 0.7  # of what was sent, by the estimate: less was not read whole
_WORTH_CHECKING = 500  # tokens; below it the estimate is too coarse, and no server allocates less
_QUEUE_SECONDS = 8.0
_STOPS = {"stop": "end_turn", "length": "max_tokens"}


def host_url(variable: str) -> str:
    """Read `OLLAMA_HOST` as Ollama itself does (envconfig/config.go): ports by scheme, 0.0.0.0 is this machine."""
    value = variable.strip().strip("\"'").strip()
    scheme, mark, rest = value.partition("://")
    if not mark:
        scheme, rest = "http", value
    scheme = scheme.lower()
    default = {"http": 80, "https": 443}.get(scheme, 11434) if mark else 11434
    if not mark and value.split("/", 1)[0] == "ollama.com":
        scheme, default = "https", 443
    place, slash, path = rest.partition("/")
    host, port = _host_and_port(place)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        port = str(default)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{slash}{path}"


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    if place.count(":") > 1:
        return place, ""
    host, _, port = place.partition(":")
    return host, port


class Inventory(NamedTuple):
    """What an Ollama server reports of itself. `cloud_is_open`: it may reach out itself; None where it does not say."""

    version: str
    models: list[str]
    elsewhere: list[str]
    cloud_is_open: bool | None


class Model(NamedTuple):
    """One model: of which nothing is known but its name, or as its server describes it (`Server.described`).

    `window` is the most tokens that it takes, `allocated` the context that it is loaded with, 0 if it is not. With
    `lock` the request says that no other machine may execute it.
    """

    name: str
    lock: bool = True
    window: int = _STEP
    is_loaded: bool = False
    allocated: int = 0

    @classmethod
    def named(cls, name: str | None) -> Self:
        """Return a model that may be asked for.

        Raises:
            LocalityError: its name says that it runs in Ollama's cloud.

        """
        name = (name or "").strip()
        if _has_cloud_suffix(name):
            raise LocalityError(f"{_printable(name)} runs in Ollama's cloud, not on this machine; nothing was sent")
        return cls(name)

    @property
    def locked_name(self) -> str:
        if not self.lock or self.name.endswith(":local"):
            return self.name
        return f"{self.name}:local"


class Server:
    """An Ollama on this machine, or on a host that the user trusts as one, and what it reports of itself."""

    def __init__(self, environ: Mapping[str, str], local_hosts: tuple[str, ...] = ()) -> None:
        self.url = host_url(environ.get("OLLAMA_HOST", ""))
        self._local_hosts = local_hosts
        self._endpoint: LocalEndpoint | None = None

    @property
    def on_network(self) -> bool:
        return self._endpoint is not None and self._endpoint.on_network

    def endpoint(self) -> LocalEndpoint:
        """Return the address that is connected to; it is looked up and shown to be local once.

        Raises:
            LocalityError: it is not.

        """
        if self._endpoint is None:
            self._endpoint = local_endpoint(self.url, self._local_hosts)
        return self._endpoint

    def version(self) -> tuple[int, ...] | None:
        """Return the server's version; None where no Ollama listens at the address.

        Raises:
            LocalityError: the address is not local.

        """
        try:
            found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", text(self._get("/api/version"), "version"))
        except UnavailableError:
            return None
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        # A server that does not report its version, as one built from source says 0.0.0, is asked under the lock.
        return version if version > (0, 0) else _LOCK_SINCE

    def described(self, model: Model, version: tuple[int, ...]) -> Model:
        """Settle the model, show that it is local, and learn its context length. Sends names only.

        Raises:
            LocalityError: the model is executed elsewhere.
            ConfigurationError: there is no such model; the message names those that are there.

        """
        rows = items(self._get("/api/tags"), "models")
        local = [text(row, "name") for row in rows if not (_is_remote(row) or _has_cloud_suffix(text(row, "name")))]
        if not model.name:
            if not local:
                raise ConfigurationError("this Ollama has no local model; fetch one with `ollama pull llama3.2`")
            model = Model.named(local[0])
        model = model._replace(lock=version >= _LOCK_SINCE)
        if any(_is_remote(row) for row in rows if _same_model(text(row, "name"), model.name)):
            raise LocalityError(f"{_printable(model.name)} is executed on another machine; nothing was sent")
        status, shown = self._call("/api/show", {"model": model.locked_name})
        if status == 404:
            there = ", ".join(sorted(local)) or "none"
            raise ConfigurationError(
                f"Ollama has no local model {_printable(model.name)}; it has: {_printable(there)}; "
                f"fetch one with `ollama pull NAME` or choose with -m"
            )
        if status != 200:
            raise UnavailableError(f"Ollama cannot describe the model {_printable(model.name)} ({status})")
        if _is_remote(shown):
            raise LocalityError(f"{_printable(model.name)} is executed on another machine; nothing was sent")
        table = get_path(shown, "model_info")
        keys = [key for key in table if key.endswith(".context_length")] if isinstance(table, dict) else []
        window = max((count(table, key) for key in keys), default=0) or _STEP
        running = self.running(model)
        return model._replace(window=window, is_loaded=bool(running), allocated=_allocated(running))

    def inventory(self) -> Inventory:
        """Ask what this Ollama has. Sends nothing but the questions.

        Raises:
            UnavailableError: none answers.
            LocalityError: its address is not of this machine.

        """
        version = text(self._get("/api/version"), "version")
        rows = items(self._get("/api/tags"), "models")
        elsewhere = [text(row, "name") for row in rows if _is_remote(row) or _has_cloud_suffix(text(row, "name"))]
        names = [name for row in rows if (name := text(row, "name")) not in elsewhere]
        disabled = None
        # Servers before 0.16.2 have no such address.
        with contextlib.suppress(UnavailableError):
            disabled = get_path(self._get("/api/status"), "cloud", "disabled")
        is_open = not disabled if isinstance(disabled, bool) else None
        return Inventory(_printable(version), list(map(_printable, names)), list(map(_printable, elsewhere)), is_open)

    def running(self, model: Model) -> list[object]:
        """Return the server's entries for a model that is in memory; empty if it is not."""
        return [row for row in items(self._get("/api/ps"), "models") if _same_model(text(row, "name"), model.name)]

    def _get(self, path: str) -> object:
        request = Request(self.url + path, {"connection": "close"}, b"", "GET")
        with Deadline(_PROBE_SECONDS), to_local(self.endpoint(), path, request, _PROBE_SECONDS) as response:
            if response.status != 200:
                raise UnavailableError(f"{self.endpoint().url} does not answer as an Ollama does ({response.status})")
            return parse(response.read(), "Ollama")

    def _call(self, path: str, body: object) -> tuple[int, object]:
        headers = {"content-type": "application/json", "connection": "close"}
        request = Request(self.url + path, headers, _json(body))
        with Deadline(_PROBE_SECONDS), to_local(self.endpoint(), path, request, _PROBE_SECONDS) as response:
            return response.status, parse_or_none(response.read())


class Ollama:
    """One model of one server."""

    name = "ollama"
    side = Side.LOCAL
    takes_stop_sequences = False
    answer_tokens = 2_048

    def __init__(self, server: Server, model: Model) -> None:
        self.model = model.name
        self.is_loaded = model.is_loaded
        self._server = server
        self._model = model

    @property
    def on_network(self) -> bool:
        return self._server.on_network

    def window(self) -> int:
        return self._model.window

    def prepare(
        self, context: Context[View], max_tokens: int, *, stream: bool, sampling: Mapping[str, float] | None = None
    ) -> Request:
        if not self.model:
            raise ConfigurationError("which local model? Name it with -m or TROOPER_LOCAL_MODEL")
        messages = [{"role": message.role, "content": message.text} for message in context.messages]
        if context.system:
            messages.insert(0, {"role": "system", "content": context.system})
        # Another num_ctx makes Ollama load the model again, so it stays as it is or grows in steps.
        needed, allocated = context.tokens + context.tokens // 8 + max_tokens, self._model.allocated
        size = allocated if needed <= allocated else min(self._model.window, -(-needed // _STEP) * _STEP)
        return Request(
            url=f"{self._server.url}/api/chat",
            headers={"content-type": "application/json", "connection": "close"},
            body=_json(
                {
                    "model": self._model.locked_name,
                    "messages": messages,
                    "stream": stream,
                    "truncate": False,
                    "options": {"num_ctx": size, "num_predict": max_tokens, **(sampling or {})},
                }
            ),
            estimate=context.estimate,
        )

    def send(self, request: Request, read_timeout: float) -> Iterator[str | End]:
        with to_local(self._server.endpoint(), "/api/chat", request, read_timeout) as response:
            if response.status != 200:
                raise _failure(response, self.model)
            for line in response.lines():
                if not line:
                    continue
                chunk = parse(line, "Ollama")
                if _is_remote(chunk):
                    raise LocalityError(
                        f"Ollama says that {_printable(self.model)} ran on another machine: do not use this model"
                    )
                if get_path(chunk, "error") is not None:
                    raise BrokenAnswerError("Ollama broke the answer off with an error; its log tells why")
                # A model that thinks is given an empty piece for a sign of life.
                if (piece := text(chunk, "message", "content")) or text(chunk, "message", "thinking"):
                    yield piece
                if get_path(chunk, "done") is True:
                    reason = text(chunk, "done_reason")
                    usage = Usage(count(chunk, "prompt_eval_count"), count(chunk, "eval_count"))
                    self._check_whole(request.estimate, usage.input)
                    yield End(_STOPS.get(reason, reason), usage, self.model)
                    return
        raise BrokenAnswerError("Ollama's answer ended without its closing record")

    def _check_whole(self, sent: float, counted: int) -> None:
        """Notice a prompt that was cut in silence, as servers before 0.12.6 do in spite of the options."""
        if sent < _WORTH_CHECKING or counted >= _CUT * sent:
            return
        if 0 < (size := _allocated(self._server.running(self._model))) < sent:
            raise ContextExceededError(
                f"Ollama read only {counted} of about {int(sent)} tokens, it has loaded {_printable(self.model)}"
                f" for {size}",
                int(sent),
                size,
            )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _has_cloud_suffix(model: str) -> bool:
    # Ollama looks at the last part alone; a name that carries the suffix before another one is no safer.
    tags = [tag.strip() for tag in model.lower().split(":")[1:]]
    return any(tag == "cloud" or tag.endswith("-cloud") for tag in tags)


def _is_remote(record: object) -> bool:
    return bool(get_path(record, "remote_host") or get_path(record, "remote_model"))


def _allocated(running: list[object]) -> int:
    """Return the context in tokens that a model is loaded with, which may be less than requested; 0 if not loaded."""
    return max((count(row, "context_length") for row in running), default=0)


def _same_model(listed: str, asked: str) -> bool:
    name = asked.removesuffix(":local")
    return listed in {name, f"{name}:latest"}


def _printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:200]


def _failure(response: Response, model: str) -> TrooperError:
    """Return the exception for an error of Ollama; its text may quote the prompt and is not repeated."""
    body = parse_or_none(response.read())
    name, status = _printable(model), response.status
    if 300 <= status < 400:
        return LocalityError("the local engine answers with a redirect, which is never followed; nothing more was sent")
    inner = parse_or_none(text(body, "error"))
    if get_path(inner, "error", "type") == "exceed_context_size_error":
        tokens, limit = count(inner, "error", "n_prompt_tokens"), count(inner, "error", "n_ctx")
        return ContextExceededError(f"{name} takes {limit} tokens and the prompt has {tokens}", tokens, limit)
    if status in {401, 403}:
        return LocalityError(f"Ollama will not run {name} on this machine ({status}); choose a local model with -m")
    if status == 404:
        return ConfigurationError(f"Ollama has no local model {name}; `ollama list` shows which are there")
    if status == 400:
        return InputError(f"Ollama calls the request invalid for {name} (400)")
    if status == 503:
        return BusyError("Ollama's queue is full (503)", _QUEUE_SECONDS)
    return UnavailableError(f"Ollama could not answer ({status}); its log tells why")
