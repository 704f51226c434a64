"""What an Ollama has, for people: each model with its size, context and licence. Sends names of models only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.engines.decoding import count, get_path, items, parse, parse_or_none, text
from trooper_cli.errors import UnavailableError
from trooper_cli.net.deadline import Deadline
from trooper_cli.net.http import Request, to_local

if TYPE_CHECKING:
    from trooper_cli.engines.ollama import Server

_SECONDS = 5.0


class Listed(NamedTuple):
    """One model; `size` in bytes and `context` in tokens, 0 where the server does not say."""

    name: str
    size: int
    context: int
    licence: str


def listed(server: Server, names: list[str]) -> list[Listed]:
    """Describe models that the server has on this machine, in their order.

    Raises:
        UnavailableError: it does not answer.
        LocalityError: its address is not local.

    """
    _, tags = _call(server, "/api/tags", None)
    sizes = {text(row, "name"): count(row, "size") for row in items(tags, "models")}
    return [_described(server, name, sizes.get(name, 0)) for name in names]


def _described(server: Server, name: str, size: int) -> Listed:
    status, shown = _call(server, "/api/show", {"model": name})
    info = get_path(shown, "model_info") if status == 200 else None
    table = info if isinstance(info, dict) else {}
    context = max((count(table, key) for key in table if key.endswith(".context_length")), default=0)
    # The field `license` is the whole text; its first line is its name.
    lines = [line.strip() for line in text(shown, "license").splitlines() if line.strip()]
    return Listed(name, size, context, text(table, "general.license") or (lines[0][:40] if lines else ""))


def _call(server: Server, path: str, body: object) -> tuple[int, object]:
    data = b"" if body is None else json.dumps(body).encode()
    request = Request(
        server.url + path,
        {"content-type": "application/json", "connection": "close"},
        data,
        "GET" if body is None else "POST",
    )
    with Deadline(_SECONDS), to_local(server.endpoint(), path, request, _SECONDS) as response:
        if response.status != 200 and body is None:
            raise UnavailableError(f"{server.endpoint().url} does not answer as an Ollama does ({response.status})")
        read = response.read()
        return response.status, parse(read, "Ollama") if response.status == 200 else parse_or_none(read)
