"""Spending caps: what a request may cost fits what is left, or the turn is answered here."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import KEY
from tests.in_process import run_in_process
from tests.standin import STREAM_HEAD, api_error, claude, http, message_events
from trooper_cli import database
from trooper_cli.engines.engine import Usage
from trooper_cli.store.ledger import Entry, Ledger, Scope, today
from trooper_cli.store.prices import Price, Prices

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Outcome, Trooper
    from tests.standin import Recorded, Standin

PRICE = "input = 10\noutput = 20\ncache_read = 1\ncache_write = 30\n"
PRICES = "".join(f'[[price]]\nmodel = "{name}"\n{PRICE}' for name in ("claude-sonnet-5-5", "claude-standin", "large"))
# A stand-in's turn counts 18 tokens in, 5 read from the cache and 2 written to it, and 7 out.
ANSWER = (11 * 10 + 7 * 20 + 5 * 1 + 2 * 30) / 1e6


class Desk:
    """Asks in this process, with prices of its own."""

    def __init__(self, home: Path, cloud: Standin, local: Standin) -> None:
        self.home, self.cloud = home, cloud
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "prices.toml").write_text(PRICES)
        self.environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": cloud.url, "OLLAMA_HOST": local.url}

    def __call__(self, *arguments: str, stdin: str = "", **environ: str) -> Outcome:
        return run_in_process(self.home, *arguments, stdin=stdin, on_terminal=False, **(self.environ | environ))

    def spent(self, session: str | None = None) -> float:
        """Return what `usage` says was spent on this day, or in a session."""
        named = ("-s", session) if session else ()
        limits = self("usage", "--json", *named, TROOPER_LIMIT_DAY="9", TROOPER_LIMIT_SESSION="9").json["limits"]
        spent: float = limits["session" if session else "day"]["spent"]
        return spent

    @property
    def answers(self) -> list[int]:
        """The `max_tokens` of all that went to the cloud."""
        return [body["max_tokens"] for body in self.cloud.bodies]


@pytest.fixture
def desk(tmp_path: Path, cloud: Standin, local: Standin) -> Desk:
    return Desk(tmp_path / "home", cloud, local)


class TestFits:
    """What fits goes out, with a shorter answer where that is enough."""

    def test_a_shorter_answer(self, desk: Desk) -> None:
        """What is left pays the input at the price of writing a cache, and as many tokens as the rest does."""
        done = desk("ask", "hello", "--limit", "0.1", "--json")
        (tokens,) = desk.answers
        assert done.json["route"] == "cloud"
        worst = done.json["context"]["tokens"] * 30 / 1e6 + tokens * 20 / 1e6
        assert 0.1 - 20 / 1e6 < worst <= 0.1
        assert done.notices == (
            f"trooper: the answer may have {tokens} tokens at most: the spending cap --limit leaves $0.1000\n"
        )
        whole = desk("ask", "hello", "--limit", "0.4")
        assert (whole.notices, desk.answers[1]) == ("", 16_000)
        desk("ask", "hello", "--limit", "0.4", "--max-tokens", "100")
        assert desk.answers[2] == 100

    def test_a_dry_run_shows_it_and_spends_nothing(self, desk: Desk) -> None:
        """The request is the one that would be sent."""
        shown = desk("ask", "hello", "--limit", "0.1", "--dry-run").json["body"]
        assert desk.spent() == 0
        assert not (desk.home / "spending.db").exists()
        desk("ask", "hello", "--limit", "0.1")
        assert desk.cloud.bodies == [shown]
        refused = desk("ask", "hello", "--limit", "0", "--no-fallback", "--dry-run")
        assert (refused.code, refused.out) == (75, b"")

    def test_over_it_this_machine_answers(self, desk: Desk) -> None:
        """The turn is public, its reason is `limit`, there is one notice; without fallback it is exit 75."""
        done = desk("ask", "-s", "ops", "hello", "--json", "--no-stream", TROOPER_LIMIT_DAY="0.0003")
        told = done.json
        assert (told["answer"], told["label"], told["route"], told["reason"]) == (
            "a local answer",
            "public",
            "local",
            "limit",
        )
        assert told["fallback"] == {"from": "anthropic", "cause": "LimitError"}
        assert done.notices.count("\n") == 1
        assert "limit_day leaves $0.0003, and this request may cost $0.3202; " in done.notices
        assert "; llama3.2:latest (ollama) on this machine answers instead" in done.notices
        refused = desk("ask", "hello", "--no-fallback", TROOPER_LIMIT_DAY="0")
        assert (refused.code, refused.out) == (75, b"")
        assert "limit_day leaves $0.0000" in refused.notices
        assert desk.cloud.requests == []
        desk("ask", "-s", "ops", "and now?")
        assert desk.cloud.bodies[0]["messages"][0]["content"] == "hello"

    def test_no_other_cloud_is_asked(self, desk: Desk, serve: Callable[..., Standin]) -> None:
        """What the user lets be spent is no cloud's quota; and the caps hold for each cloud."""
        other = serve(lambda _: http(200, _completion()))
        named = f'name = "other"\nurl = "{other.url}/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\n'
        (desk.home / "config.toml").write_text(f"[[clouds]]\n{named}")
        assert desk("ask", "hello", "--limit", "0", OTHER_KEY="k").text == "a local answer\n"
        assert other.requests == []
        del desk.environ["ANTHROPIC_API_KEY"]
        done = desk("ask", "hello", "--no-stream", OTHER_KEY="k", TROOPER_LIMIT_DAY="0.1")
        assert done.text == "of another cloud\n"
        assert 4_900 < other.bodies[0]["max_tokens"] < 5_000
        # 3 of the 20 tokens were read from a cache.
        assert desk.spent() == pytest.approx((17 * 10 + 3 * 1 + 9 * 20) / 1e6)


