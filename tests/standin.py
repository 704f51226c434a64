"""A stand-in for engines: it records every byte that reaches it and answers what a healthy engine never would.

Its shapes follow the Messages API (streaming documents, SDK 2.12) and Ollama's source (api/types.go, v0.33 line).
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Recorded:
    """One request, to the byte."""

    raw: bytes
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def plain(messages: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return messages with their texts alone: a text may be a block with a cache mark."""
    return [
        {
            "role": message["role"],
            "content": message["content"]
            if isinstance(message["content"], str)
            else "".join(block["text"] for block in message["content"]),
        }
        for message in messages
    ]


class Standin:
    """A server on loopback. `respond` gives the bytes to write, piece by piece; then the connection is closed."""

    def __init__(self, respond: Callable[[Recorded], Iterable[bytes]]) -> None:
        self.respond = respond
        self.requests: list[Recorded] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            # Closing alone leaves a listener whose thread is still in accept().
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def bodies(self) -> list[Any]:
        """What was asked, without the probes that carry no text."""
        return [request.json for request in self.requests if request.body and request.path.endswith(CHAT_PATHS)]

    @property
    def bytes(self) -> bytes:
        return b"".join(request.raw for request in self.requests)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        try:
            with connection:
                request = _read(connection)
                if request is None:
                    return
                self.requests.append(request)
                for piece in self.respond(request):
                    connection.sendall(piece)
        except (OSError, json.JSONDecodeError):
            # The other end went away, perhaps in the middle of its request.
            return


class Absent(Standin):
    """An address at which nothing listens. It is kept, so that no other stand-in has it in the meantime."""

    def __init__(self, respond: Callable[[Recorded], Iterable[bytes]]) -> None:
        self.respond = respond
        self.requests = []
        self.connections = 0
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"


CHAT_PATHS = ("/v1/messages", "/api/chat", "/v1/chat/completions")


def _read(connection: socket.socket) -> Recorded | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        chunk = connection.recv(65536)
        if not chunk:
            return None
        body += chunk
    return Recorded(head + b"\r\n\r\n" + body, method, path, headers, body)


