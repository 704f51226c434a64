"""Against real engines: llama.cpp's own Messages API and chat completions server, and llama.cpp in the process."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND, UNMEASURED, Trooper
from trooper_cli.engines import default_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine]
pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")

SYSTEM = "You are a helpful assistant."


@pytest.fixture
def real(tmp_path: Path, model_file: Path, real_server: str) -> Trooper:
    """The command with a real Messages API as its cloud and the embedded engine as its local side."""
    return Trooper(
        tmp_path / "home",
        {
            "ANTHROPIC_API_KEY": "any",
            "ANTHROPIC_BASE_URL": real_server,
            "TROOPER_CLOUD_MODEL": "smollm2",
            "TROOPER_LOCAL_ENGINE": "embedded",
            "TROOPER_EMBEDDED_MODEL": str(model_file),
        },
    )


@pytest.mark.parametrize("flag", ["--stream", "--no-stream"])
def test_a_conversation_with_a_real_messages_api(real: Trooper, flag: str) -> None:
    """Three turns through a server that we did not write: answered, counted, and the memory is understood."""
    done = real("ask", "-s", "ops", flag, "--system", SYSTEM, "--json", stdin="What is the capital of France?")
    assert done.code == 0, done.notices
    assert "Paris" in done.json["answer"]
    assert done.json["stop"] == "end_turn"
    assert done.json["usage"]["input"] > 20
    assert done.json["usage"]["output"] > 3
    done = real("ask", "-s", "ops", flag, "--json", stdin="Which country is it the capital of?")
    assert "France" in done.json["answer"]
    done = real("ask", "-s", "ops", flag, "--max-tokens", "3", "--json", "Tell me a long story.")
    assert done.json["stop"] == "max_tokens"
    assert done.json["usage"]["output"] <= 3
    assert [turn["status"] for turn in real.turns("ops")] == ["answered"] * 3


def test_both_sides_in_one_conversation(real: Trooper) -> None:
    """A private turn runs in the process, knows the public ones, and is unknown to the cloud's next request."""
    assert (
        real("ask", "-s", "ops", "--system", SYSTEM, "--max-tokens", "60", stdin="my service is called nightowl\n").code
        == 0
    )
    done = real("ask", "-s", "ops", "--local", "--max-tokens", "60", "--json", stdin="the password is hunter2-tango\n")
    assert (done.code, done.json["engine"], done.json["label"]) == (0, "embedded", "private")
    assert done.json["context"]["anchor"] == [1]
    done = real("ask", "-s", "ops", "--dry-run", "what is my service called?")
    assert "nightowl" in done.text
    assert "hunter2" not in done.text
    assert real("ask", "-s", "ops", "--max-tokens", "60", "what is my service called?").code == 0
    dry = real("ask", "-s", "ops", "--local", "--dry-run", "both?").json["context"]["text"]
    assert "nightowl" in dry
    assert "hunter2" in dry


def test_the_server_as_an_openai_engine(real: Trooper, real_server: str) -> None:
    """The same server by its chat completions API: a local engine, streamed and whole."""
    for flag in ("--stream", "--no-stream"):
        done = real(
            "ask", "--local", flag, "--system", SYSTEM, "--json", "What is the capital of France?",
            TROOPER_LOCAL_URL=real_server, TROOPER_LOCAL_ENGINE=None,
        )  # fmt: skip
        assert done.code == 0, done.notices
        assert (done.json["engine"], done.json["stop"]) == ("openai", "end_turn")
        assert "Paris" in done.json["answer"]
        assert done.json["usage"]["input"] > 20
        assert done.json["usage"]["output"] > 3


def test_the_embedded_engine_says_the_same_twice(real: Trooper) -> None:
    """No account, no server: a real answer from this very process, and nothing of its log on either stream."""
    for _ in range(2):
        done = real("ask", "--local", stdin="What is the capital of France?")
        assert (done.code, done.text, done.notices) == (0, "The capital of France is Paris.\n", "")


