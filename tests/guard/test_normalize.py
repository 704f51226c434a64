"""Encoded private text, credentials and patterns are found; what is encoded and not private is not."""

from __future__ import annotations

import base64
import gzip
import json
import random
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.guard.encoders import ENCODERS, cut, in_base64
from tests.guard.generated_credentials import made
from tests.guard.pdfs import WRITERS
from tests.messages.program import request, user
from trooper_cli.guard import credentials, user_patterns
from trooper_cli.guard.fingerprints import RUN, WINDOW, Index
from trooper_cli.guard.normalize import forms, reduced
from trooper_cli.guard.strings import readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin

# Each of many encoders has its own.
EXAMPLES = max(4, settings().max_examples // 100)
WORDS = (
    "vault vienna opens with marzipan key after nine evening ask ottilie third floor never mention payroll northern "
    "branch anyone auditors office müller straße ledger flood quarry mayor niece wedding river blasting contract "
    "kestrel tugboat fig pewter onyx jam zeppelin question first difficult office coffee final"
).split()
PRIVATE = (
    "The vault in Vienna opens with the marzipan key after nine in the evening; ask Müller for the first floor, "
    "and never mention the payroll of the northern branch."
)


def remembered(text: str) -> Index:
    index = Index.in_memory()
    index.add(index.marks([(text, False)], public=False), public=False, session=None, turn=None)
    return index


def sentence(seed: int, letters: int) -> str:
    chance, words = random.Random(seed), [""]
    while len(reduced(" ".join(words))) < letters:
        words.append(chance.choice(WORDS))
    return " ".join(words[1:])


@pytest.mark.parametrize("name", ENCODERS)
def test_encoded_text_is_found(name: str) -> None:
    """Any 60 to 200 letters of private text, by any encoder, in the middle of another text; others are not found."""
    drawn = 0

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 1 << 30), letters=st.integers(60, 200), around=st.integers(0, 3))
    # Its last word is read as more base64, so that what is decoded does not end with a letter.
    @example(seed=0, letters=60, around=1)
    def check(seed: int, letters: int, around: int) -> None:
        nonlocal drawn
        drawn += 1
        private, other = sentence(seed, letters), sentence(seed + 1, letters)
        if name == "od -a":
            # It prints seven bits of each byte, so of other letters nothing can be told.
            private = private.replace("ü", "u").replace("ß", "s")
        before, after = (sentence(seed + 2 + place, 9 * around) for place in range(2))
        index = remembered(f"{sentence(seed + 5, 50)} {private} {sentence(seed + 6, 50)}")
        text = f"{before}\n{ENCODERS[name](private)}\n{after}"
        findings = index.find(text)
        assert findings
        assert all(find.offset >= 0 and find.length > 0 and find.offset + find.length <= len(text) for find in findings)
        assert index.find(f"{before}\n{ENCODERS[name](other)}\n{after}") == []

    check()
    assert drawn >= 1


def test_a_word_on_the_next_line_is_no_part_of_an_encoding() -> None:
    """A short word after the last line could be more of it: it is read with the word and without."""
    private = sentence(76, 85)
    text = f"floor after\n{ENCODERS['base64 of hexadecimal'](private)}\nask wedding"
    assert remembered(private).find(text)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text", [PRIVATE, "Хранилище в Вене открывается после девяти", "金库在维也纳每晚九点以后开门。钥匙在三楼。"]
)
def test_utf_32_is_read_from_any_byte_on(encoding: str, text: str) -> None:
    """With some bytes before and after it that are none, but for what has no letter near another."""
    data = text.encode(encoding)
    assert readable(data) == text
    assert readable(data + b"\x9a\xf2") == text
    if text[0] < "\u0800":
        for before in (b"", b"\xfb", b"\xfb\xef", b"\xfb\xef\xbe", b"\xfb\xef\xbe\xfb"):
            assert text[1:-1] in (readable(before + data + b"\xa5\xaa\xe8\x96") or "")


def test_there_are_many_encoders() -> None:
    assert len(ENCODERS) > 40


