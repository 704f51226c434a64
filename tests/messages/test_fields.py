"""Whatever of a request would leave this machine is looked at, in whichever field it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = (
    "The quarterly settlement with Brunnhilde Achterberg was raised to nine hundred thousand guilders after the "
    "arbitration hearing in Maastricht"
)
KEY = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
TABLE = "name,salary\nHollander,83251\nBrunner,91234\nAchterberg,77123\n"
SHORT = "Write to hollander@hxq.de about OPSX-4471, account 4111222233334444"
HERE = {"x_force_local": True}


def text(value: str = "hello there", **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **fields}


def call(arguments: Any) -> list[dict[str, Any]]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "store", "input": arguments}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    return [user("store it"), assistant([use]), user([result])]


def sent(trooper: Trooper, *messages: dict[str, Any], **fields: Any) -> int:
    return trooper("messages", stdin=json.dumps(request(*messages, **fields))).code


FIELDS: dict[str, Any] = {
    "a field of a message": lambda value: request(user("hello there") | {"note": value}),
    "a message's name": lambda value: request(user("hello there") | {"name": value}),
    "a citation of the user's": lambda value: request(user([text(citations=[{"cited_text": value}])])),
    "a citation of the assistant's": lambda value: request(
        user("hello"), assistant([text(citations=[{"type": "char_location", "cited_text": value}])]), user("go on")
    ),
    "a mark of caching": lambda value: request(user([text(cache_control={"type": "ephemeral", "note": value})])),
    "a name in a mark of caching": lambda value: request(user([text(cache_control={value: True})])),
    "a field of a system block": lambda value: request(user("hello"), system=[text(note=value)]),
    "a citation in the system prompt": lambda value: request(user("hello"), system=[text(citations=[value])]),
    "a block's type": lambda value: request(user([{"type": value}])),
    "a field of the API": lambda value: request(user("hello"), metadata={"user_id": value}),
}


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_is_passed_over(trooper: Trooper, cloud: Standin, field: str) -> None:
    """A copy of private text and a credential are found in any field of a request; without them it is sent."""
    assert sent(trooper, user(SECRET), **HERE) == 0
    for value in (SECRET, f"they say: {SECRET}!", KEY):
        done = trooper("messages", stdin=json.dumps(FIELDS[field](value)))
        assert done.code == 77, done.notices
        assert value not in done.text + done.notices
    assert cloud.connections == 0
    assert trooper("messages", stdin=json.dumps(FIELDS[field]("something"))).code == 0
    assert b"something" in cloud.bytes


@pytest.mark.parametrize("role", [SECRET, "tool", "", "User", ["user"], None])
def test_a_role_is_one_of_the_api_s(trooper: Trooper, cloud: Standin, role: Any) -> None:
    done = trooper("messages", stdin=json.dumps(request(user("hello"), {"role": role, "content": "x"})))
    assert done.code == 65
    assert "messages.1.role" in done.json["error"]["message"]
    assert "Brunnhilde" not in done.text + done.notices
    assert cloud.connections == 0
    assert sent(trooper, user("hello"), {"role": "system", "content": "be brief"}, user("go on")) == 0


@pytest.mark.parametrize(
    "told",
    [
        {"rows": [{"name": "Hollander", "salary": 83251}]},
        {"Hollander": 83251, "Brunner": 91234},
        [["Hollander", 83251]],
        {"Hollander": {"salary": 83251}, "rows": [["Brunner", 91234.0]]},
        {"hollander@hxq.de": True},
        {"OPSX-4471": 1},
        {"account": 4111222233334444.0},
        dict.fromkeys(SECRET.split(), 1),
        {"data": list(SECRET.encode())},
        SECRET.split(),
    ],
    ids=lambda told: json.dumps(told)[:40],
)
def test_names_numbers_and_tables_are_read(trooper: Trooper, cloud: Standin, told: Any) -> None:
    """In a tool's arguments and in its result, private cells, short secrets and bytes are found as in a text."""
    for private in (SECRET, TABLE, SHORT):
        assert sent(trooper, user(private), **HERE) == 0
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok", "structured": told}
    assert sent(trooper, *call(told)) == 77
    assert sent(trooper, *call({}), user([result])) == 77
    assert cloud.connections == 0
    assert sent(trooper, *call({"rows": [{"name": "Miller", "salary": 52000}], "Smith": 61000})) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"force_lcoal": True},
        {"xforce_loca": True},
        {"xForceLokal": True},
        {"private": True},
        {"trooper": {"private": True}},
        {"isPrivate": 1},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_may_mean_private_is_refused_and_remembered(
    trooper: Trooper, cloud: Standin, fields: dict[str, Any]
) -> None:
    """A misspelt or invented name for `x_force_local` is exit 65; the message is known when it comes again."""
    done = trooper("messages", stdin=json.dumps(request(user(SECRET), **fields)))
    assert (done.code, "x_force_local" in done.json["error"]["message"]) == (65, True), done.notices
    assert sent(trooper, user(f"Summarise: {SECRET}")) == 77
    assert cloud.connections == 0