def _completion() -> str:
    usage = {"prompt_tokens": 20, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 3}}
    choice = {"message": {"role": "assistant", "content": "of another cloud"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": usage})


class TestCounted:
    """What counts, and how much."""

    def test_what_is_on_record_counts(self, desk: Desk) -> None:
        """Asks from before there was a cap; those of a session that is gone; those of no session; none of here."""
        desk("ask", "-s", "ops", "one")
        desk("ask", "-s", "ops", "--local", "two")
        desk("ask", "-s", "gone", "three")
        assert not (desk.home / "spending.db").exists()
        assert desk.spent() == pytest.approx(2 * ANSWER)
        desk("ask", "four", TROOPER_LIMIT_DAY="9")
        desk("ask", "-s", "ops", "five")
        desk("ask", "--here", "six", TROOPER_LIMIT_DAY="9")
        desk("rm", "gone", "--yes")
        desk("forget", "-s", "ops", "1")
        assert desk.spent() == pytest.approx(4 * ANSWER)
        assert desk.spent("ops") == pytest.approx(2 * ANSWER)

    def test_a_session_has_its_own(self, desk: Desk) -> None:
        """Its cap is over all its days, is set for it, and leaves other sessions alone."""
        desk("config", "set", "-s", "ops", "limit_session", "0.3204")
        assert desk("ask", "-s", "ops", "hello").notices == ""
        assert "limit_session leaves $0.3201" in desk("ask", "-s", "ops", "hello", TROOPER_LIMIT_DAY="5").notices
        assert desk("ask", "-s", "other", "hello").notices == ""
        assert desk.answers[0] == desk.answers[2] > desk.answers[1]

    def test_a_request_that_was_turned_away_costs_nothing(self, desk: Desk) -> None:
        """Each try is entered; one that the cloud refused, or that never arrived, is taken out again."""
        answers = iter([api_error(529, "overloaded_error"), api_error(402, "billing_error")])
        desk.cloud.respond = lambda _: next(answers)
        assert desk("ask", "hello", TROOPER_LIMIT_DAY="9").text == "a local answer\n"
        assert len(desk.cloud.requests) == 2
        desk("ask", "--cloud", "hello", "--no-fallback", ANTHROPIC_BASE_URL="http://127.0.0.1:9", TROOPER_LIMIT_DAY="9")
        assert desk.spent() == 0

    def test_what_nobody_tells_counts_in_the_worst_case(self, desk: Desk) -> None:
        """An answer that broke off may have cost all that it could."""
        desk.cloud.respond = lambda _: [STREAM_HEAD, *message_events("half of it")[:5]]
        desk("ask", "--stream", "--no-fallback", "hello", "--max-tokens", "1000", TROOPER_LIMIT_DAY="9")
        assert 1000 * 20 / 1e6 < desk.spent() < 1050 * 20 / 1e6

    def test_retries_count_each(self, desk: Desk) -> None:
        """A try that may have cost something leaves less for the next, and one notice tells of a shorter answer."""
        answers = iter([api_error(504, "timeout_error"), api_error(504, "timeout_error")])
        desk.cloud.respond = lambda request: next(answers, None) or claude()(request)
        done = desk("ask", "hello", "--limit", "0.7", "--json")
        assert done.json["route"] == "cloud"
        assert desk.answers[:2] == [16_000, 16_000]
        assert 2_900 < desk.answers[2] < 3_000
        assert done.notices.count("\n") == 1

    def test_a_price_that_nobody_knows(self, desk: Desk) -> None:
        """It is no price of nothing: exit 78 says what to add where, and nothing is sent; without a cap it may be."""
        assert desk("ask", "-m", "mystery", "hello").code == 0
        done = desk("ask", "-m", "mystery", "hello", TROOPER_LIMIT_DAY="9")
        assert (done.code, len(desk.cloud.requests)) == (78, 1)
        assert "no price of mystery is known, so that no spending cap can be kept" in done.notices
        assert f'add it to {desk.home}/prices.toml: [[price]] with model = "mystery" and input' in done.notices
        with (desk.home / "prices.toml").open("a") as file:
            file.write(f'[[price]]\nmodel = "mystery"\n{PRICE}')
        assert desk("ask", "-m", "mystery", "hello", TROOPER_LIMIT_DAY="9").code == 0

    def test_usage_says_what_is_left(self, desk: Desk) -> None:
        """As text and in JSON; both keys are always there."""
        assert desk("usage", "--json").json["limits"] == {"day": None, "session": None}
        desk("ask", "-s", "ops", "hello", TROOPER_LIMIT_DAY="1")
        told = desk("usage", "--json", "-s", "ops", TROOPER_LIMIT_DAY="1", TROOPER_LIMIT_SESSION="0.5").json["limits"]
        assert told["day"] == {"limit": 1.0, "spent": pytest.approx(ANSWER), "left": pytest.approx(1 - ANSWER)}
        assert told["session"]["left"] == pytest.approx(0.5 - ANSWER)
        assert "$0.9997 of $1.0000 is left today (limit_day)" in desk("usage", TROOPER_LIMIT_DAY="1").text


class TestAmounts:
    """What is no amount is exit 78, whoever would answer."""

    @pytest.mark.parametrize(
        "amount", ["", "$1", "1 USD", "-1", "-0.5", "1,50", "nan", "inf", "1e999", "one", "\uff10.5"]
    )
    def test_no_amount(self, desk: Desk, amount: str) -> None:
        """As an option, a variable and in the file, with one line that does not repeat it."""
        for done in (
            desk("ask", "hello", f"--limit={amount}"),
            desk("ask", "hello", TROOPER_LIMIT_DAY=amount),
            desk("ask", "--local", "hello", TROOPER_LIMIT_SESSION=amount),
        ):
            assert (done.code, done.out) == (78, b"")
            assert done.notices.count("\n") == 1
            assert "must be an amount in USD as a plain number, such as 2.50" in done.notices
        (desk.home / "config.toml").write_text(f'limit_day = "{amount}"\n')
        assert desk("ask", "hello").code == 78
        assert desk("messages", stdin=_request()).code == 78
        assert desk.cloud.requests == []

    @pytest.mark.parametrize("text", ["1", "0.5", ".5", "2.", "1e-3"])
    def test_an_amount(self, desk: Desk, text: str) -> None:
        """A number of TOML, a text, and what `trooper config` prints of it."""
        assert desk("config", "set", "limit_day", text).code == 0
        assert desk("config", "--json").json["limit_day"]["value"] == float(text)


def _request(**fields: Any) -> str:
    message = {"role": "user", "content": "hello"}
    return json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 16_000, "messages": [message]} | fields)