@pytest.mark.parametrize(
    "name",
    [
        "xxd", "xxd -p", "hexdump -C", "hexdump", "od", "od -c", "od -A x -t x1z", "hexadecimal with colons",
        "base64 in lines of 16", "base64 quoted", "base64 in URLs", "base32", "base64 twice", "entities twice",
        "percent signs thrice", "percent signs of base64", "base64 of JSON", "base64 of UTF-16", "base64 of gzip",
        "base64 behind a path", "base64 behind three letters", "base64 before a path", "base64 in URLs in a path",
        "hexadecimal behind a name", "base64 of gzip behind a path", "base64 of tar in gzip", "tags between words",
        "behind a name", "behind REM", "behind a clock and a host", "Cyrillic letters", "Greek letters",
        "escapes of CSS", "escapes of RTF", "entities without their ends", "octal numbers of C", "bits", "base32hex",
        "words of two bytes, the last one first", "variation selectors",
    ],
)  # fmt: skip
def test_encoded_text_is_not_sent(name: str, trooper: Trooper, cloud: Standin) -> None:
    """`trooper ask` refuses it with 77, says nothing of it, and nothing reaches the cloud."""
    if name not in ENCODERS:
        pytest.skip("the tool is not installed")
    assert trooper("ask", "--local", stdin=PRIVATE).code == 0
    done = trooper("ask", "what is this?", stdin=ENCODERS[name](PRIVATE))
    assert (done.code, done.out) == (77, b"")
    assert "private-text" in done.notices
    assert cloud.connections == 0


def test_an_encoded_secret_word_and_a_short_answer_are_found() -> None:
    """Words that look like secrets, and short answers as lines, are looked for in what is decoded, too."""
    index = remembered("log in with HunterSecretZebra99")
    assert index.find(f"see {in_base64('try HunterSecretZebra99 now')}")
    assert index.find("see HunterSecret%5Aebra99 now")
    answer = "The capital of France is Paris."
    index.add(index.marks([(answer, True)], public=False), public=False, session=None, turn=None)
    assert index.find(f"is this so? {in_base64(answer)}")
    assert index.find(f"is this so?\n{answer.encode().hex(' ')}\n")


@pytest.mark.parametrize("text", [
    "Хранилище в Вене открывается после девяти вечера, спросите Оттилию и молчите обо всём.",  # noqa: RUF001
    "Το θησαυροφυλάκιο στη Βιέννη ανοίγει μετά τις εννέα το βράδυ, ρωτήστε την Οττίλια και σιωπήστε.",  # noqa: RUF001
])  # fmt: skip
def test_russian_and_greek_are_themselves(text: str) -> None:
    """Letters that look like Latin ones are the same on both sides, in capitals as well."""
    index = remembered(text)
    assert index.find(f"What is this?\n{text.upper()}")
    assert not index.find("What is this? " + text[::-1])


def test_words_of_look_alike_letters_alone_are_found() -> None:
    """Without a Latin letter beside them, which would show that they are no words of the other script."""
    latin = "a cape, a pace, ex cap, pope, peace, ace, pox, oxo, coax, cope, axe, ox, epoxa, cocoa, pea, cap"
    cyrillic = latin.translate(str.maketrans("aceopx", "\u0430\u0441\u0435\u043e\u0440\u0445"))
    assert not set(cyrillic) & set("aceopx")
    assert len(reduced(latin)) >= WINDOW + RUN
    assert remembered(latin).find(f"What is this? {cyrillic}")


@pytest.mark.parametrize("name", WRITERS)
def test_the_text_of_a_pdf_is_found(name: str) -> None:
    """Text by each of the operators, in each kind of font."""
    index = remembered(PRIVATE)
    pdf = in_base64(WRITERS[name](PRIVATE))
    assert index.find(readable(base64.b64decode(pdf)) or "")
    assert index.find(f"Content-Type: application/pdf\n\n{cut(pdf, 76)}\n--end")
    assert not index.find(in_base64(WRITERS[name](PRIVATE[::-1])))


