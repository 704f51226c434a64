"""Prompts that were meant to be private and are refused before they become a turn.

The guard remembers them: a program keeps a refused message in its history, and a user asks again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError, TrooperError
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trooper_cli.caller import Asked
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings

# Characters of a refused prompt that are remembered, which takes seconds.
LONGEST_REFUSED = 2_000_000
_PART, _OVERLAP = 1_000_000, 1_000


def is_meant_private(local_flag: bool | None, settings: Settings) -> bool:  # noqa: FBT001
    """Return whether a call wants a private turn. A variable that says something else than the cloud wants one."""
    if local_flag is not None:
        return local_flag
    try:
        return settings.boolean("local") is True or settings.text("cloud") == "off"
    except ConfigurationError:
        environ = settings.environ
        return environ.get("TROOPER_LOCAL", "0") != "0" or environ.get("TROOPER_CLOUD", "on") != "on"


def remember_prompt(guard: Guard, text: str, names: Iterable[str]) -> None:
    """Store fingerprints of a private prompt that belongs to no turn.

    Raises:
        StorageError: it cannot be written down.

    """
    text = text[:LONGEST_REFUSED]
    guard.remember(Label.PRIVATE, None, None, prompt=text[:_PART], names=names)
    # Part by part, for fingerprints of megabytes take hundreds of them; what stands at an end stands in both parts.
    for start in range(_PART, len(text), _PART):
        guard.remember(Label.PRIVATE, None, None, prompt=text[start - _OVERLAP : start + _PART])


@contextlib.contextmanager
def remembering(refusal: TrooperError) -> Iterator[None]:
    """Add to a refusal, which is raised in any case, that its prompt could not be remembered."""
    try:
        yield
    except (TrooperError, sqlite3.Error):
        refusal.args = (f"{refusal}; and the guard could not remember it, so do not send it to the cloud",)


@contextlib.contextmanager
def remembering_private(asked: Asked, guard: Guard) -> Iterator[None]:
    """Store fingerprints of a private question that is refused within the block, since it becomes no turn."""
    try:
        yield
    except TrooperError as refusal:
        if asked.decision.label is Label.PRIVATE:
            with remembering(refusal):
                asked.caller.remember_refused(asked.question, guard)
        raise
