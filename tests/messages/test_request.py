"""`trooper messages`: what goes in, what comes out, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import MODEL, assistant, events, plainly, request, user
from tests.standin import STREAM_HEAD, api_error, claude, event, http, lines, message, message_events, ollama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Outcome, Trooper
    from tests.standin import Recorded, Standin

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
TOOL = {"name": "weather", "description": "tells the weather", "input_schema": {"type": "object"}}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def send(trooper: Trooper, *messages: dict[str, Any], options: Any = (), **fields: Any) -> Outcome:
    return trooper("messages", *options, stdin=json.dumps(request(*messages, **fields)))


def check_error(done: Outcome, code: int, kind: str) -> None:
    """The API's error object on standard output, one line on standard error, the contract's exit code."""
    assert done.code == code, done.notices
    assert (done.json["type"], done.json["error"]["type"]) == ("error", kind)
    assert done.json["error"]["message"]
    assert (done.notices.count("\n"), done.notices[:9]) == (1, "trooper: ")


class TestInput:
    """A request that cannot be obeyed to the letter is sent nowhere."""

    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "[]",
            '"hello"',
            "\ufeff{}",
            '{"model": NaN}',
            '{"model": "m", "max_tokens": 1e999, "messages": [{"role": "user", "content": "hi"}]}',
            '{"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "\\ud800"}]}',
            "[" * 100_000,
        ],
    )
    def test_what_is_no_json_object_is_bad_data(
        self, trooper: Trooper, cloud: Standin, local: Standin, body: str
    ) -> None:
        """Broken JSON, NaN, half a surrogate pair or another kind of value: exit 65 and the API's error object."""
        check_error(trooper("messages", stdin=body), 65, "invalid_request_error")
        assert (cloud.connections, local.connections) == (0, 0)

    def test_what_is_not_utf8_is_bad_data(self, trooper: Trooper, cloud: Standin) -> None:
        """Bytes that are no text: exit 65, nothing sent."""
        check_error(trooper("messages", stdin=b'{"model": "gr\xf6\xdfe"}'), 65, "invalid_request_error")
        assert cloud.connections == 0

    def test_no_request_is_wrong_usage(self, trooper: Trooper) -> None:
        """Nothing on standard input: exit 2."""
        check_error(trooper("messages", stdin=""), 2, "invalid_request_error")

    @pytest.mark.parametrize(
        "changes",
        [
            {"model": None},
            {"model": ""},
            {"max_tokens": None},
            {"max_tokens": "100"},
            {"max_tokens": True},
            {"max_tokens": -1},
            {"messages": None},
            {"messages": []},
            {"messages": "hello"},
            {"messages": ["hello"]},
            {"messages": [{"content": "hello"}]},
            {"messages": [{"role": "user"}]},
            {"messages": [user(7)]},
            {"messages": [user(["hello"])]},
            {"messages": [user([{"type": "text"}])]},
            {"system": 7},
            {"system": [PICTURE]},
            {"stream": "true"},
            {"stop_sequences": "END"},
            {"stop_sequences": [""]},
            {"temperature": "hot"},
        ],
    )
    def test_a_field_of_the_wrong_type_is_named(
        self, trooper: Trooper, cloud: Standin, changes: dict[str, Any]
    ) -> None:
        """A missing or wrong field is exit 65 and named; nothing is sent."""
        done = send(trooper, user("hello"), **changes)
        check_error(done, 65, "invalid_request_error")
        assert next(iter(changes)) in done.json["error"]["message"]
        assert cloud.connections == 0

    @pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}])
    @pytest.mark.parametrize("private", [False, True])
    def test_a_history_that_the_cloud_keeps_is_refused(
        self, trooper: Trooper, cloud: Standin, local: Standin, thread: dict[str, str], *, private: bool
    ) -> None:
        """A `thread` is exit 65 in words of its own; what was meant to be private is remembered all the same."""
        secret = "the seventh rack in the cellar of Basel hums at night"
        done = send(trooper, user(secret), thread=thread, x_force_local=private)
        check_error(done, 65, "invalid_request_error")
        assert (
            "thread: a history that the cloud keeps is none that Trooper's view made" in done.json["error"]["message"]
        )
        assert cloud.connections == local.connections == 0
        assert trooper("ask", f"quote: {secret}").code == (77 if private else 0)

    @pytest.mark.parametrize("value", ["true", '"true"', '"yes"', "1", "0", "null", "[]", "{}", '""', "1.0"])
    def test_force_local_is_true_or_false(self, trooper: Trooper, cloud: Standin, local: Standin, value: str) -> None:
        """Any value of `x_force_local` but true and false is exit 65, never "cloud"; true is never the cloud either."""
        body = json.dumps(request(user("hello")))[:-1] + f', "x_force_local": {value}}}'
        done = trooper("messages", stdin=body)
        if value == "true":
            assert (done.code, done.json["x_trooper"]["label"]) == (0, "private")
        else:
            check_error(done, 65, "invalid_request_error")
            assert local.connections == 0
        assert cloud.connections == 0

    @pytest.mark.parametrize("values", [("true", "false"), ("false", "true"), ("false", "false")])
    def test_the_same_field_twice_is_refused(self, trooper: Trooper, cloud: Standin, values: tuple[str, str]) -> None:
        """Which of two values counts is not for a parser to say."""
        first, second = values
        body = json.dumps(request(user("hello")))[1:]
        done = trooper("messages", stdin=f'{{"x_force_local": {first}, "x_force_local": {second}, {body}')
        check_error(done, 65, "invalid_request_error")
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        "name",
        ["x_force_locale", "X_FORCE_LOCAL", "x-force-local", "force_local", "forceLocal", "x_local", "x_trooper", "x_"],
    )
    def test_a_misspelt_field_is_refused(self, trooper: Trooper, cloud: Standin, name: str) -> None:
        """What may have been meant to keep a text here is never sent on."""
        check_error(send(trooper, user("hello"), **{name: True}), 65, "invalid_request_error")
        assert cloud.connections == 0

    def test_a_field_in_the_wrong_place_is_refused(self, trooper: Trooper, cloud: Standin) -> None:
        """`x_force_local` in a message, a block or below means something the caller must not be wrong about."""
        for body in (
            request(user("hello") | {"x_force_local": True}),
            request(user([{"type": "text", "text": "hello", "x_force_local": True}])),
            request(user("hello"), metadata={"x_force_local": True}),
            request(user("hello"), tools=[TOOL | {"x_session": "ops"}]),
            request(user("hello") | {"x_private": True}),
        ):
            check_error(trooper("messages", stdin=json.dumps(body)), 65, "invalid_request_error")
        assert cloud.connections == 0

    def test_nothing_of_ours_is_forwarded(self, trooper: Trooper, cloud: Standin) -> None:
        """Fields of Trooper's are taken out of the request, its messages and its blocks; a schema's own names stay."""
        schema = {"type": "object", "properties": {"x_axis": {"type": "string"}}}
        history = [
            user("hello"),
            assistant([{"type": "text", "text": "hi", "x_trooper": {"label": "public"}}]) | {"x_trooper": {"a": 1}},
            user("and now"),
        ]
        tool = {"name": "plot", "input_schema": schema}
        done = send(trooper, *history, x_force_local=False, tools=[tool])
        assert done.code == 0, done.notices
        assert cloud.bodies[0]["messages"][1] == assistant([{"type": "text", "text": "hi"}])
        assert cloud.bodies[0]["tools"] == [tool]
        assert cloud.bytes.replace(b"x_axis", b"").count(b'"x_') == 0

    def test_a_response_may_be_given_back_as_it_came(self, trooper: Trooper, cloud: Standin) -> None:
        """A program may append our whole response to its history; only role and content go on."""
        first = send(trooper, user("hello")).json
        assert send(trooper, user("hello"), first, user("go on")).code == 0
        assert cloud.bodies[1]["messages"][1] == assistant([{"type": "text", "text": "a cloud answer"}])

    def test_help_shows_the_pipe(self, trooper: Trooper) -> None:
        """The help has commands that can be copied."""
        done = trooper("messages", "--help")
        assert done.code == 0
        assert "trooper messages < request.json" in done.text


