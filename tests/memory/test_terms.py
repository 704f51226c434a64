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
        ("We don't use cobra.", "We don't use cobra"),
        ("It is not allowed to restart the primary.", "It is not allowed to restart primary"),
        ("You can't reach it without the VPN", "You can't reach it without VPN"),
        ("ok so we have to keep 14 days", "we have to keep 14 days"),
        ("The VM has 24 GB of RAM", "VM has 24 GB of RAM"),
        ("It has been moved to node_7", "It has been moved to node_7"),
        ("We won't deploy on Fridays", "We won't deploy on Fridays"),
        ("Plan A is out", "Plan A out"),
        ("Talk to IT", "Talk to IT"),
        ("Wir nehmen die Firewall nicht", "Wir nehmen die Firewall nicht"),
        ("She deploys first, we after.", "She deploys first, we after"),
        ("The status page is by Ilse, not me.", "status page by Ilse, not me"),
        ("Twice a day a few hosts restart.", "Twice a day a few hosts restart"),
        ("Wir müssen das bis Freitag prüfen.", "Wir müssen das bis Freitag prüfen"),
        ("Run cp -a a b on the host", "Run cp -a a b on the host"),
        ('{"tags": ["a", "b"]', '{"tags": ["a", "b"]'),
        ("SELECT a, the FROM t;", "SELECT a, the FROM t;"),
        ("name: a the", "name: a the"),
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


WHO = "i we you he she it they me him us them my our your his her their who someone nobody".split()
HOW = "do does did was were been being has have had will would can could must may might don't isn't won't can't".split()


@given(st.lists(st.sampled_from([*MEANING, *WHO, *HOW, "the", "a", "is", "please", "deploy", "host"]), min_size=1))
def test_who_does_what_stays(said: list[str]) -> None:
    """Pronouns, auxiliaries and negations are in the short form as often as they were said."""
    text = "restart " + " ".join(said)  # no lead-in
    short = terms.telegraph(text).split()
    for word in {word for part in (*MEANING, *WHO, *HOW) for word in part.split()}:
        assert short.count(word) == text.split().count(word)


COMMANDS = st.lists(st.sampled_from("cp -a a b the is /srv/a --the {a} 'a' | please".split()), min_size=1, max_size=8)


@given(COMMANDS)
def test_commands_and_data_stay_as_they_are(words: list[str]) -> None:
    """Not one word of a command, JSON, SQL or YAML is dropped, in a fence or not."""
    for text in (f"cp {' '.join(words)}", f'{{"run": "{" ".join(words)}"}}', f"run: {' '.join(words)}"):
        assert terms.telegraph(text) == text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("主サーバーは22:00まで再起動しない", "再起"),
        ("我们决定把数据库迁移到新的服务器", "迁移"),
        ("ทีมตัดสินใจย้ายฐานข้อมูลไปยังเซิร์ฟเวอร์ใหม่", "ฐา"),
        ("डेटाबेस को शनिवार को नए सर्वर पर ले जाया जाएगा", "शनिवार"),
    ],
)
def test_words_of_scripts_without_spaces_are_found(text: str, word: str) -> None:
    """Pairs of letters stand for words where none are set apart; vowel marks are letters."""
    assert word in terms.terms(text)


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
