"""The fault matrix: engine and fault, times streaming, label and fallback; what comes of each.

`docs/fallback.md` is written from it, and `tests/test_faults.py` runs every cell of it as a process.
"""

from __future__ import annotations

import gzip
import json
import threading
from typing import TYPE_CHECKING, NamedTuple

from tests.standin import (
    NDJSON_HEAD,
    STREAM_HEAD,
    Standin,
    api_error,
    claude,
    event,
    http,
    lines,
    message,
    message_events,
    ollama,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from tests.standin import Recorded

    Respond = Callable[[Recorded], Iterable[bytes]]

LOCAL = "a local answer\n"


class Outcome(NamedTuple):
    """What a user sees: exit code, standard output, the turn's stored status; and how often each side was asked."""

    code: int
    out: str
    status: str
    cloud: int
    local: int


class Fault(NamedTuple):
    """One row. `whole` and `pipe` say what differs with `--no-stream`, and in a pipe without a flag.

    Each pair is what comes of it with fallback and without. `quick` is how a fault of the network is made.
    """

    engine: str
    what: str
    respond: Respond
    stream: tuple[Outcome, Outcome]
    whole: tuple[Outcome, Outcome] | None = None
    pipe: tuple[Outcome, Outcome] | None = None
    flags: tuple[str, ...] = ()
    network: str = ""
    modes: tuple[str, ...] = ("--stream", "--no-stream")

    def outcomes(self, mode: str) -> tuple[Outcome, Outcome]:
        return {"--stream": self.stream, "--no-stream": self.whole or self.stream, "": self.pipe or self.stream}[mode]


class Babbler(Standin):
    """A server that speaks no TLS to whoever begins with it."""

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(16)
            connection.sendall(b"this is not TLS\r\n\r\n")


def always(answer: Iterable[bytes]) -> Respond:
    kept = list(answer)
    return lambda _: kept


def silent(_: Recorded) -> Iterator[bytes]:
    threading.Event().wait(20)
    yield b""


def told(what: str) -> tuple[Outcome, Outcome]:
    """Return the outcome, for both settings of fallback, of an error that this machine must not cover up."""
    code = {"invalid": 65, "configuration": 78, "nonsense": 76}[what]
    return (Outcome(code, "", "failed", 1, 0),) * 2


def replaced(code: int, asked: int) -> tuple[Outcome, Outcome]:
    """Return the outcomes of an error where this machine answers instead; without fallback its own exit code."""
    return Outcome(0, LOCAL, "answered", asked, 1), Outcome(code, "", "failed", asked, 0)


def both(*outcome: int | str) -> tuple[Outcome, Outcome]:
    return (Outcome(*outcome),) * 2  # type: ignore[arg-type]


AT_ONCE, AFTER_RETRIES = replaced(75, 1), replaced(75, 3)
REGAIN = "You have reached your specified API usage limits. You will regain access on 2999-01-01 at 00:00 UTC."
HALF = [STREAM_HEAD, *message_events("one two three")[:-4]]
HALF_PRINTED = both(76, "one two th", "incomplete", 1, 0)
HALF_KEPT_BACK = replaced(69, 3)[0], Outcome(69, "", "incomplete", 3, 0)


def cut(answer: list[bytes], keep: int = 30) -> list[bytes]:
    """Cut a response within its body, whose length was promised."""
    head, body = answer
    return [head, body[:keep]]


def error_event(kind: str) -> bytes:
    return event({"type": "error", "error": {"type": kind, "message": "x"}})


def compressed() -> list[bytes]:
    body = gzip.compress(message("an answer")[1])
    return [
        b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body),
        body,
    ]


def anthropic(what: str, answer: Iterable[bytes], *outcomes: tuple[Outcome, Outcome] | None, **more: object) -> Fault:
    return Fault("anthropic", what, always(answer), *outcomes, **more)  # type: ignore[arg-type]


