"""The embedded engine where other programs are busy, and where its model repeats itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Trooper
from trooper_cli.engines.embedded import _until_repeated
from trooper_cli.engines.engine import End, Usage
from trooper_cli.engines.openai_api import read_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOPING = "Tell me a long story about a dragon."
pytestmark = [pytest.mark.engine]


@pytest.fixture
def real(tmp_path: Path, model_file: Path) -> Trooper:
    """The command with the embedded engine and no cloud."""
    pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
    return Trooper(tmp_path / "home", {"TROOPER_LOCAL_ENGINE": "embedded", "TROOPER_EMBEDDED_MODEL": str(model_file)})


@pytest.fixture
def looping(real: Trooper, model_file: Path, tmp_path: Path) -> Trooper:
    """The same model in a file as large as a large one's, so that nothing keeps it from repeating itself."""
    path = tmp_path / "looping.gguf"
    shutil.copyfile(model_file, path)
    os.truncate(path, 1 << 30)
    return Trooper(real.home, {**real.environ, "TROOPER_EMBEDDED_MODEL": str(path)})


@contextlib.contextmanager
def busy(programs: int) -> Iterator[None]:
    """Keep so many cores busy."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def test_it_answers_soon_while_every_core_is_busy(real: Trooper) -> None:
    """The first question of a new user, on a machine that has other things to do."""
    with busy(os.cpu_count() or 1):
        began = time.monotonic()
        done = real("ask", "--local", stdin="What is the capital of France?")
        seconds = time.monotonic() - began
    assert (done.code, done.text, done.notices) == (0, "The capital of France is Paris.\n", "")
    assert seconds < 10


@pytest.mark.slow
def test_an_answer_to_its_limit_while_every_core_is_busy(real: Trooper) -> None:
    """The longest answer that the small model gives by itself takes seconds, not minutes, and says why it ends."""
    with busy(os.cpu_count() or 1):
        began = time.monotonic()
        done = real("ask", "--local", "--json", LOOPING)
        seconds = time.monotonic() - began
    assert done.code == 0
    assert done.json["usage"]["output"] <= 512
    assert seconds < 90


@pytest.mark.parametrize("flag", ["--stream", pytest.param("--no-stream", marks=pytest.mark.slow)])
def test_an_answer_that_repeats_itself_is_stopped_and_kept(looping: Trooper, flag: str) -> None:
    """It is an answer (exit 0) with one notice and its own stop reason, and the turn is kept as it was printed."""
    done = looping("ask", "-s", "ops", flag, stdin=LOOPING)
    assert done.code == 0
    assert done.notices.splitlines()[-1] == "trooper: the answer was stopped: the model repeats itself; it is small"
    sentences = [sentence.strip() for sentence in done.text.replace("\n", " ").split(". ")]
    assert max(map(sentences.count, sentences)) in {2, 3}
    (turn,) = looping.turns("ops")
    assert (turn["status"], turn["answer"] + "\n") == ("answered", done.text)
    again = looping("ask", flag, "--json", stdin=LOOPING)
    assert (again.code, again.json["stop"]) == (0, "repetition")
    assert again.json["usage"]["input"] > 20
    assert 50 < again.json["usage"]["output"] < 2_000
    told = looping("ask", "-s", "ops", "--dry-run", "and then?").json["body"]["messages"][2]["content"]
    assert 0 < len(told) < len(turn["answer"])


@pytest.mark.slow
def test_a_program_is_told_that_an_answer_was_cut(looping: Trooper) -> None:
    """The Messages API has no word for a repetition: to a program the answer was cut, which it knows how to read."""
    request = {"model": "any", "max_tokens": 2_000, "messages": [{"role": "user", "content": LOOPING}]}
    done = looping("messages", stdin=json.dumps(request | {"x_force_local": True}))
    assert (done.code, done.json["stop_reason"]) == (0, "max_tokens")
    assert "the model repeats itself" in done.notices


def test_the_small_model_is_kept_from_repeating_itself(real: Trooper) -> None:
    """The request of a small model has control of repetition and a limit that suits it, and both twice the same."""
    first, second = (real("ask", "--local", "--dry-run", "hello").json["body"] for _ in range(2))
    assert first == second
    assert first["dry_multiplier"] > 0
    assert first["max_tokens"] == 512
    assert real("ask", "--local", "--dry-run", "--max-tokens", "900", "hello").json["body"]["max_tokens"] == 900


def test_an_answer_cut_before_its_first_word_is_not_called_a_thought(real: Trooper) -> None:
    """Where thoughts are always seen and none came, the limit is what to look at."""
    schema = '{"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}'
    done = real("ask", "--local", "--max-tokens", "5", "--schema", schema, "What is the capital of France?")
    assert (done.code, "see --max-tokens" in done.notices) == (76, True), done.notices
    assert "thinking" not in done.notices


def test_a_large_model_is_left_to_quote(looping: Trooper) -> None:
    """A large model copies what it is shown, which control of repetition would hinder; its answers are longer."""
    body = looping("ask", "--local", "--dry-run", "hello").json["body"]
    assert body["max_tokens"] == 2_048
    assert not [name for name in body if name.startswith("dry")]


def test_what_was_counted_when_it_was_stopped() -> None:
    """Tokens come from the chunk at which the answer was stopped; nothing after it is read."""
    text = "The pool drains at night. "
    chunks = (
        {"choices": [{"delta": {"content": text}}], "timings": {"prompt_n": 9, "cache_n": 1, "predicted_n": n * 6}}
        for n in range(1, 10)
    )
    pieces = list(read_chunks(_until_repeated(chunks), "small"))
    assert pieces == [text, text, text, End("repetition", Usage(10, 18, 1), "small")]
    assert len(list(chunks)) == 6
