"""What is written down beside a part of a model, or a whole one: which file of which place it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHA256 = re.compile(r"[0-9a-f]{64}")


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


def published(headers: tuple[Mapping[str, str], ...]) -> tuple[str, int]:
    """Return the SHA-256 and the size that the hub itself states; '' and 0 where it does not."""
    for each in headers:
        sha256 = each.get("x-linked-etag", "").strip('"').lower()
        size = each.get("x-linked-size", "")
        if SHA256.fullmatch(sha256):
            return sha256, int(size) if size.isdigit() else 0
    return "", 0
