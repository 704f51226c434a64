"""Where an Ollama listens, read from `OLLAMA_HOST` as Ollama reads it."""

from __future__ import annotations

from trooper_cli.server_url import host_and_port, loopback_if_any


def host_url(variable: str) -> str:
    """Read `OLLAMA_HOST` as Ollama itself does (envconfig/config.go): ports by scheme, 0.0.0.0 is this machine."""
    value = variable.strip().strip("\"'").strip()
    scheme, mark, rest = value.partition("://")
    if not mark:
        scheme, rest = "http", value
    scheme = scheme.lower()
    default = {"http": 80, "https": 443}.get(scheme, 11434) if mark else 11434
    if not mark and value.split("/", 1)[0] == "ollama.com":
        scheme, default = "https", 443
    place, slash, path = rest.partition("/")
    host, port = host_and_port(place)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        port = str(default)
    host = loopback_if_any(host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{slash}{path}"
