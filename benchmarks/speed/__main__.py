"""Print how soon a call answers and what it costs, as the table of the README.

    python -m benchmarks.speed [RUNS [TURNS]]

Whole processes are timed, one of each kind in turn, so that a busy machine slows all kinds alike; what counts are the
ratios to a bare interpreter. The engines are stand-ins on loopback that answer at once. It takes some minutes, most of
them to make the longest session, of TURNS (100,000). Where `llm` is installed the same question is asked with it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.launcher import LAUNCHER
from tests.long_session import prompt, turns
from tests.standin import CHAT_PATHS, STREAM_HEAD, Standin, claude, lines, message_events, ollama

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.standin import Recorded

TROOPER = str(Path(sysconfig.get_path("scripts")) / "trooper")
SMALL, MIDDLE, IMPORTED, INDEXED = 10, 1_000, 20_000, 10_000
QUESTION = "which host is it?"

# The guard's own share of an ask: to import it, to open its index, to know all sessions, to look, and to close.
GUARD = """
import sys, time
import trooper_cli.store.session, trooper_cli.settings
start = time.perf_counter()
from trooper_cli.guard.guard import Guard
spent = time.perf_counter() - start
def timed(method):
    def call(*arguments, **named):
        global spent
        start = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spent += time.perf_counter() - start
    return call
for name in ("__init__", "look", "mentioned_hosts", "fingerprint", "close"):
    setattr(Guard, name, timed(getattr(Guard, name)))
from trooper_cli.store import store
store.read_changed = timed(store.read_changed)
from trooper_cli.__main__ import main
sys.argv = ["trooper", "ask", "-q"]
code = main()
print(spent * 1000, file=sys.stderr)
sys.exit(code)
"""


class Kind(NamedTuple):
    """One kind of call: what is run, with what environment."""

    command: list[str]
    environ: dict[str, str]
    stdin: bytes = b""

    def run(self, command: Sequence[str] | None = None) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            command or self.command, env=self.environ, input=self.stdin, capture_output=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(self.command)}: exit {done.returncode}: {done.stderr.decode()}")
        return done


class Spread(NamedTuple):
    """Figures of several runs."""

    figures: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    def times(self, unit: float, digits: int = 1) -> str:
        """Return the median with the quartiles around it, in multiples of `unit` seconds."""
        low, _, high = statistics.quantiles(self.figures, n=4)
        return f"{self.median / unit:.{digits}f} ({low / unit:.{digits}f} to {high / unit:.{digits}f})"


def interleaved(kinds: dict[str, Kind], runs: int) -> dict[str, Spread]:
    """Time each kind so often, one after the other, in seconds; the first round does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(runs + 1):
        for name, kind in kinds.items():
            began = time.perf_counter()
            kind.run()
            if turn:
                seconds[name].append(time.perf_counter() - began)
        notify(f"{turn} of {runs} rounds")
    return {name: Spread(figures) for name, figures in seconds.items()}


def peak(kind: Kind, folder: Path) -> float:
    """Return the peak memory of a call in MiB."""
    written = folder / "peak"
    kind.run([sys.executable, "-I", "-S", "-c", LAUNCHER, str(written), *kind.command])
    return int(written.read_text()) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def first_byte(kind: Kind, engine: Standin, pieces: Sequence[bytes], runs: int) -> Spread:
    """Return the seconds from the engine's first piece of text to the first byte on the terminal."""
    figures, plain = [], engine.respond
    for _ in range(runs):
        sent: list[float] = []
        shown = threading.Event()

        def respond(request: Recorded, sent: list[float] = sent, shown: threading.Event = shown) -> Iterable[bytes]:
            if not request.path.endswith(CHAT_PATHS):
                yield from plain(request)
                return
            yield pieces[0]
            sent.append(time.perf_counter())
            yield pieces[1]
            shown.wait(30)
            yield from pieces[2:]

        engine.respond = respond
        master, slave = pty.openpty()
        with subprocess.Popen(kind.command, env=kind.environ, stdin=subprocess.DEVNULL, stdout=slave):
            os.close(slave)
            if not os.read(master, 1):
                sys.exit("nothing was answered")
            figures.append(time.perf_counter() - sent[0])
            shown.set()
            with contextlib.suppress(OSError):  # Linux says so when the other end is closed.
                while os.read(master, 4096):
                    pass
        os.close(master)
    engine.respond = plain
    return Spread(figures)


def llm(folder: Path, engine: Standin) -> Kind | None:
    """Return the same question as asked with `llm`, or None if that is not installed."""
    if not (command := shutil.which("llm")):
        return None
    (folder / "extra-openai-models.yaml").write_text(
        f"- model_id: standin\n  model_name: standin\n  api_base: {engine.url}/v1\n"
    )
    environ = {"PATH": os.environ["PATH"], "LLM_USER_PATH": str(folder), "OPENAI_API_KEY": "none"}
    return Kind([command, "-m", "standin", QUESTION], environ)


def openai(_: Recorded) -> Iterable[bytes]:
    """Answer at once as a server with OpenAI's interface does."""
    yield STREAM_HEAD
    for delta, reason in (('{"role": "assistant", "content": "an answer"}', "null"), ("{}", '"stop"')):
        yield (
            f'data: {{"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "standin",'
            f' "choices": [{{"index": 0, "delta": {delta}, "finish_reason": {reason}}}]}}\n\n'
        ).encode()
    yield b"data: [DONE]\n\n"


