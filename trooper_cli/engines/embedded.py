"""llama.cpp in this very process (the extra `trooper-cli[embedded]`): no server, no account, no network."""

from __future__ import annotations

import json
import os
import queue
import threading
from typing import TYPE_CHECKING, Any, Protocol

from trooper_cli.engines.decoding import count, get_path, text
from trooper_cli.engines.engine import AS_BY_DEFAULT, REPETITION, Thinking
from trooper_cli.engines.gguf import context_length
from trooper_cli.engines.openai_api import failure_of, read_chunks
from trooper_cli.errors import UnavailableError
from trooper_cli.net.http import Request
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from trooper_cli.engines.engine import Piece
    from trooper_cli.json_schema import Schema

_STEP = 8192
# Without a system prompt the template of the default model fills in one of its own, with which it answers worse.
_SYSTEM = "You are a helpful assistant."
# Tens of microseconds. Longer is a little faster on idle cores, and many times slower on busy ones.
_SPINS = "2000"
# Bytes of the file of a model of fewer than a billion parameters: it repeats itself, and does not write long texts.
_SMALL = 700 << 20
_ANSWER_TOKENS, _ANSWER_TOKENS_OF_A_SMALL_MODEL = 2_048, 512
# llama.cpp's control of repetition, which draws no lots: more than four tokens that follow each other as they did
# within the last thousand grow less likely the longer they are. It would also hinder a model from quoting, which a
# small one cannot do in any case, and from the signs of JSON.
_LESS_REPETITION = {"dry_multiplier": 0.8, "dry_allowed_length": 4, "dry_penalty_last_n": 1024}


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
        self._is_small = path.stat().st_size < _SMALL
        self.answer_tokens = _ANSWER_TOKENS_OF_A_SMALL_MODEL if self._is_small else _ANSWER_TOKENS

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
            **(_LESS_REPETITION if self._is_small and schema is None else {}),
            **(sampling or {}),
            "stream": stream,
        }
        unenforced: tuple[str, ...] = ()
        if schema is not None:
            from trooper_cli.engines.schema_forms import of_server

            body["response_format"], unenforced = of_server(schema.value)
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return Request(f"embedded:{self._path}", {}, text.encode(), unenforced=unenforced)

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        arrived: queue.SimpleQueue[object] = queue.SimpleQueue()
        stopped = threading.Event()
        worker = threading.Thread(target=_runner or work, args=(self._path, request, arrived, stopped), daemon=True)
        worker.start()
        try:
            yield from read_chunks(_until_repeated(_received(arrived, read_timeout)), self.model)
        except (KeyboardInterrupt, SystemExit):
            # llama.cpp evaluates a prompt to its end, uninterruptibly; the process ends first, and takes it along.
            stopped.set()
            raise
        except BaseException:
            stopped.set()
            worker.join(timeout=10)
            raise
        stopped.set()
        worker.join(timeout=10)


def _template_arguments(effort: str | None) -> dict[str, object]:
    if effort in {None, "none"}:
        return {"enable_thinking": False}
    return {"enable_thinking": True, "reasoning_effort": "high" if effort in {"xhigh", "max"} else effort}


class Pieces(Protocol):
    """Takes chunks, or an exception, and at last None."""

    def put(self, piece: object, /) -> None: ...


def work(path: Path, request: Request, arrived: Pieces, stopped: threading.Event) -> None:
    """Load the model and let it answer; puts chunks, or an exception, and at last None."""
    try:
        body = json.loads(request.body)
        if _kept is None:
            server = _load(path, body.pop("n_ctx"))
        else:
            server = _kept.loaded(path, body.pop("n_ctx"))
            # What an earlier turn has left in the model's cache does not take part in the answer to this one.
            body["cache_prompt"] = False
        # Each chunk says what was counted up to it, for an answer that is stopped here.
        body |= {"stream": True, "stream_options": {"include_usage": True}, "timings_per_token": True}

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


class _KeptServer:
    """A model that stays loaded from one turn to the next; a longer context loads it again."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._context_tokens = 0
        self._server: Any = None

    def loaded(self, path: Path, context_tokens: int) -> Any:  # noqa: ANN401
        if path != self._path or context_tokens > self._context_tokens:
            # The memory of the one before is free first.
            self._path = self._server = None
            self._server = _load(path, context_tokens)
            self._path, self._context_tokens = path, context_tokens
        return self._server


_kept: _KeptServer | None = None
_runner: Callable[[Path, Request, Pieces, threading.Event], None] | None = None


def run_by(runner: Callable[[Path, Request, Pieces, threading.Event], None]) -> None:
    """Run models by something else than this process; it is called as `work` is."""
    global _runner  # noqa: PLW0603
    _runner = runner


def keep_loaded() -> None:
    """Keep the model of a turn loaded for the turns that follow it in this process."""
    global _kept  # noqa: PLW0603
    _kept = _kept or _KeptServer()


def _load(path: Path, context_tokens: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    import importlib
    import secrets

    from trooper_cli.engines.idle_cores import threads_for

    # Threads that wait for each other sleep soon, for there may be other programs in a moment. Read when the library
    # is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    threads = threads_for(path.stat().st_size, lambda: importlib.import_module("xllamacpp"))
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
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


def _until_repeated(chunks: Iterator[object]) -> Iterator[object]:
    """Yield the chunks of an answer; where it says the same sentence the third time, the last one ends it."""
    from trooper_cli.repetition import Repetition

    repetition = Repetition()
    for chunk in chunks:
        yield chunk
        if repetition.add(text(chunk, "choices", 0, "delta", "content")):
            read, cached, written = (count(chunk, "timings", key) for key in ("prompt_n", "cache_n", "predicted_n"))
            yield {
                "choices": [{"delta": {}, "finish_reason": REPETITION}],
                "usage": {
                    "prompt_tokens": read + cached,
                    "completion_tokens": written,
                    "prompt_tokens_details": {"cached_tokens": cached},
                },
            }
            return


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
                "the embedded engine could not load or run the model; is its file whole, and is there memory for it? "
                "See `trooper models`"
            ) from chunk
        if get_path(chunk, "error") is not None:
            raise failure_of(count(chunk, "error", "code") or 500, chunk)
        yield chunk
