"""The response as a program expects it: one message, the events of a stream, or the API's error object.

What Claude sends goes through as it came, with the block `x_trooper` added; what an engine here says is put into the
same form.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import get_path, items, text
from trooper_cli.engines.engine import REPETITION
from trooper_cli.errors import (
    BreakerError,
    ConfigurationError,
    InputError,
    LimitError,
    LocalityError,
    NotCoveredError,
    NotFoundError,
    OverloadError,
    QuotaError,
    RefusedError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trooper_cli.ask.caller import Provenance
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.engines.engine import Usage

Part = dict[str, object]

_ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (NotFoundError, "not_found_error"),
    (InputError, "invalid_request_error"),
    (UsageError, "invalid_request_error"),
    (ConfigurationError, "invalid_request_error"),
    (LocalityError, "permission_error"),
    (OverloadError, "overloaded_error"),
    (QuotaError, "rate_limit_error"),
    (NotCoveredError, "rate_limit_error"),
    (BreakerError, "rate_limit_error"),
    (LimitError, "rate_limit_error"),
)


def error_of(error: Exception) -> Part:
    """Return the API's error object for a failure of this call."""
    kind = next((name for of, name in _ERRORS if isinstance(error, of)), "api_error")
    return {"type": "error", "error": {"type": kind, "message": str(error) or "unexpected fault"}}


