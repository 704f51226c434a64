"""Which messages of a history that a program sends again are a private turn's.

A turn is known again by its place: a digest of all messages up to its prompt, and up to its answer. Where the program
has changed its history (a window of the latest messages, a summary), it is known by its prompt and answer together, and
at last by one of the two. Where it has changed the texts (quotes, a full stop, the time before each), the same is asked
of their loose forms. What private turns and public turns both have decides nothing; where nothing decides and
something is a private turn's, the request is refused. So nothing private is sent, and no public turn is ever left out
because a private one says the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple

from trooper_cli.errors import LocalityError
from trooper_cli.guard import text_keys
from trooper_cli.guard.distinctive import is_ordinary, is_telling
from trooper_cli.guard.normalize import reduced
from trooper_cli.messages.texts import blocks_of, text_of
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trooper_cli.guard.guard import Guard
    from trooper_cli.messages.texts import ApiMessage

# So many letters and digits are no coincidence; the guard takes lines of this length for what they say, too.
_TELLING = 16


class PrefixDigest(NamedTuple):
    """The names of a history's beginning up to a message: of its texts as they are, and of their loose forms."""

    strict: str
    loose: str


@dataclass(frozen=True)
class HistoryTurn:
    """A prompt and its answer in a history: messages of the user's, then messages of the assistant's."""

    prompts: tuple[ApiMessage, ...]
    answers: tuple[ApiMessage, ...]
    # The places of each of the messages.
    prompt_digests: tuple[PrefixDigest, ...]
    answer_digests: tuple[PrefixDigest, ...]
    is_first: bool

    @property
    def prompt(self) -> str:
        return "\n\n".join(text_of(message["content"]) for message in self.prompts)

    @property
    def answer(self) -> str:
        return "\n\n".join(text_of(message["content"]) for message in self.answers)

    @property
    def wholes(self) -> dict[str, str]:
        """The texts that a turn may have had as its prompt or answer, by their strict names."""
        halves = {text_keys.of_prompt(self.prompt): self.prompt, text_keys.of_answer(self.answer): self.answer}
        # The prompt of a private turn may have been several messages, or one of them may have been one.
        halves |= {text_keys.of_prompt(text): text for message in self.prompts if (text := text_of(message["content"]))}
        return {name: text for name, text in halves.items() if text_keys.plain(text)}

    @property
    def pairs(self) -> list[str]:
        """The loose names of the prompt and the answer together."""
        return [
            text_keys.pair(*both) for both in product(text_keys.loosely(self.prompt), text_keys.loosely(self.answer))
        ]

    def names(self) -> Iterator[str]:
        for digest in (*self.prompt_digests, *self.answer_digests):
            yield from digest
        yield text_keys.of_exchange(self.prompt, self.answer)
        yield from self.pairs
        for name, text in self.wholes.items():
            yield from (name, *map(text_keys.said, text_keys.loosely(text)))


def exchanges(messages: Sequence[ApiMessage]) -> list[HistoryTurn]:
    """Divide a history into exchanges; the last one has no answers where the user has the last word."""
    found: list[HistoryTurn] = []
    prompts: list[tuple[ApiMessage, PrefixDigest]] = []
    answers: list[tuple[ApiMessage, PrefixDigest]] = []
    digest = PrefixDigest("", "")
    for message in messages:
        digest = extend_digest(digest, message)
        if message["role"] == "assistant":
            answers.append((message, digest))
            continue
        if answers:
            found.append(_exchange(prompts, answers, is_first=not found))
            prompts, answers = [], []
        prompts.append((message, digest))
    return [*found, _exchange(prompts, answers, is_first=not found)]


def _exchange(
    prompts: list[tuple[ApiMessage, PrefixDigest]], answers: list[tuple[ApiMessage, PrefixDigest]], *, is_first: bool
) -> HistoryTurn:
    return HistoryTurn(
        tuple(message for message, _ in prompts),
        tuple(message for message, _ in answers),
        tuple(digest for _, digest in prompts),
        tuple(digest for _, digest in answers),
        is_first,
    )


def digest_after_answer(digest: PrefixDigest, answer: str) -> PrefixDigest:
    """Return the place that a history has after this answer."""
    return extend_digest(digest, {"role": "assistant", "content": answer})


def extend_digest(digest: PrefixDigest, message: Mapping[str, object]) -> PrefixDigest:
    """Return the place after one more message. Marks of caching and empty fields come and go with a library."""
    text, others = text_of(message["content"]), list[str]()
    for block in blocks_of(message["content"]):
        if block["type"] not in {"text", "thinking", "redacted_thinking"}:
            kept = {name: value for name, value in block.items() if name != "cache_control" and value is not None}
            others.append(json.dumps(kept, sort_keys=True))
    role = str(message["role"])
    return PrefixDigest(
        f"place {_digest([digest.strict, role, text_keys.plain(text), *others])}",
        f"loose place {_digest([digest.loose, role, text_keys.loose(text_keys.bare(text)), *others])}",
    )


def _digest(parts: list[str]) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()


class Recognised(NamedTuple):
    """A history without its private turns: exchanges, the messages after them, and what is to be known of the rest.

    `left_out` counts messages. `halves` are texts of what was left out without its other half, which may stand
    elsewhere. `fresh` are the messages that remain and that the cloud was not sent before as they are.
    """

    exchanges: list[HistoryTurn]
    remaining: list[ApiMessage]
    left_out: int
    halves: list[str]
    fresh: list[ApiMessage]


