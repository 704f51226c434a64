"""The report for people against one written by hand: how many of the session's facts each holds."""

from __future__ import annotations

from benchmarks.memory import measure, score, sessions
from trooper_cli.memory import report

_TOKENS = 600


def table() -> None:
    """Print tokens and facts of the report for each session of the second set, and of those written by hand."""
    print(f"\nreports for people of {_TOKENS} tokens: facts held")
    for one in sessions.load():
        if one.set != sessions.OPS:
            continue
        texts = {"ours": written(one)}
        by_hand = sessions.HERE / "reports" / f"{one.name}.txt"
        if by_hand.exists():
            texts["by hand"] = by_hand.read_text("utf-8")
        for who, text in texts.items():
            outcomes = measure.Cell("".join(score.outcome(score.normalise(text), probe) for probe in one.probes))
            print(
                f"  {one.name:<24}{one.half:<10}{who:<9}{sum(outcomes.kept()):>3} of {len(one.probes)},"
                f" {measure.exact_tokens(text):.0f} tokens"
            )


def written(one: sessions.Session) -> str:
    """Return the report of a session as it is printed."""
    lines = report.lines(one.turns, _TOKENS)
    headings = dict.fromkeys(line.heading for line in lines)
    return "\n\n".join(
        "\n".join([f"{heading}:", *(f"- {line.text}" for line in lines if line.heading == heading)])
        for heading in headings
    )
