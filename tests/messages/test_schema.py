"""`output_config.format` in a program's request: passed on to Claude, and held to here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user
from tests.standin import api_error, claude, ollama

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


def asked(text: str, schema: Any = SCHEMA, **fields: Any) -> str:
    config = {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    return json.dumps(request(user(text), output_config=config, **fields))


@pytest.mark.parametrize("stream", [False, True])
def test_here(trooper: Trooper, local: Standin, *, stream: bool) -> None:
    """The answer is the JSON alone, in a stream too; what does not fit is asked once more, and then an error."""
    local.respond = ollama('```\n{"age": 47}\n```')
    done = trooper("messages", stdin=asked("how old?", x_force_local=True, stream=stream))
    assert done.code == 0
    assert local.bodies[0]["format"] == SCHEMA
    if stream:
        events = [json.loads(line[6:]) for line in done.text.splitlines() if line.startswith("data: ")]
        texts = [each["delta"]["text"] for each in events if each["type"] == "content_block_delta"]
    else:
        texts = [block["text"] for block in done.json["content"]]
    assert texts == ['{"age": 47}']
    local.respond = ollama("forty-seven")
    done = trooper("messages", stdin=asked("and now?", x_force_local=True, stream=stream))
    assert (done.code, done.json["error"]["type"], len(local.bodies)) == (76, "api_error", 3)
    assert "forty" not in done.text + done.notices


def test_claude_gets_it_as_it_is(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """What Claude answers is the program's, whether it fits or not; where it cannot answer, this machine does."""
    done = trooper("messages", stdin=asked("how old?"))
    assert (done.code, done.json["content"][0]["text"]) == (0, "a cloud answer")
    assert cloud.bodies[0]["output_config"] == json.loads(asked("how old?"))["output_config"]
    cloud.respond = lambda _: api_error(400, "billing_error", "credit balance is too low")
    local.respond = ollama('{"age": 47}')
    done = trooper("messages", stdin=asked("how old?"))
    assert (done.code, done.json["content"][0]["text"]) == (0, '{"age": 47}')


def test_a_schema_that_cannot_be_used_here(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """Claude may know what to do with it; nothing is fetched for it here."""
    body = asked("how old?", {"$ref": f"{cloud.url}/other.json"})
    assert trooper("messages", stdin=body).code == 0
    assert [request.path for request in cloud.requests] == ["/v1/messages"]
    done = trooper("messages", "--local", stdin=body)
    assert (done.code, done.json["error"]["type"], local.connections) == (65, "invalid_request_error", 0)
    assert done.json["error"]["message"].startswith("output_config.format.schema: ")


def test_who_may_know_it(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """It is looked at, and remembered with a private message as the program's system prompt is."""
    local.respond, cloud.respond = ollama("{}"), claude("{}")
    schema = {"type": "object", "description": SECRET}
    assert trooper("messages", stdin=asked("hello", schema, x_force_local=True)).code == 0
    # In any other place it is private text.
    assert trooper("messages", stdin=asked("hm", {"type": "object", "description": f"Know: {SECRET}"})).code == 77
    assert trooper("ask", SECRET).code == 77
    assert trooper("ask", "--schema", json.dumps(schema), "hi").code == 77
    # What other private turns say is refused in it.
    other = "Wilhelmina keeps the keys of the harbour office under the third flower pot, behind the boat shed."
    assert trooper("ask", "--local", other).code == 0
    assert trooper("messages", stdin=asked("hello", {"type": "object", "description": other})).code == 77
    assert cloud.connections == 0
    # The program's own, with another message, as it sends its system prompt every time.
    assert trooper("messages", stdin=asked("another", schema)).code == 0


def test_an_answer_is_known_in_the_history(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """As it was given, without its fence: a private pair is left out of the next request."""
    local.respond = ollama('```\n{"age": 47}\n```')
    done = trooper("messages", stdin=asked("how old?", x_force_local=True))
    history = [user("how old?"), assistant(done.json["content"]), user("go on")]
    assert trooper("messages", stdin=json.dumps(request(*history))).code == 0
    assert [each["content"] for each in cloud.bodies[0]["messages"]] == ["go on"]
