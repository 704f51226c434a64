"""Prompts that were meant to be private and end before they become a turn: refused, failed or interrupted.

The guard remembers them: a program keeps a refused message in its history, and a user asks again.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError, NotFoundError, StorageError, TrooperError, UsageError
from trooper_cli.lazy_re import pattern
from trooper_cli.settings import KNOWN
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from trooper_cli.ask.caller import Asked, Caller
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings
    from trooper_cli.store.store import Store

# Characters of a refused prompt that are remembered, which takes seconds.
LONGEST_REFUSED = 2_000_000
# Of what is no session's name: more may be a prompt.
_LONGEST_NAME = 128
_PART, _OVERLAP = 1_000_000, 1_000
# A name with its value or that of a table, in TOML or what is taken for it.
_LINE = pattern(r"""[ \t"']*(\[*)[ \t"']*([\w.-]+)[ \t"']*(?:\]|[=:]|[ \t])[ \t"'\[{]*([\w-]*)""")
# Where a line ends, or a field of JSON; a comma in a comment ends nothing.
_ENDS = pattern(r"[\r\n{]|,(?=[ \t]*[\"'])")
# Of these is one in the name or the value of what was to be a lock.
_WORDS_OF_LOCKS = ("cloud", "local", "lock", "private", "offline", "off")
_NO = {"0", "false"}


def is_meant_private(local_flag: bool | None, settings: Settings) -> bool:  # noqa: FBT001
    """Return whether a call wants a private turn. What says something else than the cloud, or cannot be read, does."""
    if local_flag is not None:
        return local_flag
    if _is_misspelt_lock(settings):
        return True
    try:
        settings.tables("clouds")
        return settings.boolean("local") is True or settings.text("cloud") == "off"
    except ConfigurationError:
        environ, of_session = settings.environ, settings.of_session
        return (
            environ.get("TROOPER_LOCAL", of_session.get("local", "0")) != "0"
            or environ.get("TROOPER_CLOUD", "on") != "on"
            or of_session.get("cloud", "on") != "on"
            or _is_lock_in(settings.file)
        )


def _is_misspelt_lock(settings: Settings) -> bool:
    from trooper_cli.ask.variables import misspelt

    lets_out = {"TROOPER_LOCAL": "0", "TROOPER_CLOUD": "on"}
    return any(
        settings.environ[name] != lets_out[meant]
        if meant in lets_out
        else _may_lock(name.upper().partition("TROOPER")[2], settings.environ[name])
        for name, meant in misspelt(settings.environ)
    )


def _may_lock(name: str, value: str) -> bool:
    """Return whether a setting that is not known may have been meant for a lock."""
    if value.lower() in _NO and "cloud" not in name.lower():
        return False
    return says_private(name) or value.lower() in _WORDS_OF_LOCKS


def says_private(name: str, words: Sequence[str] = _WORDS_OF_LOCKS) -> bool:
    """Return whether a name holds one of the words, or one that may be misspelt for it."""
    from difflib import get_close_matches

    name = name.lower()
    parts = name.replace("_", "-").replace(".", "-").split("-")
    return any(word in name for word in words) or any(get_close_matches(part, words, 1, 0.75) for part in parts)


def _is_lock_in(file: Path | None) -> bool:
    """Return whether a `config.toml` that cannot be used locks the cloud or was to, under a misspelt name or value."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace") if file is not None else ""
    except FileNotFoundError:
        return False
    except OSError:
        return True
    # In UTF-16 or UTF-32, each letter of ASCII stands among zeros, and a mark that is no UTF-8 before the first.
    text = text.replace("\0", "").lstrip("\ufeff\ufffd")
    return any(_is_lock(*line.groups()) for line in map(_LINE.match, _ENDS.split(text)) if line)


def _is_lock(bracket: str, name: str, value: str) -> bool:
    if name == "cloud":
        return value != "on"
    if name == "local":
        return value not in _NO
    return name not in KNOWN and (bracket, name) != ("[[", "clouds") and _may_lock(name, value)


def is_meant_private_in(
    home: Path,
    session: str | None,
    local_flag: bool | None,  # noqa: FBT001
    settings: Settings,
    *,
    repeats_private: bool = False,
) -> bool:
    """Return whether a call in a session wants a private turn; also if it is not known, since that cannot be read.

    With `repeats_private` the turn whose prompt is asked again is private.
    """
    if repeats_private:
        # Whatever else is said: it stays here, and with --cloud it is refused.
        return True
    if local_flag is not None:
        return local_flag
    from trooper_cli.store.catalog import twin_of
    from trooper_cli.store.session import settings_of

    try:
        name = session if session is not None else settings.environ.get("TROOPER_SESSION")
        settings = settings.with_session(settings_of(home, name and (twin_of(home, name) or name)))
    except (UsageError, NotFoundError):
        # There is none of that name, which may be one with a stray character.
        if name and _is_near_private(home, name, settings):
            return True
    except (TrooperError, sqlite3.Error, OSError):
        return True
    return is_meant_private(None, settings)


def _is_near_private(home: Path, name: str, settings: Settings) -> bool:
    """Return whether what is no session's name may have been meant for that of a private session."""
    from trooper_cli.store.catalog import is_name, names
    from trooper_cli.store.session import settings_of

    if is_name(name) or len(name) > _LONGEST_NAME:
        return False
    from difflib import get_close_matches

    from trooper_cli.guard.normalize import reduced

    known: dict[str, list[str]] = {}
    for each in names(home):
        known.setdefault(reduced(each), []).append(each)
    meant = [each for near in get_close_matches(reduced(name), known, 3, 0.7) for each in known[near]]
    try:
        return any(is_meant_private(None, settings.with_session(settings_of(home, each))) for each in meant)
    except (TrooperError, sqlite3.Error, OSError):
        return True


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


