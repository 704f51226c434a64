"""Engines that break off, speak nonsense or never end: what came is kept, the exit code is right, memory is bounded."""

from __future__ import annotations

import gzip
import itertools
import json
import signal
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_prompt_input import measured
from tests.standin import NDJSON_HEAD, STREAM_HEAD, claude, event, http, lines, message_events, ollama
from trooper_cli import turn
from trooper_cli.__main__ import main
from trooper_cli.ask import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

ENDLESS = 100_000
KINDS = ["cloud", "ollama", "openai"]
TEXT = "one two three four five six"


def chunk(text: str, finish: str | None = None) -> bytes:
    value = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
    return f"data: {json.dumps(value)}\n\n".encode()


def plain(content: Any) -> Any:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


class Side:
    """One kind of engine: how it is asked, and what a stream of it looks like."""

    def __init__(self, kind: str, trooper: Trooper, server: Standin) -> None:
        self.kind, self.trooper, self.server = kind, trooper, server
        self.head = NDJSON_HEAD if kind == "ollama" else STREAM_HEAD
        self.flags = ["--no-fallback"] if kind == "cloud" else ["--local"]
        self.environ = {"TROOPER_LOCAL_URL": server.url} if kind == "openai" else {}

    def pieces(self, text: str = TEXT) -> list[bytes]:
        """Return the parts of a whole stream, each of which can be sent by itself."""
        if self.kind == "cloud":
            return message_events(text, pieces=6)
        if self.kind == "ollama":
            return list(lines(text))[1:]
        return [*(chunk(f"{word} ") for word in text.split()), chunk("", "stop"), b"data: [DONE]\n\n"]

    def answer_with(self, respond: Callable[[], Iterable[bytes]]) -> None:
        """Make the engine answer a prompt with this; requests for models and versions are answered as before."""

        def by_path(request: Recorded) -> Iterable[bytes]:
            if request.path.endswith(("/v1/messages", "/api/chat", "/v1/chat/completions")):
                return respond()
            return http(200, '{"data": [{"id": "m"}]}') if self.kind == "openai" else ollama()(request)

        self.server.respond = by_path

    def ask(self, *flags: str) -> Any:
        return self.trooper("ask", "-n", "-s", "ops", *self.flags, *flags, "hello", **self.environ)

    def turn(self) -> tuple[str, str]:
        (turn,) = self.trooper.turns("ops")
        return turn["status"], turn["answer"]


@pytest.fixture(params=KINDS)
def side(request: pytest.FixtureRequest, trooper: Trooper, cloud: Standin, local: Standin) -> Side:
    return Side(request.param, trooper, cloud if request.param == "cloud" else local)


