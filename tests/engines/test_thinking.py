"""How much a model thinks, what is shown of it, and where it must not appear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import COMMAND
from tests.standin import STREAM_HEAD, api_error, event, http, lines, message_events, ollama, thinking_events
from tests.terminals import terminal
from trooper_cli.engines.claude_thinking import thinking_fields
from trooper_cli.engines.engine import Thinking
from trooper_cli.engines.openai_api import read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

MODEL = "llama3.2:latest"
THINKS, TALKS = {MODEL: ("completion", "thinking")}, {MODEL: ("completion",)}
# Each line is long enough for the guard to know it within another text.
THOUGHT = (
    "The user wants the harbour ledger of Quellheim audited before Friday,\n"
    "so I list the seven crates by the numbers that the dock master gave.\n"
)


def thinking_ollama(text: str = "a local answer", thought: str = THOUGHT, reason: str = "stop") -> Any:
    def chat(request: Recorded) -> Iterable[bytes]:
        return lines(text, stream=request.json["stream"], thought=thought, reason=reason)

    return ollama(capabilities=THINKS, chat=chat)


@pytest.mark.parametrize(
    ("capabilities", "family", "template", "effort", "think"),
    [
        (THINKS, "qwen3", "", None, False),
        (THINKS, "qwen3", "", "none", False),
        (THINKS, "qwen3", "", "low", True),
        (THINKS, "qwen3", "", "max", True),
        (THINKS, "gptoss", "", None, "low"),
        (THINKS, "gptoss", "", "medium", "medium"),
        (THINKS, "gptoss", "", "xhigh", "high"),
        (THINKS, "x", "{{ .ThinkLevel }}", None, False),
        (THINKS, "x", "{{ .ThinkLevel }}", "low", "low"),
        (TALKS, "llama", "", "high", None),
        (None, "llama", "", "high", None),
    ],
)
def test_what_ollama_is_told(
    trooper: Trooper, local: Standin, capabilities: Any, family: str, template: str, effort: str | None, think: Any
) -> None:
    """A model that can think does not unless asked to; one that cannot is told nothing, which it would refuse."""
    local.respond = ollama(capabilities=capabilities, family=family, template=template)
    assert trooper("ask", "--local", "hello", TROOPER_EFFORT=effort).code == 0
    (body,) = local.bodies
    assert body.get("think") == think
    assert ("think" in body) == (think is not None)
    assert body["options"]["num_predict"] == (2048 if effort in {None, "none"} else 8192)


@pytest.mark.parametrize(
    ("model", "effort", "fields"),
    [
        ("claude-sonnet-5-5", None, {}),
        ("claude-sonnet-5-5", "none", {"thinking": {"type": "between_tools"}}),
        ("claude-haiku-5-5", "none", {"thinking": {"type": "disabled"}}),
        ("claude-opus-5-20260801", "none", {"thinking": {"type": "disabled"}}),
        ("claude-opus-5-5", "none", {"output_config": {"effort": "low"}}),
        ("claude-fable-5-2", "none", {"output_config": {"effort": "low"}}),
        ("claude-opus-4-8", "none", {}),
        ("claude-haiku-4-5", "none", {}),
        ("claude-haiku-4-5", "max", {}),
        ("claude-opus-4-6", "max", {"output_config": {"effort": "high"}}),
        ("claude-sonnet-5-5", "max", {"output_config": {"effort": "max"}}),
        ("behind-a-gateway", "none", {"output_config": {"effort": "low"}}),
    ],
)
def test_what_claude_is_told(model: str, effort: str | None, fields: dict[str, object]) -> None:
    """Each model gets what it takes; `none` is the least that it allows, and nothing said is nothing sent."""
    assert thinking_fields(model, Thinking(effort)) == fields


def test_effort_of_flag_variable_and_session(trooper: Trooper, cloud: Standin) -> None:
    """The flag goes before the variable, that before the session's setting; without any, the request is as it was."""
    trooper("ask", "-s", "ops", "one")
    assert trooper("config", "set", "-s", "ops", "effort", "medium").code == 0
    trooper("ask", "-s", "ops", "two")
    trooper("ask", "-s", "ops", "three", TROOPER_EFFORT="high")
    trooper("ask", "-s", "ops", "--effort", "low", "four", TROOPER_EFFORT="high")
    trooper("ask", "-s", "ops", "--effort", "none", "five")
    said = [{name: body.get(name) for name in ("output_config", "thinking")} for body in cloud.bodies]
    assert [each["output_config"] for each in said] == [
        None, {"effort": "medium"}, {"effort": "high"}, {"effort": "low"}, None,
    ]  # fmt: skip
    assert [each["thinking"] for each in said] == [None] * 4 + [{"type": "between_tools"}]


