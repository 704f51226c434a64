"""Several lines at once, each asked in a process of its own (`worker.py`).

Threads would share what must be each turn's own: the gate around a private turn closes for a whole process, and so
would stop the turns that ask the cloud beside it. What they do share is the embedded model: it is loaded here, once,
and answers one line at a time.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from trooper_cli.cli.batch.line import Batch, Line, failed_record, is_well_formed, key_in, loaded, session_in
from trooper_cli.cli.batch.model_host import ModelHost
from trooper_cli.cli.batch.signals import signals_held
from trooper_cli.cli.terminal import ReaderGoneError
from trooper_cli.errors import TrooperError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli import json_output
    from trooper_cli.cli.batch.printer import Printer

# Lines that are read and not yet printed, for each job: so many answers wait for their turn at the most.
_AHEAD = 4
# So long a worker has, to write down a turn that was cut short.
_SECONDS_TO_END = 10.0
_PROGRAM = (
    "from trooper_cli.cli.batch import worker; worker.is_worker = True; from trooper_cli.__main__ import entry; entry()"
)


class _Task(NamedTuple):
    """A line with its place in the output, and what it must not overtake."""

    place: int
    line: Line
    session: str | None
    may_be_private: bool
    may_be_public: bool


def ask_at_once(batch: Batch, lines: Iterator[Line], jobs: int, printer: Printer) -> None:
    """Ask so many lines at once, and print the answers in their order.

    Raises:
        UnavailableError: no process is left that could ask.

    """
    pool = _Pool(batch, printer)
    try:
        for _ in range(jobs):
            pool.start_worker()
        pool.read_from(lines, _AHEAD * jobs)
        pool.run()
    except ReaderGoneError:
        pool.terminate()
        raise
    except BaseException:
        # What is answered is printed, although a line before it is not.
        pool.terminate()
        pool.print_all()
        raise
    pool.close()


class _Worker:
    """A process that asks one line at a time."""

    def __init__(self, events: queue.SimpleQueue[tuple[Any, Any]]) -> None:
        self.task: _Task | None = None
        self.stopped = threading.Event()
        self._sending = threading.Lock()
        # A terminal's signals do not reach it: this process tells it when to end.
        with signals_held():
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-c", _PROGRAM, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        self._events = events
        threading.Thread(target=self._receive, daemon=True).start()

    def send(self, message: dict[str, object]) -> None:
        assert self.process.stdin is not None  # noqa: S101
        # One that is gone says so by the end of its output.
        with self._sending, contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(f"{json.dumps(message)}\n".encode())
            self.process.stdin.flush()

    def _receive(self) -> None:
        assert self.process.stdout is not None  # noqa: S101
        for data in self.process.stdout:
            if data.endswith(b"\n"):
                self._events.put((self, json.loads(data)))
        self._events.put((self, None))


class _Pool:
    """The workers, the lines that wait for one, and the answers that wait to be printed."""

    def __init__(self, batch: Batch, printer: Printer) -> None:
        self._batch, self._printer = batch, printer
        # A worker or None, and what it says, or a line, or what ended the reading.
        self._events: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._waiting: list[_Task] = []
        self._done: dict[int, json_output.BatchAnswer | json_output.BatchFailure] = {}
        self._read = self._printed = 0
        self._is_at_end = False
        self._room = threading.Semaphore(0)
        self._model = ModelHost()

    def start_worker(self) -> None:
        self._workers.append(_Worker(self._events))

    def read_from(self, lines: Iterator[Line], ahead: int) -> None:
        """Read lines in the background, so many further than is printed."""
        self._room.release(ahead)

        def read() -> None:
            try:
                while self._room.acquire() and (line := next(lines, None)):
                    self._events.put((None, line))
                self._events.put((None, None))
            except Exception as error:  # noqa: BLE001
                self._events.put((None, error))

        threading.Thread(target=read, daemon=True).start()

    def run(self) -> None:
        """Ask and print until all lines are answered."""
        while not (self._is_at_end and self._printed == self._read):
            self._take(*self._events.get())
            self._dispatch()
            while (record := self._done.pop(self._printed, None)) is not None:
                self._printed += 1
                self._printer.write(record)
                self._room.release()
            if not self._workers:
                raise UnavailableError("the processes that ask have ended; ask with --resume, and fewer --jobs")

    def print_all(self) -> None:
        """Print what has been answered by now, also after a line that was not."""
        with contextlib.suppress(queue.Empty, Exception):
            while True:
                worker, message = self._events.get_nowait()
                if isinstance(worker, _Worker) and isinstance(message, dict) and "record" in message and worker.task:
                    self._done[worker.task.place] = message["record"]
        for place in sorted(self._done):
            self._printer.write(self._done.pop(place))

    def close(self) -> None:
        for worker in self._workers:
            assert worker.process.stdin is not None  # noqa: S101
            worker.process.stdin.close()
        self._wait()

    def terminate(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + _SECONDS_TO_END
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()

    def _take(self, worker: _Worker | None, message: Any) -> None:  # noqa: ANN401
        if worker is None:
            if isinstance(message, Exception):
                raise message
            if message is None:
                self._is_at_end = True
            else:
                self._waiting.append(self._task(message))
                self._read += 1
        elif message is None:
            self._workers.remove(worker)
            if worker.task is not None:
                key = key_in(loaded(worker.task.line.data), worker.task.line.number)
                what = f"the process that asked it ended ({worker.process.wait()}); it is asked again with --resume"
                self._done[worker.task.place] = failed_record(key, what, TrooperError.code)
        elif "record" in message:
            assert worker.task is not None  # noqa: S101
            self._done[worker.task.place] = message["record"]
            worker.task = None
        elif "notice" in message:
            assert worker.task is not None  # noqa: S101
            self._printer.notify(message["notice"], worker.task.line)
        elif "status" in message:
            assert worker.task is not None  # noqa: S101
            self._printer.report(message["status"], worker.task.line)
        elif "model" in message:
            self._model.ask(worker, message["model"], message["body"])
        else:
            worker.stopped.set()

    def _dispatch(self) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        while idle and (task := self._startable()):
            self._waiting.remove(task)
            worker = idle.pop()
            worker.task = task
            worker.send({"line": task.line.number, "data": task.line.data.decode("latin-1")})

    def _startable(self) -> _Task | None:
        """Return the first line that may be asked beside those that are.

        A session's lines go one after the other. And what an earlier line asks or answers privately is known to the
        guard before a later line goes to the cloud, as if there were one job.
        """
        before = [worker.task for worker in self._workers if worker.task is not None]
        for task in self._waiting:
            earlier = [other for other in before if other.place < task.place]
            if not any(
                (other.session is not None and other.session == task.session)
                or (other.may_be_private and task.may_be_public)
                for other in earlier
            ):
                return task
            before.append(task)
        return None

    def _task(self, line: Line) -> _Task:
        from trooper_cli.ask.refused import is_meant_private_in
        from trooper_cli.store.session import settings_of

        batch, fields = self._batch, loaded(line.data)
        home, settings = batch.environment.home, batch.environment.settings(check=False)
        name = session_in(fields) or batch.session or batch.environment.environ.get("TROOPER_SESSION")
        is_private = may_be_private = not is_well_formed(fields) or is_meant_private_in(
            home, name, batch.local_flag, settings
        )
        if not is_private:
            try:
                of_session = settings.with_session(settings_of(home, name)) if name else settings
                may_be_private = batch.request_of("?", name, None, of_session).on_leak == "local"
            except (TrooperError, OSError):
                may_be_private = True
        return _Task(self._read, line, name and name.casefold(), may_be_private, not is_private)
