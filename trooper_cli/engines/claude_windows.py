"""How many tokens Claude's models take: as `/v1/models` said when it was last seen, else by the table of the package.

What is kept is public and the same for everybody: an address, names of models, numbers. It is a help and never a
promise, so that a file that is missing, torn or of another form counts as nothing seen.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.engines.decoding import count, get_path, parse_or_none, text
from trooper_cli.files import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = "claude-models.json"
# Every model of Claude's that is still served takes so many at the least.
LEAST_WINDOW = 200_000
_LARGEST_FILE, _MOST_MODELS, _MOST_TOKENS = 1 << 20, 1000, 1 << 30


def window_of(model: str, base: str, environ: Mapping[str, str]) -> int:
    """Return the most tokens that prompt and answer may have together.

    Args:
        model: its name, with or without a date behind it.
        base: the address that is asked; another one may allow less.
        environ: says where the home folder is.

    """
    seen, table = get_path(_read(data_folder(environ) / FILE), base), _read(Path(__file__).with_suffix(".json"))
    undated, _, date = model.rpartition("-")
    names = [model, undated] if len(date) == 8 and date.isdigit() else [model]
    found = (count(known, name) for known in (seen, table) for name in names)
    return next((window for window in found if 0 < window <= _MOST_TOKENS), LEAST_WINDOW)


def known_models(base: str, environ: Mapping[str, str]) -> list[str]:
    """Return the names of the models that are in a list on this machine; nobody is asked."""
    seen, table = get_path(_read(data_folder(environ) / FILE), base), _read(Path(__file__).with_suffix(".json"))
    names = {name for known in (seen, table) if isinstance(known, dict) for name in known if isinstance(name, str)}
    # What a cloud has said of itself is not printed but as the name that it is.
    return sorted(name for name in names if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", name))


def remember(rows: Iterable[object], base: str, environ: Mapping[str, str]) -> None:
    """Keep what a list of models says of their windows; in a home that has not been used yet nothing is made."""
    said = {text(row, "id")[:200]: count(row, "max_input_tokens") for row in rows}
    windows = {name: window for name, window in sorted(said.items())[:_MOST_MODELS] if name and window}
    home = data_folder(environ)
    if not windows or not home.is_dir():
        return
    known = _read(home / FILE)
    others = {other: known[other] for other in list(known)[:20] if other != base} if isinstance(known, dict) else {}
    import tempfile

    with suppress(OSError):
        descriptor, name = tempfile.mkstemp(prefix=".models-", dir=home)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123
                json.dump({base: windows} | others, file, indent=1)
            os.replace(name, home / FILE)  # noqa: PTH105
        except OSError:
            os.unlink(name)  # noqa: PTH108
            raise


def _read(path: Path) -> object:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123
            return parse_or_none(file.read(_LARGEST_FILE))
    except OSError:
        return None
