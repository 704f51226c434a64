"""What nobody sees hides no private text and no credential, within a word, at its ends or beside a blank."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

from trooper_cli.guard import credentials
from trooper_cli.guard.fingerprints import Index
from trooper_cli.guard.normalize import forms, reduced
from trooper_cli.guard.unseen import IGNORABLE

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

# The fillers of Hangul, which are letters to Unicode, and others that are not.
UNSEEN = "\u115f\u1160\u3164\uffa0\u200b\xad\u034f\u2800\ufe0f\ufff0\u180b\u17b4\U000e0100"
SECRETS = [
    "The vault in Vienna opens with the marzipan key after nine in the evening; ask Otto.",
    "HunterSecretZebra99", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "+49 30 8812 4471",
    "(628) 731-9942", "OPS-4821", "B-MW 4711", "hollander@hxq.de", "4012 8888 8888 1881", "219-45-6712",
]  # fmt: skip
STAFF = "name,city,salary\nKrahmann,Berlin,71240\nOtto Huberling,Graz,84512\n"


def index_of(text: str) -> Index:
    index = Index.in_memory()
    index.add(index.marks([(text, False)], public=False), public=False, session=None, turn=None)
    return index


def with_unseen(text: str, unseen: str) -> list[str]:
    """Return a text with something unseen at each place; between all its letters; beside and instead of its blanks."""
    return [
        *(text[:at] + unseen + text[at:] for at in range(len(text) + 1)),
        unseen.join(text),
        *(text.replace(" ", blank) for blank in (unseen, f"{unseen} ", f" {unseen}")),
        f"{unseen} {text} {unseen}",
    ]


@pytest.mark.parametrize("unseen", [*UNSEEN, "\u3164\u200b"], ids=ascii)
@pytest.mark.parametrize("secret", SECRETS)
def test_what_nobody_sees_hides_nothing(secret: str, unseen: str) -> None:
    index = index_of(f"please note: {secret} is it")
    for text in with_unseen(secret, unseen):
        assert index.find(f"what is {text} about?"), ascii(text)


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
@pytest.mark.parametrize("asked", ["Krahmann,71240", "Krahmann 71240", "Otto Huberling"])
def test_nor_does_it_in_a_row(asked: str, unseen: str) -> None:
    """Some takes the place of a blank; between two words it is read as one, too."""
    index = index_of(STAFF)
    for text in with_unseen(asked, unseen):
        assert index.find(f"look:\n{text}\nwhat of it?"), ascii(text)


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_nor_does_it_in_the_name_of_a_credential(unseen: str) -> None:
    text = "password: Xk29vLqP33zz"
    for place in range(len(text) + 1):
        (find,) = credentials.find(f"see {text[:place]}{unseen}{text[place:]} there")
        assert find.kind == "password"


@pytest.mark.parametrize("zero", [0x660, 0x6F0, 0x966, 0x1D7CE], ids=hex)
@pytest.mark.parametrize("secret", ["DE89370400440532013000", "OPS-4821", "219-45-6712", "HunterSecretZebra99"])
def test_nor_do_digits_of_another_script(secret: str, zero: int) -> None:
    """Asked in them, or stored in them and asked in Latin ones."""
    other = "".join(chr(zero + int(one)) if one.isdigit() else one for one in secret)
    for stored, asked in ((secret, other), (other, secret)):
        assert index_of(f"please note: {stored} is it").find(f"what is {asked} about?")


def test_no_ignorable_of_unicode_is_a_letter() -> None:
    """Nor is any character without a picture that Unicode knows."""
    known = [chr(code) for code in range(0x80, sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    for one in (*known, *UNSEEN):
        assert reduced(f"a{one}b") == "ab", ascii(one)
    assert IGNORABLE.match("\u3164")


def test_emoji_and_other_scripts_cost_no_second_reading() -> None:
    for text in ("\u26a0\ufe0f Note: careful", "see \u2764\ufe0f", "\u0645\u06cc\u200c\u062e\u0648 ok", "한글 텍스트"):
        assert len(list(forms(text))) == 1, ascii(text)


def test_much_of_it_takes_little_time() -> None:
    for text in (
        "\u3164" * 200_000,
        "\u3164 " * 100_000,
        "a\u3164" * 100_000,
        " " * 200_000 + "\u3164",
        " \u3164a" * 60_000,
    ):
        assert sum(len(form.decoded) for form in forms(text)) < 4 * len(text)


@pytest.mark.parametrize("unseen", ["\u3164", "\uffa0 ", "\u200b"], ids=ascii)
def test_it_is_not_sent(trooper: Trooper, cloud: Standin, unseen: str) -> None:
    """Exit 77, and no connection to the cloud."""
    assert trooper("ask", "--local", "please close OPS-4821 for the vault in Vienna, key HunterSecretZebra99").code == 0
    for text in (f"what is OPS-4821{unseen}?", f"try {unseen}HunterSecretZebra99{unseen}", f"OPS{unseen.strip()}-4821"):
        assert trooper("ask", text).code == 77, ascii(text)
    assert cloud.connections == 0
