"""The command in a process of its own that is forked from one in which its modules are loaded.

Most of a short command's time is the loading of Python's and its own modules. A server loads them once, and each call
is a fork of it, with its own arguments, environment, streams and signals. What that cannot show is what a module does
while it is loaded: `pytest --installed` runs the installed command instead, and so does a test marked `installed`.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LENGTH = 8


class ForkServer:
    """A process that forks the command; it ends with this process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trooper-tests-")
        self._path = f"{self._folder.name}/socket"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_command", self._path],
            cwd=Path(__file__).parent.parent,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        atexit.register(self.close)

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()
        self._folder.cleanup()

    def run(
        self, arguments: Sequence[str | bytes], data: bytes, environ: Mapping[str, str], max_wait: float
    ) -> tuple[int, bytes, bytes]:
        """Run the command and return its exit code (negative after a signal), its output and its notices.

        Raises:
            subprocess.TimeoutExpired: it took more seconds than `max_wait`; it is killed.

        """
        call = {
            "arguments": [os.fsdecode(each) for each in arguments],
            "environ": dict(environ),
            "cwd": str(Path.cwd()),
        }
        message = json.dumps(call).encode("utf-8")
        pipes = [os.pipe() for _ in range(3)]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._path)
            theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
            socket.send_fds(connection, [len(message).to_bytes(_LENGTH, "big")], theirs)
            for descriptor in theirs:
                os.close(descriptor)
            connection.sendall(message)
            with connection.makefile("rb") as answers:
                child = int(answers.readline())
                out, err = _communicate(pipes[0][1], pipes[1][0], pipes[2][0], data, child, max_wait)
                return int(answers.readline()), out, err


def _communicate(stdin: int, stdout: int, stderr: int, data: bytes, child: int, max_wait: float) -> tuple[bytes, bytes]:
    """Write to one pipe and read two until both are at their ends, as `Popen.communicate` does."""
    found = {stdout: bytearray(), stderr: bytearray()}
    left = memoryview(data)
    os.set_blocking(stdin, False)
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(stderr, selectors.EVENT_READ)
        if left:
            selector.register(stdin, selectors.EVENT_WRITE)
        else:
            os.close(stdin)
        while selector.get_map():
            ready = selector.select(max_wait)
            if not ready:
                os.kill(child, signal.SIGKILL)
                raise subprocess.TimeoutExpired("trooper", max_wait)
            for key, _ in ready:
                descriptor = key.fd
                if descriptor == stdin:
                    try:
                        left = left[os.write(stdin, left[:65536]) :]
                    except BrokenPipeError:
                        left = left[:0]
                    is_done = not left
                else:
                    piece = os.read(descriptor, 65536)
                    found[descriptor] += piece
                    is_done = not piece
                if is_done:
                    selector.unregister(descriptor)
                    os.close(descriptor)
    return bytes(found[stdout]), bytes(found[stderr])


def _serve(path: str) -> NoReturn:
    """Fork a command for each connection, and tell the connection its process and, at its end, its exit code."""
    _load()
    import gc

    gc.collect()
    gc.freeze()
    waiting: dict[int, socket.socket] = {}
    wake, woken = socket.socketpair()
    for each in (wake, woken):
        each.setblocking(False)  # noqa: FBT003
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    os.write(1, b"ready\n")
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is wake:
                with contextlib.suppress(BlockingIOError):
                    wake.recv(4096)
                _report_ended(waiting)
                continue
            connection, _ = listener.accept()
            call, descriptors = _receive(connection)
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (listener, wake, woken, connection, *waiting.values()):
                    each.close()
                _become(call, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            connection.sendall(b"%d\n" % child)
            waiting[child] = connection


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH, 3)
    length, data = int.from_bytes(head, "big"), bytearray()
    while len(data) < length:
        data += connection.recv(length - len(data))
    return json.loads(data), list(array.array("i", descriptors))


def _report_ended(waiting: dict[int, socket.socket]) -> None:
    while waiting:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with contextlib.suppress(OSError), waiting.pop(child) as connection:
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(call: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be the command from here on."""
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(call["environ"])
        os.chdir(call["cwd"])
        sys.argv = ["trooper", *call["arguments"]]
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            old = getattr(sys, name)
            # As Python itself opens them.
            new = open(  # noqa: SIM115
                number, "w" if number else "r", encoding=old.encoding, errors=old.errors, newline="\n", closefd=False
            )
            new.reconfigure(line_buffering=name == "stderr")
            setattr(sys, name, new)
            setattr(sys, f"__{name}__", new)
        from trooper_cli.__main__ import entry

        entry()
    finally:
        os._exit(70)


def _load() -> None:
    """Load what the commands load."""
    import importlib
    import pkgutil

    import trooper_cli

    for name in ("http.client", "httpx", "sqlite3", "ssl", "tomllib", "typer", "typer.core", "typer.main"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(trooper_cli.__path__, "trooper_cli."):
        importlib.import_module(module.name)


if __name__ == "__main__":
    _serve(sys.argv[1])
