"""Law 1 at the socket: the bytes that reach the cloud are a function of the public turns, or nothing is sent.

Each example asks the same public question in two sessions that differ in their private turns alone, by the whole of the
program, and compares what a recording cloud received, headers included. The profile `thorough` tries 1,000 examples.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Trooper
from tests.standin import Standin, api_error, claude, ollama
from trooper_cli.ask import fallback
from trooper_cli.ask.person import Person
from trooper_cli.ask.pipeline import ask
from trooper_cli.ask.request import AskRequest
from trooper_cli.cli.repetition import last_turn
from trooper_cli.errors import LocalityError, SchemaMismatchError, TrooperError
from trooper_cli.json_schema import Schema
from trooper_cli.settings import Settings
from trooper_cli.store.session import Session
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.standin import Recorded

EXAMPLES = settings().max_examples
# Sessions are synced to the disk at each step, which thousands of examples need not wait for.
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
CANARY = "zqcanaryqz"

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80)
long_texts = st.builds(lambda text, times: text * times, texts, st.integers(1, 40))
public_turns = st.lists(st.tuples(long_texts, long_texts, st.none() | texts), max_size=7)
private_turns = st.lists(
    st.tuples(long_texts, long_texts, st.none() | texts, st.sampled_from(list(Status)), st.integers(0, 7)), max_size=6
)
questions = st.fixed_dictionaries(
    {
        "system": st.none() | st.just("Be brief."),
        "budget": st.none() | st.integers(200, 3000),
        "max_tokens": st.none() | st.integers(1, 500),
        "stream": st.booleans(),
        # The cloud's answer does not fit it, so that it is asked twice, and what is wrong is quoted.
        "schema": st.none() | st.none() | st.just(Schema({"type": "boolean"}, '{"type":"boolean"}')),
    }
)
troubles = st.sampled_from(["none", "none", "overload", "cut"])


@pytest.fixture(scope="module", autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries wait no time here; what they send is what counts."""
    with pytest.MonkeyPatch.context() as patch:
        # Where waiting has moved, this fails: a retry that really waited would only make the test slow.
        assert "sleep(" in Path(fallback.__file__).read_text(encoding="utf-8")
        patch.setattr("trooper_cli.ask.fallback.time.sleep", lambda _: None)
        yield


@pytest.fixture(scope="module")
def cloud() -> Iterator[Standin]:
    with contextlib.closing(Standin(claude())) as server:
        yield server


@pytest.fixture(scope="module")
def local() -> Iterator[Standin]:
    with contextlib.closing(Standin(ollama("a private answer"))) as server:
        yield server


def written(home: Path, name: str, public: list[Any], private: list[Any]) -> None:
    """Write a session with these turns, the private ones put in at their places and brought to their various ends."""
    with contextlib.closing(Session.open_or_create(home, name)) as session:
        for place in range(len(public) + 1):
            for prompt, answer, system, status, at in private:
                if min(at, len(public)) == place:
                    number = session.begin(Label.PRIVATE, CANARY + prompt, system and CANARY + system)
                    if status is not Status.ASKED:
                        session.finish(
                            number, status, CANARY + answer, label=Label.PRIVATE, engine="ollama", model="m", stop=""
                        )
            if place < len(public):
                prompt, answer, system = public[place]
                number = session.begin(Label.PUBLIC, prompt, system)
                session.finish(
                    number, Status.ANSWERED, answer, label=Label.PUBLIC, engine="anthropic", model="m", stop="end_turn"
                )


def troubled(trouble: str) -> Any:
    """Return a cloud that has this trouble once, and answers then."""
    calls = itertools.count()

    def respond(request: Recorded) -> Iterable[bytes]:
        if trouble != "none" and next(calls) == 0:
            return api_error(529, "overloaded_error", retry_after_ms="1") if trouble == "overload" else []
        return claude()(request)

    return respond


def sent(home: Path, cloud: Standin, local: Standin, name: str, trouble: str, **options: Any) -> list[bytes] | str:
    """Ask the question and give every byte that reached the cloud, or the kind of refusal."""
    environ = {
        "ANTHROPIC_API_KEY": "sk-" + "x" * 20,
        "ANTHROPIC_BASE_URL": cloud.url,
        "OLLAMA_HOST": local.url,
        "TROOPER_HOME": str(home),
    }
    cloud.respond = troubled(trouble)
    before = len(cloud.requests)
    ask_request = AskRequest(**{"prompt": "what now, in public?", "session": name, "on_leak": "block", **options})
    try:
        ask(ask_request, Person(lambda _: None), Settings(environ), home, lambda _: None)
    except LocalityError:
        assert len(cloud.requests) == before
        return "refused"
    except SchemaMismatchError:
        assert len(cloud.requests) > before
    except TrooperError as error:
        assert len(cloud.requests) == before
        return type(error).__name__
    return [request.raw for request in cloud.requests[before:]]


