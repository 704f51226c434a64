"""A wish to keep a request's text here: obeyed at the top, and elsewhere refused, in one line, and remembered."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user
from trooper_cli.messages.own_fields import wishes_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
PROVENANCE = {
    "label": "private", "route": "local", "reason": "flag", "engine": "ollama", "model": "m", "session": None,
    "turn": None, "left_out": 0, "context": {}, "host": "127.0.0.1", "network": False, "fallback": None,
    "usage": {"input": 1, "output": 1, "cache_read": 0, "cache_write": 0}, "seconds": 0.1,
}  # fmt: skip


def block(**fields: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": SECRET, **fields}]


def call(**arguments: Any) -> list[dict[str, Any]]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "create_repository", "input": arguments}
    return [user(SECRET), assistant([use]), user([{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}])]


def tool(**properties: Any) -> list[dict[str, Any]]:
    return [{"name": "create", "input_schema": {"type": "object", "properties": properties}}]


# A request that asks for privacy where nothing of the kind is obeyed, and the place that the refusal names.
ASKING: dict[str, tuple[dict[str, Any], str]] = {
    "a wrapper": (request({"type": "message", "x_force_local": True, **user(SECRET)}), "messages.0.x_force_local"),
    "a misspelt block": (request(user(block(x_force_locl=True))), "messages.0.content.0.x_force_locl"),
    "a misspelt wrapper": (request({"type": "message", "xForceLocal": 1, **user(SECRET)}), "messages.0.xForceLocal"),
    "dashes": (request(user(SECRET), metadata={"x-force-local": "yes"}), "metadata.x-force-local"),
    "other words in a message": (request(user(SECRET) | {"local_only": True}), "messages.0.local_only"),
    "other words in a block": (request(user(block(private=True))), "messages.0.content.0.private"),
    "other words in metadata": (request(user(SECRET), metadata={"keepLocal": True}), "metadata.keepLocal"),
    "no cloud": (request(user(SECRET), metadata={"no_cloud": True}), "metadata.no_cloud"),
    "the cloud is off": (request(user(SECRET), metadata={"cloud": "off"}), "metadata.cloud"),
    "an upload of none": (request(user(SECRET), metadata={"upload": "none"}), "metadata.upload"),
    "a cloud that is not enabled": (
        request(user(SECRET), metadata={"cloud": {"enabled": False}}),
        "metadata.cloud.enabled",
    ),
    "no egress": (request(user(SECRET), metadata={"no-egress": True}), "metadata.no-egress"),
    "below a mark of caching": (
        request(user(block(cache_control={"type": "ephemeral", "force_local": True}))),
        "messages.0.content.0.cache_control.force_local",
    ),
    "a session below": (request(user(SECRET), metadata={"x_session": "ops"}), "metadata.x_session"),
    "a label": (request(user(block(label="private"))), "messages.0.content.0.label"),
    "a role": (request({"role": "x_force_local", "content": SECRET}), "messages.0.role"),
    "a kind": (request(user([{"type": "private", "text": SECRET}])), "messages.0.content.0.type"),
    "a label of ours at the top": (request(user(SECRET), x_trooper={"label": "private"}), "x_trooper.label"),
    "ours is true": (request(user(SECRET), x_trooper=True), "x_trooper"),
    "a label of ours in a block": (
        request(user(block(x_trooper={"label": "private"}))),
        "messages.0.content.0.x_trooper.label",
    ),
    "a label of ours at a prompt": (request(user(SECRET) | {"x_trooper": PROVENANCE}), "messages.0.x_trooper.label"),
    "a system block": (request(user(SECRET), system=[{"type": "text", "text": "x", "private": 1}]), "system.0.private"),
    "an argument of a tool": (request(*call(force_local=True)), "messages.1.content.0.input.force_local"),
    "a misspelt argument": (request(*call(x_force_locl=True)), "messages.1.content.0.input.x_force_locl"),
    "a schema": (
        request(user(SECRET), tools=tool(forceLocal={"type": "boolean"})),
        "tools.0.input_schema.properties.forceLocal",
    ),
    "beside a schema": (request(user(SECRET), tools=[tool()[0] | {"private": True}]), "tools.0.private"),
    "an older message": (
        request(user(SECRET) | {"x_force_local": True}, assistant("hm"), user("go on")),
        "messages.0.x_force_local",
    ),
    "in other words at the top": (request(user(SECRET), no_cloud=True), "no_cloud"),
    "not to be sent, at the top": (request(user(SECRET), do_not_send=True), "do_not_send"),
    "not to be sent": (request(user(SECRET) | {"doNotUpload": True}), "messages.0.doNotUpload"),
    "a tag": (request(user(SECRET), metadata={"tags": ["ledger", "private"]}), "metadata.tags.1"),
    "sensitivity": (request(user(SECRET), metadata={"sensitivity": "confidential"}), "metadata.sensitivity"),
    "the cloud is not allowed": (request(user(SECRET), cloud_allowed=False), "cloud_allowed"),
    "zero at the top": (request(user(SECRET), cloud_allowed=0), "cloud_allowed"),
    "zero behind an x": (request(user(SECRET), x_cloud=0), "x_cloud"),
    "zero for the cloud": (request(user(SECRET), metadata={"cloud": 0}), "metadata.cloud"),
    "zero for a sending": (request(user(SECRET), metadata={"send_to_cloud": 0.0}), "metadata.send_to_cloud"),
    "zero in quotes": (request(user(SECRET) | {"share": "0"}), "messages.0.share"),
    "disabled": (request(user(block(upload="disabled"))), "messages.0.content.0.upload"),
}


@pytest.mark.parametrize("case", ASKING)
def test_it_is_refused_and_remembered(trooper: Trooper, cloud: Standin, local: Standin, case: str) -> None:
    """In one line that says what and where; the text is not sent with a later request."""
    body, place = ASKING[case]
    done = trooper("messages", stdin=json.dumps(body))
    assert (done.code, done.notices.count("\n")) == (65, 1), done.notices
    assert f"{place}: " in done.json["error"]["message"]
    assert "x_force_local" in done.json["error"]["message"]
    # A tool's result that comes after the text is the newest message.
    if "argument" not in case:
        assert trooper("messages", stdin=json.dumps(request(user(f"Summarise: {SECRET}")))).code == 77
    assert (cloud.connections, local.bodies) == (0, [])


SAYS_SO = """
do_not_send do_not_upload do_not_share doNotSend donotsend dont-send-to-the-cloud not_for_cloud no_cloud_please
never_leave do_not_leave_this_machine no_external_services cloud_forbidden treat_as_private private_data
confidential_data sensitive is_sensitive vertraulich process_locally handle_locally answer_locally execute_locally
local_execution use_local_model localInference run_local on_device onDevice self_hosted on_premises air_gapped
internal_only lokal nur_lokal
""".split()
SAYS_OTHERWISE = """
locale local_time localhost_port case_sensitive caseSensitive note_shared north notes cloud_provider share_link
uploaded_at device_id host_id node_id leave_type sender sent_at external_id temprature notify_shared_team on_call
not_before no_of_pages
""".split()


def test_words_say_so_and_not_whole_names() -> None:
    """In any notation, at the top and below it; other words, or the same in another sense, say nothing."""

    def places(name: str, value: object) -> list[list[str]]:
        bodies = [
            request(user("x") | {name: value}),
            request(user(block(**{name: value}))),
            request(user("x"), metadata={name: value}),
            request(user("x"), **{name: value}),
        ]
        return [[wish.place for wish in wishes_in(body)] for body in bodies]

    for name in SAYS_SO:
        assert all(map(len, places(name, value=True))), name
        assert not any(places(name, value=False)), name
    for name in SAYS_OTHERWISE:
        # At the top, where no program has a field of its own, a name with "local" in it may be ours.
        assert not any(places(name, value=True)[: 3 if "local" in name else 4]), name
    for name in ("cloud_allowed", "allow_cloud", "cloudOk", "upload_allowed", "allow_sharing"):
        assert all(map(len, places(name, value=False))), name
        assert all(map(len, places(name, value=0))), name
        assert not any(places(name, value=True)), name
        assert not any(places(name, value=1)), name
    for name in ("sent", "senders", "shares", "retries", "cloud_cover"):
        assert not any(places(name, value=0)), name
    for name, value in (("tags", ["private"]), ("labels", ["billing", "on_device"]), ("classification", "sensitive")):
        assert all(map(len, places(name, value))), name
    for name, value in (("tags", ["billing", "local_time"]), ("sensitivity", "low"), ("names", ["Anna", "public"])):
        assert not any(places(name, value)), name


def test_an_unknown_name_that_says_nothing_is_not_remembered(trooper: Trooper, cloud: Standin) -> None:
    """A field of the API that is misspelt is refused, and its request may be sent with the field set right."""
    assert trooper("messages", stdin=json.dumps(request(user(SECRET), temprature=1))).code == 65
    assert trooper("messages", stdin=json.dumps(request(user(SECRET), temperature=1))).code == 0
    assert len(cloud.bodies) == 1


def test_a_tool_s_own_words_are_sent(trooper: Trooper, cloud: Standin) -> None:
    """In its arguments and its schema, whatever they say."""
    own: dict[str, Any] = dict.fromkeys(SAYS_SO, True) | {"cloud_allowed": False, "tags": ["private"]}
    names = {name: {"type": "boolean"} for name in own}
    body = request(*call(**own), tools=tool(**names))
    assert trooper("messages", stdin=json.dumps(body)).code == 0
    assert cloud.bodies[-1] == body


BROKEN: dict[str, Callable[[str], str]] = {
    "a comma at the end": lambda body: body[:-1] + ",}",
    "cut off": lambda body: body[:-1],
    "in a text": json.dumps,
    "a batch": lambda body: f'{{"requests": [{{"params": {body}}}]}}',
}


@pytest.mark.parametrize("broken", BROKEN)
def test_it_is_remembered_of_what_is_no_request(trooper: Trooper, cloud: Standin, broken: str) -> None:
    """The same rule reads what cannot be parsed."""
    for case, (body, _) in ASKING.items():
        if "argument" in case:
            continue
        secret = f"the ledger says {sha256(case.encode()).hexdigest()}"
        wrong = BROKEN[broken](json.dumps(body).replace(SECRET, secret))
        assert trooper("messages", stdin=wrong).code == 65
        assert trooper("messages", stdin=json.dumps(request(user(f"Summarise: {secret}")))).code == 77, case
    assert cloud.connections == 0


def test_an_answer_of_ours_may_be_given_back(trooper: Trooper, cloud: Standin) -> None:
    """Its `x_trooper` says private, and that is no wish: the turn is left out, as it is without that field."""
    asked = user("who pays the contractors of the northern branch, please?")
    done = trooper("messages", stdin=json.dumps(request(asked, x_force_local=True)))
    assert done.json["x_trooper"]["label"] == "private"
    for answer in (done.json, {name: done.json[name] for name in ("role", "content", "x_trooper")}):
        assert trooper("messages", stdin=json.dumps(request(asked, answer, user("and the weather?")))).code == 0
        assert cloud.bodies[-1]["messages"] == [user("and the weather?")]
        assert trooper("messages", stdin=json.dumps(request(asked, answer | {"private": True}, user("so?")))).code == 65


def test_a_tool_s_own_private_is_not_remembered(trooper: Trooper) -> None:
    """A refused private request has tools and a history with a `private` of their own: these are nobody's secret."""
    tools = [
        tool(private={"type": "boolean"})[0] | {"description": "Creates a repository for the account of the user."}
    ]
    note = "A repository for the documents of the annual meeting of the rowing club in the town at the river."
    history = [
        *call(private=True, description=note),
        assistant("It was created, and everybody can read it from now on."),
    ]
    history[0] = user("Please create a repository for the documents of the rowing club, as we said the other day.")
    asked = request(*history, user(SECRET), tools=tools, x_force_local=True)
    for wrong in (json.dumps(asked), json.dumps(asked)[:-1] + ",}"):
        assert trooper("messages", stdin=wrong).code == 65
    assert trooper("messages", stdin=json.dumps(request(*history, user("thanks"), tools=tools))).code == 0
    assert trooper("messages", stdin=json.dumps(request(*history, user(SECRET), tools=tools))).code == 77