@pytest.mark.parametrize(
    ("arguments", "environ", "code"), [(["--effort", "huge"], {}, 2), ([], {"TROOPER_EFFORT": "huge"}, 78)]
)
def test_an_effort_that_is_none_of_them(
    trooper: Trooper, cloud: Standin, arguments: list[str], environ: dict[str, str], code: int
) -> None:
    """An unknown level is refused, and nothing is sent."""
    done = trooper("ask", *arguments, "hello", **environ)
    assert (done.code, done.out) == (code, b"")
    assert cloud.requests == []


def test_a_server_of_the_other_api_is_told_by_its_own_field(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """`reasoning_effort` goes to servers of that API, here and in the cloud, where a level is asked for."""
    answer = {
        "choices": [{"message": {"content": "an answer", "reasoning_content": "a thought"}, "finish_reason": "stop"}]
    }
    server = serve(lambda _: http(200, json.dumps(answer)))
    for environ in ({}, {"TROOPER_EFFORT": "xhigh"}):
        done = trooper(
            "ask", "--local", "--no-stream", "--show-thinking", "hello", TROOPER_LOCAL_URL=server.url, **environ
        )
        assert (done.code, done.text, done.notices) == (0, "an answer\n", "a thought\n")
    assert [body.get("reasoning_effort") for body in server.bodies] == [None, "xhigh"]
    trooper.home.mkdir(exist_ok=True)
    (trooper.home / "config.toml").write_text(
        f'[[clouds]]\nname = "other"\nurl = "{server.url}/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\n'
    )
    done = trooper("ask", "--effort", "none", "--no-stream", "hello", ANTHROPIC_API_KEY=None, OTHER_KEY="key-of-other")
    assert (done.code, done.text) == (0, "an answer\n")
    assert server.bodies[-1]["reasoning_effort"] == "none"


def test_a_program_s_own_fields_go_out_alone(trooper: Trooper, cloud: Standin) -> None:
    """`trooper messages` sends the effort that its program names, and never ours beside it."""
    request = {"model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
    trooper("messages", stdin=json.dumps(request), TROOPER_EFFORT="high")
    trooper("messages", stdin=json.dumps(request | {"output_config": {"effort": "low"}}), TROOPER_EFFORT="high")
    assert [body.get("output_config") for body in cloud.bodies] == [None, {"effort": "low"}]
    assert not any("thinking" in body for body in cloud.bodies)


@pytest.mark.parametrize("flag", ["--stream", "--no-stream"])
def test_thought_is_shown_on_standard_error_alone(trooper: Trooper, cloud: Standin, flag: str) -> None:
    """It is asked for, comes before the answer, and is neither on standard output nor in the session."""

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.json["stream"]:
            first, *rest = message_events("a cloud answer")
            return [STREAM_HEAD, first, *thinking_events("first I\nthink"), *rest]
        content = [{"type": "thinking", "thinking": "first I\nthink"}, {"type": "text", "text": "a cloud answer"}]
        usage = {"input_tokens": 5, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 6}}
        return http(200, json.dumps({"type": "message", "content": content, "stop_reason": "end_turn", "usage": usage}))

    cloud.respond = respond
    done = trooper("ask", "-s", "ops", flag, "--show-thinking", "hello")
    assert (done.code, done.text, done.notices) == (0, "a cloud answer\n", "first I\nthink\n")
    assert cloud.bodies[0]["thinking"] == {"type": "adaptive", "display": "summarized"}
    done = trooper("ask", "-s", "ops", flag, "--json", "hello")
    assert (done.code, done.json["answer"], done.notices) == (0, "a cloud answer", "")
    assert done.json["usage"]["thinking"] > 0
    assert "thinking" not in cloud.bodies[1]
    assert "think" not in trooper("show", "-s", "ops", "--json").text
    assert "think" not in trooper("ask", "-s", "ops", "--dry-run", "hello").json["context"]["text"]


def test_private_thought_that_was_printed_is_known_to_the_guard(
    trooper: Trooper, cloud: Standin, local: Standin
) -> None:
    """In a pipe private thought would go on as private answers would: it is printed, and stopped on its way out."""
    local.respond = thinking_ollama()
    for session in ([], ["-s", "ops"]):
        done = trooper("ask", *session, "--local", "--effort", "high", "--show-thinking", "audit this")
        assert (done.code, done.text, done.notices) == (0, "a local answer\n", THOUGHT)
    for line in (THOUGHT, *THOUGHT.splitlines()):
        done = trooper("ask", stdin=f"please sum up: {line}")
        assert (done.code, done.out) == (77, b"")
    assert cloud.requests == []
    assert "Quellheim" not in trooper("show", "-s", "ops", "--json").text


def test_private_thought_that_is_not_shown_is_nowhere(trooper: Trooper, local: Standin) -> None:
    """Without the option no stream and no file has it."""
    local.respond = thinking_ollama()
    done = trooper("ask", "-s", "ops", "--local", "--effort", "high", "audit this")
    assert (done.code, done.text, done.notices) == (0, "a local answer\n", "")
    assert not any(b"Quellheim" in path.read_bytes() for path in trooper.home.rglob("*") if path.is_file())


def test_private_thought_that_the_guard_cannot_remember_is_not_printed() -> None:
    """What is not known is not shown: the callback fails, and nothing reaches the sink."""
    from trooper_cli.ask.thought import ThoughtOfTurn
    from trooper_cli.errors import StorageError

    shown: list[str] = []

    class Sink:
        begun = False

        def begin(self, provenance: object) -> None: ...
        def wait(self, what: str) -> None: ...
        def write(self, text: str) -> None: ...
        def think(self, text: str) -> None:
            shown.append(text)

    def fails(_: str) -> None:
        raise StorageError("full")

    thought = ThoughtOfTurn(fails, Sink())
    with pytest.raises(StorageError):
        thought.add("a line\n")
    assert shown == []


def test_an_answer_that_was_all_thought_says_so(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """Exit 76 with the tokens that went there and what to do; by Ollama, which counts them as output, and by Claude."""
    local.respond = thinking_ollama("", reason="length")
    done = trooper("ask", "--local", "--effort", "high", "hello")
    assert (done.code, done.out) == (76, b"")
    assert done.notices == (
        "trooper: ollama gave no answer: 4 tokens went into thinking; have it think less with --effort none, or give "
        "it more with --max-tokens\n"
    )
    usage = {"input_tokens": 5, "output_tokens": 900, "output_tokens_details": {"thinking_tokens": 900}}
    whole = {"type": "message", "content": [{"type": "thinking", "thinking": ""}], "stop_reason": "max_tokens"}
    cloud.respond = lambda _: http(200, json.dumps(whole | {"usage": usage}))
    done = trooper("ask", "--no-stream", "hello")
    assert (done.code, done.out) == (76, b"")
    assert "900 tokens went into thinking" in done.notices


def test_a_fallback_after_thought_is_an_answer(trooper: Trooper, cloud: Standin) -> None:
    """What a cloud thought before it broke off is no part of an answer: another engine may still give one."""
    overloaded = event({"type": "error", "error": {"type": "overloaded_error"}})
    cloud.respond = lambda _: [STREAM_HEAD, message_events("")[0], *thinking_events("hm"), overloaded]
    done = trooper("ask", "--stream", "hello")
    assert (done.code, done.text) == (0, "a local answer\n")


def test_chunks_of_either_name_are_thought() -> None:
    """llama.cpp says `reasoning_content`, vLLM `reasoning`; neither is text of the answer."""
    for name in ("reasoning_content", "reasoning"):
        chunks: list[object] = [
            {"choices": [{"delta": {name: "hm"}}]},
            {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]},
        ]
        thought, piece, _ = read_chunks(iter(chunks), "m")
        assert (thought, piece) == (("hm",), "yes")


def test_a_terminal_says_that_it_thinks(trooper: Trooper, local: Standin, tmp_path: Path) -> None:
    """The spinner says what is awaited, with seconds: the loading of a model that is not in memory, then thought."""
    import threading

    at_thought, at_answer = threading.Event(), threading.Event()

    def chat(_: Recorded) -> Iterable[bytes]:
        head, *rest = lines("a local answer", thought="hm\n")
        yield head
        assert at_thought.wait(60)
        yield rest.pop(0)
        assert at_answer.wait(60)
        yield from rest

    local.respond = ollama(capabilities=THINKS, chat=chat)
    environ = trooper.environment(TERM="xterm")
    with terminal([str(COMMAND), "ask", "--local", "-n", "--effort", "high", "hello"], environ, tmp_path) as screen:
        screen.wait_for("ollama loads llama3.2:latest first")
        screen.wait_for("loading llama3.2:latest, 0 s")
        at_thought.set()
        screen.wait_for("thinking, 0 s")
        screen.wait_for("thinking, 1 s")
        at_answer.set()
        screen.wait_for("a local answer")


def test_thought_on_a_terminal_steers_nothing(trooper: Trooper, local: Standin, tmp_path: Path) -> None:
    """Control characters in a thought are shown as text, and the answer begins on a line of its own."""
    local.respond = thinking_ollama(thought="red \x1b[31m alert")
    environ = trooper.environment(TERM="xterm", NO_COLOR="1")
    command = [str(COMMAND), "ask", "--local", "-n", "--effort", "high", "--show-thinking", "hello"]
    with terminal(command, environ, tmp_path) as screen:
        assert "\x1b[31m" not in screen.wait_for("red \\x1b[31m alert\r\na local answer\r\n")


def test_a_quota_that_is_gone_keeps_the_effort(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """The engine that stands in is told by its own field."""
    cloud.respond = lambda _: api_error(402, "billing_error")
    local.respond = ollama(capabilities=THINKS)
    assert trooper("ask", "--effort", "high", "hello").code == 0
    assert local.bodies[0]["think"] is True
