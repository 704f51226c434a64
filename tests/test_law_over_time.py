"""Law 1 over a session's life: turns are asked, forgotten, shared, removed, imported and restored from backups.

Each example plays one history twice: in one home with its private turns, in another as if these had never been. At
every public request both send the same bytes, or the first one is refused. And whatever private turn a session can
still show is never sent when somebody pastes it into a public prompt. What was really hit is counted, with a floor.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import KEY
from tests.standin import Standin, claude, ollama
from trooper_cli.ask.person import Person
from trooper_cli.ask.pipeline import ask
from trooper_cli.ask.request import AskRequest
from trooper_cli.cli.app import run
from trooper_cli.errors import LocalityError, TrooperError
from trooper_cli.settings import Settings
from trooper_cli.store.session import Session
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli.turn import StoredTurn

# Of fewer, some step is left out by chance, and its floor is not reached.
EXAMPLES = max(80, settings().max_examples * 2 // 3)
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
NAMES = ("ops", "dev")
WORDS = "amber birch cedar delta ember fjord grove heron inlet jetty kestrel larch maple noon otter pine quartz".split()

names = st.sampled_from(NAMES)
which = st.integers(0, 11)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("public"), names, st.integers(300, 900)),
        st.tuples(st.just("here"), names, st.integers(300, 900)),
        st.tuples(st.just("again"), names, st.sampled_from(["default", "cloud", "here", "local"])),
        st.tuples(st.just("again"), names, st.sampled_from(["default", "cloud"])),
        st.tuples(st.just("private"), names, st.booleans()),
        st.tuples(st.just("private"), st.none(), st.booleans()),
        st.tuples(st.just("too_large"), names, st.booleans()),
        st.tuples(st.just("removed_meanwhile"), names, st.booleans()),
        st.tuples(st.just("paste"), names, which),
        st.tuples(st.just("forget"), names, which),
        st.tuples(st.just("share"), names, which),
        st.tuples(st.just("remove"), names, st.none()),
        st.tuples(st.just("import"), names, st.lists(st.booleans(), min_size=1, max_size=4)),
        st.tuples(st.just("back_up"), names, st.none()),
        st.tuples(st.just("restore"), names, st.booleans()),
        st.tuples(st.just("copy"), names, st.none()),
        st.tuples(st.just("lose"), names, st.sampled_from(["guard.key", "guard.db"])),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Standin]:
    with contextlib.closing(Standin(claude("a public answer, of some length, to be folded later. " * 2))) as server:
        yield server


@pytest.fixture(scope="module")
def local() -> Iterator[Standin]:
    with contextlib.closing(Standin(ollama("never asked"))) as server:
        yield server


@dataclass
class Home:
    """A data folder and what is done in it: by the functions of the program, and for commands by their command line."""

    path: Path
    cloud: Standin
    local: Standin
    backups: Path = field(init=False)

    def __post_init__(self) -> None:
        self.backups = self.path / "backups"
        self.backups.mkdir()
        self.environ = {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": self.cloud.url,
            "OLLAMA_HOST": self.local.url,
            "TROOPER_HOME": str(self.path),
        }

    def ask(self, prompt: str, session: str | None, **options: Any) -> str:
        """Ask as a pipe does, and return what it would have printed."""
        printed: list[str] = []
        ask_request = AskRequest(prompt, session=session, **options)
        ask(ask_request, Person(printed.append), Settings(self.environ), self.path, lambda _: None)
        return "".join(printed)

    def sent(self, prompt: str, session: str, **options: Any) -> list[bytes] | None:
        """Ask in public; return every byte that reached the cloud, or None where the prompt was refused."""
        before = len(self.cloud.requests)
        try:
            self.ask(prompt, session, **options)
        except LocalityError:
            assert len(self.cloud.requests) == before
            return None
        return [request.raw for request in self.cloud.requests[before:]]

    def command(self, *arguments: str, stdin: str = "") -> int:
        """Run a command of the command line in this home, and return its exit code."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
            patch.setattr(sys, "stderr", io.StringIO())
            try:
                return run(list(arguments))
            except TrooperError as error:
                return error.code

    def file(self, session: str) -> Path:
        return self.path / "sessions" / f"{session}.db"

    def turns(self, session: str) -> list[StoredTurn]:
        if not self.file(session).exists():
            return []
        with contextlib.closing(Session.open(self.path, session)) as opened:
            return list(opened.turns())

    def back_up(self, session: str) -> bool:
        """Copy a session's file aside, as a backup would."""
        if not self.file(session).exists():
            return False
        shutil.copyfile(self.file(session), self.backups / session)
        return True

    def restore(self, session: str, *, in_place: bool) -> bool:
        """Put a session's file back, over the one that is there or anew."""
        if not (self.backups / session).exists():
            return False
        self.put(self.backups / session, session, in_place=in_place)
        return True

    def put(self, source: Path, session: str, *, in_place: bool) -> None:
        file = self.file(session)
        file.parent.mkdir(exist_ok=True)
        for companion in ("-wal", "-shm", *(() if in_place else ("",))):
            Path(f"{file}{companion}").unlink(missing_ok=True)
        shutil.copyfile(source, file)