def remember_parts(guard: Guard, system: str, parts: Sequence[str], others: Iterable[str] = ()) -> None:
    """Store fingerprints of what was read of a private prompt, arguments, standard input and files, and its system's.

    `others` are texts that may be a prompt as well, each by itself.

    Raises:
        StorageError: it cannot be written down.

    """
    from trooper_cli.ask.caller import keys_of_prompt
    from trooper_cli.guard import text_keys

    prompt, system = _joined(parts), _joined([system])
    if text := _joined([system, prompt]):
        remember_prompt(guard, text, [*(keys_of_prompt(prompt) if prompt else ()), *text_keys.wholes(system)])
    for other in others:
        remember_parts(guard, "", [other])


def _joined(parts: Sequence[str]) -> str:
    """Return texts as one; what of them is not UTF-8 is replaced."""
    return "\n\n".join(part for part in parts if part.strip()).encode("utf-8", "replace").decode()


@contextlib.contextmanager
def remembering(refusal: BaseException, notify: Callable[[str], object]) -> Iterator[None]:
    """Add to a refusal, which is raised in any case, that its prompt could not be remembered; else tell it."""
    try:
        yield
    except (TrooperError, sqlite3.Error, OSError):
        unknown = "the guard could not remember it, so do not send it to the cloud"
        if isinstance(refusal, StorageError):
            # It says so itself.
            return
        if isinstance(refusal, TrooperError):
            refusal.args = (f"{refusal}; and {unknown}",)
        else:
            notify(f"of a private prompt: {unknown}")


class PendingPrompt:
    """A question until its prompt is on record; `asked` is what is decided about it so far."""

    def __init__(self, ask_request: AskRequest, caller: Caller, settings: Settings, home: Path) -> None:
        self.ask_request = ask_request
        self.caller = caller
        self.asked: Asked | None = None
        self._settings = settings
        self._home = home

    def is_private(self) -> bool:
        if self.asked is not None:
            return self.asked.decision.label is Label.PRIVATE
        ask_request = self.ask_request
        repeated = ask_request.repeated
        return is_meant_private_in(
            self._home,
            ask_request.session,
            ask_request.local_flag,
            self._settings,
            repeats_private=repeated is not None and repeated.label is Label.PRIVATE,
        )

    def remember(self, guard: Guard) -> None:
        ask_request, caller = (
            (self.asked.ask_request, self.asked.caller) if self.asked else (self.ask_request, self.caller)
        )
        caller.remember_refused(ask_request, guard)


@contextlib.contextmanager
def remembering_unless_done(
    store: Store, is_private: Callable[[], bool], remember: Callable[[Guard], None]
) -> Iterator[Callable[[], None]]:
    """Store the fingerprints of a private prompt if the block is not completed, whatever ends it.

    This stands around all that happens between the command line and the prompt's fingerprints. A signal ends it too.
    So that there is no instant between two such blocks, the inner one begins within the outer one, and then calls what
    that yields: the outer one leaves the prompt to it.

    Args:
        store: whose guard remembers.
        is_private: returns whether the prompt is private, or was meant to be, as far as that is decided by then.
        remember: stores the fingerprints of what was read by then.

    """
    is_left_to_another = False

    def leave() -> None:
        nonlocal is_left_to_another
        is_left_to_another = True

    try:
        yield leave
    except BaseException as refusal:
        if not is_left_to_another and is_private():
            with remembering(refusal, store.notify), store.guard_to_write() as guard:
                remember(guard)
        raise
