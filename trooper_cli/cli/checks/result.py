"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trooper_cli.errors import (
    BrokenAnswerError,
    NoConnectionError,
    NotCoveredError,
    OverloadError,
    QuotaError,
    UnavailableError,
)
from trooper_cli.json_output import State

if TYPE_CHECKING:
    from trooper_cli.errors import TrooperError

# The next step where a message names none; the first class that fits decides.
_STEPS: tuple[tuple[type[TrooperError], str], ...] = (
    (QuotaError, "add to it, or ask on this machine meanwhile: `trooper ask --here`"),
    (NotCoveredError, "ask for less, or on this machine: `trooper ask --here`"),
    (OverloadError, "wait and try again, or ask on this machine meanwhile: `trooper ask --here`"),
    (NoConnectionError, "check the address and the network between"),
    (UnavailableError, "wait and try again; where it stays so, its log or status page may say why"),
    (BrokenAnswerError, "check the address"),
)


@dataclass(frozen=True)
class CheckResult:
    """One line: what was looked at, how it stands, and the next step. `error` is what an ask would end with."""

    check: str
    state: State
    text: str
    next_step: str = ""
    error: TrooperError | None = None


def failed(check: str, error: TrooperError) -> CheckResult:
    """Return an error as a finding; our errors say what happened, then after a semicolon the next step."""
    text, _, next_step = str(error).partition("; ")
    if not next_step:
        next_step = next((step for kind, step in _STEPS if isinstance(error, kind)), "")
    return CheckResult(check, State.FAIL, text, next_step, error)
