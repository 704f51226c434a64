"""The locality test kit against this implementation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.standin import plain

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

CASES = sorted((Path(__file__).parent / "conformance").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_case(path: Path, trooper: Trooper, cloud: Standin) -> None:
    """Exit code and cloud bytes are those of the case."""
    case = json.loads(path.read_text(encoding="utf-8"))
    if case["session"]:
        lines = "\n".join(json.dumps(turn) for turn in case["session"])
        assert trooper("import", "-s", "s", stdin=lines).code == 0
    ask = case["ask"]
    if "config" in ask:
        trooper.home.mkdir(parents=True, exist_ok=True)
        (trooper.home / "config.toml").write_text(ask["config"], encoding="utf-8")
    environ = {"TROOPER_LOCAL_ENGINE": "ollama"} | ask.get("environment", {})
    done = trooper(ask.get("command", "ask"), "-s", "s", *ask["arguments"], stdin=ask.get("stdin"), **environ)
    expect = case["expect"]
    assert done.code == expect["exit"], done.notices
    if "then" in case:
        assert cloud.connections == 0
        assert trooper("ask", "-s", "s", *case["then"]["arguments"]).code == 0
    if expect["cloud"] is None:
        assert cloud.connections == 0
    else:
        (body,) = cloud.bodies
        assert plain(body["messages"]) == expect["cloud"]
        assert not body.get("system")
    for text in expect.get("never", []):
        assert text.encode() not in cloud.bytes


def test_most_cases_are_there() -> None:
    """The kit is found where it lies."""
    assert len(CASES) >= 20
