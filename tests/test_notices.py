"""What notices and errors name: the cloud by one name, the model, the true limit, the log, the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.matrix import always, openai_error
from tests.standin import api_error, http, ollama

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin


@pytest.mark.parametrize("kind", ["anthropic", "other"])
def test_a_cloud_is_named_and_its_model(trooper: Trooper, serve: Callable[..., Standin], kind: str) -> None:
    """An unknown model is repeated, an invalid request has a next step, and a fallback names the model that answers."""
    cloud = serve(always([]))
    trooper.home.mkdir(exist_ok=True)
    table = f'[[clouds]]\nname = "other"\nurl = "{cloud.url}/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\n'
    (trooper.home / "config.toml").write_text(table)
    trooper.environ |= {"ANTHROPIC_BASE_URL": cloud.url, "OTHER_KEY": "key"}
    error = api_error if kind == "anthropic" else openai_error
    ask = ["ask", f"--cloud={kind}", "-m", "no-such-model", "hello"]
    cloud.respond = always(error(404, "not_found_error"))
    done = trooper(*ask)
    assert (done.code, "does not know the model no-such-model" in done.notices) == (78, True), done.notices
    assert done.notices.startswith(f"trooper: {kind} ")
    cloud.respond = always(error(400, "invalid_request_error"))
    done = trooper(*ask)
    assert (done.code, "see --model, --effort" in done.notices) == (65, True), done.notices
    cloud.respond = always(error(402, "billing_error"))
    done = trooper(*ask)
    assert done.notices.startswith(f"trooper: {kind} has no quota left"), done.notices
    assert "; llama3.2:latest (ollama) on this machine answers instead" in done.notices
    assert str(cloud.port) not in done.notices


def test_a_limit_is_named_as_what_it_is(trooper: Trooper, local: Standin, serve: Callable[..., Standin]) -> None:
    """A prompt over what the model takes says so, with what is kept for the answer; one over the budget names that."""
    local.respond = ollama(context=8192)
    prompt = "why does it drain? " * 2_000
    done = trooper("ask", "--local", stdin=prompt)
    assert done.code == 65
    assert "llama3.2:latest takes 8,192 tokens, 2,048 kept for the answer; shorten it, or choose a" in done.notices
    assert "budget" not in done.notices
    assert (
        "and the budget is 500; shorten it, or see --budget" in trooper("ask", "--budget", "500", stdin=prompt).notices
    )
    window = serve(always([]))
    table = (
        f'[[clouds]]\nname = "other"\nurl = "{window.url}/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\nwindow = 2000\n'
    )
    (trooper.home / "config.toml").write_text(table)
    done = trooper("ask", "--cloud=other", stdin=prompt, OTHER_KEY="key")
    assert (done.code, "and large of other takes 2,000; shorten it" in done.notices) == (65, True), done.notices
    assert not window.requests


def test_ollama_names_its_log(trooper: Trooper, local: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that cannot be loaded is told with the place of the log, which is where Ollama's documentation says."""
    from trooper_cli.engines.ollama_errors import log

    local.respond = ollama(chat=always(http(500, '{"error": "llama runner process has terminated: exit status 2"}')))
    done = trooper("ask", "--local", "hello")
    assert (done.code, f"could not load or run llama3.2:latest (500); its log tells why: {log()}" in done.notices) == (
        69,
        True,
    ), done.notices
    monkeypatch.setattr("sys.platform", "darwin")
    assert log() == "~/.ollama/logs/server.log"
    monkeypatch.setattr("sys.platform", "linux")
    assert "journalctl -u ollama" in log()
