"""What the git hook does: ask a model on this machine about the staged change, and put its headline into the message.

Nothing here stops a commit. What fails is a line on standard error, and the editor opens as it would without the hook.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.cli.headline import headline
from trooper_cli.cli.staged_change import git, prompt_of_change
from trooper_cli.errors import ConfigurationError, TrooperError, UnavailableError
from trooper_cli.fences import extracted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trooper_cli.engines.engine import LocalEngine

SECONDS = 20.0
# A headline has about twenty tokens; this leaves room for a model that says first what it is about to do.
ANSWER_TOKENS = 120
_SCISSORS = " >8 "


def propose(file: Path, source: str | None, environ: Mapping[str, str], home: Path, say: Callable[[str], None]) -> None:
    """Put a headline before what the file of the message holds, if one is wanted and a model has one.

    Args:
        file: the message that git is about to open an editor for.
        source: where its text comes from, as git says it; None if there is none yet.
        environ: the environment, which says how long this may take (`TROOPER_HOOK_SECONDS`).
        home: the data folder.
        say: takes what the person at the terminal should know.

    """
    # Ctrl-C ends git whoever has started it. A script or an editor that runs it in the background leaves the signal
    # ignored to all that git starts, and these would go on; a handler also has the child begin without that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if not _is_wanted(file, source, environ):
            return
        prompt, files = prompt_of_change()
        with _remembered_unless_asked(prompt, environ, home, say):
            found = _found(prompt, files, environ, home, say)
        _put(found, file)
    except TrooperError as error:
        say(f"no commit message is proposed: {error}")
    except OSError as error:
        say(f"no commit message is proposed: {error.strerror or 'the system refuses'}")


@contextlib.contextmanager
def _remembered_unless_asked(
    prompt: str, environ: Mapping[str, str], home: Path, say: Callable[[str], None]
) -> Iterator[None]:
    """Store fingerprints of the prompt if no answer comes: who has it asked here wants it to stay, whatever fails.

    The process that asks remembers it as well, once it has read it.
    """
    from trooper_cli.ask.refused import remember_parts, remembering_unless_done
    from trooper_cli.settings import Settings
    from trooper_cli.store.store import Store

    with (
        contextlib.closing(Store(home, Settings.of_environ(environ), say)) as store,
        remembering_unless_done(store, lambda: True, lambda guard: remember_parts(guard, "", [prompt])),
    ):
        yield


def _found(prompt: str, files: str, environ: Mapping[str, str], home: Path, say: Callable[[str], None]) -> str:
    """Return the headline that a model on this machine has for a prompt about these files.

    Raises:
        TrooperError: it has none, there is no model, or a setting is wrong.

    """
    limit = _limit(environ)
    ends = time.monotonic() + limit
    engine = _engine_within(limit, environ, home)
    where = "on your network" if engine.on_network else "on this machine"
    model = f" ({engine.model})" if engine.model else ""
    say(f"{engine.name}{model} {where} is asked for a commit message, for {limit:g} seconds at most")
    answer = _ask(prompt, files, ends, environ)
    if answer.found is None:
        raise UnavailableError(answer.why(limit))
    if answer.is_late:
        say(f"the {limit:g} seconds are over; the message is of what had arrived (see TROOPER_HOOK_SECONDS)")
    return answer.found


def _is_wanted(file: Path, source: str | None, environ: Mapping[str, str]) -> bool:
    # pre-commit hands the source on by a variable. Git sets its editor to `:` where none opens.
    if source or environ.get("PRE_COMMIT_COMMIT_MSG_SOURCE") or environ.get("GIT_EDITOR") == ":":
        return False
    if subprocess.run(["git", "diff", "--cached", "--quiet"], check=False).returncode == 0:  # noqa: S607
        return False
    # What an earlier hook has written stands.
    written = _above_scissors(file.read_bytes())
    return not git("stripspace", "--strip-comments", given=written).strip() and not _is_unverified()


def _above_scissors(message: bytes) -> bytes:
    lines = message.splitlines(keepends=True)
    end = next((number for number, line in enumerate(lines) if _SCISSORS.encode() in line), len(lines))
    return b"".join(lines[:end])


def _is_unverified() -> bool:
    """Return whether git was called with `--no-verify`: it runs this hook all the same and does not tell it.

    Only its own command line does, in the process table; other programs may stand between it and this one.
    """
    process = os.getppid()
    for _ in range(8):
        parent, words = _process(process)
        if words and Path(words[0]).name.removesuffix(".exe") == "git":
            return _says_no_verify(words[1:])
        if parent <= 1:
            return False
        process = parent
    return False


def _process(number: int) -> tuple[int, list[str]]:
    """Return the parent and the command line of a process; 0 and nothing where they cannot be seen."""
    folder = Path("/proc") / str(number)
    try:
        words = os.fsdecode((folder / "cmdline").read_bytes()).rstrip("\0").split("\0")
        # Behind the name, which stands in brackets and may hold anything, are the state and the parent.
        return int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]), words
    except (OSError, ValueError, IndexError):
        pass
    try:
        line = subprocess.run(  # noqa: S603
            ["ps", "-o", "ppid=,args=", "-p", str(number)],  # noqa: S607
            capture_output=True,
            check=False,
        ).stdout
        parent, *words = os.fsdecode(line).split()
        return int(parent), words
    except (OSError, ValueError):
        return 0, []


def _says_no_verify(words: list[str]) -> bool:
    for word in words:
        if word == "--":
            return False
        if word.startswith("--no-veri"):
            return True
        # Switches of one letter stand together; a value that follows one of another kind is none of them.
        if word.startswith("-") and not word.startswith("--") and "n" in word and not word[1:].strip("aeinopqsvz"):
            return True
    return False


def _limit(environ: Mapping[str, str]) -> float:
    text = environ.get("TROOPER_HOOK_SECONDS", "")
    try:
        seconds = float(text or SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise ConfigurationError("TROOPER_HOOK_SECONDS must be a number of seconds, at most 3600")
    return seconds


def _engine_within(limit: float, environ: Mapping[str, str], home: Path) -> LocalEngine:
    """Return the engine that a private turn is asked of, found within the time.

    Raises:
        TrooperError: there is none, or a setting is wrong.

    """
    found: queue.SimpleQueue[LocalEngine | Exception] = queue.SimpleQueue()

    def look() -> None:
        from trooper_cli.ask.variables import check_variables
        from trooper_cli.engines.local import local_engine, local_key
        from trooper_cli.net.egress import this_machine_only
        from trooper_cli.settings import Settings

        try:
            check_variables(environ)
            settings = Settings.of_environ(environ)
            settings.validate("local", "cloud")
            key = local_key(settings)
            with this_machine_only():
                found.put(local_engine(settings, home, None, connect=True, key=key))
        except Exception as error:  # noqa: BLE001
            found.put(error)

    threading.Thread(target=look, daemon=True).start()
    try:
        engine = found.get(timeout=limit)
    except queue.Empty:
        raise UnavailableError(f"the local engine said nothing within {limit:g} seconds; is its server well?") from None
    if isinstance(engine, Exception):
        raise engine
    return engine


class Answer(NamedTuple):
    """What came of it: the headline if there is one, whether the time was over, and the exit code else."""

    found: str | None
    is_late: bool
    code: int

    def why(self, limit: float) -> str:
        if self.is_late:
            return f"the model had none within {limit:g} seconds; TROOPER_HOOK_SECONDS gives it longer"
        if self.code:
            return f"the ask ended with exit {self.code}"
        return "no line of the answer can be one; TROOPER_LOCAL_MODEL chooses a larger model"


def _ask(prompt: str, files: str, ends: float, environ: Mapping[str, str]) -> Answer:
    """Ask on this machine, as a private turn of no session, until a line can be the headline or the time is over.

    Another process asks, so that it can be ended wherever it is; what it prints is its answer and nothing else.
    """
    # -P: never a module of the folder in which the commit is made.
    command = [sys.executable, "-P", "-m", "trooper_cli", "ask", "--local", "--stream", "-q"]
    child = subprocess.Popen(  # noqa: S603
        [*command, "--effort", "none", "--max-tokens", str(ANSWER_TOKENS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={name: value for name, value in environ.items() if name != "TROOPER_SESSION"},
    )
    pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    text, is_late = b"", False
    try:
        threading.Thread(target=_feed, args=(child, prompt.encode(), pieces), daemon=True).start()
        while piece := _next(pieces, ends):
            text += piece
            # A line that is complete is enough: a small model seldom gets better as it goes on.
            arrived = text[: text.rfind(b"\n") + 1].decode("utf-8", "replace")
            # What ends with a colon announces a block.
            if not arrived.rstrip().endswith(":") and (found := headline(extracted(arrived), is_whole=True)):
                return Answer(found, is_late=False, code=0)
        is_late = piece is None
        if is_late:
            # It prints what it has before it ends.
            child.terminate()
            while piece := _next(pieces, time.monotonic() + 2):
                text += piece
        code = child.wait(2)
    except subprocess.TimeoutExpired:
        code = 69
    finally:
        _end(child)
    if code and not is_late:
        return Answer(None, is_late, code)
    # As `-x` would print it; where nothing in the block can be one, of all that arrived.
    answer, is_whole = text.decode("utf-8", "replace"), not is_late
    found = headline(extracted(answer), is_whole=is_whole, instead=files)
    return Answer(found or headline(answer, is_whole=is_whole, instead=files), is_late, code)


def _feed(child: subprocess.Popen[bytes], prompt: bytes, pieces: queue.SimpleQueue[bytes]) -> None:
    """Write the prompt, then hand on what comes; at its end nothing."""
    assert child.stdin is not None  # noqa: S101
    assert child.stdout is not None  # noqa: S101
    with contextlib.suppress(OSError):
        with child.stdin:
            child.stdin.write(prompt)
        while piece := os.read(child.stdout.fileno(), 1 << 16):
            pieces.put(piece)
    pieces.put(b"")


def _next(pieces: queue.SimpleQueue[bytes], ends: float) -> bytes | None:
    """Return the next piece, empty at the end, or None where the time is over."""
    try:
        return pieces.get(timeout=max(0.0, ends - time.monotonic()))
    except queue.Empty:
        return None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a process: it is asked to, so that what it knows is remembered, and after two seconds made to."""
    if child.poll() is None:
        try:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
        finally:
            # Also where a second signal comes in the meantime.
            if child.poll() is None:
                child.kill()
                child.wait()


def _put(found: str, file: Path) -> None:
    """Write the headline before the message, whose comments stay as they are, at once or not at all."""
    # Under an unusual core.commentChar git would take the line for a comment, and then there is none.
    line = git("stripspace", "--strip-comments", given=found.encode())
    if not line.strip():
        raise UnavailableError("no line of the answer can be one")
    file = file.absolute()
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.trooper.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as new:
            new.write(line + file.read_bytes())
        Path(name).chmod(file.stat().st_mode & 0o777)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
