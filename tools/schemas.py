"""`docs/schemas/`: JSON Schemas of what the commands print, made from the types in `trooper_cli/json_output.py`."""

from __future__ import annotations

import types
from enum import StrEnum
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from trooper_cli import json_output  # noqa: TC001 - read when the hints of `Output` are

if TYPE_CHECKING:
    from collections.abc import Iterator


class Output(TypedDict):
    """Each JSON output by the command line that prints it."""

    ask: Annotated[json_output.Answer, "trooper ask --json"]
    batch: Annotated[
        json_output.BatchAnswer | json_output.BatchFailure,
        "trooper ask --jsonl",
        "What became of a line, one object a line.",
    ]
    dry_run: Annotated[json_output.Request, "trooper ask --dry-run"]
    sessions: Annotated[json_output.Session, "trooper sessions --json"]
    show: Annotated[json_output.Turn, "trooper show --json"]
    export: Annotated[json_output.ExportedTurn, "trooper export"]
    sitrep: Annotated[json_output.Report, "trooper sitrep --json", "A situation report."]
    audit: Annotated[json_output.Departure, "trooper audit --json"]
    guard: Annotated[json_output.Finding, "trooper guard --json"]
    models: Annotated[json_output.Models, "trooper models --json"]
    count: Annotated[json_output.Count, "trooper count --json"]
    usage: Annotated[json_output.Totals, "trooper usage --json"]
    doctor: Annotated[json_output.Health, "trooper doctor --json"]
    config: Annotated[dict[str, json_output.Setting], "trooper config --json", "Each setting by its name."]


# Of those that are not in their first version. It counts up where a field goes away or changes its meaning; a new field
# may come at any time.
VERSIONS: dict[str, int] = {}
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def schemas() -> dict[str, dict[str, Any]]:
    """Return by name the JSON Schema (draft 2020-12) of each JSON output."""
    found = {}
    for name, hint in fields_of(Output).items():
        kind, command, *described = get_args(hint)
        found[name] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:trooper:{name}:{VERSIONS.get(name, 1)}",
            "title": command,
            **schema_of(kind),
            **({"description": described[0]} if described else {}),
        }
    return found


def schema_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911
    """Return the schema of a type; what stands beside it in `Annotated` is its description.

    Raises:
        TypeError: a type of this kind has no schema here.

    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return schema_of(arguments[0]) | {"description": arguments[1]}
    if origin is NotRequired:
        return schema_of(arguments[0])
    if kind is object:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin in {Union, types.UnionType}:
        return _one_of([schema_of(each) for each in arguments])
    if is_typeddict(kind):
        return _object(kind)
    raise TypeError(f"no schema is known of {kind}")


def _one_of(parts: list[dict[str, Any]]) -> dict[str, Any]:
    if all(part.keys() == {"type"} for part in parts):
        return {"type": [part["type"] for part in parts]}
    return {"anyOf": parts}


def _object(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    fields = fields_of(kind)
    described = {"description": " ".join(kind.__doc__.split())} if kind.__doc__ else {}
    return {
        "type": "object",
        **described,
        "required": [name for name, hint in fields.items() if get_origin(hint) is not NotRequired],
        "properties": {name: schema_of(hint) for name, hint in fields.items()},
    }


def fields_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the fields of a typed dictionary with their types."""
    return get_type_hints(kind, include_extras=True)


def rows_of(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the path, the type and the description of each field of a schema, as the reference shows them."""
    for part in schema.get("anyOf", [schema]):
        if "items" in part:
            yield from rows_of(part["items"], f"{path}[]")
        if isinstance(part.get("additionalProperties"), dict):
            yield from rows_of(part["additionalProperties"], f"{path}.*")
        for name, field in part.get("properties", {}).items():
            below = f"{path}.{name}"
            kind = _word_for(field)
            if name not in part["required"]:
                kind += ", may be missing"
            is_own_object = "properties" in field or "properties" in field.get("items", {})
            yield below, kind, "" if is_own_object and "description" not in field else field.get("description", "")
            yield from rows_of(field, below)


def _word_for(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_word_for(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = schema.get("type", "any value")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