ANTHROPIC = (
    anthropic("402, billing_error", api_error(402, "billing_error"), AT_ONCE),
    anthropic(
        "402, the organization's spend limit",
        api_error(402, "billing_error", code="linked_organization_spend_limit_reached"),
        AT_ONCE,
    ),
    anthropic(
        "429, spend limit reached",
        api_error(429, "rate_limit_error", REGAIN, "enforced_spend_limit_reached", retry_after="1"),
        AT_ONCE,
    ),
    anthropic("429 without `retry-after`", api_error(429, "rate_limit_error"), AT_ONCE),
    anthropic(
        "400, credit balance",
        api_error(400, "invalid_request_error", "Your credit balance is too low to access the API."),
        AT_ONCE,
    ),
    anthropic("400, usage limit with a date", api_error(400, "invalid_request_error", REGAIN), AT_ONCE),
    anthropic(
        "400, usage limit of the workspace",
        api_error(400, "invalid_request_error", REGAIN.replace("API", "workspace API")),
        AT_ONCE,
    ),
    anthropic(
        "429, long context not covered",
        api_error(429, "rate_limit_error", "Extra usage is required for long context requests.", retry_after="1"),
        AT_ONCE,
    ),
    anthropic("429, `retry-after` short", api_error(429, "rate_limit_error", retry_after="0.1"), AFTER_RETRIES),
    anthropic("429, `retry-after` long", api_error(429, "rate_limit_error", retry_after="3600"), AT_ONCE),
    anthropic("529, overloaded", api_error(529, "overloaded_error"), AFTER_RETRIES),
    anthropic("503", http(503, "<html>busy</html>", "text/html"), AFTER_RETRIES),
    anthropic("500, api_error", api_error(500, "api_error"), replaced(69, 3)),
    anthropic("502, from a gateway", http(502, "<html>bad gateway</html>", "text/html"), replaced(69, 3)),
    anthropic("504, timeout_error", api_error(504, "timeout_error"), replaced(69, 3)),
    anthropic("409, conflict", api_error(409, "conflict"), replaced(69, 3)),
    anthropic("connection refused", [], replaced(69, 0), network="refused"),
    anthropic("no TLS where https is asked for", [], replaced(69, 0), network="babble"),
    anthropic("connection closed without an answer", [], replaced(69, 3)),
    Fault("anthropic", "silence", silent, replaced(69, 3), flags=("--timeout", "0.5")),
    anthropic(
        "overload told in the stream, before any text",
        [STREAM_HEAD, error_event("overloaded_error")],
        AFTER_RETRIES,
        modes=("--stream", ""),
    ),
    anthropic(
        "rejected key told in the stream, before any text",
        [STREAM_HEAD, error_event("authentication_error")],
        told("configuration"),
        modes=("--stream", ""),
    ),
    anthropic("the stream breaks off after text", HALF, HALF_PRINTED, pipe=HALF_KEPT_BACK, modes=("--stream", "")),
    anthropic(
        "overload told in the stream, after text",
        [*HALF, error_event("overloaded_error")],
        HALF_PRINTED,
        pipe=(AFTER_RETRIES[0], Outcome(75, "", "incomplete", 3, 0)),
        modes=("--stream", ""),
    ),
    anthropic(
        "invalid request told in the stream, after text",
        [*HALF, error_event("invalid_request_error")],
        HALF_PRINTED,
        pipe=both(65, "", "incomplete", 1, 0),
        modes=("--stream", ""),
    ),
    anthropic("a whole answer is cut", cut(message("one two three")), replaced(69, 3)),
    anthropic("401, key rejected", api_error(401, "authentication_error"), told("configuration")),
    anthropic("401, its body cut", cut(api_error(401, "authentication_error")), told("configuration")),
    anthropic("403, no permission", api_error(403, "permission_error"), told("configuration")),
    anthropic(
        "403, organization on hold",
        api_error(403, "permission_error", code="organization_on_hold"),
        told("configuration"),
    ),
    anthropic("404, unknown model", api_error(404, "not_found_error"), told("configuration")),
    anthropic("400, any other", api_error(400, "invalid_request_error"), told("invalid")),
    anthropic(
        "400, the prompt alone is too long",
        api_error(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
        told("invalid"),
    ),
    anthropic("413, too large", http(413, "<html>too large</html>", "text/html"), told("invalid")),
    anthropic("a redirect", http(307, "", location="http://127.0.0.1:9/"), told("configuration")),
    anthropic("204, no answer", http(204, ""), told("nonsense")),
    anthropic("200 with a page", http(200, "<html>sign in</html>", "text/html"), told("nonsense")),
    anthropic("200 with other JSON", http(200, "{}"), told("nonsense")),
    anthropic("a compressed answer", compressed(), told("nonsense")),
    Fault("anthropic", "an empty answer", claude(""), told("nonsense")),
    Fault(
        "anthropic",
        "a refusal",
        claude("I will not.", "refusal"),
        both(76, "I will not.", "refused", 1, 0),
        both(69, "", "refused", 1, 0),
    ),
    Fault(
        "anthropic",
        "cut at `max_tokens`",
        claude("half an ans", "max_tokens"),
        both(0, "half an ans\n", "answered", 1, 0),
    ),
)


def chunks(*pieces: str, stop: str = "") -> list[bytes]:
    """Return a stream of chat completion chunks; without a stop reason it breaks off."""
    records: list[dict[str, object]] = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    if stop:
        records.append({"choices": [{"delta": {}, "finish_reason": stop}]})
        records.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})
    ends = [b"data: [DONE]\n\n"] if stop else []
    return [STREAM_HEAD, *(f"data: {json.dumps(record)}\n\n".encode() for record in records), *ends]


