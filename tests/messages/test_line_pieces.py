"""A short private answer that stands by itself within a line, as a cell, a sentence or a part of a link, is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.messages.program import request, user
from tests.standin import ollama
from trooper_cli.guard.normalize import reduced
from trooper_cli.messages.line_pieces import pieces_of
from trooper_cli.messages.private_parts import parts

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

ANSWERS = (
    "Okonkwo resigned over the bribe",
    "Petrov settles 5,200 by May 9",
    "Her diagnosis: Crohn's disease (2nd stage)",
)
OTHER = "Adeyemi retired after the feast"


def lines(text: str) -> dict[str, str]:
    """Return lines in which a text stands by itself."""
    return {
        "CSV": f"id,answer,n\n1,{text},4\n2,buy milk,5",
        "CSV with semicolons": f"1;{text};4",
        "a sentence among others": f"Buy milk. {text}. Then sleep.",
        "a sentence and more": f"{text}! Then buy milk.",
        "sentences without a blank": f"\u4e70\u725b\u5976\u3002{text}\u3002\u7761\u89c9",
        "sentences in wrapped lines": f"Buy milk. {text.replace(' ', chr(10), 2)}. Then\nsleep.",
        "a list in a line": f"Notes: buy milk; {text}; sleep",
        "commas": f"Anna, Bob, {text}, Carl",
        "fields": f"id=1, text={text}, n=4",
        "brackets": f"see the note ({text}) for more",
        "braces of LaTeX": f"\\textbf{{{text}}}",
        "a list of LaTeX": f"\\item {text}",
        "dashes": f"a note \u2014 {text} \u2014 done",
        "hyphens": f"a note - {text} - done",
        "an arrow": f"it -> {text} -> so",
        "a log": f"2026-11-30 10:00 INFO {text}",
        "a log of a program": f"2026-11-30T10:00:00.123Z WARN app.Main - {text}",
        "grep": f"notes.txt:12:{text}",
        "a list of commits": f"a1b2c3d {text}",
        "a comment": f"x = 1  # {text}",
        "a comment of SQL": f"SELECT name FROM debtors -- {text}",
        "a comment of C": f"return x; // {text}",
        "a footnote": f"{text}\u00b9",
        "a signature": f"{text} -- the bot",
        "a link with a query": f"look at http://example.com/?q={quote(text)}&b=1 please",
        "a link quoted twice": f"look at http://example.com/?to={quote(quote('/?q=' + text, safe=''), safe='')} please",
        "a link with plus signs": f"look at http://example.com/?b=1&q={quote(text).replace('%20', '+')} please",
        "the name of a page": f"look at http://example.com/{quote(text.lower().replace(' ', '-'))}.html please",
        "the name of a file": f"open /home/anna/{quote(text.replace(' ', '_'))}.txt please",
    }


@pytest.mark.parametrize("text", ANSWERS)
def test_a_piece_of_a_line_is_read_by_itself(text: str) -> None:
    """Between any signs, also where it has such signs itself."""
    missed = [line for line in lines(text).values() if reduced(text) not in {form for form, _ in parts(line)}]
    assert missed == []


def test_a_piece_of_a_line_is_known(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """A private answer in such a place does not go to the cloud; other words there do."""
    local.respond = ollama(ANSWERS[0])
    assert trooper("messages", stdin=json.dumps(request(user("and Okonkwo?"), x_force_local=True))).code == 0
    for name, line in lines(ANSWERS[0]).items():
        done = trooper("messages", stdin=json.dumps(request(user(line))))
        assert done.code == 77, (name, line)
        assert "Okonkwo" not in done.text + done.notices
    assert cloud.connections == 0
    together = "\n\n".join(lines(OTHER).values())
    assert trooper("messages", stdin=json.dumps(request(user(together)))).code == 0


@pytest.mark.parametrize("answer", ["That is fine", "Anna Roe", "May 9"])
def test_everyday_pieces_are_sent(trooper: Trooper, cloud: Standin, local: Standin, answer: str) -> None:
    """What was too short, or everyday words, as a line is so as a piece too."""
    local.respond = ollama(answer)
    assert trooper("messages", stdin=json.dumps(request(user("tell me more"), x_force_local=True))).code == 0
    # What is quoted in links the guard looks at as well, and from sixteen letters on at cells of a table.
    together = "\n\n".join(line for line in lines(answer).values() if "://" not in line)
    assert trooper("messages", stdin=json.dumps(request(user(together)))).code == 0
    assert len(cloud.bodies) == 1


def test_what_stands_within_a_word_is_no_border() -> None:
    """Apostrophes and hyphens, and vowels that are marks."""
    for text in ("Anna's well-known to-do", "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e"):
        assert pieces_of(text) == [text]
