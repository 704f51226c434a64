"""Histories that a program sends again: what was private is not in what the cloud is told, whatever its form.

The property test plays conversations twice: with their private turns, and as if these had never been.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import KEY, Trooper
from tests.messages.program import Conversation, assistant, plainly, request, user
from tests.standin import Standin, claude, message, ollama
from trooper_cli.ask.pipeline import ask
from trooper_cli.errors import LocalityError
from trooper_cli.messages.adapter import CliOptions, to_ask_request
from trooper_cli.messages.request import read
from trooper_cli.messages.response import Reply
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.standin import Recorded

LONG = "the nightly export of the payroll database fails since the new certificate was rolled out"


def text(value: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": value}]


def numbered(name: str) -> Callable[[Recorded], Any]:
    """Answer each request in other words."""
    counts: dict[str, int] = {}

    def respond(asked: Recorded) -> Any:
        counts[name] = counts.get(name, 0) + 1
        words = f"{name} answer number {counts[name]}"
        return claude(words)(asked) if name == "cloud" else ollama(words)(asked)

    return respond


@pytest.fixture
def talk(trooper: Trooper, cloud: Standin, local: Standin) -> Conversation:
    cloud.respond, local.respond = numbered("cloud"), numbered("local")
    return Conversation(trooper)


class TestPairs:
    """A private prompt and its answer are left out, in whichever form they come back."""

    def test_ten_turns_two_of_them_private(self, tmp_path: Path, cloud: Standin, talk: Conversation) -> None:
        """Turns 3 and 7 forced local: the cloud is told, to the byte, what it would be told without them."""
        for turn in range(1, 11):
            if turn in {3, 7}:
                assert talk.say(f"secret {turn}", x_force_local=True)["x_trooper"]["label"] == "private"
            else:
                told = talk.say(f"question {turn}")["x_trooper"]
        assert (told["label"], told["left_out"]) == ("public", 4)
        mixed = [request.raw for request in cloud.requests]
        cloud.requests.clear()
        cloud.respond = numbered("cloud")
        plain = Conversation(Trooper(tmp_path / "plain", talk.trooper.environ))
        for turn in (1, 2, 4, 5, 6, 8, 9, 10):
            plain.say(f"question {turn}")
        assert mixed == [request.raw for request in cloud.requests]
        assert b"secret" not in b"".join(mixed)
        assert b"local" not in b"".join(mixed)

    @pytest.mark.parametrize(
        "change",
        [
            lambda prompt, answer: (user(prompt), assistant(answer)),
            lambda prompt, answer: (user(text(prompt)), assistant(text(answer))),
            lambda prompt, answer: (user(prompt + "\n"), assistant(f"  {answer}\r\n\r\n")),
            lambda prompt, answer: (
                user(text(prompt[:2]) + text(prompt[2:])),
                assistant(text(answer[:3]) + text(answer[3:])),
            ),
            lambda prompt, answer: (
                user([text(prompt)[0] | {"cache_control": {"type": "ephemeral"}}]),
                assistant([text(answer)[0] | {"citations": None}]),
            ),
            lambda prompt, answer: (user(prompt), assistant(answer[:5])),
            lambda prompt, answer: (user(prompt), assistant(f"**{answer}**")),
        ],
    )
    def test_the_form_does_not_matter(
        self, cloud: Standin, talk: Conversation, change: Callable[[str, str], tuple[Any, Any]]
    ) -> None:
        """Text or blocks, other white space, several blocks, marks of caching, an answer that was cut or dressed up."""
        talk.say("one")
        answer = talk.say("why", x_force_local=True)["content"][0]["text"]
        talk.history[-2:] = change("why", answer)
        talk.say("three")
        assert cloud.bodies[-1]["messages"] == [
            user("one"), assistant(text("cloud answer number 1")), user("three"),
        ]  # fmt: skip

    def test_a_window_of_the_latest_messages(self, cloud: Standin, talk: Conversation) -> None:
        """A program that sends its latest messages alone is understood as well."""
        for turn in range(6):
            talk.say(f"q{turn}", x_force_local=turn == 3)
        for first in range(2, 8):
            done = talk.trooper("messages", stdin=json.dumps(request(*talk.history[first:], user("and now"))))
            assert done.code == 0, done.notices
            kept = [message for at, message in enumerate(talk.history) if at >= first and at not in {6, 7}]
            assert cloud.bodies[-1]["messages"] == [*kept, user("and now")]

    def test_private_turns_of_elsewhere(self, trooper: Trooper, cloud: Standin) -> None:
        """A pair of a session, of `ask` or of an imported file is known too."""
        trooper("ask", "-s", "ops", "--local", "yes?")
        trooper("ask", "--local", "no?")
        line = json.dumps({"prompt": "may I?", "answer": "you may"})
        assert trooper("import", "-s", "other", stdin=line).code == 0
        theirs = "a local answer"
        for prompt, answer in (("yes?", theirs), ("no?", theirs), ("may I?", "you may")):
            done = trooper("messages", stdin=json.dumps(request(user(prompt), assistant(answer), user("go on"))))
            assert done.code == 0, done.notices
            assert cloud.bodies[-1]["messages"] == [user("go on")], prompt

    def test_a_forgotten_turn_is_unknown_again(self, trooper: Trooper, cloud: Standin) -> None:
        """What `trooper forget` erased is nobody's any more."""
        trooper("ask", "-s", "ops", "--local", "yes?")
        trooper("forget", "-s", "ops", "1")
        trooper("messages", stdin=json.dumps(request(user("yes?"), assistant("a local answer"), user("go on"))))
        assert len(cloud.bodies[-1]["messages"]) == 3

    def test_a_prompt_without_an_answer(self, cloud: Standin, talk: Conversation) -> None:
        """A private prompt that failed and stands before the next prompt is left out too."""
        talk.say("one")
        talk.history.append(user("my pin?"))
        assert talk.send(x_force_local=True, max_tokens=50, tools=[{"name": "t"}]).code == 65
        body = json.dumps(request(*talk.history, x_force_local=True))
        assert talk.trooper("messages", stdin=body, OLLAMA_HOST="127.0.0.1:9").code == 69
        talk.say("two")
        talk.say("three")
        for sent in cloud.bodies:
            assert b"pin" not in json.dumps(sent).encode()
        assert [message["content"] for message in cloud.bodies[-1]["messages"] if message["role"] == "user"] == [
            "one", "two", "three",
        ]  # fmt: skip

    def test_several_prompts_in_a_row(self, cloud: Standin, talk: Conversation) -> None:
        """A private prompt of several messages goes with all of them."""
        talk.say("one")
        talk.history.append(user("my pin"))
        talk.say("what is it?", x_force_local=True)
        talk.say("two")
        assert cloud.bodies[-1]["messages"] == [user("one"), assistant(text("cloud answer number 1")), user("two")]


