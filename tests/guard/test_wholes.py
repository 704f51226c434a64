"""Short private prompts and answers that come back whole: asked again they are stopped, "continue" is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.standin import ollama
from trooper_cli.guard.distinctive import is_telling
from trooper_cli.guard.fingerprints import Index

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

# What people ask everywhere, day in, day out.
EVERYDAY = """yes|no|ok|okay|sure|thanks|thank you|thank you very much|thanks a lot, that works|great|perfect|continue
go on|go ahead|please continue|keep going|next|why?|why not?|how?|what?|really?|are you sure?|hello|hi there
hey, how are you?|test|ping|help|who are you?|what can you do?|explain|explain this|explain this code|explain that again
can you explain that?|what does this mean?|what does this do?|what is this?|what's wrong here?|why does this fail?
fix this|fix it|fix the bug|fix the tests|fix the typos|fix the grammar|make it shorter|make it simpler|shorter please
be brief|more detail please|give me an example|another example|one more|again|try again please|that is wrong
no, the other one|the first one|option b|both|summarise|summarise this|summarize this text|summarise this in one line
rephrase this|rewrite this paragraph|proofread this|improve this text|translate this|translate to German
translate into French|in English please|write a commit message|write tests for this|write a docstring|add comments
refactor this function|review this code|review this diff|run the tests|show me the code|show the diff|list the steps
use Python instead|as JSON|as a table|as bullet points|what time is it?|what is 2+2?|revert that change|rename it
what next?|what now?|and then?|anything else?|is that correct?|does that make sense?|I see|I understand|got it
makes sense|sounds good|looks good to me|lgtm|well done|stop|wait|done|merge it|do it again|yes please|yes, do it
no thanks|not now|let's start over|reset|exit|bye|see you tomorrow|4711|42""".replace("\n", "|").split("|")

TELLING = """What is Anna's salary?|anna's pin?|Anna salary|who is pregnant|is Bob fired?|my HIV result
What does Ottilie earn?|When is the merger with Acme?|How do I tell my wife?|am I being laid off?|divorce lawyer Vienna
password for db01|the vault code|Was kostet das Haus in Wien?|安娜的工资是多少|Сколько получает Анна?
credit score of Jane Roe|lawsuit against Acme
Why was Tom suspended?|reset Anna's account""".replace("\n", "|").split("|")


def test_everyday_prompts_are_nobody_s() -> None:
    """Of what everybody asks nothing is telling; of what one person asks, all."""
    assert len(EVERYDAY) >= 100
    assert [prompt for prompt in EVERYDAY if is_telling(prompt)] == []
    assert [prompt for prompt in TELLING if not is_telling(prompt)] == []


@pytest.mark.parametrize("prompt", TELLING)
def test_a_telling_prompt_is_found_whole(prompt: str) -> None:
    """With other quotes, case, white space and marks at its ends; and not once a public turn had it."""
    from trooper_cli.guard import text_keys

    index = Index.in_memory()
    index.add(
        index.marks([(prompt, False)], public=False, names=text_keys.loose_keys(prompt)),
        public=False, session=None, turn=3,
    )  # fmt: skip
    for changed in (prompt, f"  {prompt.upper()}. ", f"\u201c{prompt}\u201d", f"> **{prompt}**", f"[10:00] {prompt}"):
        (find,) = index.find(changed)
        assert (find.kind, find.session, find.turn) == ("private-text", None, 3)
    assert index.find(f"{prompt} And tell me, what is the weather in that place?") == []
    index.add(
        index.marks([(prompt, False)], public=True, names=text_keys.loose_keys(prompt)),
        public=True, session=None, turn=1,
    )  # fmt: skip
    assert index.find(prompt) == []


@pytest.mark.parametrize("source", [[], ["-s", "ops"]])
@pytest.mark.parametrize("target", [[], ["-s", "dev"], ["--system", "Be brief."]])
def test_arrow_up_without_local(trooper: Trooper, cloud: Standin, source: list[str], target: list[str]) -> None:
    """The private question once more, the flag forgotten: exit 77, and the cloud hears nothing."""
    assert trooper("ask", *source, "--local", "What is Anna's salary?").code == 0
    for again in ("What is Anna's salary?", "what is anna\u2019s  salary", "\u201cWHAT IS ANNA'S SALARY\u201d."):
        done = trooper("ask", *target, again)
        assert (done.code, done.out) == (77, b""), done.notices
        assert "private-text" in done.notices
        assert "Anna" not in done.notices
    assert cloud.connections == 0


RULE, ASKED = "=" * 190, "Is Oduya leaving us in May?"


