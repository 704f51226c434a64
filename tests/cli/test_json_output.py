"""What a program reads of a command is what its JSON Schema says, and each field is explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.standin import api_error, claude
from tools.schemas import rows_of, schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Outcome, Trooper
    from tests.standin import Standin

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
SECRET = "Bartholomew signs the Zentara contract on Monday in Lisbon before noon"


def closed(schema: Any) -> Any:
    """Return a schema that allows no field that it does not name, as its users may not demand."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    return {"additionalProperties": False} | found if "required" in found else found


def check(name: str, value: Any) -> None:
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert [
        f"{each.json_path}: {each.message}" for each in Draft202012Validator(closed(schema)).iter_errors(value)
    ] == []


def by_cloud(trooper: Trooper, _: Standin) -> Outcome:
    return trooper("ask", "-s", "ops", "--json", "why?")


def by_fallback(trooper: Trooper, cloud: Standin) -> Outcome:
    cloud.respond = lambda _: api_error(500, "api_error", "down")
    return trooper("ask", "--json", "why?", TROOPER_LOCAL_ENGINE="ollama")


def privately(trooper: Trooper, _: Standin) -> Outcome:
    return trooper("ask", "-s", "ops", "--local", "--json", "why?")


# How each output comes to be: where there are several, their records differ.
MADE: list[tuple[str, Callable[[Trooper, Standin], Outcome]]] = [
    ("ask", by_cloud),
    ("ask", by_fallback),
    ("ask", privately),
    ("batch", lambda trooper, _: trooper("ask", "--jsonl", stdin='{"prompt": "why?"}\n{"id": 1, "prompt": "so?"}\n{')),
    ("dry_run", lambda trooper, _: trooper("ask", "-s", "ops", "--dry-run", "why?")),
    ("dry_run", lambda trooper, _: trooper("ask", "--local", "--dry-run", "why?", TROOPER_LOCAL_MODEL="llama3.2")),
    ("sessions", lambda trooper, _: trooper("sessions", "--json")),
    ("show", lambda trooper, _: trooper("show", "-s", "ops", "--json")),
    ("export", lambda trooper, _: trooper("export", "-s", "ops")),
    ("sitrep", lambda trooper, _: trooper("sitrep", "-s", "ops", "--json")),
    ("audit", lambda trooper, _: trooper("audit", "-s", "ops", "--json")),
    ("guard", lambda trooper, _: trooper("guard", "--json", stdin=f"they say: {SECRET}! AKIA{'Q3EGRIGAXH5WZJ2K'}")),
    ("models", lambda trooper, _: trooper("models", "--json")),
    ("count", lambda trooper, _: trooper("count", "--json", stdin="hello")),
    ("usage", lambda trooper, _: trooper("usage", "--json")),
    ("doctor", lambda trooper, _: trooper("doctor", "--json")),
    ("config", lambda trooper, _: trooper("config", "--json")),
]


@pytest.mark.parametrize(("name", "make"), MADE, ids=[f"{name} {number}" for number, (name, _) in enumerate(MADE)])
def test_an_output_is_what_its_schema_says(
    trooper: Trooper, cloud: Standin, name: str, make: Callable[[Trooper, Standin], Outcome]
) -> None:
    """Each object of it, in a home that has public, private, failed and shared turns."""
    trooper("ask", "-s", "ops", "--system", "Be brief.", "The port is 5432. Never restart db1 by day.")
    trooper("ask", "-s", "ops", "--local", SECRET)
    cloud.respond = lambda _: api_error(400, "invalid_request_error", "no")
    trooper("ask", "-s", "ops", "--no-fallback", "what else?")
    cloud.respond = claude()
    trooper("share", "-s", "ops", "2")
    text = make(trooper, cloud).text
    found = [json.loads(text)] if name in {"dry_run", "models", "doctor"} else list(map(json.loads, text.splitlines()))
    assert found
    for value in found:
        check(name, value)


def test_every_output_has_a_schema_and_is_tried() -> None:
    """A new one is added to both; no file is left of one that is gone."""
    assert {name for name, _ in MADE} == schemas().keys() == {path.stem for path in FOLDER.glob("*.json")}


def test_each_field_is_explained() -> None:
    """In the reference, which is made from the same types."""
    assert [(name, path) for name, schema in schemas().items() for path, _, said in rows_of(schema) if not said] == []
