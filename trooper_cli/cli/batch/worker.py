"""A process that asks lines of a batch for another one, which reads the input and prints the answers.

It is the same command with the same options. Since each asks one line at a time, all that holds for a single ask holds
here: the gate of a private turn closes its own process, a deadline is an alarm of its own, and a turn that is cut short
is written down. It gets lines as JSON on standard input and writes what becomes of them to standard output.
"""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from trooper_cli.cli.batch.line import Line, answer_line

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from trooper_cli.cli.batch.line import Batch
    from trooper_cli.engines.embedded import Pieces
    from trooper_cli.net.http import Request

# Whether this process is such a one: the process above sets it before it runs the command.
is_worker = False


def work(batch: Batch) -> int:
    """Ask the lines that come, until no more do."""
    from trooper_cli.engines import embedded

    signal.signal(signal.SIGTERM, _terminate_once)
    link = _Link(batch)
    embedded.run_by(link.run_model)
    heeds_breaker = False
    while message := link.read():
        line = Line(message["line"], message["data"].encode("latin-1"))
        record = answer_line(
            batch,
            line,
            lambda text: link.write({"notice": text}),
            lambda text: link.write({"status": text}),
            heeds_breaker=heeds_breaker,
        )
        link.write({"record": record})
        heeds_breaker = True
    return 0


def _terminate_once(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    # It comes from the process above, and perhaps from whoever ended that; the turn is written down meanwhile.
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


class _Link:
    """What connects a worker with the process that it works for."""

    def __init__(self, batch: Batch) -> None:
        assert batch.environment.stdin is not None  # noqa: S101
        self._stdin, self._output = batch.environment.stdin.buffer, batch.environment.output()
        self._reading, self._writing = threading.Lock(), threading.Lock()

    def read(self) -> dict[str, Any] | None:
        with self._reading:
            return self._message()

    def write(self, message: dict[str, object]) -> None:
        with self._writing:
            self._output.write(f"{json.dumps(message)}\n")

    def run_model(self, path: Path, request: Request, arrived: Pieces, stopped: threading.Event) -> None:
        """Let the process above run the embedded model, as `embedded.work` does it here."""
        try:
            with self._reading:
                self.write({"model": str(path), "body": request.body.decode()})
                is_told = False
                while (message := self._message()) is not None and "end" not in message:
                    arrived.put(message["chunk"] if "chunk" in message else RuntimeError(message["failed"]))
                    if stopped.is_set() and not is_told:
                        self.write({"stop": True})
                        is_told = True
        except Exception as error:  # noqa: BLE001
            arrived.put(error)
        finally:
            arrived.put(None)

    def _message(self) -> dict[str, Any] | None:
        line = self._stdin.readline()
        # A half line is the end as well: who wrote it is gone.
        return json.loads(line) if line.endswith(b"\n") else None
