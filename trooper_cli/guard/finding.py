"""What the guard reports: where something stands and what it is, never the text itself."""

from __future__ import annotations

from typing import NamedTuple

from trooper_cli.errors import LocalityError


class Finding(NamedTuple):
    """One place in a text, counted in characters from zero; session and turn where private text comes from one."""

    kind: str
    offset: int
    length: int
    session: str | None = None
    turn: int | None = None


PRIVATE_TEXT = "private-text"


def described(findings: list[Finding]) -> str:
    """Return one line on what was found and where, without a character of it."""
    shown = [_described(finding) for finding in findings[:3]]
    more = f" and {len(findings) - 3} more" if len(findings) > 3 else ""
    return "; ".join(shown) + more


def _described(finding: Finding) -> str:
    source = ""
    if finding.kind == PRIVATE_TEXT:
        source = (
            f" of session {finding.session}, turn {finding.turn}" if finding.session else " of a turn without a session"
        )
    return f"{finding.kind}{source} at character {finding.offset}, length {finding.length}"


def refusal(findings: list[Finding], what: str = "the prompt") -> LocalityError:
    # Only a turn of a session can be shared.
    share = " and `trooper share`" if any(finding.session for finding in findings) else ""
    if what == "the schema" and any(finding.kind == PRIVATE_TEXT for finding in findings):
        share = " warn; to use one on both sides, ask in public first"
    return LocalityError(
        f"{what} was not sent to the cloud, it holds {described(findings)}; ask with --local, or see --on-leak{share}"
    )
