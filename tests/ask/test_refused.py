"""A prompt that was meant to stay here and is refused is remembered by the guard all the same."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.ask.refused import SECRET, check
from trooper_cli.cli.prompt_input import gather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

LONG = "".join(
    f"line {number} of a log that has many of them and {number * 7919} more words\n" for number in range(70_000)
)


@pytest.mark.parametrize(
    ("arguments", "environ", "code"),
    [
        (["--local", "--budget", "3"], {}, 65),
        (["--budget", "3"], {"TROOPER_LOCAL": "1"}, 65),
        (["--budget", "3"], {"TROOPER_CLOUD": "off"}, 65),
        (["--local"], {"TROOPER_BUDGET": "many"}, 78),
        (["--local"], {"TROOPER_FALLBACK": "yes"}, 78),
        (["--local", "--dry-run", "--budget", "3"], {}, 65),
        (["--local", "-f", "missing"], {}, 66),
        (["--local", "-f", "latin"], {}, 65),
        (["--local", "-s", "broken"], {}, 65),
        (["--local", "-s", "OPS"], {}, 2),
        (["--local", "--system", b"\xff"], {}, 65),
        (["--local", "--timeout", "1e9"], {}, 2),
        (["--local", "-m", b"\xff"], {}, 65),
        (["--local", "--dry-run"], {"OLLAMA_HOST": "127.0.0.1:1"}, 69),
        (["--local", "--dry-run"], {"TROOPER_LOCAL_URL": "ftp://x", "TROOPER_LOCAL_ENGINE": "openai"}, 78),
        (["--local", "--dry-run", "-s", "broken"], {}, 65),
    ],
    ids=str,
)
def test_what_was_read_is_remembered(
    trooper: Trooper,
    cloud: Standin,
    local: Standin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str | bytes],
    environ: dict[str, str],
    code: int,
) -> None:
    """Standard input, whatever came to be wrong after it was read; arguments, whatever was wrong before that."""
    monkeypatch.chdir(tmp_path)
    trooper("config", "set", "-s", "ops", "budget", "8000")
    (tmp_path / "latin").write_bytes(b"gr\xf6\xdfe")
    (trooper.home / "sessions" / "broken.db").write_text("no session")
    done = trooper("ask", *arguments, SECRET, **environ)
    check(trooper, cloud, local, done, code)


class TestWhateverElseIsRefused:
    """Files of Trooper's own that cannot be used: the guard can be written, so it remembers."""

    @pytest.fixture(params=["arguments", "standard input", "file"])
    def given(self, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], str]:
        """The secret, by each way that a prompt comes: the arguments, and what standard input holds."""
        (tmp_path / "secret").write_text(SECRET)
        return {
            "arguments": ([SECRET], ""),
            "standard input": ([], SECRET),
            "file": (["-f", str(tmp_path / "secret")], ""),
        }[request.param]

    @pytest.mark.parametrize("how", ["is another program's", "has a damaged head", "has damaged pages", "is a folder"])
    @pytest.mark.parametrize("extra", [[], ["--dry-run"]], ids=["asked", "rehearsed"])
    def test_a_session_that_cannot_be_read(
        self, trooper: Trooper, cloud: Standin, local: Standin, given: tuple[list[str], str], how: str, extra: list[str]
    ) -> None:
        """Of what is damaged further in, only what is found out is refused."""
        assert (
            trooper("ask", "--local", "-s", "ops", "\n".join(f"an earlier question {n}" for n in range(999))).code == 0
        )
        local.requests.clear()
        path = trooper.home / "sessions" / "ops.db"
        data = path.read_bytes()
        path.unlink()
        if how == "is another program's":
            with contextlib.closing(sqlite3.connect(path)) as other:
                other.executescript("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        elif how == "has a damaged head":
            path.write_bytes(b"SQLite" + data[6:60] + bytes(40) + data[100:])
        elif how == "has damaged pages":
            path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
        else:
            path.mkdir()
        arguments, stdin = given
        done = trooper("ask", "--local", "-s", "ops", *extra, *arguments, stdin=stdin)
        assert (done.code, done.out) in {(65, b""), (74, b"")}, done.notices
        assert "unexpected" not in done.notices
        assert path.rename(trooper.home / "away")
        assert trooper("ask", stdin=SECRET).code == 77
        assert (cloud.connections, local.bodies) == (0, [])

    @pytest.mark.parametrize(
        ("config", "flags", "environ"),
        [
            ("cloud = ", ["--local"], {}),
            ("unknown = 1\n", ["--local"], {}),
            ("clowd = 'off'\n", ["--local"], {}),
            ("budget = \n", [], {"TROOPER_LOCAL": "1"}),
            ("budget = \n", [], {"TROOPER_CLOUD": "off"}),
            ("cloud = 'off'\nbudget = \n", [], {}),
            ("cloud = 'Off'\n", [], {}),
            ("cloud = off\n", [], {}),
            ("cloud = false\n", [], {}),
            ("clowd = 'off'\n", [], {}),
            ("local = true\n", [], {}),
            ("cloud: off\n", [], {}),
            ("clouds = 'off'\n", [], {}),
            ("[cloud]\nlock = true\n", [], {}),
            ("no_cloud = true\n", [], {}),
            ("offline = true\n", [], {}),
            ("local_only = true\n", [], {}),
            ("locla = 1\n", [], {}),
            ("lock = true\n", [], {}),
            ("mode = 'private'\n", [], {}),
            ("", [], {"TROOPER_PRIVATE": "1"}),
            ("", [], {"TROOPER_OFFLINE": "1"}),
            ("", [], {"TROOPER_NO_CLOUD": "1"}),
            ("", [], {"TROOPER_MODE": "offline"}),
            ("", [], {"TROPER_LOCAL": "1"}),
            ("", [], {"TROOPER_LOCL": "1"}),
            ("", [], {"TR00PER_CLOUD": "off"}),
        ],
    )
    def test_a_configuration_that_cannot_be_used(
        self,
        trooper: Trooper,
        cloud: Standin,
        local: Standin,
        config: str,
        flags: list[str],
        environ: dict[str, str],
    ) -> None:
        """Asked with --local, in an environment that says so, or where the file or a variable was to lock the cloud."""
        trooper.home.mkdir()
        (trooper.home / "config.toml").write_text(config)
        done = trooper("ask", *flags, "who signs?", stdin=SECRET, **environ)
        assert (done.code, done.out) == (78, b""), done.notices
        (trooper.home / "config.toml").unlink()
        assert trooper("ask", stdin=SECRET).code == 77
        assert (cloud.connections, local.bodies) == (0, [])

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
    @pytest.mark.parametrize("config", ["# mine\ncloud = 'off'\n", "cloud = 'off'\n"])
    def test_a_configuration_in_another_encoding(
        self, trooper: Trooper, cloud: Standin, local: Standin, config: str, encoding: str
    ) -> None:
        """What Windows editors write: with a byte order mark it is obeyed, in UTF-16 its lock is seen all the same."""
        trooper.home.mkdir()
        (trooper.home / "config.toml").write_bytes(config.encode(encoding))
        done = trooper("ask", SECRET)
        assert done.code == (0 if encoding == "utf-8-sig" else 78), done.notices
        (trooper.home / "config.toml").unlink()
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0
        assert len(local.bodies) == (encoding == "utf-8-sig")

    @pytest.mark.parametrize(
        "config",
        ['{"cloud": "off"}', '{"model": "m", "local": true}', '{\n  "cloud": "off"\n}', '{"trooper":{"local":1}}'],
    )
    def test_a_configuration_in_json(self, trooper: Trooper, cloud: Standin, config: str) -> None:
        """It is no TOML, and one of its fields looks like a lock."""
        trooper.home.mkdir()
        (trooper.home / "config.toml").write_text(config)
        assert trooper("ask", SECRET).code == 78
        (trooper.home / "config.toml").unlink()
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("command", ["ask", "messages"])
    def test_a_session_by_a_name_in_another_case(self, trooper: Trooper, cloud: Standin, command: str) -> None:
        """It is refused, and its prompt was meant for the session of that name, which keeps its turns here."""
        assert trooper("config", "set", "-s", "ops", "local", "1").code == 0
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": SECRET}]}
        done = trooper(command, "-s", "OPS", stdin=SECRET if command == "ask" else json.dumps(body))
        assert done.code in {2, 64, 65}, done.notices
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    def test_a_session_that_may_have_been_a_private_one(self, trooper: Trooper, cloud: Standin) -> None:
        """What it says of its turns cannot be read, nor that it says nothing."""
        assert trooper("config", "set", "-s", "ops", "local", "1").code == 0
        (trooper.home / "sessions" / "ops.db").write_text("no session")
        assert trooper("ask", SECRET, TROOPER_SESSION="ops").code == 65
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    def test_an_interrupted_one(self, trooper: Trooper, cloud: Standin) -> None:
        """The arguments are remembered while standard input is awaited."""
        process = trooper.start("ask", "--local", SECRET, stdin=subprocess.PIPE)
        with process:
            assert process.stderr is not None
            assert b"waiting for standard input" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 143
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0


@pytest.mark.parametrize(
    "config",
    [
        "cloud = 'on'\nbudget = \n",
        "fallback = 'off'\nbudget =",
        "#cloud = 'off'\nx = 1",
        "# cloud, local\n[",
        "[",
        "[[clouds]]\nx = 1\n[",
    ],
)
def test_a_public_prompt_beside_a_broken_configuration_is_not(trooper: Trooper, config: str) -> None:
    """It may be asked again once that is mended."""
    trooper.home.mkdir()
    (trooper.home / "config.toml").write_text(config)
    assert trooper("ask", SECRET).code == 78
    (trooper.home / "config.toml").unlink()
    assert trooper("ask", SECRET).code == 0


def test_a_public_rehearsal_that_fails_is_not(trooper: Trooper) -> None:
    """A dry run of a public turn stores nothing, whether it succeeds or fails."""
    nowhere = {"ANTHROPIC_API_KEY": None, "OLLAMA_HOST": "127.0.0.1:1"}
    assert trooper("ask", "--dry-run", SECRET, **nowhere).code == 69
    assert trooper("ask", "--dry-run", SECRET).code == 0
    assert trooper("ask", SECRET).code == 0


def test_what_breaks_off_is_kept_as_far_as_it_was_read() -> None:
    """An error of the disk or a signal in the middle of standard input."""

    class Broken(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if piece := super().read1(min(size or 0, 10)):
                return piece
            raise KeyboardInterrupt

    stdin = io.TextIOWrapper(Broken(SECRET.encode()))
    parts: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        gather(["why?"], [], stdin=stdin, notify=print, parts=parts)
    assert parts == ["why?", SECRET]


@pytest.mark.parametrize("wrong", ["missing", "latin"])
def test_what_stands_beside_a_wrong_file_is_remembered(
    trooper: Trooper, cloud: Standin, local: Standin, tmp_path: Path, wrong: str
) -> None:
    """Standard input and the files after it are read whatever is wrong before."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "latin").write_bytes(b"gr\xf6\xdfe")
    note = "The third ledger is in the vault in Vienna, behind the painting of the horse and its rider."
    arguments = ["-f", str(tmp_path / wrong), "-f", str(tmp_path / "secret")]
    done = trooper("ask", "--local", *arguments, stdin=note)
    check(trooper, cloud, local, done, 66 if wrong == "missing" else 65)
    assert trooper("ask", stdin=note).code == 77


def test_the_order_of_a_prompt_is_kept(trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
    """Arguments, standard input, files, although files are read before standard input."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"text {name}\n")
    one, two = tmp_path / "one", tmp_path / "two"
    assert trooper("ask", "why?", "-f", str(one), "-f", str(two), stdin="a log\n").code == 0
    prompt = f"why?\n\na log\n\nFile {one}:\n\ntext one\n\nFile {two}:\n\ntext two"
    assert cloud.bodies[0]["messages"][-1]["content"] == prompt


def test_a_text_that_is_not_utf8_is_remembered_as_far_as_it_is(
    trooper: Trooper, cloud: Standin, local: Standin
) -> None:
    """On standard input, and among arguments."""
    check(trooper, cloud, local, trooper("ask", "--local", stdin=b"gr\xf6\xdfe " + SECRET.encode()), 65)


@pytest.mark.parametrize("value", ["true", ""])
def test_a_misspelt_environment_wants_it_here(trooper: Trooper, cloud: Standin, local: Standin, value: str) -> None:
    """What is no value of TROOPER_LOCAL is not the cloud."""
    check(trooper, cloud, local, trooper("ask", SECRET, TROOPER_LOCAL=value), 78)


def test_a_prompt_that_is_too_large_is_remembered(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """Of more than 32 MB the first 2 MB."""
    assert len(LONG) > 4_000_000
    check(trooper, cloud, local, trooper("ask", "--local", stdin=f"{SECRET}\n{LONG * 8}"), 65)


def test_a_rehearsed_prompt_is_remembered(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """`--dry-run` prints a private prompt, and a pipe may carry that on."""
    done = trooper("ask", "--local", "--dry-run", SECRET, TROOPER_LOCAL_ENGINE="ollama", TROOPER_LOCAL_MODEL="llama3.2")
    assert done.code == 0
    assert trooper("ask", stdin=done.out).code == 77
    assert trooper("ask", stdin=SECRET).code == 77
    assert (cloud.connections, local.bodies) == (0, [])


def test_what_was_meant_for_the_cloud_is_not(trooper: Trooper) -> None:
    """A refused public prompt may be asked again, and so may one that --cloud was given for."""
    assert trooper("ask", "-f", "missing", SECRET).code == 66
    assert trooper("ask", SECRET, TROOPER_FALLBACK="yes").code == 78
    assert trooper("ask", "--cloud", "-f", "missing", SECRET, TROOPER_LOCAL="1").code == 66
    assert trooper("ask", SECRET).code == 0


def test_a_refusal_says_what_could_not_be_remembered(trooper: Trooper) -> None:
    """Its exit code stands."""
    done = trooper("ask", "--local", "-f", "missing", SECRET, TROOPER_HOME="/proc/trooper")
    assert (done.code, done.out, done.notices.count("\n")) == (66, b"", 1)
    assert "could not remember" in done.notices