class TestMessages:
    """A program's request is under the same caps."""

    def test_a_shorter_answer(self, desk: Desk) -> None:
        """Its `max_tokens` alone is changed; its tools and system prompt count."""
        tools = [{"name": "look", "description": "look at it " * 500, "input_schema": {"type": "object"}}]
        assert desk("messages", stdin=_request(tools=tools), TROOPER_LIMIT_DAY="0.2").code == 0
        (sent,) = desk.cloud.bodies
        assert 0.05 / 20e-6 < sent["max_tokens"] < (0.2 - 1000 * 30e-6) / 20e-6
        assert sent | {"max_tokens": 16_000} == json.loads(_request(tools=tools))

    def test_the_error_is_the_api_s(self, desk: Desk) -> None:
        """What nobody here can answer is an error object and exit 75; a plain request is answered here."""
        tools = [{"name": "look", "input_schema": {"type": "object"}}]
        done = desk("messages", stdin=_request(tools=tools), TROOPER_LIMIT_DAY="0")
        assert (done.code, done.json["type"], done.json["error"]["type"]) == (75, "error", "rate_limit_error")
        done = desk("messages", stdin=_request(), TROOPER_LIMIT_DAY="0")
        assert (done.json["x_trooper"]["reason"], done.json["content"][0]["text"]) == ("limit", "a local answer")
        thinking = {"type": "enabled", "budget_tokens": 8_000}
        done = desk("messages", stdin=_request(thinking=thinking), TROOPER_LIMIT_DAY="0.1")
        assert done.json["x_trooper"]["reason"] == "limit"
        assert desk.cloud.requests == []

    @pytest.mark.parametrize(
        "fields",
        [{"speed": "fast"}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"mcp_servers": [{}]}],
        ids=["speed", "tools", "mcp_servers"],
    )
    def test_what_may_cost_anything(self, desk: Desk, fields: dict[str, Any]) -> None:
        """What costs more than is written in the request is refused where a cap is set."""
        done = desk("messages", stdin=_request(**fields), TROOPER_LIMIT_DAY="9")
        assert (done.code, done.json["error"]["type"]) == (65, "invalid_request_error")
        assert desk.cloud.requests == []
        assert desk("messages", stdin=_request(**fields)).code == 0


