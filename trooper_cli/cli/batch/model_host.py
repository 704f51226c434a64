"""The embedded model of a batch whose lines are asked in several processes: it is loaded once, in this one."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What waits for the model hears this often that it is not forgotten.
_EVERY = 5.0


class Asker(Protocol):
    """Who asks the model; `stopped` is set once the rest of an answer is not wanted."""

    stopped: threading.Event

    def send(self, message: dict[str, object]) -> None: ...


class ModelHost:
    """The embedded model, in this process, for all workers: one line at a time."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[tuple[Asker, Path, str]] = queue.SimpleQueue()
        self._waiting: list[Asker] = []
        self._is_started = False
        self._said = 0.0

    def ask(self, worker: Asker, path: str, body: str) -> None:
        from pathlib import Path

        worker.stopped.clear()
        self._waiting.append(worker)
        self._requests.put((worker, Path(path), body))
        if not self._is_started:
            self._is_started = True
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        from trooper_cli.engines import embedded
        from trooper_cli.net.egress import this_machine_only
        from trooper_cli.net.http import Request

        embedded.keep_loaded()
        while True:
            worker, path, body = self._requests.get()
            self._waiting.remove(worker)
            with this_machine_only():
                embedded.work(path, Request("", {}, body.encode()), _Pieces(worker, self._remind), worker.stopped)

    def _remind(self) -> None:
        """Notify those that wait for the model that somebody is at work."""
        if time.monotonic() - self._said < _EVERY:
            return
        self._said = time.monotonic()
        for worker in [*self._waiting]:
            worker.send({"chunk": {}})


class _Pieces:
    """Hands what the model says on to the worker that asks it."""

    def __init__(self, worker: Asker, remind: Callable[[], None]) -> None:
        self._worker, self._remind = worker, remind

    def put(self, piece: object) -> None:
        self._remind()
        if piece is None:
            self._worker.send({"end": True})
        elif isinstance(piece, Exception):
            self._worker.send({"failed": type(piece).__name__})
        else:
            self._worker.send({"chunk": piece})