class TestTwins:
    """What a private turn and a public one both say is never a reason to leave the public one out."""

    def test_the_same_short_prompt(self, cloud: Standin, talk: Conversation) -> None:
        """Asked "go on" privately and publicly: only the private one is left out."""
        talk.say("one")
        talk.say("go on", x_force_local=True)
        talk.say("go on")
        talk.say("go on", x_force_local=True)
        talk.say("go on")
        assert cloud.bodies[-1]["messages"] == [
            user("one"), assistant(text("cloud answer number 1")),
            user("go on"), assistant(text("cloud answer number 2")), user("go on"),
        ]  # fmt: skip

    def test_the_same_prompt_and_the_same_answer(self, cloud: Standin, local: Standin, talk: Conversation) -> None:
        """Even with equal answers the places in the history tell them apart."""
        cloud.respond, local.respond = claude("ok"), ollama("ok")
        talk.say("one")
        talk.say("go on", x_force_local=True)
        talk.say("go on")
        talk.say("two")
        assert cloud.bodies[-1]["messages"] == [
            user("one"), assistant(text("ok")), user("go on"), assistant(text("ok")), user("two"),
        ]  # fmt: skip

    def test_a_pair_that_both_have_at_the_same_place(self, cloud: Standin, local: Standin, talk: Conversation) -> None:
        """Where nothing can tell whose a pair is, nothing is sent."""
        cloud.respond, local.respond = claude("ok"), ollama("ok")
        talk.say("go on", x_force_local=True)
        talk.history.clear()
        talk.say("go on")
        asked = len(cloud.requests)
        talk.history.append(user("two"))
        done = talk.send()
        assert (done.code, done.json["error"]["type"]) == (77, "permission_error")
        assert len(cloud.requests) == asked
        done = talk.trooper("messages", "--on-leak", "local", stdin=json.dumps(request(*talk.history)))
        assert (done.code, done.json["x_trooper"]["label"]) == (0, "private")
        assert len(cloud.requests) == asked

    def test_a_public_pair_of_the_caller_s_own(self, cloud: Standin, talk: Conversation) -> None:
        """An example that only shares a short prompt with a private turn: it is not left out, nothing is sent."""
        talk.say("yes", x_force_local=True)
        examples = [user("yes"), assistant("positive"), user("maybe")]
        done = talk.trooper("messages", stdin=json.dumps(request(*examples)))
        assert done.code == 77
        assert cloud.connections == 0
        examples[0] = user("certainly")
        assert talk.trooper("messages", stdin=json.dumps(request(*examples))).code == 0
        assert cloud.bodies[-1]["messages"] == examples

    def test_the_system_prompt_comes_every_time(self, cloud: Standin, talk: Conversation) -> None:
        """The same long system prompt with private and with public messages keeps nobody from asking."""
        system = f"You are an operator. Know that {LONG}, and answer in one line."
        talk.say("one", x_force_local=True, system=system)
        talk.say("two", system=system)
        talk.say("three", x_force_local=True, system=system)
        talk.say("four", system=system)
        assert [body["system"] for body in cloud.bodies] == [system, system]

    def test_a_private_answer_may_quote_public_text(self, local: Standin, cloud: Standin, talk: Conversation) -> None:
        """A local model that repeats what the cloud said makes nobody's history private."""
        talk.say(LONG)
        local.respond = ollama(f"You said: {LONG}.")
        talk.say("what did I say?", x_force_local=True)
        talk.say("and now")
        assert len(cloud.bodies[-1]["messages"]) == 3


