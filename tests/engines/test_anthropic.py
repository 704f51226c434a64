"""What a request to Claude holds, and what it never holds by our own choice."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from tests.faults.matrix import compatible
from tests.standin import STREAM_HEAD, api_error, http, message_events
from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.engines.claude_windows import FILE, LEAST_WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

PROGRAM = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}

# What newer models refuse (400): sampling, and a tool that must be used. The last message is the user's, see below.
REFUSED = {"temperature", "top_p", "top_k", "tool_choice", "tools", "thinking"}


def check_fields(cloud: Standin) -> None:
    """Check that no request holds what a model may refuse, and that none puts words into the model's mouth."""
    assert cloud.bodies
    for body in cloud.bodies:
        assert not REFUSED & body.keys()
        assert body["messages"][-1]["role"] == "user"


@pytest.mark.parametrize("mode", ["--stream", "--no-stream"])
def test_nothing_that_newer_models_refuse(trooper: Trooper, cloud: Standin, mode: str) -> None:
    """Turns of a session, with private ones between them, with a system prompt, and what is asked again."""
    for number in range(3):
        assert trooper("ask", "-s", "ops", mode, "--system", "Be brief.", f"question {number}").code == 0
        assert trooper("ask", "-s", "ops", "--local", f"aside {number}").code == 0
    assert trooper("ask", mode, "--max-tokens", "7", "a single one").code == 0
    check_fields(cloud)
    assert {name for body in cloud.bodies for name in body} == {"model", "max_tokens", "stream", "system", "messages"}


def test_nothing_of_it_for_a_program_either(trooper: Trooper, cloud: Standin) -> None:
    """With a session the request is ours, and holds what the program wrote beside its message and nothing more."""
    for own in ({}, {"x_session": "ops"}, {"x_session": "ops"}):
        assert trooper("messages", stdin=json.dumps(PROGRAM | own)).code == 0
    check_fields(cloud)
    assert {name for sent in cloud.bodies for name in sent} == {"model", "max_tokens", "messages"}


def told(trooper: Trooper, **more: object) -> None:
    """Send a program's request to the cloud."""
    assert trooper("messages", stdin=json.dumps(PROGRAM | more)).code == 0


class TestInferenceGeo:
    """Where Claude is to compute: sent to Claude, and told in what Trooper prints."""

    def test_it_is_sent_and_told(self, trooper: Trooper, cloud: Standin) -> None:
        """From the environment, the session or config.toml; `--json`, `--dry-run` and `audit` show it."""
        done = trooper("ask", "-s", "ops", "--json", "one", TROOPER_INFERENCE_GEO="us")
        assert (cloud.bodies[-1]["inference_geo"], done.json["inference_geo"]) == ("us", "us")
        assert trooper("config", "set", "-s", "ops", "inference_geo", "global").code == 0
        assert trooper("config", "set", "inference_geo", "us").code == 0
        assert trooper("ask", "-s", "ops", "--no-stream", "two").code == 0
        assert cloud.bodies[-1]["inference_geo"] == "global"
        assert trooper("ask", "--dry-run", "three").json["body"]["inference_geo"] == "us"
        rows = [json.loads(line) for line in trooper("audit", "-s", "ops", "--json").text.splitlines()]
        assert [row["inference_geo"] for row in rows] == ["us", "global"]
        lines = trooper("audit", "-s", "ops").text.splitlines()
        assert [line.rpartition("  ")[2] for line in lines] == ["computed in us", "computed in global"]

    def test_unset_nothing_is_sent(self, trooper: Trooper, cloud: Standin) -> None:
        """The account's own default holds, and the output says null until the answer says more."""
        done = trooper("ask", "-s", "ops", "--json", "one")
        assert "inference_geo" not in cloud.bodies[0]
        assert done.json["inference_geo"] is None
        assert json.loads(trooper("audit", "-s", "ops", "--json").text)["inference_geo"] is None

    @pytest.mark.parametrize(
        ("said", "shown"), [("us", "us"), ("not_available", "not_available"), ("a b\x1b[0m", None)]
    )
    def test_the_answer_has_the_last_word(self, trooper: Trooper, cloud: Standin, said: str, shown: str | None) -> None:
        """An account may compute elsewhere by its own default; what is no word of the API is not kept."""
        answer = b"".join(message_events("hello"))
        place = json.dumps({"inference_geo": said})[1:-1].encode()
        cloud.respond = lambda _: [STREAM_HEAD, answer.replace(b'"input_tokens"', place + b', "input_tokens"')]
        assert trooper("ask", "-s", "ops", "--json", "one").json["inference_geo"] == shown
        assert json.loads(trooper("audit", "-s", "ops", "--json").text)["inference_geo"] == shown

    def test_it_is_on_the_bill(self, trooper: Trooper, cloud: Standin) -> None:
        """`usage` counts what was written for an hour and what was computed in the United States at their prices."""
        usage = {
            "input_tokens": 100, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 0, "output_tokens": 10,
            "cache_creation": {"ephemeral_1h_input_tokens": 30, "ephemeral_5m_input_tokens": 20}, "inference_geo": "us",
        }  # fmt: skip
        answer = {
            "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "hello"}], "usage": usage,
        }  # fmt: skip
        cloud.respond = lambda _: http(200, json.dumps(answer))
        assert trooper("ask", "-s", "ops", "--no-stream", "one").code == 0
        dollars = (100 * 2 + 20 * 2.5 + 30 * 4 + 10 * 10) / 1e6 * 1.1
        assert trooper("usage", "--json").json["cloud_cost"] == pytest.approx(dollars)

    def test_a_request_that_failed_is_listed_with_it(self, trooper: Trooper, cloud: Standin) -> None:
        """What left, left with that wish, whatever came of it."""
        cloud.respond = lambda _: api_error(400, "invalid_request_error")
        assert trooper("ask", "-s", "ops", "one", TROOPER_INFERENCE_GEO="us").code == 65
        assert json.loads(trooper("audit", "-s", "ops", "--json").text)["inference_geo"] == "us"

    def test_nobody_but_claude_is_sent_it(
        self, trooper: Trooper, local: Standin, serve: Callable[..., Standin]
    ) -> None:
        """Another cloud has no such field, and this machine no such place."""
        other = serve(compatible("from another"))
        trooper.home.mkdir(mode=0o700)
        (trooper.home / "config.toml").write_text(
            f'inference_geo = "us"\n[[clouds]]\nname = "other"\nurl = "{other.url}/v1"\n'
            'model = "m"\nkey_env = "OTHER_KEY"\n'
        )
        # An address of a cloud that is not asked is nobody's concern.
        done = trooper("ask", "--json", "one", ANTHROPIC_API_KEY=None, OTHER_KEY="key", ANTHROPIC_BASE_URL="nonsense")
        assert (done.json["engine"], done.json["inference_geo"]) == ("other", None)
        assert trooper("ask", "--local", "--json", "two").json["inference_geo"] is None
        assert b"inference_geo" not in other.bytes + local.bytes

    @pytest.mark.parametrize("value", ["eu", "US", "us "])
    def test_a_typing_error_is_no_other_place(self, trooper: Trooper, cloud: Standin, value: str) -> None:
        """Exit 78, and nothing is sent."""
        done = trooper("ask", "hello", TROOPER_INFERENCE_GEO=value)
        assert (done.code, cloud.connections) == (78, 0)
        assert "TROOPER_INFERENCE_GEO must be us or global" in done.notices

    def test_a_program_s_own_goes_before_it(self, trooper: Trooper, cloud: Standin) -> None:
        """`messages` adds the setting where the request says nothing, with a session and without."""
        trooper.environ["TROOPER_INFERENCE_GEO"] = "us"
        for own, sent in (({}, "us"), ({"inference_geo": None}, "us"), ({"inference_geo": "global"}, "global")):
            for session in ({}, {"x_session": "ops"}):
                told(trooper, **own, **session)
                assert cloud.bodies[-1]["inference_geo"] == sent
        rows = [json.loads(line) for line in trooper("audit", "-s", "ops", "--json").text.splitlines()]
        assert [row["inference_geo"] for row in rows] == ["us", "us", "global"]