class History:
    """One history, played in both homes."""

    def __init__(self, mixed: Home, plain: Home, hits: Counter[str]) -> None:
        self.mixed, self.plain, self.hits = mixed, plain, hits
        self.count = 0
        self.shared: set[str] = set()

    def text(self, kind: str) -> str:
        """Return a text that no other is like; what is private in it stands as one word as well."""
        self.count += 1
        words = " ".join(random.Random(self.count).choices(WORDS, k=12))
        return f"{kind}{self.count:04} {words} {kind}{self.count:04}"

    def public(self, session: str, budget: int) -> None:
        prompt = self.text("public")
        found = self.mixed.sent(prompt, session, budget=budget)
        if found is None:
            self.hits["refused without cause"] += 1
            return
        assert found == self.plain.sent(prompt, session, budget=budget)
        assert found
        self.hits["sent"] += 1
        # A request of a session that had private turns says more than one of a session that never had any.
        self.hits["sent beside private turns"] += bool(self.private_turns(session))

    def here(self, session: str, budget: int) -> None:
        """A public turn that this machine answers: it is told what is public, and the cloud is told of it later."""
        self.both(session, "answered here", {"prompt": self.text("public"), "budget": budget, "here": True}, {})

    def both(self, session: str, what: str, mixed: dict[str, Any], own: dict[str, Any]) -> None:
        """Ask in public in both homes, and compare what the cloud and the local engine get."""
        self.mixed.local.respond = ollama("an answer of this machine")
        received = []
        for home, options in ((self.mixed, mixed), (self.plain, mixed | own)):
            before = len(home.local.requests)
            found = home.sent(session=session, **options)
            if found is None:
                self.hits["refused without cause"] += 1
                return
            received.append((found, [request.raw for request in home.local.requests[before:]]))
        assert received[0] == received[1]
        assert not any(b"canary" in raw for raw in received[0][1]) or self.shared
        self.hits[what] += 1

    def again(self, session: str, flag: str) -> None:
        """The last prompt once more: of a private turn it reaches no cloud, whatever is said."""
        turns = self.mixed.turns(session)
        if not turns:
            return
        last = turns[-1]
        options: dict[str, Any] = {
            "default": {},
            "cloud": {"local_flag": False},
            "here": {"here": True},
            "local": {"local_flag": True},
        }[flag]
        options |= {"prompt": last.prompt, "system": last.system, "repeated": last, "budget": 900}
        if last.label is Label.PUBLIC and flag != "local":
            twin = self.plain.turns(session)[-1]
            assert twin.prompt == last.prompt
            self.both(session, "public prompts again", options, {"repeated": twin})
            return
        self.mixed.local.respond = ollama(self.text("canary"))
        sent = self.mixed.sent(session=session, **options)
        assert sent is None if flag == "cloud" else sent == []
        assert self.mixed.turns(session)[-1].label is Label.PRIVATE
        self.hits["private prompts again"] += 1

    def private(self, session: str | None, stream: bool) -> None:  # noqa: FBT001
        self.mixed.local.respond = ollama(self.text("canary"))
        printed = self.mixed.ask(self.text("canary"), session, local_flag=True, live=stream)
        assert "canary" in printed
        self.refused(printed, "what a private ask printed")

    def too_large(self, session: str, _: bool) -> None:  # noqa: FBT001
        """A private prompt that is refused was private all the same."""
        prompt = self.text("canary")
        with pytest.raises(TrooperError):
            self.mixed.ask(prompt, session, local_flag=True, budget=1)
        self.refused(prompt, "what was refused as too large")

    def removed_meanwhile(self, session: str, again: bool) -> None:  # noqa: FBT001
        """A session is removed while a private ask is under way in it, and one of the same name begins."""
        answer = self.text("canary")

        def respond(request: Any) -> Any:
            if request.path.endswith("/api/chat"):
                self.mixed.command("rm", "-s", session)
                if again:
                    lines = json.dumps({"prompt": self.text("canary"), "answer": self.text("canary")})
                    assert self.mixed.command("import", "-q", "-s", session, stdin=lines) == 0
            yield from ollama(answer)(request)

        self.mixed.local.respond = respond
        printed: list[str] = []
        with contextlib.suppress(TrooperError):
            printed.append(self.mixed.ask(self.text("canary"), session, local_flag=True))
        self.plain.command("rm", "-s", session)
        if again:
            turns = self.private_turns(session)
            if turns:
                assert self.mixed.command("forget", "-s", session, str(turns[0].number)) == 0
        if any("canary" in text for text in printed):
            self.refused("".join(printed), "what was printed after its session was removed")

    def private_turns(self, session: str) -> list[StoredTurn]:
        return [turn for turn in self.mixed.turns(session) if turn.label is Label.PRIVATE]

    def have_private_turns(self, session: str) -> None:
        """Ask a private turn where there is none, so that a step does not miss."""
        if not self.private_turns(session):
            self.private(session, stream=False)

    def refused(self, text: str, what: str) -> None:
        """Paste a text into a public prompt: nothing is sent."""
        assert self.mixed.sent(f"what do you say to this?\n{text}", "pasted") is None, what
        self.hits[what] += 1

    def paste(self, session: str, at: int) -> None:
        """Whatever private turn a session shows, however it came there: its text is not sent."""
        turns = [
            turn for turn in self.private_turns(session) if turn.prompt not in self.shared and "canary" in turn.prompt
        ]
        if turns:
            turn = turns[at % len(turns)]
            self.refused(turn.prompt, "a prompt that a session shows")
            if turn.answer:
                self.refused(turn.answer, "an answer that a session shows")

    def forget(self, session: str, at: int) -> None:
        self.have_private_turns(session)
        # Every other time a private one.
        turns = self.private_turns(session) if at % 2 else self.mixed.turns(session)
        turn = turns[at // 2 % len(turns)]
        if turn.label is Label.PUBLIC:
            # The same prompt may have been asked again.
            place = [
                other.number
                for other in self.mixed.turns(session)
                if other.prompt == turn.prompt and other.label is Label.PUBLIC
            ].index(turn.number)
            twins = [other for other in self.plain.turns(session) if other.prompt == turn.prompt]
            if not twins:
                return
            assert self.plain.command("forget", "-s", session, str(twins[place].number)) == 0
        assert self.mixed.command("forget", "-s", session, str(turn.number)) == 0
        self.hits[f"{turn.label} turns forgotten"] += 1

    def share(self, session: str, at: int) -> None:
        self.have_private_turns(session)
        turns = [turn for turn in self.private_turns(session) if turn.status == "answered" and turn.answer]
        if not turns:
            return
        turn = turns[at % len(turns)]
        if self.mixed.command("share", "-s", session, str(turn.number)) != 0:
            self.hits["not shared"] += 1
            return
        record = json.dumps({"prompt": turn.prompt, "answer": turn.answer, "label": "public"})
        assert self.plain.command("import", "-q", "-s", session, stdin=record) == 0
        self.shared.add(turn.prompt)
        self.hits["shared"] += 1

    def remove(self, session: str, _: None) -> None:
        here = self.mixed.command("rm", "-s", session)
        self.plain.command("rm", "-s", session)
        self.hits["removed"] += here == 0

    def import_(self, session: str, labels: list[bool]) -> None:
        turns = [
            {
                "prompt": self.text("public" if public else "canary"),
                "answer": self.text("public" if public else "canary"),
                "label": "public" if public else "private",
            }
            for public in labels
        ]
        assert self.mixed.command("import", "-q", "-s", session, stdin="\n".join(map(json.dumps, turns))) == 0
        public = [turn for turn in turns if turn["label"] == "public"]
        if public:
            assert self.plain.command("import", "-q", "-s", session, stdin="\n".join(map(json.dumps, public))) == 0
        self.hits["private turns imported"] += len(turns) - len(public)

    def back_up(self, session: str, _: None) -> None:
        if self.mixed.back_up(session) and not self.plain.back_up(session):
            (self.plain.backups / session).unlink(missing_ok=True)

    def restore(self, session: str, in_place: bool) -> None:  # noqa: FBT001
        if not (self.mixed.backups / session).exists():
            # The backup of a moment ago, which still has what was forgotten since.
            self.have_private_turns(session)
            self.back_up(session, None)
            self.forget(session, 1)
        if not self.mixed.restore(session, in_place=in_place):
            return
        if not self.plain.restore(session, in_place=in_place):
            self.plain.command("rm", "-s", session)
        turns = self.private_turns(session)
        self.hits["private turns restored"] += len(turns)
        for turn in turns[:1]:
            if turn.prompt not in self.shared:
                self.refused(turn.prompt, "a prompt that a backup brought back")

    def copy(self, session: str, _: None) -> None:
        """A copied file is a session of its own."""
        self.have_private_turns(session)
        other = NAMES[NAMES[0] == session]
        for home in (self.mixed, self.plain):
            if home.file(session).exists():
                home.put(home.file(session), other, in_place=False)
            elif self.mixed.file(session).exists():
                home.command("rm", "-s", other)
        self.hits["private turns copied"] += len(self.private_turns(other))

    def lose(self, _: str, what: str) -> None:
        """The guard's index or its key is lost: what sessions hold is known again."""
        (self.mixed.path / what).unlink(missing_ok=True)

    def play(self, history: list[Any]) -> None:
        for name, *arguments in history:
            getattr(self, "import_" if name == "import" else name)(*arguments)
            self.hits[f"step: {name}"] += 1
        for session in NAMES:
            self.paste(session, 0)
            self.public(session, 900)


FLOORS = {
    "sent": 0.8,
    "sent beside private turns": 0.2,
    "a prompt that a session shows": 0.3,
    "what a private ask printed": 0.2,
    "private turns forgotten": 0.1,
    "shared": 0.08,
    "private turns imported": 0.2,
    "private turns restored": 0.1,
    "private turns copied": 0.05,
    "removed": 0.05,
    "answered here": 0.1,
    "public prompts again": 0.1,
    "private prompts again": 0.1,
    "what was refused as too large": 0.05,
    "what was printed after its session was removed": 0.05,
}


def test_a_session_lives(cloud: Standin, local: Standin) -> None:
    """Whatever becomes of private turns, the cloud hears the same, and what a session shows is never sent."""
    hits: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def play(history: list[Any]) -> None:
        with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as mixed, tempfile.TemporaryDirectory(dir=MEMORY_DISK) as own:
            History(Home(Path(mixed), cloud, local), Home(Path(own), cloud, local), hits).play(history)
            hits["examples"] += 1

    play()
    few = {what: hits[what] for what, floor in FLOORS.items() if hits[what] < floor * hits["examples"]}
    assert not few, f"in {hits['examples']} examples: {hits}"
    assert hits["refused without cause"] <= 0.05 * hits["sent"], hits
