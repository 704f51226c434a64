"""Ollama's native API: what is sent to it, and what becomes of what it says."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.standin import NDJSON_HEAD, http, lines, ollama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin


def test_the_request_is_locked_and_explicit(trooper: Trooper, local: Standin) -> None:
    """The model is locked to this machine, nothing may be shortened in silence, and the context size is said."""
    assert trooper("ask", "--local", "hello").text == "a local answer\n"
    (body,) = local.bodies
    assert body["model"] == "llama3.2:latest:local"
    assert body["truncate"] is False
    assert body["options"] == {"num_ctx": 8192, "num_predict": 2048}
    assert body["messages"] == [{"role": "user", "content": "hello"}]


def test_an_older_server_is_checked_instead(trooper: Trooper, local: Standin) -> None:
    """Before 0.18 there is no lock: the name is sent as it is, after the model was shown to be local."""
    local.respond = ollama(version="0.17.9")
    assert trooper("ask", "--local", "hello").code == 0
    assert local.bodies[0]["model"] == "llama3.2:latest"
    assert [request.path for request in local.requests[-4:]] == ["/api/tags", "/api/show", "/api/ps", "/api/chat"]


def test_a_long_prompt_gets_a_larger_context(trooper: Trooper, local: Standin) -> None:
    """The context grows with the prompt, in steps, up to what the model was made for; then it is exit 65."""
    text = "word " * 12_000
    assert trooper("ask", "--local", stdin=text).code == 0
    assert local.bodies[0]["options"]["num_ctx"] == 24576
    assert local.bodies[0]["messages"][0]["content"] == text
    assert trooper("ask", "--local", stdin=text * 3).code == 65


@pytest.mark.parametrize("flag", ["--stream", "--no-stream"])
def test_both_ways_of_answering_are_read(trooper: Trooper, local: Standin, flag: str) -> None:
    """A streamed answer and a whole one give the same text, stop reason and counts."""
    done = trooper("ask", "--local", flag, "--json", "hello")
    assert done.json["answer"] == "a local answer"
    assert done.json["stop"] == "end_turn"
    assert done.json["usage"] == {"input": 9, "output": 4, "cache_read": 0, "cache_write": 0, "thinking": 0}
    assert local.bodies[0]["stream"] is (flag == "--stream")


def test_an_unknown_model_names_those_that_are_there(trooper: Trooper) -> None:
    """A model that is not there is exit 78 with the names that are, and how to fetch one."""
    done = trooper("ask", "--local", "-m", "none", "hello")
    assert done.code == 78
    assert "llama3.2:latest" in done.notices
    assert "ollama pull" in done.notices


def test_no_model_at_all_is_said(trooper: Trooper, local: Standin) -> None:
    """An Ollama without models, where it alone may answer, is exit 78 with the way to one."""
    local.respond = ollama(models=())
    done = trooper("ask", "--local", "hello", TROOPER_LOCAL_ENGINE="ollama")
    assert done.code == 78
    assert "ollama pull" in done.notices


OVERFLOW = {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 8192}}


def test_an_overflow_is_compressed_once(trooper: Trooper, local: Standin) -> None:
    """A context that is too long by Ollama's own count is compressed to fit and asked once more."""
    asked: list[Any] = []

    def chat(request: Recorded) -> Iterable[bytes]:
        asked.append(request.json)
        return lines("fits now") if len(asked) > 1 else http(400, json.dumps({"error": json.dumps(OVERFLOW)}))

    local.respond = ollama(chat=chat)
    turn = {"prompt": "first things first", "answer": "noted " * 500, "label": "public"}
    trooper("import", "-s", "ops", stdin="\n".join([json.dumps(turn)] * 5))
    assert trooper("ask", "-s", "ops", "--local", "hello").text == "fits now\n"
    first, second = asked
    assert len(json.dumps(second)) < len(json.dumps(first))
    assert second["messages"][-1]["content"].endswith("hello")


def test_an_overflow_of_the_prompt_alone_says_the_counts(trooper: Trooper, local: Standin) -> None:
    """If the prompt itself is too long by Ollama's own count, that is exit 65 with both counts."""
    local.respond = ollama(chat=lambda _: http(400, json.dumps({"error": json.dumps(OVERFLOW)})))
    done = trooper("ask", "--local", "hello")
    assert done.code == 65
    assert "9,000" in done.notices
    assert "8,192" in done.notices