def without_private(messages: Sequence[ApiMessage], guard: Guard) -> Recognised:
    """Return a history without its private turns.

    Raises:
        LocalityError: something is a private turn's, and which messages are cannot be decided.

    """
    *history, last = exchanges(messages)
    known = guard.known(name for exchange in (*history, last) for name in exchange.names())
    halves: list[str] = []
    kept: list[HistoryTurn] = []
    for exchange in history:
        if not _is_private(exchange, known):
            kept.append(_without_lost_prompts(exchange, known, halves))
        elif not known.any_private(_of_both(exchange)):
            halves += exchange.wholes.values()
    if last.answers and _is_private(last, known):
        raise LocalityError("the last message is a private turn's; ask something after it, or set x_force_local")
    last = _without_lost_prompts(last, known, halves)
    remaining = [*last.prompts, *last.answers]
    left = sum(len(exchange.prompts) + len(exchange.answers) for exchange in kept) + len(remaining)
    fresh = [
        message
        for exchange in kept
        if not known.only_public(exchange.answer_digests[-1].strict)
        for message in (*exchange.prompts, *exchange.answers)
    ]
    return Recognised(kept, remaining, len(messages) - left, halves, [*fresh, *remaining])


def _of_both(exchange: HistoryTurn) -> list[str]:
    """Return the names that a prompt and its answer have together."""
    both = [text_keys.of_exchange(exchange.prompt, exchange.answer), *exchange.pairs]
    return [*exchange.answer_digests[0], *both] if exchange.answers else both


def _is_private(exchange: HistoryTurn, known: text_keys.Known) -> bool:
    of_answer = exchange.answer_digests[0]
    # A changed pair of everyday words, which many conversations begin with, is no sure sign.
    tells = is_telling(f"{exchange.prompt} {exchange.answer}")
    strict = [([of_answer.strict], True), ([text_keys.of_exchange(exchange.prompt, exchange.answer)], True)]
    loose = [([of_answer.loose], tells or not exchange.is_first), (exchange.pairs, tells)]
    decided = _decided(exchange, "strict", strict, known) or _decided(exchange, "loose", loose, known)
    if decided is not None:
        return decided is Label.PRIVATE
    if any(_is_private_alone(name, text, known) for name, text in exchange.wholes.items()):
        return True
    if known.any_private(exchange.pairs) or any(_may_be_private(*whole, known) for whole in exchange.wholes.items()):
        raise LocalityError(
            "the history has a message of a private turn beside one that is not, and it cannot be told whether both "
            "are; nothing was sent. Leave these out of messages, or set x_force_local"
        )
    return False


def _decided(
    exchange: HistoryTurn,
    kind: Literal["strict", "loose"],
    signs: Iterable[tuple[list[str], bool]],
    known: text_keys.Known,
) -> Label | None:
    """Return whose an exchange is by its signs, each with whether it is sure, and then by the place of its prompt."""
    for names, is_sure in signs:
        label = _label_of(names, known)
        if label is Label.PUBLIC or (label is Label.PRIVATE and is_sure):
            return label
    answer = {text_keys.of_answer(exchange.answer), *map(text_keys.said, text_keys.loosely(exchange.answer))}
    for digest in exchange.prompt_digests[-1:]:
        label = _label_of([getattr(digest, kind)], known)
        if label is Label.PRIVATE and _is_unique(exchange, exchange.prompt):
            return label
        if label is Label.PUBLIC and known.private.isdisjoint(answer):
            return label
    return None


def _label_of(names: Iterable[str], known: text_keys.Known) -> Label | None:
    """Return whose alone these names of one thing are, None where nobody has them or both have."""
    names = list(names)
    private, public = known.any_private(names), any(name in known.public for name in names)
    return None if private == public else Label.PRIVATE if private else Label.PUBLIC


def _is_private_alone(name: str, text: str, known: text_keys.Known) -> bool:
    """Return whether one of the two texts is enough to say that both are a private turn's."""
    label = _label_of([name], known) or _label_of(map(text_keys.said, text_keys.loosely(text)), known)
    return label is Label.PRIVATE and is_telling(text, _TELLING)


def _may_be_private(name: str, text: str, known: text_keys.Known) -> bool:
    # A private turn's "ok" that somebody changed to "OK." says nothing, and many say it.
    says_something = not is_ordinary(text_keys.bare(text))
    return name in known.private or (says_something and known.any_private(map(text_keys.said, text_keys.loosely(text))))


def _without_lost_prompts(exchange: HistoryTurn, known: text_keys.Known, halves: list[str]) -> HistoryTurn:
    """Return the exchange without prompts that were private, got no answer, and stand before a public one."""
    first = 0
    for at, (message, digest) in enumerate(zip(exchange.prompts[:-1], exchange.prompt_digests, strict=False)):
        text = text_of(message["content"])
        label = _label_of([digest.strict], known) or _label_of([digest.loose], known)
        if label is Label.PRIVATE and _is_unique(exchange, text):
            first = at + 1
        elif label is not Label.PUBLIC and (known.any_private(digest) or _is_only_private(text, known)):
            raise LocalityError(
                "a prompt without an answer is also a private turn's; nothing was sent. "
                "Leave it out of messages, or set x_force_local"
            )
    halves += [text_of(message["content"]) for message in exchange.prompts[:first]]
    return replace(exchange, prompts=exchange.prompts[first:], prompt_digests=exchange.prompt_digests[first:])


def _is_only_private(text: str, known: text_keys.Known) -> bool:
    if _label_of([text_keys.of_prompt(text)], known) is Label.PRIVATE:
        return bool(text_keys.plain(text))
    label = _label_of(map(text_keys.said, text_keys.loosely(text)), known)
    return label is Label.PRIVATE and not is_ordinary(text_keys.bare(text))


def _is_unique(exchange: HistoryTurn, prompt: str) -> bool:
    """Return whether an exchange identifies one conversation: many begin with one short prompt, none go on alike."""
    return not exchange.is_first or len(reduced(prompt)) >= _TELLING
