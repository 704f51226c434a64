"""`trooper usage`: tokens by side and model, what they cost, and what was saved, from what is on record."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_terminal import on_terminal
from tests.standin import STREAM_HEAD, api_error, claude, message_events
from tools import prices
from tools.generate import priced
from trooper_cli.engines.claude_windows import window_of
from trooper_cli.store.prices import load
from trooper_cli.store.usage import Spending, total

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

# A stand-in's turn counts 18 tokens in, 5 read from the cache and 2 written to it, and 7 out; Ollama's 9 and 4.
OWN = '[[price]]\nmodel = "claude-standin"\ninput = 1000\noutput = 2000\ncache_read = 100\ncache_write = 3000\n'
COST = (11 * 1000 + 7 * 2000 + 5 * 100 + 2 * 3000) / 1e6


@pytest.fixture
def asked(trooper: Trooper, cloud: Standin) -> Trooper:
    """Two turns in the cloud, one of which came to nothing at first, and one private turn; and another session."""
    trooper("ask", "-s", "ops", "one")
    trooper("ask", "-s", "ops", "--local", "two")
    cloud.respond = lambda _: api_error(402, "billing_error")
    assert trooper("ask", "-s", "ops", "--no-fallback", "three").code == 75
    cloud.respond = claude()
    trooper("ask", "-s", "ops", "--cloud", "three")
    trooper("ask", "-s", "other", "four")
    trooper("ask", "five, without a session")
    (trooper.home / "prices.toml").write_text(OWN)
    return trooper


class TestSums:
    """Tokens by side and model, and their cost."""

    def test_tokens_and_cost(self, asked: Trooper) -> None:
        """One row a model; a request without figures is counted as such; the user's prices go first."""
        told = asked("usage", "-s", "ops", "--json").json
        cloud, local = (row for row in told["used"] if row["model"] != "claude-sonnet-5-5")
        assert cloud == {
            "side": "cloud",
            "engine": "anthropic",
            "model": "claude-standin",
            "requests": 2,
            "without_figures": 0,
            "input": 36,
            "output": 14,
            "cache_read": 10,
            "cache_write": 4,
            "cost": pytest.approx(2 * COST),
        }
        assert (local["side"], local["model"], local["input"], local["output"], local["cost"]) == (
            "local",
            "llama3.2:latest",
            9,
            4,
            0,
        )
        failed = next(row for row in told["used"] if row["model"] == "claude-sonnet-5-5")
        assert (failed["requests"], failed["without_figures"], failed["input"]) == (1, 1, 0)
        assert told["cloud_cost"] == pytest.approx(2 * COST)
        assert told["prices"]["date"] == prices.DATE
        assert str(asked.home / "prices.toml") in told["prices"]["source"]

    def test_all_sessions(self, asked: Trooper) -> None:
        """Without a name all sessions are summed up; an unknown name is exit 66."""
        assert asked("usage", "--json").json["cloud_cost"] == pytest.approx(3 * COST)
        assert asked("usage", "-s", "nobody").code == 66

    def test_a_forgotten_turn_still_counts(self, asked: Trooper) -> None:
        """What left for the cloud stays on the bill when its turn is forgotten, with its model."""
        asked("forget", "-s", "ops", "1")
        assert asked("usage", "-s", "ops", "--json").json["cloud_cost"] == pytest.approx(2 * COST)

    def test_an_unknown_price_is_said(self, asked: Trooper) -> None:
        """A model that no table names costs an unknown sum, which is said and not counted as nothing."""
        (asked.home / "prices.toml").unlink()
        told = asked("usage", "--json").json
        assert next(row["cost"] for row in told["used"] if row["model"] == "claude-standin") is None
        text = asked("usage").text
        assert "$?" in text
        assert "without claude-standin: no price is known" in text

    @pytest.mark.parametrize("text", ["[[price]]\nmodel = 'x'\n", OWN.replace("1000", "-1"), "price = 5\n", "a = \n"])
    def test_a_bad_price_table_is_configuration(self, asked: Trooper, text: str) -> None:
        """A table that cannot be used is exit 78 and names its file."""
        (asked.home / "prices.toml").write_text(text)
        done = asked("usage")
        assert (done.code, done.out) == (78, b"")
        assert "prices.toml" in done.notices

    def test_a_broken_answer_has_no_figures(self, trooper: Trooper, cloud: Standin) -> None:
        """An answer that broke off is counted as a request whose tokens nobody told."""
        cloud.respond = lambda _: [STREAM_HEAD, *message_events("half of it")[:5]]
        trooper("ask", "-s", "ops", "--stream", "--no-fallback", "hello")
        assert "requests that came to no end" in trooper("usage").text

    def test_nothing_yet(self, trooper: Trooper) -> None:
        """Without a record there is a word to say so, and JSON of nothing."""
        assert "no request is on record" in trooper("usage").text
        assert trooper("usage", "--json").json["used"] == []


