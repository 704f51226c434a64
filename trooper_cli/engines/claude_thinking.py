"""How much Claude thinks: the fields of a request by which each of its models is told so.

Facts are of the vendor's documents and SDK 2.12 of November 2026. The models of the 5 line think where nothing is said;
what switches that off differs between them, and some cannot be switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trooper_cli.engines.engine import Thinking

# The `thinking.type` of the least thinking; another value is a 400, as is an effort above `high` beside these.
_SWITCHED_OFF = {
    "claude-sonnet-5-5": "between_tools",
    "claude-haiku-5-5": "disabled",
    "claude-opus-5": "disabled",
    "claude-sonnet-5": "disabled",
}
# These think only if a request asks them to, which Trooper does with `--show-thinking` alone.
_SILENT = ("claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-4-8")
# Models from before `effort` and adaptive thinking, which answer 400 to either.
_OLD = (
    "claude-3",
    "claude-haiku-4",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2",
    "claude-sonnet-4-5",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2",
)
_NO_MORE_THAN_HIGH = ("claude-opus-4-5", "claude-opus-4-6", "claude-sonnet-4-6")


def thinking_fields(model: str, thinking: Thinking) -> dict[str, object]:
    """Return what a request says of thinking; nothing, where the user says nothing.

    Args:
        model: the model's id; one that is not known, as behind a gateway, is taken for one of the newest.
        thinking: what the user says. `none` is the least that the model allows.

    """
    effort, fields = thinking.effort, dict[str, object]()
    if model.startswith(_OLD):
        return fields
    if effort == "none":
        if (kind := _SWITCHED_OFF.get(_undated(model))) is not None:
            return {"thinking": {"type": kind}}
        if model.startswith((*_SILENT, "claude-opus-4-5")):
            return fields
        effort = "low"
    elif effort in {"xhigh", "max"} and model.startswith(_NO_MORE_THAN_HIGH):
        effort = "high"
    if thinking.is_shown and not model.startswith("claude-opus-4-5"):
        # By default newer models send their thought without its text.
        fields["thinking"] = {"type": "adaptive", "display": "summarized"}
    if effort is not None:
        fields["output_config"] = {"effort": effort}
    return fields


def _undated(model: str) -> str:
    """Return an id without the date that may stand behind it."""
    name, _, date = model.rpartition("-")
    return name if len(date) == 8 and date.isdigit() else model
