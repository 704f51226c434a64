"""`trooper doctor` agrees with `trooper ask`: each set-up is tried by asking, and both end alike."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.standin import Standin, api_error, claude, http, model_list, ollama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded

MODEL = "claude-sonnet-5-5"
OTHER = '[[clouds]]\nname = "other"\nurl = "{url}/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\n'


def healthy(request: Recorded) -> Iterable[bytes]:
    """Answer as the Messages API does, its list of models too."""
    return (model_list(MODEL) if request.method == "GET" else claude())(request)


def chat_api(request: Recorded) -> Iterable[bytes]:
    """Answer as an OpenAI-compatible cloud does."""
    if request.method == "GET":
        return http(200, json.dumps({"data": [{"id": "large"}]}))
    if request.json.get("stream"):
        chunk = {"choices": [{"delta": {"content": "another answer"}, "finish_reason": "stop"}]}
        return http(200, f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n", "text/event-stream")
    message = {"message": {"role": "assistant", "content": "another answer"}, "finish_reason": "stop"}
    return http(200, json.dumps({"choices": [message]}))


# Name, the cloud, the other cloud's key, the environment, config.toml, and whether it works.
NO_LOCAL: dict[str, str | None] = {"OLLAMA_HOST": "127.0.0.1:9", "TROOPER_LOCAL_ENGINE": "ollama"}
NO_KEY: dict[str, str | None] = {"ANTHROPIC_API_KEY": None}
DOWN = api_error(529, "overloaded_error", retry_after="60")
REJECTED = api_error(401, "authentication_error")
SETUPS: dict[str, tuple[Any, Any, str, bool]] = {
    "all is well": (healthy, {}, "", True),
    "no key": (healthy, NO_KEY, "", True),
    "no key and nothing local": (healthy, NO_KEY | NO_LOCAL, "", False),
    "key and nothing local": (healthy, NO_LOCAL, "", True),
    "key rejected": (REJECTED, {}, "", False),
    "overloaded": (DOWN, {}, "", True),
    "overloaded without fallback": (DOWN, {"TROOPER_FALLBACK": "0"}, "", False),
    "overloaded and nothing local": (DOWN, NO_LOCAL, "", False),
    "lock on": (healthy, {"TROOPER_CLOUD": "off"}, "", True),
    "lock on and nothing local": (healthy, {"TROOPER_CLOUD": "off"} | NO_LOCAL, "", False),
    "lock misspelt": (healthy, {"TROOPER_CLOUD": "of"}, "", False),
    "variable misspelt": (healthy, {"TROOPER_CLUOD": "off"}, "", False),
    "always local": (healthy, {"TROOPER_LOCAL": "1"}, "", True),
    "always cloud without a key": (healthy, {"TROOPER_LOCAL": "0"} | NO_KEY, "", False),
    "local model missing": (healthy, {"TROOPER_LOCAL": "1", "TROOPER_LOCAL_MODEL": "mistral"}, "", False),
    "local host elsewhere": (healthy, {"TROOPER_LOCAL": "1", "OLLAMA_HOST": "192.0.2.1:11434"}, "", False),
    "proxy set": (healthy, {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}, "", True),
    "broken config": (healthy, {}, "cloud = \n", False),
    "unknown setting": (healthy, {}, 'clout = "off"\n', False),
    "other cloud without its key": (healthy, {}, OTHER, True),
    "other cloud alone": (healthy, NO_KEY | {"OTHER_KEY": "k-1"}, OTHER, True),
    "other cloud for want of the first": (DOWN, {"OTHER_KEY": "k-1"} | NO_LOCAL, OTHER, True),
    "other cloud rejects its key": (DOWN, {"OTHER_KEY": "wrong"}, OTHER, False),
    "a command that gives no key": (healthy, NO_KEY, 'api_key_cmd = "false"\n', False),
}


@pytest.mark.parametrize("name", SETUPS)
def test_they_agree(trooper: Trooper, cloud: Standin, serve: Callable[..., Standin], name: str) -> None:
    """Doctor's exit code is that of the ask which follows it, and no error names a class of Python's."""
    respond, environ, config, works = SETUPS[name]
    cloud.respond = respond if callable(respond) else lambda _: respond

    def other(request: Recorded) -> Iterable[bytes]:
        return REJECTED if request.headers.get("authorization") == "Bearer wrong" else chat_api(request)

    trooper.home.mkdir(mode=0o700)
    if config:
        (trooper.home / "config.toml").write_text(config.replace("{url}", serve(other).url))
    done = trooper("doctor", "--json", **environ)
    asked = trooper("ask", "hello", **environ)
    assert done.code == asked.code, (done.text, asked.notices)
    assert (asked.code == 0) == works
    assert done.json["works"] == works
    for text in (done.text, asked.notices):
        assert "Error" not in text.replace("error, 5", "").replace("_error", "")


def test_an_ollama_whose_models_run_elsewhere(trooper: Trooper, local: Standin) -> None:
    """A stub of a remote model alone is no local model, for both."""
    local.respond = ollama(models=[], remote=["big:latest"])
    environ: dict[str, str | None] = {"ANTHROPIC_API_KEY": None, "TROOPER_LOCAL_ENGINE": "ollama"}
    assert trooper("doctor", **environ).code == trooper("ask", "hello", **environ).code != 0


def test_an_embedder_is_no_model_to_ask(trooper: Trooper, local: Standin) -> None:
    """An Ollama with an embedder alone: its capabilities say so, and both fail."""
    known = ollama(models=["embedder:latest"])

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.path == "/api/show":
            return http(200, json.dumps({"model_info": {}, "capabilities": ["embedding"]}))
        if request.path == "/api/chat":
            return http(400, json.dumps({"error": '"embedder" does not support chat'}))
        return known(request)

    local.respond = respond
    environ: dict[str, str | None] = {"ANTHROPIC_API_KEY": None, "TROOPER_LOCAL_ENGINE": "ollama"}
    assert trooper("doctor", **environ).code != 0
    assert trooper("ask", "hello", **environ).code != 0


@pytest.mark.parametrize("fallback", [True, False])
def test_an_open_breaker(trooper: Trooper, cloud: Standin, *, fallback: bool) -> None:
    """A cloud on hold is said to be so with its time, is not contacted, and counts as in an ask."""
    cloud.respond = lambda _: api_error(402, "billing_error")
    assert trooper("ask", "hello").code == 0
    cloud.respond = healthy
    before = cloud.connections
    environ = {"TROOPER_FALLBACK": "1" if fallback else "0"}
    done = trooper("doctor", "--json", **environ)
    assert cloud.connections == before
    rows = {row["check"]: row for row in done.json["checks"]}
    assert f"is not asked before {time.strftime('%H')[0]}" in rows["cloud"]["text"] or "before" in rows["cloud"]["text"]
    assert done.code == trooper("ask", "hello", **environ).code == (0 if fallback else 75)


def test_another_cloud_is_contacted_and_one_without_a_key_named(
    trooper: Trooper, serve: Callable[..., Standin]
) -> None:
    """Each entry of `[[clouds]]` is asked for its models with its key, or its missing variable is named."""
    other = serve(chat_api)
    trooper.home.mkdir(mode=0o700)
    (trooper.home / "config.toml").write_text(OTHER.replace("{url}", other.url))
    done = trooper("doctor", "--json", OTHER_KEY="k-1")
    assert [(request.method, request.path) for request in other.requests] == [("GET", "/v1/models")]
    assert other.requests[0].headers["authorization"] == "Bearer k-1"
    assert "takes the key and has large" in done.text
    assert "k-1" not in done.text
    assert "its key is not set (OTHER_KEY)" in trooper("doctor", "--json").text


def test_a_home_that_cannot_be_made(trooper: Trooper, tmp_path: Path) -> None:
    """A file where the folder belongs stops both."""
    (tmp_path / "file").write_text("")
    environ: dict[str, str | None] = {"TROOPER_HOME": str(tmp_path / "file" / "home"), **NO_KEY}
    assert trooper("doctor", **environ).code != 0
    assert trooper("ask", "hello", **environ).code != 0
