"""`trooper ask`: what goes in, what comes out, and with which exit code."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND, KEY, UNMEASURED
from tests.long_session import turns
from tests.standin import STREAM_HEAD, api_error, claude, event, http, message_events, plain
from trooper_cli.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

pytestmark = pytest.mark.installed


class TestPrompt:
    """The prompt is what was given, all of it, in the order of the contract."""

    def test_a_pipe_is_the_prompt(self, trooper: Trooper, cloud: Standin) -> None:
        """`echo "…" | trooper ask` sends the text of the pipe and prints the answer and a newline."""
        done = trooper("ask", stdin="why does the pool drain?\n")
        assert (done.code, done.text, done.notices) == (0, "a cloud answer\n", "")
        assert cloud.bodies[0]["messages"] == [{"role": "user", "content": "why does the pool drain?"}]

    def test_arguments_come_before_the_pipe(self, trooper: Trooper, cloud: Standin) -> None:
        """Arguments are joined by a space; the pipe's text follows after a blank line."""
        trooper("ask", "Write a", "commit message", stdin="+ a line\n- another\n")
        assert cloud.bodies[0]["messages"][0]["content"] == "Write a commit message\n\n+ a line\n- another"

    def test_files_follow_under_their_names(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """`-f` adds text files after the prompt, each under its name, as often as it is given."""
        first, second = tmp_path / "one.log", tmp_path / "zwei.txt"
        first.write_text("alpha\n")
        second.write_text("größe\n", encoding="utf-8")
        trooper("ask", "-f", str(first), "compare", "-f", str(second))
        content = cloud.bodies[0]["messages"][0]["content"]
        assert content == f"compare\n\nFile {first}:\n\nalpha\n\nFile {second}:\n\ngröße"

    def test_without_a_prompt_it_is_wrong_usage(self, trooper: Trooper, cloud: Standin) -> None:
        """Neither arguments nor a pipe: exit 2, one line, nothing sent."""
        for stdin in ("", " \n\n"):
            done = trooper("ask", stdin=stdin)
            assert (done.code, done.out) == (2, b"")
            assert done.notices.count("\n") == 1
        assert cloud.connections == 0

    def test_what_is_not_utf8_is_bad_data(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """A pipe, an argument, a system prompt or a file that is not UTF-8 is exit 65, and nothing is sent."""
        bad = tmp_path / "latin1.txt"
        bad.write_bytes(b"gr\xf6\xdfe")
        for done in (
            trooper("ask", stdin=b"gr\xf6\xdfe"),
            trooper("ask", b"gr\xf6\xdfe"),
            trooper("ask", "hello", b"--system=gr\xf6\xdfe"),
            trooper("ask", "hello", "-f", str(bad)),
        ):
            assert (done.code, done.out) == (65, b"")
            assert "UTF-8" in done.notices
        assert cloud.connections == 0

    def test_a_missing_file_is_named(self, trooper: Trooper, cloud: Standin) -> None:
        """`-f` with a file that is not there is exit 66."""
        done = trooper("ask", "hello", "-f", "/no/such/file")
        assert done.code == 66
        assert "/no/such/file" in done.notices
        assert cloud.connections == 0

    def test_200_kb_in_a_pipe_arrive_whole(self, trooper: Trooper, cloud: Standin) -> None:
        """A long prompt is neither cut nor refused."""
        text = "The quick brown fox jumps over the lazy dog; no cobra was harmed. " * 3100
        assert len(text) > 200_000
        done = trooper("ask", "-s", "long", stdin=text)
        assert (done.code, done.text) == (0, "a cloud answer\n")
        assert cloud.bodies[0]["messages"][0]["content"] == text

    def test_a_prompt_over_the_budget_says_both_sizes(self, trooper: Trooper, cloud: Standin) -> None:
        """A prompt that cannot fit is exit 65 with its size and the budget; it is never cut."""
        done = trooper("ask", "--budget", "100", stdin="word " * 500)
        assert (done.code, done.out) == (65, b"")
        assert "budget is 100" in done.notices
        assert "about " in done.notices
        assert cloud.connections == 0

    def test_an_open_silent_pipe_is_told_once(self, trooper: Trooper) -> None:
        """Standard input that stays open and silent gets one notice of what is awaited, then is waited for."""
        process = trooper.start("ask", "hello", stdin=subprocess.PIPE)
        assert process.stderr is not None
        assert b"-n ignores it" in process.stderr.readline()
        out, err = process.communicate(b"and more\n", timeout=60)
        assert (process.returncode, out, err) == (0, b"a cloud answer\n", b"")

    def test_n_ignores_standard_input(self, trooper: Trooper, cloud: Standin) -> None:
        """`-n` answers while standard input stays open, and uses nothing of it."""
        process = trooper.start("ask", "-n", "hello", stdin=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.read() == b"a cloud answer\n"
        process.communicate(timeout=60)
        assert cloud.bodies[0]["messages"][0]["content"] == "hello"

    def test_closed_standard_input_is_no_prompt(self, trooper: Trooper) -> None:
        """With standard input closed, the arguments alone are the prompt."""
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec {COMMAND} ask hello <&-"],
            env=trooper.environment(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, b"a cloud answer\n")


class TestWho:
    """Who may execute the turn is decided before anything is sent."""

    @pytest.mark.parametrize("value", ["maybe", "", "true", "2", "01", " 1"])
    def test_trooper_local_is_strict(self, trooper: Trooper, cloud: Standin, local: Standin, value: str) -> None:
        """Any value of TROOPER_LOCAL but 0 and 1 is exit 78, whatever the flags, and nothing is sent to anyone."""
        for flags in ([], ["--local"], ["--cloud"]):
            done = trooper("ask", *flags, "hello", TROOPER_LOCAL=value)
            assert (done.code, done.out) == (78, b"")
            assert "TROOPER_LOCAL" in done.notices
        assert cloud.connections == local.connections == 0

    @pytest.mark.parametrize(
        ("flags", "environ", "label", "route", "reason"),
        [
            ([], {}, "public", "cloud", "default"),
            (["--cloud"], {}, "public", "cloud", "flag"),
            (["--local"], {}, "private", "local", "flag"),
            ([], {"TROOPER_LOCAL": "1"}, "private", "local", "env"),
            ([], {"TROOPER_LOCAL": "0"}, "public", "cloud", "env"),
            (["--cloud"], {"TROOPER_LOCAL": "1"}, "public", "cloud", "flag"),
            (["--local"], {"TROOPER_LOCAL": "0"}, "private", "local", "flag"),
            ([], {"TROOPER_CLOUD": "off"}, "private", "local", "policy"),
            ([], {"TROOPER_CLOUD": "off", "TROOPER_LOCAL": "0"}, "private", "local", "policy"),
            ([], {"TROOPER_CLOUD": "on"}, "public", "cloud", "default"),
            ([], {"ANTHROPIC_API_KEY": None}, "public", "local", "no_key"),
            (["--local"], {"ANTHROPIC_API_KEY": None}, "private", "local", "flag"),
        ],
    )
    def test_the_table_of_decisions(
        self,
        trooper: Trooper,
        cloud: Standin,
        local: Standin,
        flags: list[str],
        environ: dict[str, str | None],
        label: str,
        route: str,
        reason: str,
    ) -> None:
        """Flag, environment, lock and key give label, side and reason; only the side that was chosen is asked."""
        done = trooper("ask", "--json", *flags, "hello", **environ)
        assert done.code == 0, done.notices
        assert (done.json["label"], done.json["route"], done.json["reason"]) == (label, route, reason)
        assert (len(cloud.bodies), len(local.bodies)) == ((1, 0) if route == "cloud" else (0, 1))

    def test_no_key_is_told_once(self, trooper: Trooper) -> None:
        """Without a key the answer comes from this machine, with one notice; -q silences it."""
        done = trooper("ask", "hello", ANTHROPIC_API_KEY=None)
        assert (done.code, done.text) == (0, "a local answer\n")
        assert done.notices.count("\n") == 1
        assert "ANTHROPIC_API_KEY" in done.notices
        assert trooper("ask", "-q", "hello", ANTHROPIC_API_KEY=None).notices == ""

    def test_cloud_without_a_key_is_a_configuration_error(self, trooper: Trooper, local: Standin) -> None:
        """`--cloud` without a key is exit 78 and does not quietly become local."""
        done = trooper("ask", "--cloud", "hello", ANTHROPIC_API_KEY=None)
        assert (done.code, done.out) == (78, b"")
        assert local.connections == 0

    def test_the_lock_refuses_cloud(self, trooper: Trooper, cloud: Standin) -> None:
        """Under TROOPER_CLOUD=off, or cloud = "off" in config.toml, `--cloud` is exit 77 and nothing is sent."""
        assert trooper("ask", "--cloud", "hello", TROOPER_CLOUD="off").code == 77
        trooper.home.mkdir(parents=True)
        (trooper.home / "config.toml").write_text('cloud = "off"\n')
        assert trooper("ask", "--cloud", "hello").code == 77
        assert trooper("ask", "--json", "hello").json["reason"] == "policy"
        assert cloud.connections == 0

    def test_a_misspelt_setting_is_not_passed_over(self, trooper: Trooper, cloud: Standin) -> None:
        """A config.toml with a name or value that is not known is exit 78: it might have been the lock."""
        trooper.home.mkdir(parents=True)
        for text in ('clowd = "off"\n', 'cloud = "of"\n', "cloud = \n", 'local = "1"\n'):
            (trooper.home / "config.toml").write_text(text)
            done = trooper("ask", "hello")
            assert (done.code, done.out) == (78, b""), text
            assert "config.toml" in done.notices
        assert cloud.connections == 0

    def test_a_bad_session_name_is_wrong_usage(self, trooper: Trooper, cloud: Standin) -> None:
        """`-s ../x` and other names that are none are exit 2."""
        for name in ("../x", "", ".hidden", "a/b", "x" * 65, "a b", "ops.", "ö"):
            done = trooper("ask", "-s", name, "hello")
            assert (done.code, done.out) == (2, b""), name
        assert trooper("ask", "hello", TROOPER_SESSION="../x").code == 2
        assert cloud.connections == 0
        assert not (trooper.home / "sessions").exists()


class TestAnswer:
    """Standard output carries the answer alone."""

    def test_json_has_the_fields_of_the_contract(self, trooper: Trooper, cloud: Standin) -> None:
        """`--json` gives one object with the documented fields."""
        trooper("ask", "-s", "ops", "first")
        done = trooper("ask", "-s", "ops", "--json", "second")
        value = done.json
        assert value.pop("seconds") >= 0
        tokens = value["context"].pop("tokens")
        assert 0 < tokens <= value["context"].pop("budget")
        assert value == {
            "answer": "a cloud answer",
            "session": "ops",
            "turn": 2,
            "label": "public",
            "route": "cloud",
            "reason": "default",
            "engine": "anthropic",
            "model": "claude-standin",
            "host": f"127.0.0.1:{cloud.port}",
            "network": False,
            "inference_geo": None,
            "stop": "end_turn",
            "usage": {"input": 18, "output": 7, "cache_read": 5, "cache_write": 2, "thinking": 0},
            "cost": None,
            "context": {"anchor": [1], "sitrep": [], "tail": []},
            "fallback": None,
        }

    def test_a_whole_answer_is_asked_for_by_no_stream(self, trooper: Trooper, cloud: Standin) -> None:
        """`--no-stream` asks the engine for one piece; the default in a pipe streams and prints the whole."""
        assert trooper("ask", "--no-stream", "hello").text == "a cloud answer\n"
        assert trooper("ask", "hello").text == "a cloud answer\n"
        assert [body["stream"] for body in cloud.bodies] == [False, True]

    def test_stream_prints_as_it_arrives(self, trooper: Trooper, cloud: Standin) -> None:
        """With `--stream` the first words are there before the engine has sent the last."""
        read = threading.Event()

        def respond(_: Recorded) -> Iterator[bytes]:
            first, *rest = message_events("one two three")[4:]
            yield STREAM_HEAD + first
            assert read.wait(30)
            yield from rest

        cloud.respond = respond
        process = trooper.start("ask", "--stream", "hello")
        assert process.stdout is not None
        assert process.stdout.read(5) == b"one t"
        read.set()
        assert process.stdout.read() == b"wo three\n"
        process.communicate(timeout=60)
        assert process.returncode == 0

    def test_v_tells_one_status_line(self, trooper: Trooper) -> None:
        """`-v` tells side, model, tokens and seconds on standard error, in one line."""
        done = trooper("ask", "-v", "hello")
        assert done.text == "a cloud answer\n"
        assert done.notices.startswith("trooper: public, cloud (default), anthropic claude-standin, 18 + 7 tokens, ")
        assert done.notices.count("\n") == 1

    def test_model_system_and_limits_are_sent(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """`-m`, `--system` and `--max-tokens` reach the engine of either side."""
        trooper("ask", "-m", "claude-x", "--system", "Be brief.", "--max-tokens", "99", "hello")
        body = cloud.bodies[0]
        assert (body["model"], body["system"], body["max_tokens"]) == ("claude-x", "Be brief.", 99)
        trooper("ask", "--local", "-m", "llama3.2", "--system", "Be brief.", "--max-tokens", "99", "hello")
        body = local.bodies[0]
        assert body["model"] == "llama3.2:local"
        assert body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert body["options"]["num_predict"] == 99

    def test_the_environment_names_models(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """TROOPER_CLOUD_MODEL and TROOPER_LOCAL_MODEL name the model of their side; the flag goes before them."""
        environ = {"TROOPER_CLOUD_MODEL": "claude-y", "TROOPER_LOCAL_MODEL": "llama3.2:latest"}
        trooper("ask", "hello", **environ)
        trooper("ask", "--local", "hello", **environ)
        trooper("ask", "-m", "claude-z", "hello", **environ)
        assert [body["model"] for body in cloud.bodies] == ["claude-y", "claude-z"]
        assert local.bodies[0]["model"] == "llama3.2:latest:local"

    def test_odd_characters_pass_a_pipe_untouched(self, trooper: Trooper, cloud: Standin) -> None:
        """In a pipe the answer's bytes are the model's, control characters and all, whatever the locale."""
        cloud.respond = claude("\x1b[31mrot\x1b[0m größe 漢字 \x00 end")
        done = trooper("ask", "hello", LC_ALL="C", PYTHONIOENCODING="ascii")
        assert done.out == "\x1b[31mrot\x1b[0m größe 漢字 \x00 end\n".encode()


class TestDryRun:
    """`--dry-run` prints the exact request and connects to nothing."""

    def test_it_is_the_request_that_would_be_sent(self, trooper: Trooper, cloud: Standin) -> None:
        """Body, headers and digest are those of the real request; the key is masked; nothing is connected to."""
        trooper("ask", "-s", "ops", "--system", "Be brief.", "first")
        connections = cloud.connections
        dry = trooper("ask", "-s", "ops", "--dry-run", "second").json
        assert cloud.connections == connections
        trooper("ask", "-s", "ops", "second")
        import hashlib

        sent = cloud.requests[-1]
        assert dry["body"] == sent.json
        assert dry["body_sha256"] == hashlib.sha256(sent.body).hexdigest()
        assert dry["url"] == f"{cloud.url}/v1/messages"
        assert dry["headers"].pop("x-api-key") == "***"
        assert sent.headers["x-api-key"] == KEY
        assert {name: sent.headers[name] for name in dry["headers"]} == dry["headers"]
        assert (dry["label"], dry["route"], dry["reason"], dry["engine"]) == ("public", "cloud", "default", "anthropic")
        assert "first" in dry["context"]["text"]

    @pytest.mark.parametrize("flags", [[], ["--local"]])
    @pytest.mark.parametrize("budget", ["300", "700", "3000"])
    def test_its_text_is_all_that_the_model_reads_but_the_prompt(
        self, trooper: Trooper, flags: list[str], budget: str
    ) -> None:
        """What stands beside the prompt is shown as well: at a small budget it is most of the memory."""
        assert trooper("import", "-s", "ops", stdin="\n".join(turns(60))).code == 0
        options = ("-s", "ops", *flags, "--budget", budget, "--system", "Be brief.", "-m", "m")
        dry = trooper("ask", *options, "--dry-run", "which port is it?", TROOPER_LOCAL_ENGINE="ollama").json
        context, messages = dry["context"], dry["body"]["messages"]
        system = dry["body"].get("system", "")
        read = [*([system] if isinstance(system, str) else [part["text"] for part in system])]
        for message in messages:
            content = message["content"]
            read += [content] if isinstance(content, str) else [part["text"] for part in content]
        left = read.pop()
        assert left.endswith("which port is it?")
        for text in (*read, left.removesuffix("which port is it?").rstrip()):
            assert text in context["text"]
        if budget != "3000":
            assert "<notes>" in context["text"]

    def test_it_writes_nothing(self, trooper: Trooper) -> None:
        """A dry run of a session that is not there does not begin it."""
        assert trooper("ask", "-s", "ops", "--dry-run", "hello").code == 0
        assert trooper("sessions").text == ""

    def test_a_local_one_connects_to_nothing(self, trooper: Trooper, local: Standin) -> None:
        """A private dry run shows the local request with the lock on the model, without asking the server."""
        dry = trooper("ask", "--local", "-m", "llama3.2", "--dry-run", "hello").json
        assert dry["body"]["model"] == "llama3.2:local"
        assert dry["body"]["truncate"] is False
        assert (dry["label"], dry["route"]) == ("private", "local")
        assert local.connections == 0


class TestFailures:
    """A failure is one line, the contract's exit code, and an empty standard output."""

    @pytest.mark.parametrize(
        ("status", "kind", "words", "code"),
        [
            (400, "invalid_request_error", "messages: bad", 65),
            (413, "request_too_large", "too large", 65),
            (400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum", 65),
            (401, "authentication_error", "invalid x-api-key", 78),
            (403, "permission_error", "no", 78),
            (404, "not_found_error", "model: claude-none", 78),
            (402, "billing_error", "pay", 75),
            (400, "invalid_request_error", "Your credit balance is too low to access the API", 75),
            (429, "rate_limit_error", "This would exceed the limit", 75),
            (529, "overloaded_error", "Overloaded", 75),
            (500, "api_error", "Internal", 69),
        ],
    )
    def test_the_cloud_s_statuses(
        self, trooper: Trooper, cloud: Standin, status: int, kind: str, words: str, code: int
    ) -> None:
        """Each status of the API has its exit code; its own words, which may quote the prompt, are not repeated."""
        cloud.respond = lambda _: api_error(status, kind, f"{words} CANARY-7")
        done = trooper("ask", "-s", "ops", "--no-fallback", "hello PROMPT-7")
        assert (done.code, done.out) == (code, b""), done.notices
        assert done.notices.count("\n") == 1
        assert "CANARY-7" not in done.notices
        assert "PROMPT-7" not in done.notices
        assert KEY not in done.notices
        assert [turn["status"] for turn in trooper.turns("ops")] == ["failed"]

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed(
        self, trooper: Trooper, cloud: Standin, serve: Callable[..., Standin], status: int
    ) -> None:
        """A redirect of the cloud is exit 78; its target is never asked."""
        other = serve(claude("stolen"))
        cloud.respond = lambda _: http(status, "", location=f"{other.url}/v1/messages")
        assert trooper("ask", "--no-fallback", "hello").code == 78
        assert other.connections == 0

    def test_a_refused_connection_is_unavailable(self, trooper: Trooper, cloud: Standin) -> None:
        """A cloud that cannot be reached is exit 69 where falling back is off."""
        cloud.close()
        done = trooper("ask", "--no-fallback", "hello")
        assert (done.code, done.out) == (69, b"")

    def test_quota_and_network_fall_back(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """Without a cloud the turn is answered here, stays public, and the next one goes to the cloud and knows it."""
        cloud.respond = lambda _: api_error(402, "billing_error")
        done = trooper("ask", "-s", "ops", "--json", "my service is nightowl")
        assert done.code == 0
        assert done.notices.count("\n") == 1
        assert (done.json["label"], done.json["route"], done.json["reason"]) == ("public", "local", "fallback")
        assert done.json["fallback"] == {"from": "anthropic", "cause": "QuotaError"}
        assert len(local.bodies) == 1
        cloud.respond = claude()
        done = trooper("ask", "-s", "ops", "--json", "--cloud", "again")
        assert done.json["route"] == "cloud"
        assert [entry["content"] for entry in plain(cloud.bodies[-1]["messages"])] == [
            "my service is nightowl",
            "a local answer",
            "again",
        ]

    def test_trouble_that_passes_is_retried(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """An overloaded cloud is asked again within seconds; the answer is then its own."""
        answers = iter([api_error(529, "overloaded_error"), [STREAM_HEAD, *message_events("at last")]])
        cloud.respond = lambda _: next(answers)
        assert trooper("ask", "hello").text == "at last\n"
        assert len(cloud.bodies) == 2
        assert local.connections == 0

    def test_a_stream_that_breaks_after_text_is_kept(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """What was printed stays printed and is in the session as incomplete; no other model goes on with it."""
        cloud.respond = lambda _: [STREAM_HEAD, *message_events("one two three")[:-4]]
        done = trooper("ask", "-s", "ops", "--stream", "hello")
        assert (done.code, done.text) == (76, "one two th")
        assert local.connections == 0
        (turn,) = trooper.turns("ops")
        assert (turn["status"], turn["answer"]) == ("incomplete", "one two th")

    def test_an_error_in_the_stream_before_text_falls_back(self, trooper: Trooper, cloud: Standin) -> None:
        """An overload told after the 200 but before any text is treated like one told by status."""
        cloud.respond = lambda _: [
            STREAM_HEAD,
            event({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
        ]
        assert trooper("ask", "--stream", "hello").text == "a local answer\n"

    @pytest.mark.parametrize("body", ["<html>", "[]", "{}", "null", '{"type":"message"', "[" * 100_000])
    def test_nonsense_is_not_an_answer(self, trooper: Trooper, cloud: Standin, body: str) -> None:
        """An engine that sends something else than an answer is exit 76, in JSON and in a stream."""
        cloud.respond = lambda _: http(200, body)
        assert trooper("ask", "hello").code == 76
        cloud.respond = lambda _: [STREAM_HEAD, b"data: " + body.encode() + b"\n\n"]
        assert trooper("ask", "--no-fallback", "hello").code in {69, 76}
        cloud.respond = lambda _: http(200, body, "text/html")
        assert trooper("ask", "hello").code == 76

    @pytest.mark.parametrize("piece", [b"x" * (1 << 20), b"data: " + b"x" * 65536 + b"\n"])
    def test_an_engine_that_never_ends_is_given_up(self, trooper: Trooper, cloud: Standin, piece: bytes) -> None:
        """A line, an event or an answer without end is exit 76 before it has filled the memory."""
        cloud.respond = lambda _: itertools.chain([STREAM_HEAD], itertools.repeat(piece, 1000))
        assert trooper("ask", "hello").code == 76
        text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x" * (1 << 20)}}
        cloud.respond = lambda _: itertools.chain([STREAM_HEAD], itertools.repeat(event(text), 1000))
        assert trooper("ask", "hello").code == 76

    def test_a_refusal_is_said_and_left_out(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """A refused turn is exit 69, marked, asked of nobody else, and later turns are not told of it."""
        cloud.respond = claude("I will not.", "refusal")
        done = trooper("ask", "-s", "ops", "do something bad")
        assert (done.code, done.out) == (69, b"")
        assert trooper.turns("ops")[0]["status"] == "refused"
        assert local.connections == 0
        cloud.respond = claude()
        trooper("ask", "-s", "ops", "something good")
        assert b"something bad" not in cloud.requests[-1].raw

    def test_a_cut_answer_is_told(self, trooper: Trooper, cloud: Standin) -> None:
        """An answer cut at its limit is printed, with one notice, and its stop reason stands in --json."""
        cloud.respond = claude("half an ans", "max_tokens")
        done = trooper("ask", "--json", "hello")
        assert (done.code, done.json["stop"]) == (0, "max_tokens")
        assert "--max-tokens" in done.notices

    def test_silence_ends_at_the_timeout(self, trooper: Trooper, cloud: Standin) -> None:
        """`--timeout` bounds silence: an engine that says nothing is given up, one that goes on slowly is not."""
        release = threading.Event()

        def respond(_: Recorded) -> Iterator[bytes]:
            release.wait(60)
            yield b""

        cloud.respond = respond
        done = trooper("ask", "--timeout", "0.3", "--no-fallback", "hello")
        release.set()
        assert (done.code, done.out) == (69, b"")

    def test_wrong_usage_is_one_line(self, trooper: Trooper) -> None:
        """An option that is none is exit 2 and one line that says where help is."""
        done = trooper("ask", "--nonsense")
        assert (done.code, done.out) == (2, b"")
        assert done.notices.count("\n") == 1
        assert "trooper ask --help" in done.notices

    def test_an_unexpected_fault_shows_no_traceback(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A fault of ours is exit 70 and one line with the way to a trace, and nothing of what was being worked on."""

        def fail(_: list[str]) -> int:
            raise ValueError("PROMPT-7")

        monkeypatch.setattr("trooper_cli.cli.app.run", fail)
        monkeypatch.setattr("sys.argv", ["trooper", "ask"])
        monkeypatch.delenv("TROOPER_TRACE", raising=False)
        assert main() == 70
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "trooper: unexpected fault (ValueError); run it again with TROOPER_TRACE=1 to see where\n"


class TestReaderAndSignals:
    """A reader that leaves and a user who interrupts lose nothing that arrived."""

    def test_a_reader_that_leaves_is_141(self, trooper: Trooper) -> None:
        """`trooper ask … | head -c 1` exits 141 quietly, and the answer is in the session."""
        script = f"{COMMAND} ask -s ops hello </dev/null | head -c 1; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], env=trooper.environment(), capture_output=True, timeout=60, check=False
        )
        assert done.stdout == b"a141\n"
        assert done.stderr == b""
        (turn,) = trooper.turns("ops")
        assert (turn["status"], turn["answer"]) == ("answered", "a cloud answer")

    def test_a_reader_that_leaves_a_stream_keeps_what_arrived(self, trooper: Trooper, cloud: Standin) -> None:
        """In a stream what had arrived when the reader left is kept as incomplete."""
        gone = threading.Event()

        def respond(_: Recorded) -> Iterator[bytes]:
            yield STREAM_HEAD
            for piece in message_events("one two three"):
                yield piece
                if b"one t" in piece:
                    gone.wait(30)

        cloud.respond = respond
        process = trooper.start("ask", "-s", "ops", "--stream", "hello")
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5) == b"one t"
        process.stdout.close()
        gone.set()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""
        process.communicate()
        (turn,) = trooper.turns("ops")
        assert turn["status"] == "incomplete"
        assert turn["answer"].startswith("one t")

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_an_interrupt_keeps_what_arrived(self, trooper: Trooper, cloud: Standin, number: int, code: int) -> None:
        """Ctrl-C and a stopped job end quietly; what arrived is in the session as incomplete."""
        done = threading.Event()

        def respond(_: Recorded) -> Iterator[bytes]:
            yield STREAM_HEAD
            yield from message_events("one two three")[:5]
            done.wait(30)

        cloud.respond = respond
        process = trooper.start("ask", "-s", "ops", "--stream", "hello")
        assert process.stdout is not None
        assert process.stdout.read(5) == b"one t"
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=60)
        done.set()
        assert (process.returncode, err) == (code, b"")
        (turn,) = trooper.turns("ops")
        assert (turn["status"], turn["answer"]) == ("incomplete", "one t")

    @UNMEASURED
    def test_a_full_disk_still_prints_the_answer(self, trooper: Trooper) -> None:
        """Where the session cannot be written the answer is printed all the same, and the exit code is 74."""
        assert trooper("ask", "-s", "ops", "hello").code == 0
        script = f"ulimit -f 4; exec {COMMAND} ask -s ops again </dev/null"
        done = subprocess.run(
            ["bash", "-c", script], env=trooper.environment(), capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (74, b"a cloud answer\n")
        assert done.stderr.count(b"\n") == 1

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_an_output_that_is_full_is_told(self, trooper: Trooper) -> None:
        """Where standard output cannot take the answer it is exit 74, and the answer is in the session."""
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [COMMAND, "ask", "-s", "ops", "-n", "hello"],
                stdout=full,
                stderr=subprocess.PIPE,
                env=trooper.environment(),
                timeout=60,
                check=False,
            )
        assert done.returncode == 74
        assert done.stderr.count(b"\n") == 1
        assert trooper.turns("ops")[0]["answer"] == "a cloud answer"


def test_trooper_alone_shows_help(trooper: Trooper) -> None:
    """`trooper` without a command shows what there is."""
    done = trooper()
    assert b"ask" in done.out + done.err
    assert json.loads(trooper("ask", "--json", "x", OLLAMA_HOST=None).out)["route"] == "cloud"


def test_ollama_in_the_wrong_place_is_no_engine(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """A server on the Ollama port that is none is exit 69 or 76, never an answer."""
    other = serve(lambda _: http(200, "<html>hello</html>", "text/html"))
    assert trooper("ask", "--local", "hello", OLLAMA_HOST=other.url, TROOPER_LOCAL_ENGINE="ollama").code in {69, 76}