class TestBreakingOff:
    """What was printed stays printed, is kept as incomplete, and does no harm to later turns."""

    @pytest.mark.parametrize("rest", [b"", b"{", b"data: {", b'data: {"type": 1\n\n', b"\xff\xfe\n\n", b"nonsense\n"])
    def test_a_cut_stream_is_76(self, side: Side, rest: bytes) -> None:
        """Cut between two pieces, within one, or followed by nonsense: exit 76, and never a turn of that much less."""
        pieces = side.pieces()
        half = len(pieces) // 2 + 1
        side.answer_with(lambda: [side.head, *pieces[:half], rest])
        done = side.ask("--stream")
        assert done.code == 76, done.notices
        assert done.notices.count("\n") == 1
        assert TEXT.startswith(done.text.strip())
        assert done.text.strip()
        assert side.turn() == ("incomplete", done.text)

    def test_a_connection_that_is_cut_is_76(self, side: Side) -> None:
        """Where the engine promised more bytes than came, what came is kept."""
        pieces = side.pieces()
        head = side.head.replace(b"connection: close", b"connection: close\r\ncontent-length: 999999")
        side.answer_with(lambda: [head, *pieces[: len(pieces) // 2 + 1]])
        done = side.ask("--stream")
        assert done.code == 76, done.notices
        assert side.turn() == ("incomplete", done.text)

    def test_without_stream_nothing_is_printed(self, side: Side) -> None:
        """In a pipe there is a whole answer or none; what came is in the session all the same."""
        pieces = side.pieces()
        side.answer_with(lambda: [side.head, *pieces[: len(pieces) // 2 + 1]])
        done = side.ask()
        assert done.code in {69, 76}
        assert done.out == b""
        assert side.turn()[0] == "incomplete"

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
    def test_an_interrupt_keeps_what_came(self, side: Side, number: int, code: int) -> None:
        """Ctrl-C, a stopped job and a closed terminal: quiet, and what came is incomplete, of each engine."""
        reached, release = threading.Event(), threading.Event()

        def respond() -> Iterator[bytes]:
            yield side.head
            yield from side.pieces()[: len(side.pieces()) // 2 + 1]
            reached.set()
            release.wait(60)

        side.answer_with(respond)
        side.trooper.environ |= side.environ
        flags = ["ask", "-n", "-s", "ops", "--stream", *side.flags, "hello"]
        process = side.trooper.start(*flags)
        assert process.stdout is not None
        assert reached.wait(60)
        if side.kind == "cloud":
            assert process.stdout.read(3) == b"one"
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        release.set()
        assert (process.returncode, err) == (code, b"")
        assert side.turn()[0] == "incomplete"

    @pytest.mark.parametrize("how", ["cut", "max_tokens", "refusal"])
    def test_later_turns_are_not_poisoned(self, trooper: Trooper, cloud: Standin, how: str) -> None:
        """A cut answer is told as far as it came, a refusal not at all; the next turn is answered as ever."""
        if how == "cut":
            cloud.respond = lambda _: [STREAM_HEAD, *message_events("half of it")[:6]]
        else:
            cloud.respond = claude("half of it", how)
        code = trooper("ask", "-n", "-s", "ops", "--stream", "--no-fallback", "first").code
        assert code == {"cut": 76, "max_tokens": 0, "refusal": 76}[how]
        (first,) = trooper.turns("ops")
        assert first["status"] == {"cut": "incomplete", "max_tokens": "answered", "refusal": "refused"}[how]
        cloud.respond = claude()
        done = trooper("ask", "-n", "-s", "ops", "second")
        assert (done.code, done.text, done.notices) == (0, "a cloud answer\n", "")
        sent = [plain(message["content"]) for message in cloud.bodies[-1]["messages"]]
        assert sent == (["second"] if how == "refusal" else ["first", first["answer"], "second"])
        roles = [message["role"] for message in cloud.bodies[-1]["messages"]]
        assert roles == ["user", "assistant", "user"][-len(roles) :]


class TestNonsense:
    """What no healthy engine sends is exit 69 or 76 with one line, in bounded memory."""

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[" * ENDLESS,
            b'{"a":' * ENDLESS,
            b"9" * 5000,
            b'"\\ud800"',
            b"\xff\xff",
            b"\0" * 100,
            b"NaN",
            b"{}\n{}",
        ],
        ids=["open", "deep list", "deep object", "number", "half a pair", "not UTF-8", "NUL", "NaN", "two"],
    )
    @pytest.mark.parametrize("flags", [["--stream"], ["--no-stream"]])
    def test_broken_json_is_told(self, side: Side, body: bytes, flags: list[str]) -> None:
        """As a whole answer and as a piece of a stream."""
        prefix = b"" if side.kind == "ollama" else b"data: "
        side.answer_with(lambda: [side.head, prefix, body, b"\n\n"] if flags == ["--stream"] else http(200, body))
        done = side.ask(*flags)
        assert done.code in {69, 76}, done.notices
        assert (done.out, done.notices.count("\n")) == (b"", 1)
        assert "unexpected" not in done.notices

    @pytest.mark.slow
    @pytest.mark.parametrize("what", ["line", "event", "body", "error", "answer"])
    def test_a_gigabyte_is_given_up_early(self, side: Side, what: str) -> None:
        """A line, an event, a body, an error's body or an answer of 1 GB is given up before the memory is full."""
        piece = b"x" * (1 << 20)
        prefix = b"" if side.kind == "ollama" else b"data: "
        long = "x" * (1 << 20)
        text = {
            "cloud": event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": long}}),
            "ollama": json.dumps({"message": {"content": long}}).encode() + b"\n",
            "openai": chunk(long),
        }[side.kind]
        head, repeated = {
            "line": (side.head + prefix, piece),
            "event": (side.head, prefix + b"x" * 65536 + b"\n"),
            "body": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n", piece),
            "error": (b"HTTP/1.1 500 X\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n", piece),
            "answer": (side.head, text),
        }[what]
        side.answer_with(lambda: itertools.chain([head], itertools.repeat(repeated, 1000)))
        side.trooper.environ |= side.environ
        flags = ["--no-stream"] if what == "body" else []
        done, seconds, megabytes = measured(side.trooper, ["ask", "-n", *side.flags, *flags, "hello"], b"", 0)
        assert done.code in {69, 76}, done.notices
        assert (done.out, done.notices.count("\n")) == (b"", 1)
        assert megabytes < 300
        assert seconds < 60

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
    def test_a_compressed_bomb_is_not_unfolded(self, side: Side, coding: str) -> None:
        """A compressed answer was never asked for: it is refused, not unfolded, whatever the size of what is in it."""
        bomb = gzip.compress(bytes(200 << 20), 9) if "gzip" in coding else zlib.compress(bytes(200 << 20), 9)
        head = side.head.replace(b"connection: close", f"connection: close\r\ncontent-encoding: {coding}".encode())
        side.answer_with(lambda: [head, bomb])
        side.trooper.environ |= side.environ
        done, _, megabytes = measured(side.trooper, ["ask", "-n", *side.flags, "hello"], b"", 0)
        assert done.code in {69, 76}, done.notices
        assert (done.out, done.notices.count("\n")) == (b"", 1)
        assert megabytes < 150

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000,
            b"HTTP/1.1 200 OK\r\nx: " + b"y" * (1 << 20) + b"\r\n\r\n",
            b"HTTP/1.1 999999999999 X\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * 70_000,
            b"\0" * 1000,
            b"ICY 200 OK\r\n\r\n",
            b"",
        ],
        ids=range(10),
    )
    def test_broken_http_is_told(self, side: Side, head: bytes) -> None:
        """Heads without end, lengths that are none, chunks that are none, and no HTTP at all."""
        side.answer_with(lambda: [head])
        done = side.ask()
        assert done.code in {69, 76}, done.notices
        assert (done.out, done.notices.count("\n")) == (b"", 1)
        assert "unexpected" not in done.notices


def forever(piece: bytes, pause: threading.Event, seconds: float) -> Iterator[bytes]:
    while not pause.wait(seconds):
        yield piece


class TestNoEnd:
    """An engine that keeps its connection busy without a word is given up, whatever it keeps it busy with."""

    @pytest.mark.slow
    @pytest.mark.parametrize("what", ["dribble", "head", "continue", "ping", "thousands of pings"])
    def test_it_is_given_up(self, side: Side, what: str) -> None:
        """A byte at a time, `100 Continue` for ever, pings for ever: after five times the --timeout, exit 69."""
        ping = {
            "cloud": event({"type": "ping"}),
            "ollama": b'{"message": {"content": ""}, "done": false}\n',
            "openai": b": ping\n\n",
        }[side.kind]
        head, piece, seconds = {
            "dribble": (side.head, b"x", 0.05),
            "head": (b"HTTP/1.1 200 OK\r\nx: ", b"y", 0.05),
            "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.0),
            "ping": (side.head, ping, 0.05),
            "thousands of pings": (side.head, ping * 1000, 0.0),
        }[what]
        stop = threading.Event()
        side.answer_with(lambda: itertools.chain([head], forever(piece, stop, seconds)))
        try:
            done = side.ask("--timeout", "0.4")
        finally:
            stop.set()
        assert done.code == 69, done.notices
        assert (done.out, done.notices.count("\n")) == (b"", 1)
        assert "--timeout" in done.notices
        assert side.turn()[0] == "failed"

    def test_after_text_it_is_76(self, side: Side) -> None:
        """An engine that falls silent behind pings in the middle of its answer: what came is kept."""
        stop = threading.Event()
        pieces = side.pieces()
        side.answer_with(
            lambda: itertools.chain([side.head, *pieces[: len(pieces) // 2 + 1]], forever(b"\n", stop, 0.05))
        )
        try:
            done = side.ask("--timeout", "0.4", "--stream")
        finally:
            stop.set()
        assert done.code == 76, done.notices
        assert side.turn() == ("incomplete", done.text)

    def test_one_that_goes_on_slowly_is_not(self, side: Side) -> None:
        """Words that come one by one over many times the --timeout are an answer like any other."""
        stop = threading.Event()

        def respond() -> Iterator[bytes]:
            yield side.head
            for piece in side.pieces("a b c d e f g h i j k l m n o p q r s t"):
                stop.wait(0.1)
                yield piece

        side.answer_with(respond)
        done = side.ask("--timeout", "0.3")
        assert done.code == 0, done.notices

    def test_a_probe_is_given_up_too(self, trooper: Trooper, local: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
        """An Ollama that dribbles its version or its list of models does not hold an ask for ever."""
        stop = threading.Event()
        monkeypatch.setattr("trooper_cli.engines.ollama._PROBE_SECONDS", 0.1)
        for name, value in trooper.environment(TROOPER_LOCAL_ENGINE="ollama").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["trooper", "ask", "-n", "--local", "hello"])
        local.respond = lambda _: itertools.chain([NDJSON_HEAD], forever(b" ", stop, 0.02))
        try:
            assert main() == 69
        finally:
            stop.set()

    def test_there_is_an_end_of_all_patience(
        self, trooper: Trooper, cloud: Standin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An answer whose words come and come ends at the limit of hours, here set to half a second."""
        stop = threading.Event()
        monkeypatch.setattr("trooper_cli.net.deadline.LONGEST_SECONDS", 0.5)
        monkeypatch.setattr(attempt, "READ_TIMEOUT_SECONDS", dict.fromkeys(turn.Side, 0.1))
        for name, value in trooper.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["trooper", "ask", "-n", "--no-fallback", "hello"])
        word = event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x "}})
        cloud.respond = lambda _: itertools.chain([STREAM_HEAD], forever(word, stop, 0.02))
        try:
            assert main() == 69
        finally:
            stop.set()
