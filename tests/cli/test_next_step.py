"""Errors and notices that a newcomer meets: each names what is meant, and a next step that leads somewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.in_process import run_in_process

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("TROOPER_API_KEY", "did you mean ANTHROPIC_API_KEY?"),
        ("TROOPER_BASE_URL", "did you mean ANTHROPIC_BASE_URL?"),
        ("TROOPER_CLOUD_MODL", "did you mean TROOPER_CLOUD_MODEL?"),
        ("TROOPER_WINDOWS", "`trooper config` lists what there is"),
    ],
)
def test_a_variable_that_there_is_not(trooper: Trooper, cloud: Standin, variable: str, hint: str) -> None:
    """Only what is near is suggested, and Claude's own variables by their own names."""
    done = trooper("ask", "hi", **{variable: "1"})
    assert (done.code, done.out, cloud.connections) == (78, b"", 0)
    assert done.notices.rstrip().endswith(hint)


def test_a_dry_run_says_what_only_the_engine_knows(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """A local server is asked first which model it has; a dry run asks nobody, and says so. The cloud's is exact."""
    done = trooper("ask", "--local", "--dry-run", "-m", "llama3.2", "hi")
    assert done.code == 0
    assert "a dry run asks nobody: ollama is asked first" in done.notices
    assert trooper("ask", "--local", "--dry-run", "-q", "-m", "llama3.2", "hi").notices == ""
    assert local.connections == 0
    exact = trooper("ask", "--dry-run", "hi")
    assert (exact.code, exact.notices, cloud.connections) == (0, "", 0)
    assert trooper("ask", "hi").code == 0
    assert exact.json["body"] | {"stream": None} == cloud.bodies[-1] | {"stream": None}


def test_a_value_below_zero(trooper: Trooper) -> None:
    """`-1` is a value of a setting; what looks like an option is none."""
    assert trooper("config", "set", "keep_alive", "-1").code == 0
    assert 'keep_alive = "-1"' in (trooper.home / "config.toml").read_text()
    assert trooper("config", "set", "keep_alive", "--sesion", "1").code == 2
    assert trooper("config", "set", "keep_alive", "-q1").code == 2


def test_a_hook_that_there_is_not(trooper: Trooper) -> None:
    """The error names the argument and the hooks there are; the help says what stands in for the others."""
    done = trooper("hook", "install", "pre-commit")
    assert done.code == 2
    assert "'HOOK'" in done.notices
    assert "'prepare-commit-msg'" in done.notices
    assert "trooper guard" in trooper("hook", "install", "--help").text


@pytest.mark.skipif(sys.platform == "win32", reason="an address that refuses at once")
def test_the_small_model_without_a_network(trooper: Trooper) -> None:
    """The error comes soon and names the host."""
    began = time.monotonic()
    done = trooper("pull", PIP_INDEX_URL="https://127.0.0.1:9/simple", PIP_NO_INPUT="1")
    assert done.code == 69
    assert "could not be fetched from 127.0.0.1; is there a network?" in done.notices
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ('[[prices]]\nmodel = "m"\n', "has 'prices', which is unknown"),
        ('price = "m"\n', "has a price that is no table"),
        ('[[price]]\nmodel = "m"\ninput = 1\noutput = 2\n', "lacks cache_read, cache_write; add"),
        (
            '[[price]]\nmodel = "m"\ninput = 1\noutput = 2\ncache_read = 0\ncache_write = 0\nper = 1\n',
            "has 'per'; the fields are model, input, output, cache_read, cache_write, up_to, cache_write_1h",
        ),
    ],
)
def test_a_price_that_is_none(trooper: Trooper, table: str, error: str) -> None:
    """The file, and only what is missing or strange."""
    trooper.home.mkdir(mode=0o700)
    (trooper.home / "prices.toml").write_text(table)
    done = trooper("usage")
    assert (done.code, done.out) == (78, b"")
    assert str(trooper.home / "prices.toml") in done.notices
    assert error in done.notices


@pytest.mark.parametrize(
    "arguments", ["forget S", "share S", "forget -s S x", "config set S x", "config unset S", "config set -s ops S x"]
)
def test_no_error_repeats_what_may_be_a_prompt(trooper: Trooper, arguments: str) -> None:
    """What stands where a name is expected and is none is a prompt by mistake: the next step is told without it."""
    prompt = "The Bluefin merger closes on Monday"
    done = run_in_process(trooper.home, *(prompt if word == "S" else word for word in arguments.split()))
    assert (done.code, "Bluefin" in done.notices) == (2, False), done.notices
    assert "NAME" in done.notices or "`trooper config` lists them" in done.notices
