"""What counts as a repetition, while a text arrives and when it is told later."""

from __future__ import annotations

import pytest

from tests.memory.views import Turns
from trooper_cli import memory
from trooper_cli.repetition import Repetition, told_once

LOOP = "The pool drains at night. "
CODE = "    with open(name) as file:\n        rows = list(reader(file))\n    total = sum(rows)\n    print(total)\n"


def ends_at(text: str, size: int) -> int | None:
    """Return how many characters were read when the repetition was seen, in pieces of so many."""
    repetition = Repetition()
    for start in range(0, len(text), size):
        if repetition.add(text[start : start + size]):
            return start + size
    return None


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize(
    "text",
    [
        LOOP * 9,
        f"It began so.\n\n{(LOOP + 'Then it fills up again. ') * 9}",
        "\n".join(f"{number}. Restart the service of the pool." for number in range(1, 10)),
        "- the pool is full, and nobody knows why\n" * 9,
        "Der Pool ist in der Nacht leer! " * 9,
        "接続プールは夜に空になります。" * 9,
        f"```python\n{CODE * 9}```\n",
        CODE * 9,
    ],
)
def test_a_sentence_that_comes_the_third_time(text: str, size: int) -> None:
    """It is seen whatever the pieces in which the text comes, and neither at the second time nor after many."""
    end = ends_at(text, size)
    assert end is not None
    assert 0.2 < end / len(text) < 0.75


@pytest.mark.parametrize(
    "text",
    [
        LOOP * 2 + "And that was all.\n",
        "Yes, it is.\n" * 20,
        "| name | default |\n|---|---|\n| pool | 20 |\n\n" * 3,
        "".join(f"Host {number} is up. " for number in range(50)),
        "```python\n" + "".join(f"assert total({n}) == {n}\n    return None\n\n" for n in range(30)) + "```\n",
        "        return None\n\n" * 3,
        "Line one.\n" * 2 + "The pool is drained by a leak",
    ],
)
def test_what_is_no_repetition(text: str) -> None:
    """Short answers of a list, tables, code that resembles itself, and what is said twice."""
    assert ends_at(text, 5) is None
    assert told_once(text) == text


def test_what_was_repeated_is_told_once() -> None:
    """The first of the sentences stays, in its place; lists, paragraphs and code stay what they were."""
    text = f"It is a leak.\n\n{LOOP * 4}\n\nLook at `db.py`.\n\n{LOOP}{LOOP}\n```\nx = 1\n\n\ny = 2\n```\nDone.\n"
    assert told_once(text) == f"It is a leak.\n\n{LOOP}\n\nLook at `db.py`.\n\n```\nx = 1\n\n\ny = 2\n```\nDone.\n"
    listed = "Try this:\n" + "- restart the service of the pool\n" * 4 + "and wait.\n"
    assert told_once(listed) == "Try this:\n- restart the service of the pool\nand wait.\n"


@pytest.mark.parametrize("budget", [200, 4_000])
def test_the_memory_tells_a_repeated_sentence_once(budget: int) -> None:
    """In a conversation that fits as a whole, and in one that is compressed: as the first turn and as the latest."""
    middle = [(f"Which host runs job {n}?", f"Host {n} runs job {n} since the move.") for n in range(12)]
    turns = [("why does it drain?", LOOP * 30), *middle, ("say it again", LOOP * 30)]
    context = memory.build(Turns(turns), "and now?", budget)
    parts = [context.system or "", *(message.text for message in context.messages)]
    assert max(part.count(LOOP.strip()) for part in parts) == 1


def test_a_prompt_is_told_as_it_was() -> None:
    """What the user wrote again and again is the user's own."""
    context = memory.build(Turns([(LOOP * 5, "Noted.")]), "and now?", 4_000)
    assert context.messages[0].text == LOOP * 5
