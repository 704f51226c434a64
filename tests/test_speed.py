"""What makes a call quick, held without a clock: what it does not load, and that a long session costs no more work."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Trooper
from tests.long_session import turns

if TYPE_CHECKING:
    from tests.standin import Standin

# Runs a command and prints on standard error what it loaded, and which of the memory's patterns it compiled.
LOADED = """
import sys
from trooper_cli.__main__ import main
code = main()
sys.stdout.flush()
modules = list(sys.modules)
from trooper_cli.lazy_re import pattern
lazy = type(pattern(""))
compiled = [
    name
    for module in ("clauses", "supersede", "render")
    for name, value in vars(sys.modules.get(f"trooper_cli.memory.{module}", sys)).items()
    if type(value) is lazy and len(vars(value)) > 2
]
print(*modules, file=sys.stderr)
print(*compiled, file=sys.stderr)
sys.exit(code)
"""

# What no ask needs: other commands, what reads settings that are not there, tokenizers, pretty printing.
NEVER = """tiktoken rich pydantic anthropic llama_cpp xllamacpp asyncio concurrent.futures html.entities
importlib.metadata multiprocessing tomlkit tomllib unittest xml trooper_cli.store.audit trooper_cli.cli.completion
trooper_cli.config_file trooper_cli.cli.checks trooper_cli.engines.embedded trooper_cli.engines.openai
trooper_cli.engines.openai_cloud trooper_cli.store.jsonl trooper_cli.cli.git_hook trooper_cli.messages
trooper_cli.engines.default_model trooper_cli.store.prices trooper_cli.ask.sitrep trooper_cli.cli.spinner
trooper_cli.store.usage trooper_cli.cli.config trooper_cli.cli.doctor trooper_cli.cli.guard trooper_cli.cli.hook
trooper_cli.cli.messages trooper_cli.cli.sessions trooper_cli.cli.sitrep trooper_cli.cli.usage
trooper_cli.guard.user_patterns trooper_cli.guard.go_regex trooper_cli.ask.caps trooper_cli.store.ledger
trooper_cli.engines.encodings trooper_cli.cli.count trooper_cli.ask.counting trooper_cli.ask.exact_window
trooper_cli.engines.vocabulary_fetch jsonschema
referencing attr trooper_cli.json_schema trooper_cli.engines.schema_forms trooper_cli.fences
trooper_cli.cli.mask trooper_cli.ask.masking trooper_cli.guard.mask trooper_cli.guard.placeholders
trooper_cli.guard.known_values trooper_cli.guard.value_classes trooper_cli.guard.restore""".split()
# What finds the user's own folders, where TROOPER_HOME does not say where the files are.
PLATFORM = "platformdirs"
# The cloud's client, and what it brings, is not for this machine; and the other way round.
CLOUD = """httpx httpcore ssl _hashlib anyio certifi idna logging trooper_cli.engines.clouds
trooper_cli.engines.anthropic trooper_cli.engines.api_errors trooper_cli.engines.api_key""".split()
LOCAL = ["trooper_cli.engines.ollama", "trooper_cli.net.loopback"]


def loaded(trooper: Trooper, *arguments: str) -> tuple[set[str], list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=trooper.environment(COVERAGE_PROCESS_CONFIG=None),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules, compiled = done.stderr.decode().split("\n")[-3:-1]
    return set(modules.split()), compiled.split()


class Normal(Trooper):
    """The command as most people have it: its files are in the user's own folders."""

    def environment(self, **changes: str | None) -> dict[str, str]:
        return super().environment(**({"TROOPER_HOME": None, "HOME": str(self.home)} | changes))


@pytest.fixture(params=[Trooper, Normal])
def placed(trooper: Trooper, request: pytest.FixtureRequest) -> Trooper:
    """Return the command with TROOPER_HOME, and without."""
    kind: type[Trooper] = request.param
    return kind(trooper.home, trooper.environ)


