"""Edit `config.toml`: set or remove one top-level key; comments, order and line ends stay.

Only `trooper config set` and `unset` import tomlkit, which takes 40 ms; settings are read with tomllib.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError, StorageError
from trooper_cli.files import ensure_private_dir, reason

if TYPE_CHECKING:
    from tomlkit.items import Item

TomlValue = str | int | float | list[str]


def change(path: Path, key: str, value: TomlValue | None) -> bool:
    """Set a key of the file, or remove it where `value` is None; return whether it was there.

    Raises:
        ConfigurationError: the file is no TOML, or would not mean what it has to mean; it is left as it is.
        StorageError: it cannot be written.

    """
    text = _read(path)
    before = _parsed(text)
    if before is None:
        raise ConfigurationError(f"{path} is not TOML; mend it by hand first")
    if value is None and key not in before:
        return False
    after = _changed(text, before, key, value)
    if after is None:
        raise ConfigurationError(f"{path} cannot be changed safely; set {key} in it by hand")
    _write(path, after)
    return key in before


def _changed(text: str, before: dict[str, object], key: str, value: TomlValue | None) -> str | None:
    """Return the new text, or None where it would not mean the old one with this key changed."""
    from tomlkit.exceptions import TOMLKitError

    old = before.get(key)
    if any(isinstance(each, dict) for each in (old if isinstance(old, list) else [old])):
        # A table is many lines, and its last comments are about what follows it.
        return None
    try:
        after = edited(text, key, value)
    except TOMLKitError:
        return None
    wanted = {name: other for name, other in before.items() if name != key} | ({} if value is None else {key: value})
    return after if _parsed(after) == wanted else None


def edited(text: str, key: str, value: TomlValue | None) -> str:
    """Return the text with one key set, or removed.

    The comment beside the old value stays beside the new one; what was written inside a list goes above it.
    """
    import tomlkit
    from tomlkit.items import Comment, Trivia

    document = tomlkit.parse(text)
    body = document.body
    at = next((at for at, (name, _) in enumerate(body) if name is not None and name.key == key), None)
    if at is None:
        if value is not None:
            document.append(key, value)
    else:
        old = body[at][1]
        comments = _comments_inside(old)
        if value is None:
            comments += [old.trivia.comment] if old.trivia.comment else []
            del body[at]
        else:
            document[key] = value
        body[at:at] = [(None, Comment(Trivia(comment=comment))) for comment in comments]
    after = document.as_string()
    # What tomlkit adds ends with a line feed alone.
    only_windows = "\r\n" in text and "\n" not in text.replace("\r\n", "")
    return after.replace("\r\n", "\n").replace("\n", "\r\n") if only_windows else after


def _comments_inside(value: Item) -> list[str]:
    from tomlkit.items import Array, Comment

    if not isinstance(value, Array):
        return []
    # tomlkit has no other way to the comments of a list.
    parts = value._iter_items()  # noqa: SLF001
    return [part.trivia.comment for part in parts if isinstance(part, Comment)]


def _parsed(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _read(path: Path) -> str:
    try:
        # Windows editors put a byte order mark in front.
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {reason(error)}; mend or remove it") from error


def _write(path: Path, text: str) -> None:
    """Replace the file atomically; a link stays a link, and the mode stays the mode."""
    path = Path(os.path.realpath(path))
    if not path.parent.exists():
        ensure_private_dir(path.parent)
    try:
        descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                Path(name).chmod(path.stat().st_mode & 0o777)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}; nothing was changed") from error
