"""Ollama's models: what each can do, and which is meant where none is named."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import get_path, items, parse_or_none, text
from trooper_cli.errors import ConfigurationError, TrooperError
from trooper_cli.files import ensure_private_dir
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FILE = "ollama_models.json"
_LARGEST_FILE = 4096


class NoUsableModelError(ConfigurationError):
    """Ollama has no model that can chat: it counts as not being there."""


def choose(rows: Sequence[object], used_last: str | None, show: Callable[[str], object]) -> tuple[str, bool]:
    """Choose among local models: the one used last, else the newest, of those that can chat.

    Args:
        rows: the local models of `/api/tags`, which lists the newest first.
        used_last: the model that was used last, if one was, as it was named then.
        show: returns what `/api/show` says of a model.

    Returns:
        Its name, and whether others could have been chosen.

    Raises:
        NoUsableModelError: there is none.

    """
    usable: list[str] = []
    names = [text(row, "name") for row in rows]
    for name in sorted(names, key=lambda name: used_last not in {name, name.removesuffix(":latest")}):
        # The list names capabilities too since 0.34; 0.34.0 was seen to list an embedder as a model that can chat.
        if can_chat(show(name)):
            usable.append(name)
        if len(usable) == 2:
            break
    if not usable:
        what = "no model that can chat" if rows else "no local model"
        raise NoUsableModelError(f"this Ollama has {what}; fetch one with `ollama pull llama3.2`")
    return usable[0], len(usable) > 1


def can_chat(shown: object) -> bool:
    """Return whether a model can chat. Servers before 0.6.4 do not say it; their models are taken to."""
    return get_path(shown, "capabilities") is None or "completion" in items(shown, "capabilities")


def levels(shown: object) -> tuple[str | bool, ...]:
    """Return the values of `think` that a model takes, from no thought to most; none if it does not think."""
    if "thinking" not in items(shown, "capabilities"):
        return ()
    # gpt-oss has levels only (server/routes.go, shouldUseHarmony). In templates they have a variable.
    if text(shown, "details", "family") in {"gptoss", "gpt-oss"}:
        return ("low", "medium", "high")
    return (False, "low", "medium", "high") if ".ThinkLevel" in text(shown, "template") else (False, True)


def nearest_level(effort: str, levels: tuple[str | bool, ...]) -> str | bool:
    """Return the value of `think` for a level of the setting `effort`."""
    if effort == "none":
        return levels[0]
    return effort if effort in levels else levels[-1]


def used_last(home: Path, label: Label) -> str | None:
    """Return the model that turns of this label used last; what private turns used, public ones do not know."""
    return _read(home).get(label)


def remember_used(home: Path, label: Label, model: str) -> None:
    """Store which model a turn used. Where it cannot be written, the newest is chosen next time."""
    used, model = _read(home), model.removesuffix(":local")
    # Public turns are known to private ones.
    now_used = used | {str(Label.PRIVATE): model} | ({str(Label.PUBLIC): model} if label is Label.PUBLIC else {})
    if now_used == used:
        return
    with suppress(OSError, TrooperError):
        path = ensure_private_dir(home) / FILE
        part = path.with_name(f".{FILE}-{os.getpid()}")
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
                json.dump(now_used, file)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def _read(home: Path) -> dict[str, str]:
    try:
        descriptor = os.open(home / FILE, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123
            value = parse_or_none(file.read(_LARGEST_FILE))
    except OSError:
        return {}
    return {label: name for label in Label if (name := text(value, label))}


def has_cloud_suffix(model: str) -> bool:
    # Ollama looks at the last part alone; a name that carries the suffix before another one is no safer.
    tags = [tag.strip() for tag in model.lower().split(":")[1:]]
    return any(tag == "cloud" or tag.endswith("-cloud") for tag in tags)


def is_remote(record: object) -> bool:
    return bool(get_path(record, "remote_host") or get_path(record, "remote_model"))


def same_model(listed: str, asked: str) -> bool:
    name = asked.removesuffix(":local")
    return listed in {name, f"{name}:latest"}
