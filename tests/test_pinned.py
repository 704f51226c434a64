"""HTTP to this machine, as the standard library's client reads it."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trooper_cli.locality import local_endpoint
from trooper_cli.pinned import PinnedConnection, ProtocolError, read_response

if TYPE_CHECKING:
    from tests.standin import Standin


class Pieces(io.RawIOBase):
    """What comes of a connection: a few bytes at a time."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = data, sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(self._sizes.pop() if self._sizes else 65_536, len(buffer), len(self._data))
        buffer[:size], self._data = self._data[:size], self._data[size:]
        return size


def ours(data: bytes, sizes: list[int]) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = read_response(cast("BinaryIO", io.BufferedReader(Pieces(data, list(sizes)))))
    return status, headers, b"".join(body)


class Connected:
    """As much of a socket as the standard library's client needs."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> BinaryIO:
        return io.BytesIO(self._data)


def theirs(data: bytes) -> tuple[int, dict[str, str], bytes]:
    answer = http.client.HTTPResponse(cast("socket.socket", Connected(data)), method="POST")
    answer.begin()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


NAMES = st.from_regex(r"\A[Xx]-[A-Za-z]{1,8}\Z")
VALUES = st.from_regex(r"\A[!-~]([ -~\xa1-\xff]{0,20}[!-~])?\Z")


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Return one whole answer: sized, in chunks, until the end, or without a body; after other ones that go before."""
    status = draw(st.sampled_from([200, 204, 304, 400, 404, 503]))
    parts = draw(st.lists(st.binary(min_size=1, max_size=100), max_size=5))
    headers = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    body = b"".join(parts)
    way = draw(st.sampled_from(["sized", "until the end", *(["chunked"] if status not in {204, 304} else [])]))
    if way == "sized":
        headers["Content-Length"] = str(len(body))
    elif way == "chunked":
        headers["Transfer-Encoding"] = "chunked"
        extension = draw(st.sampled_from([b"", b";a=b"]))
        chunks = [f"{len(part):{draw(st.sampled_from('xX'))}}".encode() + extension for part in parts]
        body = b"".join(b"%b\r\n%b\r\n" % each for each in zip(chunks, parts, strict=True)) + b"0\r\n\r\n"
    before = b"HTTP/1.1 100 Continue\r\n\r\n" * draw(st.integers(0, 1))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return before + f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + body


@given(answers(), st.lists(st.integers(1, 40)))
def test_an_answer_is_read_as_the_standard_library_reads_it(data: bytes, sizes: list[int]) -> None:
    """However it is framed and wherever the network cuts it."""
    assert ours(data, sizes) == theirs(data)


@given(answers(), st.data(), st.lists(st.integers(1, 40)))
def test_an_answer_that_ends_early_is_no_answer(data: bytes, choice: st.DataObject, sizes: list[int]) -> None:
    """What was cut is an error wherever the standard library sees that it was."""
    cut = data[: choice.draw(st.integers(0, len(data) - 1))]
    try:
        expected = theirs(cut)
    except (http.client.HTTPException, OSError):
        with pytest.raises(ProtocolError):
            ours(cut, sizes)
    else:
        # It takes an end among the headers for the end of the headers.
        with contextlib.suppress(ProtocolError):
            assert ours(cut, sizes) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 twohundred\r\n\r\n",
        b"HTTP/1.1 2000\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1_0\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 100_000 + b"\r\n\r\n",
    ],
    ids=lambda data: data[:40].decode().strip(),
)
def test_what_is_no_http_is_refused(data: bytes) -> None:
    """Nothing that a server sends is guessed at or read without an end."""
    with pytest.raises(ProtocolError):
        ours(data, [])


def test_what_arrives_is_there_at_once() -> None:
    """A piece is handed on before the next one comes, so that an answer streams."""
    near, far = socket.socketpair()
    with near, far, far.makefile("rb") as file:
        near.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        _, _, body = read_response(file)
        assert next(body) == b"one"
        near.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
        assert list(body) == [b"two"]


def test_a_header_holds_no_line_end(cloud: Standin) -> None:
    """What would be a header of somebody else's is not sent."""
    connection = PinnedConnection(local_endpoint(cloud.url), 5)
    with pytest.raises(ValueError, match="end of a line"):
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
