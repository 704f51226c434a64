"""Many asks at once: each has its answer and its turn, and none waits for another's engine."""

from __future__ import annotations

import random
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.standin import claude, ollama
from trooper_cli.settings import Settings
from trooper_cli.store.session import Session
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

AT_ONCE = 32


def prompt(number: int) -> str:
    """Return a question that shares no passage with another one: a public one that did would be refused."""
    dice = random.Random(number)
    return " ".join("".join(dice.choice(letters) for letters in ("bdfgklmnprst", "aeiou") * 3) for _ in range(12))


def answer(asked: str) -> str:
    return f"answer to {asked}"


@pytest.fixture
def crowd(trooper: Trooper, cloud: Standin, local: Standin) -> Trooper:
    """The command with engines that answer nobody until all have asked: whoever held a lock would never end."""
    barrier = threading.Barrier(AT_ONCE, timeout=120)

    def answering(respond: Callable[[str], Callable[[Recorded], Iterable[bytes]]], path: str) -> object:
        def meet(request: Recorded) -> Iterable[bytes]:
            if request.path != path:
                return respond("")(request)
            barrier.wait()
            return respond(answer(request.json["messages"][-1]["content"]))(request)

        return meet

    cloud.respond = answering(claude, "/v1/messages")  # type: ignore[assignment]
    local.respond = answering(ollama, "/api/chat")  # type: ignore[assignment]
    return trooper


def ask_at_once(crowd: Trooper, session: Callable[[int], str], is_private: Callable[[int], bool]) -> None:
    """Ask, and hold each call to its own answer and to silence on standard error."""
    processes = [
        crowd.start("ask", "-n", "-s", session(number), *(["--local"] if is_private(number) else []), prompt(number))
        for number in range(AT_ONCE)
    ]
    outputs = [process.communicate(timeout=180) for process in processes]
    for number, (process, (out, err)) in enumerate(zip(processes, outputs, strict=True)):
        assert (process.returncode, err) == (0, b""), err
        assert out.decode() == f"{answer(prompt(number))}\n"


def is_whole(crowd: Trooper, names: Iterable[str], before: int = 0) -> None:
    """All turns are there, once, with their own answers and one finished attempt each; the files are sound."""
    found = []
    for name in names:
        with closing(sqlite3.connect(crowd.home / "sessions" / f"{name}.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with closing(Session.open(crowd.home, name)) as session:
            turns = list(session.turns())[before:]
            attempts = list(session.attempts())
            assert {attempt.outcome for attempt in attempts} == {"end_turn"}
            assert sorted(attempt.turn or 0 for attempt in attempts)[before:] == [turn.number for turn in turns]
        found += [(turn.prompt, turn.answer, turn.status) for turn in turns]
    assert sorted(found) == sorted((prompt(n), answer(prompt(n)), "answered") for n in range(AT_ONCE))
    with closing(sqlite3.connect(crowd.home / "guard.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def is_guarded(crowd: Trooper, is_private: Callable[[int], bool]) -> None:
    with closing(Store(crowd.home, Settings({}), print)) as store:
        for number in range(AT_ONCE):
            assert bool(store.guard.look(prompt(number))) == is_private(number)
            assert bool(store.guard.look(answer(prompt(number)))) == is_private(number)


def no(_: int) -> bool:
    return False


def odd(number: int) -> bool:
    return number % 2 == 1


class TestOneSession:
    """32 asks at once on one session: 32 answers, 32 turns, none lost, none doubled."""

    def test_a_new_one(self, crowd: Trooper) -> None:
        """The session, the index and its key are begun by whoever is first."""
        ask_at_once(crowd, lambda _: "ops", no)
        is_whole(crowd, ["ops"])

    def test_one_that_is_there(self, crowd: Trooper, cloud: Standin) -> None:
        """Each has the context that stood when it began."""
        kept, cloud.respond = cloud.respond, claude("hello")
        assert crowd("ask", "-n", "-s", "ops", "before").code == 0
        cloud.respond = kept
        ask_at_once(crowd, lambda _: "ops", no)
        is_whole(crowd, ["ops"], before=1)
        assert {body["messages"][0]["content"] for body in cloud.bodies} == {"before"}

    def test_private_and_public_ones_mixed(self, crowd: Trooper, cloud: Standin, local: Standin) -> None:
        """Half of them private, on a new session: the guard knows each of those, and the cloud none of them."""
        ask_at_once(crowd, lambda _: "ops", odd)
        is_whole(crowd, ["ops"])
        is_guarded(crowd, odd)
        assert (len(cloud.bodies), len(local.bodies)) == (AT_ONCE // 2, AT_ONCE // 2)
        assert all(prompt(number).encode() not in cloud.bytes for number in range(AT_ONCE) if odd(number))
        assert crowd("audit", "-s", "ops").code == 0


def test_many_sessions_share_one_guard(crowd: Trooper) -> None:
    """32 sessions begun at once, half of the turns private: one index takes them all."""
    ask_at_once(crowd, lambda number: f"ops{number}", odd)
    is_whole(crowd, [f"ops{number}" for number in range(AT_ONCE)])
    is_guarded(crowd, odd)
