"""A finding spans the secret: not a character more, and none less."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spans import measured
from tests.guard.generated_credentials import ALNUM, URL, Maker
from tests.guard.surroundings import HELD_OUT, SEEN
from trooper_cli.guard import user_patterns
from trooper_cli.guard.credentials import find
from trooper_cli.guard.repeats import _FEW, repeats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Trooper
    from tests.guard.surroundings import Half
    from trooper_cli.guard.finding import Finding

MAKER = Maker(19)
PASSWORD, KEY, GITHUB = "hT4kQz9Pw!", MAKER.of(ALNUM, 31) + "7", "ghp_" + MAKER.of(ALNUM, 36)
LONG_PASSWORD = "Zk3" + MAKER.of(ALNUM, 300)
LONG_KEY = "Zk3" + MAKER.of(URL, 900)


def spanned(text: str, findings: Iterable[Finding] | None = None) -> list[str]:
    return [text[one.offset : one.offset + one.length] for one in (find(text) if findings is None else findings)]


@pytest.mark.parametrize("half", [SEEN, HELD_OUT], ids=["seen", "held out"])
def test_what_is_found_is_spanned_exactly(half: Half) -> None:
    """The floors are what was measured; `python -m benchmarks.spans` prints the figures."""
    counts = measured(half, 1)["by kind"]
    of = {how: sum(n for row, n in counts.items() if row.endswith(how)) for how in ("exact", "wide", "short", "missed")}
    assert of["exact"] > 600
    assert of["wide"] + of["short"] <= 3, counts
    assert of["missed"] <= 16, counts


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"GET /login?password={PASSWORD}&user=bob HTTP/1.1", PASSWORD),
        (f"password={PASSWORD}&user=bob", PASSWORD),
        (f'<a href="/login?password={PASSWORD}&amp;user=bob">', PASSWORD),
        (f"https://h.example/?access_token={KEY}#top", KEY),
        (f"The password is {PASSWORD[:-1]}. Change it.", PASSWORD[:-1]),
        (f"The API key is {KEY}.", KEY),
        (f"Authorization: Bearer {KEY}.", KEY),
        (f"DB_PASSWORD={PASSWORD}.\nA=b", f"{PASSWORD}."),
        (f"PASSWORD={PASSWORD}& sleep 1", PASSWORD),
        (f"DB_PASSWORD={PASSWORD}4x=\nDB_USER=app\n", f"{PASSWORD}4x="),
        (f"  token: {KEY}=\n  kind: x\n", f"{KEY}="),
        (f"api_key: {KEY}?{KEY[:8]}\n", f"{KEY}?{KEY[:8]}"),
        (f'{{"password": "abcd4\\"{PASSWORD}", "x": 1}}', f'abcd4\\"{PASSWORD}'),
        (f'{{"password": "{LONG_PASSWORD}"}}', LONG_PASSWORD),
        (f"PASSWORD={LONG_PASSWORD}\n", LONG_PASSWORD),
        (f"the password is {LONG_PASSWORD}.", LONG_PASSWORD),
        (f"postgres://app:{LONG_PASSWORD}@db.example:5432/app", LONG_PASSWORD),
        (f"postgres://app:{PASSWORD}@{PASSWORD}@db.example/app", f"{PASSWORD}@{PASSWORD}"),
        (f"api_key: {LONG_KEY}\n", LONG_KEY),
        (f'{{"key": "{LONG_KEY}"}}', LONG_KEY),
        (f'api_key="{LONG_KEY}"', LONG_KEY),
        (f"<add name='password' value='{LONG_PASSWORD}'/>", LONG_PASSWORD),
        (f"Cookie: a=b; sessionid={KEY}==; theme=dark", f"{KEY}=="),
    ],
    ids=lambda text: text[:40],
)
def test_a_finding_is_the_value_and_nothing_beside_it(text: str, secret: str) -> None:
    assert spanned(text) == [secret]


@pytest.mark.parametrize(
    "between", ['" +\n    "', '"\n  "', '" + "', '"\n      + "', '" \\\n    "', '" .\n  "', '" + \\\n+  "']
)
@pytest.mark.parametrize("around", ['token = "{}";\nport = 1\n', 'x = 1\ny = (\n    "{}")\n', 'a("{}")'])
def test_a_string_in_two_parts_is_covered_whole(between: str, around: str) -> None:
    for size in (6, 20, 34):
        value = f"{GITHUB[:size]}{between}{GITHUB[size:]}"
        assert spanned(around.format(value)) == [value]


def test_a_string_in_brackets_has_the_name_before_them() -> None:
    value = f'{KEY[:15]}"\n    "{KEY[15:]}'
    assert spanned(f'x = 1\napi_key = (\n    "{value}"\n)\n') == [value]


@pytest.mark.parametrize("value", [PASSWORD, KEY, GITHUB, "tiger"])
def test_a_value_is_found_again_without_its_name(value: str) -> None:
    text = f'password = "{value}"\n# 401 for {value} since noon\nretry({value}); "{value}"\n'
    assert spanned(text) == [value] * 4


def test_a_value_is_found_again_in_an_encoding() -> None:
    """Escaped as in an address, and with an unseen character in it."""
    text = f'password = "{PASSWORD}"\nhttp://h/{PASSWORD.replace("!", "%21")}\n{PASSWORD[:4]}\u200b{PASSWORD[4:]}\n'
    assert len(spanned(text)) == 3


def test_what_says_nothing_is_not_looked_for_again() -> None:
    assert spanned('auth = ("bob", "%s:%s")\nprint("%s:%s")') == ["%s:%s"]
    assert spanned('password = "tiger"\ntigers, tiger_2') == ["tiger"]


WORDS = st.text(alphabet="abcd0_-", min_size=1, max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=12), st.lists(st.integers(0, 11), max_size=30), st.sampled_from(" /a"))
def test_many_values_are_found_where_few_are(made: list[str], order: list[int], glue: str) -> None:
    """Looked up by their first letters or one by one."""
    values = {word * 4 for word in made}
    text = glue.join(made[at % len(made)] * 4 for at in order)
    others = {f"#{number:08}" for number in range(_FEW + 1)} | {f"#{number:05}" for number in range(_FEW + 1)}

    def covered(some: set[str]) -> set[int]:
        return {place for start, end, _ in repeats(text, some) for place in range(start, end)}

    assert covered(values) == covered(values | others)


def test_looking_for_many_values_takes_little_time() -> None:
    """Also where all of them begin alike."""
    values = {f"sk-ant-api03-{'x' * (number % 400)}{number:06}" for number in range(4000)}
    text = " ".join(values)
    begin = time.process_time()
    assert len(set(repeats(text, values))) >= len(values)
    assert time.process_time() - begin < 5


def test_what_a_pattern_of_the_user_matched_is_found_again() -> None:
    text = "badge KD-4711-22 was lost; who has KD-4711-22?"
    assert spanned(text, user_patterns.find(text, [r"(?<=badge )KD-[\d-]+"])) == ["KD-4711-22"] * 2


def test_a_host_is_spanned_to_the_letter() -> None:
    text = "ssh DB7.corp.example. Or db7.corp.example:22, not xdb7.corp.example"
    assert spanned(text, user_patterns.hosts(text, ["db7.corp.example"])) == ["DB7.corp.example", "db7.corp.example"]


def test_the_command_prints_exact_places(trooper: Trooper) -> None:
    text = f"curl 'https://h.example/?password={PASSWORD}&user=bob'\n# {PASSWORD}\npassword: {LONG_PASSWORD}\n"
    done = trooper("guard", "--json", stdin=text)
    records = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 77
    assert [text[one["offset"] :][: one["length"]] for one in records] == [PASSWORD, PASSWORD, LONG_PASSWORD]
