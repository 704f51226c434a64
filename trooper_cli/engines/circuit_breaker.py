"""The breaker: what is remembered of clouds that could not answer, so that the next call does not wait for them again.

It is a help and never a promise: a file that is missing, torn or of another form counts as nothing remembered, and one
that cannot be written is let be. Only public turns read or write it. A cloud is known by its address and key, of which
the file holds a keyed digest alone.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from trooper_cli.errors import NoConnectionError, OverloadError, QuotaError, TrooperError, UnavailableError
from trooper_cli.files import ensure_private_dir

if TYPE_CHECKING:
    from pathlib import Path

FILE = "breaker.json"
# A quota that is gone until nobody says when is asked for again after this, a date is believed up to this.
QUOTA_SECONDS, LONGEST_QUOTA = 900.0, 35 * 86_400.0
# Overload and the like: twice as long after each call that found it again soon after.
TROUBLE_SECONDS, LONGEST_TROUBLE, SOON_SECONDS = 5.0, 300.0, 600.0
_LARGEST_FILE = 1 << 20

Account = tuple[str, str]


class Hold(NamedTuple):
    """Why a cloud is not asked, and until when, in seconds since 1970."""

    cause: Literal["quota", "trouble"]
    until: float
    failures: int

    def __str__(self) -> str:
        """Return the text of a notice: why the cloud is not asked, and until when."""
        what = "had no quota left" if self.cause == "quota" else "was in trouble"
        # In the user's own time, with the date where it is not today.
        form = "%H:%M:%S" if self.until - time.time() < 43_200 else "%Y-%m-%d %H:%M"
        return f"{what} and is not asked before {time.strftime(form, time.localtime(self.until))}"


def held(home: Path, account: Account) -> Hold | None:
    """Return why and until when a cloud is not to be asked, or None if it may be asked now."""
    salt, holds = _read(home)
    hold = holds.get(_identity(account, salt)) if salt else None
    return hold if hold and time.time() < hold.until else None


def failed(home: Path, account: Account, error: TrooperError) -> None:
    """Remember that a cloud has no quota, is overloaded or silent; any other error is not remembered."""
    if isinstance(error, NoConnectionError) or not isinstance(error, (QuotaError, OverloadError, UnavailableError)):
        return
    now = time.time()
    salt, holds = _read(home)
    salt = salt or os.urandom(16)
    identity = _identity(account, salt)
    before = holds.get(identity)
    if isinstance(error, QuotaError):
        until = error.until if error.until and error.until > now else now + QUOTA_SECONDS
        hold = Hold("quota", min(until, now + LONGEST_QUOTA), 0)
    else:
        # Calls that were under way together count as one.
        failures = before.failures + (before.until < now) if before and now < before.until + SOON_SECONDS else 1
        seconds = min(TROUBLE_SECONDS * 2 ** (min(failures, 16) - 1), LONGEST_TROUBLE)
        wish = error.retry_after if isinstance(error, OverloadError) and error.retry_after else 0.0
        hold = Hold("trouble", now + min(max(seconds, wish), LONGEST_TROUBLE), max(failures, 1))
    if before and before.cause == "quota" and before.until > hold.until:
        return
    _write(
        home,
        salt,
        {name: other for name, other in holds.items() if now < other.until + SOON_SECONDS} | {identity: hold},
    )


def answered(home: Path, account: Account) -> None:
    """Forget what was remembered of a cloud: it answers."""
    salt, holds = _read(home)
    if salt and (identity := _identity(account, salt)) in holds:
        del holds[identity]
        _write(home, salt, holds)


def _identity(account: Account, salt: bytes) -> str:
    import hashlib

    return hashlib.blake2b("\0".join(account).encode(), key=salt, digest_size=16).hexdigest()


def _read(home: Path) -> tuple[bytes, dict[str, Hold]]:
    """Return the salt, empty if there is none, and the stored holds by the hash of their account."""
    try:
        descriptor = os.open(home / FILE, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123
            value = json.loads(file.read(_LARGEST_FILE))
        salt = bytes.fromhex(value["salt"])
        latest = time.time() + LONGEST_QUOTA
        holds = {
            str(name): Hold("quota" if cause == "quota" else "trouble", float(until), int(failures))
            for name, (cause, until, failures) in value["held"].items()
            # What a clock that was wrong has written does not close a cloud for years.
            if float(until) <= latest
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return b"", {}
    return (salt, holds) if len(salt) == 16 else (b"", {})


def _write(home: Path, salt: bytes, holds: dict[str, Hold]) -> None:
    import tempfile

    held_now = {name: [hold.cause, round(hold.until, 3), hold.failures] for name, hold in holds.items()}
    with suppress(OSError, TrooperError):
        descriptor, name = tempfile.mkstemp(prefix=".breaker-", dir=ensure_private_dir(home))
        try:
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123
                json.dump({"salt": salt.hex(), "held": held_now}, file)
            os.replace(name, home / FILE)  # noqa: PTH105
        except OSError:
            os.unlink(name)  # noqa: PTH108
            raise
