"""Write `docs/fallback.md` from the fault matrix: `python -m tests.faults`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.matrix import ANTHROPIC, LOCAL, OLLAMA, OPENAI, OTHER_CLOUD, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.matrix import Fault

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "fallback.md"
MODES = {"--stream": "text shown as it arrives", "--no-stream": "whole", "": "in a pipe"}


def said(outcome: Outcome, *, in_the_cloud: bool) -> str:
    """Return an outcome in words."""
    asked = outcome.cloud if in_the_cloud else outcome.local
    times = {0: "", 1: "", 3: "asked 3 times, then "}[asked]
    if outcome.code == 0:
        return f"{times}**answered on this machine**" if in_the_cloud and outcome.out == LOCAL else "answered, exit 0"
    kept = {"incomplete": ", what came is kept", "refused": ", kept as refused"}.get(outcome.status, "")
    return f"{times}exit {outcome.code}{kept}"


def rows(faults: Sequence[Fault], *, in_the_cloud: bool) -> list[str]:
    """Return the lines of a table: one a fault, or one for each way of asking where they differ."""
    head = (
        "| what happens | what comes of it | with `--no-fallback` |"
        if in_the_cloud
        else "| what happens | what comes of it |"
    )
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    for fault in faults:
        differ = len({fault.outcomes(mode) for mode in fault.modes}) > 1
        for mode in fault.modes if differ else fault.modes[:1]:
            on, off = (said(outcome, in_the_cloud=in_the_cloud) for outcome in fault.outcomes(mode))
            what = f"{fault.what} ({MODES[mode]})" if differ else fault.what
            lines.append(f"| {what} | {on} | {off} |" if in_the_cloud else f"| {what} | {on} |")
    return lines


def page() -> str:
    """Return the whole page."""
    text = (HERE / "page.md").read_text(encoding="utf-8")
    for mark, faults, in_the_cloud in (
        ("{anthropic}", ANTHROPIC, True),
        ("{other cloud}", OTHER_CLOUD, True),
        ("{ollama}", OLLAMA, False),
        ("{openai}", OPENAI, False),
    ):
        text = text.replace(mark, "\n".join(rows(faults, in_the_cloud=in_the_cloud)))
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
