"""Exact counts of tokens for OpenAI-type encodings: by tiktoken, with a vocabulary that lies on this machine.

tiktoken's own loader fetches a vocabulary that it does not find (`tiktoken.load`), so it is never asked: the file is
found, checked and read here, under the name that tiktoken gives it, the SHA-1 of its address. What
`TIKTOKEN_CACHE_DIR` names is looked through first, then what `trooper pull tokens` fetched. Nothing here connects.
"""

from __future__ import annotations

import binascii
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import ConfigurationError
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import tiktoken

# Whence tiktoken fetches, and what its names of files are made of.
ADDRESS = "https://openaipublic.blob.core.windows.net/encodings"


class Vocabulary(NamedTuple):
    """What tiktoken states of an encoding (`tiktoken_ext.openai_public`): its file, and how text is cut first."""

    name: str
    size: int
    sha256: str
    pattern: str

    @property
    def file(self) -> str:
        """Return the file's name in a folder of tiktoken's."""
        return hashlib.sha1(f"{ADDRESS}/{self.name}.tiktoken".encode()).hexdigest()  # noqa: S324


VOCABULARIES = {
    "o200k_base": Vocabulary(
        "o200k_base",
        3_613_922,
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "|".join(  # noqa: FLY002 - one a line
            [
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            ]
        ),
    ),
    "cl100k_base": Vocabulary(
        "cl100k_base",
        1_681_126,
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
}

# Which encoding a model has, by tiktoken's table (`tiktoken.model`): its name, alone or with more behind a dash. The
# first that fits counts. gpt-oss has marks of its own for who speaks; plain text is encoded as in o200k_base.
_MODELS = (
    ("o200k_base", "gpt-5 gpt-4.5 gpt-4.1 gpt-4o chatgpt-4o gpt-oss o1 o3 o4-mini o200k_base o200k_harmony"),
    ("cl100k_base", "gpt-4 gpt-3.5 gpt-3.5-turbo gpt-35-turbo davinci-002 babbage-002 cl100k_base"),
    ("cl100k_base", "text-embedding-ada-002 text-embedding-3-small text-embedding-3-large"),
)
# tiktoken takes long runs without a boundary in quadratic time, and blanks by the million not at all.
_PIECE, _LONGEST_PIECE = 20_000, 100_000
# Where every one of the patterns begins anew, whatever stands on either side: behind a letter or a digit, before a
# character that no pattern joins to those. An apostrophe, as in "it's", and a combining mark may be joined.
_BOUNDARY = pattern(r"(?<=[^\W_])(?=[\x00-&(-/:-@\[-^`{-\x7f_])")


class Counted(NamedTuple):
    """So many tokens; `cuts` says at how many places a long run was cut where its encoding might not have."""

    tokens: int
    cuts: int


def encoding_of(name: str) -> str | None:
    """Return the encoding that a name means: its own, or that of a model of OpenAI's; None where none is known."""
    # Clouds that offer the models of several makers put the maker's name in front; fine-tuned models have a mark.
    word = name.lower().rpartition("/")[2].removeprefix("ft:").partition(":")[0]
    for encoding, models in _MODELS:
        if any(word == model or word.startswith(f"{model}-") for model in models.split()):
            return encoding
    return "o200k_base" if word.startswith("gpt-5") else None


def folder(home: Path) -> Path:
    """Return where `trooper pull tokens` puts vocabularies."""
    return home / "tokens"


def _folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    named = environ.get("TIKTOKEN_CACHE_DIR", "")
    return [*([Path(named).expanduser()] if named else []), folder(home)]


def is_here(encoding: str, environ: Mapping[str, str], home: Path) -> bool:
    """Return whether a vocabulary lies on this machine; whether it is what it should be shows when it is loaded."""
    return any((each / VOCABULARIES[encoding].file).is_file() for each in _folders(environ, home))


def vocabulary_bytes(encoding: str, environ: Mapping[str, str], home: Path) -> bytes:
    """Return the file of a vocabulary, checked by its SHA-256.

    Raises:
        ConfigurationError: it is not on this machine, or what is there is something else.

    """
    vocabulary, torn = VOCABULARIES[encoding], ""
    for each in _folders(environ, home):
        path = each / vocabulary.file
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == vocabulary.sha256:
            return data
        torn = f"; {path} is not that file (wrong checksum)"
    raise ConfigurationError(
        f"the vocabulary {encoding} is not on this machine{torn}; `trooper pull tokens` fetches it once (5 MB in all), "
        "or TIKTOKEN_CACHE_DIR names a folder that has it"
    )


def load(encoding: str, environ: Mapping[str, str], home: Path) -> Encoding:
    """Return an encoding that counts.

    Raises:
        ConfigurationError: as for `vocabulary_bytes`.

    """
    data = vocabulary_bytes(encoding, environ, home)
    from tiktoken.core import Encoding as Tiktoken

    rows = (line.split() for line in data.splitlines())
    ranks = {binascii.a2b_base64(token): int(rank) for token, rank in rows}
    pattern_of_pieces = VOCABULARIES[encoding].pattern
    # Marks such as <|endoftext|> are text in what a user writes, so none is known.
    return Encoding(Tiktoken(encoding, pat_str=pattern_of_pieces, mergeable_ranks=ranks, special_tokens={}))


class Encoding:
    """One encoding with its vocabulary."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self.name = encoding.name
        self._encoding = encoding

    def count(self, text: str, progress: Callable[[int, int], None] = lambda _here, _size: None) -> Counted:
        """Count the tokens of a text; `progress` is told how many of its characters are counted."""
        tokens = cuts = here = 0
        for piece, is_cut in pieces(text):
            tokens += len(self._encoding.encode_ordinary(piece))
            cuts += is_cut
            here += len(piece)
            progress(here, len(text))
        return Counted(tokens, cuts)

    def head(self, text: str, tokens: int) -> str:
        """Return the longest beginning of a text that has at most so many tokens, without a part of a character."""
        kept, left = list[str](), tokens
        for piece, _ in pieces(text):
            found = self._encoding.encode_ordinary(piece)
            if len(found) > left:
                kept.append(self._cut(found, left))
                break
            kept.append(piece)
            left -= len(found)
        return "".join(kept)

    def _cut(self, found: list[int], most: int) -> str:
        for count in range(most, 0, -1):
            # Tokens may end within a character; what is left of it without that may be encoded as more of them.
            head = self._encoding.decode_bytes(found[:count]).decode("utf-8", "ignore")
            if len(self._encoding.encode_ordinary(head)) <= most:
                return head
        return ""


def pieces(text: str, least: int = _PIECE, longest: int = _LONGEST_PIECE) -> Iterator[tuple[str, bool]]:
    """Yield a text in pieces that are encoded as the whole is, each with whether it had to be cut elsewhere.

    Args:
        text: what is cut.
        least: after so many characters the next place where no token can lie is taken.
        longest: after so many it is cut wherever that is.

    """
    start = 0
    while len(text) - start > longest:
        found = _BOUNDARY.search(text, start + least, start + longest)
        end = found.start() if found else start + longest
        yield text[start:end], found is None
        start = end
    yield text[start:], False
