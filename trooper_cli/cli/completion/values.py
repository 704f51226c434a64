"""The names of sessions and models for a shell's Tab: from files of this machine, no engine is asked."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from typing import TYPE_CHECKING

from trooper_cli.files import data_folder
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

CLAUDE = ("claude-fable-5-2", "claude-haiku-5-5", "claude-opus-5-5", "claude-sonnet-5-5")
# A Tab must not wait: as many of the newest sessions, and of their newest turns, are looked at.
_SESSIONS, _TURNS = 30, 50
# Model names come with imported sessions too: what a shell could take for something else is not offered.
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")


def values(kind: str) -> list[str]:
    """Return the names of a kind, `sessions`, `models` or `clouds`, sorted; empty for any other kind."""
    settings = Settings.of_environ(dict(os.environ))
    home = data_folder(settings.environ)
    if kind == "sessions":
        return _sessions(home)
    if kind == "models":
        named = {settings.text("cloud_model"), settings.text("local_model")}
        found = {*CLAUDE, *_used(home), *(model for model in named if model)}
        return sorted(model for model in found if _MODEL.fullmatch(model))
    if kind == "clouds":
        from trooper_cli.engines.clouds import names_of_clouds

        return sorted(filter(_MODEL.fullmatch, names_of_clouds(settings)))
    return []


def _sessions(home: Path) -> list[str]:
    from trooper_cli.store.catalog import names

    return names(home)


def _used(home: Path) -> set[str]:
    """Return the models that answered in the latest sessions."""
    from trooper_cli.store.catalog import folder

    def age(path: Path) -> float:
        with contextlib.suppress(OSError):
            return path.stat().st_mtime
        return 0.0

    newest = sorted(folder(home).glob("*.db"), key=age, reverse=True)[:_SESSIONS]
    models: set[str] = set()
    for path in newest:
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0.1)) as connection,
        ):
            rows = connection.execute("SELECT model FROM turn ORDER BY id DESC LIMIT ?", (_TURNS,))
            models.update(model for (model,) in rows if isinstance(model, str))
    return models