def models(*rows: dict[str, object]) -> Callable[[Recorded], Iterable[bytes]]:
    return lambda _: http(200, json.dumps({"data": [{"type": "model"} | row for row in rows], "has_more": False}))


class TestWindow:
    """How much a model takes: as its list of models said, else by the table."""

    LONG = "seven words about a pool that drains. " * 600

    def test_the_table(self, trooper: Trooper) -> None:
        """By name, with or without a date; a model that no table knows takes what every one of them does."""
        environ = trooper.environment()
        for model, window in (
            ("claude-sonnet-5-5", 1_000_000),
            ("claude-opus-5-5-20261001", 1_000_000),
            ("claude-haiku-4-5-20251001", 200_000),
            ("claude-next-9", LEAST_WINDOW),
        ):
            assert Anthropic(model, environ).window() == window

    def test_what_was_seen_goes_before_it(self, trooper: Trooper, cloud: Standin) -> None:
        """`doctor` asks for the list; from then on a prompt that cannot fit is refused before it is sent."""
        assert trooper("ask", self.LONG).code == 0
        asked = cloud.respond
        cloud.respond = models({"id": "claude-sonnet-5-5", "max_input_tokens": 3000, "note": "x"}, {"id": "other"})
        assert trooper("doctor").code == 0
        cloud.respond, sent = asked, len(cloud.bodies)
        kept = trooper.home / FILE
        assert json.loads(kept.read_text()) == {cloud.url: {"claude-sonnet-5-5": 3000}}
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        done = trooper("ask", self.LONG)
        assert (done.code, len(cloud.bodies)) == (65, sent)
        assert "claude-sonnet-5-5 of anthropic takes 3,000; shorten it" in done.notices
        assert trooper("ask", "short").code == 0
        assert trooper("ask", "-m", "claude-opus-5-5", self.LONG).code == 0

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "[]",
            '{"URL": 3}',
            '{"URL": {"claude-sonnet-5-5": "3000"}}',
            '{"URL": {"claude-sonnet-5-5": -3}}',
            '{"https://other.example": {"claude-sonnet-5-5": 3000}}',
        ],
    )
    def test_what_cannot_be_used_counts_as_nothing(self, trooper: Trooper, cloud: Standin, text: str) -> None:
        """A torn file, another form, another address."""
        trooper.home.mkdir(mode=0o700)
        (trooper.home / FILE).write_text(text.replace("URL", cloud.url))
        assert Anthropic("claude-sonnet-5-5", trooper.environment()).window() == 1_000_000
        assert trooper("ask", "hello").code == 0

    def test_another_address_is_kept_beside_it(self, trooper: Trooper, cloud: Standin) -> None:
        """A gateway may allow less than the vendor; each has its own."""
        trooper.home.mkdir(mode=0o700)
        (trooper.home / FILE).write_text('{"https://other.example": {"claude-sonnet-5-5": 5000}}')
        cloud.respond = models({"id": "claude-sonnet-5-5", "max_input_tokens": 4000})
        assert trooper("doctor").code == 0
        environ = trooper.environment()
        assert Anthropic("claude-sonnet-5-5", environ).window() == 4000
        there = environ | {"ANTHROPIC_BASE_URL": "https://other.example"}
        assert Anthropic("claude-sonnet-5-5", there).window() == 5000