class TestCloud:
    """For Claude the request keeps its meaning, and so does the response."""

    def test_all_fields_arrive(self, trooper: Trooper, cloud: Standin) -> None:
        """What the API knows and we need not know goes through as it was given."""
        fields = {
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "temperature": 0.5,
            "top_k": 5,
            "metadata": {"user_id": "u1"},
            "stop_sequences": ["END"],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [TOOL],
            "tool_choice": {"type": "auto"},
            "context_management": {"brand_new": [1, 2.5, None, True, "größe"]},
        }
        messages = [user([{"type": "text", "text": "what is this?"}, PICTURE])]
        done = send(trooper, *messages, **fields)
        assert done.code == 0, done.notices
        assert cloud.bodies == [request(*messages, **fields)]
        assert cloud.requests[0].path == "/v1/messages"

    def test_the_response_comes_back_whole(self, trooper: Trooper, cloud: Standin) -> None:
        """Every block of the response and every field comes back, with the block of ours beside them."""
        answer = {
            "id": "msg_7",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Köln"}},
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 7, "service_tier": "standard"},
        }
        cloud.respond = lambda _: http(200, json.dumps(answer))
        done = send(trooper, user("how is the weather?"), tools=[TOOL])
        assert done.code == 0, done.notices
        ours = done.json["x_trooper"]
        assert {name: value for name, value in done.json.items() if name != "x_trooper"} == answer
        assert (ours["label"], ours["route"], ours["engine"]) == ("public", "cloud", "anthropic")
        assert ours["usage"] == {"input": 5, "output": 7, "cache_read": 0, "cache_write": 0}
        assert ours["fallback"] is None

    def test_a_stream_comes_back_event_by_event(self, trooper: Trooper, cloud: Standin) -> None:
        """The events go through in order; the first and the last but one say where they come from."""
        done = send(trooper, user("hello"), stream=True)
        assert done.code == 0, done.notices
        assert cloud.bodies[0]["stream"] is True
        found = events(done.text)
        assert [event["type"] for event in found] == [
            "message_start", "content_block_start", "ping", "brand_new_event", "content_block_delta",
            "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
        ]  # fmt: skip
        assert found[0]["message"]["x_trooper"]["label"] == "public"
        assert found[-2]["x_trooper"]["usage"]["output"] == 7

    def test_a_stream_is_not_held_back(self, trooper: Trooper, cloud: Standin) -> None:
        """Thoughts and text are there before the cloud has ended."""
        go_on = threading.Event()
        head = message_events("word")[:1]
        thought = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}
        start = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}

        def respond(_: Recorded) -> Iterator[bytes]:
            yield from (STREAM_HEAD, *head, event(start), event(thought))
            assert go_on.wait(60)
            yield from message_events("word")[1:]

        cloud.respond = respond
        process = trooper.start("messages", stdin=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request(user("hello"), stream=True)).encode())
        process.stdin.close()
        seen = b""
        while b'"hm"' not in seen:
            line = process.stdout.readline()
            assert line
            seen += line
        go_on.set()
        assert process.stdout.read().endswith(b'data: {"type": "message_stop"}\n\n')
        assert process.wait(60) == 0
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.close()

    def test_a_refusal_is_a_response(self, trooper: Trooper, cloud: Standin) -> None:
        """A model that refuses gives a message that says so; the exit code is that of `ask`."""
        cloud.respond = lambda asked: (
            [STREAM_HEAD, *message_events("no", "refusal")] if asked.json.get("stream") else message("no", "refusal")
        )
        done = send(trooper, user("hello"))
        assert (done.code, done.json["stop_reason"]) == (69, "refusal")
        done = send(trooper, user("hello"), stream=True)
        assert done.code in {69, 76}
        assert events(done.text)[-2]["delta"]["stop_reason"] == "refusal"

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        ("status", "kind", "code", "ours"),
        [
            (400, "invalid_request_error", 65, "invalid_request_error"),
            (401, "authentication_error", 78, "invalid_request_error"),
            (404, "not_found_error", 78, "invalid_request_error"),
            (429, "rate_limit_error", 75, "rate_limit_error"),
            (529, "overloaded_error", 75, "overloaded_error"),
        ],
    )
    def test_an_error_is_the_api_s_own_shape(
        self, trooper: Trooper, cloud: Standin, status: int, kind: str, code: int, ours: str, *, stream: bool
    ) -> None:
        """An error of the cloud's is told in the shape of its API, without its words, which may quote the prompt."""
        cloud.respond = lambda _: api_error(status, kind, "secret words", retry_after="60" if status == 529 else "")
        done = send(trooper, user("hello"), stream=stream, options=("--no-fallback",))
        check_error(done, code, ours)
        assert "secret words" not in done.text + done.notices

    def test_an_error_in_mid_stream_is_an_event(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """What arrived stands, the last event is the error, and nobody else goes on with the answer."""
        cloud.respond = lambda _: [STREAM_HEAD, *message_events("one two three")[:6]]
        done = send(trooper, user("hello"), stream=True)
        assert done.code == 76
        assert [event["type"] for event in events(done.text)[-2:]] == ["content_block_delta", "error"]
        assert local.connections == 0

    def test_a_stream_that_brings_nothing_is_asked_again(self, trooper: Trooper, cloud: Standin) -> None:
        """A stream that breaks off before its text is asked for again, and what it began is not seen."""
        answers = iter([[STREAM_HEAD, *message_events("lost")[:2]], [STREAM_HEAD, *message_events("found")]])
        cloud.respond = lambda _: next(answers)
        done = send(trooper, user("hello"), stream=True)
        assert done.code == 0, done.notices
        assert [event["type"] for event in events(done.text)].count("message_start") == 1
        assert len(cloud.bodies) == 2


class TestHere:
    """With `x_force_local` an engine on this machine answers, and the cloud hears nothing."""

    def test_the_message_stays_here(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """The local engine is given system prompt, history and message; the answer has the API's form."""
        done = send(
            trooper, user("one"), assistant([text("two")]), user([text("three")]),
            x_force_local=True, system=[{"type": "text", "text": "Be brief."}], temperature=0.1, top_k=3,
        )  # fmt: skip
        assert done.code == 0, done.notices
        assert local.bodies[-1]["messages"] == [
            {"role": "system", "content": "Be brief."}, user("one"), assistant("two"), user("three"),
        ]  # fmt: skip
        options = local.bodies[-1]["options"]
        assert (options["num_predict"], options["temperature"], options["top_k"]) == (100, 0.1, 3)
        answer = done.json
        assert answer["content"] == [{"type": "text", "text": "a local answer"}]
        assert (answer["type"], answer["role"], answer["stop_reason"]) == ("message", "assistant", "end_turn")
        assert (answer["model"], answer["usage"]["output_tokens"]) == ("llama3.2:latest", 4)
        told = answer["x_trooper"]
        assert (told["label"], told["route"], told["reason"], told["engine"]) == ("private", "local", "flag", "ollama")
        assert told["context"]["anchor"] == [1]
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        ("options", "environ"), [(("--local",), {}), ((), {"TROOPER_LOCAL": "1"}), ((), {"TROOPER_CLOUD": "off"})]
    )
    def test_the_other_ways_count_too(
        self, trooper: Trooper, cloud: Standin, options: tuple[str, ...], environ: dict[str, str]
    ) -> None:
        """`--local`, the environment and the lock keep a message here; `x_force_local: false` does not lift them."""
        for fields in ({}, {"x_force_local": False}):
            done = trooper("messages", *options, stdin=json.dumps(request(user("hello"), **fields)), **environ)
            assert (done.code, done.json["x_trooper"]["label"]) == (0, "private")
        assert cloud.connections == 0

    @pytest.mark.parametrize(("name", "value"), [("cloud", "off"), ("local", "1")])
    def test_what_is_set_for_the_session_counts_too(
        self, trooper: Trooper, cloud: Standin, name: str, value: str
    ) -> None:
        """A session that is kept here is kept here for programs as well, however they name it."""
        assert trooper("config", "set", "-s", "ops", name, value).code == 0
        for done in (
            send(trooper, user("hello"), options=["-s", "ops"]),
            send(trooper, user("hello"), x_session="ops"),
        ):
            assert (done.code, done.json["x_trooper"]["label"]) == (0, "private")
        assert cloud.connections == 0

    def test_a_typing_error_in_the_environment_is_not_the_cloud(self, trooper: Trooper, cloud: Standin) -> None:
        """`TROOPER_LOCAL=yes` is exit 78 and the API's error object."""
        done = trooper("messages", stdin=json.dumps(request(user("hello"))), TROOPER_LOCAL="yes")
        check_error(done, 78, "invalid_request_error")
        assert cloud.connections == 0

    def test_a_failure_here_is_never_the_cloud(self, trooper: Trooper, cloud: Standin) -> None:
        """Without a local engine a private message fails: exit 69, and the cloud hears nothing."""
        body = json.dumps(request(user("hello"), x_force_local=True))
        check_error(
            trooper("messages", stdin=body, OLLAMA_HOST="127.0.0.1:9", TROOPER_LOCAL_ENGINE="ollama"), 69, "api_error"
        )
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        "body",
        [
            request(user([{"type": "text", "text": "what is this?"}, PICTURE])),
            request(user([{"type": "document", "source": {"type": "text", "data": "x", "media_type": "text/plain"}}])),
            request(user("hello"), tools=[TOOL]),
            request(user("hello"), mcp_servers=[{"url": "https://example.com"}]),
            request(user("hello"), output_config={"format": {"type": "grammar", "schema": {}}}),
            request(user("hello"), output_config={"format": {"type": "json_schema", "schema": {}, "name": "x"}}),
            request(user("hello"), output_config={"style": "terse"}),
            request(user([PICTURE]), assistant("a cat"), user("what colour?")),
            request(user("hello"), context_management={"edits": [1]}),
            request(user("hello"), assistant("and")),
            request(user("hello"), max_tokens=0),
        ],
    )
    def test_what_cannot_be_done_here_is_refused(
        self, trooper: Trooper, cloud: Standin, local: Standin, body: dict[str, Any]
    ) -> None:
        """Pictures, documents, tools and the like are refused, not dropped in silence."""
        done = trooper("messages", stdin=json.dumps(body | {"x_force_local": True}))
        check_error(done, 65, "invalid_request_error")
        assert "engine on this machine" in done.json["error"]["message"]
        assert (cloud.connections, local.connections) == (0, 0)

    def test_what_means_nothing_here_is_passed_over(self, trooper: Trooper) -> None:
        """Cache marks, metadata and a model's thoughts do not keep a message from being answered here."""
        cached = {"cache_control": {"type": "ephemeral"}}
        thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
        done = send(
            trooper, user([text("hello") | cached]), assistant([thought, text("hi")]), user("go on"),
            x_force_local=True, metadata={"user_id": "u"}, tools=[], output_config={"effort": "low"},
            thinking={"type": "adaptive"}, **cached,
        )  # fmt: skip
        assert done.code == 0, done.notices

    def test_a_stream_of_our_own(self, trooper: Trooper) -> None:
        """A local answer streams in the API's events."""
        done = send(trooper, user("hello"), x_force_local=True, stream=True)
        found = events(done.text)
        kinds = [event["type"] for event in found]
        assert kinds[:2] == ["message_start", "content_block_start"]
        assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
        assert set(kinds[2:-3]) == {"content_block_delta"}
        assert "".join(event["delta"]["text"] for event in found[2:-3]) == "a local answer"
        assert found[0]["message"]["x_trooper"]["label"] == "private"
        assert found[-2]["x_trooper"]["label"] == "private"

    @pytest.mark.parametrize("stream", [False, True])
    def test_stop_sequences_stop_it(self, trooper: Trooper, serve: Callable[..., Standin], stream: bool) -> None:  # noqa: FBT001
        """The answer ends before the first stop sequence, even one that arrives in pieces, and says which it was."""
        server = serve(ollama(chat=lambda asked: lines("alpha END of it all", stream=asked.json["stream"])))
        body = request(user("hello"), x_force_local=True, stop_sequences=["nowhere", "ND of"], stream=stream)
        done = trooper("messages", stdin=json.dumps(body), OLLAMA_HOST=server.url)
        assert done.code == 0, done.notices
        if stream:
            found = events(done.text)
            said = "".join(event["delta"]["text"] for event in found if event["type"] == "content_block_delta")
            end = found[-2]["delta"]
        else:
            said, end = done.json["content"][0]["text"], done.json
        assert (said, end["stop_reason"], end["stop_sequence"]) == ("alpha E", "stop_sequence", "ND of")

    def test_without_a_key_it_is_answered_here_in_public(self, trooper: Trooper, local: Standin) -> None:
        """No account: a plain request is answered on this machine; one with tools is refused clearly."""
        done = trooper("messages", stdin=json.dumps(request(user("hello"))), ANTHROPIC_API_KEY=None)
        assert (done.code, done.json["x_trooper"]["reason"]) == (0, "no_key")
        assert done.json["x_trooper"]["label"] == "public"
        done = trooper("messages", stdin=json.dumps(request(user("hello"), tools=[TOOL])), ANTHROPIC_API_KEY=None)
        check_error(done, 65, "invalid_request_error")
        assert len(local.bodies) == 1

    def test_a_fallback_says_so(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """With the quota gone the message is answered here with its history; with tools that is an error."""
        cloud.respond = lambda _: api_error(429, "rate_limit_error")
        for stream in (False, True):
            done = send(trooper, user("one"), assistant("two"), user("three"), stream=stream)
            assert done.code == 0, done.notices
            told = events(done.text)[-2]["x_trooper"] if stream else done.json["x_trooper"]
            assert (told["label"], told["route"], told["fallback"]["from"]) == ("public", "local", "anthropic")
            assert local.bodies[-1]["messages"] == [user("one"), assistant("two"), user("three")]
        asked = len(local.requests)
        check_error(send(trooper, user("hello"), tools=[TOOL]), 75, "rate_limit_error")
        assert len(local.requests) == asked


class TestSession:
    """With a session the history comes from there."""

    @pytest.mark.parametrize("by_option", [True, False])
    def test_the_session_holds_the_history(
        self,
        trooper: Trooper,
        cloud: Standin,
        local: Standin,
        by_option: bool,  # noqa: FBT001
    ) -> None:
        """Three single messages, the second one private: the cloud is told of the first, this machine of all."""
        options, field = (("-s", "ops"), {}) if by_option else ((), {"x_session": "ops"})

        def say(prompt: str, **fields: Any) -> Any:
            done = send(trooper, user([{"type": "text", "text": prompt}]), options=options, **field, **fields)
            assert done.code == 0, done.notices
            return done.json["x_trooper"]

        say("one", system="Be brief.")
        say("two", x_force_local=True)
        told = say("three", temperature=0.5)
        assert (told["session"], told["turn"], told["context"]["anchor"]) == ("ops", 3, [1])
        sent = cloud.bodies[1]
        assert plainly(sent["messages"]) == [("user", "one"), ("assistant", "a cloud answer"), ("user", "three")]
        assert (sent["model"], sent["max_tokens"], sent["temperature"]) == (MODEL, 100, 0.5)
        assert plainly([{"role": "system", "content": sent["system"]}]) == [("system", "Be brief.")]
        say("four", x_force_local=True)
        assert [message["content"] for message in local.bodies[-1]["messages"] if message["role"] == "user"] == [
            "one", "two", "three", "four",
        ]  # fmt: skip
        assert [turn["label"] for turn in trooper.turns("ops")] == ["public", "private", "public", "private"]
        assert trooper("audit", "-s", "ops").code == 0
        assert trooper("ask", "-s", "ops", "and five").code == 0

    def test_one_message_of_text_alone(self, trooper: Trooper, cloud: Standin) -> None:
        """A history beside a session's own, or what a session cannot hold, is refused."""
        check_error(send(trooper, user("a"), assistant("b"), user("c"), x_session="ops"), 65, "invalid_request_error")
        check_error(send(trooper, user([PICTURE]), x_session="ops"), 65, "invalid_request_error")
        check_error(send(trooper, user("a"), x_session="../ops"), 65, "invalid_request_error")
        check_error(send(trooper, user("a"), x_session=7), 65, "invalid_request_error")
        done = send(trooper, user("a"), x_session="ops", options=("-s", "other"))
        check_error(done, 65, "invalid_request_error")
        assert cloud.connections == 0


class TestDryRun:
    """`--dry-run` prints the request that would be sent, and connects to nothing."""

    def test_the_cloud_request(self, trooper: Trooper, cloud: Standin) -> None:
        """The body is what is sent then, to the byte."""
        first = send(trooper, user("one"), options=("--dry-run",)).json
        assert cloud.connections == 0
        send(trooper, user("one"))
        assert first["body"] == cloud.bodies[0]
        assert first["headers"]["x-api-key"] == "***"
        import hashlib

        assert first["body_sha256"] == hashlib.sha256(cloud.requests[0].body).hexdigest()

    def test_the_local_request(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """With `x_force_local` it is the local engine's, and nothing is remembered of it."""
        body = json.dumps(request(user("one"), x_force_local=True))
        done = trooper("messages", "--dry-run", stdin=body, TROOPER_LOCAL_MODEL="llama3.2")
        assert (done.json["label"], done.json["engine"]) == ("private", "ollama")
        assert (cloud.connections, local.connections) == (0, 0)


def test_a_reader_that_goes_away_ends_it(trooper: Trooper, cloud: Standin) -> None:
    """When nobody reads the stream any more, the command ends with 141."""
    cloud.respond = lambda _: [STREAM_HEAD, *message_events("word " * 50_000, pieces=2000)]
    process = trooper.start("messages", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request(user("hello"), stream=True)).encode())
    process.stdin.close()
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)


def test_claude_is_the_default(trooper: Trooper, cloud: Standin) -> None:
    """Without a word about it a request goes to Claude."""
    cloud.respond = claude("from afar")
    done = send(trooper, user("hello"))
    assert (done.json["content"][0]["text"], done.json["x_trooper"]["route"]) == ("from afar", "cloud")
