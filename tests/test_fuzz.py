"""Whatever bytes arrive, what reads them gives texts or says in one line what is wrong: nothing else comes out."""

from __future__ import annotations

import contextlib
import functools
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.standin import lines, message_events
from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.engines.api_errors import ErrorSource
from trooper_cli.engines.engine import End
from trooper_cli.engines.ollama import Model, Ollama, Server
from trooper_cli.engines.openai import OpenAI
from trooper_cli.engines.openai_cloud import OpenAICloud
from trooper_cli.errors import TrooperError
from trooper_cli.messages import request as messages_request
from trooper_cli.net.http import Request, Response
from trooper_cli.settings import KNOWN, Settings
from trooper_cli.store import jsonl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Reading bytes is quick: at least 100 examples, whatever the profile.
EXAMPLES = max(100, settings().max_examples // 3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CHUNK = {"choices": [{"delta": {"content": "some words"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}}
TURN = {"prompt": "p", "answer": "a", "label": "public", "status": "answered", "at": "2026-01-01"}
REQUEST = {"model": "m", "max_tokens": 9, "system": "s", "messages": [{"role": "user", "content": "u"}], "stream": True}
EVENTS = b"".join(message_events("some words"))
CHAT = f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n".encode()
RECORDS = b"".join(lines("some words"))
PLACE = ErrorSource("127.0.0.1:1", "KEY", "url", "")
ENGINES: dict[str, tuple[str, Callable[[], Any], bytes]] = {
    "anthropic": ("anthropic.to_cloud", lambda: Anthropic("m", {"ANTHROPIC_API_KEY": "k"}), EVENTS),
    "other cloud": (
        "openai_cloud.to_cloud",
        lambda: OpenAICloud("other", "https://127.0.0.1:1/v1", "m", PLACE, "k", 9_000, None),
        CHAT,
    ),
    "ollama": ("ollama.to_local", lambda: Ollama(Server({}), Model("m")), RECORDS),
    "openai": ("openai.to_local", lambda: OpenAI("http://127.0.0.1:1", "m"), CHAT),
}


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return damaged bytes that were valid: cut, repeated, overwritten, or with other JSON in their places."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        data[start:end] = draw(st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode()))
    return bytes(data)


@st.composite
def renamed(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return valid bytes in which one value is replaced by another, of any type."""
    text = whole.decode()
    words = sorted({json.dumps(word) for word in text.replace("\n", '"').split('"') if word.isidentifier()})
    return text.replace(draw(st.sampled_from(words or ['""'])), json.dumps(draw(JSON))).encode()


def anything(whole: bytes) -> st.SearchStrategy[bytes]:
    values = JSON.map(lambda value: json.dumps(value).encode())
    events = values.map(lambda value: b"data: %b\n\n" % value)
    return damaged(whole) | renamed(whole) | st.binary(max_size=200) | values | events


def outcome(of: Callable[[], Any]) -> tuple[Any, str]:
    """Return the value and "", or None and the error, which must be one line that can be encoded."""
    try:
        return of(), ""
    except TrooperError as error:
        told = str(error)
    told.encode()
    assert told
    assert "\n" not in told
    return None, told


@pytest.mark.parametrize("name", ENGINES)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_engines_may_send_anything(monkeypatch: pytest.MonkeyPatch, name: str, data: st.DataObject) -> None:
    """A status, a type and a body of whatever kind, in pieces of whatever size."""
    place, engine, whole = ENGINES[name]
    body = data.draw(anything(whole))
    status = data.draw(st.just(200) | st.integers(100, 599))
    kind = data.draw(st.sampled_from(["text/event-stream", "application/json", "application/x-ndjson", "x"]))
    retry = data.draw(st.sampled_from(["3", "-1", "1e400", "nan", "soon", "9" * 400]) | st.text())
    step = data.draw(st.integers(1, 64))
    response = Response(
        status,
        {"content-type": kind, "retry-after": retry},
        lambda: (body[start : start + step] for start in range(0, len(body), step)),
    )

    @contextlib.contextmanager
    def sent(*_: object, **__: object) -> Iterator[Response]:
        yield response

    with monkeypatch.context() as patched:
        patched.setattr(f"trooper_cli.engines.{place}", sent)
        pieces, told = outcome(lambda: list(engine().send(Request("http://127.0.0.1:1", {}, b""), 1.0)))
    if not told:
        assert isinstance(pieces[-1], End)
        "".join(pieces[:-1]).encode()


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=anything(json.dumps(TURN).encode() + b"\n") | JSON.map(lambda v: json.dumps(TURN | {"label": v}).encode()))
def test_imports_may_be_anything(data: bytes) -> None:
    """Turns that can be stored, or one line; a label that is not to be read is private."""
    turns, _ = outcome(lambda: list(jsonl.read_turns(None, io.TextIOWrapper(io.BytesIO(data)))))
    for turn in turns or ():
        "".join(value for value in turn if isinstance(value, str)).encode()
        assert turn.label != "public" or b'"public"' in data


@settings(max_examples=EXAMPLES, deadline=None)
@given(anything(json.dumps(REQUEST).encode()))
def test_requests_of_programs_may_be_anything(data: bytes) -> None:
    """A checked request, or one line; and never one that is ours in a form that is not."""
    body, told = outcome(lambda: messages_request.read(data.decode("utf-8", "replace")))
    if not told:
        assert body.messages
        assert not {"x_force_local", "x_session"} & body.fields.keys()


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    file=anything(b'cloud = "off"\nbudget = 500\nlocal_hosts = ["a"]\n[[clouds]]\nname = "x"\n'),
    environ=st.dictionaries(
        st.sampled_from([known.variable for known in KNOWN.values() if known.variable]),
        st.text(st.characters(exclude_characters="\0", exclude_categories=())),
    ),
)
def test_settings_may_be_anything(tmp_path: Path, file: bytes, environ: dict[str, str]) -> None:
    """A value, or one line that names its place; and what says "off" somewhere is never read as "on"."""
    (tmp_path / "config.toml").write_bytes(file)
    found = Settings(environ, tmp_path / "config.toml")
    for name in KNOWN:
        value, told = outcome(functools.partial(found.value, name))
        assert name != "cloud" or environ.get("TROOPER_CLOUD") != "off" or told or value.value == "off"
