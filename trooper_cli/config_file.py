"""Editing `config.toml`: one key at the top is set or taken out, and every other byte stays, comments included."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from trooper_cli.errors import ConfigurationError, StorageError
from trooper_cli.places import private_folder

TomlValue = str | int | list[str]


class _Statement(NamedTuple):
    """The lines `first` to `last`, `last` not among them, that give a key its value; and the comments in them."""

    first: int
    last: int
    comments: list[str]


def change(path: Path, key: str, value: TomlValue | None) -> bool:
    """Set a key of the file, or take it out where `value` is None; tells whether it was there.

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
    after = edited(text, key, value)
    wanted = {name: other for name, other in before.items() if name != key} | ({} if value is None else {key: value})
    if _parsed(after) != wanted:
        raise ConfigurationError(f"{path} cannot be changed safely; set {key} in it by hand")
    _write(path, after)
    return key in before


def edited(text: str, key: str, value: TomlValue | None) -> str:
    """Give the text with one key changed. Comments inside a value of several lines go above the new one."""
    end = "\r" if "\r\n" in text else ""
    lines = text.split("\n")
    new = f"{key} = {_toml(value)}" if value is not None else None
    if (old := _statement(lines, key)) is None:
        if new is None:
            return text
        if (tables := _first_table(lines)) is not None:
            return "\n".join([*lines[:tables], new + end, *lines[tables:]])
        if lines[-1]:
            lines = [*lines[:-1], lines[-1] + end, ""]
        return "\n".join([*lines[:-1], new + end, ""])
    kept = list(old.comments)
    if new is not None and kept and old.last == old.first + 1:
        line = lines[old.first].rstrip("\r")
        value_end = len(line.removesuffix(kept[0]).rstrip())
        kept = [new + line[value_end:]]
    elif new is not None:
        kept.append(new)
    return "\n".join([*lines[: old.first], *(line + end for line in kept), *lines[old.last :]])


def _first_table(lines: list[str]) -> int | None:
    """Find the line where the keys of the file itself end."""
    heads = (place for place, line in enumerate(lines) if line.lstrip().startswith("["))
    return next((place for place in heads if _parsed("\n".join(lines[:place])) is not None), None)


def _statement(lines: list[str], key: str) -> _Statement | None:
    """Find the lines that give `key` its value: what stands before them, and they themselves, are whole TOML."""
    for first, line in enumerate(lines):
        name = line.partition("=")[0].strip()
        if name not in {key, f'"{key}"', f"'{key}'"} or _parsed("\n".join(lines[:first])) is None:
            continue
        for last in range(first + 1, len(lines) + 1):
            found = _parsed("\n".join(lines[first:last]))
            if found is not None:
                return _Statement(first, last, _comments(lines[first:last], found))
    return None


def _comments(lines: list[str], meaning: dict[str, object]) -> list[str]:
    """Give the comments of a statement: what can be cut off a line without a change of meaning."""
    found = []
    for number, line in enumerate(lines):
        for place in (place for place, character in enumerate(line) if character == "#"):
            if _parsed("\n".join([*lines[:number], line[:place], *lines[number + 1 :]])) == meaning:
                found.append(line[place:].rstrip("\r"))
                break
    return found


def _parsed(text: str) -> dict[str, object] | None:
    # A line that was cut from a file with Windows line ends has a lone carriage return at its end.
    try:
        return tomllib.loads(text.removesuffix("\r"))
    except tomllib.TOMLDecodeError:
        return None


def _toml(value: TomlValue) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(word) for word in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {type(error).__name__}; mend or remove it") from error


def _write(path: Path, text: str) -> None:
    """Put the new file in the place of the old one whole; a link stays a link, and the mode stays the mode."""
    path = Path(os.path.realpath(path))
    if not path.parent.exists():
        private_folder(path.parent)
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
