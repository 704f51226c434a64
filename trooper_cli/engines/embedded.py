"""llama.cpp in this very process (the extra `trooper-cli[embedded]`): no server, no account, no network."""

from __future__ import annotations

import json
import queue
import threading
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import count, get_path
from trooper_cli.engines.engine import AS_BY_DEFAULT, Thinking
from trooper_cli.engines.gguf import context_length
from trooper_cli.engines.openai_api import failure_of, read_chunks
from trooper_cli.errors import UnavailableError
from trooper_cli.net.http import Request
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trooper_cli.engines.engine import Piece

_STEP = 8192
# Without a system prompt the template of the default model fills in one of its own, with which it answers worse.
_SYSTEM = "You are a helpful assistant."


class Embedded:
    """One GGUF file."""

    name = "embedded"
    side = Side.LOCAL
    on_network = False
    # A call loads the model itself, in about a second.
    is_loaded = True
    takes_stop_sequences = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self.model = path.stem
        self._window = context_length(path)

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
    ) -> Request:
        messages = [{"role": "system", "content": context.system or _SYSTEM}]
        messages += [{"role": message.role, "content": message.text} for message in context.messages]
        needed = context.tokens + context.tokens // 8 + max_tokens
        body = {
            "model": self.model,
            "n_ctx": min(self._window, -(-needed // _STEP) * _STEP),
            "messages": messages,
            "max_tokens": max_tokens,
            # One prompt, one answer: a pipe is easier to trust if it says the same thing twice.
            "temperature": 0,
            # Read by the templates of models that think, and by no other.
            "chat_template_kwargs": _template_arguments(thinking.effort),
            **(sampling or {}),
            "stream": stream,
        }
        return Request(
            f"embedded:{self._path}", {}, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        )

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        arrived: queue.SimpleQueue[object] = queue.SimpleQueue()
        stopped = threading.Event()
        worker = threading.Thread(target=_work, args=(self._path, request, arrived, stopped), daemon=True)
        worker.start()
        try:
            yield from read_chunks(_received(arrived, read_timeout), self.model)
        except (KeyboardInterrupt, SystemExit):
            # llama.cpp evaluates a prompt to its end, uninterruptibly; the process ends first, and takes it along.
            stopped.set()
            raise
        except BaseException:
            stopped.set()
            worker.join(timeout=10)
            raise
        worker.join(timeout=10)


def _template_arguments(effort: str | None) -> dict[str, object]:
    if effort in {None, "none"}:
        return {"enable_thinking": False}
    return {"enable_thinking": True, "reasoning_effort": "high" if effort in {"xhigh", "max"} else effort}


def _work(path: Path, request: Request, arrived: queue.SimpleQueue[object], stopped: threading.Event) -> None:
    """Load the model and let it answer; puts chunks, or an exception, and at last None."""
    try:
        body = json.loads(request.body)
        server = _load(path, body.pop("n_ctx"))
        body |= {"stream": True, "stream_options": {"include_usage": True}}

        def take(chunk: object) -> bool:
            arrived.put(chunk)
            return stopped.is_set()

        # An error comes as the return value, chunks by the callback.
        if (answer := server.handle_chat_completions(body, take)) is not None:
            arrived.put(answer)
    except Exception as error:  # noqa: BLE001
        arrived.put(error)
    finally:
        arrived.put(None)


def _load(path: Path, context_tokens: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    import secrets

    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = context_tokens
    parameters.n_parallel = 1
    parameters.cache_ram_mib = 0
    parameters.fit_params = False
    parameters.warmup = False
    parameters.verbosity = -1
    # The library also listens on a loopback port: nobody else may ask there, or read what is asked here.
    parameters.api_keys = [secrets.token_urlsafe(32)]
    parameters.cors_origins = ""
    parameters.endpoint_slots = False
    parameters.ui = False
    parameters.offline = True
    return xllamacpp.Server(parameters)


def _received(arrived: queue.SimpleQueue[object], read_timeout: float) -> Iterator[object]:
    while True:
        try:
            chunk = arrived.get(timeout=read_timeout)
        except queue.Empty as error:
            raise UnavailableError("the embedded model was silent for too long; see --timeout") from error
        if chunk is None:
            return
        if isinstance(chunk, Exception):
            raise UnavailableError(
                f"the embedded engine could not load or run the model ({type(chunk).__name__})"
            ) from chunk
        if get_path(chunk, "error") is not None:
            raise failure_of(count(chunk, "error", "code") or 500, chunk)
        yield chunk
