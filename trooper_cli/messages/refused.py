"""What of a refused request was meant to be private: the guard remembers its newest message.

A program keeps the message in its history and sends that with its next request, which may be public.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import closing
from typing import TYPE_CHECKING, cast

from trooper_cli.errors import InputError, TrooperError
from trooper_cli.guard import exact
from trooper_cli.messages.recognise import exchanges
from trooper_cli.messages.request import checked_messages, is_force_local, is_like_ours, texts_in
from trooper_cli.refused import is_meant_private, remember_prompt, remembering
from trooper_cli.store.session import settings_of
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trooper_cli.messages.settle import Wishes
    from trooper_cli.settings import Settings


class _Object(list[tuple[str, object]]):
    """A JSON object as it was written: a field may stand in it twice."""

    def all(self, name: str) -> list[object]:
        return [value for key, value in self if key == name]


def remember_refused(data: str, wishes: Wishes, settings: Settings, home: Path, refusal: TrooperError) -> None:
    """Have the guard remember the newest message of a request that was meant to be private, if it can be parsed."""
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(data, object_pairs_hook=_Object)
        if not isinstance(body, _Object) or not _is_meant_private(body, wishes, settings, home):
            return
        newest = [_plain(message) for messages in body.all("messages") for message in _newest(messages)]
        text = "\n\n".join(text for message in newest for text in (_text(message), *texts_in(_blocks(message))))
        with remembering(refusal), closing(Store(home, settings)) as store:
            remember_prompt(store.guard, text.encode("utf-8", "replace").decode(), _names(newest, body))


def _is_meant_private(body: _Object, wishes: Wishes, settings: Settings, home: Path) -> bool:
    if wishes.local or _says_so(body, top=True):
        return True
    name = next(filter(None, (wishes.session, *body.all("x_session"))), None)
    if not settings.of_session and isinstance(name, str):
        with contextlib.suppress(TrooperError):
            settings.of_session = settings_of(home, name)
    return is_meant_private(None, settings)


def _says_so(value: object, *, top: bool) -> bool:
    """Return whether a field that asks for a private turn, or is misspelt for one, says anything but no."""
    if isinstance(value, _Object):
        return any(
            (item not in (False, None) and (is_force_local(name) or (top and is_like_ours(name))))
            or _says_so(item, top=top and name == "messages")
            for name, item in value
            if name not in {"x_session", "x_trooper"}
        )
    return isinstance(value, list) and any(_says_so(item, top=top) for item in value)


def _newest(messages: object) -> Iterator[object]:
    """Return the user's messages after the assistant's last, or before it where that is the end."""
    if not isinstance(messages, list) or isinstance(messages, _Object):
        return iter([messages])
    roles = [message.all("role") if isinstance(message, _Object) else [] for message in messages]
    end = len(messages)
    while end and roles[end - 1] == ["assistant"]:
        end -= 1
    start = end
    while start and roles[start - 1] != ["assistant"]:
        start -= 1
    return iter(messages[start:end])


def _plain(value: object) -> object:
    """Return parsed JSON with a list of its values for each field that stands twice in an object."""
    if isinstance(value, _Object):
        values = {name: [_plain(item) for item in value.all(name)] for name, _ in value}
        return {name: items[0] if len(items) == 1 else items for name, items in values.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _names(newest: list[object], body: _Object) -> list[str]:
    """Return the names by which messages are known again: of their texts and, if they are sound, of their place."""
    texts = list(filter(None, map(_text, newest)))
    wholes = [text for text in dict.fromkeys((*texts, "\n\n".join(texts))) if text]
    names = [name for text in wholes for name in (exact.of_prompt(text), *exact.loose_names(text))]
    with contextlib.suppress(InputError):
        *_, last = exchanges(checked_messages(cast("dict[str, object]", _plain(body)).get("messages")))
        names += [name for place in last.prompt_places[-1:] for name in place]
    return names


def _text(message: object) -> str:
    """Return the text of a message's text blocks, however unsound the message is."""
    texts = [block.get("text") if isinstance(block, dict) else block for block in _blocks(message)]
    return "".join(text for text in texts if isinstance(text, str))


def _blocks(message: object) -> list[object]:
    content = message.get("content") if isinstance(message, dict) else message
    return content if isinstance(content, list) else [content]