class TestSaved:
    """What was saved, by what can be known."""

    def test_local_turns(self, asked: Trooper) -> None:
        """Tokens that engines here counted, at the price of the cloud model that is set."""
        told = asked("usage", "--json", TROOPER_CLOUD_MODEL="claude-opus-5-5").json
        assert told["by_local"] == {"tokens": 13, "dollars": pytest.approx((9 * 4 + 4 * 20) / 1e6)}
        assert asked("usage", "--json", TROOPER_CLOUD_MODEL="mystery").json["by_local"]["dollars"] is None

    def test_compression(self, trooper: Trooper, cloud: Standin) -> None:
        """Bytes of earlier public turns that were not sent, at the tokens a byte of the request that was."""
        for number in range(6):
            trooper("ask", "-s", "ops", f"{number} " + "The pool drains when a worker leaves its client open. " * 30)
            trooper("ask", "-s", "ops", "--local", "private " * 300)
        assert trooper("usage", "--json").json["by_compression"]["tokens"] == 0
        prompt = "and now?"
        trooper("ask", "-s", "ops", "--budget", "700", prompt)
        verbatim = sum(
            len(text.encode())
            for turn in trooper.turns("ops")
            if turn["label"] == "public" and turn["prompt"] != prompt
            for text in (turn["prompt"], turn["answer"])
        ) + len(prompt)
        sent = len(cloud.requests[-1].body)
        assert sent < verbatim / 2
        (trooper.home / "prices.toml").write_text(OWN)
        tokens = int((verbatim - sent) * 18 / sent)
        assert trooper("usage", "--json").json["by_compression"] == {
            "tokens": tokens,
            "dollars": pytest.approx(tokens * 100 / 1e6),
        }

    def test_a_request_larger_than_its_text_saves_nothing(self, tmp_path: Path) -> None:
        """Where compression does not pay, nothing is subtracted either."""
        table = load(tmp_path / "none.toml")
        spendings = [Spending("cloud", "anthropic", "claude-sonnet-5-5", 10, 1, 0, 0, 500, 400)]
        assert total(spendings, table, "claude-sonnet-5-5").by_compression.tokens == 0


