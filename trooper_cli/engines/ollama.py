"""Ollama's native API. Facts are of its source, v0.33 line: `:local` since 0.18, `remote_host` since 0.12."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, NamedTuple, Self

from trooper_cli.engines.decoding import count, get_path, items, parse, parse_or_none, text
from trooper_cli.engines.engine import AS_BY_DEFAULT, End, Thinking, Thought, Usage
from trooper_cli.engines.ollama_host import host_url
from trooper_cli.engines.ollama_models import (
    can_chat,
    choose,
    has_cloud_suffix,
    is_remote,
    levels,
    nearest_level,
    same_model,
)
from trooper_cli.errors import (
    BrokenAnswerError,
    ConfigurationError,
    ContextExceededError,
    LocalityError,
    UnavailableError,
)
from trooper_cli.lazy_re import pattern
from trooper_cli.net.deadline import Deadline
from trooper_cli.net.http import Request, to_local
from trooper_cli.net.locality import LocalEndpoint, local_endpoint
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.engines.engine import Piece
    from trooper_cli.json_schema import Schema

_STEP = 8192
_LOCK_SINCE = (0, 18)
_PROBE_SECONDS = 5.0
_CUT = 0.7  # of what was sent, by the estimate: less was not read whole
_WORTH_CHECKING = 500  # tokens; below it the estimate is too coarse, and no server allocates less
_WHOLE = pattern(r"[+-]?[0-9]+")
_STOPS = {"stop": "end_turn", "length": "max_tokens"}


class Inventory(NamedTuple):
    """What an Ollama server reports of itself. `cloud_is_open`: it may reach out itself; None where it does not say."""

    version: str
    models: list[str]
    elsewhere: list[str]
    cloud_is_open: bool | None


class Model(NamedTuple):
    """One model: of which nothing is known but its name, or as its server describes it (`Server.described`).

    `window` is the most tokens that it takes, `allocated` the context that it is loaded with, 0 if it is not. With
    `lock` the request says that no other machine may execute it. `levels` are the values of `think` that it takes, none
    if it does not think. `is_one_of_several`: it was not named, and others could have been chosen.
    """

    name: str
    lock: bool = True
    window: int = _STEP
    is_loaded: bool = False
    allocated: int = 0
    levels: tuple[str | bool, ...] = ()
    is_one_of_several: bool = False

    @classmethod
    def named(cls, name: str | None) -> Self:
        """Return a model that may be asked for.

        Raises:
            LocalityError: its name says that it runs in Ollama's cloud.

        """
        name = (name or "").strip()
        if has_cloud_suffix(name):
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
        self._shown: dict[str, tuple[int, object]] = {}

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

    def described(self, model: Model, version: tuple[int, ...], used_last: str | None = None) -> Model:
        """Settle the model, show that it is local, and learn what it can do. Sends names only.

        Where none is named, it is the one used last, else the newest, of those that can chat.

        Raises:
            LocalityError: the model is executed elsewhere.
            NoUsableModelError: none is named, and none can chat.
            ConfigurationError: there is no such model, or it cannot chat.

        """
        rows = items(self._get("/api/tags"), "models")
        local = [text(row, "name") for row in rows if not (is_remote(row) or has_cloud_suffix(text(row, "name")))]
        model = model._replace(lock=version >= _LOCK_SINCE)
        if not model.name:
            candidates = [row for row in rows if text(row, "name") in local]
            name, is_one_of_several = choose(
                candidates, used_last, lambda name: self._show(model._replace(name=name))[1]
            )
            model = model._replace(name=name, is_one_of_several=is_one_of_several)
        if any(is_remote(row) for row in rows if same_model(text(row, "name"), model.name)):
            raise LocalityError(f"{_printable(model.name)} is executed on another machine; nothing was sent")
        status, shown = self._show(model)
        if status == 404:
            from trooper_cli.near import did_you_mean

            there = ", ".join(sorted(local)) or "none"
            meant = did_you_mean(model.name, (name.removesuffix(":latest") for name in local))
            raise ConfigurationError(
                f"Ollama has no local model {_printable(model.name)}; it has: {_printable(there)}; "
                f"fetch one with `ollama pull NAME` or choose with -m{_printable(meant)}"
            )
        if status != 200:
            raise UnavailableError(f"Ollama cannot describe the model {_printable(model.name)} ({status})")
        if is_remote(shown):
            raise LocalityError(f"{_printable(model.name)} is executed on another machine; nothing was sent")
        if not can_chat(shown):
            there = ", ".join(map(str, items(shown, "capabilities")))
            raise ConfigurationError(
                f"{_printable(model.name)} cannot chat, it is for {_printable(there)}; choose another model with -m"
            )
        table = get_path(shown, "model_info")
        keys = [key for key in table if key.endswith(".context_length")] if isinstance(table, dict) else []
        window = max((count(table, key) for key in keys), default=0) or _STEP
        running = self.running(model)
        return model._replace(
            window=window, is_loaded=bool(running), allocated=_allocated(running), levels=levels(shown)
        )

    def inventory(self) -> Inventory:
        """Ask what this Ollama has. Sends nothing but the questions.

        Raises:
            UnavailableError: none answers.
            LocalityError: its address is not of this machine.

        """
        version = text(self._get("/api/version"), "version")
        rows = items(self._get("/api/tags"), "models")
        elsewhere = [text(row, "name") for row in rows if is_remote(row) or has_cloud_suffix(text(row, "name"))]
        names = [name for row in rows if (name := text(row, "name")) not in elsewhere]
        disabled = None
        # Servers before 0.16.2 have no such address.
        with contextlib.suppress(UnavailableError):
            disabled = get_path(self._get("/api/status"), "cloud", "disabled")
        is_open = not disabled if isinstance(disabled, bool) else None
        return Inventory(_printable(version), list(map(_printable, names)), list(map(_printable, elsewhere)), is_open)

    def running(self, model: Model) -> list[object]:
        """Return the server's entries for a model that is in memory; empty if it is not."""
        return [row for row in items(self._get("/api/ps"), "models") if same_model(text(row, "name"), model.name)]

    def _show(self, model: Model) -> tuple[int, object]:
        name = model.locked_name
        if name not in self._shown:
            self._shown[name] = self._call("/api/show", {"model": name})
        return self._shown[name]

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

    def __init__(self, server: Server, model: Model, keep_alive: str | None = None) -> None:
        self.model = model.name
        self.is_loaded = model.is_loaded
        self._server = server
        self._model = model
        self._keep_alive = keep_alive

    @property
    def on_network(self) -> bool:
        return self._server.on_network

    def window(self) -> int:
        return self._model.window

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
        if not self.model:
            raise ConfigurationError("which local model? Name it with -m or TROOPER_LOCAL_MODEL")
        messages = [{"role": message.role, "content": message.text} for message in context.messages]
        if context.system:
            messages.insert(0, {"role": "system", "content": context.system})
        # Another num_ctx makes Ollama load the model again, so it stays as it is or grows in steps.
        needed, allocated = context.tokens + context.tokens // 8 + max_tokens, self._model.allocated
        size = allocated if needed <= allocated else min(self._model.window, -(-needed // _STEP) * _STEP)
        body = {
            "model": self._model.locked_name,
            "messages": messages,
            "stream": stream,
            "truncate": False,
            "options": {"num_ctx": size, "num_predict": max_tokens, **(sampling or {})},
        }
        if self._model.levels:
            # Where nothing is said, a model that can think does.
            body["think"] = nearest_level(thinking.effort or "none", self._model.levels)
        unenforced: tuple[str, ...] = ()
        if schema is not None:
            from trooper_cli.engines.schema_forms import for_grammar

            body["format"], unenforced = for_grammar(schema.value)
        if self._keep_alive is not None:
            # A number without a unit is one of seconds, as a number alone.
            body["keep_alive"] = int(self._keep_alive) if _WHOLE.fullmatch(self._keep_alive) else self._keep_alive
        return Request(
            url=f"{self._server.url}/api/chat",
            headers={"content-type": "application/json", "connection": "close"},
            body=_json(body),
            estimate=context.estimate,
            unenforced=unenforced,
        )

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        with to_local(self._server.endpoint(), "/api/chat", request, read_timeout) as response:
            if response.status != 200:
                from trooper_cli.engines.ollama_errors import failure

                raise failure(response, _printable(self.model))
            for line in response.lines():
                if not line:
                    continue
                chunk = parse(line, "Ollama")
                if is_remote(chunk):
                    raise LocalityError(
                        f"Ollama says that {_printable(self.model)} ran on another machine: do not use this model"
                    )
                if get_path(chunk, "error") is not None:
                    raise self._broken("Ollama broke the answer off with an error")
                if thought := text(chunk, "message", "thinking"):
                    yield Thought(thought)
                if piece := text(chunk, "message", "content"):
                    yield piece
                if get_path(chunk, "done") is True:
                    reason = text(chunk, "done_reason")
                    usage = Usage(count(chunk, "prompt_eval_count"), count(chunk, "eval_count"))
                    self._check_whole(request.estimate, usage.input)
                    yield End(_STOPS.get(reason, reason), usage, self.model)
                    return
        raise self._broken("Ollama's answer ended without its closing record")

    def _broken(self, what: str) -> BrokenAnswerError:
        from trooper_cli.engines.ollama_errors import log

        return BrokenAnswerError(f"{what}; its log tells why: {log()}")

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


def _allocated(running: list[object]) -> int:
    """Return the context in tokens that a model is loaded with, which may be less than requested; 0 if not loaded."""
    return max((count(row, "context_length") for row in running), default=0)


def _printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:200]
