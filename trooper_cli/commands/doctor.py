"""`trooper doctor`."""

from __future__ import annotations

import json

from trooper_cli.commands.options import JsonOption
from trooper_cli.settings import Settings
from trooper_cli.terminal import Output

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def doctor(*, as_json: JsonOption = False) -> int:
    """Say what works and what does not, with the next step; exit 0 only if a plain ask would work.

    It asks the cloud for its list of models, which spends no token, and sends nothing of any session. The exit code is
    the one that the ask would have.

    \b
    trooper doctor
    trooper doctor --json | jq -r '.checks[] | select(.state != "ok") | .next'
    """  # noqa: D301
    from trooper_cli.doctor import examine
    from trooper_cli.places import data_folder

    output, settings = Output(), Settings.of_process(check=False)
    report = examine(settings, data_folder(settings.environ))
    if as_json:
        checks = [
            {"check": found.check, "state": found.state, "text": found.text, "next": found.next_step}
            for found in report.findings
        ]
        record = {"works": report.code == 0, "exit": report.code, "checks": checks}
        output.write(f"{json.dumps(record, ensure_ascii=False)}\n")
        return report.code
    width = max(len(found.check) for found in report.findings)
    for found in report.findings:
        mark, colour = _MARKS[found.state]
        output.write(mark, colour)
        output.write(f" {found.check:<{width}}  ", "bold")
        output.write(f"{found.text}\n")
        if found.next_step:
            output.write(f"  {'':<{width}}  → {found.next_step}\n", colour)
    return report.code
