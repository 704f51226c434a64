"""The command as a process, in a home and an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import settings

from tests.forked_command import ForkServer
from tests.standin import Standin, claude, ollama
from trooper_cli.engines import default_model
from trooper_cli.errors import TrooperError
from trooper_cli.files import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.standin import Recorded

COMMAND = Path(sysconfig.get_path("scripts")) / "trooper"
MAX_WAIT = 120  # seconds
# What changes how Python starts.
_OF_PYTHON = ("PYTHON", "LANG", "LC_", "TZ", "LD_", "MALLOC_", "COVERAGE_")
KEY = "sk-ant-" + "standin-0123456789"
# `.ci/coverage` names the file. The processes that are measured write there, and end later than they would.
UNMEASURED = pytest.mark.skipif("COVERAGE_FILE" in os.environ, reason="measuring coverage writes files as well")

# How many examples a property is tried on; one that is costly takes a part of them. `--hypothesis-profile` chooses.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=300, deadline=None, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=1000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--installed", action="store_true", help="run the installed command in all tests, and fork in none"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the default model, which may have to be fetched first."""
    for item in items:
        if "model_file" in getattr(item, "fixturenames", ()):
            item.add_marker("network")


@dataclass(frozen=True)
class Outcome:
    """What a user sees of one call."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def notices(self) -> str:
        return self.err.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Trooper:
    """The command with a home and an environment of its own.

    It is forked from a process in which it is loaded, unless the test is marked `installed` or pytest was started with
    `--installed`.
    """

    forks: ClassVar[bool] = True

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | bytes, stdin: bytes | str | None = None, **environ: str | None) -> Outcome:
        data, environment = stdin.encode() if isinstance(stdin, str) else stdin or b"", self.environment(**environ)
        if self.forks and (server := _fork_server_for(environment)):
            return Outcome(*server.run(arguments, data, environment, MAX_WAIT))
        done = subprocess.run(
            [COMMAND, *arguments], input=data, capture_output=True, env=environment, timeout=MAX_WAIT, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return the environment of a call: little of this process's own, and nothing that points outside."""
        merged = _kept() | {"TROOPER_HOME": str(self.home)} | self.environ
        return {name: value for name, value in (merged | changes).items() if value is not None}

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL, **environ: str | None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**environ),
        )

    def dying(self, folder: Path, module: str, number: signal.Signals = signal.SIGTERM) -> Trooper:
        """Return the command as it is when a signal comes at the instant at which it imports a module."""
        (folder / "sitecustomize.py").write_text(
            "import os, sys\n"
            "class Finder:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name == {module!r}:\n"
            "            sys.meta_path.remove(self)\n"
            f"            os.kill(os.getpid(), {int(number)})\n"
            "sys.meta_path.insert(0, Finder())\n"
        )
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return Trooper(self.home, self.environ | {"PYTHONPATH": os.pathsep.join(paths)})

    def turns(self, session: str) -> list[Any]:
        done = self("show", "-s", session, "--json")
        assert done.code == 0, done.notices
        return [json.loads(line) for line in done.out.splitlines()]


def _kept() -> dict[str, str]:
    names = ("PATH", "LANG", "SYSTEMROOT", "PYTHONPATH", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in names if name in os.environ}


@cache
def _fork_server() -> ForkServer:
    return ForkServer(_kept())


def _fork_server_for(environ: dict[str, str]) -> ForkServer | None:
    """Return the server, unless Python itself would start in another way with these variables."""
    mine, theirs = (
        {name: value for name, value in each.items() if name.startswith(_OF_PYTHON)} for each in (_kept(), environ)
    )
    is_same = mine == theirs and "COVERAGE_PROCESS_CONFIG" not in theirs and hasattr(os, "fork")
    return _fork_server() if is_same else None


@pytest.fixture(autouse=True)
def _forks(request: pytest.FixtureRequest) -> None:
    is_installed = request.config.getoption("--installed") or request.node.get_closest_marker("installed")
    Trooper.forks = not is_installed


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Recorded], Iterable[bytes]]], Standin]]:
    """Start stand-ins that are stopped at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start(respond: Callable[[Recorded], Iterable[bytes]]) -> Standin:
            return stack.enter_context(contextlib.closing(Standin(respond)))

        yield start


@pytest.fixture
def cloud(serve: Callable[..., Standin]) -> Standin:
    return serve(claude())


@pytest.fixture
def local(serve: Callable[..., Standin]) -> Standin:
    return serve(ollama())


@pytest.fixture
def trooper(tmp_path: Path, cloud: Standin, local: Standin) -> Trooper:
    """The command with a recording cloud and a recording Ollama."""
    return Trooper(
        tmp_path / "home",
        {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": cloud.url, "OLLAMA_HOST": local.url},
    )


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model, from the user's own folder or fetched once for this run."""
    place = default_model.default_model(data_folder(os.environ))
    if place.exists():
        return place
    home = tmp_path_factory.mktemp("model")
    try:
        default_model.pull(home, progress=False)
    except TrooperError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the default model is not here and cannot be fetched: {error}")
    return default_model.default_model(home)


@pytest.fixture(scope="session")
def real_server(model_file: Path) -> Iterator[str]:
    """A real Messages API on loopback, by people other than us: llama.cpp's server around the default model."""
    program = (
        "import sys, xllamacpp\n"
        "p = xllamacpp.CommonParams()\n"
        "p.model.path = sys.argv[1]\n"
        "p.n_ctx, p.n_parallel, p.verbosity, p.fit_params = 8192, 1, -1, False\n"
        "p.sampling.temp = 0\n"
        "s = xllamacpp.Server(p)\n"
        "print(s.listening_address, flush=True)\n"
        "sys.stdin.read()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program, str(model_file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        yield server.stdout.readline().decode().strip()
        server.stdin.close()
