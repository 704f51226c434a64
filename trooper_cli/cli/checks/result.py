"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trooper_cli.json_output import State

if TYPE_CHECKING:
    from trooper_cli.errors import TrooperError


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
    return CheckResult(check, State.FAIL, text, next_step, error)
