"""The gate around private turns: what would leave this machine is refused, whatever code tries."""

from __future__ import annotations

import contextlib
import sys
from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from trooper_cli.errors import LocalityError

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_loopback(address: str) -> bool:
    """Return whether a literal address is a loopback address of this machine; a name is not an address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


_LOOK_UPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
_SENDINGS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_CHILDREN = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "pty.spawn",
    "webbrowser.open",
}


# The hosts that the code under way may look up and connect to although they are not this machine.
_LET_OUT: ContextVar[tuple[str, ...]] = ContextVar("_LET_OUT", default=())


@contextlib.contextmanager
def letting_out(hosts: tuple[str, ...]) -> Iterator[None]:
    """Allow the code within, and no other thread or task, to look up and connect to these hosts despite the gate."""
    token = _LET_OUT.set(hosts)
    try:
        yield
    finally:
        _LET_OUT.reset(token)


class _EgressGate:
    """An audit hook of the interpreter, of which nothing can rid a process again, and whether it refuses anything now.

    It is closed for the whole process: a thread that a library started has a context of its own.
    """

    def __init__(self) -> None:
        self._is_installed = False
        # One for each turn that holds the gate closed. Adding and removing are atomic.
        self._holders: set[object] = set()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        if not self._is_installed:
            sys.addaudithook(self._look)
            self._is_installed = True
        holder = object()
        self._holders.add(holder)
        try:
            yield
        finally:
            self._holders.remove(holder)

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._holders:
            _look(event, arguments)


_GATE = _EgressGate()


def this_machine_only() -> contextlib.AbstractContextManager[None]:
    """Refuse whatever in this process would reach out: connections, look-ups, child processes.

    The checks above decide where a private turn goes; this stands behind them and behind every library, as an audit
    hook of the interpreter, which sees each attempt before it happens. Loopback is let through, and `letting_out`.

    Raises:
        LocalityError: in whatever code tried.

    """
    return _GATE.closed()


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if event in _CHILDREN:
        raise LocalityError("a private turn tried to start another program; it was stopped")
    if event in _LOOK_UPS and not _is_near(arguments[0]):
        raise LocalityError("a private turn tried to look up a host that is not this machine; it was stopped")
    if event in _SENDINGS and not _is_near(arguments[1]):
        raise LocalityError("a private turn tried to reach another machine; it was stopped")


def _is_near(address: object) -> bool:
    # No address means that the socket is connected; a lone text, as a path is, has no loopback address and is refused.
    host = _host(address)
    return host is None or is_loopback(host) or host in _LET_OUT.get()


def _host(address: object) -> str | None:
    if isinstance(address, tuple) and address:
        address = address[0]
    if isinstance(address, bytes):
        address = address.decode("ascii", "replace")
    return address if isinstance(address, str) else None
