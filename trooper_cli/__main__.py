"""The command `trooper`: the one place where a failure becomes a line and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from trooper_cli.errors import TrooperError

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED, TERMINATED, READER_GONE, UNWRITABLE, FAULT = 130, 143, 141, 74, 70


def entry() -> NoReturn:
    """Run one command and end the process; to take its modules down one by one would be a tenth of an ask."""
    # A short life makes little garbage; looking for it is most of the work.
    gc.set_threshold(50_000)
    code = TERMINATED
    try:
        code = _run()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        code = READER_GONE
    except OSError:
        code = code or UNWRITABLE
    except KeyboardInterrupt:
        code = code or INTERRUPTED
    finally:
        if sys.gettrace() is not None or "coverage" in sys.modules:
            # What watches the program writes down at its end what it saw.
            sys.exit(code)
        # Never by way of C's exit(): its handlers take away what a thread of llama.cpp still works with, which is a
        # segmentation fault. So a SystemExit, which a signal may raise at any instant, does not get past here either.
        os._exit(code)


def _run() -> int:
    try:
        return main()
    except Exception:  # noqa: BLE001
        # TROOPER_TRACE=1 wants to see it.
        sys.excepthook(*sys.exc_info())
        return FAULT


def main() -> int:
    """Run one command and return its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, _terminate)
    try:
        if sys.argv[1:] == ["--version"]:
            from trooper_cli import __version__

            print(f"trooper {__version__}")
            return 0
        if sys.argv[1:2] == ["--complete"]:
            # What a shell's Tab asks for; nothing of the command line is loaded for it.
            from trooper_cli.cli.completion.values import values

            print("\n".join(values("".join(sys.argv[2:]))))
            return 0
        from trooper_cli.cli.app import run

        return run(sys.argv[1:])
    except TrooperError as error:
        from trooper_cli.cli.terminal import say

        say(str(error))
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit:
        return TERMINATED
    except Exception as error:
        from trooper_cli.cli.terminal import ReaderGoneError, say

        if isinstance(error, ReaderGoneError):
            return READER_GONE
        if os.environ.get("TROOPER_TRACE") == "1":
            raise
        from trooper_cli.cli.failure import line_and_code

        line, code = line_and_code(error)
        say(line)
        return code


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    entry()
