"""What an Ollama has, for people: each model with its size, context and licence. Sends names of models only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.engines.decoding import count, get_path, items, parse, parse_or_none, text
from trooper_cli.engines.ollama_models import can_chat
from trooper_cli.errors import UnavailableError
from trooper_cli.net.deadline import Deadline
from trooper_cli.net.http import Request, to_local

if TYPE_CHECKING:
    from trooper_cli.engines.ollama import Server

_SECONDS = 5.0
ELSEWHERE = "Ollama has it executed on another machine"
# Ollama's words for what a model can do (types/model/capability.go), as people say it.
_CAPABILITIES = {"completion": "chat", "thinking": "think", "vision": "see", "embedding": "embed"}


class Listed(NamedTuple):
    """One model; `size` in bytes and `context` in tokens, 0 where the server does not say.

    `capabilities` is what it can do, None where the server does not say it; `refused` why no ask uses it.
    """

    name: str
    size: int
    context: int
    licence: str
    capabilities: tuple[str, ...] | None = None
    refused: str = ""


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
    licence = text(table, "general.license") or (lines[0][:40] if lines else "")
    return Listed(name, size, context, licence, *_use(status, shown))


def _use(status: int, shown: object) -> tuple[tuple[str, ...] | None, str]:
    """Return what a model can do, and why it is not used; '' if it is."""
    if status != 200:
        return None, f"Ollama cannot describe it ({status})"
    capabilities = None
    if get_path(shown, "capabilities") is not None:
        stated = [word for word in items(shown, "capabilities") if isinstance(word, str)]
        capabilities = tuple(_CAPABILITIES.get(word, _printable(word)) for word in stated)
    if get_path(shown, "remote_host") or get_path(shown, "remote_model"):
        return capabilities, ELSEWHERE
    if not can_chat(shown):
        return capabilities, f"it cannot chat, it is for: {', '.join(capabilities or ()) or 'nothing that is stated'}"
    return capabilities, ""


def _printable(word: str) -> str:
    return "".join(filter(str.isprintable, word))[:32]


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