@pytest.mark.parametrize(
    ("chat", "code"),
    [
        (lambda _: [NDJSON_HEAD, b'{"message":{"content":"half"}}\n'], 76),
        (lambda _: [NDJSON_HEAD, b'{"message":{"content":"half"}}\n{"error":"runner died"}\n'], 76),
        (lambda _: [NDJSON_HEAD, b'{"message":{"con'], 76),
        (lambda _: [NDJSON_HEAD, b"<html>\n"], 76),
        (lambda _: lines(""), 76),
        (lambda _: http(503, '{"error":"server busy"}'), 69),
        (lambda _: http(500, '{"error":"model runner has unexpectedly stopped"}'), 69),
        (lambda _: http(400, '{"error":"does not support chat"}'), 65),
        (lambda _: http(403, ""), 77),
        (lambda _: http(401, '{"error":"unauthorized","signin_url":"x"}'), 77),
        (lambda _: http(302, "", location="http://127.0.0.1:9/"), 77),
    ],
)
def test_trouble_has_its_exit_code(
    trooper: Trooper, local: Standin, chat: Callable[[Recorded], Iterable[bytes]], code: int
) -> None:
    """Each way in which Ollama fails is one line and the contract's exit code, with nothing on standard output."""
    local.respond = ollama(chat=chat)
    done = trooper("ask", "--local", "-s", "ops", "hello")
    assert (done.code, done.out) == (code, b""), done.notices
    assert done.notices.count("\n") == 1
    (turn,) = trooper.turns("ops")
    assert turn["status"] == ("incomplete" if turn["answer"] else "failed")


def test_no_ollama_is_said(trooper: Trooper) -> None:
    """Without Ollama a private turn is exit 69 with the next step."""
    done = trooper("ask", "--local", "hello", OLLAMA_HOST="127.0.0.1:9", TROOPER_LOCAL_ENGINE="ollama")
    assert done.code == 69
    assert "ollama serve" in done.notices


