"""Is this endpoint on this machine? And the connection that goes there and nowhere else."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from trooper_cli.errors import ConfigurationError, LocalityError, UnavailableError

_LOCALHOST = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class LocalEndpoint:
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
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
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
    return LocalEndpoint(parts.scheme, host, port, parts.path.rstrip("/"), addresses, on_network)


def _resolve(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(f"the local engine's host {host} cannot be found; check its address") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class PinnedConnection(http.client.HTTPConnection):
    """HTTP to the literal addresses of a `LocalEndpoint`: no look-up, no proxy, and the peer is checked first."""

    def __init__(self, endpoint: LocalEndpoint, timeout: float, connect_timeout: float = 5.0) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=timeout)
        self._endpoint = endpoint
        self._silence = timeout
        self._connect_timeout = connect_timeout

    def connect(self) -> None:
        failure: OSError = ConnectionRefusedError()
        for address in self._endpoint.addresses:
            try:
                self.sock = socket.create_connection((address, self.port), self._connect_timeout)
                break
            except OSError as error:
                failure = error
        else:
            raise failure
        peer = str(self.sock.getpeername()[0])
        if not self._endpoint.on_network and not is_loopback(peer):
            self.close()
            raise LocalityError("the local engine's connection leaves this machine, so nothing was sent")
        if self._endpoint.scheme == "https":
            import ssl

            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._endpoint.host)
        self.sock.settimeout(self._silence)