class Reply:
    """The response to one request, on its way to standard output."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.begun = False
        self._live = False
        self._session: str | None = None
        self._left_out = 0
        self._print = write
        self._from: Provenance | None = None
        self._forget()

    def expect(self, session: str | None, *, live: bool) -> None:
        """Store the session of the request, and whether it asks for a stream."""
        self._session, self._live = session, live

    def leave_out(self, messages: int) -> None:
        """Store how many messages of the history are not sent, being private."""
        self._left_out = messages

    def _forget(self) -> None:
        self._held: list[Part] = []
        self._message: Part | None = None
        self._is_cloud = False
        self._over = False

    def begin(self, provenance: Provenance) -> None:
        """Begin an attempt; what an earlier one brought is forgotten, since nothing of it is out."""
        self._from = provenance
        self._forget()

    def arrived(self, part: object) -> None:
        """Read a message of the cloud's, or an event of its stream, and write what may go out by now."""
        if not isinstance(part, dict):
            return
        self._is_cloud = True
        kind = part.get("type")
        if kind == "message":
            self._message = part
            return
        if kind == "message_start" and isinstance(part.get("message"), dict):
            part = part | {"message": part["message"] | {"x_trooper": self._start()}}
        self._held.append(part)
        # An answer that has not begun may still be asked for again; its end waits until it is in the session.
        self._over = self._over or kind in {"message_delta", "message_stop"}
        if self._live and not self._over and (self.begun or kind == "content_block_delta"):
            self._let_through()

    def wait(self, what: str) -> None:
        """Do nothing: a program has no terminal to look at."""

    def think(self, text: str) -> None:
        """Do nothing: what Claude thinks is in its own response, and what a local model thinks is not passed on."""

    def write(self, text: str) -> None:
        """Write a piece of text; of the cloud's it is known already."""
        if not self._live or self._is_cloud:
            return
        if not self.begun:
            self._held = [
                self._message_start(),
                {"type": "content_block_start", "index": 0, "content_block": _text("")},
            ]
        self._held.append({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        self._let_through()

    def finish(self, answer: Answer) -> None:
        """End the response: the message as a whole, or the last events of the stream."""
        provenance = self._provenance(answer)
        if not self._live:
            message = self._message or self._synthesised(answer)
            self._print(json.dumps(message | {"x_trooper": provenance}, ensure_ascii=False) + "\n")
            return
        if self._message is not None:
            self._held = list(_as_events(self._message | {"x_trooper": self._start(answer.model)}))
        elif not self._is_cloud:
            if not self.begun:
                self.write(answer.text)
            self._held += [{"type": "content_block_stop", "index": 0}, _delta(answer), {"type": "message_stop"}]
        self._held = [
            event | {"x_trooper": provenance} if event["type"] == "message_delta" else event for event in self._held
        ]
        self._let_through()

    def fail(self, error: Exception) -> None:
        """End the response with an error; a refusal of the model's is a response of its own."""
        if isinstance(error, RefusedError) and self._message is not None and not self._live:
            provenance = self._start(text(self._message, "model"))
            self._print(json.dumps(self._message | {"x_trooper": provenance}, ensure_ascii=False) + "\n")
        elif isinstance(error, RefusedError) and self._live and self._over:
            self._let_through()
        elif self.begun:
            self._print(_event(error_of(error)))
        else:
            self._print(json.dumps(error_of(error), ensure_ascii=False) + "\n")

    def _let_through(self) -> None:
        self.begun = True
        # Taken first: a reader that is gone must not be written to a second time.
        held, self._held = self._held, []
        self._print("".join(map(_event, held)))

    def _message_start(self) -> Part:
        model = self._from.model if self._from else ""
        message = _empty_message(model) | {"x_trooper": self._start()}
        return {"type": "message_start", "message": message}

    def _synthesised(self, answer: Answer) -> Part:
        message = _empty_message(answer.model) | {"content": [_text(answer.text)] if answer.text else []}
        return message | {
            "stop_reason": _stop(answer.stop),
            "stop_sequence": answer.stop_sequence,
            "usage": _usage(answer.usage),
        }

    def _start(self, model: str = "") -> Part:
        """Return what is known of the answer's origin when it begins; `model` is the name that the answer reports."""
        if self._from is None:
            return {}
        return {
            "label": self._from.decision.label,
            "route": self._from.decision.side,
            "reason": self._from.decision.reason,
            "engine": self._from.engine,
            "model": model or self._from.model,
            "session": self._session,
            "turn": self._from.turn,
            "left_out": self._left_out,
            "context": self._from.context,
        }

    def _provenance(self, answer: Answer) -> Part:
        usage = answer.usage
        return self._start(answer.model) | {
            "reason": answer.decision.reason,
            "host": answer.host,
            "network": answer.on_network,
            "fallback": answer.fallback,
            "usage": {
                "input": usage.input,
                "output": usage.output,
                "cache_read": usage.cache_read,
                "cache_write": usage.cache_write,
            },
            "seconds": answer.seconds,
        }


def _event(part: Part) -> str:
    return f"event: {part['type']}\ndata: {json.dumps(part, ensure_ascii=False)}\n\n"


def _text(value: str) -> Part:
    return {"type": "text", "text": value}


def _empty_message(model: str) -> Part:
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def _usage(usage: Usage) -> Part:
    return {
        "input_tokens": usage.input - usage.cache_read - usage.cache_write,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }


def _stop(reason: str) -> str:
    if reason == REPETITION:
        # The API has no word of its own for an answer that was cut for this.
        return "max_tokens"
    known = {"end_turn", "max_tokens", "stop_sequence", "refusal"}
    return reason if reason in known else "end_turn"


def _delta(answer: Answer) -> Part:
    delta = {"stop_reason": _stop(answer.stop), "stop_sequence": answer.stop_sequence}
    return {"type": "message_delta", "delta": delta, "usage": _usage(answer.usage)}


def _as_events(message: Part) -> Iterator[Part]:
    """Yield a whole message as the events of a stream."""
    ends = {"stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": message | ends | {"content": []}}
    for index, block in enumerate(items(message, "content")):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": text(message, "stop_reason") or None, "stop_sequence": get_path(message, "stop_sequence")}
    yield {"type": "message_delta", "delta": delta, "usage": get_path(message, "usage") or {"output_tokens": 0}}
    yield {"type": "message_stop"}
