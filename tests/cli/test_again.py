"""`trooper again`: the last prompt once more, for a second opinion."""

from __future__ import annotations

import inspect
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.standin import STREAM_HEAD, api_error, claude, http, message_events, ollama, plain
from trooper_cli.cli.again import again
from trooper_cli.cli.ask import ask
from trooper_cli.store.memory_cache import recollect
from trooper_cli.store.session import Session
from trooper_cli.turn import ImportedTurn, Label, Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def labels(trooper: Trooper, session: str = "ops") -> list[str]:
    return [turn["label"] for turn in trooper.turns(session)]


class TestSecondOpinion:
    """The same question with the same memory as the first time, without the first answer."""

    def test_another_side_is_asked_the_same(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        trooper("ask", "-s", "ops", "begin")
        trooper("ask", "-s", "ops", "--here", "which index?")
        done = trooper("again", "ops", "--cloud")
        assert (done.code, done.text, done.notices) == (0, "a cloud answer\n", "")
        asked = [user("begin"), assistant("a cloud answer"), user("which index?")]
        assert plain(cloud.bodies[-1]["messages"]) == plain(local.bodies[-1]["messages"]) == asked

    def test_the_request_is_the_first_one_to_the_byte(self, trooper: Trooper, cloud: Standin) -> None:
        """Also with a system prompt, and where the memory is compressed."""
        turns = [
            {"prompt": f"service-{at} listens on port {7000 + at}", "answer": "Noted. " * 30, "label": "public"}
            for at in range(60)
        ]
        trooper("import", "-s", "ops", stdin="\n".join(map(json.dumps, turns)))
        # What the cloud counts is learned here, and moves the budget of the next one.
        trooper("ask", "-s", "ops", "--budget", "1500", "begin")
        trooper("ask", "-s", "ops", "--budget", "1500", "--system", "Be brief.", "which port has service-20?")
        trooper("ask", "-s", "ops", "--local", SECRET)
        (private,) = [turn["turn"] for turn in trooper.turns("ops") if turn["label"] == "private"]
        trooper("forget", "-s", "ops", str(private))
        for _ in range(2):
            assert trooper("again", "ops", "--budget", "1500").code == 0
            # The stored memory goes further now.
            assert trooper("sitrep", "-s", "ops", "--as", "cloud").code == 0
        _, first, *others = [request.raw for request in cloud.requests]
        assert len(others) == 2
        assert {*others} == {first}
        assert b"Be brief." in first

    def test_later_turns_know_both_answers(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "which index?")
        trooper("again", "ops", "--here")
        trooper("ask", "-s", "ops", "compare them")
        assert plain(cloud.bodies[-1]["messages"]) == [
            user("which index?"),
            assistant("a cloud answer"),
            user("which index?"),
            assistant("a local answer"),
            user("compare them"),
        ]

    def test_a_third_opinion_knows_none_of_the_others(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        trooper("ask", "-s", "ops", "begin")
        trooper("ask", "-s", "ops", "which index?")
        trooper("again", "ops")
        trooper("again", "ops", "--here")
        trooper("again", "ops", "--local")
        trooper("again", "ops")
        asked = [user("begin"), assistant("a cloud answer"), user("which index?")]
        assert [plain(body["messages"]) for body in (*cloud.bodies[1:], *local.bodies)] == [asked] * 5
        assert labels(trooper) == ["public"] * 4 + ["private"] * 2

    def test_the_same_words_asked_by_hand_are_another_question(self, trooper: Trooper, cloud: Standin) -> None:
        """To say continue twice is two questions, and the second knows the first."""
        trooper("ask", "-s", "ops", "continue")
        trooper("ask", "-s", "ops", "continue")
        trooper("again", "ops")
        assert plain(cloud.bodies[-1]["messages"]) == [user("continue"), assistant("a cloud answer"), user("continue")]

    def test_what_was_asked_first_may_be_forgotten(self, trooper: Trooper, cloud: Standin) -> None:
        """The others that repeat it still count as one question."""
        trooper("ask", "-s", "ops", "begin")
        trooper("ask", "-s", "ops", "which index?")
        trooper("again", "ops")
        trooper("again", "ops")
        trooper("forget", "-s", "ops", "2")
        trooper("again", "ops")
        assert plain(cloud.bodies[-1]["messages"]) == [user("begin"), assistant("a cloud answer"), user("which index?")]

    def test_another_system_prompt_may_be_given(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "--system", "Be brief.", "which index?")
        trooper("again", "ops", "--system", "Be thorough.")
        assert "Be thorough." in json.dumps(cloud.bodies[-1]["system"])
        assert "Be brief." not in json.dumps(cloud.bodies[-1])

    def test_another_model_may_be_asked(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "which index?")
        trooper("again", "ops", "-m", "claude-opus-4-8")
        assert [body["model"] for body in cloud.bodies] == ["claude-sonnet-5-5", "claude-opus-4-8"]

    def test_every_account_of_it_agrees(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "which index?")
        rehearsal = trooper("again", "ops", "--dry-run").json
        done = trooper("again", "ops", "--json", "-v")
        assert (done.json["label"], done.json["route"], done.json["reason"]) == ("public", "cloud", "default")
        assert (done.json["session"], done.json["turn"], done.json["context"]["anchor"]) == ("ops", 2, [])
        assert rehearsal["body"] == cloud.bodies[-1]
        assert "public, cloud (default)" in done.notices
        assert [turn["prompt"] for turn in trooper.turns("ops")] == ["which index?"] * 2
        assert json.loads(trooper("sessions", "--json").text)["turns"] == 2
        audit = trooper("audit", "-s", "ops")
        assert (audit.code, audit.text.count("\n")) == (0, 2)
        assert trooper("usage", "-s", "ops", "--json").code == 0

    def test_standard_input_is_left_alone(self, trooper: Trooper, cloud: Standin) -> None:
        """In a loop of a shell it is not the prompt."""
        trooper("ask", "-s", "ops", "which index?")
        trooper("again", "ops", stdin="other text")
        assert plain(cloud.bodies[-1]["messages"]) == [user("which index?")]


@pytest.mark.parametrize("label", Label)
def test_a_memory_that_goes_further_is_not_used(tmp_path: Path, label: Label) -> None:
    """Statistics of the search, and what replaces what, are of the turns before the question alone."""
    with closing(Session.open_or_create(tmp_path, "ops")) as session:
        session.add(
            ImportedTurn("2026-01-01T00:00:00Z", label, Status.ANSWERED, None, f"port {at}?", "so", None, None)
            for at in range(4)
        )
        whole, before = (
            (session.public_view(), session.public_view(3))
            if label is Label.PUBLIC
            else (session.private_view(), session.private_view(3))
        )
        assert recollect(whole, str).state.turns == 4
        recollected = recollect(before, str)
        assert (recollected.state.turns, len(before)) == (2, 2)
        # What is stored goes as far as before.
        assert recollect(whole, str).state.turns == 4


class TestLastPrompt:
    """The last prompt is that of the newest turn that `show` lists, whatever became of it."""

    def test_of_a_turn_that_failed(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "begin")
        cloud.respond = lambda _: api_error(400, "billing_error", "credit balance is too low")
        assert trooper("ask", "-s", "ops", "--no-fallback", "which index?").code == 75
        cloud.respond = claude()
        assert trooper("again", "ops", "--here").text == "a local answer\n"
        assert trooper("again", "ops", "--cloud").code == 0
        assert plain(cloud.bodies[-1]["messages"]) == [user("begin"), assistant("a cloud answer"), user("which index?")]

    def test_of_a_turn_that_broke_off(self, trooper: Trooper, cloud: Standin) -> None:
        """Its half of an answer is not told."""
        cloud.respond = lambda _: [STREAM_HEAD, *message_events("the half of an answer that came")[:-3]]
        assert trooper("ask", "-s", "ops", "--stream", "which index?").code == 76
        assert trooper.turns("ops")[0]["status"] == "incomplete"
        cloud.respond = claude()
        assert trooper("again", "ops").code == 0
        assert plain(cloud.bodies[-1]["messages"]) == [user("which index?")]

    def test_of_a_turn_that_the_model_refused(self, trooper: Trooper, cloud: Standin) -> None:
        cloud.respond = claude("no", stop="refusal")
        trooper("ask", "-s", "ops", "which index?")
        assert trooper.turns("ops")[0]["status"] == "refused"
        assert trooper("again", "ops", "--here").text == "a local answer\n"

    def test_of_a_turn_that_was_killed(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "begin")
        trooper("ask", "-s", "ops", "lost")
        with closing(Session.open(trooper.home, "ops")) as session:
            session.begin(Label.PUBLIC, "in flight", None)
        assert trooper("again", "ops").code == 0
        assert plain(cloud.bodies[-1]["messages"])[-1] == user("in flight")
        assert len(cloud.bodies[-1]["messages"]) == 5

    def test_a_forgotten_turn_is_none(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "first")
        trooper("ask", "-s", "ops", "second")
        trooper("forget", "-s", "ops", "2")
        trooper("again", "ops")
        assert plain(cloud.bodies[-1]["messages"]) == [user("first")]

    def test_a_prompt_that_the_guard_refused_is_none(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "first")
        trooper("ask", "-s", "other", "--local", SECRET)
        assert trooper("ask", "-s", "ops", SECRET).code == 77
        trooper("again", "ops")
        assert plain(cloud.bodies[-1]["messages"]) == [user("first")]

    def test_of_an_imported_turn(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("import", "-s", "ops", stdin=json.dumps({"prompt": "one", "answer": "eins", "label": "public"}))
        trooper("again", "ops")
        assert plain(cloud.bodies[-1]["messages"]) == [user("one")]

    def test_of_a_shared_turn(self, trooper: Trooper, cloud: Standin) -> None:
        """`share` is the way to ask a private prompt in the cloud."""
        trooper("ask", "-s", "ops", "--local", "which index?")
        assert trooper("again", "ops", "--cloud").code == 77
        trooper("share", "-s", "ops", "1")
        assert trooper("again", "ops", "--cloud").code == 0
        assert plain(cloud.bodies[-1]["messages"]) == [user("which index?")]


class TestPrivate:
    """The prompt of a private turn stays private and here."""

    @pytest.mark.parametrize("status", ["answered", "failed"])
    @pytest.mark.parametrize(
        ("options", "environ", "reason"),
        [
            ((), {}, "session"),
            (("--here",), {}, "session"),
            (("--on-leak", "warn"), {}, "session"),
            ((), {"TROOPER_LOCAL": "0"}, "session"),
            (("--here",), {"TROOPER_LOCAL": "0"}, "session"),
            (("--local",), {}, "flag"),
            (("--here",), {"TROOPER_CLOUD": "off"}, "policy"),
        ],
    )
    def test_it_is_asked_here(
        self,
        trooper: Trooper,
        cloud: Standin,
        local: Standin,
        status: str,
        options: tuple[str, ...],
        environ: dict[str, str],
        reason: str,
    ) -> None:
        # Too short for the guard, which must not be what keeps it here.
        if status == "failed":
            local.respond = lambda _: http(500, json.dumps({"error": "out of memory"}))
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        assert trooper.turns("ops")[0]["status"] == status
        local.respond = ollama()
        done = trooper("again", "ops", "--json", *options, **environ)
        assert (done.code, done.json["label"], done.json["route"]) == (0, "private", "local")
        assert done.json["reason"] == reason
        assert labels(trooper) == ["private", "private"]
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        "environ", [{}, {"TROOPER_LOCAL": "0"}, {"TROOPER_CLOUD": "off"}, {"ANTHROPIC_API_KEY": ""}]
    )
    def test_not_in_the_cloud(self, trooper: Trooper, cloud: Standin, local: Standin, environ: dict[str, str]) -> None:
        trooper("ask", "-s", "ops", "begin")
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        asked = len(cloud.bodies), len(local.bodies)
        for options in ((), ("--on-leak", "warn"), ("--dry-run",)):
            done = trooper("again", "ops", "--cloud", *options, **environ)
            assert (done.code, done.text, done.notices.count("\n")) == (77, "", 1)
            assert "ill" not in done.notices.replace("will", "")
        assert (len(cloud.bodies), len(local.bodies)) == asked

    def test_a_failure_leads_to_no_cloud(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        local.respond = lambda _: http(500, json.dumps({"error": "out of memory"}))
        assert trooper("again", "ops").code == 69
        assert cloud.connections == 0

    def test_it_knows_what_it_knew(self, trooper: Trooper, local: Standin) -> None:
        """Private turns before it are told again, its first answer is not."""
        trooper("ask", "-s", "ops", "begin")
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        trooper("ask", "-s", "ops", "--local", "and now?")
        trooper("again", "ops")
        assert local.bodies[-1] == local.bodies[-2]

    def test_the_last_turn_decides_and_no_other(self, trooper: Trooper, cloud: Standin) -> None:
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        trooper("ask", "-s", "ops", "begin")
        assert trooper("again", "ops").code == 0
        assert [plain(body["messages"]) for body in cloud.bodies] == [[user("begin")]] * 2

    def test_a_new_system_prompt_of_it_is_private(self, trooper: Trooper, cloud: Standin) -> None:
        """Whatever ends the call, and however the command line is wrong."""
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        other = SECRET.replace("northern", "eastern").replace("marzipan", "nougat").replace("Ottilie", "Walburga")
        third = "In the cellar of the old brewery stand eleven unlicensed stills, which Korbinian oils every Thursday."
        assert trooper("again", "ops", "--system", SECRET, "--budget", "1").code == 65
        assert trooper("again", "ops", "--system", other, "--budget", "none").code == 2
        assert trooper("again", "ops", "--bugdet", "3", third).code == 2
        for text in (SECRET, other, third):
            assert trooper("ask", text).code == 77
        assert cloud.connections == 0

    def test_of_a_public_turn_it_can_be_made_private(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        trooper("ask", "-s", "ops", "--local", "am I ill?")
        trooper("ask", "-s", "ops", "what is gout?")
        trooper("again", "ops", "--local")
        assert labels(trooper) == ["private", "public", "private"]
        assert plain(local.bodies[-1]["messages"])[0] == user("am I ill?")
        assert len(local.bodies[-1]["messages"]) == 3
        assert len(cloud.bodies) == 1

    def test_the_guard_looks_at_a_public_one(self, trooper: Trooper, cloud: Standin) -> None:
        """What was sent with --on-leak warn is not sent again without it."""
        token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
        assert trooper("ask", "-s", "ops", "--on-leak", "warn", f"why is {token} refused?").code == 0
        assert trooper("again", "ops").code == 77
        assert trooper("again", "ops", "--on-leak", "local", "--json").json["label"] == "private"
        assert len(cloud.bodies) == 1


class TestUsage:
    """The session is an argument, an option or a variable."""

    @pytest.mark.parametrize(
        ("arguments", "environ"),
        [
            (["ops"], {}),
            (["-s", "ops"], {}),
            (["ops", "-s", "ops"], {}),
            ([], {"TROOPER_SESSION": "ops"}),
            (["ops"], {"TROOPER_SESSION": "other"}),
        ],
    )
    def test_it_is_named(self, trooper: Trooper, cloud: Standin, arguments: list[str], environ: dict[str, str]) -> None:
        trooper("ask", "-s", "ops", "which index?")
        trooper("ask", "-s", "other", "which port?")
        assert trooper("again", *arguments, **environ).code == 0
        assert plain(cloud.bodies[-1]["messages"]) == [user("which index?")]

    @pytest.mark.parametrize(
        ("arguments", "environ", "code"),
        [
            ([], {}, 2),
            ([], {"TROOPER_SESSION": ""}, 2),
            (["ops", "-s", "other"], {}, 2),
            (["no name of a session"], {}, 2),
            (["ops", "and be so brief"], {}, 2),
            (["ops", "--local", "--here"], {}, 2),
            (["ops", "--cloud", "--here"], {}, 2),
            (["ops", "-f", "file"], {}, 2),
            (["nobody"], {}, 66),
            (["empty"], {}, 66),
            ([], {"TROOPER_SESION": "ops"}, 78),
            (["ops"], {"TROOPER_LOCL": "1"}, 78),
            (["ops"], {"TROOPER_LOCAL": "yes"}, 78),
        ],
    )
    def test_it_is_not(
        self, trooper: Trooper, cloud: Standin, arguments: list[str], environ: dict[str, str], code: int
    ) -> None:
        trooper("ask", "-s", "ops", "which index?")
        trooper("ask", "-s", "empty", "which index?")
        trooper("forget", "-s", "empty", "1")
        asked = len(cloud.bodies)
        done = trooper("again", *arguments, **environ)
        assert (done.code, done.text, done.notices.count("\n")) == (code, "", 1)
        for text in ("so brief", "no name", "which index"):
            assert text not in done.notices
        assert len(cloud.bodies) == asked
        assert not (trooper.home / "sessions" / "nobody.db").exists()

    def test_a_broken_session_is_bad_data(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        trooper("ask", "-s", "ops", "which index?")
        for path in (trooper.home / "sessions").glob("ops.db*"):
            path.write_bytes(b"no session" * 500)
        asked = len(cloud.bodies)
        assert trooper("again", "ops").code == 65
        assert (len(cloud.bodies), local.bodies) == (asked, [])

    def test_it_takes_every_option_that_asks(self) -> None:
        """Whatever `ask` learns, `again` does, except for what says what is asked."""
        known = {*inspect.signature(ask).parameters} - {*inspect.signature(again).parameters}
        assert known == {"prompt", "file", "no_stdin", "jsonl", "jobs", "resume"}
        assert {*inspect.signature(again).parameters} - {*inspect.signature(ask).parameters} == {"named"}