@pytest.mark.parametrize(
    ("name", "meant"), [("max_token", "max_tokens"), ("temprature", "temperature"), ("brand_new", "leave it out")]
)
def test_an_unknown_field_is_refused(trooper: Trooper, cloud: Standin, name: str, meant: str) -> None:
    """A field that the API does not have is exit 65, with the nearest that it has; its message is nobody's secret."""
    done = trooper("messages", stdin=json.dumps(request(user(SECRET), **{name: 1})))
    assert done.code == 65
    assert (name in done.json["error"]["message"], meant in done.json["error"]["message"]) == (True, True)
    assert cloud.connections == 0
    assert sent(trooper, user(SECRET)) == 0


def test_the_api_s_own_fields_pass(trooper: Trooper, cloud: Standin) -> None:
    """Each field of the vendor's SDK goes on, whatever an engine here would make of it."""
    fields: dict[str, Any] = {
        "cache_control": {"type": "ephemeral"}, "container": "c", "context_management": {"edits": []},
        "diagnostics": {}, "fallbacks": [], "inference_geo": "us", "mcp_servers": [], "metadata": {"user_id": "u"},
        "output_config": {"effort": "low"}, "service_tier": "auto", "speed": "fast", "thinking": {"type": "adaptive"},
        "thread": None, "tool_choice": {"type": "auto"}, "tools": [], "top_k": 3, "user_profile_id": "p", "betas": [],
    }  # fmt: skip
    assert sent(trooper, user("hello"), **fields) == 0
    assert cloud.bodies == [request(user("hello"), **fields)]


BESIDE: dict[str, Any] = {
    "a field of the message": lambda value: request(user("Hello you") | {"note": value}),
    "a citation": lambda value: request(user([text(citations=[{"type": "page_location", "cited_text": value}])])),
    "a thought": lambda value: request(user([text(), {"type": "thinking", "thinking": value, "signature": "s"}])),
    "a field within a block": lambda value: request(user([text(extra={"deep": [{"deeper": value}]})])),
    "a field of a system block": lambda value: request(user("hello"), system=[text(note=value)]),
}


@pytest.mark.parametrize("field", BESIDE)
def test_what_stands_beside_a_private_text_is_remembered(trooper: Trooper, cloud: Standin, field: str) -> None:
    """What a private request holds beside its text does not go to the cloud later."""
    assert trooper("messages", stdin=json.dumps(BESIDE[field](SECRET) | HERE)).code == 0
    assert sent(trooper, user(f"Summarise: {SECRET}")) == 77
    assert cloud.connections == 0
    assert trooper("messages", stdin=json.dumps(BESIDE[field]("something else"))).code == 0


CITATION = {
    "type": "search_result_location", "source": "?", "title": "?", "cited_text": "?", "search_result_index": 0,
    "start_block_index": 0, "end_block_index": 0,
}  # fmt: skip
# Shapes whose names, one after another, are longer than any run that the guard stores.
FRAMES: dict[str, Any] = {
    "citations": lambda value: [text(citations=[CITATION | {"source": value, "title": value, "cited_text": value}])],
    "an unknown kind": lambda value: [text(citations=[CITATION | {"type": "of_tomorrow", "cited_text": value}])],
    "a document": lambda value: [
        {
            "type": "document",
            "source": {"type": "content", "content": [text(value, cache_control={"type": "ephemeral"})]},
            "citations": {"enabled": True},
            "context": value,
        }
    ],
    "the result of a tool": lambda value: [
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": value,
            "content": {"type": "bash_code_execution_result", "stdout": value, "stderr": "", "return_code": 0},
        }
    ],
}


@pytest.mark.parametrize("shape", FRAMES)
def test_the_frame_of_the_api_is_nobody_s_text(trooper: Trooper, cloud: Standin, shape: str) -> None:
    """A private request makes no other of its shape private; and a private text about that shape makes none either."""
    for number in range(20):
        # Each time other runs of the frame would be stored; a block that no engine here takes is remembered as refused.
        secret = f"{SECRET} {'xyz' * number}{number}"
        assert sent(trooper, user(FRAMES[shape](secret)), **HERE) in {0, 65}
        if number == 0:
            assert sent(trooper, user(FRAMES[shape](f"they say: {secret}!"))) == 77
    assert cloud.connections == 0
    assert sent(trooper, user(f"what is this? {json.dumps(FRAMES[shape]('?'))}"), **HERE) == 0
    assert sent(trooper, user(FRAMES[shape]("something else"))) == 0


def test_a_refused_call_of_a_tool_is_remembered_with_its_cells(trooper: Trooper, cloud: Standin) -> None:
    """A private tool result that no engine here takes is known again as the table that it is."""
    assert sent(trooper, *call({"rows": [{"name": "Hollander", "salary": 83251}]}), **HERE) == 65
    rows = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [], "rows": [["Brunner", 91234]] * 2}
    assert sent(trooper, user([rows]), **HERE) == 65
    assert sent(trooper, user("sum up\n\nname,salary\nBrunner,91234\nMiller,52000\n")) == 77
    assert cloud.connections == 0


def test_a_dry_run_remembers_what_stands_beside_the_text(trooper: Trooper) -> None:
    """It prints the request, and a pipe could carry that on."""
    body = request(user("hello there") | {"note": SECRET}, **HERE)
    ollama = {"TROOPER_LOCAL_ENGINE": "ollama", "TROOPER_LOCAL_MODEL": "llama3.2"}
    assert trooper("messages", "--dry-run", stdin=json.dumps(body), **ollama).code == 0
    assert sent(trooper, user(SECRET)) == 77