def test_private_turns_change_no_byte(cloud: Standin, local: Standin) -> None:
    """Other text, number, place, size, fate and system prompts of private turns: the same requests, or none."""
    hits: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(public_turns, private_turns, questions, troubles)
    def check(public: list[Any], private: list[Any], ask_request: dict[str, Any], trouble: str) -> None:
        with (
            tempfile.TemporaryDirectory(dir=MEMORY_DISK) as plain,
            tempfile.TemporaryDirectory(dir=MEMORY_DISK) as mixed,
        ):
            outcome = compare(Path(plain), Path(mixed), cloud, local, public, private, ask_request, trouble)
        hits["examples"] += 1
        hits[outcome] += 1
        hits["sent beside private turns"] += outcome == "sent" and bool(private)

    check()
    # Equal refusals are equal too, and say nothing.
    assert hits["sent"] >= 0.5 * hits["examples"], hits
    assert hits["sent beside private turns"] >= 0.2 * hits["examples"], hits


def compare(
    plain: Path,
    mixed: Path,
    cloud: Standin,
    local: Standin,
    public: list[Any],
    private: list[Any],
    ask_request: dict[str, Any],
    trouble: str,
) -> str:
    """Ask in both sessions and compare; return whether a request was sent, or why there was none."""
    written(plain, "s", public, [])
    written(mixed, "s", public, private)
    expected = sent(plain, cloud, local, "s", trouble, **ask_request)
    found = sent(mixed, cloud, local, "s", trouble, **ask_request)
    if found == "refused":
        return "refused"
    assert found == expected
    if isinstance(found, str):
        return found
    assert CANARY.encode() not in b"".join(found)
    return "sent" if found else "nothing"


def again(home: Path, name: str) -> dict[str, Any]:
    """Return what `trooper again` asks in a session."""
    last = last_turn(home, name)
    return {"prompt": last.prompt, "system": last.system, "repeated": last}


