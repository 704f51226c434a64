"""HTTP/1.1 to an endpoint on this machine and nowhere else, one request to a connection.

By h11, which httpx speaks to the cloud with as well: `http.client` imports TLS and a parser of mail, a tenth of what a
local ask costs.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import h11

from trooper_cli.errors import LocalityError
from trooper_cli.net.egress import is_loopback, letting_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.net.locality import LocalEndpoint

_PIECE = 1 << 16


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
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_PIECE)

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
            h11.LocalProtocolError: a header holds the end of a line.

        """
        host = f"[{self._endpoint.host}]" if ":" in self._endpoint.host else self._endpoint.host
        fields = {"host": f"{host}:{self._endpoint.port}", "accept-encoding": "identity", **headers}
        if body or method == "POST":
            fields["content-length"] = str(len(body))
        events = (
            h11.Request(method=method, target=target, headers=[*fields.items()]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        data = b"".join(self._http.send(event) or b"" for event in events)
        self.connect()
        assert self._socket is not None  # noqa: S101
        self._socket.sendall(data)

    def response(self) -> tuple[int, dict[str, str], Iterator[bytes]]:
        """Return the status of the answer, its headers with their names in small letters, and its body as it arrives.

        Raises:
            h11.RemoteProtocolError: it is not HTTP; the body raises it where it ends too early.
            OSError: the connection broke, or was silent for too long.

        """
        while isinstance(event := self._next(), h11.InformationalResponse):
            pass
        if not isinstance(event, h11.Response):
            raise h11.RemoteProtocolError("there is no answer")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        return event.status_code, headers, self._body()

    def _body(self) -> Iterator[bytes]:
        while isinstance(event := self._next(), h11.Data):
            yield bytes(event.data)

    def _next(self) -> object:
        assert self._socket is not None  # noqa: S101
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self._socket.recv(_PIECE))
        return event

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