class TestAtOnce:
    """Several processes, and one that is killed."""

    def test_no_two_spend_the_same(self, trooper: Trooper, cloud: Standin) -> None:
        """Of four asks at once each sees what the others may use; of one that is killed the worst case stays spent."""
        trooper.home.mkdir(mode=0o700)
        (trooper.home / "prices.toml").write_text(PRICES)
        killed, answer = threading.Event(), claude()

        def respond(request: Recorded) -> Iterable[bytes]:
            assert killed.wait(60)
            return answer(request)

        cloud.respond = respond
        asks = [trooper.start("ask", "hello", "--no-fallback", TROOPER_LIMIT_DAY="0.8") for _ in range(4)]
        while len(cloud.requests) < 3 or all(ask.poll() is None for ask in asks):
            time.sleep(0.01)
        next(ask for ask in asks if ask.poll() is None).kill()
        killed.set()
        for ask in asks:
            ask.communicate()
        assert sorted(ask.returncode for ask in asks) == [-9, 0, 0, 75]
        answers = sorted(request.json["max_tokens"] for request in cloud.requests)
        assert answers[1:] == [16_000, 16_000]
        assert 0.79 < sum(tokens * 20 / 1e6 for tokens in answers) < 0.8
        limits = run_in_process(trooper.home, "usage", "--json", TROOPER_LIMIT_DAY="0.8").json["limits"]
        assert limits["day"]["spent"] > 2 * ANSWER + answers[0] * 20 / 1e6


