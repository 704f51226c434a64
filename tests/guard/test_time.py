"""Time grows with the text, not with its square, whatever the text is. Only work of one run is compared."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import pytest

from tests.guard.shapes import SHAPES, index_session, read_as_message, refuse_or_pass, thousand_turns
from trooper_cli.guard import credentials, normalize, tables
from trooper_cli.messages.private_parts import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Trooper
    from tests.standin import Standin
    from trooper_cli.guard.fingerprints import Index
    from trooper_cli.guard.piece import Piece

# Four times the text takes about four times as long, and sixteen times where each part is compared with each.
MOST_GROWTH = 8
# Who is quicker than this with the larger text is quick enough: so short a time says nothing about growth.
FLOOR_SECONDS = 0.25
TRIES = 4
WAYS = {"look": refuse_or_pass, "store": index_session, "message": read_as_message}
# What took seconds or minutes once.
ONCE_SLOW = (
    "one e-mail address",
    "addresses, lines",
    "base64 in base64",
    "letters and digits",
    "hexadecimal words",
    "base64 of b'%PDF-'",
    "base64 of b'%PDF-1 0 obj stream\\n'",
    "CSV of many columns",
    "credential: 'eyJ'",
    "keys, values and borders",
    "speakers in JSON",
)
# What is slow in long texts only.
SLOW_WHERE_LONG = ("base64 of b'\\x1f\\x8b\\x08'",)
# Of the processor: how busy the machine is does not count.
WHOLE_SECONDS = 20


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    made = thousand_turns()
    yield made
    made.close()


def seconds(work: Callable[[str, Index], object], text: str, index: Index) -> float:
    """Return the processor's time, which other programs change little."""
    begin = time.process_time()
    work(text, index)
    return time.process_time() - begin


def growth(work: Callable[[str, Index], object], name: str, size: int, index: Index) -> float:
    """Return how many times as long four times the text takes: the best of several tries, 1 if it is quick."""
    small, large = SHAPES[name](size), SHAPES[name](4 * size)
    least_small = least_large = float("inf")
    for _ in range(TRIES):
        least_large = min(least_large, seconds(work, large, index))
        if least_large < FLOOR_SECONDS:
            return 1
        least_small = min(least_small, seconds(work, small, index))
        if least_large < MOST_GROWTH * least_small:
            break
    return least_large / least_small


class TestParts:
    """What of a message is read by itself and with its neighbours."""

    def test_of_many_short_lines_few_are_read_together(self) -> None:
        """Of 200 kB of short lines, each is read in fewer than 16 ways; of few, with all its neighbours."""
        text = SHAPES["keys, values and borders"](200_000)
        assert sum(1 for _ in parts(text)) < 16 * text.count("\n")
        assert "abcdefghijkl" in {form for form, _ in parts("\n".join("abcdefghijkl"))}


class TestGrowth:
    @pytest.mark.parametrize("name", ONCE_SLOW)
    @pytest.mark.parametrize("way", WAYS)
    def test_what_was_slow_once_grows_with_the_text(self, index: Index, name: str, way: str) -> None:
        assert growth(WAYS[way], name, 10_000, index) < MOST_GROWTH

    @pytest.mark.parametrize("name", SLOW_WHERE_LONG)
    def test_so_does_what_was_slow_in_long_texts(self, index: Index, name: str) -> None:
        assert growth(refuse_or_pass, name, 50_000, index) < MOST_GROWTH

    @pytest.mark.slow
    @pytest.mark.parametrize("name", SHAPES)
    def test_any_shape_grows_with_the_text(self, index: Index, name: str) -> None:
        for way, work in WAYS.items():
            assert growth(work, name, 12_500, index) < MOST_GROWTH, way


class TestOnce:
    """What is known of a text is not found again, though others are looked at between."""

    def test_units_are_found_once(self, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
        """By a look at a prompt, and by storing it as a public turn; and so are its forms."""
        asked: list[str] = []
        read: list[str] = []
        known, ways = tables.asked, normalize._WAYS  # noqa: SLF001

        def counted(text: str, is_new: Callable[[int, int], bool]) -> Iterator[tuple[int, int, str]]:
            asked.append(text)
            return known(text, is_new)

        def reading(text: str) -> list[Piece]:
            read.append(text)
            return []

        monkeypatch.setattr(tables, "asked", counted)
        monkeypatch.setattr(normalize, "_WAYS", (*ways, (reading, False)))
        normalize.forget()
        for text in (SHAPES["speakers in JSON"](size) for size in (500, 100_000)):
            asked.clear()
            read.clear()
            index.find(text)
            number = len(asked)
            assert number == len(set(asked)) > 1
            index.find(other := f"a system prompt beside {len(text)} letters")
            credentials.find(other)
            index.find(text)
            credentials.find(text)
            index.marks([(text, False)], public=True)
            assert asked.count(text) == read.count(text) == 1
            assert len(asked) == number + 1


@pytest.mark.slow
@pytest.mark.installed
class TestCommand:
    """A prompt of 200 kB is taken in and looked at within a bound that leaves room for a slow machine."""

    @pytest.mark.parametrize("name", ["base64 in base64", "addresses, lines"])
    def test_a_prompt_of_200_kb_ends(self, trooper: Trooper, cloud: Standin, name: str) -> None:
        text = SHAPES[name](200_000)
        # No local model here takes so much; it is remembered all the same, and refused in public.
        for label, code in (("--local", 65), ("--cloud", 77)):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = trooper("ask", label, "--budget", "1000000", stdin=text)
            assert done.code == code, done.notices
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            assert after.ru_utime - before.ru_utime < WHOLE_SECONDS
        assert cloud.connections == 0
