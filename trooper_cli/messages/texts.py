"""Which texts a request holds, for the guard: what is looked at, and what a private request is remembered by.

What the Messages API itself defines (`api_names.py`) is left out of both.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from trooper_cli.guard.strings import readable
from trooper_cli.messages.api_names import is_frame, is_kind, own_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ApiMessage = dict[str, object]

# Text that is longer is read by itself, and is no cell of a table.
_LONGEST_CELL = 300


def blocks_of(content: object) -> list[dict[str, object]]:
    """Return a message's content as blocks, whether it was written as a string or as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content  # type: ignore[return-value]


def text_of(content: object, joint: str = "") -> str:
    """Return the text of a message's text blocks."""
    return joint.join(str(block["text"]) for block in blocks_of(content) if block["type"] == "text")


def beside_text(message: Mapping[str, object]) -> ApiMessage:
    """Return what of a message would be sent beside what `text_of` returns, with its role; nothing if that is all."""
    rest = {name: value for name, value in message.items() if name not in {"role", "content"}}
    if blocks := blocks_beside_text(message["content"]):
        rest["content"] = blocks
    return {"role": message["role"], **rest} if rest else {}


def blocks_beside_text(content: object) -> list[ApiMessage]:
    """Return the blocks of a message or a system prompt without their text, as far as there is more to them."""
    if not isinstance(content, list):
        return []
    blocks = (
        {name: value for name, value in block.items() if name != "text"} if block["type"] == "text" else block
        for block in content
    )
    return [block for block in blocks if block.keys() != {"type"} or block["type"] != "text"]


def readings(value: object) -> Iterator[str]:
    """Return parsed JSON in all ways in which it can be read: its texts, names beside their values, all as JSON."""
    if value:
        yield from texts_in(value)
        yield from (" ".join(names) for each in _objects_in(value) if len(names := own_names(each)) > 1)
        yield from _records(value)
        yield _written(value)


def texts_in(value: object) -> Iterator[str]:
    """Return every text in parsed JSON but kinds of the API's; of pictures and the like, the text in them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        is_binary = value.get("type") == "base64"
        for name, item in value.items():
            if is_binary and name == "data" and isinstance(item, str):
                yield from _text_in(item)
            elif not is_kind(name, item):
                yield from texts_in(item)


def own_texts(value: object) -> Iterator[str]:
    """Return what a part of a request says of its own, each text apart from those of other fields of the API's.

    An object of the program's own, in whichever field, is returned as a whole as well: a table may be known by it.
    """
    if isinstance(value, dict) and is_frame(value):
        yield from _own_texts_of_frame(value)
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        # A text may stand in small blocks, as what a message says may.
        texts = [item.get("text") for item in value if isinstance(item, dict)]
        together = "".join(text for text in texts if isinstance(text, str))
        yield from (together,) if len(texts) > 1 and together else ()
        for item in value:
            yield from own_texts(item)
    elif isinstance(value, str):
        yield value
    elif value and not isinstance(value, bool):
        yield from texts_in(value)
        yield from _records(value)
        yield _written(value)


def _own_texts_of_frame(value: dict[str, object]) -> Iterator[str]:
    own = own_names(value)
    if value.get("type") == "base64":
        yield from texts_in(value)
    else:
        for name, item in value.items():
            if not is_kind(name, item):
                yield from own_texts(item)
    cells = {name: item for name, item in value.items() if name in own or (_is_cell(item) and not is_kind(name, item))}
    if own or len(cells) > 1:
        yield from texts_in(cells)
        yield from _records(cells)
        yield _written(cells)


def _objects_in(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects_in(item)


def _records(value: object) -> Iterator[str]:
    """Return each object with several texts or numbers as a table: a name of the program's can be a cell too."""
    for fields in _objects_in(value):
        own = own_names(fields)
        cells = [
            f"{name if name in own else ''}\t{item}"
            for name, item in fields.items()
            if _is_cell(item) and not is_kind(name, item)
        ]
        if len(cells) > 1:
            yield "\n".join(cells)


def _is_cell(value: object) -> bool:
    return isinstance(value, (int, float)) or (
        isinstance(value, str) and len(value) <= _LONGEST_CELL and "\n" not in value
    )


def _written(value: object) -> str:
    return json.dumps(_as_cells(value), ensure_ascii=False)


def _as_cells(value: object) -> object:
    """Return parsed JSON without its long texts, and with strokes for the names that are the API's."""
    if isinstance(value, list):
        return [_as_cells(item) for item in value]
    if not isinstance(value, dict):
        return value if not isinstance(value, str) or len(value) <= _LONGEST_CELL else ""
    own = own_names(value)
    fields = {name: _as_cells(value[name]) for name in own}
    for name, item in value.items():
        if name not in own and not is_kind(name, item):
            nameless = "_"
            while nameless in fields:
                nameless += "_"
            fields[nameless] = _as_cells(item)
    return fields


def _text_in(data: str) -> Iterator[str]:
    """Return what base64 says is binary and holds text, as a PDF does, or is no base64 at all."""
    try:
        decoded = base64.b64decode(data, validate=True)
    except binascii.Error:
        yield data
        return
    if text := readable(decoded):
        yield text
