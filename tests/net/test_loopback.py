"""HTTP to this machine: what is sent, and how what comes is read."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import h11
import pytest

from trooper_cli.net.locality import local_endpoint
from trooper_cli.net.loopback import PinnedConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standin import Standin


@contextlib.contextmanager
def asked() -> Iterator[tuple[PinnedConnection, socket.socket]]:
    """Return a connection whose request has left, and the server's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = local_endpoint(f"http://127.0.0.1:{server.getsockname()[1]}")
        with contextlib.closing(PinnedConnection(endpoint, 5)) as connection:
            connection.request("POST", "/", {}, b"{}")
            far, _ = server.accept()
            with far:
                # A connection that is closed with something unread is reset.
                far.recv(1 << 16)
                yield connection, far


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut off",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 300_000 + b"\r\n\r\n",
    ],
    ids=lambda data: data[:60].decode().strip(),
)
def test_what_is_no_http_is_refused(data: bytes) -> None:
    """Nothing that a server sends is guessed at or read without an end."""
    with asked() as (connection, far):
        far.sendall(data)
        far.close()
        with pytest.raises(h11.RemoteProtocolError):
            list(connection.response()[2])


def test_what_arrives_is_there_at_once() -> None:
    """A piece is handed on before the next one comes, so that an answer streams."""
    with asked() as (connection, far):
        far.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        status, headers, body = connection.response()
        assert (status, headers) == (200, {"transfer-encoding": "chunked"})
        assert next(body) == b"one"
        far.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
        assert list(body) == [b"two"]


def test_a_header_holds_no_line_end(cloud: Standin) -> None:
    """What would be a header of somebody else's is not sent."""
    connection = PinnedConnection(local_endpoint(cloud.url), 5)
    with pytest.raises(h11.LocalProtocolError):
        connection.request("GET", "/", {"authorization": "key\r\nx-other: 1"})
    assert cloud.connections == 0


def test_a_request_is_sent_whole(cloud: Standin) -> None:
    """Host, length and body are as a server expects them."""
    connection = PinnedConnection(local_endpoint(cloud.url), 5)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/messages", {"content-type": "application/json"}, b"{}")
        connection.response()
    (request,) = cloud.requests
    assert (request.path, request.body) == ("/v1/messages", b"{}")
    expected = {"host": f"127.0.0.1:{cloud.port}", "content-length": "2", "content-type": "application/json"}
    assert {name.lower(): value for name, value in request.headers.items()}.items() >= expected.items()