def completion(text: str, stop: str = "stop") -> list[bytes]:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": stop}
    return http(200, json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}))


def compatible(text: str, stop: str = "stop") -> Respond:
    """Answer as an OpenAI-compatible server does."""

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.path.endswith("/models"):
            return http(200, json.dumps({"data": [{"id": "small", "max_model_len": 8192}, {"id": "large"}]}))
        return (
            chunks(*text.split("|"), stop=stop) if request.json["stream"] else completion(text.replace("|", ""), stop)
        )

    return respond


def openai_error(status: int, kind: str = "", code: str = "", words: str = "as it says", **headers: str) -> list[bytes]:
    return http(status, json.dumps({"error": {"type": kind, "code": code, "message": words}}), **headers)


def other(what: str, answer: Iterable[bytes], *outcomes: tuple[Outcome, Outcome] | None, **more: object) -> Fault:
    return Fault("other cloud", what, always(answer), *outcomes, **more)  # type: ignore[arg-type]


OTHER_CLOUD = (
    other("429, insufficient_quota", openai_error(429, code="insufficient_quota", retry_after="1"), AT_ONCE),
    other("402", openai_error(402), AT_ONCE),
    other("429 without `retry-after`", openai_error(429), AT_ONCE),
    other("429, `retry-after` short", openai_error(429, retry_after="0.1"), AFTER_RETRIES),
    other("503", openai_error(503), AFTER_RETRIES),
    other("500", openai_error(500), replaced(69, 3)),
    other("connection refused", [], replaced(69, 0), network="refused"),
    other("401, key rejected", openai_error(401), told("configuration")),
    other("404, unknown model", openai_error(404), told("configuration")),
    other("400", openai_error(400), told("invalid")),
    other("200 with other JSON", http(200, "{}"), told("nonsense")),
    other(
        "an error in the stream, before any text",
        [STREAM_HEAD, b'data: {"error": {"code": 502, "message": "x"}}\n\n'],
        replaced(69, 3),
        modes=("--stream", ""),
    ),
    other(
        "the stream breaks off after text",
        chunks("one two"),
        both(76, "one two", "incomplete", 1, 0),
        pipe=HALF_KEPT_BACK,
        modes=("--stream", ""),
    ),
    Fault(
        "other cloud",
        "a refusal (`content_filter`)",
        compatible("I will", "content_filter"),
        both(76, "I will", "refused", 1, 0),
        both(69, "", "refused", 1, 0),
    ),
)


def here(engine: str, what: str, chat: Respond, *outcome: int | str, asked: int = 1, **more: object) -> Fault:
    code, out, status = outcome
    respond = ollama(chat=chat) if engine == "ollama" else _with_models(chat)
    if code == 76 and out:
        more |= {"pipe": both(76, "", status, 0, asked), "modes": ("--stream", "")}
    return Fault(engine, what, respond, both(code, out, status, 0, asked), **more)  # type: ignore[arg-type]


def _with_models(chat: Respond) -> Respond:
    healthy = compatible("")
    return lambda request: healthy(request) if request.path.endswith("/models") else chat(request)


def records(*pieces: object) -> list[bytes]:
    return [NDJSON_HEAD, *(json.dumps(piece).encode() + b"\n" for piece in pieces)]


def said(piece: str) -> dict[str, object]:
    return {"message": {"role": "assistant", "content": piece}, "done": False}


def thought(stop: str) -> Respond:
    """Answer as a thinking model does that comes to no answer."""
    end = {"message": {"content": ""}, "done": True, "done_reason": stop, "prompt_eval_count": 9, "eval_count": 4}
    thinking = {"message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False}

    def respond(request: Recorded) -> Iterable[bytes]:
        return records(thinking, end) if request.json["stream"] else http(200, json.dumps(thinking | end))

    return respond


OVERFLOW = {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 8192}}

