"""On a terminal: text as it arrives, and nothing in it that could steer the terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import COMMAND
from tests.standin import claude
from trooper_cli.terminal import escaped

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin


def on_terminal(trooper: Trooper, *arguments: str) -> tuple[int, bytes]:
    """Run the command with a terminal as its standard output, and give exit code and what the terminal got."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.DEVNULL,
        env=trooper.environment(),
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


def test_a_terminal_gets_text_as_it_arrives(trooper: Trooper, cloud: Standin) -> None:
    """Without a flag a terminal is streamed to, and the engine is asked for a stream."""
    assert on_terminal(trooper, "ask", "hello") == (0, b"a cloud answer\r\n")
    assert cloud.bodies[0]["stream"] is True


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
