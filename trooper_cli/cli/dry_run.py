"""`--dry-run`: the request as far as it is known without asking anybody, printed and not sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli import json_output
    from trooper_cli.ask.caller import Caller
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.cli.terminal import Notices, Output
    from trooper_cli.settings import Settings


def rehearsed(
    ask_request: AskRequest,
    caller: Caller,
    settings: Settings,
    home: Path,
    output: Output,
    notices: Notices,
    take_over: Callable[[], None],
) -> int:
    """Print the request that would be sent; `take_over` as for `rehearse`."""
    import hashlib

    from trooper_cli.ask.rehearsal import rehearse

    rehearsal = rehearse(ask_request, caller, settings, home, notices.notify, take_over)
    if rehearsal.decision.side == "local" and rehearsal.engine != "embedded":
        notices.notify(
            f"a dry run asks nobody: {rehearsal.engine} is asked first which model it has, whether that can think and "
            "how much it holds, so the request itself may differ in model, think and lengths"
        )
    request = rehearsal.request
    secrets = {"x-api-key", "authorization"}
    record: json_output.Request = {
        "label": rehearsal.decision.label,
        "route": rehearsal.decision.side,
        "reason": rehearsal.decision.reason,
        "engine": rehearsal.engine,
        "model": rehearsal.model,
        "url": request.url,
        "headers": {name: "***" if name in secrets else value for name, value in request.headers.items()},
        "body": json.loads(request.body),
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
        "context": rehearsal.context,
    }
    output.write(f"{json.dumps(record, ensure_ascii=False, indent=2)}\n")
    if rehearsal.failure is not None:
        raise rehearsal.failure
    return 0
