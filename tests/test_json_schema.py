"""A JSON Schema before anything is sent, and an answer that is held against it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trooper_cli.engines.schema_forms import for_claude, for_grammar, for_openai
from trooper_cli.errors import SchemaMismatchError, UsageError
from trooper_cli.json_schema import fitting, schema_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin import Standin

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
DEFINED = {"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}
RECURSIVE = {"type": "object", "properties": {"next": {"$ref": "#"}}}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"type": "strin"}',
        '{"a": 1, "a": 2}',
        '{"const": NaN}',
        '{"const": 1e999}',
        '{"const": "\\ud800"}',
        '{"pattern": "("}',
        '{"pattern": "\\\\p{L}"}',
        '{"patternProperties": {"(": {}}}',
        '{"$schema": "https://example.com/dialect"}',
        '{"$ref": "#"}',
        '{"$ref": "#/$defs/missing"}',
        '{"anyOf": [{"$ref": "other.json"}]}',
        "[" * 100_000,
        '{"not":' * 5_000 + "{}" + "}" * 5_000,
    ],
    ids=lambda text: text[:40],
)
def test_no_valid_schema(text: str) -> None:
    with pytest.raises(UsageError):
        schema_of(text)


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$recursiveRef"])
def test_nothing_is_fetched(cloud: Standin, tmp_path: Path, keyword: str) -> None:
    """Neither from an address nor from a file, wherever the reference stands, whatever $id is its base."""
    (tmp_path / "other.json").write_text('{"type": "string"}')
    for target in (f"{cloud.url}/other.json", (tmp_path / "other.json").as_uri(), "other.json"):
        for schema in (
            {keyword: target},
            {"properties": {"a": {"items": {keyword: target}}}},
            {"$id": f"{cloud.url}/base.json", "not": {keyword: target}},
            {"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": {keyword: target}}},
        ):
            with pytest.raises(UsageError, match="outside itself"):
                schema_of(json.dumps(schema))
    # What the check by hand does not see, the library does not fetch either.
    hidden = schema_of(json.dumps({"$id": f"{cloud.url}/a/", "enum": [{"$ref": "b"}], "default": {"$ref": "c"}}))
    assert fitting('{"$ref": "b"}', hidden)[1] == {"$ref": "b"}
    assert cloud.connections == 0


def test_a_registry_that_is_empty(cloud: Standin) -> None:
    """A reference that got past the check is an error, and no request."""
    from trooper_cli.json_schema import Schema

    with pytest.raises(UsageError):
        fitting("1", Schema({"$ref": f"{cloud.url}/other.json"}, ""))
    assert cloud.connections == 0


@pytest.mark.parametrize(
    "schema", [PERSON, DEFINED, RECURSIVE, True, {"$schema": "http://json-schema.org/draft-07/schema#"}]
)
def test_valid_schemas(schema: Any) -> None:
    assert schema_of(json.dumps(schema)).value == schema


def test_answers() -> None:
    schema = schema_of(json.dumps(PERSON))
    for answer in ('{"age": 3}', ' {"age": 3}\n', 'Sure:\n```json\n{"age": 3}\n```\nDone.', '~~~\n{"age": 3}'):
        assert fitting(answer, schema) == ('{"age": 3}', {"age": 3})
    for answer in ("", "three", 'It is {"age": 3}', '```\n{"age": 3}\n```\n```\n{"age": 4}\n```', '{"age": NaN}'):
        with pytest.raises(SchemaMismatchError, match="not JSON"):
            fitting(answer, schema)
    assert fitting("null", schema_of('{"type": "null"}')) == ("null", None)


def test_the_error_names_the_path_and_nothing_of_the_answer() -> None:
    """The complaint does, which goes to the model."""
    schema = {"properties": {"team": {"items": {"properties": {"age": {"maximum": 9}}, "additionalProperties": False}}}}
    with pytest.raises(SchemaMismatchError) as wrong:
        fitting('{"team": [{}, {"age": 47110815}]}', schema_of(json.dumps(schema)))
    assert '$.team[1].age breaks "maximum"' in str(wrong.value)
    assert "47110815" not in str(wrong.value)
    assert "47110815" in wrong.value.complaint
    with pytest.raises(SchemaMismatchError) as wrong:
        fitting('{"Ottilie": "x"}', schema_of('{"additionalProperties": {"type": "integer"}}'))
    assert '$.* breaks "type"' in str(wrong.value)


def test_the_form_for_claude() -> None:
    """Objects are closed, several types become several schemas, what is not enforced is told in words."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 3, "description": "In years."},
            "name": {"type": ["string", "null"]},
            "kind": {"enum": ["a", 1]},
            "days": {"type": "array", "items": {"$ref": "#/$defs/day"}, "minItems": 2},
        },
        "required": ["age"],
        "$defs": {"day": {"type": "string", "format": "date"}},
    }
    assert for_claude(schema) == (
        {
            "$defs": {"day": {"type": "string", "format": "date"}},
            "type": "object",
            "properties": {
                "age": {"type": "integer", "description": 'In years.\n\n{"minimum": 3}'},
                "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "kind": {"enum": ["a", 1]},
                "days": {"type": "array", "items": {"$ref": "#/$defs/day"}, "description": '{"minItems": 2}'},
            },
            "additionalProperties": False,
            "required": ["age"],
        },
        ("minimum", "minItems"),
    )


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "additionalProperties"),
        (RECURSIVE, "$ref"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "$ref"),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}},
            },
            "$ref",
        ),
        ({"not": {"type": "string"}}, "not"),
        (True, "a part without a type"),
    ],
)
def test_what_claude_takes_no_form_of(schema: Any, keyword: str) -> None:
    """Such a schema is told in the system prompt."""
    assert for_claude(schema) == (None, (keyword,))


def test_the_form_for_a_grammar() -> None:
    """llama.cpp refuses a `false` below, and takes patterns from the beginning to the end of a text."""
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "prefixItems": [{"type": "boolean"}, True], "items": False},
            "code": {"type": "string", "pattern": "[a-z]+"},
            "word": {"type": "string", "pattern": "^[a-z]+$", "format": "email"},
            "cost": {"type": "number", "multipleOf": 0.5, "minimum": 0},
            "count": {"type": "integer", "minimum": 0},
            "text": {"allOf": [{"type": "string"}, {"maxLength": 3}]},
        },
        "not": {"required": ["code"]},
    }
    form, unenforced = for_grammar(schema)
    assert form == {
        "type": "object",
        "properties": {
            "list": {"type": "array", "prefixItems": [{"type": "boolean"}, {}]},
            "code": {"type": "string"},
            "word": {"type": "string", "pattern": "^[a-z]+$"},
            "cost": {"type": "number", "minimum": 0},
            "count": {"type": "integer", "minimum": 0},
            "text": {},
        },
    }
    assert unenforced == ("items", "pattern", "multipleOf", "minimum", "allOf", "not")


def test_the_form_for_a_cloud_of_the_openai_api() -> None:
    """It is strict where the schema is of the kind that such a cloud enforces."""
    strict = PERSON | {"additionalProperties": False}
    (form, unenforced), (loose_form, lost) = for_openai(strict), for_openai(PERSON)
    assert form == {"type": "json_schema", "json_schema": {"name": "answer", "schema": strict, "strict": True}}
    assert (unenforced, loose_form["json_schema"]["strict"], len(lost)) == ((), False, 1)
