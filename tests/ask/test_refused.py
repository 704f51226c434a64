"""A prompt that was meant to stay here and is refused is remembered by the guard all the same."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import KEY
from tests.messages.program import request, user
from trooper_cli.cli.prompt_input import gather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Outcome, Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
LONG = "".join(
    f"line {number} of a log that has many of them and {number * 7919} more words\n" for number in range(70_000)
)


def check(trooper: Trooper, cloud: Standin, local: Standin, done: Outcome, code: int) -> None:
    """It was refused in one line, without an engine, and the secret is not sent when it is asked for in public."""
    assert (done.code, done.out, done.notices.count("\n")) == (code, b"", 1), done.notices
    assert "Ottilie" not in done.notices
    assert local.bodies == []
    assert trooper("ask", stdin=SECRET).code == 77
    assert cloud.connections == 0


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


class TestCommandLines:
    """A command line that is refused, and whose prompt was meant to stay here."""

    @pytest.mark.parametrize("given", ["arguments", "standard input", "file"])
    @pytest.mark.parametrize(
        ("flags", "environ"),
        [
            (["--local", "--budget", "0"], {}),
            (["--timeout", "abc", "--local"], {}),
            (["--local", "--on-leak", "foo"], {}),
            (["--local", "--max-tokens", "0"], {}),
            (["--local", "--cloud"], {}),
            (["--lcoal"], {}),
            (["--locl", "--no-such-option"], {}),
            (["-l"], {}),
            (["--private"], {}),
            (["--LOCAL"], {}),
            (["\u2014local"], {}),
            (["--local=1"], {}),
            (["-m", "--local"], {}),
            (["--budget", "0"], {"TROOPER_LOCAL": "1"}),
            (["--budget=0"], {"TROOPER_LOCAL": "yes"}),
            (["-qs", "here", "--budget", "0"], {}),
            (["--bogus"], {"TROOPER_CLOUD": "off"}),
        ],
        ids=str,
    )
    def test_a_wrong_option(
        self,
        trooper: Trooper,
        cloud: Standin,
        local: Standin,
        tmp_path: Path,
        flags: list[str],
        environ: dict[str, str],
        given: str,
    ) -> None:
        """Its value, or its name, is wrong."""
        if "-qs" in flags:
            assert trooper("config", "set", "-s", "here", "local", "1").code == 0
        (tmp_path / "secret").write_text(SECRET)
        arguments = {"arguments": [SECRET], "standard input": [], "file": ["-f", str(tmp_path / "secret")]}[given]
        stdin = SECRET if given == "standard input" else ""
        check(trooper, cloud, local, trooper("ask", *arguments, *flags, stdin=stdin, **environ), 2)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["ask", "--local", SECRET, "-s"],
            ["ask", "--local", "--max-tokens", SECRET],
            ["ask", "--lcoal=" + SECRET],
            ["--local", "ask", SECRET],
            ["--local", SECRET],
            [SECRET, "--local"],
            ["ask", SECRET + "\u2014\u2014local"],
            ["ask", "--", SECRET, "--local"],
        ],
        ids=str,
    )
    def test_a_prompt_in_an_odd_place(
        self, trooper: Trooper, cloud: Standin, local: Standin, arguments: list[str]
    ) -> None:
        """As an option's value, before an option without one, or where no command is named."""
        check(trooper, cloud, local, trooper(*arguments), 2)

    def test_a_short_prompt(self, trooper: Trooper, cloud: Standin) -> None:
        """It is known as a whole, without the values of options."""
        assert trooper("ask", "--local", "what does", "--budget", "0", "Ottilie earn?").code == 2
        assert trooper("ask", stdin="What does Ottilie earn").code == 77
        assert cloud.connections == 0

    def test_a_public_one(self, trooper: Trooper) -> None:
        """It may be asked again, and so may what --cloud was given for."""
        assert trooper("ask", SECRET, "--budget", "0").code == 2
        assert trooper("ask", SECRET, "--jsno").code == 2
        assert trooper("ask", "--cloud", SECRET, "--budget", "0", TROOPER_LOCAL="1").code == 2
        assert trooper("ask", SECRET).code == 0

    def test_nobody_is_waited_for(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """A pipe that stays open and empty, and a named one that nobody writes to."""
        os.mkfifo(tmp_path / "pipe")
        arguments = ["ask", "--lcoal", "-f", str(tmp_path / "pipe"), SECRET]
        with trooper.start(*arguments, stdin=subprocess.PIPE) as process:
            assert process.wait(30) == 2
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0


# What an ask imports once its prompt is read, up to the instant before it is on record.
BEFORE_THE_RECORD = ("ask.person", "ask.pipeline", "ask.attempt", "engines.local")


class TestSignals:
    """A signal may come at any instant between the reading of a prompt and its record."""

    @pytest.mark.parametrize("module", BEFORE_THE_RECORD)
    def test_a_signal_at_an_import(
        self, trooper: Trooper, cloud: Standin, local: Standin, tmp_path: Path, module: str
    ) -> None:
        """While the pipeline is loaded."""
        done = trooper.dying(tmp_path, f"trooper_cli.{module}")("ask", "--local", stdin=SECRET)
        assert (done.code, done.out, local.bodies) == (143, b"", [])
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 143)])
    @pytest.mark.parametrize("flag", [[], ["--dry-run"]], ids=["asked", "rehearsed"])
    def test_each_signal(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path, number: signal.Signals, code: int, flag: list[str]
    ) -> None:
        """Where the prompt is asked, and where it is rehearsed."""
        done = trooper.dying(tmp_path, "trooper_cli.ask.pipeline", number)("ask", "--local", *flag, stdin=SECRET)
        assert (done.code, done.out) == (code, b"")
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("kind", ["file", "pipe"])
    def test_files_are_read_before_standard_input_is_waited_for(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path, kind: str
    ) -> None:
        """Whatever fills the pipe may take its time."""
        path = tmp_path / "secret"
        if kind == "file":
            path.write_text(SECRET)
        else:
            os.mkfifo(path)
        with trooper.start("ask", "--local", "-f", str(path), "sum up", stdin=subprocess.PIPE) as process:
            if kind == "pipe":
                path.write_text(SECRET)
            assert process.stderr is not None
            assert b"waiting for standard input" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 143
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    def test_a_public_prompt_is_forgotten(self, trooper: Trooper, tmp_path: Path) -> None:
        """It may be asked again."""
        assert trooper.dying(tmp_path, "trooper_cli.ask.pipeline")("ask", stdin=SECRET).code == 143
        assert trooper("ask", stdin=SECRET).code == 0

    def test_what_is_on_record_is_forgotten_with_its_turn(self, trooper: Trooper, local: Standin) -> None:
        """The command does not remember once more what the pipeline has written down: `forget` would not reach it."""
        nowhere = {"OLLAMA_HOST": "127.0.0.1:1"}
        assert trooper("ask", "--local", "-s", "ops", stdin=SECRET, **nowhere).code == 69
        assert local.bodies == []
        assert trooper("rm", "-s", "ops").code == 0
        assert trooper("ask", stdin=SECRET).code == 0


