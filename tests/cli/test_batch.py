"""`trooper ask --jsonl`: many prompts in one call, one object a line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import COMMAND, KEY, Trooper
from tests.in_process import run_in_process
from tests.standin import STREAM_HEAD, api_error, message_events, ollama
from tests.terminals import terminal
from trooper_cli.cli.batch.model_host import ModelHost
from trooper_cli.engines import embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.conftest import Outcome
    from tests.standin import Recorded, Standin

SECRET = "the batch user of nightowl signs in with the word nebelkraehe since last spring"
# What it takes for two runs of one text to be the same to the guard.
KNOWN = "the database of the parish council moved to the cellar in the second week of march"


def lines(*objects: Mapping[str, object] | str) -> str:
    return "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in objects)


def in_process(trooper: Trooper, *arguments: str, stdin: str = "", **environ: str) -> Outcome:
    """Run the command in this process, in the environment of the fixture."""
    return run_in_process(trooper.home, *arguments, stdin=stdin, on_terminal=False, **trooper.environ | environ)


def records(done: Outcome) -> list[Any]:
    return [json.loads(line) for line in done.text.splitlines()]


def echo(request: Recorded) -> Iterable[bytes]:
    """Answer with the last message."""
    return [STREAM_HEAD, *message_events(f"echo {said(request)}")]


def said(request: Recorded) -> str:
    content = request.json["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[-1]["text"])


class TestLines:
    """What goes in and what comes out."""

    def test_each_line_gives_the_object_of_json_with_its_id(self, trooper: Trooper, cloud: Standin) -> None:
        """In order, with ids of both kinds; blank lines are none; a line's own session and system prompt go first."""
        given: list[Mapping[str, object] | str] = [
            {"prompt": "first", "id": "a"},
            {"prompt": "second", "id": 7, "system": "as of the line", "session": "ops"},
            {"prompt": "third", "session": None},
        ]
        text = "\ufeff" + lines(given[0], "", *given[1:]).rstrip("\n")
        done = self.asked(trooper, "--system", "as of all", "-s", "other", stdin=text)
        assert (done.code, done.notices) == (0, "")
        found = records(done)
        assert [(each["id"], each["line"]) for each in found] == [("a", 1), (7, 3), (None, 4)]
        assert [(each["session"], each["turn"]) for each in found] == [("other", 1), ("ops", 1), ("other", 2)]
        single = self.asked(trooper, "hello", flag="--json").json
        assert all(list(each) == ["id", "line", *single] for each in found)
        systems = [json.dumps(body["system"]) for body in cloud.bodies[:3]]
        assert ["as of the line" in system for system in systems] == [False, True, False]
        assert ["as of all" in system for system in systems] == [True, False, True]

    def test_a_failing_line_does_not_stop_the_others(self, trooper: Trooper, cloud: Standin) -> None:
        """Its object says what a single ask would say, and no prompt; the exit code is that of the first failure."""
        bad: list[Mapping[str, object] | str] = [
            "nonsense about nightowl",
            '["nightowl"]',
            {"id": 3},
            {"id": 4, "prompt": " "},
            {"id": 5, "prompt": ["nightowl"]},
            {"id": 6, "prompt": "nightowl", "promt": "nightowl"},
            {"id": 7, "prompt": "nightowl", "system": 1},
            {"id": 8, "prompt": "nightowl", "session": "no such/name"},
            {"id": True, "prompt": "nightowl"},
            '{"prompt": "nightowl", "prompt": "twice"}',
            '{"prompt": "\\ud800 nightowl"}',
            '{"prompt": "nightowl',
        ]
        done = self.asked(trooper, stdin=lines({"prompt": "one"}, *bad, {"prompt": "last"}))
        found = records(done)
        assert done.code == 65
        assert [each.get("exit", 0) for each in found] == [0, *[65] * 7, 2, *[65] * 4, 0]
        assert [each["id"] for each in found[3:9]] == [3, 4, 5, 6, 7, 8]
        assert all(set(each) == {"id", "line", "error", "exit"} for each in found[1:-1])
        assert "nightowl" not in done.text
        assert [said(request) for request in cloud.requests] == ["one", "last"]

    def test_each_answer_fits_the_schema_or_its_line_fails(self, trooper: Trooper, cloud: Standin) -> None:
        """The options of the answer hold for all lines."""
        schema = '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}'
        cloud.respond = lambda request: [STREAM_HEAD, *message_events(f'{{"age": {said(request)[-2:]}}}')]
        given = lines({"prompt": "the answer is 47"}, {"prompt": "the answer is ??"})
        done = self.asked(trooper, "-q", "--schema", schema, stdin=given)
        found = records(done)
        assert (done.code, found[0]["data"], found[1]["exit"]) == (76, {"age": 47}, 76)
        cloud.respond = lambda _: [STREAM_HEAD, *message_events("Here:\n```sh\nls\n```\n")]
        assert records(self.asked(trooper, "-x", stdin=lines({"prompt": "list"})))[0]["answer"] == "ls"

    def test_a_private_batch_s_schema_is_remembered(self, trooper: Trooper, cloud: Standin) -> None:
        """Also where it is none."""
        self.asked(
            trooper, "--local", "--schema", f'{{"description": "{SECRET}", "type": 5}}', stdin=lines({"prompt": "x"})
        )
        assert trooper("ask", f"they say: {SECRET}").code == 77
        assert cloud.connections == 0

    def test_the_code_of_the_first_failure(self, serve: Callable[..., Standin], tmp_path: Path) -> None:
        """What one cloud refuses is not what ends the call."""
        cloud = serve(
            lambda request: api_error(401, "authentication_error") if "bad" in said(request) else echo(request)
        )
        done = run_in_process(
            tmp_path / "home", "ask", "--jsonl", stdin=lines({"prompt": "bad"}, "{", {"prompt": "good"}),
            ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=cloud.url,
        )  # fmt: skip
        assert done.code == 78
        assert [each.get("exit") for each in records(done)] == [78, 65, None]

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--jsonl", "a prompt"],
            ["--jsonl", "-n"],
            ["--jsonl", "-f", "notes.txt"],
            ["--jsonl", "--stream"],
            ["--jsonl", "--dry-run"],
            ["--jsonl", "--show-thinking"],
            ["--jsonl", "--jobs", "2", "--limit", "1"],
            ["--jobs", "2", "a prompt"],
            ["--resume", "answers.jsonl", "a prompt"],
            ["--jsonl", "--jobs", "0"],
        ],
    )
    def test_what_makes_no_sense_is_wrong_usage(self, trooper: Trooper, cloud: Standin, arguments: list[str]) -> None:
        """Exit 2, nothing on standard output, and nothing is sent."""
        done = in_process(trooper, "ask", *arguments, stdin=lines({"prompt": "x"}))
        assert (done.code, done.out, cloud.connections) == (2, b"", 0)

    def test_nothing_to_ask(self, trooper: Trooper) -> None:
        """No line is no failure, as for any filter."""
        done = self.asked(trooper, stdin="\n\n")
        assert (done.code, done.out) == (0, b"")

    def test_a_notice_is_said_once(self, trooper: Trooper, local: Standin) -> None:
        """What is the same for each line does not fill a log of ten thousand lines; it names the first."""
        done = in_process(trooper, "ask", "--jsonl", stdin=lines(*[{"prompt": "x"}] * 3), ANTHROPIC_API_KEY="")
        assert (done.code, len(local.bodies)) == (0, 3)
        (notice,) = done.notices.splitlines()
        assert notice.startswith("trooper: line 1: no ANTHROPIC_API_KEY, so ")

    def asked(self, trooper: Trooper, *arguments: str, flag: str = "--jsonl", stdin: str = "") -> Outcome:
        return in_process(trooper, "ask", flag, *arguments, stdin=stdin)


