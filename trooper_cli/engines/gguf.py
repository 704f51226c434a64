"""What a GGUF file says of its model."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from trooper_cli.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from pathlib import Path

# Tokens, where the file does not say for how many its model was trained.
_DEFAULT_CONTEXT = 8192
_LARGEST_CONTEXT = 1 << 30
# Arrays in arrays: what is written has none.
_DEEPEST = 4


class Header(NamedTuple):
    """What a file says of its model. `context` is in tokens; `licence` and `architecture` are '' where it does not."""

    context: int
    licence: str
    architecture: str


def context_length(path: Path) -> int:
    """Return for how many tokens a model was trained.

    Raises:
        ConfigurationError: there is no such file.
        InputError: it is not a GGUF file.

    """
    return header(path).context


def header(path: Path) -> Header:
    """Read what a GGUF file says of its model before its vocabulary (ggml's docs/gguf.md, versions 2 and 3).

    Raises:
        ConfigurationError: there is no such file.
        InputError: it is not a GGUF file.

    """
    found: dict[str, object] = {}
    try:
        if path.exists() and not path.is_file():
            # A pipe would be waited for until somebody writes to it.
            raise ConfigurationError(f"the model {path} is no regular file; name a GGUF file")
        with path.open("rb") as file:
            head = file.read(24)
            if head[:4] != b"GGUF":
                raise InputError(f"{path} is not a GGUF model; name another file")
            _, version, _, entries = struct.unpack("<4sIQQ", head)
            if version not in {2, 3}:
                raise InputError(f"{path} is not a GGUF model of version 2 or 3; name another file")
            for _ in range(min(entries, 4096)):
                key = read_string(file)
                if key.startswith(b"tokenizer.") and "context_length" in found:
                    # The vocabulary is long, and comes last.
                    break
                value = read_value(file, *struct.unpack("<I", file.read(4)))
                name = key.rpartition(b".")[2].decode("ascii", "replace")
                if name == "context_length" or key in {b"general.license", b"general.architecture"}:
                    found.setdefault(name, value)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the model {path}: {error.strerror}; correct -m or TROOPER_EMBEDDED_MODEL, "
            "or leave it out for a model of `trooper pull`"
        ) from error
    except struct.error as error:
        raise InputError(f"{path} is a torn GGUF file; fetch it again") from error
    context = found.get("context_length", _DEFAULT_CONTEXT)
    if not isinstance(context, int) or not 0 < context <= _LARGEST_CONTEXT:
        raise InputError(f"{path} says of its context what no model has; fetch it again, or choose another one")
    return Header(
        context,
        _text(found.get("license")),
        _text(found.get("architecture")),
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


_STRING, _ARRAY = 8, 9
_FORMS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def read_string(file: BinaryIO) -> bytes:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > 1 << 24:
        raise struct.error
    return file.read(length)


def read_value(file: BinaryIO, kind: int, depth: int = 0) -> object:
    if kind == _STRING:
        return read_string(file)
    if kind == _ARRAY:
        inner, length = struct.unpack("<IQ", file.read(12))
        # No more than the rest of a file can hold, whatever it says.
        if depth > _DEEPEST or length > 1 << 40:
            raise struct.error
        if inner in _FORMS:
            file.seek(struct.calcsize(_FORMS[inner]) * length, 1)
        else:
            for _ in range(length):
                read_value(file, inner, depth + 1)
        return None
    if kind not in _FORMS:
        raise struct.error
    return struct.unpack(_FORMS[kind], file.read(struct.calcsize(_FORMS[kind])))[0]
