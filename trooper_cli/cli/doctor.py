"""`trooper doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption

if TYPE_CHECKING:
    from trooper_cli import json_output

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def doctor(context: typer.Context, *, as_json: JsonOption = False) -> int:
    """Check what works and what does not, and print the next step; exit 0 only if a plain ask would work.

    It asks each cloud for its list of models, which spends no token, and this machine's model for one word where a
    plain ask needs it; it sends nothing of any session. The exit code is the one that the ask would have.

    \b
    trooper doctor
    trooper doctor --json | jq -r '.checks[] | select(.state != "ok") | .next'
    """  # noqa: D301
    from trooper_cli.cli.checks import examine

    environment = environment_of(context)
    output, settings = environment.output(), environment.settings(check=False)
    report = examine(settings, environment.home)
    if as_json:
        checks: list[json_output.Check] = [
            {"check": found.check, "state": found.state, "text": found.text, "next": found.next_step}
            for found in report.results
        ]
        record: json_output.Health = {"works": report.code == 0, "exit": report.code, "checks": checks}
        output.write(f"{json.dumps(record, ensure_ascii=False)}\n")
        return report.code
    width = max(len(found.check) for found in report.results)
    if output.is_terminal:
        from trooper_cli.cli.screen import write_paragraph

        for found in report.results:
            mark, colour = _MARKS[found.state]
            write_paragraph(output, found.text, first=[(mark, colour), (f" {found.check:<{width}}  ", "bold")])
            if found.next_step:
                write_paragraph(output, found.next_step, colour, first=[(f"{'':<{width + 4}}→ ", colour)])
        return report.code
    for found in report.results:
        mark, colour = _MARKS[found.state]
        output.write(mark, colour)
        output.write(f" {found.check:<{width}}  ", "bold")
        output.write(f"{found.text}\n")
        if found.next_step:
            output.write(f"  {'':<{width}}  → {found.next_step}\n", colour)
    return report.code