@pytest.mark.parametrize(
    "config",
    ["cloud = 'on'\nbudget = \n", "fallback = 'off'\nbudget =", "#cloud = 'off'\nx = 1", "[", "[[clouds]]\nx = 1\n["],
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


class TestModelNames:
    """The name of a model leaves with a request, so that the guard looks at it."""

    TOKEN = "ghp_" + "x9Zk2Lm4Qp7Rt1Vw8Yb3Nc6Df5Gh0Js2Ka4W"
    CLOUDS = '[[clouds]]\nname = "other"\nurl = "https://127.0.0.1:9/v1"\nmodel = "{}"\nkey_env = "OTHER_API_KEY"\n'

    @pytest.mark.parametrize("how", ["option", "environment", "config", "clouds", "messages"])
    def test_a_credential_is_refused(self, trooper: Trooper, cloud: Standin, how: str) -> None:
        """In whichever way it became the name."""
        arguments, environ, stdin = ["ask"], {}, "hello"
        trooper.home.mkdir()
        config = trooper.home / "config.toml"
        if how == "option":
            arguments += ["-m", self.TOKEN]
        elif how == "environment":
            environ = {"TROOPER_CLOUD_MODEL": self.TOKEN}
        elif how == "config":
            config.write_text(f'cloud_model = "{self.TOKEN}"\n')
        elif how == "clouds":
            config.write_text(self.CLOUDS.format(self.TOKEN))
            environ = {"OTHER_API_KEY": KEY}
        else:
            arguments = ["messages"]
            stdin = json.dumps(request(user("hi")) | {"model": self.TOKEN})
        done = trooper(*arguments, stdin=stdin, **environ)
        assert done.code == 77, done.notices
        assert self.TOKEN not in done.notices + done.text
        assert cloud.connections == 0

    def test_private_text_is_refused(self, trooper: Trooper, cloud: Standin) -> None:
        """A word of a private turn that looks like a secret is one as a name too."""
        assert trooper("ask", "--local", "the account is nightowl7X42batchQ9").code == 0
        assert trooper("ask", "-m", "nightowl7X42batchQ9", "hello").code == 77
        assert trooper("ask", "-m", "nightowl7X42batchQ9", "--on-leak", "warn", "hello").code == 0
        assert len(cloud.bodies) == 1

    @pytest.mark.parametrize("name", ["claude-opus-4-8", "claude-haiku-4-5-20251001", "openrouter/meta/llama-4:free"])
    def test_ordinary_names_pass(self, trooper: Trooper, cloud: Standin, name: str) -> None:
        """Names that models have are no findings."""
        assert trooper("ask", "-m", name, "hello").code == 0
        assert cloud.bodies[0]["model"] == name
