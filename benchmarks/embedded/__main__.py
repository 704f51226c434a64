"""Print how fast the embedded engine writes while other programs are busy, with each number of threads and its own.

    python -m benchmarks.embedded [MODEL.gguf]...

For the default model, for one of a billion parameters that is made for this (600 MB in a temporary folder; its words
have no sense, and take as long as others), and for the models named. Idle means that nothing else runs: stop what
does. It takes some minutes. A setting of less than 0.7 of the best of its row is marked; those that the engine chooses
by itself end the row, and the program ends with 1 if one of them is marked.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.embedded import large_model
from trooper_cli.engines.default_model import default_model
from trooper_cli.engines.idle_cores import threads_for
from trooper_cli.files import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENS, RUNS, GOAL, GIVEN_UP = 60, 3, 0.7, 120
LARGE = 64 << 30  # bytes: no model is too small for all cores
# One answer in a process of its own, through the engine itself; a number of threads overrules the engine's choice.
ANSWER = """
import json, os, sys, time
from pathlib import Path
from trooper_cli.engines import embedded, idle_cores
from trooper_cli.turn import Context, Message
if sys.argv[2] != "own":
    idle_cores.threads_for = lambda size, meanwhile=lambda: None: int(sys.argv[2])
    if sys.argv[3] != "own":
        os.environ["GOMP_SPINCOUNT"] = sys.argv[3]
embedded._until_repeated = lambda chunks: chunks
engine = embedded.Embedded(Path(sys.argv[1]))
prompt = Message("user", "Tell me a long story about a dragon.")
context = Context(None, None, (prompt,), (), (), (), 40, 40, 4000)
request = engine.prepare(context, int(sys.argv[4]), stream=True)
body = json.loads(request.body) | {"ignore_eos": True}
request = request._replace(body=json.dumps(body).encode())
pieces = engine.send(request, 600)
next(pieces)
began = time.monotonic()
count = sum(1 for _ in pieces)
print(count / (time.monotonic() - began), flush=True)
os._exit(0)
"""


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


def speed(model: Path, threads: str, spins: str = "own") -> float:
    """Return tokens a second of one answer; 0 if it took too long."""
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", ANSWER, str(model), threads, spins, str(TOKENS)],
            capture_output=True,
            check=True,
            timeout=GIVEN_UP,
        )
    except subprocess.TimeoutExpired:
        return 0.0
    return float(done.stdout)


def rows(model: Path, name: str) -> Iterator[bool]:
    """Print the rows of one model; yields whether the engine's own choice is good enough in each."""
    cores = os.cpu_count() or 1
    settings = [(str(threads), "own") for threads in sorted({1, max(1, cores // 2), cores})] + [(str(cores), "300000")]
    for label, programs in (("idle", 0), ("one core busy", 1), ("all cores busy", cores)):
        found: list[list[float]] = [[] for _ in range(len(settings) + 1)]
        with busy(programs):
            # In turn, so that what else runs slows all alike.
            for _ in range(RUNS):
                for place, (threads, spins) in enumerate([*settings, ("own", "own")]):
                    found[place].append(speed(model, threads, spins))
        medians = list(map(statistics.median, found))
        best = max(medians)
        cells = [f"{value:.0f}{'' if value >= GOAL * best else ' (slow)'}" for value in medians]
        print(f"| {name} | {label} | {' | '.join(cells)} | {medians[-1] / best:.2f} |", flush=True)
        yield medians[-1] >= GOAL * best


def main() -> int:
    small = default_model(data_folder(os.environ))
    if not small.exists():
        sys.exit("the default model is not here; `trooper pull` fetches it")
    cores = os.cpu_count() or 1
    if (idle := threads_for(LARGE)) < cores:
        print(f"this machine is not idle: {idle} of {cores} cores are, and the engine goes by that", file=sys.stderr)
    heads = [f"{threads} thread{'s' * (threads > 1)}" for threads in sorted({1, max(1, cores // 2), cores})]
    heads += [f"{heads[-1]}, waiting awake", "the engine's choice", "of the best"]
    print(f"| model | other programs | {' | '.join(heads)} |")
    print(f"|---|---|{'---|' * len(heads)}")
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.gguf"
        large_model.write(small, large)
        models = [(small, "135 million, 98 MB"), (large, "1.07 billion, 604 MB")]
        models += [(Path(name), Path(name).stem) for name in sys.argv[1:]]
        good = [is_good for model, name in models for is_good in rows(model, name)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
