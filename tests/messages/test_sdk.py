"""The vendor's own SDK as the client: it makes the calls, and its types read what comes back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Trooper
from tests.messages.program import MODEL, Bridge, plainly, user
from tests.standin import api_error, claude, ollama

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.standin import Standin

sdk = pytest.importorskip("anthropic", reason="the SDK is not installed")

LOCAL = {"x_force_local": True}


@pytest.fixture
def client(trooper: Trooper) -> Iterator[Any]:
    with (
        Bridge(trooper) as bridge,
        contextlib.closing(sdk.Anthropic(base_url=bridge.url, api_key="any", max_retries=0)) as opened,
    ):
        yield opened


def converse(client: Any, turns: Iterable[int], *, private: set[int], stream: bool) -> None:
    """Hold a conversation by resending it, with some turns forced local; the SDK's types read every response."""
    history: list[Any] = []
    for turn in turns:
        is_private = turn in private
        history.append(user(f"my pin, number {turn}" if is_private else f"question {turn}"))
        options = {"model": MODEL, "max_tokens": 100, "messages": history, "extra_body": LOCAL if is_private else {}}
        if stream:
            with client.messages.stream(**options) as opened:
                pieces = list(opened.text_stream)
                answer = opened.get_final_message()
            assert "".join(pieces) == answer.content[0].text
        else:
            answer = client.messages.create(**options)
        sdk.types.Message.model_validate(answer.model_dump())
        assert (answer.stop_reason, answer.role, answer.content[0].type) == ("end_turn", "assistant", "text")
        assert answer.usage.output_tokens > 0
        assert answer.x_trooper["label"] == ("private" if is_private else "public")
        assert answer.content[0].text == ("the pin is 4711" if is_private else "a cloud answer")
        history.append({"role": "assistant", "content": answer.content})


@pytest.mark.parametrize("stream", [False, True])
def test_ten_turns_with_the_sdk(
    client: Any,
    trooper: Trooper,
    cloud: Standin,
    local: Standin,
    tmp_path: Path,
    stream: bool,  # noqa: FBT001
) -> None:
    """A program holds a conversation of ten turns by resending it; turns 3 and 7 leave no trace in a cloud byte."""
    local.respond = ollama("the pin is 4711")
    converse(client, range(1, 11), private={3, 7}, stream=stream)
    assert len(local.bodies[-1]["messages"]) == 13
    mixed = [request.raw for request in cloud.requests]
    cloud.requests.clear()
    with Bridge(Trooper(tmp_path / "plain", trooper.environ)) as bridge:
        plain = client.with_options(base_url=bridge.url)
        converse(plain, (1, 2, 4, 5, 6, 8, 9, 10), private=set(), stream=stream)
    assert len(mixed) == 8
    assert mixed == [request.raw for request in cloud.requests]
    for trace in (b"pin", b"4711", b'"x_'):
        assert trace not in b"".join(mixed)


@pytest.mark.parametrize("extra", [{}, LOCAL])
def test_every_event_has_a_type_of_the_sdk_s(client: Any, extra: dict[str, Any]) -> None:
    """The raw events of either side are those that the SDK has classes for, in their order."""
    stream = client.messages.create(
        model=MODEL, max_tokens=100, messages=[user("hello")], stream=True, extra_body=extra
    )
    with stream:
        found = [event for event in stream if event.type not in {"ping", "brand_new_event"}]
    names = {
        "message_start": "RawMessageStartEvent",
        "content_block_start": "RawContentBlockStartEvent",
        "content_block_delta": "RawContentBlockDeltaEvent",
        "content_block_stop": "RawContentBlockStopEvent",
        "message_delta": "RawMessageDeltaEvent",
        "message_stop": "RawMessageStopEvent",
    }
    kinds = [event.type for event in found]
    assert list(dict.fromkeys(kinds)) == list(names)
    for event in found:
        of = getattr(sdk.types, names[event.type])
        assert isinstance(event, of)
        if event.type != "message_start" or extra:
            # What the stand-in leaves out of its own message is not ours to add.
            of.model_validate(event.model_dump())


def test_stop_sequences_by_the_sdk(client: Any, local: Standin) -> None:
    """The SDK's own field is obeyed by an engine here."""
    local.respond = ollama("one two three")
    answer = client.messages.create(
        model=MODEL, max_tokens=100, messages=[user("count")], stop_sequences=["three"], extra_body=LOCAL
    )
    assert (answer.content[0].text, answer.stop_reason, answer.stop_sequence) == ("one two ", "stop_sequence", "three")


def test_errors_are_the_sdk_s_own(client: Any, cloud: Standin) -> None:
    """What is refused or fails is raised as the SDK's exceptions, with our words."""
    with pytest.raises(sdk.BadRequestError, match="x_force_local"):
        client.messages.create(model=MODEL, max_tokens=9, messages=[user("hello")], extra_body={"x_force_local": "yes"})
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    with pytest.raises(sdk.BadRequestError, match="an engine on this machine takes text"):
        client.messages.create(model=MODEL, max_tokens=9, messages=[user([image])], extra_body=LOCAL)
    assert cloud.connections == 0
    cloud.respond = lambda _: api_error(429, "rate_limit_error")
    tool = {"name": "t", "input_schema": {"type": "object"}}
    with pytest.raises(sdk.RateLimitError):
        client.messages.create(
            model=MODEL,
            max_tokens=9,
            messages=[user("hello")],
            tools=[tool],
        )


def test_a_session_by_the_sdk(client: Any, cloud: Standin) -> None:
    """With `x_session` one new message is enough."""
    cloud.respond = claude("noted")
    for prompt in ("my service is called nightowl", "what is it called?"):
        client.messages.create(model=MODEL, max_tokens=9, messages=[user(prompt)], extra_body={"x_session": "ops"})
    assert plainly(cloud.bodies[1]["messages"]) == [
        ("user", "my service is called nightowl"), ("assistant", "noted"), ("user", "what is it called?"),
    ]  # fmt: skip
