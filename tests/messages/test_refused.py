"""A request that was meant to stay here and is refused: its message is remembered, and never sent with a later one."""

from __future__ import annotations

import io
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user
from trooper_cli.cli.app import run
from trooper_cli.cli.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    "a misspelt field of a message": ([], {}, {}, ('"content"', '"forceLocal": true, "content"')),
    "a misspelt field below": ([], {"metadata": {"X-Force-Local": "true"}}, {}, ("", "")),
    "unseen characters in a field": ([], {}, {}, ('"model"', '"\\u200bx_force_lo\\u200bcal": true, "model"')),
    "letters that look like others": ([], {}, {}, ('"model"', '"\\u0445_force_loc\\u0430l": true, "model"')),
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


def in_full(text: str, **fields: Any) -> str:
    return json.dumps(request(user(text), **fields))


# Requests of other shapes, and those that are no JSON: what is given to the command for a text.
SHAPES: dict[str, Callable[[str], str | bytes]] = {
    "a list of requests": lambda text: json.dumps([request(user(text), **HERE)]),
    "a batch": lambda text: json.dumps({"requests": [{"custom_id": "a", "params": request(user(text), **HERE)}]}),
    "a prompt": lambda text: json.dumps({"model": "m", "prompt": text, **HERE}),
    "a prompt beside messages": lambda text: json.dumps(request(user("hello"), prompt=text, **HERE)),
    "an input": lambda text: json.dumps({"model": "m", "input": [user(text)], **HERE}),
    "parts": lambda text: json.dumps({"contents": [{"role": "user", "parts": [{"text": text}]}], **HERE}),
    "the assistant's words as the newest": lambda text: json.dumps(request(assistant(text), **HERE)),
    "the start of an answer": lambda text: json.dumps(request(user("Go on."), assistant(text), **HERE)),
    "a list in a list": lambda text: json.dumps({"model": "m", "messages": [[user(text)]], **HERE}),
    "a request in a text": lambda text: json.dumps(in_full(text, **HERE)),
    "a system prompt alone": lambda text: json.dumps({"system": text, **HERE}),
    "deeply nested": lambda text: in_full(text, **HERE, metadata=json.loads("[" * 900 + "]" * 900)),
    "nested beyond reading": lambda text: in_full(text, **HERE)[:-1] + ', "a": ' + "[" * 5000 + "]" * 5000 + "}",
    "a comma at the end": lambda text: in_full(text, **HERE)[:-1] + ",}",
    "cut off": lambda text: '{"x_force_local": true, ' + in_full(text)[1:-4],
    "cut off in the text": lambda text: '{"x_force_local": true, "model": "m", "messages": "' + text,
    "a comma that is missing": lambda text: in_full(text, **HERE).replace(', "x_force', ' "x_force'),
    "Python's notation": lambda text: str(request(user(text), **HERE)),
    "no quotes around names": lambda text: f"{{x_force_local: true, messages: [{{role: 'user', content: '{text}'}}]}}",
    "no quotes at all": lambda text: f"x_force_local: true\nprompt: {text}\n",
    "a comment": lambda text: in_full(text, **HERE)[:-1] + " // keep it here\n}",
    "two requests": lambda text: in_full("hello") + "\n" + in_full(text, **HERE),
    "a quotation mark too many": lambda text: '{"model": "say "hi"", ' + in_full(text, **HERE)[1:],
    "a form": lambda text: (
        '--b\r\nContent-Disposition: form-data; name="x_force_local"\r\n\r\ntrue\r\n--b\r\n'
        f'Content-Disposition: form-data; name="prompt"\r\n\r\n{text}\r\n--b--\r\n'
    ),
    "XML": lambda text: f"<request><x_force_local>true</x_force_local><prompt>{text}</prompt></request>",
    "a table of fields": lambda text: f"| x_force_local | yes |\n| prompt | {text} |\n",
    "UTF-16": lambda text: in_full(text, **HERE).encode("utf-16"),
}


@pytest.mark.parametrize("text", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_a_request_is_forgotten(
    trooper: Trooper, cloud: Standin, local: Standin, shape: str, text: str
) -> None:
    """Whatever is refused and says x_force_local, its text is known when the program sends it with its next request."""
    done = trooper("messages", stdin=SHAPES[shape](text))
    assert (done.code, done.json["type"]) == (65, "error"), done.notices
    assert (local.bodies, cloud.connections) == ([], 0)
    for history in ([user(text), user("and the weather?")], [user(text), assistant("an error"), user("and then?")]):
        done = trooper("messages", stdin=json.dumps(request(*history)))
        assert done.code in {0, 77}, done.notices
    if text == LONG:
        assert trooper("messages", stdin=in_full(f"Summarise: {text}")).code == 77
    assert b"Ottilie" not in cloud.bytes


@pytest.mark.parametrize(
    ("flags", "fields", "environ"),
    [
        (["--timeout", "abc"], HERE, {}),
        (["--on-leak", "foo"], HERE, {}),
        (["--bogus"], HERE, {}),
        (["--lcoal"], {}, {}),
        (["--local", "--timeout", "abc"], {}, {}),
        (["--local", "a word"], {}, {}),
        (["--timeout", "0"], {}, {"TROOPER_CLOUD": "off"}),
    ],
    ids=str,
)
def test_a_wrong_command_line_forgets_nothing(
    trooper: Trooper, cloud: Standin, flags: list[str], fields: dict[str, Any], environ: dict[str, str]
) -> None:
    """What the request says counts, and what the command line was to say."""
    done = trooper("messages", *flags, stdin=in_full(LONG, **fields), **environ)
    assert (done.code, done.notices.count("\n")) == (2, 1)
    assert trooper("messages", stdin=in_full(LONG)).code == 77
    assert cloud.connections == 0


def test_a_wrong_command_line_of_a_public_request(trooper: Trooper) -> None:
    """It is forgotten."""
    assert trooper("messages", "--timeout", "abc", stdin=in_full(LONG)).code == 2
    assert trooper("messages", stdin=in_full(LONG)).code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["ask.fallback", "ask.pipeline", "engines.local"])
