"""HTTP/1.1 to an endpoint on this machine and nowhere else, one request to a connection.

It is written out here because `http.client` imports TLS and a parser of mail, a tenth of what a local ask costs.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from trooper_cli.errors import LocalityError
from trooper_cli.locality import is_loopback, letting_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from trooper_cli.locality import LocalEndpoint

LONGEST_HEADER = 65_536
MOST_HEADERS = 100
_NO_BODY = {204, 304}


class ProtocolError(Exception):
    """What the server sent is not HTTP, or ended before its end."""


class PinnedConnection:
    """A connection to the literal addresses of a `LocalEndpoint`: no look-up, no proxy, and the peer is checked first.

    Args:
        endpoint: the server that was shown to be local.
        read_timeout: how many seconds the server may be silent.
        connect_timeout: how many seconds connecting to one address may take.

    """

    def __init__(self, endpoint: LocalEndpoint, read_timeout: float, connect_timeout: float = 5.0) -> None:
        self._endpoint = endpoint
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._socket: socket.socket | None = None
        self._file: BinaryIO | None = None

    def connect(self) -> None:
        """Connect to the first address that answers, and check who it is.

        Raises:
            OSError: none answers.
            LocalityError: the peer is not of this machine, and not of a host that the user trusts as local.

        """
        failure: OSError = ConnectionRefusedError()
        for address in self._endpoint.addresses:
            try:
                # As bytes, for which Python needs no table of international names.
                target = (address.encode("ascii"), self._endpoint.port)
                with letting_out(self._endpoint.addresses if self._endpoint.on_network else ()):
                    self._socket = socket.create_connection(target, self._connect_timeout)  # type: ignore[arg-type]
                break
            except OSError as error:
                failure = error
        else:
            raise failure
        peer = str(self._socket.getpeername()[0])
        if not self._endpoint.on_network and not is_loopback(peer):
            self.close()
            raise LocalityError("the local engine's connection leaves this machine, so nothing was sent")
        if self._endpoint.scheme == "https":
            import ssl

            context = ssl.create_default_context()
            self._socket = context.wrap_socket(self._socket, server_hostname=self._endpoint.host)
        self._socket.settimeout(self._read_timeout)

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Connect and send a request.

        Raises:
            OSError: there is no connection, or it broke.
            LocalityError: the connection leaves this machine.
            ValueError: a header holds the end of a line.

        """
        host = f"[{self._endpoint.host}]" if ":" in self._endpoint.host else self._endpoint.host
        fields = {"host": f"{host}:{self._endpoint.port}", "accept-encoding": "identity", **headers}
        if body or method == "POST":
            fields["content-length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header holds the end of a line")
        self.connect()
        assert self._socket is not None  # noqa: S101
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self._file = self._socket.makefile("rb")

    def response(self) -> tuple[int, dict[str, str], Iterator[bytes]]:
        """Return the status of the answer, its headers with their names in small letters, and its body as it arrives.

        Raises:
            ProtocolError: it is not HTTP; the body raises it where it ends too early.
            OSError: the connection broke, or was silent for too long.

        """
        assert self._file is not None  # noqa: S101
        return read_response(self._file)

    def close(self) -> None:
        for each in (self._file, self._socket):
            if each is not None:
                each.close()


def read_response(file: BinaryIO) -> tuple[int, dict[str, str], Iterator[bytes]]:
    """Read an answer as `PinnedConnection.response` returns it."""
    status = 100
    while status < 200:
        status, headers = _status(file), _headers(file)
    return status, headers, _body(file, status, headers)


def _line(file: BinaryIO) -> str:
    line = file.readline(LONGEST_HEADER)
    if not line.endswith(b"\n"):
        raise ProtocolError("a line is too long, or the connection ended in it")
    return line.rstrip(b"\r\n").decode("latin-1")


def _status(file: BinaryIO) -> int:
    version, _, rest = _line(file).partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit()) or rest[3:4].strip():
        raise ProtocolError("the first line is no status")
    return int(status)


def _headers(file: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = _line(file)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            raise ProtocolError("a header has no name")
        headers[name.strip().lower()] = value.strip()
    raise ProtocolError("there is no end of headers")


def _body(file: BinaryIO, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
    if status in _NO_BODY:
        return
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while size := _number(_line(file).partition(";")[0], 16):
            yield from _sized(file, size)
            if _line(file):
                raise ProtocolError("a chunk is longer than it says")
    elif "content-length" in headers:
        yield from _sized(file, _number(headers["content-length"], 10))
    else:
        while data := file.read1(65_536):  # type: ignore[attr-defined]
            yield data


def _sized(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        data: bytes = file.read1(min(size, 65_536))  # type: ignore[attr-defined]
        if not data:
            raise ProtocolError("the body ended early")
        size -= len(data)
        yield data


def _number(text: str, base: int) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isalnum() and len(digits) <= 16):
        raise ProtocolError("a length is no number")
    try:
        return int(digits, base)
    except ValueError as error:
        raise ProtocolError("a length is no number") from error