def document(data: bytes) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "application/pdf", "data": in_base64(data)}
    return request(user([{"type": "document", "source": source}]))


@pytest.mark.parametrize("name", ["literal", "mapped"])
def test_a_document_is_not_sent(name: str, trooper: Trooper, cloud: Standin) -> None:
    """A PDF in a request is looked at; one that says something else is sent."""
    trooper("ask", "--local", stdin=PRIVATE)
    assert trooper("messages", stdin=json.dumps(document(WRITERS[name](PRIVATE)))).code == 77
    assert cloud.connections == 0
    assert trooper("messages", stdin=json.dumps(document(WRITERS[name](PRIVATE[::-1])))).code == 0
    assert trooper("messages", stdin=json.dumps(document(b"%PDF-1.4 \x00\xff broken"))).code == 0


@pytest.mark.parametrize(
    "written",
    ["4111222233334444", "4111222233334444.0", "4.111222233334444e15", "-4111222233334444", '{"4111222233334444": 1}',
     "[[4111222233334444.0]]"],
)  # fmt: skip
def test_numbers_of_any_type_are_not_sent(written: str, trooper: Trooper, cloud: Standin) -> None:
    """An account's number in a request is the same however JSON writes it."""
    trooper("ask", "--local", stdin="card 4111222233334444 of Ottilie")
    use = [{"type": "tool_use", "id": "1", "name": "t", "input": {"told": "NUMBER"}}]
    result = [{"type": "tool_result", "tool_use_id": "1", "content": "ok"}]
    body = request(user("hello"), {"role": "assistant", "content": use}, user(result))
    text = json.dumps(body)
    assert trooper("messages", stdin=text.replace('"NUMBER"', written)).code == 77
    assert cloud.connections == 0
    assert trooper("messages", stdin=text.replace('"NUMBER"', "12345678901234.5")).code == 0


KEY = "AKIA" + "Q3EGRIXW7YDNL5KV"
CARRIERS: dict[str, Callable[[str], str]] = {
    "base64": in_base64,
    "base64 of a line": lambda text: in_base64(f"aws_access_key_id = {text}\n"),
    "base64 twice": lambda text: in_base64(in_base64(text)),
    "percent signs": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "some percent signs": lambda text: text.replace("A", "%41"),
    "JSON escapes": lambda text: text.replace("A", "\\u0041"),
    "entities": lambda text: text.replace("K", "&#75;"),
    "hexadecimal": lambda text: text.encode().hex(),
    "xxd": ENCODERS.get("xxd", lambda text: text.encode().hex(" ")),
    "UTF-16": lambda text: in_base64(text.encode("utf-16-le")),
    "gzip": lambda text: in_base64(gzip.compress(text.encode(), mtime=0)),
    "base64 in a path": lambda text: f"https://x/d/{in_base64(text).rstrip('=')}/tail",
    "base64 behind letters": lambda text: f"abc{in_base64(text)}",
    "hexadecimal behind a name": lambda text: f"id_{text.encode().hex()}",
    "colours": lambda text: f"\x1b[31m{text[:9]}\x1b[0m{text[9:]}",
}


@pytest.mark.parametrize("name", CARRIERS)
def test_an_encoded_credential_is_found(name: str) -> None:
    """Its kind is told, and the place of what is encoded; so it is by the user's patterns and hosts."""
    encoded = CARRIERS[name](KEY)
    text = f"what is this?\n{encoded}\nthank you"
    (find,) = credentials.find(text)
    (own,) = user_patterns.find(text, ["AKIA[A-Z0-9]{16}"])
    assert find.kind == credentials.find(KEY)[0].kind
    for place in (find, own):
        assert 14 <= place.offset < 14 + len(encoded)
        assert place.offset + place.length <= 14 + len(encoded) + 1
        assert place.length >= min(len(encoded.rstrip()), 20) - 4
    assert KEY[6:] not in credentials.mask(text)
    assert user_patterns.hosts(f"see\n{CARRIERS[name]('http://db7.corp.example/')}", ["db7.corp.example"])


