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

    from tests.conftest import Outcome, Trooper
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
    "nothing may be spent": (healthy, {"TROOPER_LIMIT_DAY": "0"}, "", True),
    "nothing may be spent without fallback": (healthy, {"TROOPER_LIMIT_DAY": "0", "TROOPER_FALLBACK": "0"}, "", False),
    "nothing may be spent and nothing local": (healthy, {"TROOPER_LIMIT_SESSION": "0"} | NO_LOCAL, "", False),
    "enough may be spent": (healthy, {"TROOPER_LIMIT_DAY": "5"}, "", True),
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
    "a gitleaks file that is not there": (healthy, {}, 'gitleaks = "nope.toml"\n', False),
    "and a private ask, which needs none": (healthy, {"TROOPER_LOCAL": "1"}, 'gitleaks = "nope.toml"\n', True),
    "a pattern that is none": (healthy, {}, 'guard_patterns = ["("]\n', False),
    "a home below a file": (healthy, {"TROOPER_HOME": "/dev/null/x"}, "", False),
    "an address without an API": (http(404, "not here"), {}, "", False),
    "a page to log in": (http(200, "<html>Welcome to the hotel</html>", "text/html"), {}, "", False),
    "another cloud at no address": (healthy, NO_KEY | {"OTHER_KEY": "k-404"}, OTHER, False),
    "another cloud behind a page": (healthy, NO_KEY | {"OTHER_KEY": "k-page"}, OTHER, False),
    "no list of models": (
        lambda request: http(404, "") if request.method == "GET" else claude()(request),
        {},
        "",
        True,
    ),
    "in trouble without fallback": (api_error(500, "api_error"), {"TROOPER_FALLBACK": "0"}, "", False),
    "no connection without fallback": (
        healthy,
        {"TROOPER_FALLBACK": "0", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"},
        "",
        False,
    ),
    "no quota": (api_error(402, "billing_error"), {"TROOPER_FALLBACK": "0"}, "", False),
    "a session's name that is none": (healthy, {"TROOPER_SESSION": "a b"}, "", False),
    "a local server that is named nowhere": (
        healthy,
        {"TROOPER_LOCAL": "1", "TROOPER_LOCAL_ENGINE": "openai"},
        "",
        False,
    ),
    "no such model file": (
        healthy,
        {"TROOPER_LOCAL": "1", "TROOPER_LOCAL_ENGINE": "embedded", "TROOPER_EMBEDDED_MODEL": "/nope.gguf"},
        "",
        False,
    ),
    "a command that gives no key": (healthy, NO_KEY, 'api_key_cmd = "false"\n', False),
}


@pytest.mark.parametrize("name", SETUPS)
def test_they_agree(trooper: Trooper, cloud: Standin, serve: Callable[..., Standin], name: str) -> None:
    """Doctor's exit code is that of the ask which follows it, and no error names a class of Python's."""
    respond, environ, config, works = SETUPS[name]
    cloud.respond = respond if callable(respond) else lambda _: respond

    def other(request: Recorded) -> Iterable[bytes]:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        page = http(200, "<p>Log in</p>", "text/html")
        known = {"wrong": REJECTED, "k-404": http(404, "not here"), "k-page": page}
        return known[key] if key in known else chat_api(request)

    trooper.home.mkdir(mode=0o700)
    if config:
        (trooper.home / "config.toml").write_text(config.replace("{url}", serve(other).url))
    done = trooper("doctor", "--json", **environ)
    asked = trooper("ask", "hello", **environ)
    assert done.code == asked.code, (done.text, asked.notices)
    assert (asked.code == 0) == works
    assert done.json["works"] == works
    for row in done.json["checks"]:
        # Each fault has a next step; what an ask would end with says where that is.
        assert row["state"] == "ok" or row["next"] not in {"", "it is left as it is"}, row
    if environ.get("TROOPER_EMBEDDED_MODEL"):
        assert "trooper pull" not in [row["next"] for row in done.json["checks"]]
        assert "correct or unset TROOPER_EMBEDDED_MODEL" in done.text
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


def rows_of(done: Outcome) -> dict[str, dict[str, str]]:
    return {row["check"]: row for row in done.json["checks"]}


def test_what_was_lost_of_the_guard_is_no_tick(trooper: Trooper) -> None:
    """An index without its key, or a key without its index: what is lost with it, and the one way to have it back."""
    assert rows_of(trooper("doctor", "--json"))["guard"]["state"] == "ok"
    assert trooper("ask", "--local", "-s", "ops", "hello").code == 0
    assert rows_of(trooper("doctor", "--json"))["guard"]["state"] == "ok"
    for name in ("guard.key", "guard.db"):
        kept = {path: path.read_bytes() for path in trooper.home.glob("guard.*")}
        (trooper.home / name).unlink()
        found = rows_of(trooper("doctor", "--json"))["guard"]
        assert (found["state"], found["text"].partition(" was lost")[0]) == ("warn", name)
        assert "from a backup" in found["next"]
        for path, data in kept.items():
            path.write_bytes(data)


def test_what_stops_an_ask_can_be_moved_away(trooper: Trooper) -> None:
    """A file of something else in the place of the guard's index: the next step is one that mends it."""
    trooper("ask", "hello")
    for path in trooper.home.glob("guard.db*"):
        path.unlink()
    (trooper.home / "guard.db").write_bytes(b"junk" * 100)
    done = trooper("doctor", "--json")
    assert (done.code, rows_of(done)["guard"]["next"]) == (65, "move it away")
    assert trooper("ask", "hello").code == 65
    (trooper.home / "guard.db").unlink()
    assert trooper("ask", "hello").code == 0


def test_what_an_ask_may_meet_is_a_warning(trooper: Trooper) -> None:
    """A local engine that was chosen and is not there, a budget of a few words, a table of prices that is broken."""
    trooper.home.mkdir(mode=0o700)
    (trooper.home / "config.toml").write_text("budget = 10\n")
    (trooper.home / "prices.toml").write_text("[[price]\n")
    done = trooper("doctor", "--json", **NO_LOCAL)
    rows = rows_of(done)
    assert done.code == 0
    assert {name: rows[name]["state"] for name in ("local", "budget", "prices")} == dict.fromkeys(
        ("local", "budget", "prices"), "warn"
    )
    assert all(rows[name]["next"] for name in ("local", "budget", "prices"))
    capped = NO_LOCAL | {"TROOPER_LIMIT_DAY": "5", "TROOPER_BUDGET": "500"}
    assert trooper("doctor", **capped).code == trooper("ask", "hello", **capped).code == 78


def test_a_local_server_with_another_key(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """Where local_url is set, no next step is about an engine that would not be asked, here and in `models`."""
    server = serve(lambda _: http(401, "{}"))
    environ: dict[str, str | None] = {"TROOPER_LOCAL_URL": server.url, "TROOPER_LOCAL_KEY": "k-2", **NO_KEY}
    environ |= {"OLLAMA_HOST": "127.0.0.1:9"}
    done = trooper("doctor", "--json", **environ)
    assert done.code == trooper("ask", "hello", **environ).code == 78
    assert not any("ollama serve" in row["next"] or "trooper pull" in row["next"] for row in done.json["checks"])
    listed = trooper("models", **environ)
    assert "rejects the key (401); check TROOPER_LOCAL_KEY" in listed.notices
    assert "trooper pull" not in listed.notices
