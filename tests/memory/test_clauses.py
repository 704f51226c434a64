from __future__ import annotations

import pytest

from trooper_cli.memory import clauses, fold, weigh
from trooper_cli.turn import Exchange


def texts(prompt: str, answer: str = "Fine.", asked: str = "") -> list[str]:
    return [unit.text for unit in clauses.cut(5, Exchange(prompt, answer), asked).units]


def kind(prompt: str) -> int:
    return clauses.cut(5, Exchange(prompt, "")).units[0].kind


def test_a_short_answer_is_one_unit_with_its_question() -> None:
    """Neither the question nor "5433" means anything alone."""
    assert texts("Which port does billing use?", "5433.") == ["Which port does billing use? 5433"]


def test_an_answer_to_the_assistant_is_one_unit_with_what_was_asked() -> None:
    """The question the answer before ended with is remembered."""
    asked = clauses.cut(4, Exchange("Set up backups.", "Will do. How long do you want to keep them?")).asked
    assert texts("14 days", "Good.", asked)[0].endswith("? 14 days")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("We decided to use Dagster.", weigh.DECIDED),
        ("The disk must hold 4 TB.", weigh.LIMIT),
        ("Don't use cobra for this.", weigh.RULED_OUT),
        ("Still waiting for the certificate.", weigh.OPEN),
        ("The import is fixed and merged.", weigh.DONE),
        ("I want a nightly export.", weigh.WANTED),
        ("The host is db-bill-01.", weigh.FACT),
        ("    return x + 1", weigh.CODE),
    ],
)
def test_kinds(said: str, expected: int) -> None:
    """A clause is filed by what it says."""
    assert kind(said) == expected


def test_code_weighs_less_than_words() -> None:
    """What people say about code matters more than the code."""
    found = clauses.cut(5, Exchange("The retry count is 7.\n```\nretry_limit = 7\n```", "")).units
    assert [unit.kind for unit in found] == [weigh.FACT, weigh.CODE]
    assert found[0].score > found[1].score


def test_a_side_question_weighs_less() -> None:
    """General knowledge is not what a report is for."""
    aside = clauses.cut(5, Exchange("By the way, what does VRRP mean?", "It lets 2 routers share an address.")).units
    matter = clauses.cut(5, Exchange("The router is rt-7.", "It lets 2 routers share an address.")).units
    assert max(unit.score for unit in aside) < min(unit.score for unit in matter)


def test_what_the_answer_says_again_weighs_more() -> None:
    """Both sides said it: the clause stands out of an answer, and of what nobody took up."""
    prompt = "The runbook goes to docs/runbooks/pool.md in the payments repository, next to the others."
    again = "The runbook goes to docs/runbooks/pool.md."
    other = "The importer reads etc/limits/burst.toml."
    said, repeated = clauses.cut(5, Exchange(prompt, again)).units
    _, unasked = clauses.cut(5, Exchange(prompt, other)).units
    assert repeated.score > said.score > unasked.score
    assert repeated.cost < said.cost


def test_what_is_said_again_is_told_under_the_same_heading() -> None:
    """A limit stays one where the answer only names it."""
    limit, again = clauses.cut(
        5, Exchange("The primary must not be restarted before 22:00.", "The primary at 22:00.")
    ).units
    assert (limit.kind, again.kind) == (weigh.LIMIT, weigh.LIMIT)


def test_a_repeated_question_or_paste_weighs_no_more() -> None:
    asked = clauses.cut(5, Exchange("The export fails nightly.", "Does the export fail nightly?")).units[-1]
    alone = clauses.cut(5, Exchange("The host is down.", "Does the export fail nightly?")).units[-1]
    pasted = clauses.cut(5, Exchange("    nightly export fails", "The export fails nightly.")).units[-1]
    unsaid = clauses.cut(5, Exchange("    daily import works", "The export fails nightly.")).units[-1]
    assert (asked.score, pasted.score) == (alone.score, unsaid.score)


def test_abbreviations_and_ordinals_do_not_end_a_sentence() -> None:
    """The points of "z.B." and of "1. Oktober" are not its end."""
    assert (
        texts("Bis zum 1. Oktober beantragen, z.B. bei Frau Steiner.")[0]
        == "Bis zum 1. Oktober beantragen, z.B. bei Frau Steiner"
    )
    assert texts("At most 10,000 a year, says Prof. Rautio.")[0] == "At most 10,000 a year, says Prof. Rautio"


def test_no_line_is_lost() -> None:
    """Every line of a long log is in a unit, and so is all of a line without an end."""
    log = "\n".join(f"2024-01-01T00:00:00Z INFO line {number}" for number in range(2000))
    found = clauses.cut(5, Exchange(log, "word " * 300 + "needle " + "x" * 2000 + "y")).units
    assert {f"line {number}" for number in range(2000)} <= {unit.text[-9:].lstrip("O ") for unit in found} | {
        unit.text.split("INFO ")[-1] for unit in found
    }
    assert any("needle" in unit.text for unit in found)
    assert found[-1].text.endswith("xy")
    assert all(len(unit.text) <= clauses.MOST_LETTERS for unit in found)


def test_only_the_weightiest_of_a_long_turn_enter_the_state() -> None:
    """A pasted log is searched line by line, and does not push out what was said."""
    state = fold.Folded()
    log = "\n".join(f"2024-01-01T00:00:00Z INFO line {number}" for number in range(2000))
    fresh = state.add(Exchange(f"The port is 5433.\n{log}", "ok"))
    assert len(fresh) > 2000
    assert len(state.units) < 300
    assert any("5433" in unit.text for unit in state.units)


def test_what_is_said_again_and_again_is_one_unit() -> None:
    """A looping model says it sixty times; it is kept once."""
    found = clauses.cut(5, Exchange("Go on.", "The disk is full. " * 60)).units
    assert [unit.text for unit in found if "disk" in unit.text] == ["disk full"] or len(found) <= 2


@pytest.mark.parametrize(
    "text",
    [
        "主サーバーは22:00まで再起動しません。バックアップは35日間保存します。",
        "我们不能重启主服务器。备份保留三十五天。",
        "हम सर्वर को दोबारा शुरू नहीं करेंगे। बैकअप पैंतीस दिन रहेगा।",
    ],
)
def test_sentences_end_at_the_marks_of_their_script(text: str) -> None:
    assert len(texts(text)) == 3  # with the answer's


@pytest.mark.parametrize("line", ["cp -a a b", '{"tags": ["a", "b"]}', "SELECT a, the FROM t;", "name: the a"])
def test_code_outside_a_fence_is_told_as_it_is(line: str) -> None:
    assert line in texts(f"{line}\nThat is all.")
