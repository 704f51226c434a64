"""`--schema` and `--extract`: what is sent, what is printed, what is kept, and who may know of it."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.standin import STREAM_HEAD, api_error, claude, http, message_events, ollama, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
TEXT = json.dumps(SCHEMA)
FOR_CLAUDE = {
    "type": "object",
    "properties": {"age": {"type": "integer", "description": '{"minimum": 0}'}},
    "additionalProperties": False,
    "required": ["age"],
}
SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
CANNOT = "trooper: anthropic cannot enforce minimum of the schema; the answer is checked here"
AGAIN = "trooper: the answer does not fit the schema; the model is asked once more"


def in_turn(of: Callable[[str], Any], *answers: str) -> Any:
    """Give one answer after the other, and the last one for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))
    is_asked = {"/v1/messages", "/api/chat", "/v1/chat/completions"}

    def respond(request: Recorded) -> Iterable[bytes]:
        answers_of: Iterable[bytes] = of(next(left) if request.path in is_asked else "")(request)
        return answers_of

    return respond


def attempts(trooper: Trooper, session: str) -> list[Any]:
    return [json.loads(line) for line in trooper("audit", "-s", session, "--json").text.splitlines()]


class TestAnswer:
    """An answer that fits is printed, and no other."""

    def test_in_the_cloud(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """From a file; on a terminal, too, nothing is printed before all of it is there."""
        (tmp_path / "age.json").write_text(TEXT)
        cloud.respond = claude('{"age": 47}')
        done = trooper("ask", "--schema", str(tmp_path / "age.json"), "--effort", "low", "--stream", "how old?")
        assert (done.code, done.text, done.notices) == (0, '{"age": 47}\n', CANNOT + "\n")
        format_ = {"type": "json_schema", "schema": FOR_CLAUDE}
        assert cloud.bodies[0]["output_config"] == {"effort": "low", "format": format_}
        done = trooper("ask", "--schema", TEXT, "--json", "-q", "how old?")
        assert (done.json["data"], done.json["answer"], done.notices) == ({"age": 47}, '{"age": 47}', "")
        assert "output_config" in trooper("ask", "--schema", TEXT, "--dry-run", "how old?").json["body"]

    def test_a_schema_that_claude_does_not_take_is_told_in_words(self, trooper: Trooper, cloud: Standin) -> None:
        cloud.respond = claude('{"a": 1}')
        schema = '{"type": "object", "additionalProperties": {"type": "integer"}}'
        done = trooper("ask", "--schema", schema, "--system", "Be brief.", "count")
        assert (done.code, done.text) == (0, '{"a": 1}\n')
        assert "cannot enforce additionalProperties" in done.notices
        (body,) = cloud.bodies
        assert "output_config" not in body
        assert body["system"].startswith("Be brief.\n\nAnswer with one JSON value")
        assert json.dumps(json.loads(schema), separators=(",", ":")) in body["system"]

    def test_here(self, trooper: Trooper, local: Standin) -> None:
        local.respond = ollama('Of course:\n\n```json\n{"age": 47}\n```\n')
        done = trooper("ask", "--local", "-s", "ops", "--schema", TEXT, "how old?")
        assert (done.code, done.text, done.notices) == (0, '{"age": 47}\n', "")
        assert local.bodies[0]["format"] == SCHEMA
        assert trooper.turns("ops")[0]["answer"].startswith("Of course")

    def test_the_schema_goes_along_on_fallback(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """In the form of the engine that stands in, and so does the second time of asking."""
        cloud.respond = lambda _: api_error(400, "billing_error", "credit balance is too low")
        local.respond = in_turn(ollama, "no", '{"age": 47}')
        done = trooper("ask", "--schema", TEXT, "how old?")
        assert (done.code, done.text) == (0, '{"age": 47}\n')
        assert [body["format"] for body in local.bodies] == [SCHEMA] * 2

    def test_servers_of_the_openai_api(self, trooper: Trooper, serve: Callable[..., Standin]) -> None:
        """On this machine, and as a cloud."""
        answer = {"choices": [{"message": {"content": '{"age": 47}'}, "finish_reason": "stop"}], "usage": {}}
        server = serve(lambda _: http(200, json.dumps(answer)))
        form = {"name": "answer", "schema": SCHEMA}
        trooper.home.mkdir()
        (trooper.home / "config.toml").write_text(
            f'[[clouds]]\nname = "other"\nurl = "{server.url}/v1"\nmodel = "m"\nkey_env = "OTHER_API_KEY"\n'
        )
        done = trooper(
            "ask", "--no-stream", "--cloud", "--schema", TEXT, "old?", ANTHROPIC_API_KEY=None, OTHER_API_KEY="k" * 9
        )
        assert (done.code, done.text) == (0, '{"age": 47}\n'), done.notices
        assert server.bodies[-1]["response_format"]["json_schema"] == form | {"strict": False}
        done = trooper("ask", "--local", "--no-stream", "--schema", TEXT, "how old?", TROOPER_LOCAL_URL=server.url)
        assert (done.code, done.text) == (0, '{"age": 47}\n')
        assert server.bodies[-1]["response_format"] == {"type": "json_schema", "json_schema": form}


class TestMismatch:
    """What does not fit is asked for once more, and then the exit code is 76."""

    def test_once_more(self, trooper: Trooper, cloud: Standin) -> None:
        """The model is told what is wrong, after its own answer; both requests are on record."""
        cloud.respond = in_turn(claude, '{"age": "old"}', '{"age": 47}')
        done = trooper("ask", "-s", "ops", "--schema", TEXT, "how old?")
        assert (done.code, done.text, done.notices) == (0, '{"age": 47}\n', f"{CANNOT}\n{AGAIN}\n")
        first, second = cloud.bodies
        assert plain(first["messages"]) == [{"role": "user", "content": "how old?"}]
        asked, answered, complaint = plain(second["messages"])
        assert [asked, answered["content"]] == [{"role": "user", "content": "how old?"}, '{"age": "old"}']
        assert "At $.age: 'old' is not of type 'integer'" in complaint["content"]
        assert first["output_config"] == second["output_config"]
        assert [each["turns"] for each in attempts(trooper, "ops")] == [[], []]
        assert [turn["answer"] for turn in trooper.turns("ops")] == ['{"age": 47}']

    def test_it_never_fits(self, trooper: Trooper, local: Standin, cloud: Standin) -> None:
        """Nothing is printed, the answer is kept as incomplete, and later turns are not told the schema."""
        local.respond = ollama('{"age": -1}')
        done = trooper("ask", "-s", "ops", "--local", "--stream", "--schema", TEXT, "how old?")
        assert (done.code, done.text) == (76, "")
        assert '$.age breaks "minimum"' in done.notices
        assert len(local.bodies) == 2
        (turn,) = trooper.turns("ops")
        assert (turn["status"], turn["answer"], turn["label"]) == ("incomplete", '{"age": -1}', "private")
        local.respond = ollama()
        assert trooper("ask", "-s", "ops", "--local", "and now?").code == 0
        assert "format" not in local.bodies[-1]
        assert "minimum" not in json.dumps(local.bodies[-1])
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        ("schema", "code"),
        [("{", 2), ('{"type": "strin"}', 2), ("", 2), ("missing.json", 66), ('{"$ref": "http://127.0.0.1:9/a"}', 2)],
    )
    def test_no_schema(self, trooper: Trooper, cloud: Standin, local: Standin, schema: str, code: int) -> None:
        """As for jq, what is wrong on the command line is exit 2, before anything is sent."""
        done = trooper("ask", "-s", "ops", "--schema", schema, "hello")
        assert (done.code, done.text, cloud.connections, local.connections) == (code, "", 0, 0)


class TestLocality:
    """A schema is text that leaves: the guard looks at it and remembers it."""

    SCHEMA = json.dumps({"type": "object", "description": SECRET})

    def test_private_text_does_not_leave_by_a_schema(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "--local", SECRET)
        done = trooper("ask", "--schema", self.SCHEMA, "hello")
        assert done.notices.startswith("trooper: the schema was not sent to the cloud, it holds private-text")
        assert "see --on-leak warn; to use one on both sides, ask in public first" in done.notices
        assert (done.code, done.text, cloud.connections) == (77, "", 0)
        assert "marzipan" not in done.notices
        # Nor does a short prompt by the name of a property, or a credential.
        trooper("ask", "--local", "is Ottilie Wanner ill?")
        for schema in (
            {"properties": {"Is Ottilie Wanner ill": True}},
            {"const": "ghp_" + "x9Zk2Lm4Qp7Rt1Vw8Yb3Nc6Df5Gh0Js2Ka4W"},
        ):
            assert trooper("ask", "--schema", json.dumps(schema), "hello").code == 77
        assert cloud.connections == 0

    def test_the_schema_of_a_private_turn_is_private(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """In a prompt, a system prompt and a schema; other schemas are none of its business."""
        local.respond = ollama("{}")
        assert trooper("ask", "--local", "--schema", self.SCHEMA, "hello").code == 0
        for arguments in ([SECRET], ["--system", SECRET, "hello"], ["--schema", self.SCHEMA, "hello"]):
            assert trooper("ask", *arguments).code == 77
        assert cloud.connections == 0
        cloud.respond = claude('{"age": 47}')
        assert trooper("ask", "--schema", TEXT, "how old?").code == 0

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--schema", json.dumps({"type": "strin", "description": SECRET}), "hello"],
            # Without a blank nothing says that it is more than a value.
            ["--schema", json.dumps({"const": SECRET.replace(" ", "_")}, separators=(",", ":")), "--budget", "0", "hi"],
            ["--schema", SCHEMA, "--budget", "1", "hello"],
            ["--schema", "secret.json", "--budget", "0", "hello"],
            ["--schema", SECRET, "hello"],
        ],
        ids=["invalid", "wrong line", "refused", "wrong line, file", "no file"],
    )
    def test_what_was_refused_is_remembered(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "secret.json").write_text(self.SCHEMA)
        assert trooper("ask", "--local", *arguments).code in {2, 65, 66}
        assert trooper("ask", SECRET).code == 77
        assert cloud.connections == 0

    def test_a_value_out_of_the_data_is_known(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """What `jq` takes out of a private answer, and the JSON out of a fence, do not go on to the cloud."""
        local.respond = ollama('```\n{"who": "Ottilie Wanner", "why": ["tumour of the lung"]}\n```')
        done = trooper("ask", "--local", "--json", "--schema", '{"type": "object"}', "hello")
        for text in (done.json["answer"], "Ottilie Wanner", "tumour of the lung", json.dumps(done.json["data"])):
            assert trooper("ask", text).code == 77, text
        assert cloud.connections == 0


class TestExtract:
    """The inside of a block, and nothing else, whole at the end."""

    ANSWER = "Sure:\n\n```sh\nls -l\n```\n\nor\n\n~~~\nfind .\n~~~\nBye."

    def test_what_is_printed(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        cloud.respond, local.respond = claude(self.ANSWER), ollama(self.ANSWER)
        assert trooper("ask", "-s", "ops", "-x", "--stream", "list").text == "ls -l\n"
        assert trooper("ask", "--local", "-x", "--stream", "list").text == "ls -l\n"
        done = trooper("ask", "--extract-last", "--json", "list").json
        assert done["answer"] == "find ."
        assert "data" not in done
        assert trooper.turns("ops")[0]["answer"] == self.ANSWER
        assert trooper("ask", "-x", "--extract-last", "list").code == 2
        cloud.respond = claude("plain words")
        assert trooper("ask", "--extract-last", "list").text == "plain words\n"

    def test_an_answer_that_breaks_off(self, trooper: Trooper, cloud: Standin) -> None:
        """Nothing of it is printed, whatever of it is within the block."""
        events = message_events("Sure:\n```\nrm -rf /tmp/x", pieces=9)
        cloud.respond = lambda _: [STREAM_HEAD, *events[:-2]]
        done = trooper("ask", "-x", "--stream", "--no-fallback", "list", TROOPER_FALLBACK="0")
        assert (done.code == 0, done.text) == (False, "")

    def test_what_was_extracted_is_known_by_itself(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """A short private block, pasted as a prompt."""
        local.respond = ollama("Here is what you asked me for:\n\n```\nfire Ottilie now\n```\nAnything else?")
        assert trooper("ask", "--local", "-x", "hello").text == "fire Ottilie now\n"
        assert trooper("ask", "fire Ottilie now").code == 77
        assert cloud.connections == 0
