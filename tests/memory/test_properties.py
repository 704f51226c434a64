"""What holds for every view."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.memory.views import Turns, tables
from trooper_cli.errors import InputError
from trooper_cli.memory import FACTOR, Memory, build, fold, tokens
from trooper_cli.turn import Label

VIEWS = settings().max_examples // 2

SAYINGS = st.sampled_from(
    [
        "We must not restart db-bill-01 before 22:00.",
        "Retention is 14 days.",
        "Retention is 30 days now, not 14.",
        "Which port?",
        "5433",
        "Don't use cobra; use argparse instead.",
        "```\nfor x in y:\n    print(x)\n```",
        "</notes>",
        "By the way, what is TLS?",
        "Wir nehmen die Firewall nicht, weil sie 1.980 Euro kostet.",
        "2024-10-08T09:14:52Z ERROR worker=3 decode failed\n" * 30,
        "word " * 300,
        "unbroken" * 120,
        "\n\n",
        "",
    ]
)
TEXT = st.one_of(SAYINGS, st.lists(SAYINGS, min_size=2, max_size=5).map(" ".join), st.text(max_size=80))
TURNS = st.lists(st.tuples(TEXT, TEXT), max_size=14)


@settings(max_examples=VIEWS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    turns=TURNS,
    repeat=st.integers(1, 4),
    prompt=TEXT,
    budget=st.integers(1, 1500),
    system=st.one_of(st.none(), TEXT),
    factor=st.sampled_from([1.0, FACTOR, 1.4]),
)
def test_any_view(
    turns: list[tuple[str, str]], repeat: int, prompt: str, budget: int, system: str | None, factor: float
) -> None:
    """Never over the budget, never without the prompt, well-formed, the same bytes from whatever memory."""
    view = Turns(turns * repeat, system)
    try:
        context = build(view, prompt, budget, system=system, factor=factor)
    except InputError:
        need = tokens.message_cost(prompt) + (tokens.message_cost(system) if system and system.strip() else 0)
        assert not prompt.strip() or need * factor > budget
        return
    sizes = [tokens.message_cost(message.text) for message in context.messages]
    assert (sum(sizes) + (tokens.message_cost(context.system) if context.system else 0)) * factor <= budget + 1e-6
    assert context.tokens <= budget
    assert context.messages[-1].text.endswith(prompt)
    assert [message.role for message in context.messages] == ["user", "assistant"] * (len(sizes) // 2) + ["user"]
    assert all(message.text.strip() for message in context.messages)
    assert (context.system or "").startswith(system if system and system.strip() else "")
    assert all(0 <= position < len(view) for position in (*context.anchor, *context.sitrep, *context.tail))

    with tables() as indexes:
        index = indexes[Label.PUBLIC]
        state = fold.Folded()
        for turn in view.turns:
            index.add(state.add(turn))
            again = fold.Folded.load(state.dump())
            assert again is not None
            state = again
        assert state.dump() == fold.fold(view).dump()
        stored = build(view, prompt, budget, system=system, recollect=lambda _: Memory(state, index), factor=factor)
        assert (stored.system, stored.messages, stored.anchor, stored.sitrep, stored.tail) == (
            context.system,
            context.messages,
            context.anchor,
            context.sitrep,
            context.tail,
        )