class TestWhatIsNotLoaded:
    """Each import is a part of every start, so what a path does not need is named here."""

    def test_the_version_needs_next_to_nothing(self, trooper: Trooper) -> None:
        """`trooper --version` loads neither the command line nor a database nor a client."""
        modules, _ = loaded(trooper, "--version")
        assert {name for name in modules if name.startswith("trooper_cli")} == {
            "trooper_cli",
            "trooper_cli.__main__",
            "trooper_cli.errors",
        }
        assert not modules & {"typer", "sqlite3", "json", "pathlib", "http.client", "httpx", "inspect", "dataclasses"}

    @pytest.mark.parametrize("name", [*NEVER, *CLOUD, *LOCAL])
    def test_what_must_be_absent_is_called_so(self, name: str) -> None:
        """A module that was renamed would be absent for ever: each of ours is there under its name."""
        if name.startswith("trooper_cli"):
            assert importlib.util.find_spec(name) is not None

    def test_a_pattern_that_is_compiled_is_seen(self, trooper: Trooper) -> None:
        """An ask whose memory has to be compressed does compile patterns of the memory."""
        lines = "\n".join(turns(60))
        assert trooper("import", "-s", "ops", stdin=lines).code == 0
        _, compiled = loaded(trooper, "ask", "--local", "-s", "ops", "--budget", "600", "which host is it?")
        assert len(compiled) > 3

    @pytest.mark.parametrize("session", [[], ["-s", "ops"]])
    def test_a_local_ask_needs_no_cloud(self, placed: Trooper, session: list[str]) -> None:
        """`trooper ask --local` loads nothing of the cloud, of TLS, or of other commands."""
        modules, compiled = loaded(placed, "ask", "--local", *session, "hello")
        assert not modules & {*NEVER, *CLOUD}
        assert {*LOCAL} <= modules
        assert (PLATFORM in modules) is isinstance(placed, Normal)
        assert compiled == []

    @pytest.mark.parametrize("session", [[], ["-s", "ops"]])
    def test_a_cloud_ask_needs_nothing_local(self, placed: Trooper, session: list[str]) -> None:
        """`trooper ask` in the cloud loads no local engine, and nothing of other commands."""
        modules, compiled = loaded(placed, "ask", *session, "hello")
        assert not modules & {*NEVER, *LOCAL}
        assert {*CLOUD} <= modules
        assert (PLATFORM in modules) is isinstance(placed, Normal)
        assert compiled == []

    @pytest.mark.parametrize("flags", [[], ["--local"]])
    def test_the_users_own_folder_needs_little_more(self, trooper: Trooper, flags: list[str]) -> None:
        """Where TROOPER_HOME is not set, an ask loads platformdirs and what that imports, and nothing more of ours."""
        both: list[set[str]] = []
        for there in (trooper, Normal(trooper.home, trooper.environ)):
            assert there("ask", *flags, "hello").code == 0
            both.append(loaded(there, "ask", *flags, "hello")[0])
        more = both[1] - both[0]
        assert PLATFORM in more
        assert not any(name.startswith("trooper_cli") for name in more)

    def test_a_key_for_completion_needs_no_command_line(self, trooper: Trooper) -> None:
        """What Tab asks for loads neither typer nor an engine."""
        modules, _ = loaded(trooper, "--complete", "sessions")
        assert not modules & {*NEVER, *LOCAL, *CLOUD, "typer"} - {"trooper_cli.cli.completion"}


# Runs a command and prints on standard error how many rows and bytes it read of its databases, and SQLite's own steps.
COUNTED = """
import json, sqlite3, sys
from trooper_cli.__main__ import main
work = {"rows": 0, "bytes": 0, "steps": 0}
def read():
    with open("/proc/self/io", "rb", 0) as file:
        text = file.read()
    return int(text.split()[1]), len(text)
class Cursor(sqlite3.Cursor):
    pass
def counted(name):
    plain = getattr(sqlite3.Cursor, name)
    def call(self, *arguments):
        before, own = read()
        try:
            result = plain(self, *arguments)
        finally:
            work["bytes"] += read()[0] - before - own
        if name == "fetchall":
            work["rows"] += len(result)
        elif name in {"fetchone", "__next__"}:
            work["rows"] += result is not None
        return result
    setattr(Cursor, name, call)
for name in ("execute", "executemany", "fetchone", "fetchall", "__next__"):
    counted(name)
def step():
    work["steps"] += 1
class Connection(sqlite3.Connection):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.set_progress_handler(step, 1)
    def execute(self, *arguments):
        return self.cursor(Cursor).execute(*arguments)
    def executemany(self, *arguments):
        return self.cursor(Cursor).executemany(*arguments)
plain = sqlite3.connect
sqlite3.connect = lambda *arguments, **named: plain(*arguments, factory=Connection, **named)
code = main()
sys.stdout.flush()
print(json.dumps(work), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="this system does not count what a process reads")
def test_a_long_session_costs_no_more(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """Rows read, SQLite's steps and bytes sent are the same, within 5 %, at 10,000 turns and at a third of them.

    Of a file some more is read, since its pages lie deeper and further apart. A session of 100 turns costs less.
    TEST_TURNS sets the longest session.
    """
    most = int(os.environ.get("TEST_TURNS", "10000"))
    found: dict[tuple[str, int], dict[str, int]] = {}
    for count in (100, 3500, most):
        there = type(trooper)(trooper.home.parent / str(count), trooper.environ)
        assert there("import", "-s", "ops", stdin="\n".join(turns(count))).code == 0
        for side, engine in (("cloud", cloud), ("local", local)):
            arguments = ["ask", "-s", "ops", *(["--local"] if side == "local" else [])]
            # The first ask of an imported session folds its turns; those after it are what is counted.
            assert there(*arguments, "which host is it?").code == 0
            engine.requests.clear()
            done = subprocess.run(
                [sys.executable, "-c", COUNTED, *arguments, "which port is it?"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=there.environment(COVERAGE_PROCESS_CONFIG=None),
                check=False,
            )
            assert done.returncode == 0, done.stderr
            found[side, count] = json.loads(done.stderr.splitlines()[-1]) | {"sent": len(engine.bytes)}
    for side in ("cloud", "local"):
        short, long, longest = (found[side, count] for count in (100, 3500, most))
        for what in ("rows", "steps", "sent", "bytes"):
            assert 0 < longest[what] <= long[what] * (1.5 if what == "bytes" else 1.05), (side, what, found)
        assert short["rows"] < longest["rows"], found
        assert short["steps"] < longest["steps"], found