@pytest.mark.parametrize("engine", ["embedded", "openai"])
def test_a_small_model_fills_a_schema(real: Trooper, real_server: str, engine: str) -> None:
    """By the grammar that llama.cpp makes of it; a pattern that it cannot take is left out and said."""
    environ = {"TROOPER_LOCAL_URL": real_server, "TROOPER_LOCAL_ENGINE": None} if engine == "openai" else {}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "capital": {"type": "string", "maxLength": 20},
            "continent": {"enum": ["Africa", "Europe", "Asia"]},
            "millions": {"type": "integer", "minimum": 1, "maximum": 99},
            "code": {"type": "string", "maxLength": 3, "pattern": "[A-Za-z]"},
            "flags": {"type": "array", "prefixItems": [{"type": "boolean"}], "items": False},
        },
        "required": ["capital", "continent", "millions"],
        "additionalProperties": False,
    }
    question = "What is the capital of France?"
    done = real("ask", "--local", "--json", "--schema", json.dumps(schema), question, **environ)
    assert done.code == 0, done.notices
    assert (done.json["engine"], done.json["data"]["capital"]) == (engine, "Paris")
    assert f"{engine} cannot enforce pattern, items of the schema" in done.notices


def test_a_context_that_is_too_long_is_compressed(real: Trooper) -> None:
    """A long session still gets an answer: the memory is cut to what the model takes."""
    turns = [
        {
            "prompt": " ".join(f"Host {first + at} runs job {at}." for at in range(100)),
            "answer": " ".join(f"Noted, job {at} is of host {first + at}." for at in range(100)),
            "label": "public",
        }
        for first in range(0, 12_000, 1_000)
    ]
    real("import", "-s", "long", stdin="\n".join(map(json.dumps, turns)))
    done = real("ask", "-s", "long", "--local", "--max-tokens", "20", "--json", "Say hello.")
    assert done.code == 0, done.notices
    assert 1000 < done.json["usage"]["input"] < 8192
    assert done.json["context"]["sitrep"]


def test_a_prompt_that_no_model_here_takes_is_bad_data(real: Trooper) -> None:
    """A prompt larger than the local model's context is exit 65 with the sizes."""
    done = real("ask", "--local", stdin="word " * 40_000)
    assert (done.code, done.out) == (65, b"")
    assert "takes 8,192 tokens, 512 kept for the answer; shorten it" in done.notices


def test_an_interrupt_stops_the_embedded_engine(real: Trooper) -> None:
    """Ctrl-C during an answer of the process's own engine ends it, and what arrived is kept."""
    process = real.start("ask", "-s", "ops", "--local", "--stream", "Count from 1 to 500, one number a line.")
    assert process.stdout is not None
    assert process.stdout.read(4)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")
    (turn,) = real.turns("ops")
    assert turn["status"] == "incomplete"
    assert turn["answer"]


