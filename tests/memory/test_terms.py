from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trooper_cli.memory import terms

MEANING = (
    "not",
    "never",
    "no",
    "without",
    "must",
    "only",
    "should",
    "cannot",
    "except",
    "unless",
    "until",
    "before",
    "at least",
    "at most",
    "nicht",
    "kein",
)
THINGS = (
    "14 days",
    "2Gi",
    "db-bill-01",
    "v2.3.1",
    "22:00",
    "/etc/hosts",
    "--force",
    "cobra",
    "€450",
    "99.8%",
    "PAY-2291",
    "C++",
    "node_7",
    "1,312",
)


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("We don't use cobra.", "not use cobra"),
        ("It is not allowed to restart the primary.", "not allowed to restart primary"),
        ("You can't reach it without the VPN", "cannot reach without VPN"),
        ("ok so we have to keep 14 days", "have to keep 14 days"),
        ("The VM has 24 GB of RAM", "VM has 24 GB of RAM"),
        ("It has been moved to node_7", "moved to node_7"),
        ("We won't deploy on Fridays", "not deploy on Fridays"),
        ("Plan A is out", "Plan A out"),
        ("Talk to IT", "Talk to IT"),
        ("Wir nehmen die Firewall nicht", "nehmen Firewall nicht"),
        ("Les serveurs ne sont pas dans la cave", "Les serveurs ne sont pas dans la cave"),
    ],
)
def test_telegraph_style_keeps_what_is_said(said: str, short: str) -> None:
    """Articles, subjects and auxiliaries go; negations, obligations, quantities and names stay."""
    assert terms.telegraph(said) == short


@given(
    st.lists(
        st.sampled_from([*MEANING, *THINGS, "the", "we", "is", "have", "it", "really", "deploy", "host", "and"]),
        min_size=1,
        max_size=14,
    )
)
def test_no_word_that_carries_meaning_is_lost(said: list[str]) -> None:
    """In any order, each negation, obligation, number and identifier is in the short form, as often."""
    short = terms.telegraph(" ".join(said)).split()
    for part in {word for text in (*MEANING, *THINGS) for word in text.split()}:
        assert short.count(part) == " ".join(said).split().count(part)


@given(
    st.sampled_from(
        [
            "do",
            "does",
            "did",
            "is",
            "are",
            "was",
            "were",
            "has",
            "have",
            "had",
            "can",
            "won",
            "would",
            "should",
            "could",
            "must",
            "need",
        ]
    )
)
def test_contracted_negations_stay_negations(verb: str) -> None:
    """No contraction hides a "not"."""
    negated = "wo" if verb == "won" else "ca" if verb == "can" else verb
    assert "not" in terms.telegraph(f"the service {negated}n't restart db-1")


def test_terms_hold_identifiers_whole_and_in_parts() -> None:
    """A host is found by its name and by its parts."""
    assert terms.terms("Restart db-bill-01") == ("restart", "db-bill-01", "db", "bill", "01")


@pytest.mark.parametrize(
    ("one", "other"), [("migrated", "migration"), ("deploys", "deployed"), ("planned", "plan"), ("policies", "policy")]
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    """A question finds an answer in another form of the word."""
    assert terms.stem(one) == terms.stem(other)


@given(st.text())
def test_any_text_can_be_shortened(text: str) -> None:
    """Odd characters break nothing, and no text grows by much."""
    assert len(terms.telegraph(text)) <= len(text) + 8 * text.count("'")
    terms.terms(text)
