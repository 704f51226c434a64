"""Which of Ollama's models answers where none is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.standin import api_error, ollama
from trooper_cli.engines.local import installed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin

CHAT, EMBED = ("completion", "tools"), ("embedding",)
# As `/api/tags` lists them, the newest first.
MODELS = {"nomic-embed-text:latest": EMBED, "newer:latest": CHAT, "older:latest": CHAT}


@pytest.fixture
def several(local: Standin) -> Standin:
    local.respond = ollama(models=MODELS, capabilities=MODELS)
    return local


def asked(server: Standin) -> list[str]:
    return [body["model"] for body in server.bodies]


def test_an_embedder_that_is_the_newest_is_passed_over(trooper: Trooper, local: Standin) -> None:
    """One model can chat: it is asked, and as there is no choice nothing is said of it."""
    models = {"nomic-embed-text:latest": EMBED, "llama3.2:latest": CHAT}
    local.respond = ollama(models=models, capabilities=models)
    done = trooper("ask", "--local", "hello")
    assert (done.code, done.text, done.notices) == (0, "a local answer\n", "")
    assert asked(local) == ["llama3.2:latest:local"]


def test_of_several_the_one_used_last_is_asked_and_said(trooper: Trooper, several: Standin) -> None:
    """The newest at first, then the one that was named last; each time one notice says which, and how to choose."""
    done = trooper("ask", "--local", "hello")
    assert done.notices == (
        "trooper: Ollama has several models, and newer:latest answers; choose one with -m or "
        "`trooper config set local_model NAME`\n"
    )
    assert trooper("ask", "--local", "-m", "older", "hello").notices == ""
    assert "older:latest answers" in trooper("ask", "--local", "hello").notices
    assert asked(several) == ["newer:latest:local", "older:local", "older:latest:local"]
    done = trooper("ask", "--local", "hello", TROOPER_LOCAL_MODEL="newer")
    assert (done.code, done.notices) == (0, "")


def test_what_private_turns_used_does_not_choose_for_public_ones(trooper: Trooper, several: Standin) -> None:
    """A public turn that is answered here is told to the cloud later: its model must not depend on private turns."""
    assert trooper("ask", "--local", "-m", "older", "a secret").code == 0
    assert trooper("ask", "hello", ANTHROPIC_API_KEY=None).code == 0
    assert trooper("ask", "--local", "hello").code == 0
    assert asked(several) == ["older:local", "newer:latest:local", "newer:latest:local"]


def test_a_note_that_is_damaged_or_names_a_model_that_is_gone(trooper: Trooper, several: Standin) -> None:
    """What is stored of the last model is a hint: without it the newest is asked."""
    trooper("ask", "--local", "-m", "older", "hello")
    note = trooper.home / "ollama_models.json"
    assert note.stat().st_mode & 0o777 == 0o600
    for text in (json.dumps({"private": "gone"}), json.dumps({"private": "nomic-embed-text:latest"}), "[", "[1]", ""):
        note.write_text(text)
        assert trooper("ask", "--local", "hello").code == 0
    assert asked(several)[1:] == ["newer:latest:local"] * 5


@pytest.mark.skipif(not installed(), reason="the extra `embedded` is not installed")
@pytest.mark.parametrize("models", [{}, {"nomic-embed-text:latest": EMBED}])
def test_an_ollama_without_a_usable_model_counts_as_not_there(
    trooper: Trooper, local: Standin, models: dict[str, tuple[str, ...]], model_file: Callable[[], object]
) -> None:
    """The embedded model stands in, with a notice; where only Ollama may answer, that is exit 78."""
    local.respond = ollama(models=models, capabilities=models)
    done = trooper("ask", "--local", "--json", "--max-tokens", "8", "hello", TROOPER_EMBEDDED_MODEL=str(model_file))
    assert (done.code, done.json["engine"]) == (0, "embedded")
    assert done.notices.startswith("trooper: this Ollama has no ")
    assert "the embedded engine answers" in done.notices
    done = trooper("ask", "--local", "hello", TROOPER_LOCAL_ENGINE="ollama")
    assert (done.code, done.out) == (78, b"")
    assert "ollama pull" in done.notices
    assert local.bodies == []


def test_a_named_model_that_cannot_chat_is_said(trooper: Trooper, several: Standin) -> None:
    """An embedder that is named is exit 78 before any text is sent."""
    done = trooper("ask", "--local", "-m", "nomic-embed-text", "hello")
    assert (done.code, done.out) == (78, b"")
    assert "cannot chat, it is for embedding" in done.notices
    assert several.bodies == []


def test_a_fallback_says_which_model_answers(trooper: Trooper, cloud: Standin, several: Standin) -> None:
    """Where Claude's quota is gone, a model that can chat stands in."""
    cloud.respond = lambda _: api_error(402, "billing_error")
    done = trooper("ask", "hello")
    assert (done.code, done.text) == (0, "a local answer\n")
    assert "newer:latest answers" in done.notices
    assert asked(several) == ["newer:latest:local"]


@pytest.mark.parametrize(("value", "sent"), [("10m", "10m"), ("-1", -1), ("0", 0), ("1h30m", "1h30m"), (None, None)])
def test_keep_alive_is_sent(trooper: Trooper, local: Standin, value: str | None, sent: str | int | None) -> None:
    """How long the model stays in memory is a setting; unset, it is Ollama's own."""
    assert trooper("ask", "--local", "hello", TROOPER_KEEP_ALIVE=value).code == 0
    assert local.bodies[0].get("keep_alive") == sent


@pytest.mark.parametrize("value", ["soon", "10 m", "1d", "--1", "1e3"])
def test_a_keep_alive_that_is_no_time_is_refused(trooper: Trooper, local: Standin, value: str) -> None:
    """Exit 78 names the variable and gives an example."""
    done = trooper("ask", "--local", "hello", TROOPER_KEEP_ALIVE=value)
    assert (done.code, done.out) == (78, b"")
    assert "TROOPER_KEEP_ALIVE" in done.notices
    assert local.bodies == []