class TestPrices:
    """The table in the package."""

    def test_a_request_finds_its_row(self, tmp_path: Path) -> None:
        """By name, with or without a date behind it, and by the size of the request."""
        table = load(tmp_path / "none.toml")
        small, large = table.of("claude-haiku-5-5", 100_000), table.of("claude-haiku-5-5-20261001", 100_001)
        assert small is not None
        assert large is not None
        assert (small.input, large.input) == (0.10, 0.50)
        assert table.of("claude-haiku-5", 1) is None
        assert table.of("claude-haiku-5-5-turbo", 1) is None
        # One that came out after the table was made is not priced as another of its name.
        assert table.of("claude-opus-5-9", 1) is None

    def test_every_active_model_has_a_price(self, tmp_path: Path) -> None:
        """With that of a cache of one hour, dearer than one of five minutes, and a window in the other table."""
        table = load(tmp_path / "none.toml")
        for model in prices.ACTIVE:
            price = table.of(model, 1)
            assert price is not None, model
            assert price.cache_write_1h == pytest.approx(2 * price.input)
            assert price.output > 2 * price.input > price.cache_write > price.input > price.cache_read > 0
            assert window_of(model, "", {"TROOPER_HOME": str(tmp_path)}) >= 200_000
        assert table.us_factor == prices.US_FACTOR

    def test_an_hour_and_the_united_states_are_dearer(self, tmp_path: Path) -> None:
        """What is written for an hour has its own price; each price has the factor of the place."""
        table = load(tmp_path / "none.toml")
        used = Spending("cloud", "anthropic", "claude-sonnet-5-5", 1000, 100, 300, 500, 0, 0, cache_write_1h=200)
        dollars = (200 * 2 + 100 * 10 + 300 * 0.1 + 300 * 2.5 + 200 * 4) / 1e6
        assert total([used], table, "").cloud_cost == pytest.approx(dollars)
        assert total([used._replace(inference_geo="us")], table, "").cloud_cost == pytest.approx(dollars * 1.1)
        assert total([used._replace(inference_geo="global")], table, "").cloud_cost == pytest.approx(dollars)

    def test_a_price_of_the_user_s_needs_no_hour(self, asked: Trooper) -> None:
        """Where it is not named it is twice the input; a bad one is refused as any other."""
        (asked.home / "prices.toml").write_text(f"{OWN}cache_write_1h = 7000\n")
        assert asked("usage", "--json").json["cloud_cost"] == pytest.approx(3 * COST)
        (asked.home / "prices.toml").write_text(f"{OWN}cache_write_1h = -1\n")
        assert asked("usage").code == 78

    def test_the_tables_are_those_of_genai_prices(self) -> None:
        """Nobody edits them by hand."""
        pytest.importorskip("genai_prices", reason="not installed; pip install '.[test]'")
        for path, text in priced().items():
            assert path.read_text(encoding="utf-8") == text, "run `python -m tools.generate`"

    def test_without_genai_prices_it_is_said_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The tables stay as they are, whether it is not there or another release of it is."""
        import tools.generate

        monkeypatch.setattr(tools.generate, "generated", dict)
        monkeypatch.setitem(sys.modules, "genai_prices", None)
        assert tools.generate.main() == 1
        assert f"pip install genai-prices=={prices.RELEASE}" in capsys.readouterr().err
        other, data = ModuleType("genai_prices"), ModuleType("genai_prices.data")
        vars(other)["__version__"], vars(data)["providers"] = "9.9.9", []
        monkeypatch.setitem(sys.modules, "genai_prices", other)
        monkeypatch.setitem(sys.modules, "genai_prices.data", data)
        assert tools.generate.main() == 1
        assert "genai-prices 9.9.9 is installed and RELEASE" in capsys.readouterr().err


class TestShown:
    """For people."""

    def test_bars_on_a_terminal_alone(self, asked: Trooper) -> None:
        """A bar a row on a terminal, the longest for the most tokens; none in a pipe."""
        assert "█" not in asked("usage").text
        shown = on_terminal(asked, "usage", TERM="dumb", COLUMNS="120")[1].decode()
        bars = {line.split()[1]: line.count("█") for line in shown.splitlines() if "█" in line or "▏" in line}
        assert bars["claude-standin"] == 24
        assert 3 <= bars["llama3.2:latest"] <= 5
        assert "\x1b[36m" in on_terminal(asked, "usage", TERM="xterm")[1].decode()

    def test_how_it_is_computed_is_said(self, asked: Trooper) -> None:
        """The text names the date of the prices and what the savings are taken from."""
        text = asked("usage").text
        assert "at prices of 2026-11" in text
        assert "at the price of claude-sonnet-5-5" in text
        assert "bytes of all earlier public turns less bytes sent" in text


def test_an_answer_says_what_it_cost(trooper: Trooper) -> None:
    """In USD: nothing where this machine gave it; a broken table of prices takes no answer away."""
    prices = '[[price]]\nmodel = "claude-standin"\ninput = 1\noutput = 2\ncache_read = 3\ncache_write = 4\n'
    trooper.home.mkdir()
    (trooper.home / "prices.toml").write_text(prices)
    assert trooper("ask", "--json", "hello").json["cost"] == pytest.approx((11 * 1 + 7 * 2 + 5 * 3 + 2 * 4) / 1e6)
    assert trooper("ask", "--json", "--local", "hello").json["cost"] == 0
    (trooper.home / "prices.toml").write_text("none")
    assert trooper("ask", "--json", "hello").json["cost"] is None
