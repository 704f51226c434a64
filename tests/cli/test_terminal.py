"""On a terminal: text as it arrives, and nothing in it that could steer the terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import COMMAND
from tests.standin import CHAT_PATHS, NDJSON_HEAD, STREAM_HEAD, api_error, claude, lines, message_events, ollama
from trooper_cli.cli.terminal import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin


def on_terminal(
    trooper: Trooper, *arguments: str, errors_too: bool = False, seen: Callable[[bytes], object] = id, **environ: str
) -> tuple[int, bytes]:
    """Run the command with a terminal as its standard output, and give exit code and what the terminal got.

    `seen` is told what the terminal has got so far, each time that something comes.
    """
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave if errors_too else subprocess.DEVNULL,
        env=trooper.environment(**environ),
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # Linux says so when the other end is closed.
            break
        if not data:
            break
        shown += data
        seen(shown)
    os.close(master)
    return process.wait(60), shown


def test_model_text_cannot_steer_the_terminal(trooper: Trooper, cloud: Standin) -> None:
    """Escape sequences of an answer are shown as text: no colour, no title, no clipboard, no moved cursor."""
    cloud.respond = claude("a\x1b]52;c;ZXZpbA==\x07b\x1b[2Jc\u202ed\x9be\rf\tg\nh")
    code, shown = on_terminal(trooper, "ask", "-s", "ops", "hello")
    assert code == 0
    expected = "a\\x1b]52;c;ZXZpbA==\\x07b\\x1b[2Jc\\u202ed\\x9be\\x0df\tg\r\nh\r\n"
    assert shown.decode() == expected
    assert b"\x1b" not in on_terminal(trooper, "show", "-s", "ops")[1]


def test_every_character_that_reorders_text_is_shown_escaped(trooper: Trooper, cloud: Standin) -> None:
    """All that Unicode calls a control of direction, and its breaks of lines and paragraphs, by `ask` and `show`."""
    cloud.respond = claude("a\u061cb\u200ec\u200fd\u2028e\u2029f\u2066g")
    expected = "a\\u061cb\\u200ec\\u200fd\\u2028e\\u2029f\\u2066g"
    assert on_terminal(trooper, "ask", "-s", "ops", "hello")[1].decode() == f"{expected}\r\n"
    assert expected in on_terminal(trooper, "show", "-s", "ops")[1].decode()


def test_a_terminal_gets_text_as_it_arrives(trooper: Trooper, cloud: Standin) -> None:
    """Without a flag a terminal is streamed to, and the engine is asked for a stream."""
    assert on_terminal(trooper, "ask", "hello") == (0, b"a cloud answer\r\n")
    assert cloud.bodies[0]["stream"] is True


@pytest.mark.parametrize("flags", [[], ["--local"]], ids=["cloud", "local"])
def test_each_word_is_shown_before_the_next_is_there(
    trooper: Trooper, cloud: Standin, local: Standin, flags: list[str]
) -> None:
    """The engine here says its next word only when the terminal has shown the last one, on either side."""
    words, shown = ["xxxx", "yyyy", "zzzz"], threading.Semaphore(0)
    text = " ".join(words)
    pieces = list(lines(text))[1:] if flags else message_events(text, pieces=3)

    def respond(request: Recorded) -> Iterable[bytes]:
        if not request.path.endswith(CHAT_PATHS):
            yield from ollama()(request)
            return
        yield NDJSON_HEAD if flags else STREAM_HEAD
        for piece in pieces:
            yield piece
            if any(word.encode() in piece for word in words):
                assert shown.acquire(timeout=60)

    def seen(data: bytes) -> None:
        while said and said[0] in data:
            del said[0]
            shown.release()

    said = [word.encode() for word in words]
    (local if flags else cloud).respond = respond
    assert on_terminal(trooper, "ask", "-s", "ops", *flags, "hello", seen=seen) == (0, f"{text}\r\n".encode())
    assert not said


def test_a_pipe_gets_private_lines_that_the_guard_knows(trooper: Trooper, local: Standin) -> None:
    """What a pipe carries on of a private answer, while the rest is still on its way, is refused to the cloud."""
    quote = "the pool drains because nothing returns a connection after the timeout of the proxy"
    read = threading.Event()

    def respond(request: Recorded) -> Iterable[bytes]:
        if not request.path.endswith(CHAT_PATHS):
            yield from ollama()(request)
            return
        head, *pieces = lines(f"{quote}\n and more")
        yield head
        yield from pieces[:-3]
        assert read.wait(60)
        yield from pieces[-3:]

    local.respond = respond
    process = trooper.start("ask", "-n", "-s", "ops", "--local", "--stream", "hello")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.decode() == f"{quote}\n"
    done = trooper("ask", "-s", "other", stdin=line)
    read.set()
    assert process.communicate(timeout=60)[0] == b" and more\n"
    assert done.code == 77, done.notices


def test_only_our_own_colours_reach_a_terminal(trooper: Trooper, cloud: Standin) -> None:
    """Where colours are wanted, those of a stored prompt, answer, model or system prompt are still shown as text."""
    cloud.respond = claude("\x1b]52;c;ZXZpbA==\x07\x9d0;title\x9c\x1bP\x1b[31mred\u2067\x8d")
    trooper("ask", "-s", "ops", "--system", "\x1b]0;title\x07", "-m", "m\x1b[2J", "\x1b[8mhidden\u202e")
    shown = on_terminal(trooper, "show", "-s", "ops", TERM="xterm")[1].decode()
    assert "\x1b[36mpublic\x1b[0m" in shown
    assert "\\x1b]52;c;ZXZpbA==\\x07\\x9d0;title\\x9c\\x1bP\\x1b[31mred\\u2067\\x8d" in shown
    left = re.sub("\x1b\\[[0-9]{1,2}m", "", shown)
    assert all(character in "\r\n" or character.isprintable() for character in left)


def test_a_private_turn_is_marked(trooper: Trooper) -> None:
    """`show` marks a private turn by its word, and on a terminal by another colour, unless none are wanted."""
    trooper("ask", "-s", "ops", "hello")
    trooper("ask", "-s", "ops", "--local", "a secret\nof two lines")
    shown = on_terminal(trooper, "show", "-s", "ops", TERM="xterm")[1].decode()
    assert "\x1b[36mpublic\x1b[0m" in shown
    assert "\x1b[33mprivate\x1b[0m" in shown
    for plain in (
        on_terminal(trooper, "show", "-s", "ops", TERM="xterm", NO_COLOR="1")[1],
        on_terminal(trooper, "show", "-s", "ops", TERM="dumb")[1],
        trooper("show", "-s", "ops", TERM="xterm").out,
    ):
        assert b"\x1b" not in plain
        assert "── 2 · private · " in plain.decode()
        assert "> a secret\n> of two lines\n\na local answer\n" in plain.decode().replace("\r", "")


def test_the_status_line(trooper: Trooper) -> None:
    """`-v` says label, side, reason, engine, model, tokens and seconds in one line, dimmed on a terminal."""
    shown = on_terminal(trooper, "ask", "-v", "hello", errors_too=True, TERM="xterm")[1].decode()
    line = r"trooper: public, cloud \(default\), anthropic claude-standin, 18 \+ 7 tokens, \d\.\d s"
    spinner = r"(?:\r\x1b\[K(?:\S (?:asking anthropic, )?\d+ s)?)*"
    assert re.fullmatch(rf"{spinner}a cloud answer\r\n\x1b\[2m{line}\x1b\[0m\r\n", shown)
    assert re.fullmatch(rf"{line}\n", trooper("ask", "-v", "hello").notices)


class TestNotices:
    """On a terminal a notice has a line of its own, whatever of the answer stands there."""

    @pytest.mark.parametrize(
        ("stop", "code", "said"),
        [("max_tokens", 0, "the answer was cut at"), ("", 76, "the answer broke off")],
    )
    def test_it_is_not_stuck_to_the_answer(
        self, trooper: Trooper, cloud: Standin, stop: str, code: int, said: str
    ) -> None:
        """Behind an answer that was cut, and one that broke off, comes the end of the line, and it comes once."""
        pieces = message_events("a cloud answer", stop or "end_turn")
        cloud.respond = lambda _: iter([STREAM_HEAD, *(pieces if stop else pieces[:-2])])
        done, shown = on_terminal(trooper, "ask", "hello", errors_too=True)
        lines_shown = shown.decode().split("\r\n")
        assert (done, lines_shown[0], len(lines_shown)) == (code, "a cloud answer", 3), shown
        assert lines_shown[1].startswith(f"trooper: {said}")

    def test_elsewhere_the_answer_stays_as_it_is(self, trooper: Trooper, cloud: Standin) -> None:
        """Where the notice goes to a file or the answer to a pipe, one newline ends the answer."""
        cloud.respond = claude("a cloud answer", "max_tokens")
        assert on_terminal(trooper, "ask", "hello") == (0, b"a cloud answer\r\n")
        done = trooper("ask", "--stream", "hello")
        assert (done.out, done.notices.count("\n")) == (b"a cloud answer\n", 1)


class TestSpinner:
    """While nothing has come yet, a terminal shows that something is awaited."""

    @pytest.fixture
    def slow(self, cloud: Standin) -> threading.Event:
        """Make the cloud hold back its first byte until the returned event is set."""
        go_on = threading.Event()

        def respond(request: Recorded) -> Iterable[bytes]:
            assert go_on.wait(60)
            return claude()(request)

        cloud.respond = respond
        return go_on

    @pytest.mark.parametrize("flags", [[], ["--no-stream"], ["--json"]])
    def test_it_turns_until_the_first_text(self, trooper: Trooper, slow: threading.Event, flags: list[str]) -> None:
        """It is drawn in one line, wiped before the text, and never comes back."""

        def seen(shown: bytes) -> None:
            if "⠹".encode() in shown:
                slow.set()

        code, data = on_terminal(trooper, "ask", *flags, "hello", errors_too=True, seen=seen, TERM="xterm")
        turning, wipe, text = data.decode().rpartition("\r\x1b[K")
        assert (code, wipe) == (0, "\r\x1b[K")
        assert re.fullmatch(r"(\r\x1b\[K[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (asking anthropic|answering), \d+ s)+", turning)
        assert text == "a cloud answer\r\n" or ("--json" in flags and text.startswith('{"answer": "a cloud answer"'))

    def test_a_notice_is_written_over_it(self, trooper: Trooper, cloud: Standin, slow: threading.Event) -> None:
        """A fallback is told on a line of its own, not behind the spinner."""

        def respond(_: Recorded) -> Iterable[bytes]:
            assert slow.wait(60)
            return api_error(402, "billing_error")

        cloud.respond = respond
        shown = on_terminal(
            trooper,
            "ask",
            "hello",
            errors_too=True,
            seen=lambda shown: slow.set() if "⠋".encode() in shown else None,
            TERM="xterm",
        )[1].decode()
        assert re.search(r"s\r\x1b\[Ktrooper: \S+ has no quota left", shown)
        assert shown.endswith(("\r\x1b[Ka local answer\r\n", " instead\r\na local answer\r\n"))

    @pytest.mark.parametrize(("flags", "term"), [(["-q"], "xterm"), ([], "dumb"), ([], "")])
    def test_it_stays_away(self, trooper: Trooper, flags: list[str], term: str) -> None:
        """Not with `-q` and not on a dumb terminal: its code is not even read."""
        code, shown = on_terminal(
            trooper, "ask", *flags, "hello", errors_too=True, TERM=term, PYTHONPROFILEIMPORTTIME="1"
        )
        assert code == 0
        assert b"trooper_cli.ask.attempt" in shown
        assert b"trooper_cli.cli.spinner" not in shown

    def test_a_pipe_does_not_even_load_it(self, trooper: Trooper) -> None:
        """Where standard error is no terminal, its code is not read."""
        done = trooper("ask", "hello", PYTHONPROFILEIMPORTTIME="1")
        assert done.code == 0
        assert "trooper_cli.ask.attempt" in done.notices
        assert "trooper_cli.cli.spinner" not in done.notices


@given(st.text())
def test_what_is_escaped_holds_no_control_character(text: str) -> None:
    """No text whatever puts a control character but tab and newline on the screen."""
    shown = escaped(text)
    assert all(character in "\t\n" or character.isprintable() or ord(character) > 0x9F for character in shown)
    assert not set(shown) & {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@pytest.mark.parametrize("text", ["plain", "größe 漢字 🦉", "tab\tand\nline"])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    """Letters of every script, tabs and line ends are shown as they are."""
    assert escaped(text) == text
