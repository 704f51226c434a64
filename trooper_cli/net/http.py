"""HTTP in one place: requests to the cloud by httpx, requests to this machine by a pinned connection.

Redirects are followed on neither side. Time-outs bound silence, never the whole answer.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from trooper_cli.errors import BrokenAnswerError, ConfigurationError, NoConnectionError, UnavailableError
from trooper_cli.net.egress import is_loopback
from trooper_cli.net.locality import LocalEndpoint, is_plain

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

LONGEST_LINE = 8 << 20
LONGEST_BODY = 32 << 20
CONNECT_SECONDS = 10.0


class Request(NamedTuple):
    """One HTTP request, complete: what a dry run prints is what would be sent.

    `estimate` is not sent: the estimated tokens of the body, where the engine wants to know it later. Nor is
    `inference_geo`, which repeats what the body asks for, nor `unenforced`: keywords of the JSON Schema that the engine
    cannot enforce.
    """

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    estimate: float = 0.0
    inference_geo: str | None = None
    unenforced: tuple[str, ...] = ()


class Response(NamedTuple):
    """An answer whose body is read as it arrives."""

    status: int
    headers: Mapping[str, str]
    chunks: Callable[[], Iterator[bytes]]

    def read(self) -> bytes:
        """Return the whole body.

        Raises:
            BrokenAnswerError: it is larger than 32 MiB.

        """
        parts, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > LONGEST_BODY:
                raise BrokenAnswerError("the engine's answer is larger than 32 MiB; nothing of it was used")
            parts.append(chunk)
        return b"".join(parts)

    def lines(self) -> Iterator[bytes]:
        """Return the body line by line, without line ends, each line as soon as it is there.

        Raises:
            BrokenAnswerError: a line is longer than 8 MiB.

        """
        rest = b""
        for chunk in self.chunks():
            *complete, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                raise BrokenAnswerError("the engine sent a line of more than 8 MiB; the answer was given up")
            for line in complete:
                yield line.rstrip(b"\r")
        if rest:
            yield rest.rstrip(b"\r")


def cloud_url(base: str) -> str:
    """Check the base URL of a cloud: https, or http on loopback; no user name in it.

    Raises:
        ConfigurationError: it is anything else.

    """
    try:
        parts = urlsplit(base)
        usable = is_plain(base) and bool(parts.hostname) and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.scheme not in {"https", "http"} or parts.query or parts.fragment:
        raise ConfigurationError(
            "the cloud's base URL must be https://HOST, without a user name; check ANTHROPIC_BASE_URL"
        )
    if parts.scheme == "http" and not names_loopback(base):
        raise ConfigurationError(
            "the cloud's base URL must be https:// (http:// only on loopback); check ANTHROPIC_BASE_URL"
        )
    return base.rstrip("/")


def names_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or is_loopback(host)


@contextlib.contextmanager
def to_cloud(request: Request, read_timeout: float, proxy: str | None, name: str) -> Iterator[Response]:
    """Send a request to the cloud.

    Args:
        request: what is sent.
        read_timeout: how many seconds the cloud may be silent.
        proxy: the value of `HTTPS_PROXY`; no other proxy variable is obeyed.
        name: what the user calls the cloud.

    Raises:
        UnavailableError: no connection, or the connection broke, or nothing came for too long.
        ConfigurationError: the proxy's address cannot be used.

    """
    import httpx

    host = urlsplit(request.url).netloc
    loopback = names_loopback(request.url)
    try:
        client = httpx.Client(
            verify=bare_tls() if loopback and request.url.startswith("http:") else trusted_tls(),
            proxy=None if loopback else proxy,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(read_timeout, connect=CONNECT_SECONDS),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigurationError("HTTPS_PROXY is not a proxy's address; write it as http://HOST:PORT") from error
    try:
        with (
            client,
            client.stream(request.method, request.url, headers=request.headers, content=request.body) as response,
        ):
            if response.headers.get("content-encoding", "identity") != "identity":
                # A few bytes could unfold to gigabytes, and none of it was asked for.
                raise BrokenAnswerError(f"{name} compresses its answer although it was asked not to")
            yield Response(response.status_code, response.headers, response.iter_raw)
    except httpx.TimeoutException as error:
        silence = UnavailableError(f"{name} was silent for too long, at {host} ({why(error)})")
        silence.is_free = isinstance(error, httpx.ConnectTimeout)
        raise silence from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        failure = NoConnectionError(f"the connection to {name} failed, at {host} ({why(error)})")
        failure.is_free = isinstance(error, (httpx.ConnectError, httpx.ProxyError))
        raise failure from error
    except httpx.InvalidURL as error:
        raise ConfigurationError("the cloud's base URL cannot be used; check ANTHROPIC_BASE_URL") from error


def why(error: BaseException) -> str:
    """Return in words why a connection failed; never an exception's own text, which may quote what was sent."""
    import errno
    import os
    import socket

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "its name is not known"
        if type(cause).__name__ == "SSLCertVerificationError":
            return "its certificate is not trusted"
        if type(cause).__module__ == "ssl":
            return "TLS failed"
        if isinstance(cause, OSError) and cause.errno in errno.errorcode:
            return os.strerror(cause.errno or 0).lower()
        cause = cause.__cause__ or cause.__context__
    kind = type(error).__name__
    if "Timeout" in kind:
        return "no connection in time" if "Connect" in kind else "nothing came in time"
    return "the proxy refuses" if kind == "ProxyError" else "it broke, or what came is not HTTP"


def bare_tls() -> ssl.SSLContext:
    """Skip the reading of the certificate store (21 ms), which plain http has no use for."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def trusted_tls() -> ssl.SSLContext:
    """Trust the system's store (and SSL_CERT_FILE, as OpenSSL reads it), else certifi's."""
    import os
    import ssl

    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not context.get_ca_certs() and not (paths.capath and os.path.isdir(paths.capath)):  # noqa: PTH112
        import certifi

        context.load_verify_locations(certifi.where())
    return context


@contextlib.contextmanager
def to_local(
    endpoint: LocalEndpoint, path: str, request: Request, read_timeout: float, connect_timeout: float = 5.0
) -> Iterator[Response]:
    """Send a request to a server that was shown to be local.

    Args:
        endpoint: the server.
        path: what is appended to the endpoint's own path; the URL of the request is not used.
        request: method, headers and body.
        read_timeout: how many seconds the server may be silent.
        connect_timeout: how many seconds connecting to one address may take.

    Raises:
        UnavailableError: no connection, or the connection broke.
        LocalityError: the connection would leave this machine.

    """
    from h11 import RemoteProtocolError

    from trooper_cli.net.loopback import PinnedConnection

    connection = PinnedConnection(endpoint, read_timeout, connect_timeout)
    try:
        connection.request(request.method, endpoint.prefix + path, request.headers, request.body)
        status, headers, body = connection.response()
        yield Response(status, headers, lambda: body)
    except TimeoutError as error:
        raise UnavailableError(
            f"{endpoint.url} was silent for too long; is the model still loading? See --timeout"
        ) from error
    except (OSError, RemoteProtocolError) as error:
        next_step = "is the server running?"
        if type(error).__name__ == "SSLCertVerificationError":
            next_step = "SSL_CERT_FILE can name what is trusted"
        raise UnavailableError(f"no answer from {endpoint.url} ({why(error)}); {next_step}") from error
    finally:
        connection.close()