class TestPrivacy:
    """What holds for a single ask holds for each line."""

    @pytest.mark.parametrize(
        "wish",
        [
            *({"local": True}, {"private": True}, {"label": "private"}, {"cloud": False}, {"x_force_local": True}),
            *({"side": "local"}, {"-l": True}, {"args": "--local"}, {"flags": ["--local"]}, {"keep": "private"}),
        ],
        ids=str,
    )
    def test_a_wish_in_a_line_is_refused_and_remembered(
        self, trooper: Trooper, cloud: Standin, wish: dict[str, object]
    ) -> None:
        """It is never ignored: exit 65, and the same prompt in a later line is private text (77)."""
        given = lines({"id": 1, "prompt": SECRET, **wish}, {"id": 2, "prompt": f"please: {SECRET}"})
        done = in_process(trooper, "ask", "--jsonl", "--cloud", stdin=given)
        assert [each["exit"] for each in records(done)] == [65, 77]
        assert "holds for all lines" in records(done)[0]["error"]
        assert cloud.connections == 0

    @pytest.mark.parametrize("broken", ['{"prompt": "%s", "local": true', '{"prompt": "%s" "id": 3}', "%s"])
    def test_a_broken_line_of_a_private_batch_is_remembered(
        self, trooper: Trooper, cloud: Standin, broken: str
    ) -> None:
        """Whatever was wrong with it, its text was meant for this machine."""
        arguments = ["ask", "--jsonl", *(["--local"] if "local" not in broken else [])]
        done = in_process(trooper, *arguments, stdin=lines(broken % SECRET))
        assert done.code == 65
        done = in_process(trooper, "ask", "--cloud", "-n", SECRET)
        assert (done.code, cloud.connections) == (77, 0)

    @pytest.mark.parametrize("broken", ['{"promt": "hi"}', '{"prompt": 5}', "hi", ""])
    def test_what_stands_for_all_lines_is_remembered(self, trooper: Trooper, cloud: Standin, broken: str) -> None:
        """Also if no line can be asked with it, or there is none."""
        in_process(trooper, "ask", "--jsonl", "--local", "--system", SECRET, stdin=f"{broken}\n")
        done = in_process(trooper, "ask", "--cloud", "-n", SECRET)
        assert (done.code, cloud.connections) == (77, 0)

    @pytest.mark.parametrize("odd", [{"id": {"a": SECRET}}, {SECRET: 1}, {"session": SECRET}], ids=str)
    def test_a_text_in_an_odd_place_is_remembered(
        self, trooper: Trooper, cloud: Standin, odd: dict[str, object]
    ) -> None:
        """Nobody knows what a field was meant for that is none."""
        in_process(trooper, "ask", "--jsonl", "--local", stdin=lines({"prompt": "hi", **odd}))
        done = in_process(trooper, "ask", "--cloud", "-n", SECRET)
        assert (done.code, cloud.connections) == (77, 0)

    def test_a_line_that_is_skipped_is_remembered(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """The file that says it is answered may be of another input."""
        (tmp_path / "answers").write_text(lines({"id": None, "line": 1, "answer": "yes"}))
        given = lines({"prompt": SECRET})
        done = in_process(trooper, "ask", "--jsonl", "--local", "--resume", str(tmp_path / "answers"), stdin=given)
        assert (done.code, done.out) == (0, b"")
        done = in_process(trooper, "ask", "--cloud", "-n", SECRET)
        assert (done.code, cloud.connections) == (77, 0)

    def test_wrong_for_all_lines(self, trooper: Trooper, cloud: Standin) -> None:
        """A lock that is misspelt ends it with one line, not one for each; the guard knows what was there."""
        given = lines({"prompt": "one"}, {"prompt": SECRET})
        done = in_process(trooper, "ask", "--jsonl", stdin=given, TROOPER_LOCAL="yes")
        assert (done.code, done.out, len(done.notices.splitlines())) == (78, b"", 1)
        done = in_process(trooper, "ask", "--cloud", "-n", SECRET)
        assert (done.code, cloud.connections) == (77, 0)

    @pytest.mark.parametrize("jobs", ["1", "4"])
    def test_a_private_line_is_known_before_a_later_public_one(
        self, trooper: Trooper, serve: Callable[..., Standin], jobs: str
    ) -> None:
        """The prompt of one and the answer of another do not leave by the lines after them, however many jobs run."""

        def slowly(request: Recorded) -> Iterable[bytes]:
            time.sleep(0.3 * request.path.endswith("chat"))
            return local_answer(request)

        local_answer = ollama(KNOWN)
        local, cloud = serve(slowly), serve(echo)
        in_process(trooper, "config", "set", "-s", "vault", "local", "true")
        given = lines(
            {"prompt": SECRET, "session": "vault"},
            {"prompt": f"about {SECRET}"},
            {"prompt": f"about {KNOWN}"},
            {"prompt": "what is left"},
        )
        done = trooper(
            "ask", "--jsonl", "--jobs", jobs, stdin=given, OLLAMA_HOST=local.url, ANTHROPIC_BASE_URL=cloud.url
        )
        assert [each.get("exit", each.get("label")) for each in records(done)] == ["private", 77, 77, "public"]
        assert [said(request) for request in cloud.requests] == ["what is left"]

    def test_a_line_that_is_kept_here_is_known_before_the_next(
        self, trooper: Trooper, serve: Callable[..., Standin]
    ) -> None:
        """With --on-leak local any line may become private, so that none overtakes another."""
        cloud = serve(echo)
        assert trooper("ask", "--local", SECRET).code == 0
        given = lines({"prompt": f"{SECRET}. {KNOWN}"}, {"prompt": KNOWN}, {"prompt": "what is left"})
        done = trooper("ask", "--jsonl", "--jobs", "3", "--on-leak", "local", stdin=given, ANTHROPIC_BASE_URL=cloud.url)
        assert [each["label"] for each in records(done)] == ["private", "private", "public"]
        assert [said(request) for request in cloud.requests] == ["what is left"]

    def test_a_lock_holds_from_the_next_line_on(self, trooper: Trooper, cloud: Standin) -> None:
        """Whoever locks the cloud does not wait for the end of a batch that runs for hours."""
        with trooper.start("ask", "--jsonl", stdin=subprocess.PIPE) as batch:
            assert answer_to(batch, {"prompt": "one"})["route"] == "cloud"
            in_process(trooper, "config", "set", "cloud", "off")
            assert answer_to(batch, {"prompt": "two"})["reason"] == "policy"
        assert len(cloud.bodies) == 1

    def test_the_model_of_all_workers_runs_behind_the_gate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It runs in the process that starts them, which may reach nothing meanwhile."""
        sent: list[dict[str, object]] = []

        class Worker:
            stopped = threading.Event()

            def send(self, message: dict[str, object]) -> None:
                sent.append(message)

        def reach_out(_path: object, _request: object, arrived: Any, _stopped: object) -> None:
            try:
                subprocess.run(["true"], check=True)
            except Exception as error:  # noqa: BLE001
                arrived.put(error)
            arrived.put(None)

        monkeypatch.setattr(embedded, "work", reach_out)
        monkeypatch.setattr(embedded, "_kept", None)
        ModelHost().ask(Worker(), "model.gguf", "{}")
        until = time.monotonic() + 5
        while {"end": True} not in sent and time.monotonic() < until:
            time.sleep(0.01)
        assert sent == [{"failed": "LocalityError"}, {"end": True}]


class TestResume:
    """A batch that was cut short is completed."""

    def resumed(self, trooper: Trooper, path: Path, given: str) -> int:
        with path.open("ab") as out:
            return subprocess.run(
                [COMMAND, "ask", "--jsonl", "--resume", str(path)],
                input=given.encode(), stdout=out, stderr=subprocess.PIPE, env=trooper.environment(), check=False,
            ).returncode  # fmt: skip

    def test_what_is_answered_is_not_asked_again(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """By its id or its number; failures are asked again, and so is the half line that a killed run left."""
        path = tmp_path / "answers.jsonl"
        given = lines(*({"prompt": f"p{n}", **({"id": f"i{n}"} if n % 2 else {})} for n in range(1, 7)))
        earlier: list[Mapping[str, object] | str] = [
            {"id": "i1", "line": 1, "answer": "kept"},
            {"id": None, "line": 2, "answer": "kept"},
            {"id": "i3", "line": 3, "error": "no engine", "exit": 69},
        ]
        path.write_text(lines(*earlier) + '{"id": null, "line": 4, "answer": "ha')
        assert self.resumed(trooper, path, given) == 0
        found = [json.loads(line) for line in path.read_text().splitlines()]
        assert [each["line"] for each in found] == [1, 2, 3, 3, 4, 5, 6]
        assert [said(request) for request in cloud.requests] == ["p3", "p4", "p5", "p6"]
        assert self.resumed(trooper, path, given) == 0
        assert len(cloud.requests) == 4

    def test_a_last_line_that_lacks_its_end_alone_is_kept(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path
    ) -> None:
        """An answer that was paid for is not thrown away."""
        path = tmp_path / "answers.jsonl"
        path.write_text('{"id": 1, "line": 1, "answer": "kept"}')
        assert self.resumed(trooper, path, lines({"id": 1, "prompt": "x"}, {"id": 2, "prompt": "y"})) == 0
        assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [1, 2]
        assert len(cloud.requests) == 1

    def test_a_file_that_is_not_the_output_is_left_as_it_is(self, trooper: Trooper, tmp_path: Path) -> None:
        """It is read and nothing else; one that is not there is exit 66."""
        path = tmp_path / "answers.jsonl"
        path.write_text('{"id": 1, "answer": "kept"}\n{"id": 2, "ans')
        given = lines({"id": 1, "prompt": "x"}, {"id": 2, "prompt": "y"})
        arguments = ["ask", "--jsonl", "--resume", str(path)]
        done = in_process(trooper, *arguments, stdin=given)
        assert [each["id"] for each in records(done)] == [2]
        assert path.read_text().endswith('{"id": 2, "ans')
        path.unlink()
        assert in_process(trooper, *arguments, stdin=given).code == 66


class TestJobs:
    """Several lines at once."""

    def test_they_run_at_once_and_are_printed_in_order(self, trooper: Trooper, serve: Callable[..., Standin]) -> None:
        """Three are with the cloud together; the first is answered last and printed first."""
        together = threading.Barrier(3)

        def respond(request: Recorded) -> Iterable[bytes]:
            if (number := int(said(request)[1:])) < 4:
                together.wait(10)
                time.sleep(0.1 * (4 - number))
            return echo(request)

        cloud = serve(respond)
        given = lines(*({"prompt": f"p{n}", "id": n} for n in range(1, 9)), "{")
        done = trooper("ask", "--jsonl", "--jobs", "3", "-v", stdin=given, ANTHROPIC_BASE_URL=cloud.url)
        found = records(done)
        assert done.code == 65
        assert [each["line"] for each in found] == [*range(1, 10)]
        assert [each.get("answer") for each in found[:8]] == [f"echo p{n}" for n in range(1, 9)]
        assert "trooper: line 1: public, cloud (default), anthropic" in done.notices

    def test_the_lines_of_a_session_go_one_after_the_other(
        self, trooper: Trooper, serve: Callable[..., Standin]
    ) -> None:
        """Each knows the answers before it, and does not hold up those of other sessions."""
        both = threading.Barrier(2)

        def respond(request: Recorded) -> Iterable[bytes]:
            if said(request) in {"a1", "b1"}:
                both.wait(10)
            return echo(request)

        cloud = serve(respond)
        given = lines(*({"prompt": f"{name}{n}", "session": name} for name in "ab" for n in (1, 2, 3)))
        done = trooper("ask", "--jsonl", "--jobs", "2", stdin=given, ANTHROPIC_BASE_URL=cloud.url)
        assert done.code == 0, done.text
        assert [(each["session"], each["turn"]) for each in records(done)] == [
            ("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("b", 3),
        ]  # fmt: skip
        lengths = {said(request): len(request.json["messages"]) for request in cloud.requests}
        assert lengths == {"a1": 1, "a2": 3, "a3": 5, "b1": 1, "b2": 3, "b3": 5}

    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_little_is_read_ahead(self, trooper: Trooper, serve: Callable[..., Standin], jobs: str) -> None:
        """A hundred thousand lines are never held: while the first is awaited, few of the others are taken."""
        let_go = threading.Event()

        def respond(request: Recorded) -> Iterable[bytes]:
            let_go.wait(20)
            return echo(request)

        cloud = serve(respond)
        batch = trooper.start("ask", "--jsonl", "--jobs", jobs, stdin=subprocess.PIPE, ANTHROPIC_BASE_URL=cloud.url)
        assert batch.stdin is not None
        written = 0

        def write() -> None:
            nonlocal written
            line = lines({"prompt": "x" * 100_000}).encode()
            try:
                for _ in range(100):
                    batch.stdin.write(line)  # type: ignore[union-attr]
                    written += 1
            except OSError:
                return

        writer = threading.Thread(target=write)
        writer.start()
        wait_for(lambda: len(cloud.requests) == int(jobs))
        time.sleep(0.3)
        assert written < 12
        batch.kill()
        let_go.set()
        batch.communicate()
        writer.join()


class TestEnds:
    """What ends a batch before its end."""

    @pytest.mark.parametrize("jobs", ["1", "2"])
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal(
        self, trooper: Trooper, serve: Callable[..., Standin], number: signal.Signals, code: int, jobs: str
    ) -> None:
        """What was answered is printed whole, and the turn that was under way is in its session, incomplete."""
        let_go = threading.Event()

        def respond(request: Recorded) -> Iterable[bytes]:
            events = message_events("echo")
            if said(request) == "stuck":
                yield STREAM_HEAD
                yield from events[:5]
                let_go.wait(20)
            else:
                yield STREAM_HEAD
                yield from events

        cloud = serve(respond)
        given = lines({"prompt": "first"}, {"prompt": "stuck", "session": "ops"}, {"prompt": "third"})
        batch = trooper.start("ask", "--jsonl", "--jobs", jobs, stdin=subprocess.PIPE, ANTHROPIC_BASE_URL=cloud.url)
        assert batch.stdin is not None
        batch.stdin.write(given.encode())
        batch.stdin.flush()
        wait_for(lambda: len(cloud.requests) == 1 + int(jobs))
        time.sleep(0.3)
        batch.send_signal(number)
        out, err = batch.communicate(timeout=20)
        let_go.set()
        assert (batch.returncode, err) == (code, b"")
        assert [json.loads(line)["line"] for line in out.splitlines()] == ([1] if jobs == "1" else [1, 3])
        assert [turn["status"] for turn in trooper.turns("ops")] == ["incomplete"]

    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_a_reader_that_goes_away(self, trooper: Trooper, jobs: str) -> None:
        """`| head -1` ends it, with no more than what was under way."""
        batch = trooper.start("ask", "--jsonl", "--jobs", jobs, stdin=subprocess.PIPE)
        assert batch.stdin is not None
        assert batch.stdout is not None
        batch.stdin.write(lines({"prompt": "one"}).encode())
        batch.stdin.flush()
        assert json.loads(batch.stdout.readline())["line"] == 1
        batch.stdout.close()
        batch.stdin.write(lines({"prompt": "two"}).encode())
        batch.stdin.flush()
        assert batch.wait(20) == 141
        assert batch.stderr is not None
        assert batch.stderr.read() == b""
        batch.stdin.close()
        batch.stderr.close()

    def test_a_limit_is_for_the_whole_batch(self, trooper: Trooper, cloud: Standin) -> None:
        """What all lines together may cost; what is over it is answered here."""
        arguments = ["ask", "--jsonl", "--limit", "0.0006", "--max-tokens", "10", "-m", "claude-sonnet-4-5"]
        done = in_process(trooper, *arguments, stdin=lines(*[{"prompt": "x"}] * 9))
        reasons = [each["reason"] for each in records(done)]
        assert reasons == sorted(reasons)
        assert set(reasons) == {"default", "limit"}
        assert len(cloud.bodies) == reasons.count("default")

    @pytest.mark.parametrize("jobs", ["1", "2"])
    def test_a_line_is_written_whole(self, trooper: Trooper, serve: Callable[..., Standin], jobs: str) -> None:
        """A signal that comes while a slow reader holds up a long answer ends the batch after its line."""
        cloud = serve(lambda _: [STREAM_HEAD, *message_events("long " * 100_000)])
        batch = trooper.start("ask", "--jsonl", "--jobs", jobs, stdin=subprocess.PIPE, ANTHROPIC_BASE_URL=cloud.url)
        assert batch.stdin is not None
        assert batch.stdout is not None
        batch.stdin.write(lines({"prompt": "one"}).encode())
        batch.stdin.flush()
        begun = os.read(batch.stdout.fileno(), 1)
        batch.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        out, err = batch.communicate(timeout=20)
        assert (batch.returncode, err) == (143, b"")
        assert len(json.loads(begun + out)["answer"]) == 500_000

    def test_a_job_that_is_killed(self, trooper: Trooper, serve: Callable[..., Standin]) -> None:
        """Its line has failed; the other jobs go on with the rest."""

        def respond(request: Recorded) -> Iterable[bytes]:
            if said(request) == "stuck":
                let_go.wait(20)
            return echo(request)

        let_go, cloud = threading.Event(), serve(respond)
        batch = trooper.start("ask", "--jsonl", "--jobs", "2", stdin=subprocess.PIPE, ANTHROPIC_BASE_URL=cloud.url)
        children = Path(f"/proc/{batch.pid}/task/{batch.pid}/children")
        if not children.exists():
            pytest.skip("this system does not list the children of a process")
        assert batch.stdin is not None
        batch.stdin.write(lines({"id": "s", "prompt": "stuck"}).encode())
        batch.stdin.flush()
        wait_for(lambda: len(cloud.requests) == 1)
        # The worker that asks is the one that is connected.
        (asks,) = [child for child in children.read_text().split() if is_connected(child)]
        os.kill(int(asks), signal.SIGKILL)
        out, err = batch.communicate(lines(*({"prompt": f"p{n}"} for n in range(5))).encode(), timeout=20)
        let_go.set()
        found = [json.loads(line) for line in out.splitlines()]
        assert (batch.returncode, err) == (70, b"")
        assert (found[0]["id"], found[0]["exit"]) == ("s", 70)
        assert [each.get("answer") for each in found[1:]] == [f"echo p{n}" for n in range(5)]

    def test_progress_is_for_a_terminal(self, trooper: Trooper, tmp_path: Path) -> None:
        """Standard error shows how far it is, where that is a terminal and the answers go elsewhere."""
        (tmp_path / "in").write_text(lines({"prompt": "one"}, "{", {"prompt": "two"}))
        command = f"{COMMAND} ask --jsonl < in > out; echo ended $?"
        with terminal(["sh", "-c", command], trooper.environment(TERM="xterm"), tmp_path) as screen:
            shown = screen.wait_for("ended 65")
        assert "2 answered, 1 failed" in shown
        assert len((tmp_path / "out").read_text().splitlines()) == 3

    @pytest.mark.parametrize("flags", [[], ["--cloud"], ["--no-fallback"], ["--cloud", "--no-fallback"]])
    def test_a_quota_that_is_gone_is_found_once(
        self, trooper: Trooper, serve: Callable[..., Standin], flags: list[str]
    ) -> None:
        """Ten thousand lines do not ask for it each: the breaker holds within a batch, also with --cloud."""
        cloud = serve(lambda _: api_error(429, "rate_limit_error", "no more", "enforced_spend_limit"))
        done = in_process(
            trooper, "ask", "--jsonl", *flags, stdin=lines(*[{"prompt": "x"}] * 5),
            ANTHROPIC_BASE_URL=cloud.url,
        )  # fmt: skip
        found = records(done)
        if "--no-fallback" in flags:
            assert [each["exit"] for each in found] == [75] * 5
        else:
            assert [each["reason"] for each in found] == ["fallback", *["breaker"] * 4]
        assert len(cloud.requests) == 1


@pytest.mark.engine
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_embedded_model_is_loaded_once(tmp_path: Path, model_file: Path, jobs: str) -> None:
    """However many lines and jobs; each answer is that of a single ask, whatever was asked before it."""
    pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'ask' in sys.argv or sys.argv[:1] == ['-c']:\n"
        "    from trooper_cli.engines import embedded\n"
        "    load = embedded._load\n"
        "    def counted(*arguments):\n"
        f"        open({str(tmp_path / 'loaded')!r}, 'a').write('once\\n')\n"
        "        return load(*arguments)\n"
        "    embedded._load = counted\n"
    )
    real = Trooper(tmp_path / "home", {"TROOPER_LOCAL_ENGINE": "embedded", "TROOPER_EMBEDDED_MODEL": str(model_file)})
    path = f"{tmp_path}:{real.environment().get('PYTHONPATH', '')}"
    prompts = ["What is the capital of France?", "Say hello.", "What is the capital of France?"]
    given = lines(*({"prompt": prompt} for prompt in prompts))
    done = real("ask", "--local", "--jsonl", "--jobs", jobs, "--max-tokens", "20", stdin=given, PYTHONPATH=path)
    assert done.code == 0, done.text
    found = records(done)
    assert [each["engine"] for each in found] == ["embedded"] * 3
    assert (tmp_path / "loaded").read_text() == "once\n"
    assert [found[0]["answer"], found[2]["answer"]] == ["The capital of France is Paris."] * 2
    assert found[0]["usage"] == found[2]["usage"]


def is_connected(process: str) -> bool:
    """Return whether a process has a socket."""
    return any("socket:" in str(file.readlink()) for file in Path(f"/proc/{process}/fd").iterdir())


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def answer_to(batch: Any, line: dict[str, object]) -> Any:
    batch.stdin.write(lines(line).encode())
    batch.stdin.flush()
    return json.loads(batch.stdout.readline())
