"""What of a refused request was meant to be private: the guard remembers its newest message.

A program keeps the message in its history and sends that with its next request, which may be public.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.ask.refused import is_meant_private_in, remember_prompt, remembering_unless_done
from trooper_cli.errors import InputError
from trooper_cli.guard import text_keys
from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern
from trooper_cli.messages.api_names import KINDS
from trooper_cli.messages.history import exchanges
from trooper_cli.messages.lenient_json import Node, parsed
from trooper_cli.messages.own_fields import MeantPrivateError, asks, wishes_in
from trooper_cli.messages.request import checked_messages
from trooper_cli.messages.texts import own_texts, texts_in
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings

# What a program sends with each request: it is its own, and may go to the cloud with others.
_PROGRAMS_OWN = {
    "betas",
    "functions",
    "max_tokens",
    "mcp_servers",
    "metadata",
    "model",
    "output_config",
    "response_format",
    "stop_sequences",
    "system",
    "tool_choice",
    "tools",
    "x_session",
    "x_trooper",
}
_STARTS_OF_JSON = {"", "{", "[", '"'}
_BORDER = pattern(r"<[^<>]*>|[|\r\n]")
# In what is no JSON at all, as XML or a form, reduced to letters and digits; an element is named at its end again.
_SAYS_SO = pattern(r"forcelocal(?!false|x?forcelocal|$)(?<!falsexforcelocal)(?<!falseforcelocal)")


class RefusedCall(NamedTuple):
    """What a refused call said beside its request; `tell` takes notices."""

    local: bool
    session: str | None
    settings: Settings
    home: Path
    notify: Callable[[str], object]


@contextlib.contextmanager
def remembering_request(call: RefusedCall, data: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """Store the fingerprints of a private request if the block is not completed, whatever ends it.

    What it yields is called once somebody else remembers it. Of a malformed request what is new is remembered, too.

    Args:
        call: what the call said beside the request.
        data: returns as much of the request as was read.

    """
    refused: _Refused | None = None

    def is_private() -> bool:
        nonlocal refused
        refused = _Refused(data(), call)
        return was_refused_for_it or refused.is_private()

    def remember(guard: Guard) -> None:
        assert refused is not None  # noqa: S101
        refused.remember(guard)

    was_refused_for_it = False
    with (
        closing(Store(call.home, call.settings, call.notify)) as store,
        remembering_unless_done(store, is_private, remember) as leave,
    ):
        try:
            yield leave
        except MeantPrivateError:
            was_refused_for_it = True
            raise
        except RecursionError as fault:
            raise InputError("the request is nested too deep; nothing was sent") from fault


class _Refused:
    """A request that was refused, or that something else ended."""

    def __init__(self, data: str, call: RefusedCall) -> None:
        # PowerShell and some editors put a byte order mark in front.
        self._data = data.removeprefix("\ufeff")
        self._call = call
        self._request = parsed(self._data)
        is_no_json = self._data.lstrip()[:1] not in _STARTS_OF_JSON
        self._says_so = is_no_json and bool(_SAYS_SO.search(reduced(self._data)))

    def is_private(self) -> bool:
        return self._says_so or _is_meant_private(self._request, self._call)

    def remember(self, guard: Guard) -> None:
        messages = [texts for texts in _new(self._request) if texts] or [[*_texts(self._request)]]
        if self._says_so:
            messages.append([self._data, *filter(None, map(str.strip, _BORDER.split(self._data)))])
        remember_messages(guard, messages, _places(self._data))


def remember_messages(guard: Guard, messages: Sequence[Sequence[str]], places: Iterable[str]) -> None:
    """Store fingerprints of the texts of messages, and the keys of their positions in a history.

    Raises:
        StorageError: it cannot write them down.

    """
    text = "\n\n".join(text for texts in messages for text in texts)
    remember_prompt(guard, text, [*_names(messages), *places])


def _is_meant_private(request: Node, call: RefusedCall) -> bool:
    if call.local or any(wishes_in(request)):
        return True
    session = call.session or next(_sessions(request), "")
    return is_meant_private_in(call.home, session, None, call.settings)


def _sessions(node: Node) -> Iterator[str]:
    for name, item in node:
        if name == "x_session" and isinstance(item, str):
            yield item
        elif isinstance(item, Node):
            yield from _sessions(item)


def _new(node: Node, names: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Return the texts of each message that is new, and of all else that is not the program's own.

    In a list of messages these are the last ones, from the user's first after an answer on, and each that asks for
    privacy itself.
    """
    if any(message.all("role") for message in node.nodes()):
        messages = [value for _, value in node]
        newest = set(map(id, _newest(messages)))
        for message in messages:
            if id(message) not in newest and not asks(message, names):
                continue
            yield [*dict.fromkeys(filter(None, (_text(message), *_texts(message))))]
        return
    for name, item in node:
        below = (*names, name) if name else names
        is_own = name in _PROGRAMS_OWN | KINDS and not (isinstance(item, Node) and asks(item, below))
        if isinstance(item, Node) and not is_own:
            yield from _new(item, below)
        elif not is_own:
            yield [*texts_in(item)]


def _newest(messages: list[object]) -> list[object]:
    """Return the user's messages after the assistant's last, or before it where that is the end, and that as well."""
    is_answer = [isinstance(message, Node) and message.all("role") == ["assistant"] for message in messages]
    start = len(messages)
    while start and is_answer[start - 1]:
        start -= 1
    while start and not is_answer[start - 1]:
        start -= 1
    return messages[start:]


def _texts(value: object) -> Iterator[str]:
    """Return every text of a part of the request, but for what only says of which kind it is."""
    yield from own_texts(_plain(value))


def _plain(value: object) -> object:
    """Return a node as JSON has it; of one that repeats a name, or has text beside its names, a list of its fields."""
    if not isinstance(value, Node):
        return value
    fields = [(name, _plain(item)) for name, item in value]
    names = {name for name, _ in fields}
    if len(names) == len(fields) and "" not in names:
        return dict(fields)
    return [{name: item} if name and name not in KINDS else item for name, item in fields]


def _text(message: object) -> str:
    """Return the text of a message's text blocks."""
    content = message.all("content") if isinstance(message, Node) else [message]
    texts = [
        text for block in content if isinstance(block, Node) for each in block.nodes() for text in each.all("text")
    ]
    return "".join(text for text in (*content, *texts) if isinstance(text, str))


def _names(messages: Sequence[Sequence[str]]) -> list[str]:
    """Return the names by which texts are known again: of each, and of each message."""
    wholes = [text for texts in messages for text in (*texts, "\n\n".join(texts))]
    wholes.append("\n\n".join(texts[0] for texts in messages if texts))
    return [
        name
        for text in dict.fromkeys(wholes)
        if text
        for name in (text_keys.of_prompt(text), *text_keys.loose_keys(text))
    ]


def _places(data: str) -> list[str]:
    """Return the names of the place of the newest message, if the request is sound."""
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError, InputError):
        *_, last = exchanges(checked_messages(json.loads(data)["messages"]))
        return [name for place in last.prompt_digests[-1:] for name in place]
    return []
