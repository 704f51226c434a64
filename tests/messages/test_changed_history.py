"""Histories whose texts a program has changed: what was private is known again, or nothing is sent.

The property test plays conversations with a program that dresses every text up before it sends it again, and asks at
last with a history in another shape. It counts how often something was sent, left out and refused, so that it cannot
pass by refusing everything. The profile sets how often.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.messages.program import assistant, request, user
from tests.messages.test_history import MEMORY_DISK, answer
from tests.standin import Standin, message, ollama
from trooper_cli.errors import LocalityError
from trooper_cli.guard.normalize import reduced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Trooper
    from tests.standin import Recorded

EXAMPLES = max(100, settings().max_examples // 5)

DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "quotes": lambda text: f"\u201c{text.replace(chr(39), chr(0x2019))}\u201d",
    "full stop": lambda text: f"{text}.",
    "case": str.upper,
    "quoted": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "bold": lambda text: f"**{text}**",
    "clock": lambda text: f"[2026-11-24 10:00] {text}",
    "date": lambda text: f"Tue Nov 24 10:00:31 UTC 2026: {text}",
    "speaker": lambda text: f"Anna: {text}",
    "chat": lambda text: f"24/11/2026, 10:01 - Anna Roe: {text}",
    "sent at": lambda text: f"{text} (10:02)",
}
NAMES = "quorvex zyblit frundak wolquist jimbrel pexlow gruntvik yablost".split()
SUMS = "marzquid oblixten vunterby kwarzumet trembloz fizzwick dorquane hulbrist".split()
# Those of twelve letters and more are telling alone; the others with their other half.
PROMPTS = ["What does {} earn in a month?", "is {}'s contract at an end", "{}'s pin?", "why {}"]
ANSWERS = ["It is {}, since Monday", "{} and eighty-nine\nthousand more", "{}", "4711 {}"]
COMMON = ["yes", "ok", "go on", "thanks", "continue", "why?"]


class Said(NamedTuple):
    """A message of a conversation, as the program keeps it."""

    private: bool
    text: str
    plain: str

    @property
    def telling(self) -> bool:
        return len(reduced(self.plain)) >= 12


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Standin, Standin]]:
    def from_afar(asked: Recorded) -> Any:
        return message(["yes", "ok", "well", "here you are"][hashlib.sha256(asked.body).digest()[0] % 4])

    with closing(Standin(from_afar)) as cloud, closing(Standin(ollama())) as local:
        yield cloud, local


def alternating(said: list[Said]) -> list[dict[str, Any]]:
    return [assistant(each.text) if at % 2 else user(each.text) for at, each in enumerate(said)]


def merged(said: list[Said]) -> tuple[list[Any], str | None]:
    """All prompts in one message, the answers gone."""
    return [user("\n\n".join(each.text for each in said[::2]))], None


def in_blocks(said: list[Said]) -> tuple[list[Any], str | None]:
    return [user([{"type": "text", "text": each.text} for each in said])], None


def flat(said: list[Said]) -> tuple[list[Any], str | None]:
    speakers = ("User", "Assistant")
    return [user("\n".join(f"{speakers[at % 2]}: {each.text}" for at, each in enumerate(said)))], None


def in_one_line(said: list[Said]) -> tuple[list[Any], str | None]:
    return [user(" ".join(f"{('Q', 'A')[at % 2]}: {each.text}" for at, each in enumerate(said)))], None


def dumped(said: list[Said]) -> tuple[list[Any], str | None]:
    return [user(f"So far: {json.dumps([{'role': 'any', 'content': each.text} for each in said])}")], None


def in_tool_results(said: list[Said]) -> tuple[list[Any], str | None]:
    """The answers are what a tool gave."""
    messages = []
    for at in range(0, len(said), 2):
        use = {"type": "tool_use", "id": f"t{at}", "name": "look_up", "input": {}}
        result = {"type": "tool_result", "tool_use_id": f"t{at}", "content": said[at + 1].text}
        messages += [user(said[at].text), assistant([use]), user([result]), assistant("Noted as number {at}.")]
    return messages, None


def in_the_system(said: list[Said]) -> tuple[list[Any], str | None]:
    """The answers are notes in the system prompt."""
    notes = "\n".join(f"- {each.text}" for each in said[1::2])
    return [user(each.text) for each in said[::2]], f"You are an operator. What is known:\n{notes}"


SHAPES = [merged, in_blocks, flat, in_one_line, dumped, in_tool_results, in_the_system]

dresses = st.sampled_from(list(DRESSES))
private_turns = st.tuples(
    st.just("private"), st.sampled_from(PROMPTS + COMMON), st.sampled_from(ANSWERS), dresses, dresses
)
public_turns = st.tuples(
    st.just("public"), st.sampled_from([*COMMON, "question {}", "{}, please"]), st.just(""), dresses, dresses
)
shapes = st.none() | st.sampled_from(SHAPES)
conversations = st.lists(st.one_of(private_turns, public_turns, public_turns), min_size=2, max_size=6)


def test_what_a_program_changes_is_known_again(sides: tuple[Standin, Standin]) -> None:
    """Quotes, full stops, case, marks, clocks and speakers: left out, or refused; in other shapes refused at least."""
    counts: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(conversations, st.sampled_from([("private",), ("private", "public")]), st.integers(0, 5), shapes)
    def play(turns: list[Any], dressed: tuple[str, ...], window: int, shape: Any) -> None:
        with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as home:
            Play(Path(home), *sides, counts, dressed).through(turns, window, shape)

    play()
    print(counts)
    assert counts["sent with something left out"] >= counts["asked after private turns"] * 0.8
    assert counts["sent"] >= counts["asked"] * 0.9
    assert counts["refused shape"] >= EXAMPLES * 0.08
    assert counts["sent shape"] >= EXAMPLES * 0.01


class Play:
    """One conversation."""

    def __init__(
        self, home: Path, cloud: Standin, local: Standin, counts: Counter[str], dressed: tuple[str, ...]
    ) -> None:
        self.home, self.cloud, self.local, self.counts, self.dressed = home, cloud, local, counts, dressed
        self.said: list[Said] = []
        self.secrets: list[str] = []

    def through(self, turns: list[Any], window: int, shape: Any) -> None:
        for at, (label, prompt, words, *dresses) in enumerate(turns):
            private = label == "private"
            asked = prompt.format(NAMES[at] if private else at)
            self.local.respond = ollama(words.format(SUMS[at]))
            response = self.ask(self.said, asked, x_force_local=private)
            if response is None:
                return
            if private:
                self.secrets += [NAMES[at], SUMS[at]] if "{}" in prompt else [SUMS[at]]
            for dress, text in zip(dresses, (asked, response["content"][0]["text"]), strict=True):
                self.said.append(Said(private, DRESSES[dress](text) if label in self.dressed else text, text))
        self.ask(self.said[window * 2 :], "and at last?")
        if shape is not None:
            self.ask_in(shape)

    def ask(self, history: list[Said], prompt: str, **fields: Any) -> Any:
        """Ask once more; what the cloud is told are the public messages as they are, and no others."""
        private = fields.get("x_force_local", False)
        had = any(each.private for each in history)
        try:
            response = self.sent([*alternating(history), user(prompt)], **fields)
        except LocalityError:
            assert not private
            assert had, "a conversation without private turns was refused"
            self.counts.update(["asked", "asked after private turns"])
            return None
        if not private:
            self.counts.update(["asked", "sent"])
            if had:
                self.counts.update(["asked after private turns", "sent with something left out"])
            public = [each for each in history if not each.private]
            assert self.cloud.bodies[-1]["messages"] == [*alternating(public), user(prompt)]
        return response

    def ask_in(self, shape: Callable[[list[Said]], tuple[list[Any], str | None]]) -> None:
        # Of a prompt alone less than a line of twelve letters is not known again.
        said = [
            each
            for at, each in enumerate(self.said)
            if shape is not merged or not each.private or self.said[at - at % 2].telling
        ]
        messages, system = shape(said)
        messages.append(user("and at last?"))
        try:
            self.sent(messages, **({"system": system} if system else {}))
        except LocalityError:
            # A prompt that a private turn had as well, without its answer, may be either's.
            private = {each.plain for each in self.said if each.private}
            assert any(each.plain in private for each in said), "a conversation without private turns was refused"
            self.counts["refused shape"] += 1
        else:
            self.counts["sent shape"] += 1

    def sent(self, messages: list[Any], **fields: Any) -> Any:
        before = len(self.cloud.requests)
        try:
            return answer(self.home, self.cloud, self.local, messages, **fields)
        finally:
            told = reduced(b"".join(asked.body for asked in self.cloud.requests[before:]).decode())
            assert not [secret for secret in self.secrets if secret in told]
            assert len(self.cloud.requests) <= before + 1


@pytest.fixture
def pair(trooper: Trooper, local: Standin) -> Callable[[str, str], None]:
    """Ask privately, and be answered."""

    def ask(prompt: str, words: str) -> None:
        local.respond = ollama(words)
        assert trooper("messages", stdin=json.dumps(request(user(prompt), x_force_local=True))).code == 0

    return ask


PROMPT, WORDS = "What is Anna's PIN?", "It is 4711."
USE = [{"type": "tool_use", "id": "1", "name": "t", "input": {}}]


@pytest.mark.parametrize(
    "body",
    [
        request(user("User: What is Anna\u2019s PIN?\nAssistant: It is **4711**\nUser: go on")),
        request(user("Q: what is annas pin? A: it is 4711 Q: go on")),
        request(user("<user>What is Anna's PIN</user><assistant>It is 4711</assistant>\n\ngo on")),
        request(user("| What is Anna's PIN? | It is 4711. |\n| why? | because |")),
        request(user(json.dumps({"history": [{"q": PROMPT}, {"a": WORDS}]}))),
        request(user("You asked \u201cWhat is Anna's PIN\u201d, and I said \u201cIt is 4711\u201d, remember?")),
        request(user("hello\n\n> what is Anna's PIN"), assistant("well"), user("go on")),
        request(user([{"type": "text", "text": "hello"}, {"type": "text", "text": "10:02 Anna: What is Anna's PIN"}])),
        request(user(f"Anna: {PROMPT}"), assistant(USE),
                user([{"type": "tool_result", "tool_use_id": "1", "content": "it is 4711"}])),
        request(user(f"[10:00] {PROMPT}"), user("go on"), system="Notes:\n- It is 4711"),
        request(user("go on"), tools=[{"name": "t", "description": PROMPT.upper(), "input_schema": {}}]),
        request(user("go on"), metadata={"user_id": "what is anna's pin"}),
        request(user([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": PROMPT}}])),
    ],
)  # fmt: skip
def test_a_short_pair_in_another_shape_is_refused(
    trooper: Trooper, cloud: Standin, pair: Callable[[str, str], None], body: dict[str, Any]
) -> None:
    """Flattened, quoted, in cells, tags and tools: exit 77 with a next step, and the cloud hears nothing."""
    pair(PROMPT, WORDS)
    done = trooper("messages", stdin=json.dumps(body))
    assert (done.code, done.json["error"]["type"]) == (77, "permission_error"), done.notices
    assert "x_force_local" in done.json["error"]["message"]
    assert "4711" not in done.text + done.notices
    assert cloud.connections == 0


def test_on_leak_says_what_becomes_of_it(trooper: Trooper, cloud: Standin, pair: Callable[[str, str], None]) -> None:
    """Kept here with `local`, sent with one notice with `warn`."""
    pair(PROMPT, WORDS)
    body = json.dumps(request(user("hello"), assistant("well?"), user(f"User: {PROMPT}\nUser: go on")))
    kept = trooper("messages", "--on-leak", "local", stdin=body)
    assert (kept.code, kept.json["x_trooper"]["label"], kept.json["x_trooper"]["reason"]) == (0, "private", "leak")
    assert cloud.connections == 0
    sent = trooper("messages", "--on-leak", "warn", stdin=body)
    assert (sent.code, sent.json["x_trooper"]["label"]) == (0, "public")
    assert sent.notices == "trooper: warning: messages.2 holds the prompt or the answer of a private turn\n"
    assert len(cloud.requests) == 1


def test_common_replies_hinder_nobody(sides: tuple[Standin, Standin], tmp_path: Path) -> None:
    """Private turns that say what everybody says, and public conversations of a program that say it too.

    As they are, with a window, with changed texts, and begun elsewhere with changed texts: none is refused, and no
    message is left out.
    """
    cloud, local = sides
    for prompt, words in (
        ("yes", "ok"),
        ("thanks", "You're welcome!"),
        ("go on", "well"),
        ("ok", "Done."),
        ("why?", "yes"),
    ):
        local.respond = ollama(words)
        answer(tmp_path, cloud, local, [user(prompt)], x_force_local=True)
    sent = 0
    for first in ("list my tasks", "why is the build red?", "write the release notes"):
        for dress in (DRESSES["plain"], DRESSES["full stop"], DRESSES["clock"]):
            history: list[Any] = []
            for prompt in (first, "yes", "thanks", "ok", "why?", "go on", "yes", "thanks"):
                response = answer(tmp_path, cloud, local, [*history, user(prompt)])
                assert cloud.bodies[-1]["messages"] == [*history, user(prompt)]
                history += [user(dress(prompt)), assistant(dress(response["content"][0]["text"]))]
                sent += 1
    for replies in (("Yes.", "OK, done with that"), ("[10:00] Thanks!", "Glad that I could help you")):
        foreign = [user("sort my notes"), assistant("By date?"), user(replies[0]), assistant(replies[1])]
        answer(tmp_path, cloud, local, [*foreign, user("go on")])
        assert cloud.bodies[-1]["messages"] == [*foreign, user("go on")]
        sent += 1
    assert sent == 74
