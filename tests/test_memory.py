"""The memory: what is sent of a long conversation, under a bound that holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trooper_cli.errors import InputError
from trooper_cli.memory import build
from trooper_cli.memory.count import MESSAGE_TOKENS, estimate
from trooper_cli.session import Session
from trooper_cli.turn import Context, Label, Status

if TYPE_CHECKING:
    from trooper_cli.session import StoredPublicView


def session_of(turns: list[tuple[str, str]]) -> Session:
    session = Session.of_one_turn()
    for prompt, answer in turns:
        number = session.begin(Label.PUBLIC, prompt, None)
        session.finish(number, Status.ANSWERED, answer, engine="e", model="m", stop="end_turn")
    return session


def context_of(turns: list[tuple[str, str]], prompt: str, budget: int) -> Context[StoredPublicView]:
    session = session_of(turns)
    context = build(session.public_view(), prompt, budget, system=None, scale=1.0)
    session.close()
    return context


def cost(context: Context[Any]) -> int:
    """Count what a context costs, independently of how it was put together."""
    texts = [message.text for message in context.messages] + ([context.system] if context.system else [])
    return sum(estimate(text) + MESSAGE_TOKENS for text in texts)


LONG = [
    (f"question {n} about host db-{n:02}?", f"answer {n}: the value is {n * 7}. " + "More words. " * 30)
    for n in range(40)
]


def test_a_short_conversation_is_sent_whole() -> None:
    """If everything fits, everything is sent as it is, and there is no report."""
    context = context_of(LONG[:3], "and?", 10_000)
    assert [message.text for message in context.messages] == [text for turn in LONG[:3] for text in turn] + ["and?"]
    assert context.system is None
    assert (context.anchor, context.sitrep, context.tail) == ((0, 1), (), (2,))


def test_a_long_one_keeps_beginning_end_and_a_line_of_the_middle() -> None:
    """Anchor, report and Tail are there, in order, and the report has a line of each turn that it names."""
    context = context_of(LONG, "and?", 2000)
    assert context.anchor == (0, 1)
    assert context.tail[-1] == 39
    assert context.sitrep
    assert context.sitrep[-1] + 1 == context.tail[0]
    assert context.system is not None
    for position in context.sitrep:
        assert (
            f"question {position} about host db-{position:02}? → answer {position}: the value is {position * 7}."
            in context.system
        )
    assert context.messages[0].text.startswith("question 0")
    assert context.messages[-3].text == LONG[39][0]


def test_roles_alternate_and_the_prompt_is_last() -> None:
    """Every engine gets user and assistant in turn, and the present prompt at the end."""
    for budget in (80, 200, 500, 1000, 5000):
        messages = context_of(LONG, "and now?", budget).messages
        assert [message.role for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
        assert messages[-1].text == "and now?"
        assert all(message.text.strip() for message in messages)


def test_a_prompt_that_does_not_fit_is_said_with_its_size() -> None:
    """The prompt is never cut: alone over the budget it is an error that names both sizes."""
    with pytest.raises(InputError, match=r"about \d+ tokens, and the budget is 50"):
        context_of(LONG, "word " * 200, 50)


@settings(max_examples=int(os.environ.get("TROOPER_EXAMPLES", "300")), deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=900)), max_size=12),
    st.text(min_size=1, max_size=200),
    st.integers(20, 1500),
)
def test_the_budget_is_a_hard_bound(turns: list[tuple[str, str]], prompt: str, budget: int) -> None:
    """No view exceeds the budget, loses the prompt, or gives other bytes the second time."""
    turns = [pair for pair in turns if all(text.encode("utf-8", "replace").decode() == text for text in pair)]
    try:
        context = context_of(turns, prompt, budget)
    except InputError:
        assert estimate(prompt) + MESSAGE_TOKENS + 1 > budget
        return
    assert cost(context) <= context.tokens <= budget
    assert context.messages[-1].text == prompt
    again = context_of(turns, prompt, budget)
    assert (again.system, again.messages) == (context.system, context.messages)


def test_the_estimate_holds_against_the_exact_count() -> None:
    """On prose, code, logs and other scripts the estimate with its slack is never below what cl100k counts."""
    tiktoken = pytest.importorskip("tiktoken")
    try:
        exact = tiktoken.get_encoding("cl100k_base")
    except Exception as error:  # noqa: BLE001
        pytest.skip(f"tiktoken's vocabulary is not here and cannot be fetched: {type(error).__name__}")
    samples = {
        "prose": "The pool drains because every worker keeps its connection after the deploy at 14:05. " * 20,
        "code": "def take(self, count: int = 3) -> list[str]:\n    return [str(n) for n in range(count)]\n" * 20,
        "log": "2026-11-03T14:05:11.302Z ERROR pool[4711]: db-bill-01:5432 timed out after 3000 ms (retry 2/5)\n" * 20,
        "german": "Die Verbindung zum Rechenzentrum wurde während der Wartung unterbrochen. " * 20,
    }
    for name, text in samples.items():
        count = len(exact.encode(text))
        assert count * 0.8 <= estimate(text) <= count * 1.35, (name, estimate(text), count)