@UNMEASURED
def test_a_signal_at_any_instant_ends_with_its_code(real: Trooper) -> None:
    """While the model is loaded, a prompt is read or words come: 130 or 143, at once, and never a segmentation fault.

    TEST_SIGNALS says how often; the default takes a few seconds.
    """
    draw = random.Random(15)
    seconds = []
    for number in range(int(os.environ.get("TEST_SIGNALS", "6"))):
        which, code = ((signal.SIGTERM, 143), (signal.SIGINT, 130))[number % 2]
        prompt = f"{'word ' * 3000 * (number % 3 == 0)} Tell me a long story about a dragon."
        process = real.start("ask", "-s", f"s{number}", "--local", "--stream", stdin=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(prompt.encode())
        process.stdin.close()
        process.stdin = None
        if number % 3 == 1:
            process.stdout.read(1)
        _until_asked(real, f"s{number}", process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 1.5))
        is_done = process.poll() is not None
        process.send_signal(which)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
        seconds.append(time.monotonic() - began)
        assert (process.returncode, err.strip()) == ((0 if is_done else code), b"")
        (turn,) = real.turns(f"s{number}")
        assert turn["status"] == ("answered" if is_done else "incomplete")
    # The longest is while the model is loaded: the library lets nothing else run meanwhile.
    assert sorted(seconds)[len(seconds) // 2] < 5
    assert max(seconds) < 10


def _until_asked(real: Trooper, session: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the prompt is in the session: from here on there is a turn to keep."""
    path = real.home / "sessions" / f"{session}.db"
    for _ in range(10_000):
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file,
        ):
            if file.execute("SELECT count(*) FROM turn").fetchone()[0]:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "socket", "default"])
def test_what_is_no_file_is_no_model(real: Trooper, tmp_path: Path, kind: str) -> None:
    """A pipe would be waited for for ever: it is refused at once, with one line, by ask, dry run and doctor alike."""
    path = tmp_path / "model.gguf"
    environ: dict[str, str | None] = {"TROOPER_EMBEDDED_MODEL": str(path)}
    if kind == "folder":
        path.mkdir()
    elif kind == "device":
        environ = {"TROOPER_EMBEDDED_MODEL": "/dev/zero"}
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.close()
    elif kind == "default":
        path = default_model.default_model(real.home)
        path.parent.mkdir(parents=True)
        environ = {"TROOPER_EMBEDDED_MODEL": None}
        os.mkfifo(path)
    else:
        os.mkfifo(path)
    for flags in ([], ["--dry-run"]):
        done = real("ask", "--local", "-n", *flags, "hello", **environ)
        assert (done.code, done.out) == (78, b"")
        assert done.notices.count("\n") == 1
        assert "no regular file" in done.notices
    assert real("doctor", TROOPER_LOCAL="1", **environ).code != 0


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\3\0\0\0" + b"\xff" * 100, b"no model"])
def test_a_file_that_is_no_model_is_said(real: Trooper, tmp_path: Path, content: bytes) -> None:
    """A GGUF file that is torn or none ends in one line, not in a crash."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    done = real("ask", "--local", "hello", TROOPER_EMBEDDED_MODEL=str(path))
    assert (done.code, done.out) == (65, b"")
    assert done.notices.count("\n") == 1
    assert real("ask", "--local", "hello", TROOPER_EMBEDDED_MODEL="/no/such.gguf").code == 78


def test_nobody_else_can_ask_the_embedded_engine(real: Trooper) -> None:
    """The port that the library opens on loopback answers nobody without the key of this one call."""
    process = real.start("ask", "--stream", "Count from 1 to 500, one number a line.", ANTHROPIC_API_KEY=None)
    assert process.stdout is not None
    process.stdout.read(4)
    ports = _listening(process.pid)
    statuses = [_status(port, path) for port in ports for path in ("/slots", "/v1/models", "/props", "/metrics")]
    process.terminate()
    process.communicate(timeout=60)
    if not shutil.which("ss") and not ports:
        pytest.skip("this system does not tell which ports a process listens on")
    assert statuses
    assert all(status in {401, 403, 404, 501} for status in statuses), statuses


def _listening(pid: int) -> list[int]:
    """Return the loopback ports a process listens on, from /proc."""
    try:
        inodes = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}  # noqa: PTH115, PTH208
        with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:  # noqa: PTH123
            rows = [line.split() for line in table][1:]
    except OSError:
        return []
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]


def _status(port: int, path: str) -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_an_empty_network_is_enough_for_a_private_turn(real: Trooper) -> None:
    """With loopback as the only interface a private turn is answered all the same."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system does not allow a network namespace")
    done = subprocess.run(
        [unshare, "-rn", COMMAND, "ask", "--local", "-n", "What is the capital of France?"],
        env=real.environment(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"The capital of France is Paris.\n"), done.stderr


def test_a_cloud_that_goes_away_is_replaced_by_the_embedded_engine(real: Trooper) -> None:
    """The network is down: the turn is answered here within seconds, with its context."""
    real("ask", "-s", "ops", "--system", SYSTEM, "What is the capital of France?")
    began = time.monotonic()
    done = real("ask", "-s", "ops", "--json", "And which country is that in?", ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert done.code == 0, done.notices
    assert (done.json["reason"], done.json["label"]) == ("fallback", "public")
    assert done.json["context"]["anchor"] == [1]
    assert time.monotonic() - began < 30
