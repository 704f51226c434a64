"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Optional

import typer


class MadePublic(StrEnum):
    """What to do about a leak in a turn that is made public."""

    BLOCK = "block"
    WARN = "warn"


class Effort(StrEnum):
    """How much a model may think."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


EffortOption = Annotated[
    Optional[Effort],  # noqa: UP045
    typer.Option(
        "--effort",
        help="How much the model may think (TROOPER_EFFORT); unset, a cloud chooses and a local model does not think.",
        show_default=False,
    ),
]
ShowThinkingOption = Annotated[
    bool, typer.Option("--show-thinking", help="Print what the model thinks on standard error.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print the request as JSON and connect to nothing. What a local server is asked first is left open.",
    ),
]
NoFallbackOption = Annotated[
    bool, typer.Option("--no-fallback", help="A failure of the cloud is an error (TROOPER_FALLBACK=0).")
]
OnLeakOption = Annotated[
    MadePublic,
    typer.Option("--on-leak", help="If a turn made public holds text of other private turns, or a credential."),
]