class TestLedger:
    """The file by itself."""

    PRICES = Prices((Price("one", 10, 20, 1, 30),), "", "")

    def test_a_killed_ask_counts_until_its_day_ends(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Then the session has it back as well, and the entry of no session is gone."""
        with closing(Ledger.open(tmp_path, print)) as ledger:
            for session in ("s", None):
                with ledger.writing():
                    ledger.enter(Entry(session, "one", None, 100, 1000))
            with ledger.writing():
                number = ledger.enter(Entry("s", "one", None, 100, 1000))
            ledger.settle(number, "else", Usage(10, 10))
            assert ledger.spent(Scope(day=today()), self.PRICES) == pytest.approx(2 * 0.023 + 0.0003)
            assert ledger.spent(Scope(session="s"), self.PRICES) == pytest.approx(0.023 + 0.0003)
            later = time.time() + 4 * 86_400
            monkeypatch.setattr("trooper_cli.store.ledger.time", _Clock(later))
            assert ledger.spent(Scope(day=today()), self.PRICES) == 0
            assert ledger.spent(Scope(session="s"), self.PRICES) == pytest.approx(0.0003)
            with ledger.writing():
                ledger.enter(Entry("s", "one", None, 0, 0))
            assert ledger.spent(Scope(entries=(2,)), self.PRICES) == 0

    def test_what_is_no_ledger_is_left_alone(self, desk: Desk) -> None:
        """With a cap the ask is refused; without one it is not in its way."""
        (desk.home / "spending.db").write_text("mine")
        assert desk("ask", "hello", TROOPER_LIMIT_DAY="9").code == 65
        assert desk("ask", "hello").code == 0
        assert (desk.home / "spending.db").read_text() == "mine"

    def test_one_that_cannot_be_written(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """With a cap nothing is sent, exit 74; without one the ask goes its way. So on a read-only disk."""
        assert desk("ask", "hello", TROOPER_LIMIT_DAY="9").code == 0
        desk.cloud.requests.clear()
        connect = database.connect

        def read_only(*given: Any) -> sqlite3.Connection:
            connection = connect(*given)
            connection.execute("PRAGMA query_only = ON")
            return connection

        monkeypatch.setattr("trooper_cli.store.ledger.database.connect", read_only)
        done = desk("ask", "hello", TROOPER_LIMIT_DAY="9")
        assert (done.code, done.out, desk.cloud.requests) == (74, b"", [])
        assert "no spending cap can be kept, so nothing was sent: the ledger" in done.notices
        assert desk("ask", "hello").code == 0


class _Clock:
    def __init__(self, now: float) -> None:
        self._now = now

    def time(self) -> float:
        return self._now

    def strftime(self, form: str) -> str:
        return time.strftime(form, time.localtime(self._now))


class TestNoninterference:
    """What is left depends on what went to the cloud, and on no turn of this machine."""

    def test_private_turns_move_nothing(self, tmp_path: Path, cloud: Standin, local: Standin) -> None:
        """With private turns of the same session and others, and without: the same requests to the byte."""
        sent = []
        for beside in (False, True):
            there = Desk(tmp_path / f"home-{beside}", cloud, local)
            cloud.requests.clear()
            for number in range(3):
                if beside:
                    there("ask", "-s", "ops", "--local", f"the {number}th password is hunter{number} " * 40)
                    there("ask", "--local", "a short one", TROOPER_LIMIT_DAY="0.31")
                there("ask", "-s", "ops", f"question {number}", TROOPER_LIMIT_DAY="0.31", TROOPER_LIMIT_SESSION="0.3")
            assert all(body["max_tokens"] < 16_000 for body in cloud.bodies)
            sent.append([request.raw for request in cloud.requests])
        assert len(sent[0]) == 3
        assert sent[0] == sent[1]


def test_a_model_without_a_price_that_was_asked_before_is_named(trooper: Trooper) -> None:
    """Its cost counts towards the cap of every model; the error says that an earlier request is what counts."""
    (trooper.home).mkdir()
    done = trooper("ask", "-m", "mystery", "hello", TROOPER_LIMIT_DAY="5")
    assert (done.code, "earlier" in done.notices) == (78, False)
    (trooper.home / "prices.toml").write_text(
        '[[price]]\nmodel = "mystery"\ninput = 1\noutput = 1\ncache_read = 1\ncache_write = 1\n'
    )
    assert trooper("ask", "-m", "mystery", "hello", TROOPER_LIMIT_DAY="5").code == 0
    (trooper.home / "prices.toml").unlink()
    done = trooper("ask", "-m", "claude-sonnet-5-5", "hello", TROOPER_LIMIT_DAY="5")
    assert done.code == 78
    assert "an earlier request counts towards the cap, and no price of mystery is known" in done.notices
