"""What a program takes out of a private JSON answer is as private as an answer of that text."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.standin import ollama
from trooper_cli.guard.json_values import values_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin

VALUE, OTHER, NAME = "Zofia Kowalska leaves on Monday", "sell Kittiwake", "buy Tarragon by June"
ANSWER = json.dumps({"summary": VALUE, "who": {"b": [OTHER, NAME]}, "score": 3, "of": {"Zofia Kowalska": 1}})
FENCED = f"Here it is:\n\n```json\n{ANSWER}\n```\n"
# What is piped on: a value with an instruction or alone, several of them, and parts cut out as JSON.
TAKEN = [
    f"write a letter on this\n\n{VALUE}",
    VALUE,
    f"translate\n\n{OTHER}\n{NAME}",
    f"sort this: {json.dumps({'b': [OTHER, NAME]})}",
    json.dumps({"summary": VALUE}),
    "Zofia Kowalska",
]


@pytest.mark.parametrize(
    ("answer", "flags"),
    [
        (ANSWER, ["--schema", '{"type": "object"}']),
        (ANSWER, []),
        (FENCED, ["-x"]),
        (FENCED, ["--json"]),
        (f"Sure, here it is: {ANSWER} Anything else?", []),
        (f'{{"first": "no"}}\n{ANSWER}\n', []),
    ],
    ids=["schema", "bare", "extracted", "fenced", "in a sentence", "a line each"],
)
def test_what_is_taken_out_stays(
    trooper: Trooper, cloud: Standin, local: Standin, answer: str, flags: list[str]
) -> None:
    """By itself or behind an instruction, from whichever way the JSON was asked for."""
    local.respond = ollama(answer)
    assert trooper("ask", "--local", "-q", *flags, "sum up").code == 0
    sent = [text for text in TAKEN if trooper("ask", stdin=text).code != 77]
    assert (sent, cloud.connections) == ([], 0)


def test_everyday_values_are_sent(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """A status, a number and a short word of everybody's make no question private."""
    local.respond = ollama(json.dumps({"status": "open", "ok": "yes", "level": "high", "note": "not found"}))
    assert trooper("ask", "--local", "-q", "which?").code == 0
    for text in ("which issues are open?", "is the level high?", 'what does "status": "open" mean?', "yes or no?"):
        assert trooper("ask", text).code == 0, text
    assert len(cloud.bodies) == 4


def test_the_values() -> None:
    """Each once, names of several words, from any depth; what is broken or no JSON has none."""
    assert values_in(ANSWER) == [VALUE, OTHER, NAME, "Zofia Kowalska"]
    assert values_in(FENCED) == values_in(ANSWER)
    assert values_in('["a", "a", {"b": "c"}]') == ["a", "c"]
    assert values_in("[" * 100_000) == values_in("plain") == values_in('{"a": ') == []
    assert values_in('[see below]\nHere: {"a": "x"} and\n{"b": "y"}\n["z"]') == ["x", "y", "z"]
    deep = '[{"a": "x"}, ' * 400 + '"y"' + "]" * 400
    assert values_in(deep) == ["x", "y"]


@pytest.mark.parametrize("shape", ["values", "lists that do not end", "brackets"])
def test_many_values_take_time_in_proportion(shape: str) -> None:
    """Ten times as many take less than twenty times as long."""
    shapes: dict[str, Callable[[int], str]] = {
        "values": lambda size: json.dumps([f"value {n} of many" for n in range(size)]),
        "lists that do not end": lambda size: "[" * 500 + '"a", ' * size,
        "brackets": lambda size: "[a] {b} [1, " * size,
    }
    texts = [shapes[shape](size) for size in (5_000, 50_000)]

    def seconds(text: str) -> float:
        began = time.process_time()
        values_in(text)
        return time.process_time() - began

    few, many = (min(seconds(text) for _ in range(3)) for text in texts)
    assert many < 20 * few or many < 0.5
