"""`TROOPER_LOCAL_URL` is read as Ollama reads `OLLAMA_HOST`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.matrix import compatible
from trooper_cli.server_url import server_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1", "http://127.0.0.1:8080"),
        (":1234", "http://127.0.0.1:1234"),
        ("localhost:1234/v1", "http://localhost:1234/v1"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::1]:1234", "http://[::1]:1234"),
        ("::1", "http://[::1]:8080"),
        (" 'gpu.lan:8000' ", "http://gpu.lan:8000"),
        ("http://gpu.lan", "http://gpu.lan"),
        ("HTTPS://gpu.lan/v1", "https://gpu.lan/v1"),
        ("user@gpu.lan:80", "http://user@gpu.lan:80"),
        ("gpu.lan:x", "http://gpu.lan:x"),
    ],
)
def test_scheme_and_port_may_be_missing(text: str, url: str) -> None:
    """What is missing is filled in; what is wrong is left for the check of the address to refuse."""
    assert server_url(text) == url


@pytest.mark.parametrize("text", ["ftp://gpu.lan", "http://", "/v1", "://x"])
def test_what_is_no_address(text: str) -> None:
    """Another scheme, or nothing to connect to."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        server_url(text)


def test_an_ask_finds_the_server(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """A host and a port are enough for a private turn; another machine is refused before a byte."""
    server = serve(compatible("a served answer"))
    done = trooper("ask", "--local", "hello", TROOPER_LOCAL_URL=f"127.0.0.1:{server.port}")
    assert (done.code, done.text) == (0, "a served answer\n"), done.notices
    for address, code in (("192.0.2.7:8080", 77), ("user@127.0.0.1:8080", 78), ("127.0.0.1:x", 78)):
        assert trooper("ask", "--local", "hello", TROOPER_LOCAL_URL=address).code == code, address
