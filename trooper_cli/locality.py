"""Is this endpoint on this machine? And the gate around all that is not."""

from __future__ import annotations

import contextlib
import socket
import sys
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from trooper_cli.errors import ConfigurationError, LocalityError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCALHOST = ("127.0.0.1", "::1")


class LocalEndpoint(NamedTuple):
    """A server that was shown to be local: the literal addresses to connect to, and nothing left to look up."""

    scheme: str
    host: str
    port: int
    prefix: str
    addresses: tuple[str, ...]
    on_network: bool

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"


def is_loopback(address: str) -> bool:
    """Tell whether a literal address is of this machine's loopback; a name is not an address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def is_plain(url: str) -> bool:
    """Tell whether a URL holds nothing but the printable ASCII that a URL is made of."""
    return url.isascii() and url.isprintable() and " " not in url


def local_endpoint(url: str, local_hosts: tuple[str, ...] = ()) -> LocalEndpoint:
    """Show that `url` is on this machine, or on a host that the user named in `local_hosts`.

    A name is resolved here, once; the connection is made to these very addresses.

    Raises:
        ConfigurationError: the URL is not one, or carries a user name.
        LocalityError: an address of it is not of this machine.

    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(
            "the local engine's address is not a URL; write it as http://127.0.0.1:8080"
        ) from error
    if not is_plain(url) or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ConfigurationError(
            "the local engine's address must be http://HOST:PORT or https://HOST:PORT, no user name"
        )
    host = parts.hostname
    port = port or (443 if parts.scheme == "https" else 80)
    on_network = False
    if host == "localhost":
        addresses: tuple[str, ...] = _LOCALHOST
    else:
        addresses = _resolve(host, port)
        if not all(is_loopback(address) for address in addresses):
            if host not in local_hosts:
                raise LocalityError(
                    f"{host} is not this machine, so nothing was sent; "
                    "to trust it with private text, name it in local_hosts in config.toml"
                )
            on_network = True
            _Gate.trusted.update(addresses)
    return LocalEndpoint(parts.scheme, host, port, parts.path.rstrip("/"), addresses, on_network)


def _resolve(host: str, port: int) -> tuple[str, ...]:
    _Gate.configured.add(host)
    try:
        name = host.encode("ascii" if host.isascii() else "idna")
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(f"the local engine's host {host} cannot be found; check its address") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


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


class _Gate:
    """The state of the one audit hook that a process can have."""

    installed = False
    closed = False
    configured: set[str] = set()  # noqa: RUF012
    trusted: set[str] = set()  # noqa: RUF012


@contextlib.contextmanager
def this_machine_only() -> Iterator[None]:
    """Refuse whatever in this process would reach out: connections, look-ups, child processes.

    The checks above decide where a private turn goes; this stands behind them and behind every library, as an audit
    hook of the interpreter, which sees each attempt before it happens. Let through are loopback, the look-up of the
    host that the user configured, and the addresses of hosts that he trusts as local.

    Raises:
        LocalityError: in whatever code tried.

    """
    if not _Gate.installed:
        sys.addaudithook(_look)
        _Gate.installed = True
    _Gate.configured.clear()
    _Gate.trusted.clear()
    _Gate.closed = True
    try:
        yield
    finally:
        _Gate.closed = False


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if not _Gate.closed:
        return
    if event in _CHILDREN:
        raise LocalityError("a private turn tried to start another program; it was stopped")
    if event in _LOOK_UPS and not (_is_near(arguments[0]) or _host(arguments[0]) in _Gate.configured):
        raise LocalityError("a private turn tried to look up a host that is not this machine; it was stopped")
    if event in _SENDINGS and not _is_near(arguments[1]):
        raise LocalityError("a private turn tried to reach another machine; it was stopped")


def _is_near(place: object) -> bool:
    # No place is a socket that is connected already; a lone text, as a path is, has no loopback address and is refused.
    host = _host(place)
    return host is None or is_loopback(host) or host in _Gate.trusted


def _host(place: object) -> str | None:
    if isinstance(place, tuple) and place:
        place = place[0]
    if isinstance(place, bytes):
        place = place.decode("ascii", "replace")
    return place if isinstance(place, str) else None