def test_an_answer_of_ours_that_was_changed_is_refused(trooper: Trooper, cloud: Standin) -> None:
    """It says that it is private, and nothing else says so any more; one that says public may be changed."""
    answer = assistant("the marzipan fund, says Ottilie") | {"x_trooper": PROVENANCE}
    history = [user("who pays them?"), answer, user("and the weather?")]
    done = trooper("messages", stdin=json.dumps(request(*history)))
    assert (done.code, "messages.1" in done.json["error"]["message"]) == (77, True), done.notices
    assert cloud.connections == 0
    answer["x_trooper"] = PROVENANCE | {"label": "public"}
    assert trooper("messages", stdin=json.dumps(request(*history))).code == 0
    assert b"x_trooper" not in cloud.bytes


def test_what_says_no_or_is_the_program_s_own_is_sent(trooper: Trooper, cloud: Standin) -> None:
    """A field of ours that says no is taken out; a tool's own `private` and names of other things go on as they are."""
    text = {"type": "text", "text": "hi"}
    provenance = {"label": "public", "route": "local"}
    for body, sent in (
        (user("hello") | {"x_force_local": False}, user("hello")),
        (user([text | {"x_trooper": provenance}]), user([text])),
        (user([text | {"citations": [{"x_session": None}]}]), user([text | {"citations": [{}]}])),
    ):
        done = trooper("messages", stdin=json.dumps(request(body)))
        assert done.code == 0, done.notices
        assert cloud.bodies[-1] == request(sent)
    own = {"private": {"type": "boolean"}, "local": {}, "x_axis": {}, "force_reload": {}, "cloud": False}
    form = {"format": {"type": "json_schema", "schema": {"type": "object", "properties": own}}}
    for body in (
        request(*call(name="nightowl", private=True, local=True, visibility="private", x_axis=1, force_lock=True)),
        request(user("hello"), tools=tool(**own), output_config=form),
        request(user("hello"), tools=[{"type": "mcp_toolset", "mcp_server_name": "x", "configs": {"x_post": {}}}]),
        request(user("hello"), metadata={"locale": "de", "local_time": "12:00", "session_id": "7", "private": False}),
        request(user("hello"), metadata={"cache": {"enabled": False}, "share": {}, "voice": "none"}),
    ):
        done = trooper("messages", stdin=json.dumps(body))
        assert done.code == 0, done.notices
        assert cloud.bodies[-1] == body


def test_a_request_of_many_blocks_is_read_once() -> None:
    """The time grows with the request: a second of the processor for 20,000 blocks, not a minute."""
    body = request(user([{"type": "text", "text": "hello", f"name{number}": 1} for number in range(20_000)]))
    before = time.process_time()
    assert list(wishes_in(body)) == []
    assert time.process_time() - before < 3
