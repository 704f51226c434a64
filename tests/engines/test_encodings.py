"""Exact counts by tiktoken with a vocabulary of this machine: what is counted is right, quick, and fetches nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.conftest import UNMEASURED
from trooper_cli.engines import encodings
from trooper_cli.errors import ConfigurationError
from trooper_cli.memory import tokens

NOWHERE = Path("/nonexistent")
TEXT = st.lists(
    st.sampled_from(
        """ |  |\n|\r\n|\t|a|word|WORD|it's|'|1|12345|_|-|/|=|#|é|e\u0301|नमस्ते|漢字|。|🙂|👩\u200d👩\u200d👧|“|\u2019s
|'S|$|<\u2223endoftext\u2223>|\u3000|²|\0""".split("|")
    ),
    max_size=40,
).map("".join)


@pytest.fixture(params=[*encodings.VOCABULARIES], scope="module")
def name(request: pytest.FixtureRequest) -> str:
    if not encodings.is_here(request.param, os.environ, NOWHERE):
        pytest.skip("the vocabulary is not on this machine, see TIKTOKEN_CACHE_DIR")
    return str(request.param)


@pytest.fixture(scope="module")
def encoding(name: str) -> encodings.Encoding:
    return encodings.load(name, os.environ, NOWHERE)


def test_what_is_stated_is_what_tiktoken_states(name: str, encoding: encodings.Encoding) -> None:
    """Pattern, ranks and checksum are those of tiktoken's own encoding; so is the name of the file."""
    tiktoken = pytest.importorskip("tiktoken")
    theirs = tiktoken.get_encoding(name)
    ours = encoding._encoding  # noqa: SLF001
    assert ours._pat_str == theirs._pat_str  # noqa: SLF001
    assert ours._mergeable_ranks == theirs._mergeable_ranks  # noqa: SLF001
    assert len(encodings.vocabulary_bytes(name, os.environ, NOWHERE)) == encodings.VOCABULARIES[name].size
    assert encoding.count("a <|endoftext|> b").tokens == len(theirs.encode("a <|endoftext|> b", disallowed_special=()))


def test_names_of_models() -> None:
    """A model's name means the encoding that tiktoken's table gives it; what it does not know means none."""
    model = pytest.importorskip("tiktoken.model")
    known = {"o200k_base", "cl100k_base"}
    listed = {**model.MODEL_TO_ENCODING}
    prefixes = model.MODEL_PREFIX_TO_ENCODING.items()
    listed |= {f"{prefix}{'2030' if prefix.endswith('-') else ':org'}": encoding for prefix, encoding in prefixes}
    listed["gpt-5.2-mini"] = "o200k_base"
    for name, its in listed.items():
        plain = "o200k_base" if its == "o200k_harmony" else its
        assert encodings.encoding_of(name) == (plain if plain in known else None), name
    assert encodings.encoding_of("openai/gpt-4o") == encodings.encoding_of("GPT-4o-mini") == "o200k_base"
    for name in ("llama3.2", "claude-sonnet-5-5", "gpt", "gpt-40", "", "o1x", "mistral-large"):
        assert encodings.encoding_of(name) is None


@given(TEXT)
def test_pieces_are_encoded_as_the_whole(encoding: encodings.Encoding, text: str) -> None:
    """Wherever a text is cut at a boundary, its tokens are those of the whole."""
    found = list(encodings.pieces(text, 2, 6))
    assert "".join(piece for piece, _ in found) == text
    assume(not any(is_cut for _, is_cut in found))
    whole = encoding._encoding.encode_ordinary(text)  # noqa: SLF001
    assert [token for piece, _ in found for token in encoding._encoding.encode_ordinary(piece)] == whole  # noqa: SLF001


@given(TEXT, st.integers(0, 30))
def test_a_head_has_no_more_tokens(encoding: encodings.Encoding, text: str, most: int) -> None:
    """What is cut is a beginning of the text, has at most so many tokens, and is the whole where that has no more."""
    head = encoding.head(text, most)
    assert text.startswith(head)
    assert encoding.count(head).tokens <= most
    if encoding.count(text).tokens <= most:
        assert head == text


@given(TEXT, st.integers(0, 30))
def test_a_head_by_the_estimate(text: str, most: int) -> None:
    """The same by the estimate, with its factor."""
    head = tokens.head(text, most, 1.4)
    assert text.startswith(head)
    assert tokens.estimate(head) * 1.4 <= most + 1e-9
    if tokens.estimate(text) * 1.4 <= most:
        assert head == text


LONG = {"words": "the quick brown fox. ", "letters": "a", "marks": "=", "blanks": " ", "lines": "\n", "han": "漢字仮名"}


@UNMEASURED
@pytest.mark.parametrize("name", ["o200k_base"], indirect=True)  # the other one is no slower
@pytest.mark.parametrize("unit", LONG.values(), ids=LONG)
def test_time_grows_as_the_text_does(name: str, encoding: encodings.Encoding, unit: str) -> None:
    """Six times the text takes about six times as long, also where it has no boundary and tiktoken alone would not."""

    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        best = 9.0
        for _ in range(2):
            began = time.process_time()
            encoding.count(text)
            best = min(best, time.process_time() - began)
        return best

    del name
    assert seconds(600_000) < 18 * max(seconds(100_000), 0.002)


def test_blanks_by_the_million(encoding: encodings.Encoding) -> None:
    """They overflow the stack of tiktoken where it is given them at once."""
    assert encoding.count(" " * 1_500_000 + "x").tokens > 1000


def test_a_long_run_is_counted_in_parts(encoding: encodings.Encoding) -> None:
    """A run that has to be cut is told as that; it differs by a few tokens at most."""
    text = "a" * 250_000
    found = encoding.count(text)
    assert found.cuts == 2
    assert abs(found.tokens - len(encoding._encoding.encode_ordinary(text))) <= found.cuts * 2  # noqa: SLF001
    assert encoding.count("ab cd " * 100_000).cuts == 0


def test_a_vocabulary_that_is_torn(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not used, stays where it is, and the message says both ways out; an intact one beside it is used."""
    file = encodings.VOCABULARIES[name].file
    intact = encodings.vocabulary_bytes(name, os.environ, NOWHERE)
    (tmp_path / file).write_bytes(intact[:-1])
    environ = {"TIKTOKEN_CACHE_DIR": str(tmp_path)}
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"wrong checksum.*trooper pull tokens.*TIKTOKEN_CACHE_DIR"):
        encodings.load(name, environ, NOWHERE)
    assert (tmp_path / file).read_bytes() == intact[:-1]
    home = tmp_path / "home"
    encodings.folder(home).mkdir(parents=True)
    (encodings.folder(home) / file).write_bytes(intact)
    assert encodings.load(name, environ, home).count("hello world") == (2, 0)
