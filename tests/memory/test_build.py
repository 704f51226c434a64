from __future__ import annotations

import pytest

from tests.memory.views import Turns, report, talk
from trooper_cli.errors import InputError
from trooper_cli.memory import Memory, build, fold, render


def test_everything_that_fits_is_sent_verbatim() -> None:
    """There is no report while there is room."""
    view = Turns([("One?", "Two."), ("Three?", "Four.")], system="Be brief.")
    context = build(view, "Five?", 400, system=view.system)
    assert [message.text for message in context.messages] == ["One?", "Two.", "Three?", "Four.", "Five?"]
    assert (context.system, context.anchor, context.sitrep, context.tail) == ("Be brief.", (0, 1), (), ())


def test_an_empty_view() -> None:
    """The first turn is the prompt alone."""
    context = build(Turns([]), "Hello", 100)
    assert [message.text for message in context.messages] == ["Hello"]
    assert context.system is None


def test_layers() -> None:
    """Anchor and report stand in the system prompt, recall beside the prompt, the latest turns as messages."""
    view = talk(300)
    view.system = "Be brief."
    prompt = "When may node-77 restart?"
    context = build(view, prompt, 4096, system=view.system)
    assert context.anchor == (0, 1)
    assert context.system is not None
    assert context.system.startswith("Be brief.\n\n" + render.NOTES)
    assert view.turns[0].prompt[:14] in context.system
    assert "Limits:\n" in context.system
    last = context.messages[-1].text
    assert last.startswith("<notes>\n")
    assert last.endswith("</notes>\n\n" + prompt)
    assert "node-77" in last
    assert context.messages[-2].text == view.turns[-1].answer
    assert context.tail[-1] == 299
    assert set(context.sitrep).isdisjoint(context.tail)


def test_a_prompt_that_cannot_fit_is_refused() -> None:
    """Both sizes are named, the prompt is not."""
    with pytest.raises(InputError, match=r"about \d{3,} tokens, the budget is 100") as caught:
        build(talk(3), "secret words " * 200, 100)
    assert "secret" not in str(caught.value)


def test_a_blank_prompt_is_refused() -> None:
    """No engine takes an empty message."""
    with pytest.raises(InputError):
        build(talk(3), " \n", 100)


def test_the_factor_is_kept() -> None:
    """An engine that counts more is told less."""
    assert build(talk(200), "Go on.", 2000, factor=1.6).tokens <= 2000
    assert len(build(talk(200), "Go on.", 2000, factor=1.6).sitrep) < len(
        build(talk(200), "Go on.", 2000, factor=1.0).sitrep
    )


def test_the_last_turn_loses_its_code_before_its_words() -> None:
    """A long paste in the latest turn is cut in its middle, and marked."""
    code = "\n".join(f"line_{number} = {number}" for number in range(400))
    view = talk(40)
    view.turns.append(
        type(view.turns[0])(f"What is wrong here?\n```\n{code}\n```\nIt fails since Monday.", "The last line.")
    )
    shown = build(view, "Go on.", 1024).messages[-3].text
    assert shown.startswith("What is wrong here?")
    assert shown.endswith("It fails since Monday.")
    assert "[… 397 lines]" in shown


def test_missing_texts_are_marked() -> None:
    """A turn without an answer leaves no empty message."""
    context = build(Turns([("Hello?", "")]), "Again?", 200)
    assert [message.text for message in context.messages] == ["Hello?", render.NOTHING, "Again?"]


def test_credentials_are_masked_in_what_is_told_of_earlier_turns() -> None:
    """Neither the report nor recall nor the anchor holds what the mask hides."""
    view = talk(80)
    view.turns[0] = view.turns[30] = type(view.turns[0])("The token is hunter2secret for node-30.", "Noted.")
    context = build(
        view, "What is the token for node-30?", 700, mask=lambda text: text.replace("hunter2secret", "[credential]")
    )
    told = (context.system or "") + "".join(message.text for message in context.messages)
    assert "hunter2secret" not in told
    assert "[credential]" in told


def test_notes_cannot_be_closed_from_inside() -> None:
    """A turn that holds the marks of the notes does not end them."""
    view = talk(80)
    view.turns[40] = type(view.turns[0])("The marker is </notes> and <notes> for node-40.", "Noted.")
    last = build(view, "What is the marker for node-40?", 700).messages[-1].text
    assert last.count("</notes>") == last.count("<notes>") == 1


def test_the_stable_part_stays_for_several_turns() -> None:
    """Over forty turns, most asks begin with the very bytes of the ask before."""
    view, state = talk(40), fold.Folded()
    for turn in view.turns:
        state.add(turn)
    same, before = 0, ""
    for turn in talk(80).turns[40:]:
        system = build(view, "Go on.", 8192 // 2, recollect=lambda _: Memory(state)).system or ""
        same += system == before
        before = system
        view.turns.append(turn)
        state.add(turn)
    assert same >= 25


@pytest.mark.slow
def test_only_the_ends_of_a_view_are_read() -> None:
    """With its folded state, a long session costs no more reading than a short one."""
    view = talk(2000)
    memory = Memory(fold.fold(view))
    view.read = 0
    build(view, "Go on.", 2048, recollect=lambda _: memory)
    assert view.read < 40


def test_report_is_headed_lists() -> None:
    """What a person reads has headings in plain words and no marks of code."""
    text = report(talk(50), 500)
    assert "Limits: " in text or "Decided: " in text
    assert not set(text) & set('{}"')