@pytest.mark.parametrize(
    "framed",
    [
        f"{RULE}\n{ASKED}\n{RULE}",
        f"{' ' * 420}{ASKED}",
        f"{ASKED}{chr(10) * 420}.",
        ASKED.replace(" ", "." * 150),
        "\U0001f600" * 420 + ASKED,
        ASKED.replace(" ", " \U0001f600" * 150),
        "\u200b".join(letter + "\u200b" * 14 for letter in ASKED),
        f"{'-' * 100_000}\n{ASKED}\n{'-' * 100_000}",
    ],
    ids=["rules", "blanks", "line ends", "dots", "emoji", "emoji between", "unseen", "long rules"],
)
def test_a_frame_hides_no_short_prompt(trooper: Trooper, cloud: Standin, framed: str) -> None:
    """Signs, blanks and what nobody sees are not what makes a text long, however many they are."""
    assert trooper("ask", "--local", ASKED).code == 0
    for command in (["ask"], ["guard"]):
        done = trooper(*command, stdin=framed)
        assert done.code == 77, done.notices
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": framed}]}
    assert trooper("messages", stdin=json.dumps(body)).code == 77
    assert cloud.connections == 0


CLIENT = "Oduya is our client, be kind"


@pytest.mark.parametrize("source", [[], ["-s", "ops"]])
@pytest.mark.parametrize("asked", [["--system", CLIENT, "tell me about monads"], [CLIENT]])
def test_a_private_system_prompt_is_known_as_a_whole(
    trooper: Trooper, cloud: Standin, source: list[str], asked: list[str]
) -> None:
    """Asked in public, or set again, it is refused; also by an index made anew, and where its turn was refused."""
    assert trooper("ask", *source, "--local", "--system", CLIENT, "hello there").code == 0
    assert trooper("ask", *source, *asked).code == 77
    if source:
        for lost in ("guard.db", "guard.key"):
            (trooper.home / lost).unlink()
        assert trooper("ask", *source, *asked).code == 77
    assert cloud.connections == 0


def test_a_refused_system_prompt_is_known_as_a_whole(trooper: Trooper, cloud: Standin) -> None:
    """One on a wrong command line."""
    assert trooper("ask", "--locl", "--system", CLIENT, "hello there").code == 2
    assert trooper("ask", "--system", CLIENT, "tell me about monads").code == 77
    assert cloud.connections == 0


def test_a_public_system_prompt_is_looked_at_as_a_whole(trooper: Trooper, cloud: Standin) -> None:
    """A short private prompt is none; and one that was public first is nobody's."""
    assert trooper("ask", "--local", ASKED).code == 0
    assert trooper("ask", "--system", ASKED, "what do you think?").code == 77
    assert cloud.connections == 0
    for label in ([], ["--local"], []):
        assert trooper("ask", "-s", "dev", *label, "--system", CLIENT, "tell me about monads").code == 0


def test_a_short_private_answer_is_not_a_public_prompt(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """An answer of less than a line's length, pasted whole; and `trooper guard` says the same."""
    local.respond = ollama("Jane Roe-Smith")
    answer = trooper("ask", "--local", "who?").out
    for dressed in (answer, b"> jane roe-smith.", b"**Jane Roe-Smith**"):
        assert trooper("ask", stdin=dressed).code == 77
        assert trooper("guard", stdin=dressed).code == 77
    assert cloud.connections == 0
    assert trooper("ask", "is Jane Roe-Smith tall?").code == 0


def test_what_everybody_asks_is_asked_again(trooper: Trooper, cloud: Standin) -> None:
    """A private "continue" blocks nobody; nor does what was asked publicly before, in a session."""
    for prompt in ("continue", "Write a commit message"):
        trooper("ask", "--local", prompt)
        assert trooper("ask", prompt).code == 0
    assert trooper("ask", "-s", "dev", "Who is Ottilie Nagl?").code == 0
    trooper("ask", "--local", "Who is Ottilie Nagl?")
    assert trooper("ask", "who is Ottilie Nagl").code == 0
    assert len(cloud.requests) == 4


def test_an_index_made_anew_knows_them(trooper: Trooper) -> None:
    """From sessions alone, prompts and answers are known as wholes too."""
    line = json.dumps({"prompt": "What is Anna's salary?", "answer": "89,000 euro"})
    trooper("import", "-s", "ops", stdin=line)
    for lost in ("guard.db", "guard.key"):
        (trooper.home / lost).unlink()
    assert trooper("ask", "what is Anna's salary").code == 77
    assert trooper("ask", "89,000 euro").code == 77
