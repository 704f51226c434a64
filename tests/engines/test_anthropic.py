"""What a request to Claude holds, and what it never holds by our own choice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

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
    body = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    for own in ({}, {"x_session": "ops"}, {"x_session": "ops"}):
        assert trooper("messages", stdin=json.dumps(body | own)).code == 0
    check_fields(cloud)
    assert {name for sent in cloud.bodies for name in sent} == {"model", "max_tokens", "messages"}