def test_a_prefix_in_the_address_is_kept(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """OLLAMA_HOST may carry a path, as behind a local gateway."""
    inner = ollama()

    def respond(request: Recorded) -> Iterable[bytes]:
        assert request.path.startswith("/prefix/api/")
        return inner(type(request)(request.raw, request.method, request.path[7:], request.headers, request.body))

    server = serve(respond)
    assert trooper("ask", "--local", "hello", OLLAMA_HOST=f"{server.url}/prefix").text == "a local answer\n"


def test_a_loaded_model_is_not_loaded_anew(trooper: Trooper, local: Standin) -> None:
    """What is loaded with enough room is asked for with that room, since another would load it again."""
    local.respond = ollama(loaded=20_480)
    trooper("ask", "--local", "hello")
    assert local.bodies[0]["options"]["num_ctx"] == 20_480
    local.respond = ollama(loaded=1_024)
    trooper("ask", "--local", "hello")
    assert local.bodies[1]["options"]["num_ctx"] == 8_192


def test_a_prompt_cut_in_silence_is_noticed(trooper: Trooper, local: Standin) -> None:
    """An old server that drops the beginning of what it was told is caught by its own counts, and asked with less."""
    turn = {"prompt": "first things first", "answer": "noted and filed " * 200, "label": "public"}
    trooper("import", "-s", "ops", stdin="\n".join([json.dumps(turn)] * 5))
    local.respond = ollama(version="0.12.3", loaded=1_024)
    done = trooper("ask", "-s", "ops", "--local", "hello")
    assert len(local.bodies) == 2
    assert len(json.dumps(local.bodies[1])) < len(json.dumps(local.bodies[0])) / 2
    assert done.code == 0


@pytest.mark.engine
class TestReal:
    """Against an Ollama that runs: set TEST_OLLAMA to its address; docs/ollama.md has a recipe."""

    @pytest.fixture
    def real(self, tmp_path: Path, trooper: Trooper) -> Trooper:
        address = os.environ.get("TEST_OLLAMA")
        if not address:
            pytest.skip("TEST_OLLAMA does not name a running Ollama")
        trooper.home = tmp_path / "real"
        trooper.environ["OLLAMA_HOST"] = address
        return trooper

    @pytest.mark.parametrize("flag", ["--stream", "--no-stream"])
    def test_it_answers(self, real: Trooper, flag: str) -> None:
        """A private turn, streamed and whole, with the counts of the server."""
        done = real("ask", "--local", flag, "--max-tokens", "40", "--json", "What is the capital of France?")
        assert done.code == 0, done.notices
        assert done.json["engine"] == "ollama"
        assert done.json["answer"]
        assert done.json["usage"]["input"] > 5

    def test_it_fills_a_schema(self, real: Trooper) -> None:
        """By `format`, with what its grammars take."""
        properties = {"capital": {"type": "string", "maxLength": 20}, "millions": {"type": "integer", "maximum": 99}}
        schema = {"type": "object", "properties": properties, "required": [*properties], "minProperties": 2}
        done = real("ask", "--local", "--json", "--schema", json.dumps(schema), "What is the capital of France?")
        assert done.code == 0, done.notices
        assert done.json["data"].keys() >= properties.keys()
        assert "ollama cannot enforce minProperties of the schema" in done.notices

    def test_an_unknown_model(self, real: Trooper) -> None:
        """The real server's word for a model that is not there is understood."""
        done = real("ask", "--local", "-m", "no-such-model", "hello")
        assert done.code == 78
        assert "ollama pull" in done.notices

    def test_a_session_longer_than_the_context(self, real: Trooper) -> None:
        """A long session is answered; nothing is dropped in silence, because the server is told not to."""
        turn = {"prompt": "word " * 400, "answer": "noted " * 400, "label": "public"}
        real("import", "-s", "long", stdin="\n".join([json.dumps(turn)] * 20))
        done = real("ask", "-s", "long", "--local", "--budget", "900", "--max-tokens", "10", "--json", "Hi.")
        assert done.code == 0, done.notices
        assert 200 < done.json["usage"]["input"] < 900

    def test_an_embedder_is_never_chosen(self, real: Trooper) -> None:
        """Whatever is the newest, a model that can chat answers; an embedder that is named is exit 78."""
        embedder = named(real, lambda capabilities: "completion" not in capabilities, "a model that cannot chat")
        done = real("ask", "--local", "--max-tokens", "20", "--json", "What is the capital of France?")
        assert done.code == 0, done.notices
        assert done.json["model"].removesuffix(":local") != embedder
        done = real("ask", "--local", "-m", embedder, "hello")
        assert (done.code, done.out) == (78, b"")
        assert "cannot chat" in done.notices

    def test_the_one_used_last_is_asked_again(self, real: Trooper) -> None:
        """Of two models that can chat the one that was named is asked the next time, and a notice says so."""
        first = named(real, lambda capabilities: "completion" in capabilities, "a model that can chat")
        second = named(real, lambda capabilities: "completion" in capabilities, "a second such model", besides=first)
        for model in (second, first):
            assert real("ask", "--local", "-m", model, "--max-tokens", "5", "hello").code == 0
            done = real("ask", "--local", "--max-tokens", "5", "hello")
            assert f"{model} answers" in done.notices

    def test_a_model_that_thinks_answers(self, real: Trooper) -> None:
        """It does not think unless it is asked to; what it thinks then is on standard error alone."""
        thinker = named(real, lambda capabilities: "thinking" in capabilities, "a model that thinks")
        question = "What is the capital of France?"
        done = real("ask", "--local", "-m", thinker, "--max-tokens", "60", "--json", question)
        assert done.code == 0, done.notices
        assert done.json["answer"]
        assert done.json["usage"]["thinking"] == 0
        flags = ("--effort", "high", "--show-thinking", "--max-tokens", "40")
        done = real("ask", "-s", "ops", "--local", "-m", thinker, *flags, question)
        thought = done.notices.partition("trooper: ")[0].strip()
        assert thought
        assert thought not in done.text
        assert thought not in json.dumps(real.turns("ops"))
        assert done.code == 0 or (done.code == 76 and "tokens went into thinking" in done.notices)

    def test_keep_alive_is_obeyed(self, real: Trooper) -> None:
        """With 0 the model is gone after the answer."""
        model = named(real, lambda capabilities: "completion" in capabilities, "a model that can chat")
        for value, stays in (("5m", True), ("0", False)):
            done = real("ask", "--local", "-m", model, "--max-tokens", "5", "hello", TROOPER_KEEP_ALIVE=value)
            assert done.code == 0, done.notices
            limit = time.monotonic() + 20
            while any(row["name"] == model for row in call(real, "/api/ps")["models"]) != stays:
                assert time.monotonic() < limit
                time.sleep(0.1)


def call(real: Trooper, path: str, body: dict[str, str] | None = None) -> Any:
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(f"http://{real.environ['OLLAMA_HOST']}{path}", data, timeout=20) as answer:
        return json.load(answer)


def named(real: Trooper, is_wanted: Callable[[list[str]], bool], what: str, besides: str = "") -> str:
    """Return the first model of the running server with the wanted capabilities; skip the test without one."""
    for row in call(real, "/api/tags")["models"]:
        capabilities = call(real, "/api/show", {"model": row["name"]})["capabilities"]
        if row["name"] != besides and is_wanted(capabilities):
            return str(row["name"])
    pytest.skip(f"the Ollama at TEST_OLLAMA has no {what.removeprefix('a ')}")
