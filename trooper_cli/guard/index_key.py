"""The key of the guard's index: without it nobody can find out which texts its fingerprints are of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.errors import InputError, StorageError
from trooper_cli.files import chmod_private

if TYPE_CHECKING:
    from pathlib import Path


def read_or_make(path: Path) -> bytes:
    """Read the key, or make one: whole under another name first, so that no process ever reads half of it.

    Raises:
        StorageError: it cannot be read or made.
        InputError: the file there is no key.

    """
    for _ in range(2):
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
                key = file.read()
        except FileNotFoundError:
            database.create_atomically(path, lambda temporary: temporary.write_bytes(os.urandom(32)))
            continue
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        chmod_private(path)
        if len(key) == 32:
            return key
        break
    raise InputError(f"{path} is not the guard's key; move it and guard.db away to start again")