def http(status: int, body: bytes | str, kind: str = "application/json", **headers: str) -> list[bytes]:
    """Return one whole response."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(data)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n", data]


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
NDJSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n"


def event(value: dict[str, Any]) -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode()


def thinking_events(thought: str, index: int = 0) -> list[bytes]:
    """Return the events of a block of thought (raw_content_block_delta.py, SDK 2.12); its text may be left out."""
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": thought}] if thought else []
    deltas.append({"type": "signature_delta", "signature": "c2lnbmVk"})
    return [
        event({"type": "content_block_start", "index": index, "content_block": start}),
        *(event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas),
        event({"type": "content_block_stop", "index": index}),
    ]


def message_events(text: str, stop: str = "end_turn", pieces: int = 3) -> list[bytes]:
    """Return the events of a streamed message, `ping` and an unknown one among them."""
    size = max(1, -(-len(text) // pieces))
    usage = {"input_tokens": 11, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 1}
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-standin", "content": []}
    return [
        event({"type": "message_start", "message": start | {"usage": usage}}),
        event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        event({"type": "ping"}),
        event({"type": "brand_new_event", "hello": 1}),
        *(
            event(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": text[at : at + size]},
                }
            )
            for at in range(0, len(text), size)
        ),
        event({"type": "content_block_stop", "index": 0}),
        event({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 7}}),
        event({"type": "message_stop"}),
    ]


def message(text: str, stop: str = "end_turn") -> list[bytes]:
    usage = {"input_tokens": 11, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 7}
    return http(
        200,
        json.dumps(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-standin",
                "content": [{"type": "text", "text": text}],
                "stop_reason": stop,
                "usage": usage,
            }
        ),
    )


def claude(text: str = "a cloud answer", stop: str = "end_turn") -> Callable[[Recorded], Iterable[bytes]]:
    """Answer as the Messages API does: a stream if one was asked for, else JSON."""

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.method == "GET":
            return http(404, "no list of models here")
        return [STREAM_HEAD, *message_events(text, stop)] if request.json.get("stream") else message(text, stop)

    return respond


def model_list(*names: str, aliases: Iterable[str] = ()) -> Callable[[Recorded], Iterable[bytes]]:
    """Answer as the list of models does, and as the look at one model, which knows aliases too."""

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.path.startswith("/v1/models?"):
            rows = [{"type": "model", "id": name, "display_name": name} for name in names]
            return http(200, json.dumps({"data": rows, "has_more": False}))
        asked = request.path.removeprefix("/v1/models/")
        if asked in {*names, *aliases}:
            return http(200, json.dumps({"type": "model", "id": asked}))
        return api_error(404, "not_found_error")

    return respond


def api_error(status: int, kind: str, words: str = "as the API says it", code: str = "", **headers: str) -> list[bytes]:
    error: dict[str, Any] = {"type": kind, "message": words}
    if code:
        error["details"] = {"error_code": code}
    return http(status, json.dumps({"type": "error", "error": error, "request_id": "req_1"}), **headers)


def ollama(  # noqa: PLR0913
    text: str = "a local answer",
    *,
    version: str = "0.33.0",
    models: Iterable[str] = ("llama3.2:latest",),
    remote: Iterable[str] = (),
    told_by: Iterable[str] = ("/api/tags", "/api/show"),
    context: int = 32768,
    loaded: int = 0,
    cloud_is_open: bool | None = None,
    capabilities: Mapping[str, Sequence[str]] | None = None,
    family: str = "llama",
    template: str = "",
    chat: Callable[[Recorded], Iterable[bytes]] | None = None,
) -> Callable[[Recorded], Iterable[bytes]]:
    """Answer as Ollama does; `remote` names stubs of models elsewhere, `told_by` which calls say so.

    `capabilities`, `family` and `template` are of `/api/show` (api/types.go, ShowResponse); servers before 0.6.4 say
    nothing of the first.
    """
    lock = tuple(map(int, version.split(".")[:2])) >= (0, 18)
    far = {"remote_host": "https://ollama.com:443", "remote_model": "big"}

    def known(request: Recorded) -> tuple[str, bool]:
        asked = request.json["model"]
        locked = lock and asked.endswith(":local")
        name = asked.removesuffix(":local") if locked else asked
        found = next((model for model in (*models, *remote) if model in {name, f"{name}:latest"}), "")
        return found, bool(found) and not (locked and found in remote)

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.path == "/api/version":
            return http(200, json.dumps({"version": version}))
        if request.path == "/api/tags":
            stub = far if request.path in told_by else {}
            rows = [{"name": name} | stub for name in remote] + [{"name": name} for name in models]
            return http(200, json.dumps({"models": rows}))
        if request.path == "/api/ps":
            running = [{"name": name, "context_length": loaded} for name in models] if loaded else []
            return http(200, json.dumps({"models": running}))
        if request.path == "/api/status":
            told = {"cloud": {"disabled": not cloud_is_open, "source": "env"}}
            return http(404, "404 page not found") if cloud_is_open is None else http(200, json.dumps(told))
        name, there = known(request)
        if not there:
            return http(404, json.dumps({"error": f"model '{request.json['model']}' not found"}))
        if request.path == "/api/show":
            extra: dict[str, Any] = dict(far) if name in remote and request.path in told_by else {}
            shown: dict[str, Any] = {"model_info": {"llama.context_length": context}, "details": {"family": family}}
            if capabilities is not None:
                extra["capabilities"] = capabilities[name]
            return http(200, json.dumps(shown | {"template": template} | extra))
        return chat(request) if chat else lines(text, stream=request.json["stream"])

    return respond


def lines(text: str, *, stream: bool = True, reason: str = "stop", thought: str = "") -> Iterator[bytes]:
    """Yield the records of an Ollama answer; what it thinks comes first, in `message.thinking` (api/types.go)."""
    end = {"done": True, "done_reason": reason, "prompt_eval_count": 9, "eval_count": 4}
    thinking = {"thinking": thought} if thought else {}
    if not stream:
        yield from http(200, json.dumps({"message": {"role": "assistant", "content": text} | thinking} | end))
        return
    yield NDJSON_HEAD
    for piece in thought.splitlines(keepends=True):
        record = {"message": {"role": "assistant", "content": "", "thinking": piece}, "done": False}
        yield json.dumps(record).encode() + b"\n"
    for number, word in enumerate(text.split(" ")):
        piece = f" {word}" if number else word
        yield json.dumps({"message": {"role": "assistant", "content": piece}, "done": False}).encode() + b"\n"
    yield json.dumps({"message": {"role": "assistant", "content": ""}} | end).encode() + b"\n"
