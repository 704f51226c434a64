"""`trooper doctor`: what works and what does not, with the next step for each. It sends nothing of any session."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli import __version__
from trooper_cli.ask.fallback import FALLS_BACK
from trooper_cli.ask.route import decide
from trooper_cli.ask.variables import check_variables
from trooper_cli.cli.checks import engines, files
from trooper_cli.cli.checks.caps import caps
from trooper_cli.cli.checks.result import CheckResult, failed
from trooper_cli.engines.clouds import clouds, has_cloud
from trooper_cli.errors import (
    ConfigurationError,
    InputError,
    LimitError,
    StorageError,
    TrooperError,
    UnavailableError,
    UsageError,
)
from trooper_cli.json_output import State
from trooper_cli.settings import KNOWN
from trooper_cli.store.catalog import check_name
from trooper_cli.store.session import settings_of
from trooper_cli.turn import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trooper_cli.settings import Settings

__all__ = ["CheckResult", "Report", "State", "examine"]


@dataclass(frozen=True)
class Report:
    """All findings, and the exit code of a plain ask as things stand."""

    results: list[CheckResult]
    code: int


def examine(settings: Settings, home: Path) -> Report:
    """Check everything that an ask needs."""
    settings = _with_session(settings, home)
    versions = f"{__version__} on Python {platform.python_version()}, {platform.system()}"
    results = [CheckResult("trooper", State.OK, versions)]

    def look(check: str, examination: Callable[[], Iterable[CheckResult]]) -> None:
        try:
            results.extend(examination())
        except TrooperError as error:
            results.append(failed(check, error))

    look("config", lambda: _config(settings))
    # Without settings that can be read nobody knows whether the cloud is locked.
    if not any(found.error for found in results):
        look("cloud", lambda: engines.cloud(settings, home))
        look("caps", lambda: caps(settings, home))
        is_needed = _ask(settings, results).is_local
        look("local", lambda: engines.local(settings, home, is_needed=is_needed))
        look("rules", lambda: files.rules(settings))
        look("limits", lambda: files.limits(settings))
    look("proxy", lambda: engines.surroundings(settings.environ))
    look("folder", lambda: files.folder(home))
    look("folder", lambda: files.synced(home, settings.environ))
    look("sessions", lambda: files.sessions(home, settings.environ.get("TROOPER_SESSION")))
    look("guard", lambda: files.guard(home))
    error, text, _ = _ask(settings, results)
    if error is None:
        results.append(CheckResult("ask", State.OK, text))
    else:
        results.append(CheckResult("ask", State.FAIL, f"`trooper ask` would end with exit {error.code}", text, error))
    return Report(_without_need(results, error), error.code if error else 0)


def _with_session(settings: Settings, home: Path) -> Settings:
    # What is wrong with its name is said by `_config`, and with a damaged one where sessions are looked at.
    with contextlib.suppress(ConfigurationError, UsageError, InputError, StorageError):
        if (name := settings.text("session")) is not None:
            return settings.with_session(settings_of(home, check_name(name)))
    return settings


def _config(settings: Settings) -> Iterable[CheckResult]:
    if (name := settings.text("session")) is not None:
        try:
            check_name(name)
        except UsageError as error:
            step = f"correct or unset {settings.source('session')}"
            yield CheckResult("config", State.FAIL, str(error), step, error)
    faults: dict[str, TrooperError] = {}
    try:
        check_variables(settings.environ)
    except TrooperError as error:
        yield failed("config", error)
    for setting in KNOWN:
        try:
            settings.validate(setting)
        except TrooperError as error:
            # A file that cannot be read says the same for every setting.
            faults[str(error).partition("; ")[0]] = error
    for text, fault in faults.items():
        yield CheckResult("config", State.FAIL, text, "correct it; `trooper config` shows all settings", fault)
    if not faults:
        state = "is in order" if settings.file and settings.file.exists() else "is not there, so defaults hold"
        yield CheckResult("config", State.OK, f"{settings.file} {state}")


class _Verdict(NamedTuple):
    """The error of a plain ask, if any; how it is answered or where to look; and whether this machine answers."""

    error: TrooperError | None
    text: str
    is_local: bool = False


def _ask(settings: Settings, results: list[CheckResult]) -> _Verdict:
    """Return the error that a plain ask would end with, if any, and how it would be answered or where to look."""
    errors = {found.check: found.error for found in results if found.error is not None}
    for check in ("config", "sessions", "guard", "folder"):
        if check in errors:
            return _Verdict(errors[check], f"see {check}")
    try:
        decision = decide(
            local_flag=None,
            local_setting=settings.boolean("local"),
            origin=settings.value("local").origin,
            cloud_lock=settings.text("cloud") == "off",
            has_key=lambda: has_cloud(settings),
        )
    except TrooperError as undecided:
        return _Verdict(undecided, str(undecided))
    if decision.side is Side.LOCAL:
        if "local" in errors:
            return _Verdict(errors["local"], "see local")
        return _Verdict(
            None, f"a plain ask is answered on this machine and is {decision.label} ({decision.reason})", is_local=True
        )
    return _in_the_cloud(settings, errors, decision.reason)


def _over_the_cap(held: TrooperError, settings: Settings, errors: dict[str, TrooperError]) -> _Verdict:
    if not isinstance(held, LimitError) or not settings.boolean("fallback"):
        return _Verdict(held, "see caps")
    if "local" in errors:
        return _Verdict(UnavailableError(str(held)), "see caps and local")
    text = "a plain ask is answered on this machine, since a spending cap leaves too little (limit)"
    return _Verdict(None, text, is_local=True)


def _in_the_cloud(settings: Settings, errors: dict[str, TrooperError], reason: str) -> _Verdict:
    """Return what becomes of an ask that is meant for the cloud."""
    # What would leave is looked at first.
    for check in ("rules", "prices"):
        if check in errors:
            return _Verdict(errors[check], f"see {check}")
    if (held := errors.get("caps")) is not None:
        return _over_the_cap(held, settings, errors)
    # As `ask.fallback` does: one cloud after the other, as far as their failures let another answer.
    asked, failures = clouds(settings, connect=False), list[TrooperError]()
    for cloud in asked if settings.boolean("fallback") else asked[:1]:
        failure = errors.get(check := engines.check_of(cloud), errors.get("cloud") if not failures else None)
        if failure is None:
            return _Verdict(None, f"a plain ask is answered by the cloud ({'breaker' if failures else reason})")
        if not isinstance(failure, FALLS_BACK) or not settings.boolean("fallback"):
            return _Verdict(failure, f"see {check}")
        failures.append(failure)
    if "local" in errors:
        return _Verdict(UnavailableError(str(failures[-1])), "see cloud and local")
    return _Verdict(
        None, "a plain ask is answered on this machine, since the cloud does not answer (fallback)", is_local=True
    )


def _without_need(results: list[CheckResult], error: TrooperError | None) -> list[CheckResult]:
    """Return the findings with the failures of a side that a plain ask does not need as warnings."""
    if error is not None:
        return results
    return [
        CheckResult(found.check, State.WARN, found.text, found.next_step) if found.state is State.FAIL else found
        for found in results
    ]
