"""Near the window of a cloud whose encoding is known, tokens are counted; elsewhere they are estimated."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.in_process import run_in_process
from tests.memory.test_tokens import PROSE
from tests.test_speed import loaded
from trooper_cli.engines import encodings

if TYPE_CHECKING:
    from tests.conftest import Trooper

WINDOW = 3000
ROOM = WINDOW // 2  # the other half is the answer's
NOWHERE = "/nonexistent"


@pytest.fixture(scope="module")
def encoding() -> encodings.Encoding:
    if not encodings.is_here("cl100k_base", os.environ, Path(NOWHERE)):
        pytest.skip("the vocabulary is not on this machine, see TIKTOKEN_CACHE_DIR")
    return encodings.load("cl100k_base", os.environ, Path(NOWHERE))


@pytest.fixture
def home(trooper: Trooper) -> Path:
    trooper.home.mkdir()
    cloud = f'[[clouds]]\nname = "other"\nurl = "https://127.0.0.1:9/v1"\nkey_env = "OTHER_KEY"\nwindow = {WINDOW}\n'
    (trooper.home / "config.toml").write_text(f'{cloud}model = "gpt-4"\n')
    return trooper.home


def rehearse(home: Path, prompt: str, *arguments: str, folder: str | None = None) -> Any:
    """Return what a dry run prints, or the exit code where it is refused."""
    folder = os.environ["TIKTOKEN_CACHE_DIR"] if folder is None else folder
    done = run_in_process(
        home, "ask", "--dry-run", *arguments, stdin=prompt, OTHER_KEY="key", TIKTOKEN_CACHE_DIR=folder
    )
    return done.json if done.code == 0 else done.code


def prompt_of(encoding: encodings.Encoding, tokens: int) -> str:
    return encoding.head(PROSE * 40, tokens)


def test_a_prompt_that_fits_by_its_count(home: Path, encoding: encodings.Encoding) -> None:
    """The estimate would refuse it, with its margin; it is refused still where it is too large, or nothing counts."""
    prompt = prompt_of(encoding, ROOM - 60)
    assert rehearse(home, prompt, folder=NOWHERE) == 65
    found = rehearse(home, prompt)
    assert found["context"]["tokens"] == encoding.count(prompt.strip()).tokens + 7
    assert rehearse(home, prompt_of(encoding, ROOM + 30)) == 65
    assert rehearse(home, prompt, "-m", "large") == 65


def test_a_memory_that_fills_the_window(home: Path, encoding: encodings.Encoding) -> None:
    """It holds more than by the estimate, and never more than there is room; private turns change no byte of it."""
    turns = [
        {"prompt": f"{n}: {PROSE[n * 9 : n * 9 + 200]}", "answer": f"Noted as {n}.", "label": "public"}
        for n in range(30)
    ]
    assert run_in_process(home, "import", "-s", "ops", stdin="\n".join(map(json.dumps, turns))).code == 0
    estimated = rehearse(home, "and who owns the schema?", "-s", "ops", folder=NOWHERE)
    counted = rehearse(home, "and who owns the schema?", "-s", "ops")
    assert len(counted["context"]["text"]) > len(estimated["context"]["text"])
    messages = counted["body"]["messages"]
    tokens = 3 + sum(4 + encoding.count(message["content"]).tokens for message in messages)
    assert tokens == counted["context"]["tokens"]
    assert ROOM * 0.75 < tokens <= ROOM
    private = [turn | {"label": "private", "prompt": f"漢字 {turn['prompt']} " * 2} for turn in turns]
    assert run_in_process(home, "import", "-s", "ops", stdin="\n".join(map(json.dumps, private))).code == 0
    assert rehearse(home, "and who owns the schema?", "-s", "ops")["body_sha256"] == counted["body_sha256"]


def test_a_memory_that_counts_more_than_the_prompt(home: Path, encoding: encodings.Encoding) -> None:
    """What was measured on the prompt is too little for it: it is measured once more, and made to fit."""
    letters = random.Random(7)
    words = [" ".join("".join(letters.choices("bcdfgxzqwk", k=9)) for _ in range(9)) for _ in range(8)]
    turns = [{"prompt": text, "answer": f"{n} it is", "label": "public"} for n, text in enumerate(words)]
    assert run_in_process(home, "import", "-s", "ops", stdin="\n".join(map(json.dumps, turns))).code == 0
    prompt = prompt_of(encoding, ROOM - 300)
    assert rehearse(home, prompt, "-s", "ops", folder=NOWHERE) == 65
    found = rehearse(home, prompt, "-s", "ops")
    texts = [message["content"] for message in found["body"]["messages"]]
    assert len(texts) > 1
    assert found["context"]["tokens"] == 3 + sum(4 + encoding.count(text).tokens for text in texts) <= ROOM


def test_nothing_is_loaded_elsewhere(trooper: Trooper, home: Path, encoding: encodings.Encoding) -> None:
    """The library is loaded near the window alone."""
    trooper.environ |= {"OTHER_KEY": "key", "TIKTOKEN_CACHE_DIR": os.environ["TIKTOKEN_CACHE_DIR"]}
    del trooper.environ["ANTHROPIC_API_KEY"], encoding
    near, _ = loaded(trooper, "ask", "--dry-run", PROSE)
    assert "tiktoken" in near
    config = (home / "config.toml").read_text().replace(f"= {WINDOW}\n", "= 128000\n")
    (home / "config.toml").write_text(config)
    far, _ = loaded(trooper, "ask", "--dry-run", PROSE)
    assert not {"tiktoken", "trooper_cli.engines.encodings", "trooper_cli.ask.exact_window"} & far
