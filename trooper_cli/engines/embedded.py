"""llama.cpp in this very process (the extra `trooper-cli[embedded]`): no server, no account, no network."""

from __future__ import annotations

import json
import queue
import struct
import threading
from typing import TYPE_CHECKING, BinaryIO

from trooper_cli.engines.decoding import count, get_path
from trooper_cli.engines.openai import failure_of, read_chunks
from trooper_cli.errors import ConfigurationError, InputError, UnavailableError
from trooper_cli.net.http import Request
from trooper_cli.turn import Context, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trooper_cli.engines.engine import End

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
        self, context: Context[View], max_tokens: int, *, stream: bool, sampling: Mapping[str, float] | None = None
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
            **(sampling or {}),
            "stream": stream,
        }
        return Request(
            f"embedded:{self._path}", {}, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        )

    def send(self, request: Request, read_timeout: float) -> Iterator[str | End]:
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


def context_length(path: Path) -> int:
    """Read from a GGUF file for how many tokens its model was trained (ggml's docs/gguf.md, versions 2 and 3).

    Raises:
        ConfigurationError: there is no such file.
        InputError: it is not a GGUF file.

    """
    try:
        if path.exists() and not path.is_file():
            # A pipe would be waited for until somebody writes to it.
            raise ConfigurationError(f"the model {path} is no regular file; name a GGUF file")
        with path.open("rb") as file:
            magic, version, _, entries = struct.unpack("<4sIQQ", file.read(24))
            if magic != b"GGUF" or version not in {2, 3}:
                raise InputError(f"{path} is not a GGUF model of version 2 or 3")
            for _ in range(min(entries, 4096)):
                key = _string(file)
                value = _value(file, *struct.unpack("<I", file.read(4)))
                if key.endswith(b".context_length") and isinstance(value, int):
                    return value
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the model {path}: {error.strerror}; fetch one with `trooper pull`"
        ) from error
    except struct.error as error:
        raise InputError(f"{path} is a torn GGUF file; fetch it again") from error
    return _STEP


_STRING, _ARRAY = 8, 9
_FORMS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def _string(file: BinaryIO) -> bytes:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > 1 << 24:
        raise struct.error
    return file.read(length)


def _value(file: BinaryIO, kind: int) -> object:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, length = struct.unpack("<IQ", file.read(12))
        if inner in _FORMS:
            file.seek(struct.calcsize(_FORMS[inner]) * length, 1)
        else:
            for _ in range(length):
                _value(file, inner)
        return None
    if kind not in _FORMS:
        raise struct.error
    return struct.unpack(_FORMS[kind], file.read(struct.calcsize(_FORMS[kind])))[0]
