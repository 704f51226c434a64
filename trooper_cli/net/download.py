"""Public files by HTTP, followed through redirects. Such a request carries no text of the user's.

It goes through the proxies of the environment, as curl does, and trusts the system's certificates and `SSL_CERT_FILE`.
Every hop is https, or http on loopback.
"""

from __future__ import annotations

import contextlib
import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from trooper_cli.errors import ConfigurationError, NoConnectionError, UnavailableError
from trooper_cli.net.deadline import WITHOUT_A_WORD, Deadline
from trooper_cli.net.http import CONNECT_SECONDS, bare_tls, names_loopback, trusted_tls, why
from trooper_cli.net.locality import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

_MOST_REDIRECTS = 8
_READ_SECONDS = 60.0
_PIECE = 1 << 16
# Slower than a piece in so many seconds is given up: no line is, and a server may be for ever.
_PIECE_SECONDS = 300.0


class Download(NamedTuple):
    """An answer whose body is read as it arrives. `headers` are those of the last hop, `redirects` of those before."""

    status: int
    host: str
    headers: Mapping[str, str]
    redirects: tuple[Mapping[str, str], ...]
    chunks: Callable[[], Iterator[bytes]]


def is_download_url(url: str) -> bool:
    """Return whether a URL may be fetched: https, or http on loopback, without a user name."""
    try:
        parts = urlsplit(url)
        usable = is_plain(url) and bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        return False
    return usable and (parts.scheme == "https" or (parts.scheme == "http" and names_loopback(url)))


@contextlib.contextmanager
def get(
    url: str,
    headers: Callable[[str, tuple[Mapping[str, str], ...]], dict[str, str]],
    *,
    read_timeout: float = 0,
    patience: float = _PIECE_SECONDS,
) -> Iterator[Download]:
    """Ask for a file, and for what it redirects to.

    Args:
        url: where the file is.
        headers: returns what is sent to a URL, given the headers of the redirects that led there.
        read_timeout: how many seconds a server may be silent; 60 if none is given.
        patience: how many seconds it may take for its headers, and for each 64 kB.

    Raises:
        NoConnectionError: no connection, or the connection broke.
        UnavailableError: the redirects lead nowhere, or to where no file is fetched from; or it takes too long.
        ConfigurationError: a proxy or a certificate of the user's set-up cannot be used.

    """
    import httpx

    redirects: tuple[Mapping[str, str], ...] = ()
    for _ in range(_MOST_REDIRECTS):
        host = urlsplit(url).netloc
        slow = f"{host} keeps the connection busy and sends next to nothing; it was given up, try again later"
        with (
            _client(url, read_timeout or _READ_SECONDS) as client,
            _explained(host),
            Deadline(patience / WITHOUT_A_WORD, longest=math.inf, why=slow) as deadline,
        ):
            sent = {"accept-encoding": "identity", **headers(url, redirects)}
            with client.stream("GET", url, headers=sent) as response:
                if response.status_code not in {301, 302, 303, 307, 308}:
                    # What is done with an answer before it is read takes its time.
                    deadline.rest()
                    chunks = partial(_heard, response, deadline)
                    yield Download(response.status_code, host, response.headers, redirects, chunks)
                    return
                redirects += (httpx.Headers(response.headers),)
        url = urljoin(url, redirects[-1].get("location", ""))
        if not is_download_url(url):
            raise UnavailableError(f"{host} redirects to an address that is not https; nothing was fetched from there")
    raise UnavailableError(f"{host} redirects again and again; look at the address in a browser")


def _heard(response: httpx.Response, deadline: Deadline) -> Iterator[bytes]:
    deadline.heard()
    for piece in response.iter_raw(_PIECE):
        yield piece
        deadline.heard()
    deadline.rest()


def within(download: Download, size: int) -> bytes:
    """Return the whole answer.

    Raises:
        UnavailableError: it is longer than that.

    """
    data = bytearray()
    for piece in download.chunks():
        data += piece
        if len(data) > size:
            raise UnavailableError(f"{download.host} sends more than {size:,} bytes, which is no answer to this")
    return bytes(data)


def _client(url: str, read_timeout: float) -> httpx.Client:
    import httpx

    is_loopback = names_loopback(url)
    try:
        return httpx.Client(
            verify=bare_tls() if url.startswith("http:") else trusted_tls(),
            # No proxy knows what this machine calls loopback.
            trust_env=not is_loopback,
            follow_redirects=False,
            timeout=httpx.Timeout(read_timeout, connect=CONNECT_SECONDS),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            "HTTPS_PROXY or ALL_PROXY is not a proxy's address; write it as http://HOST:PORT"
        ) from error


@contextlib.contextmanager
def _explained(host: str) -> Iterator[None]:
    """Explain in one line, with the next step, why a connection failed."""
    import httpx

    try:
        yield
    except httpx.ProxyError as error:
        raise NoConnectionError(f"the proxy does not let {host} through; check HTTPS_PROXY and NO_PROXY") from error
    except httpx.TimeoutException as error:
        raise NoConnectionError(f"{host} was silent for too long") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise ConfigurationError(
                f"the certificate of {host} is not trusted here; name your organisation's CA: SSL_CERT_FILE=FILE.pem"
            ) from error
        raise NoConnectionError(f"the connection to {host} failed ({why(error)})") from error
    except httpx.InvalidURL as error:
        raise UnavailableError(f"{host} is no address that can be asked") from error
