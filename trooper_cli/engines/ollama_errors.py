"""What Ollama says where it does not answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import count, get_path, parse_or_none, text
from trooper_cli.errors import (
    BusyError,
    ConfigurationError,
    ContextExceededError,
    InputError,
    LocalityError,
    TrooperError,
    UnavailableError,
)

if TYPE_CHECKING:
    from trooper_cli.net.http import Response

_QUEUE_SECONDS = 8.0


def log() -> str:
    """Return where Ollama writes its log, as its own documentation says (docs/troubleshooting.mdx)."""
    if sys.platform == "darwin":
        return "~/.ollama/logs/server.log"
    if sys.platform == "win32":
        return "%LOCALAPPDATA%\\Ollama\\server.log"
    return "`journalctl -u ollama`, or where `ollama serve` runs"


def failure(response: Response, name: str) -> TrooperError:
    """Return the exception for an error of Ollama; its text may quote the prompt and is not repeated."""
    body = parse_or_none(response.read())
    status = response.status
    if 300 <= status < 400:
        return LocalityError("the local engine answers with a redirect, which is never followed; nothing more was sent")
    inner = parse_or_none(text(body, "error"))
    if get_path(inner, "error", "type") == "exceed_context_size_error":
        tokens, limit = count(inner, "error", "n_prompt_tokens"), count(inner, "error", "n_ctx")
        return ContextExceededError(
            f"{name} takes {limit:,} tokens and the prompt has {tokens:,}; shorten it", tokens, limit
        )
    if status in {401, 403}:
        return LocalityError(f"Ollama will not run {name} on this machine ({status}); choose a local model with -m")
    if status == 404:
        return ConfigurationError(f"Ollama has no local model {name}; `ollama list` shows which are there")
    if status == 400:
        return InputError(f"Ollama calls the request invalid for {name} (400); its log tells why: {log()}")
    if status == 503:
        return BusyError("Ollama's queue is full (503)", _QUEUE_SECONDS)
    return UnavailableError(f"Ollama could not load or run {name} ({status}); its log tells why: {log()}")
