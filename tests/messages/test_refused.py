"""A request that was meant to stay here and is refused: its message is remembered, and never sent with a later one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

LONG = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
SHORT = "What does Ottilie earn?"
TOOL_USE = [
    user("how is the weather?"),
    assistant([{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]),
    user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}]),
    assistant("it rains"),
]
TOOL = {"name": "weather", "description": "tells the weather", "input_schema": {"type": "object"}}
HERE = {"x_force_local": True}

# What is refused: messages before the private one, fields, environment, and a change of the request's text.
REFUSED: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, str], tuple[str, str]]] = {
    "a tool in the history": (TOOL_USE, HERE, {}, ("", "")),
    "a tool": ([], HERE | {"tools": [TOOL]}, {}, ("", "")),
    "a field of the wrong type": ([], HERE | {"max_tokens": "100"}, {}, ("", "")),
    "no model": ([], HERE | {"model": None}, {}, ("", "")),
    "a bad message before it": ([user(7)], HERE, {}, ("", "")),
    "the same field twice": ([], HERE, {}, ('"model"', '"x_force_local": false, "model"')),
    "messages twice": ([], HERE, {}, ('"model"', '"messages": [], "model"')),
    "half a surrogate pair": ([], HERE | {"metadata": {"user_id": "?"}}, {}, ('"?"', '"\\ud800"')),
    "no number": ([], HERE | {"temperature": 7.5}, {}, ("7.5", "NaN")),
    "not UTF-8": ([], HERE | {"metadata": {"user_id": "gr\xf6\xdfe"}}, {}, ("", "")),
    "a text instead of true": ([], {"x_force_local": "true"}, {}, ("", "")),
    "a misspelt field": ([], {"X-Force-Local": True}, {}, ("", "")),
    "a misplaced field": ([], {"metadata": {"x_force_local": True}}, {}, ("", "")),
    "a field of a message": ([], {}, {}, ('"content"', '"x_force_local": true, "content"')),
    "no session's name": ([], HERE | {"x_session": "../ops"}, {}, ("", "")),
    "a history beside a session": ([user("hello"), assistant("hi")], HERE | {"x_session": "ops"}, {}, ("", "")),
    "a session that stays here": ([], {"x_session": "here", "max_tokens": -1}, {}, ("", "")),
    "over the budget": ([], HERE, {"TROOPER_BUDGET": "3"}, ("", "")),
    "a wrong setting": ([], HERE, {"TROOPER_FALLBACK": "yes"}, ("", "")),
    "a misspelt environment": ([], {}, {"TROOPER_LOCAL": "true"}, ("", "")),
    "the environment": ([], {"stream": "yes"}, {"TROOPER_LOCAL": "1"}, ("", "")),
    "the lock": ([], {"stream": "yes"}, {"TROOPER_CLOUD": "off"}, ("", "")),
}


CASES = [(name, LONG) for name in REFUSED]
CASES += [(name, SHORT) for name in ("a tool in the history", "a tool", "the same field twice", "the lock")]


@pytest.mark.parametrize(("name", "text"), CASES, ids=[f"{name}, {len(text)}" for name, text in CASES])
def test_it_is_never_sent(trooper: Trooper, cloud: Standin, local: Standin, name: str, text: str) -> None:
    """The message is dropped from later histories or these are refused, with or without an answer after it."""
    before, fields, environ, (old, new) = REFUSED[name]
    if "x_session" in fields and fields["x_session"] == "here":
        assert trooper("config", "set", "-s", "here", "local", "1").code == 0
    body = json.dumps(request(*before, user(text), **fields), ensure_ascii=False).replace(old or "\0", new)
    done = trooper("messages", stdin=body.encode("latin-1"), **environ)
    assert done.code in {65, 78}, done.notices
    assert (local.bodies, cloud.connections) == ([], 0)
    assert (done.json["type"], done.notices.count("\n")) == ("error", 1)
    sound = [] if before == [user(7)] else before
    histories = [
        [*sound, user(text), user("and the weather?")],
        [*sound, user(text), assistant("that could not be done"), user("and the weather?")],
        [user("hello"), assistant("hi"), user(text), assistant("an error"), user("and the weather?")],
        [user(text)],
    ]
    # A short one that is asked again by itself is not recognised by its text here.
    for history in histories if text == LONG else histories[:3]:
        done = trooper("messages", stdin=json.dumps(request(*history)))
        assert done.code in {0, 77}, done.notices
    assert b"Ottilie" not in cloud.bytes


def test_a_refused_public_request_is_forgotten(trooper: Trooper, cloud: Standin) -> None:
    """What nobody wanted to keep here may be sent once it is put right."""
    fields = {"metadata": {"user_id": "u"}, "tools": [TOOL | {"input_schema": {"local_time": {}}}]}
    for wrong in ({"max_tokens": "100"}, {"x_session": 7}, {"x_force_local": False, "temperature": "hot"}):
        assert trooper("messages", stdin=json.dumps(request(user(LONG), **fields, **wrong))).code == 65
    assert trooper("messages", stdin=json.dumps(request(user(LONG)))).code == 0
    assert b"Ottilie" in cloud.bytes


def test_blocks_are_remembered_as_one_text(trooper: Trooper, cloud: Standin) -> None:
    """A message in many small blocks, with a document in it, is known again as one text."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": word} for word in LONG.replace(" ", "  ").split(" ")]
    note = "A note: the third ledger is in the vault in Vienna, behind the painting of the horse and its rider."
    blocks.append({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": note}})
    assert trooper("messages", stdin=json.dumps(request(user(blocks), **HERE))).code == 65
    for text in (LONG, note):
        assert trooper("messages", stdin=json.dumps(request(user(f"Summarise: {text}")))).code == 77
    assert cloud.connections == 0
