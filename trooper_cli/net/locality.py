"""Whether an endpoint is on this machine."""

from __future__ import annotations

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from trooper_cli.errors import ConfigurationError, LocalityError, UnavailableError
from trooper_cli.net.egress import is_loopback, letting_out

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


def is_plain(url: str) -> bool:
    """Return whether a URL consists of the printable ASCII that URLs are made of."""
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
    return LocalEndpoint(parts.scheme, host, port, parts.path.rstrip("/"), addresses, on_network)


def _resolve(host: str, port: int) -> tuple[str, ...]:
    try:
        with letting_out((host,)):
            found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(f"the local engine's host {host} cannot be found; check its address") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
