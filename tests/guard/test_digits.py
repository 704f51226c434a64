"""Base64, base32 and hexadecimal digits are found wherever among other letters they begin and end."""

from __future__ import annotations

import base64
import random
import string

import pytest

from tests.guard.encoders import in_base64
from trooper_cli.guard.decoders import encoded
from trooper_cli.guard.normalize import forms
from trooper_cli.guard.strings import readable

TEXT = "The northern branch pays its contractors out of the marzipan fund, and Müller signs for all."
ALPHABET = string.ascii_letters + string.digits + "/_-"


def decoded(text: str) -> str:
    return "\n".join(form.decoded for form in list(forms(text))[1:])


@pytest.mark.parametrize("size", range(17))
def test_any_letters_may_stand_before_and_after(size: int) -> None:
    """But for the base's own digits at its edges, all of the text is found."""
    chance = random.Random(size)
    for _ in range(20):
        before, after = ("".join(chance.choices(ALPHABET, k=size)) for _ in range(2))
        for digits in (in_base64(TEXT), base64.urlsafe_b64encode(TEXT.encode()).decode(), TEXT.encode().hex()):
            assert TEXT in decoded(f"see {before}{digits.rstrip('=')}{after} there")


@pytest.mark.parametrize("after", ["/tail", "/x/y", "-2024", "\nafter", " wedding ring"])
@pytest.mark.parametrize("before", ["x/", "https://x/d/", "/srv/a-b/Some_thing/", "see x-"])
@pytest.mark.parametrize("secret", ["The capital of France is Paris.", "HunterSecretZebra99", "Ottilie knows"])
def test_a_short_text_is_found_by_itself(secret: str, before: str, after: str) -> None:
    """What is known as a whole line or word stands apart from letters that were no part of its digits."""
    found = decoded(f"{before}{in_base64(secret).rstrip('=')}{after}").split("\n")
    assert secret in found


def test_names_and_paths_are_no_digits() -> None:
    """What programs print of them decodes to nothing."""
    names = (
        "tests/messages/test_changed_history", "/usr/lib/python3/dist-packages/README", "ANTHROPIC_AUTH_TOKEN/x",
        "AbstractSingletonProxyFactoryBean", "internationalization", "github/ISSUE_TEMPLATE/bug_report",
        "cb6be52a5d10379bc586744a2b599ceb5193a84b", "550e8400-e29b-41d4-a716-446655440000",
    )  # fmt: skip
    assert encoded("\n.\n".join(names)) == []


def test_chance_is_rarely_text() -> None:
    """Of digits by chance, as keys and digests are, hardly one in a hundred holds text."""
    chance = random.Random(7)
    keys = [in_base64(chance.randbytes(48)) for _ in range(1000)] + [chance.randbytes(20).hex() for _ in range(1000)]
    assert sum(bool(encoded(f"key: {key}.")) for key in keys) <= 15


def test_pictures_are_passed_over() -> None:
    """Two pictures by the same program share what it says of itself."""
    about = b"tEXtSoftware\0made by the same program as the other one"
    assert readable(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0" + about + b"\xae\x42IEND\xae\x42\x60\x82") is None
    assert readable(b"\x7fELF\x02\x01\x01\0\0\0" + about + b"\xff\xd7\0") is not None
