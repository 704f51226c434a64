"""`--here`: a public turn that this machine answers by choice, and who may know of it."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.standin import api_error, http, plain
from trooper_cli.ask.route import decide
from trooper_cli.errors import TrooperError
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


class TestChoice:
    """The turn is public, executed here, and the cloud is told of it at the next ask."""

    def test_the_cloud_is_told_later(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        done = trooper("ask", "-s", "ops", "--here", "name this function")
        assert (done.code, done.text, done.notices) == (0, "a local answer\n", "")
        assert (cloud.connections, len(local.bodies)) == (0, 1)
        assert trooper("ask", "-s", "ops", "and its tests").text == "a cloud answer\n"
        (body,) = cloud.bodies
        assert plain(body["messages"]) == [
            user("name this function"),
            assistant("a local answer"),
            user("and its tests"),
        ]

    def test_it_is_told_what_is_public_and_no_more(self, trooper: Trooper, local: Standin) -> None:
        """The answer here becomes public: it must not be made of what is private."""
        trooper("ask", "-s", "ops", "the public matter")
        trooper("ask", "-s", "ops", "--local", SECRET)
        trooper("ask", "-s", "ops", "--here", "go on")
        assert plain(local.bodies[-1]["messages"]) == [
            user("the public matter"),
            assistant("a cloud answer"),
            user("go on"),
        ]
        assert "marzipan" not in json.dumps(local.bodies[-1])

    def test_every_account_of_it_agrees(self, trooper: Trooper, cloud: Standin) -> None:
        """`--json`, `-v`, `--dry-run`, `show`, `sessions` and `audit` say the same of it."""
        rehearsal = trooper("ask", "-s", "ops", "--here", "-m", "llama3.2", "--dry-run", "hello").json
        done = trooper("ask", "-s", "ops", "--here", "--json", "-v", "hello")
        for record in (rehearsal, done.json):
            assert (record["label"], record["route"], record["reason"]) == ("public", "local", "flag")
            assert record["engine"] == "ollama"
        assert rehearsal["url"].endswith("/api/chat")
        assert done.notices.startswith("trooper: public, local (flag), ollama ")
        assert done.json["fallback"] is None
        (turn,) = trooper.turns("ops")
        assert (turn["label"], turn["engine"], turn["status"]) == ("public", "ollama", "answered")
        assert json.loads(trooper("sessions", "--json").text)["private"] == 0
        assert trooper("audit", "-s", "ops").text == ""
        assert cloud.connections == 0

    def test_the_request_is_the_one_of_the_fallback(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """A fallback and `--here` send the same to the local engine."""
        for name in ("one", "two"):
            trooper("ask", "-s", name, "first")
        trooper("ask", "-s", "one", "--here", "second")
        cloud.respond = lambda _: api_error(400, "billing_error", "credit balance is too low")
        trooper("ask", "-s", "two", "second")
        assert len(local.bodies) == 2
        assert local.bodies[0] == local.bodies[1]

    def test_a_key_is_not_needed(self, trooper: Trooper) -> None:
        """Without one nothing is said of it: this machine was asked by choice."""
        done = trooper("ask", "--here", "--json", "hello", ANTHROPIC_API_KEY=None)
        assert (done.code, done.json["reason"], done.notices) == (0, "flag", "")

    def test_the_model_is_one_of_this_machine(self, trooper: Trooper, local: Standin) -> None:
        """-m names a local model, as it does with --local."""
        assert trooper("ask", "--here", "-m", "llama3.2", "hello").code == 0
        assert local.bodies[0]["model"] == "llama3.2:local"

    @pytest.mark.parametrize("more", [(), ("--no-fallback",)])
    def test_a_failure_here_goes_nowhere(
        self, trooper: Trooper, cloud: Standin, local: Standin, more: tuple[str, ...]
    ) -> None:
        """It was to be answered here: the cloud does not stand in."""
        local.respond = lambda _: http(500, json.dumps({"error": "out of memory"}))
        done = trooper("ask", "-s", "ops", "--here", *more, "hello")
        assert (done.code, done.text) == (69, "")
        assert cloud.connections == 0

    @pytest.mark.parametrize("other", ["--local", "--cloud"])
    def test_another_side_is_wrong_usage(self, trooper: Trooper, cloud: Standin, local: Standin, other: str) -> None:
        for options in itertools.permutations(("--here", other)):
            done = trooper("ask", *options, "hello")
            assert (done.code, done.text) == (2, "")
            assert "exclude each other" in done.notices
            assert "hello" not in done.notices
        assert (cloud.connections, local.bodies) == (0, [])

    def test_a_prompt_refused_with_local_is_known_to_the_guard(self, trooper: Trooper, cloud: Standin) -> None:
        """--local was said: the prompt is private although the line is wrong."""
        assert trooper("ask", "--here", "--local", SECRET).code == 2
        assert trooper("ask", SECRET).code == 77
        assert cloud.connections == 0

    def test_another_dash_is_no_prompt(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        for argument in ("—here", "\u2212\u2212here", "-\u200b-here"):
            done = trooper("ask", argument, "hello")
            assert (done.code, done.text) == (2, "")
            assert "--here" in done.notices
        assert (cloud.connections, local.bodies) == (0, [])


class TestPrivacy:
    """--here says where a turn is executed. What makes a turn private makes this one private."""

    @pytest.mark.parametrize(
        ("environ", "config", "settings", "reason"),
        [
            ({"TROOPER_CLOUD": "off"}, "", {}, "policy"),
            ({}, 'cloud = "off"\n', {}, "policy"),
            ({}, "", {"cloud": "off"}, "policy"),
            ({"TROOPER_LOCAL": "1"}, "", {}, "env"),
            ({}, "", {"local": "1"}, "session"),
            ({"TROOPER_LOCAL": "1", "TROOPER_CLOUD": "off"}, "", {}, "policy"),
        ],
    )
    def test_it_stays_private(
        self,
        trooper: Trooper,
        cloud: Standin,
        environ: dict[str, str],
        config: str,
        settings: dict[str, str],
        reason: str,
    ) -> None:
        trooper("ask", "-s", "ops", "--here", "begin")
        for name, value in settings.items():
            assert trooper("config", "set", "-s", "ops", name, value).code == 0
        (trooper.home / "config.toml").write_text(config)
        rehearsal = trooper("ask", "-s", "ops", "--here", "-m", "llama3.2", "--dry-run", "hello", **environ).json
        done = trooper("ask", "-s", "ops", "--here", "--json", SECRET, **environ)
        for record in (rehearsal, done.json):
            assert (record["label"], record["route"], record["reason"]) == ("private", "local", reason)
        assert [turn["label"] for turn in trooper.turns("ops")] == ["public", "private"]
        (trooper.home / "config.toml").write_text("")
        assert trooper("ask", SECRET).code == 77
        assert cloud.connections == 0

    def test_a_variable_for_the_cloud_makes_it_no_less_local(self, trooper: Trooper, cloud: Standin) -> None:
        done = trooper("ask", "--here", "--json", "hello", TROOPER_LOCAL="0")
        assert (done.json["label"], done.json["route"], done.json["reason"]) == ("public", "local", "flag")
        assert cloud.connections == 0

    @pytest.mark.parametrize("environ", [{"TROOPER_LOCAL": "yes"}, {"TROOPER_CLOUD": "no"}, {"TROOPER_LOCL": "1"}])
    def test_a_setting_that_cannot_be_read_is_an_error(
        self, trooper: Trooper, cloud: Standin, local: Standin, environ: dict[str, str]
    ) -> None:
        done = trooper("ask", "--here", SECRET, **environ)
        assert (done.code, done.text) == (78, "")
        assert (cloud.connections, local.bodies) == (0, [])
        assert trooper("ask", SECRET).code == 77

    def test_the_guard_looks_at_it(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """Its text goes to the cloud later, so what may not leave is refused now."""
        trooper("ask", "--local", SECRET)
        asked = len(local.bodies)
        done = trooper("ask", "-s", "ops", "--here", f"summarize: {SECRET}")
        assert (done.code, done.text) == (77, "")
        assert (cloud.connections, len(local.bodies)) == (0, asked)

    def test_a_leak_kept_here_is_private(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "--local", SECRET)
        done = trooper("ask", "-s", "ops", "--here", "--on-leak", "local", "--json", f"summarize: {SECRET}")
        assert (done.json["label"], done.json["reason"]) == ("private", "leak")
        trooper("ask", "-s", "ops", "hello")
        assert plain(cloud.bodies[-1]["messages"]) == [user("hello")]

    def test_no_combination_makes_it_leave_or_public(self) -> None:
        """All of the decision's inputs: with --here nothing goes to the cloud, and it is private where an ask is."""
        for setting, origin, lock, key, of_private in itertools.product(
            (None, True, False), ("env", "session"), (False, True), (False, True), (False, True)
        ):
            known: dict[str, Any] = {
                "local_setting": setting,
                "origin": origin,
                "cloud_lock": lock,
                "is_of_private": of_private,
            }
            has_key = partial(bool, key)
            here = decide(local_flag=None, here=True, has_key=has_key, **known)
            assert here.side is Side.LOCAL
            try:
                asked = decide(local_flag=None, has_key=has_key, **known)
            except TrooperError:
                # The cloud was asked for by name and there is no key.
                asked = None
            assert here.label is (asked.label if asked else Label.PUBLIC)
            assert (here.label is Label.PRIVATE) == (lock or of_private or setting is True)