def notify(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main(runs: int, longest: int) -> None:
    """Make the sessions, measure, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        _measure(Path(name), runs, longest)


def _measure(folder: Path, runs: int, longest: int) -> None:
    cloud, local, other = Standin(claude()), Standin(ollama()), Standin(openai)

    def ask(home: str, *arguments: str, stdin: bytes = b"") -> Kind:
        environ = {
            "PATH": os.environ["PATH"],
            "TROOPER_HOME": str(folder / home),
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_BASE_URL": cloud.url,
            "OLLAMA_HOST": local.url,
        }
        return Kind([TROOPER, *arguments], environ, stdin)

    def normal(*arguments: str) -> Kind:
        """Ask as most people do: the files are in the user's own folders, which have to be found first."""
        there = ask("normal", *arguments)
        environ = {name: value for name, value in there.environ.items() if name != "TROOPER_HOME"}
        return there._replace(environ=environ | {"HOME": str(folder / "normal")})

    def made(home: str, count: int, *, private: bool = False) -> float:
        notify(f"a session of {count} turns")
        stdin = "\n".join(turns(count, private=private)).encode()
        began = time.perf_counter()
        ask(home, "import", "-s", "ops", stdin=stdin).run()
        return time.perf_counter() - began

    imported = made("import", IMPORTED)
    made("small", SMALL)
    made("middle", MIDDLE)
    made("large", longest)
    made("guard", INDEXED, private=True)
    bare = Kind([sys.executable, "-I", "-c", "pass"], {})
    kinds = {
        "bare": bare,
        "version": ask("small", "--version"),
        "one-off": ask("small", "ask", "--local", QUESTION),
        "normal": normal("ask", "--local", QUESTION),
    }
    for side, flag in (("local", ["--local"]), ("cloud", [])):
        for home in ("small", "middle", "large"):
            kinds[f"{side} {home}"] = ask(home, "ask", "-s", "ops", *flag, QUESTION)
    peer = llm(folder, other)
    if peer:
        kinds["llm"] = peer
    notify("the first ask of a long session, which folds it")
    for side in ("local", "cloud"):
        kinds[f"{side} middle"].run()
        kinds[f"{side} large"].run()
    seconds = interleaved(kinds, runs)
    memory = {name: peak(kinds[name], folder) for name in kinds if name not in {"bare", "version", "llm"}}
    looking = ask("guard", "ask", stdin=prompt(10_000).encode())
    guarded = [float(looking.run([sys.executable, "-c", GUARD]).stderr.split()[-1]) / 1000 for _ in range(runs + 1)][1:]
    streams = {
        "local": first_byte(ask("small", "ask", "--local", QUESTION), local, list(lines("an answer")), runs),
        "cloud": first_byte(ask("small", "ask", QUESTION), cloud, _cut(message_events("an answer")), runs),
    }
    notify("")
    _print(seconds, memory, Spread(guarded), streams, imported, longest)


def _cut(events: list[bytes]) -> list[bytes]:
    """Return a stream as its head with what comes before the text, its first text, and the rest."""
    first = next(place for place, each in enumerate(events) if b"text_delta" in each)
    return [STREAM_HEAD + b"".join(events[:first]), events[first], *events[first + 1 :]]


def _print(
    seconds: dict[str, Spread],
    memory: dict[str, float],
    guarded: Spread,
    streams: dict[str, Spread],
    imported: float,
    longest: int,
) -> None:
    bare = seconds["bare"].median
    rows: list[tuple[str, str, str]] = []

    def row(what: str, measured: str, goal: str) -> None:
        rows.append((what, measured, goal))

    for name, what, goal in (
        ("version", "`trooper --version`", 2),
        ("one-off", "`trooper ask --local`, no session", 10),
        ("normal", "the same without TROOPER_HOME", 10),
        ("local small", "`trooper ask --local`, in a session", 10),
        ("cloud small", "`trooper ask` in the cloud, without TLS", 13),
    ):
        row(what, f"{seconds[name].times(bare)} times bare Python", f"≤ {goal} times")
    if "llm" in seconds:
        share = seconds["one-off"].median / seconds["llm"].median
        row(
            "the same question with `llm`",
            f"{seconds['llm'].times(bare)} times bare Python; ours is {share:.2f} of it",
            "≤ 0.14",
        )
    for side in ("local", "cloud"):
        for less, home in ((SMALL, "small"), (MIDDLE, "middle")):
            times = seconds[f"{side} large"].times(seconds[f"{side} {home}"].median, 2)
            row(f"a session of {longest:,} turns against {less:,}, {side}", f"{times} times", "≤ 1.05 times")
    row(f"guard on 10 kB, {INDEXED:,} private turns indexed", f"{guarded.times(0.001)} ms", "≤ 10 ms")
    row(
        f"peak memory of an ask, {SMALL} turns",
        f"{max(memory['local small'], memory['cloud small']):.0f} MB",
        "≤ 40 MB",
    )
    row(
        f"peak memory of an ask, {longest:,} turns",
        f"{max(memory['local large'], memory['cloud large']):.0f} MB",
        "≤ 40 MB",
    )
    for side, spread in streams.items():
        row(f"first byte on a terminal after the engine's, {side}", f"{spread.times(0.001)} ms", "≤ 5 ms")
    row(f"import of {IMPORTED:,} turns", f"{imported:.1f} s", "≤ 10 s")
    print("| what | median (quartiles) | goal |\n|---|---|---|")
    for what, measured, limit in rows:
        print(f"| {what} | {measured} | {limit} |")
    count = len(seconds["bare"].figures)
    print(f"\n{count} runs of each; bare Python {sys.version.split()[0]} took {seconds['bare'].times(0.001)} ms.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="?", type=int, default=25, help="how often each kind is timed (default: 25)")
    parser.add_argument("turns", nargs="?", type=int, default=100_000, help="of the longest session (default: 100000)")
    given = parser.parse_args()
    main(given.runs, given.turns)