def test_the_last_prompt_again_changes_no_byte(cloud: Standin, local: Standin) -> None:
    """Asked again and again, a public prompt's requests are those of a session without private turns.

    Where the last turn is private its prompt reaches no cloud, and so it is with what a private ask between two asks.
    """
    hits: Counter[str] = Counter()

    @settings(max_examples=max(60, EXAMPLES // 2), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        public_turns.filter(bool),
        private_turns,
        st.sampled_from([None, 400, 1500]),
        st.lists(st.sampled_from(["again", "here", "here", "local", "forget"]), min_size=2, max_size=4),
        st.sampled_from([True, True, True, False]),
    )
    def check(public: list[Any], private: list[Any], budget: int | None, acts: list[str], is_last: bool) -> None:  # noqa: FBT001
        if is_last:
            # The last turn is a public one.
            private = [(*turn[:4], min(turn[4], len(public) - 1)) for turn in private]
        with (
            tempfile.TemporaryDirectory(dir=MEMORY_DISK) as plain,
            tempfile.TemporaryDirectory(dir=MEMORY_DISK) as mixed,
        ):
            written(Path(plain), "s", public, [])
            written(Path(mixed), "s", public, private)
            hits["examples"] += 1
            for act in acts:
                hits[ask_again(Path(plain), Path(mixed), cloud, local, act, budget)] += 1

    check()
    for what in ("sent again", "answered here again", "kept private"):
        assert hits[what] >= 0.15 * hits["examples"], hits
    assert hits["forgotten"], hits
    assert hits["refused"] <= 0.2 * hits["sent again"], hits


def ask_again(plain: Path, mixed: Path, cloud: Standin, local: Standin, act: str, budget: int | None) -> str:
    """Ask the last prompt of both sessions again, and compare what engines get; return what was done."""
    asked = again(mixed, "s")
    if act == "forget":
        # Of the newest private turn, so that the one before it is the last.
        with contextlib.closing(Session.open(mixed, "s")) as session:
            numbers = [turn.number for turn in session.turns() if turn.label is Label.PRIVATE]
            if numbers:
                session.forget(numbers[-1:])
        return "forgotten" if numbers else "nothing to forget"
    if act == "local" or asked["repeated"].label is Label.PRIVATE:
        before = len(cloud.requests)
        for flag in (True,) if act == "local" else (None, False):
            sent(mixed, cloud, local, "s", "none", budget=budget, local_flag=flag, here=act == "here", **asked)
        assert len(cloud.requests) == before
        return "kept private"
    options = {"budget": budget, "here": act == "here"}
    received = []
    for home in (plain, mixed):
        before = len(local.requests)
        bodies = sent(home, cloud, local, "s", "none", **options, **again(home, "s"))
        received.append((bodies, [request.raw for request in local.requests[before:]]))
    if received[1][0] == "refused":
        return "refused"
    assert received[0] == received[1]
    assert not any(CANARY.encode() in raw for raw in (*received[1][0], *received[1][1]) if isinstance(raw, bytes))
    return "answered here again" if act == "here" else "sent again"


steps = st.lists(
    st.tuples(st.sampled_from(["public", "private"]), long_texts, st.integers(250, 900)), min_size=2, max_size=8
)


def test_a_conversation_with_private_asks_between(cloud: Standin, local: Standin) -> None:
    """Asked one after the other with memories that overflow: public requests are as if the private had never been."""
    hits: Counter[str] = Counter()

    @settings(max_examples=max(20, EXAMPLES // 10), deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def check(said: list[Any]) -> None:
        hits["examples"] += 1
        hits["sent"] += converse(cloud, local, said)

    check()
    assert hits["sent"] >= hits["examples"], hits


def converse(cloud: Standin, local: Standin, said: list[Any]) -> int:
    """Hold a conversation with its private asks and without them; return how many public requests were sent."""
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as folder:
        home = Path(folder)
        environ = {
            "ANTHROPIC_API_KEY": "sk-" + "x" * 20,
            "ANTHROPIC_BASE_URL": cloud.url,
            "OLLAMA_HOST": local.url,
            "TROOPER_HOME": folder,
        }
        cloud.respond = claude("a public answer, of some length, to be folded into what is told later. " * 3)
        expected, found = [], []
        for label, text, budget in said:
            before = len(cloud.requests)
            mark = CANARY if label == "private" else "in public"
            ask_request = AskRequest(f"{mark} {text}", session="mixed", local_flag=label == "private", budget=budget)
            refused = False
            try:
                ask(ask_request, Person(lambda _: None), Settings(environ), home, lambda _: None)
            except LocalityError:
                refused = True
            except TrooperError:
                pass
            found += [request.raw for request in cloud.requests[before:]]
            if label == "public" and not refused:
                before = len(cloud.requests)
                with contextlib.suppress(TrooperError):
                    ask(
                        ask_request._replace(session="plain"),
                        Person(lambda _: None),
                        Settings(environ),
                        home,
                        lambda _: None,
                    )
                expected += [request.raw for request in cloud.requests[before:]]
        assert found == expected
        assert CANARY.encode() not in b"".join(found)
        return len(found)


def test_a_forgotten_private_turn_changes_no_byte(trooper: Trooper, cloud: Standin) -> None:
    """What was learned of the cloud's counts stays when a private turn goes."""
    turns = [
        {"prompt": f"service-{at} listens on port {7000 + at}", "answer": "Noted. " * 30, "label": "public"}
        for at in range(40)
    ]
    bodies = []
    for name, private in (("one", False), ("two", True)):
        trooper("import", "-s", name, stdin="\n".join(map(json.dumps, turns)))
        trooper("ask", "-s", name, "--budget", "1500", "first")
        if private:
            trooper("ask", "-s", name, "--local", "the private matter")
            (number,) = [turn["turn"] for turn in trooper.turns(name) if turn["label"] == "private"]
            assert trooper("forget", "-s", name, str(number)).code == 0
        assert trooper("ask", "-s", name, "--budget", "1500", "second").code == 0
        bodies.append(cloud.bodies[-1])
    assert bodies[0] == bodies[1]


def test_asks_on_both_sides_at_once_change_no_byte(tmp_path: Path, cloud: Standin, local: Standin) -> None:
    """Public asks send the same bytes while private asks on the same session are under way."""
    public = [("one", "two", None), ("three", "four", None)]
    for name in ("plain", "mixed"):
        written(tmp_path, name, public, [])
    expected = sent(tmp_path, cloud, local, "plain", "none")
    trooper = Trooper(tmp_path, {"OLLAMA_HOST": local.url})
    private = [trooper.start("ask", "-s", "mixed", "--local", f"{CANARY} {number}") for number in range(4)]
    found = sent(tmp_path, cloud, local, "mixed", "none")
    for process in private:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert found == expected
    assert CANARY.encode() not in cloud.bytes
