"""An answer as `--json` prints it, and as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.turn import Side

if TYPE_CHECKING:
    from trooper_cli import json_output
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.settings import Settings


def answer_record(
    answer: Answer, session: str | None, settings: Settings, *, has_schema: bool = False
) -> json_output.Answer:
    """Return what `--json` prints of an answer; with a schema also its value."""
    usage = answer.usage
    record: json_output.Answer = {
        "answer": answer.text,
        "session": session,
        "turn": answer.turn,
        "label": answer.decision.label,
        "route": answer.decision.side,
        "reason": answer.decision.reason,
        "engine": answer.engine,
        "model": answer.model,
        "host": answer.host,
        "network": answer.on_network,
        "inference_geo": usage.inference_geo,
        "stop": answer.stop,
        "usage": {
            "input": usage.input,
            "output": usage.output,
            "cache_read": usage.cache_read,
            "cache_write": usage.cache_write,
            "thinking": usage.thinking,
        },
        "cost": _cost(answer, settings),
        "context": answer.context,
        "fallback": answer.fallback,
        "seconds": answer.seconds,
    }
    if has_schema:
        record["data"] = answer.data
    return record


def _cost(answer: Answer, settings: Settings) -> float | None:
    """Return what an answer cost in USD: nothing on this machine, and None where no price is known."""
    if answer.decision.side is Side.LOCAL:
        return 0.0
    from trooper_cli.store.prices import load
    from trooper_cli.store.usage import Spending, cost

    usage = answer.usage
    figures = (usage.input, usage.output, usage.cache_read, usage.cache_write, 0, 0)
    spending = Spending("cloud", answer.engine, answer.model, *figures, usage.cache_write_1h, usage.inference_geo)
    assert settings.file is not None  # noqa: S101
    try:
        return cost(spending, load(settings.file.with_name("prices.toml")))
    except ConfigurationError:
        # The answer is there; `usage` and `doctor` say what is wrong with the table.
        return None


def status_line(answer: Answer) -> str:
    """Return what `-v` says of an answer."""
    decision, usage = answer.decision, answer.usage
    place = f" on {answer.host} of your network" if answer.on_network else ""
    return (
        f"{decision.label}, {decision.side} ({decision.reason}), {answer.engine} {answer.model}{place}, "
        f"{usage.input} + {usage.output} tokens, {answer.seconds:.1f} s"
    )