@pytest.mark.parametrize("how", ["a field", "the option"])
def test_a_signal_forgets_nothing(
    trooper: Trooper, cloud: Standin, local: Standin, tmp_path: Path, how: str, module: str, number: signal.Signals
) -> None:
    """Whenever it comes between the reading of a request and its record."""
    flags, fields = (["--local"], {}) if how == "the option" else ([], HERE)
    done = trooper.dying(tmp_path, f"trooper_cli.{module}", number)("messages", *flags, stdin=in_full(LONG, **fields))
    assert (done.code, local.bodies) == (130 if number is signal.SIGINT else 143, [])
    assert trooper("messages", stdin=in_full(LONG)).code == 77
    assert cloud.connections == 0


def test_a_signal_while_a_request_is_read_forgets_nothing(trooper: Trooper, cloud: Standin) -> None:
    """Its wish stands before its text, and both are read by then."""

    class Broken(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            if piece := super().read1(min(size or 0, 10)):
                return piece
            raise KeyboardInterrupt

    stdin = io.TextIOWrapper(Broken(json.dumps(HERE | request(user(LONG)))[:-3].encode()))
    environ = trooper.environment()
    assert run(["messages"], Environment(stdin, None, None, environ, trooper.home)) == 130
    assert trooper("messages", stdin=in_full(LONG)).code == 77
    assert cloud.connections == 0


def test_quotation_marks_within_a_text_tear_it_only_apart(trooper: Trooper, cloud: Standin) -> None:
    """A text with quotation marks that are not escaped is remembered, with what stands between them."""
    text = LONG.replace("marzipan fund", 'so-called "marzipan" fund')
    body = f'{{"x_force_local": true, "messages": [{{"role": "user", "content": "{text}"}}]}}'
    assert trooper("messages", stdin=body).code == 65
    assert trooper("messages", stdin=in_full(text)).code == 77
    assert cloud.connections == 0


def test_a_byte_order_mark_changes_nothing(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    assert trooper("messages", stdin="\ufeff" + in_full(LONG, **HERE)).code == 0
    assert (len(local.bodies), cloud.connections) == (1, 0)
    assert trooper("messages", stdin="\ufeff" + in_full("hello")).code == 0
    assert len(cloud.bodies) == 1


def test_the_history_and_the_program_s_own_are_not_remembered(trooper: Trooper, cloud: Standin) -> None:
    """Only what is new was meant to stay here; neither a broken nor an unsound request makes more of it private."""
    system = "You are the accountant's assistant; answer in the voice of a cheerful clerk of the nineteenth century."
    history = [user(LONG), assistant("That is how it has always been done here, for as long as anybody can remember.")]
    body = json.dumps(request(*history, user("What does Bruno earn?"), system=system, tools=[TOOL], **HERE))
    for broken in (body, body[:-1] + ",}"):
        assert trooper("messages", stdin=broken).code == 65
    assert trooper("messages", stdin=json.dumps(request(*history, user("and then?"), system=system))).code == 0
    assert b"Ottilie" in cloud.bytes


def test_another_public_notation_is_forgotten(trooper: Trooper, cloud: Standin) -> None:
    """What says in XML or a form that it need not stay here, or says nothing about it, is nobody's secret."""
    head = "Content-Disposition: form-data; name="
    for body in (
        f"<request><x_force_local>false</x_force_local><prompt>{LONG}</prompt></request>",
        f'--b\r\n{head}"x_force_local"\r\n\r\nfalse\r\n--b\r\n{head}"prompt"\r\n\r\n{LONG}\r\n--b--',
        f"<request><prompt>{LONG}</prompt></request>",
    ):
        assert trooper("messages", stdin=body).code == 65
    assert trooper("messages", stdin=in_full(LONG)).code == 0
    assert b"Ottilie" in cloud.bytes


def test_a_broken_public_request_is_forgotten(trooper: Trooper, cloud: Standin) -> None:
    body = in_full(LONG, metadata={"locale": "de"})
    for broken in (body[:-1] + ",}", body[:-1] + ', "x_force_local": false,}', body[:-3]):
        assert trooper("messages", stdin=broken).code == 65
    assert trooper("messages", stdin=body).code == 0
    assert b"Ottilie" in cloud.bytes