OLLAMA = (
    Fault(
        "ollama", "model not found", ollama(models=("other:latest",)), both(78, "", "failed", 0, 0), flags=("-m", "x")
    ),
    Fault("ollama", "no model at all", ollama(models=()), both(78, "", "failed", 0, 0)),
    Fault(
        "ollama",
        "the model runs elsewhere",
        ollama(models=(), remote=("x:1b",)),
        both(77, "", "failed", 0, 0),
        flags=("-m", "x:1b"),
    ),
    Fault("ollama", "not running", ollama(), both(69, "", "failed", 0, 0), network="refused"),
    here(
        "ollama", "model gone between look and ask", always(http(404, '{"error":"model not found"}')), 78, "", "failed"
    ),
    here(
        "ollama",
        "queue full",
        always(http(503, '{"error":"server busy, please try again."}')),
        69,
        "",
        "failed",
        asked=3,
    ),
    here(
        "ollama",
        "runner died",
        always(http(500, '{"error":"model runner has unexpectedly stopped"}')),
        69,
        "",
        "failed",
    ),
    here(
        "ollama",
        "the prompt alone exceeds the context",
        always(http(400, json.dumps({"error": json.dumps(OVERFLOW)}))),
        65,
        "",
        "failed",
    ),
    here("ollama", "not a chat model", always(http(400, '{"error":"does not support chat"}')), 65, "", "failed"),
    here("ollama", "cloud models are off, or it wants to be signed in to", always(http(403, "")), 77, "", "failed"),
    here("ollama", "a redirect", always(http(302, "", location="http://127.0.0.1:9/")), 77, "", "failed"),
    here("ollama", "silence", silent, 69, "", "failed", flags=("--timeout", "0.5")),
    here("ollama", "closed without an answer", always([]), 69, "", "failed"),
    here("ollama", "ends without `done`", always(records(said("half"))), 76, "half", "incomplete"),
    here("ollama", "an error after text", always(records(said("half"), {"error": "died"})), 76, "half", "incomplete"),
    here("ollama", "no JSON", always([NDJSON_HEAD, b"<html>\n"]), 76, "", "failed"),
    here("ollama", "a thinking model that comes to no answer", thought("stop"), 76, "", "failed"),
    here("ollama", "a thinking model cut before its answer", thought("length"), 76, "", "failed"),
    here(
        "ollama",
        "the answer names another machine",
        always(records(said("x") | {"remote_host": "https://ollama.com"})),
        77,
        "",
        "failed",
    ),
    here(
        "ollama",
        "cut at `num_predict`",
        lambda request: lines("half", stream=request.json["stream"], reason="length"),
        0,
        "half\n",
        "answered",
    ),
)

OPENAI = (
    Fault("openai", "not running", compatible(""), both(69, "", "failed", 0, 0), network="refused"),
    here("openai", "model not found", always(openai_error(404)), 78, "", "failed", flags=("-m", "x")),
    here("openai", "wants a key", always(openai_error(401)), 78, "", "failed"),
    here("openai", "queue full", always(openai_error(503)), 69, "", "failed", asked=3),
    here("openai", "invalid request", always(openai_error(400)), 65, "", "failed"),
    here(
        "openai",
        "the prompt alone exceeds the context",
        always(openai_error(400, words="maximum context length is 8192 tokens, however you requested 9000 tokens")),
        65,
        "",
        "failed",
    ),
    here("openai", "500", always(openai_error(500)), 69, "", "failed"),
    here("openai", "a redirect", always(http(307, "", location="http://127.0.0.1:9/")), 77, "", "failed"),
    here("openai", "breaks off after text", always(chunks("half")), 76, "half", "incomplete"),
    here("openai", "200 with other JSON", always(http(200, "{}")), 76, "", "failed"),
    here("openai", "an empty answer", compatible(""), 76, "", "failed"),
)


class Cell(NamedTuple):
    """One run: a fault, how it is asked, and what comes of it."""

    fault: Fault
    mode: str
    label: str
    fallback: bool
    outcome: Outcome

    @property
    def name(self) -> str:
        mode = self.mode or "pipe"
        return (
            f"{self.fault.engine}: {self.fault.what}, {mode}, {self.label}, fallback {'on' if self.fallback else 'off'}"
        )


HERE = Outcome(0, LOCAL, "answered", 0, 1)


def cells(fault: Fault) -> Iterator[Cell]:
    """Yield the cells of a row. Where an outcome is the same in both modes, each is run with another setting."""
    first, last = fault.modes[0], fault.modes[-1]
    if fault in ANTHROPIC or fault in OTHER_CLOUD:
        for mode in fault.modes:
            for fallback in (True, False):
                yield Cell(fault, mode, "public", fallback, fault.outcomes(mode)[not fallback])
        # What ails a cloud is nothing to a private turn.
        yield Cell(fault, first, "private", fallback=True, outcome=HERE)
        yield Cell(fault, last, "private", fallback=False, outcome=HERE)
        return
    for label, mode, fallback in (
        ("private", first, True),
        ("private", last, False),
        ("public", first, False),
        ("public", last, True),
    ):
        yield Cell(fault, mode, label, fallback, fault.outcomes(mode)[not fallback])


MATRIX = (*ANTHROPIC, *OTHER_CLOUD, *OLLAMA, *OPENAI)
