"""What lies on the disk: whose it is, who else can read it, who copies it away, and whether it is whole."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.cli.checks.result import CheckResult, failed
from trooper_cli.errors import InputError, StorageError, TrooperError
from trooper_cli.guard import index
from trooper_cli.json_output import State
from trooper_cli.store import catalog, schema
from trooper_cli.store.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.guard.identity import Identity
    from trooper_cli.settings import Settings

LEAST_BUDGET = 256  # tokens


def folder(home: Path) -> Iterator[CheckResult]:
    """Look at the data folder, without changing it."""
    if not os.path.lexists(home):
        above = next(parent for parent in home.absolute().parents if os.path.lexists(parent))
        if not above.is_dir():
            # The error of an ask, word by word.
            yield failed("folder", InputError(f"{home} is not a folder; move {above} away, or set TROOPER_HOME"))
        elif os.access(above, os.W_OK | os.X_OK):
            yield CheckResult("folder", State.OK, f"{home} is made at the first use")
        else:
            yield failed("folder", StorageError(f"{home} cannot be made; set TROOPER_HOME to a folder of yours"))
        return
    if not home.is_dir():
        yield failed("folder", InputError(f"{home} is not a folder; move it away, or set TROOPER_HOME"))
        return
    status = home.stat()
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        yield CheckResult(
            "folder",
            State.WARN,
            f"{home} belongs to another user, who can read what is in it",
            "set TROOPER_HOME to a folder of yours",
        )
    if not os.access(home, os.W_OK | os.X_OK):
        yield failed("folder", StorageError(f"{home} cannot be written; make it yours, or set TROOPER_HOME"))
        return
    files = [*home.glob("guard.*"), *home.glob("sessions/*"), home / "sessions", home]
    loose = [path for path in files if os.path.lexists(path) and stat.S_IMODE(path.lstat().st_mode) & 0o077]
    if loose:
        yield CheckResult(
            "folder",
            State.WARN,
            f"other users may read {loose[-1]}" + (f" and {len(loose) - 1} more" if len(loose) > 1 else ""),
            f"close it: chmod -R go= '{home}'",
        )
    else:
        yield CheckResult("folder", State.OK, f"{home} is yours alone")


def synced(home: Path, environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Yield a warning for each service that copies the folder to other machines."""
    real = Path(os.path.realpath(home))
    for service, root in _synced_roots(environ):
        if real.is_relative_to(os.path.realpath(root)):
            yield CheckResult(
                "folder",
                State.WARN,
                f"{home} lies in a folder that {service} copies away, private turns included",
                "set TROOPER_HOME to a folder that stays here, and move the files",
            )
            return


def _synced_roots(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    user = Path(environ.get("HOME") or Path.home())
    yield "iCloud", user / "Library/Mobile Documents"
    yield "a cloud drive", user / "Library/CloudStorage"
    for name in ("OneDrive", "OneDriveConsumer", "OneDriveCommercial"):
        if environ.get(name):
            yield "OneDrive", Path(environ[name])
    try:
        accounts = json.loads((user / ".dropbox/info.json").read_bytes())
        yield from (("Dropbox", Path(account["path"])) for account in accounts.values())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    for name in ("Dropbox", "OneDrive", "iCloudDrive", "Google Drive", "Nextcloud"):
        yield name, user / name


def sessions(home: Path, current: str | None) -> Iterator[CheckResult]:
    """Look through every session file."""
    names = catalog.names(home)
    whole = 0
    for name in names:
        try:
            _check_database(catalog.path_of(home, name), schema.FORMAT, f"session {name}")
            Session.open(home, name).close()
            whole += 1
        except TrooperError as error:
            found = failed("sessions", error)
            # An ask on another session is not stopped by it.
            yield found if name == current else CheckResult("sessions", State.WARN, found.text, found.next_step)
    if whole or not names:
        yield CheckResult("sessions", State.OK, f"{whole} of {len(names)} are whole" if names else "there are none yet")


def guard(home: Path) -> Iterator[CheckResult]:
    """Look at the guard's index of fingerprints and its key."""
    is_missing = {name: not os.path.lexists(home / name) for name in ("guard.db", "guard.key")}
    if all(is_missing.values()) and not catalog.names(home):
        yield CheckResult("guard", State.OK, "its index is made at the first ask")
        return
    if missing := [name for name, is_so in is_missing.items() if is_so]:
        yield CheckResult(
            "guard",
            State.WARN,
            f"{' and '.join(missing)} was lost: the next ask makes the index again from the sessions, without the "
            "private turns that had none",
            f"put it back into {home} from a backup before the next ask, if there is one",
        )
        return
    _check_database(home / "guard.db", index.FORMAT, "the guard's index")
    with closing(index.IndexFile.open(home)) as opened:
        if unknown := sum(not opened.is_listed(identity) for identity in _identities(home)):
            yield CheckResult("guard", State.OK, f"sessions it takes in at the next ask: {unknown}")
        else:
            yield CheckResult("guard", State.OK, "it knows every session")


def rules(settings: Settings) -> Iterator[CheckResult]:
    """Read the rules and patterns of the user's own, as each look of the guard does."""
    from trooper_cli.guard import credentials, user_patterns

    if path := settings.path("gitleaks"):
        credentials.load_gitleaks(path)
    user_patterns.find("", settings.words("guard_patterns"))
    if path or settings.words("guard_patterns"):
        yield CheckResult("rules", State.OK, "those of gitleaks and guard_patterns can be used")


def limits(settings: Settings) -> Iterator[CheckResult]:
    """Look for a budget that hardly a prompt fits into, and at the user's own prices."""
    from trooper_cli.store.prices import load

    budget = settings.number("budget")
    if budget is not None and budget < LEAST_BUDGET:
        yield CheckResult(
            "budget",
            State.WARN,
            f"{budget} tokens (from {settings.value('budget').origin}) are few: a longer prompt is exit 65",
            f"raise it to {LEAST_BUDGET} or more, or unset it",
        )
    if settings.file is None:
        return
    try:
        load(settings.file.with_name("prices.toml"))
    except TrooperError as error:
        found = failed("prices", error)
        is_needed = any(settings.value(name).value is not None for name in ("limit_day", "limit_session"))
        # Without a cap an ask does without.
        yield found if is_needed else CheckResult("prices", State.WARN, found.text, found.next_step)


def _identities(home: Path) -> Iterator[Identity]:
    for name in catalog.names(home):
        with suppress(TrooperError), closing(Session.open(home, name)) as opened:
            if identity := opened.identity():
                yield identity


def _check_database(path: Path, form: database.Format, what: str) -> None:
    database.check(path, form)
    try:
        with closing(database.connect(path, form)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise database.translated(error, what) from error
    if found != "ok":
        raise InputError(f"{what} is damaged; `trooper export` what can be read, then move {path} away")
