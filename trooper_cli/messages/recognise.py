"""Which messages of a history that a program sends again are a private turn's.

A turn is known again by its place: a digest of all messages up to its prompt, and up to its answer. Where the program
has changed its history (a window of the latest messages, a summary), it is known by its prompt and answer together, and
at last by one of the two. What private turns and public turns both have decides nothing; where nothing decides and
something is a private turn's, the request is refused. So nothing private is sent, and no public turn is ever left out
because a private one says the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from trooper_cli.errors import LocalityError
from trooper_cli.guard import exact
from trooper_cli.guard.forms import reduced
from trooper_cli.messages.request import blocks_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trooper_cli.guard import Guard
    from trooper_cli.messages.request import Message

# So many letters and digits are no coincidence; the guard takes lines of this length for what they say, too.
_TELLING = 16


@dataclass(frozen=True)
class Exchange:
    """A prompt and its answer in a history: messages of the user's, then messages of the assistant's."""

    prompts: tuple[Message, ...]
    answers: tuple[Message, ...]
    # The names of the history's beginning up to each of the messages.
    prompt_places: tuple[str, ...]
    answer_places: tuple[str, ...]
    is_first: bool

    @property
    def prompt(self) -> str:
        return "\n\n".join(text_of(message["content"]) for message in self.prompts)

    @property
    def answer(self) -> str:
        return "\n\n".join(text_of(message["content"]) for message in self.answers)

    def names(self) -> Iterator[str]:
        yield from (*self.prompt_places, *self.answer_places)
        yield from (exact.of_prompt(self.prompt), exact.of_answer(self.answer))
        yield exact.of_exchange(self.prompt, self.answer)
        yield from (exact.of_prompt(text_of(message["content"])) for message in self.prompts)


def exchanges(messages: Sequence[Message]) -> list[Exchange]:
    """Divide a history into exchanges; the last one has no answers where the user has the last word."""
    found: list[Exchange] = []
    prompts: list[tuple[Message, str]] = []
    answers: list[tuple[Message, str]] = []
    place = ""
    for message in messages:
        place = _further(place, message)
        if message["role"] == "assistant":
            answers.append((message, place))
            continue
        if answers:
            found.append(_exchange(prompts, answers, is_first=not found))
            prompts, answers = [], []
        prompts.append((message, place))
    return [*found, _exchange(prompts, answers, is_first=not found)]


def _exchange(prompts: list[tuple[Message, str]], answers: list[tuple[Message, str]], *, is_first: bool) -> Exchange:
    return Exchange(
        tuple(message for message, _ in prompts),
        tuple(message for message, _ in answers),
        tuple(place for _, place in prompts),
        tuple(place for _, place in answers),
        is_first,
    )


def place_of_answer(place: str, answer: str) -> str:
    """Give the place that a history has after this answer."""
    return _further(place, {"role": "assistant", "content": answer})


def _further(place: str, message: Mapping[str, object]) -> str:
    """Give the place after one more message. Marks of caching and empty fields come and go with a program's library."""
    parts = [place, str(message["role"]), exact.plain(text_of(message["content"]))]
    for block in blocks_of(message["content"]):
        if block["type"] not in {"text", "thinking", "redacted_thinking"}:
            kept = {name: value for name, value in block.items() if name != "cache_control" and value is not None}
            parts.append(json.dumps(kept, sort_keys=True))
    return f"place {sha256(json.dumps(parts).encode()).hexdigest()}"


def without_private(messages: Sequence[Message], guard: Guard) -> tuple[list[Exchange], list[Message], int]:
    """Leave a history's private turns out.

    Returns:
        The exchanges that remain, the messages after them, and how many messages were left out.

    Raises:
        LocalityError: something is a private turn's, and it cannot be told which messages.

    """
    *history, last = exchanges(messages)
    known = guard.known(name for exchange in (*history, last) for name in exchange.names())
    kept = [_without_lost_prompts(exchange, known) for exchange in history if not _is_private(exchange, known)]
    if last.answers and _is_private(last, known):
        raise LocalityError("the last message is a private turn's; ask something after it, or set x_force_local")
    last = _without_lost_prompts(last, known)
    remaining = [*last.prompts, *last.answers]
    left = sum(len(exchange.prompts) + len(exchange.answers) for exchange in kept) + len(remaining)
    return kept, remaining, len(messages) - left


def _is_private(exchange: Exchange, known: exact.Known) -> bool:
    prompt, answer = exact.of_prompt(exchange.prompt), exact.of_answer(exchange.answer)
    asked, answered = exchange.prompt_places[-1:], exchange.answer_places[0]
    for name in (answered, exact.of_exchange(exchange.prompt, exchange.answer)):
        if known.only_private(name):
            return True
        if known.only_public(name):
            return False
    for name in asked:
        if known.only_private(name) and _is_one_of_a_kind(exchange, exchange.prompt):
            return True
        if known.only_public(name) and answer not in known.private:
            return False
    halves = {prompt: exchange.prompt, answer: exchange.answer}
    # The prompt of a private turn may have been several messages, or one of them may have been one.
    halves |= {exact.of_prompt(text): text for message in exchange.prompts if (text := text_of(message["content"]))}
    halves = {name: text for name, text in halves.items() if exact.plain(text)}
    if not known.any_private(halves):
        return False
    if any(known.only_private(name) and len(reduced(text)) >= _TELLING for name, text in halves.items()):
        return True
    raise LocalityError(
        "the history has a message of a private turn beside one that is not, and it cannot be told whether both are; "
        "nothing was sent. Leave these out of messages, or set x_force_local"
    )


def _without_lost_prompts(exchange: Exchange, known: exact.Known) -> Exchange:
    """Leave out what was asked privately, got no answer, and stands before a prompt that is public."""
    first = 0
    for at, (message, place) in enumerate(zip(exchange.prompts[:-1], exchange.prompt_places, strict=False)):
        text = text_of(message["content"])
        if known.only_private(place) and _is_one_of_a_kind(exchange, text):
            first = at + 1
        elif place in known.private or (
            exact.plain(text) and known.only_private(exact.of_prompt(text)) and place not in known.public
        ):
            raise LocalityError(
                "a prompt without an answer is also a private turn's; nothing was sent. "
                "Leave it out of messages, or set x_force_local"
            )
    return replace(exchange, prompts=exchange.prompts[first:], prompt_places=exchange.prompt_places[first:])


def _is_one_of_a_kind(exchange: Exchange, prompt: str) -> bool:
    """Tell whether this place is one conversation's: many begin with the same short prompt, none go on alike."""
    return not exchange.is_first or len(reduced(prompt)) >= _TELLING
