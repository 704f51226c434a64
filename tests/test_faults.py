"""Every cell of the fault matrix as a process: exit code, standard output, stored status, and who was asked."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import KEY, Trooper
from tests.faults.__main__ import PAGE, page
from tests.faults.matrix import MATRIX, Babbler, Cell, Outcome, cells
from tests.standin import Absent, Standin, claude, ollama
from trooper_cli.store.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

CELLS = [cell for fault in MATRIX for cell in cells(fault)]
# One process runs the whole module, whose cells wait beside each other; each of several would run all cells.
pytestmark = pytest.mark.xdist_group("faults")
AT_ONCE = 8
# Sessions are synced to the disk at each step, which hundreds of runs need not wait for.
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
CLOUDS = '[[clouds]]\nname = "other"\nurl = "{}/v1"\nmodel = "large"\nkey_env = "OTHER_API_KEY"\n'


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[tuple[Outcome, bytes]]]]:
    """Run the cells that are asked for, several at once; most of their time is waiting."""
    params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    chosen = {each["cell"] for each in params if "cell" in each}
    scratch = Path(tempfile.mkdtemp(dir=MEMORY_DISK))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            cell.name: pool.submit(run, cell, scratch / str(place))
            for place, cell in enumerate(CELLS)
            if cell in chosen
        }
    shutil.rmtree(scratch)


def run(cell: Cell, home: Path) -> tuple[Outcome, bytes]:
    """Ask once, in a home of its own, with stand-ins of its own."""
    fault, in_the_cloud = cell.fault, cell.fault.engine in {"anthropic", "other cloud"}
    kind = {"babble": Babbler, "refused": Absent}.get(fault.network, Standin)
    with contextlib.ExitStack() as stack:
        faulty = stack.enter_context(contextlib.closing(kind(fault.respond)))
        healthy = stack.enter_context(contextlib.closing(Standin(ollama() if in_the_cloud else claude())))
        url = faulty.url.replace("http:", "https:") if fault.network == "babble" else faulty.url
        home.mkdir(mode=0o700)
        environ = {"OLLAMA_HOST": healthy.url}
        if fault.engine == "anthropic":
            environ |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url}
        elif fault.engine == "other cloud":
            environ |= {"OTHER_API_KEY": KEY}
            (home / "config.toml").write_text(CLOUDS.format(url))
        elif fault.engine == "ollama":
            environ |= {"OLLAMA_HOST": url, "TROOPER_LOCAL_ENGINE": "ollama"}
        else:
            environ |= {"TROOPER_LOCAL_URL": url}
        flags = [*fault.flags, *([cell.mode] if cell.mode else [])]
        flags += [] if cell.fallback else ["--no-fallback"]
        flags += ["--local"] if cell.label == "private" else []
        done = Trooper(home, environ)("ask", "-s", "ops", *flags, "a question QUESTION-7")
        with contextlib.closing(Session.open(home, "ops")) as session:
            (turn,) = session.turns()
        assert turn.label == cell.label
        asked = (len(faulty.bodies), len(healthy.bodies)) if in_the_cloud else (len(healthy.bodies), len(faulty.bodies))
        return Outcome(done.code, done.text, turn.status, *asked), done.err


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_cell(cell: Cell, seen: dict[str, Future[tuple[Outcome, bytes]]]) -> None:
    """What a user sees of this fault is what the matrix says, and it is said in single lines without the prompt."""
    outcome, notices = seen[cell.name].result()
    assert outcome == cell.outcome, notices
    assert len(notices.splitlines()) <= 1 + (cell.fault.engine in {"ollama", "openai"} and cell.label == "public")
    assert all(line.startswith(b"trooper: ") for line in notices.splitlines())
    assert outcome.code == 0 or notices
    assert b"QUESTION-7" not in notices
    assert KEY.encode() not in notices


def test_the_page_is_current() -> None:
    """`docs/fallback.md` says what the matrix says: `python -m tests.faults` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()