@pytest.mark.parametrize("name", ["base64", "some percent signs", "JSON escapes", "xxd", "base64 in a path"])
def test_an_encoded_credential_is_not_sent(name: str, trooper: Trooper, cloud: Standin) -> None:
    done = trooper("ask", "what is this?", stdin=CARRIERS[name](KEY))
    assert (done.code, done.out) == (77, b"")
    assert KEY[:4] not in done.notices
    assert cloud.connections == 0


@pytest.mark.parametrize("kind", ["github", "slack", "stripe", "private key", "anthropic", "connection string"])
def test_credentials_in_base64_are_found_as_plain_ones_are(kind: str) -> None:
    for text, _ in made(kind, 20):
        assert bool(credentials.find(text)) == bool(credentials.find(cut(in_base64(f"{text}\n"), 76)))


def test_a_credential_is_told_once() -> None:
    """Escapes near it do not make two of it."""
    text = f'{{"log": "first\\nkey {KEY}\\nlast&amp;%20"}}'
    (find,) = credentials.find(text)
    assert text[find.offset : find.offset + find.length] == KEY


@given(st.text(alphabet="aé%4&#;\\u0n=\n> 9:.|REM", max_size=200))
def test_places_lie_within_the_text(text: str) -> None:
    """Every part of every form came from some part of the text."""
    for form in forms(text):
        for start in range(0, len(form.decoded), 7):
            offset, length = form.original(start, min(start + 9, len(form.decoded)))
            assert 0 <= offset <= offset + length <= len(text)
        assert len(form.offsets) == len(form.text)


def bomb(depth: int) -> str:
    data = b"password " * 400_000
    for _ in range(depth):
        data = base64.b64encode(gzip.compress(data, mtime=0))
    return data.decode()


@pytest.mark.parametrize(
    "text",
    [
        "%25" * 100_000,
        "\\" * 300_000,
        "\\u0041" * 50_000,
        "&amp;" * 60_000,
        "=41" * 100_000,
        "=\n" * 150_000,
        "A" * 300_000,
        "ABCDEFGHIJKLMNOP\n" * 20_000,
        "ab cd " * 50_000,
        "00000000: 4141 \n" * 20_000,
        "0000000   T   h   e\n" * 15_000,
        "alice: a\n" * 30_000,
        "[12:00:01] host app: a\n" * 12_000,
        "12: " * 70_000,
        "A B: " * 60_000,
        " \n" * 150_000,
        in_base64(b"%PDF-1.4 1 0 obj\n" + b"(((" * 70_000),
        in_base64(b"%PDF-1.4\n1 0 obj /FlateDecode stream\n" + zlib.compress(b"(a) Tj " * 3_000_000) + b"endstream"),
        bomb(1),
        bomb(3),
        "\n".join([in_base64(gzip.compress(b"password " * 400, mtime=0))] * 3000),
        in_base64(gzip.compress(b"a", mtime=0) * 10_000),
        in_base64(b"x\x9c" * 100_000),
        in_base64(random.Random(1).randbytes(150_000)),
        "abCdefghijklmnop/" * 18_000,
        in_base64(in_base64(in_base64(in_base64("the password " * 4000)))),
        '\\\\\\\\\\"a' * 40_000,
        "<a " * 100_000,
        "1, " * 100_000,
    ],
    ids=lambda text: text[:12].strip(),
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    """The work is bounded by the size of the text, whatever is in it."""
    start = time.process_time()
    size = sum(len(form.decoded) for form in forms(text))
    assert size <= 22 * len(text) + (1 << 20)
    assert time.process_time() - start < 10


def test_plain_text_is_read_once() -> None:
    """What holds nothing encoded is read once; beside an escape only its neighbourhood is read again."""
    plain = "\n\n".join(f"{sentence(seed, 80)}." for seed in range(300))
    assert sum(len(form.decoded) for form in forms(plain)) < 1.2 * len(plain)
    text, decoded, *_ = forms(f"{plain}caf%C3%A9 {plain}")
    assert len(decoded.decoded) < 600 < len(text.decoded)
