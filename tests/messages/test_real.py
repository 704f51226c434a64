"""With real engines behind it: llama.cpp's Messages API as the cloud, llama.cpp in the process on this side."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Trooper
from tests.messages.program import Bridge

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine]
pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
sdk = pytest.importorskip("anthropic", reason="the SDK is not installed")

SYSTEM = "You are a helpful assistant."


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_on_two_sides(
    tmp_path: Path,
    model_file: Path,
    real_server: str,
    stream: bool,  # noqa: FBT001
) -> None:
    """The SDK asks a real Messages API, then a real engine here, then the API again, which counts what it was told."""
    trooper = Trooper(
        tmp_path / "home",
        {
            "ANTHROPIC_API_KEY": "any",
            "ANTHROPIC_BASE_URL": real_server,
            "TROOPER_LOCAL_ENGINE": "embedded",
            "TROOPER_EMBEDDED_MODEL": str(model_file),
        },
    )
    history: list[Any] = []

    def say(client: Any, prompt: str, **extra: Any) -> Any:
        history.append({"role": "user", "content": prompt})
        options = {"model": "smollm2", "max_tokens": 60, "system": SYSTEM, "messages": history, "extra_body": extra}
        if stream:
            with client.messages.stream(**options) as opened:
                answer = opened.get_final_message()
        else:
            answer = client.messages.create(**options)
        sdk.types.Message.model_validate(answer.model_dump())
        history.append({"role": "assistant", "content": answer.content})
        return answer

    with (
        Bridge(trooper) as bridge,
        contextlib.closing(sdk.Anthropic(base_url=bridge.url, api_key="any", max_retries=0, timeout=120)) as client,
    ):
        first = say(client, "What is the capital of France?")
        assert "Paris" in first.content[0].text
        private = say(client, "Which country is it the capital of?", x_force_local=True)
        assert (private.x_trooper["engine"], private.x_trooper["label"]) == ("embedded", "private")
        assert "France" in private.content[0].text
        assert private.usage.input_tokens > first.usage.input_tokens
        cut = say(client, "Which river flows through it?", x_force_local=True, stop_sequences=["r"])
        assert (cut.stop_reason, cut.stop_sequence) == ("stop_sequence", "r")
        assert "r" not in cut.content[0].text
        last = say(client, "Say hello.")
        assert (last.x_trooper["route"], last.x_trooper["left_out"]) == ("cloud", 4)
        # Two short prompts and one answer; had the private turns been told, it would be far more.
        assert told(last) < told(private) + 20


def told(answer: Any) -> int:
    """Return the input tokens that the engine itself counted."""
    return int(answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0))
