"""The options of `trooper ask`, as `again` and `messages` take them over."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer


class Leak(StrEnum):
    """What to do about a leak."""

    BLOCK = "block"
    LOCAL = "local"
    WARN = "warn"


SessionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-s", "--session", metavar="NAME", help="The named session (TROOPER_SESSION)."),
]
PromptArgument = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(metavar="[PROMPT]...", help="The prompt, put before what standard input holds.", show_default=False),
]
LocalOption = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(
        "--local/--cloud",
        help="Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0); --cloud=NAME "
        "asks that cloud alone. Where it cannot answer, this machine does, unless --no-fallback is given.",
        show_default=False,
    ),
]
HereOption = Annotated[
    bool,
    typer.Option("--here", help="Answer on this machine by choice; the turn is public, the cloud is told later."),
]
ModelOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "-m", "--model", metavar="NAME", help="Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)."
    ),
]
SystemOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--system", metavar="TEXT", help="System prompt; the session keeps it with this turn's label."),
]
FileOption = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("-f", "--file", metavar="PATH", help="A text file, added under its name; repeatable."),
]
SchemaOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--schema",
        metavar="FILE|JSON",
        help="The answer is one JSON value valid against this JSON Schema, or the exit code is 76.",
    ),
]
ExtractOption = Annotated[
    bool,
    typer.Option("-x", "--extract", help="Print the inside of the first fenced block only; without one, the answer."),
]
ExtractLastOption = Annotated[
    bool, typer.Option("--extract-last", help="Print the inside of the last fenced block only.")
]
StreamOption = Annotated[
    Optional[bool],  # noqa: UP045
    typer.Option(
        "--stream/--no-stream",
        help="Print text as it arrives; by default on a terminal only, so that a pipe gets a whole answer or none.",
        show_default=False,
    ),
]
AnswerJsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the text.")]
LeakOption = Annotated[
    Optional[Leak],  # noqa: UP045
    typer.Option(
        "--on-leak",
        help="If a prompt for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK).",
        show_default=False,
    ),
]
BudgetOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--budget", min=1, metavar="N", help="Most tokens of context and prompt sent (TROOPER_BUDGET)."),
]
LimitOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--limit",
        metavar="USD",
        help="Most that this call may cost in the cloud; over it this machine answers (see TROOPER_LIMIT_DAY).",
    ),
]
MaxTokensOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--max-tokens", min=1, metavar="N", help="Most tokens of the answer."),
]
TimeoutOption = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        "--timeout",
        min=0.001,
        metavar="S",
        help="Give up after so many seconds of silence (cloud 120, local 600), five times as many without a word "
        "of the answer, or four hours in all.",
    ),
]
NoStdinOption = Annotated[
    bool,
    typer.Option(
        "-n", "--no-stdin", help="Do not read standard input; in a loop that reads lines, an ask would take the others."
    ),
]
JsonlOption = Annotated[
    bool,
    typer.Option("--jsonl", help="Ask each line of standard input, a JSON object, and print one object for each."),
]
JobsOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--jobs", min=1, max=64, metavar="N", help="With --jsonl: lines asked at once (1).", show_default=False
    ),
]
ResumeOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--resume",
        metavar="FILE",
        help="With --jsonl: leave out what is answered in FILE, which standard output may be appended to.",
    ),
]
VerboseOption = Annotated[bool, typer.Option("-v", "--verbose", help="One status line on standard error.")]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Not even notices on standard error.")]
