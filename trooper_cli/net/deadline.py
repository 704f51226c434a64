"""An end to waiting: for an engine that keeps a connection busy and says nothing, one byte or one ping at a time."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, NoReturn, Self

from trooper_cli.errors import UnavailableError

if TYPE_CHECKING:
    from types import FrameType, TracebackType

# Silence is bounded by a socket's own time-out. Without a word of the answer it may be so many times as long,
WITHOUT_A_WORD = 5
# and an answer whose words keep coming is given up too.
LONGEST_SECONDS = 4 * 3600.0
_WHY = "the engine keeps its connection busy without an answer; it was given up, see --timeout"


class Deadline:
    """Within it, whatever is waited for is interrupted when the time is over.

    Raises `UnavailableError` wherever the code stands then. An alarm of the system sees to it, since libraries read
    in loops of their own; without one (Windows, another thread than the first) there is no such end.
    """

    def __init__(self, read_timeout: float, *, longest: float | None = None, why: str = _WHY) -> None:
        """Bound the wait for a word by five times `read_timeout`, and that for all by `longest`; `why` is the error.

        Without `longest` all may take LONGEST_SECONDS.
        """
        self._limit = read_timeout * WITHOUT_A_WORD
        self._why = why
        self._end = time.monotonic() + max(LONGEST_SECONDS if longest is None else longest, self._limit)
        self._works = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Self:
        if self._works:
            self._former = signal.signal(signal.SIGALRM, self._give_up)
            self.heard()
        return self

    def heard(self) -> None:
        """Restart the wait: a word has come."""
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, min(self._limit, self._end - time.monotonic())))

    def rest(self) -> None:
        """Nothing is waited for until `heard` is called."""
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._former)

    def _give_up(self, _number: int, _frame: FrameType | None) -> NoReturn:
        raise UnavailableError(self._why)
