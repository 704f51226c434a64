"""Histories whose texts a program has changed: what was private is known again, or nothing is sent.

The property test plays conversations with a program that dresses every text up before it sends it again, and asks at
last with a history in another shape. It counts how often something was sent, left out and refused, so that it cannot
pass by refusing everything. TROOPER_EXAMPLES sets how often.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.messages.program import assistant, user
from tests.messages.test_history import MEMORY_DISK, answer
from tests.standin import Standin, message, ollama
from trooper_cli.errors import LocalityError
from trooper_cli.guard.forms import reduced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.standin import Recorded

EXAMPLES = max(40, int(os.environ.get("TROOPER_EXAMPLES", "1000")) // 5)

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
# Those of 16 letters and more are telling alone; the others with their other half.
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
        return len(reduced(self.plain)) >= 16


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
    assert counts["refused shape"] >= EXAMPLES * 0.15
    assert counts["sent shape"] >= EXAMPLES * 0.05


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
        # Of a prompt alone less than a line of 16 letters is not known again.
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
            assert any(each.private for each in said), "a conversation without private turns was refused"
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
