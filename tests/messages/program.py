"""A program that speaks the Messages API: requests in, responses out, and a server through which the SDK asks."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.conftest import Outcome, Trooper

MODEL = "claude-standin"
STATUS = {
    "invalid_request_error": 400,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def plainly(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return roles and texts, without cache marks."""
    found = []
    for message in messages:
        content = message["content"]
        text = content if isinstance(content, str) else "".join(block["text"] for block in content)
        found.append((message["role"], text))
    return found


def request(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 100, "messages": list(messages)} | fields


def events(text: str) -> list[dict[str, Any]]:
    """Return the events of a stream, each of whose names must be its type."""
    found = []
    for event in text.split("\n\n")[:-1]:
        name, data = event.split("\n")
        value = json.loads(data.removeprefix("data: "))
        assert name == f"event: {value['type']}"
        found.append(value)
    return found


@dataclass
class Conversation:
    """A program that resends its whole history with every request."""

    trooper: Trooper
    history: list[dict[str, Any]] = field(default_factory=list)

    def say(self, prompt: Any, **fields: Any) -> Any:
        """Send one more message and keep the answer; gives the response."""
        self.history.append(user(prompt))
        done = self.send(**fields)
        assert done.code == 0, done.notices
        self.history.append(assistant(done.json["content"]))
        return done.json

    def send(self, **fields: Any) -> Outcome:
        return self.trooper("messages", stdin=json.dumps(request(*self.history, **fields)))


class Bridge:
    """A server on loopback that gives every request to the command, and the command's output to the client."""

    def __init__(self, trooper: Trooper) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                process = trooper.start("messages", stdin=subprocess.PIPE)
                assert process.stdin is not None
                assert process.stdout is not None
                with process:
                    process.stdin.write(body)
                    process.stdin.close()
                    first = process.stdout.readline()
                    if first.startswith(b"event:"):
                        self._head(200, "text/event-stream")
                        self.wfile.write(first)
                        while chunk := process.stdout.read1(65536):  # type: ignore[attr-defined]
                            self.wfile.write(chunk)
                            self.wfile.flush()
                        return
                    whole = first + process.stdout.read()
                    kind = json.loads(whole).get("error", {}).get("type")
                    self._head(STATUS.get(kind, 500) if kind else 200, "application/json")
                    self.wfile.write(whole)

            def _head(self, status: int, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("connection", "close")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
