"""The address of a server on this machine, as users write it: scheme and port may be missing."""

from __future__ import annotations

# The port of llama.cpp's server.
_PORT = "8080"


def server_url(text: str) -> str:
    """Return the URL that a text names, read as Ollama reads `OLLAMA_HOST`: 0.0.0.0 is this machine.

    Without a scheme it is http, then without a port 8080; behind a scheme it is the scheme's. Whether it is local is
    checked elsewhere.

    Raises:
        ValueError: it is no address.

    """
    value = text.strip().strip("\"'").strip()
    scheme, mark, rest = value.partition("://")
    if not mark:
        scheme, rest = "http", value
    place, slash, path = rest.partition("/")
    if scheme.lower() not in {"http", "https"} or not place:
        raise ValueError("must be HOST:PORT, http://HOST:PORT or https://HOST:PORT")
    if "@" not in place:
        host, port = host_and_port(place)
        host = loopback_if_any(host)
        port = port or ("" if mark else _PORT)
        place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return f"{scheme.lower()}://{place}{slash}{path}"


def loopback_if_any(host: str) -> str:
    """Return this machine for what means any of its addresses, or none."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def host_and_port(place: str) -> tuple[str, str]:
    """Return the host and the port of `HOST:PORT`, each empty if it is missing; an IPv6 address may have brackets."""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    if place.count(":") > 1:
        return place, ""
    host, _, port = place.partition(":")
    return host, port
