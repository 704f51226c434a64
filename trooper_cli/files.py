"""Where Trooper keeps its files: a folder of the user's alone, 0700, and files 0600 whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of sessions and models: `TROOPER_HOME`, else the platform's folder for user data."""
    if home := environ.get("TROOPER_HOME"):
        return Path(home).expanduser()
    from platformdirs import user_data_path

    return user_data_path("trooper", appauthor=False)


def config_file(environ: Mapping[str, str]) -> Path:
    """Return the path of `config.toml`: in `TROOPER_HOME`, else in the platform's folder for user configuration."""
    if home := environ.get("TROOPER_HOME"):
        return Path(home).expanduser() / "config.toml"
    from platformdirs import user_config_path

    return user_config_path("trooper", appauthor=False) / "config.toml"


def reason(error: BaseException) -> str:
    """Return in words why a file of TOML cannot be read: the system's, or the line, but nothing of what it holds."""
    if isinstance(error, OSError):
        return error.strerror or "the system refuses"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    import re

    place = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
    return f"it is not TOML at {place[1]}" if place and "line" in place[1] else "it is not TOML"


def ensure_private_dir(path: Path) -> Path:
    """Create a folder that only its owner can enter, or remove the rights of others from an existing one.

    Raises:
        StorageError: it cannot be made.
        InputError: the path exists and is not a folder.

    """
    try:
        # mkdir gives its mode to the last folder only and lets the umask cut it, so each is made and set by itself.
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        if stat.S_IMODE(path.stat().st_mode) != 0o700:
            path.chmod(0o700)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path} is not a folder; move it away or set TROOPER_HOME to another place") from error
    except OSError as error:
        raise StorageError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def chmod_private(path: Path) -> None:
    """Remove the rights of group and others from a file of ours, as ssh demands of its keys."""
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    if mode & 0o077:
        path.chmod(mode & 0o700)
