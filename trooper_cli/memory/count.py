"""How many tokens a text is, estimated without a tokenizer's vocabulary.

The text is cut into the pieces that byte-pair tokenizers cut it into first, and each piece is weighed by its shape.
The estimate stays within a few percent of cl100k on prose, code and logs, also on text that was shortened, where
"bytes divided by four" is wrong by a third. Other tokenizers count differently: multiply by the ratio to their `usage`.
"""

from __future__ import annotations

from functools import lru_cache

from trooper_cli.lazy import pattern

# What surrounds one message in a request, for any engine: the role and its two marks.
MESSAGE = 4

_PIECE = pattern(
    r"'(?:[sdmtSDMT]|ll|ve|re)(?![^\W\d_])"  # it's, we'll
    r"|(?:[^\w\r\n]|_)?[^\W\d_]+"  # a word, with the one character before it
    r"|\d{1,3}"
    r"| ?(?:[^\s\w]|_)+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s"
)

_WORD = 1.02
_LONG_FROM = 7
_LONG_LETTER = 0.15
_INNER_CAPITAL = 0.9
_CAPITAL = 0.14
_JOINED = 0.5
_NOUN_FROM = 5  # long words with a capital are rare ones: names, and the nouns of German
_NOUN = 0.3
# Vocabularies are mostly English. The words of other languages cost more, recognised by their commonest ones.
_FOREIGN = frozenset(
    """der die das dem den des ein eine einen einem einer und oder aber nicht ist sind wir ich sie mit von zu zum zur
im auf für dass wie wo auch noch nur bei nach aus dann wenn schon haben wird werden kann muss soll kein keine
keinen gibt bis über unter jetzt ja nein doch sich als vom beim le la les un une et ou est sont nous vous je il
elle pas de du aux pour par sur dans que qui avec mais el los las una y es son del con se lo su por para como
pero il lo gli che di non per het een van niet dat voor zijn""".split()
)
_FOREIGN_WORD = 1.1
_DIGITS = 1.0
_MARK = 0.35
_FOREIGN_BYTE = 0.34


@lru_cache(maxsize=32768)
def _weigh(piece: str) -> float:
    """Weigh one piece; the cache makes the second sight of a word as cheap as a look-up."""
    body = piece.strip()
    if not body:
        return 1.0
    if not body.isascii():
        return max(1.0, _FOREIGN_BYTE * len(body.encode("utf-8", "replace")))
    last = piece[-1]
    if last.isdigit():
        return _DIGITS
    if not last.isalpha():
        return 1.0 + _MARK * max(0, len(body) - 2)
    letters = body if body[0].isalpha() else body[1:]
    weight = _WORD + _LONG_LETTER * max(0, len(letters) - _LONG_FROM)
    if len(letters) > _NOUN_FROM and letters[0].isupper():
        weight += _NOUN
    if letters in _FOREIGN:
        return weight + _FOREIGN_WORD
    if letters is not body:
        weight += _JOINED
    if letters.isupper():
        return weight + _CAPITAL * max(0, len(letters) - 2)
    return weight + _INNER_CAPITAL * sum(map(str.isupper, letters[1:]))


def estimate(text: str) -> float:
    """Estimate the tokens of a text."""
    return sum(map(_weigh, _PIECE.findall(text)))


def message_cost(text: str) -> float:
    """Estimate the tokens of a text sent as one message."""
    return estimate(text) + MESSAGE
