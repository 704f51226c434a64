"""One turn, start to finish: it is decided once, looked at by one guard, and written down in one place."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user
from trooper_cli import messages
from trooper_cli.ask import pipeline, route
from trooper_cli.ask.person import Person
from trooper_cli.ask.pipeline import ask
from trooper_cli.ask.request import AskRequest
from trooper_cli.guard.guard import Guard
from trooper_cli.messages.adapter import CliOptions, to_ask_request
from trooper_cli.messages.request import read
from trooper_cli.messages.response import Reply
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from tests.standin import Standin
    from trooper_cli.ask.caller import Caller
    from trooper_cli.ask.turn_in_progress import Answer

CODE = Path(pipeline.__file__).parent
PIPELINE = [
    CODE / f"{name}.py"
    for name in (
        "attempt",
        "caller",
        "fallback",
        "output",
        "person",
        "pipeline",
        "rehearsal",
        "request",
        "route",
        "turn_in_progress",
    )
]
# What writes a turn's rows, or has the guard remember its text.
WRITING = {
    "begin",
    "finish",
    "begin_attempt",
    "end_attempt",
    "learn_ratio",
    "remember",
    "remember_report",
    "fingerprint",
}


@pytest.fixture
def settings(tmp_path: Path, cloud: Standin, local: Standin) -> Settings:
    environ = {"ANTHROPIC_API_KEY": "sk-" + "x" * 20, "ANTHROPIC_BASE_URL": cloud.url, "OLLAMA_HOST": local.url}
    return Settings(environ | {"TROOPER_HOME": str(tmp_path)})


def person(ask_request: AskRequest, settings: Settings) -> tuple[AskRequest, Caller]:
    del settings
    return ask_request, Person(lambda _: None)


def program(ask_request: AskRequest, settings: Settings) -> tuple[AskRequest, Caller]:
    body = request(
        user("hello"), assistant("well?"), user(ask_request.prompt), x_force_local=bool(ask_request.local_flag)
    )
    return to_ask_request(read(json.dumps(body)), CliOptions(), settings, Reply(lambda _: None))


@pytest.mark.parametrize("made", [person, program])
@pytest.mark.parametrize("local_flag", [True, None])
def test_a_turn_is_decided_once_by_one_guard(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Any, local_flag: Any
) -> None:
    """Whoever asks: one decision, one opening of the guard."""
    calls: list[str] = []
    decide, begin = route.decision_of, Guard.__init__

    def decided(*arguments: Any) -> Any:
        calls.append("decision")
        return decide(*arguments)

    def opened(self: Guard, *arguments: Any) -> None:
        calls.append("guard")
        begin(self, *arguments)

    monkeypatch.setattr(pipeline, "decision_of", decided)
    monkeypatch.setattr(Guard, "__init__", opened)
    ask_request, caller = made(AskRequest("what now?", local_flag=local_flag), settings)
    answer = ask(ask_request, caller, settings, tmp_path, lambda _: None)
    assert answer.text == ("a local answer" if local_flag else "a cloud answer")
    assert calls == ["decision", "guard"]


def test_what_came_of_a_turn_is_not_changed(settings: Settings, tmp_path: Path) -> None:
    """An answer says what was so; nobody writes into it."""
    answer: Answer = ask(AskRequest("what now?"), Person(lambda _: None), settings, tmp_path, lambda _: None)
    with pytest.raises(AttributeError):
        answer.failure = None  # type: ignore[misc]


def test_one_file_writes_a_turn_down() -> None:
    """In the pipeline, `output.py` alone writes to the session and has the guard remember a turn."""
    writers = {
        file.stem
        for file in PIPELINE
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in WRITING
        and ast.unparse(call.func.value).rpartition(".")[2].strip("_") in {"session", "guard"}
    }
    assert writers == {"output"}


@pytest.mark.parametrize("file", PIPELINE, ids=lambda file: file.stem)
def test_the_pipeline_does_not_know_its_caller(file: Path) -> None:
    """No module of the pipeline imports one of the Messages API."""
    package = messages.__name__
    imported = {
        node.module
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(package)
    }
    assert not imported
