"""The models that were pulled, and which of them the embedded engine uses.

One that is named goes first: by `-m`, then by TROOPER_EMBEDDED_MODEL, as a path or as the name of a pulled model. Else
it is the one that was pulled last. A path has a slash in it: what a name means is not up to the files of the folder in
which the command is called, a repository for one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli.settings import Settings


class Unfinished(NamedTuple):
    """A model of which a part has arrived; `size` is that of the whole, in bytes."""

    file: str
    here: int
    size: int


def pulled_models(home: Path) -> list[Path]:
    """Return the files of the models that were pulled, the one that was pulled last first."""
    from trooper_cli.engines.default_model import folder

    try:
        with os.scandir(folder(home)) as entries:
            found = [
                (entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in entries if _is_model(entry)
            ]
    except OSError:
        return []
    return [Path(path) for _, path in sorted(found, reverse=True)]


def _is_model(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".gguf") and not entry.name.startswith(".")


def name_of(path: Path) -> str:
    """Return what a model is called: as `trooper pull` knows it, else its file's name without `.gguf`."""
    from trooper_cli.engines import default_model
    from trooper_cli.engines.known_models import known_model

    if path.name == default_model.FILE:
        return default_model.NAME
    known = known_model(path.name)
    return known.name if known else path.stem


def pulled_model(home: Path, name: str) -> Path | None:
    """Return the file of the pulled model of that name, or None."""
    wanted = name.lower()
    for path in pulled_models(home):
        if wanted in {name_of(path), path.stem.lower(), path.name.lower()}:
            return path
    return None


def named_model(home: Path, named: str) -> Path | None:
    """Return the file that a path or the name of a pulled model means; None for a name that is neither.

    Raises:
        ConfigurationError: it is the name of a file, and no such model was pulled.

    """
    if named.startswith("~") or os.sep in named or (os.altsep or os.sep) in named:
        return Path(named).expanduser()
    if (found := pulled_model(home, named)) is None and (named.lower().endswith(".gguf") or Path(named).exists()):
        raise ConfigurationError(f"no model {named} was pulled; a file of this folder is named ./{named}")
    return found


def embedded_model(settings: Settings, home: Path) -> Path | None:
    """Return the file that the embedded engine uses where no model is named for the turn; None if there is none.

    Raises:
        ConfigurationError: TROOPER_EMBEDDED_MODEL names no model.

    """
    if not (named := settings.text("embedded_model")):
        return next(iter(pulled_models(home)), None)
    if (found := named_model(home, named)) is not None:
        return found
    from trooper_cli.near import did_you_mean

    raise ConfigurationError(
        f"no model {named} was pulled (TROOPER_EMBEDDED_MODEL); fetch it with `trooper pull {named}`, "
        f"or name {_names(home)}{did_you_mean(named, map(name_of, pulled_models(home)))}"
    )


def _names(home: Path) -> str:
    return ", ".join([*map(name_of, pulled_models(home)), "a GGUF file by its path"])


def unfinished_models(home: Path) -> Iterator[Unfinished]:
    """Yield the models whose fetching was interrupted; the same `trooper pull` goes on with them."""
    from trooper_cli.engines.default_model import folder
    from trooper_cli.engines.model_fetch import UNFINISHED

    for part in sorted((folder(home) / UNFINISHED).glob("*.part")):
        try:
            record = json.loads(part.with_suffix(".json").read_text(encoding="utf-8"))
            yield Unfinished(part.name.removesuffix(".part"), part.stat().st_size, int(record["size"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
