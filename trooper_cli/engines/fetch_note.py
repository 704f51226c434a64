"""What is written down beside a part of a model, or a whole one: which file of which place it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Note(NamedTuple):
    """A file of a server: its address, the sum and the mark that are published for it, and its size."""

    identity: str = ""
    sha256: str = ""
    etag: str = ""
    size: int = 0


def noted(file: Path) -> Note:
    """Return what is written down; an empty note if nothing is that can be read."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return Note(*(record[field] for field in Note._fields))
    except (OSError, ValueError, KeyError, TypeError):
        return Note()