class TestGuard:
    """What is left of private text in a request for the cloud is refused, wherever it stands."""

    @pytest.mark.parametrize(
        "body",
        [
            request(user(LONG)),
            request(user(text(LONG[:40]) + text(LONG[40:]))),
            request(user("hello"), system=LONG),
            request(user("hello"), system=text(LONG)),
            request(user("hello"), assistant(f"I heard that {LONG}"), user("is it so?")),
            request(user("hello"), assistant([{"type": "tool_use", "id": "1", "name": "t", "input": {"q": LONG}}]),
                    user([{"type": "tool_result", "tool_use_id": "1", "content": "ok"}])),
            request(user([{"type": "tool_result", "tool_use_id": "1", "content": text(LONG)}])),
            request(user([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": LONG}}])),
            request(user("hello"), tools=[{"name": "t", "description": LONG, "input_schema": {"type": "object"}}]),
            request(user("hello"), metadata={"user_id": LONG}),
            request(user([{"type": "document", "source": {"type": "base64", "media_type": "text/x", "data": LONG}}])),
            request(user([{"type": "document", "source": {"type": "base64", "media_type": "text/plain",
                    "data": base64.b64encode(LONG.encode()).decode()}}])),
            request(user("hello"), tools=[{"name": "t", "input_schema": {"properties": {LONG: {"type": "string"}}}}]),
        ],
    )  # fmt: skip
    def test_private_text_is_found_everywhere(self, trooper: Trooper, cloud: Standin, body: dict[str, Any]) -> None:
        """In messages, blocks, tools, documents, names: exit 77, and the cloud hears nothing."""
        asked = json.dumps(request(user(f"Please explain: {LONG}!"), x_force_local=True))
        assert trooper("messages", stdin=asked).code == 0
        done = trooper("messages", stdin=json.dumps(body))
        assert (done.code, done.json["error"]["type"]) == (77, "permission_error"), done.notices
        assert LONG[:30] not in done.text + done.notices
        assert cloud.connections == 0

    @pytest.mark.parametrize("told", [{"account": 4111222233334444}, {"db7prodx91": 1}])
    def test_so_are_numbers_and_names(self, trooper: Trooper, cloud: Standin, told: dict[str, Any]) -> None:
        """An account's number and a machine's name are words that look like secrets."""
        asked = json.dumps(request(user("card 4111222233334444 of db7prodx91"), x_force_local=True))
        assert trooper("messages", stdin=asked).code == 0
        use = [{"type": "tool_use", "id": "1", "name": "t", "input": told}]
        result = [{"type": "tool_result", "tool_use_id": "1", "content": "ok"}]
        body = request(user("hello"), assistant(use), user(result))
        assert trooper("messages", stdin=json.dumps(body)).code == 77
        assert cloud.connections == 0

    def test_a_credential_is_found(self, trooper: Trooper, cloud: Standin) -> None:
        """A key in an earlier message of a history is refused, as in a prompt."""
        key = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
        body = json.dumps(request(user(f"use {key}"), assistant("ok"), user("go on")))
        assert trooper("messages", stdin=body).code == 77
        assert cloud.connections == 0
        done = trooper("messages", "--on-leak", "local", stdin=body)
        assert (done.code, done.json["x_trooper"]["reason"]) == (0, "leak")
        assert cloud.connections == 0

    def test_a_lost_index_refuses_histories(self, trooper: Trooper, cloud: Standin) -> None:
        """Where the index of private turns cannot be used, a history is not sent; one new message is."""
        trooper.home.mkdir(parents=True)
        (trooper.home / "guard.db").symlink_to("/nonexistent/guard.db")
        done = trooper("messages", stdin=json.dumps(request(user("a"), assistant("b"), user("c"))))
        assert done.code != 0
        assert cloud.connections == 0


short = st.sampled_from(["yes", "ok", "go on", "why", "42", "?"])
turns = st.lists(
    st.tuples(st.booleans(), short | st.text("abc ?é", min_size=1, max_size=6).filter(str.strip), st.booleans()),
    min_size=1,
    max_size=8,
)
EXAMPLES = max(20, settings().max_examples // 8)
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Standin, Standin]]:
    def from_afar(asked: Recorded) -> Any:
        # The same request has the same answer, so that both conversations can be compared to their ends.
        return message(["yes", "ok", "well"][hashlib.sha256(asked.body).digest()[0] % 3])

    with contextlib.closing(Standin(from_afar)) as cloud, contextlib.closing(Standin(ollama())) as local:
        yield cloud, local


def answer(home: Path, cloud: Standin, local: Standin, messages: list[Any], **fields: Any) -> Any:
    environ = {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": cloud.url,
        "OLLAMA_HOST": local.url,
        "TROOPER_HOME": str(home),
    }
    written: list[str] = []
    reply = Reply(written.append)
    body = read(json.dumps(request(*messages, **fields)))
    ask_request, caller = to_ask_request(body, CliOptions(), Settings(environ), reply)
    reply.finish(ask(ask_request, caller, Settings(environ), home, lambda _: None))
    return json.loads("".join(written))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(turns, st.sampled_from(["local words", "yes", "ok"]), st.integers(1, 9))
def test_private_turns_change_no_byte(
    sides: tuple[Standin, Standin], said: list[tuple[bool, str, bool]], local_words: str, window: int
) -> None:
    """Any conversation: its requests are those of the same conversation without its private turns, to the byte.

    At the end its latest messages alone are sent: without their private ones, or not at all. There, where nothing says
    where they stood, one that is word for word a public one is that one.
    """
    cloud, local = sides
    local.respond = ollama(local_words)
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as mixed, tempfile.TemporaryDirectory(dir=MEMORY_DISK) as plain:
        cloud.requests.clear()
        history: list[tuple[bool, dict[str, Any]]] = []
        for is_private, prompt, as_blocks in said:
            history.append((is_private, user(text(prompt) if as_blocks else prompt)))
            response = answer(Path(mixed), cloud, local, [message for _, message in history], x_force_local=is_private)
            content = response["content"]
            history.append((is_private, assistant(content if as_blocks else content[0]["text"])))
        sent = [request.raw for request in cloud.requests]
        cloud.requests.clear()
        public = [message for is_private, message in history if not is_private]
        for at in range(0, len(public), 2):
            answer(Path(plain), cloud, local, public[: at + 1])
        assert sent == [request.raw for request in cloud.requests]
        cloud.requests.clear()
        words = plainly([message for _, message in history])
        told = [(is_private, *words[at : at + 2]) for at, (is_private, _) in enumerate(history) if at % 2 == 0]
        if any((False, *exchange) in told for is_private, *exchange in told if is_private):
            return
        latest = history[-window:]
        with contextlib.suppress(LocalityError):
            answer(Path(mixed), cloud, local, [*(message for _, message in latest), user("at last")])
            expected = [*(message for is_private, message in latest if not is_private), user("at last")]
            assert cloud.bodies[-1]["messages"] == expected
