"""A JSON Schema in the form that each engine takes, and what of it that engine cannot enforce.

What is left out here is checked when the answer is there. A form is a function of the schema alone.

Facts on Claude are of the vendor's documents and SDK 2.12 of November 2026 (`transform_schema`), those on grammars of
llama.cpp's converter, which Ollama and the embedded engine use, and were tried with both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from trooper_cli.json_schema import parts

if TYPE_CHECKING:
    from trooper_cli.json_schema import Schema

Value = dict[str, Any] | bool

# Claude knows these formats, and no bounds but an array's of one element at least.
_CLAUDE_FORMATS = {
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
}
# What says nothing about an answer.
_NOTES = {
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
}
_DEFINITIONS = ("$defs", "definitions")
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
# What llama.cpp takes no notice of, or makes a wrong grammar of.
_NO_GRAMMAR = {
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
    "multipleOf",
    "propertyNames",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
    "$recursiveRef",
}
_GRAMMAR_FORMATS = {"date", "time", "date-time", "uuid"}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


class Form(NamedTuple):
    """A schema as an engine takes it, None where it takes none such, and the keywords that it cannot enforce."""

    value: Any
    unenforced: tuple[str, ...]


class _ImpossibleError(Exception):
    """The engine takes no schema with this keyword."""


def for_claude(schema: Value) -> Form:
    """Return the schema as Claude's API takes it: objects are closed, and bounds become words of the description."""
    lost: dict[str, None] = {}
    try:
        _check_references(schema)
        return Form(_for_claude(schema, lost), tuple(lost))
    except _ImpossibleError as error:
        return Form(None, (str(error),))


def _check_references(schema: Value) -> None:
    """Raise if a part refers to itself, or to another place than a definition at the top."""
    if isinstance(schema, bool):
        return
    targets = {
        f"#/{kind}/{name}": {each["$ref"] for each in parts(part) if isinstance(each.get("$ref"), str)}
        for kind in _DEFINITIONS
        for name, part in _table(schema.get(kind)).items()
    }
    for part in parts(schema):
        reached, left = set[str](), [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        first = left[0] if left else ""
        while left:
            reference = left.pop()
            if reference not in targets or (reference in reached and reference == first):
                raise _ImpossibleError("$ref")
            if reference not in reached:
                reached.add(reference)
                left += targets[reference]
                if first in targets[reference]:
                    raise _ImpossibleError("$ref")


def _for_claude(schema: object, lost: dict[str, None]) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise _ImpossibleError("a part without a type")
    form: dict[str, Any] = {
        kind: {name: _for_claude(part, lost) for name, part in schema[kind].items()}
        for kind in _DEFINITIONS
        if isinstance(schema.get(kind), dict)
    }
    left = {name: item for name, item in schema.items() if name not in {*_NOTES, *_DEFINITIONS}}
    if (reference := left.pop("$ref", None)) is not None:
        lost.update(dict.fromkeys(left))
        return form | {"$ref": reference}
    kinds = left.pop("type", None) or next(
        (kind for kind, keywords in _OF_TYPE.items() if keywords & left.keys()), None
    )
    if isinstance(kinds, list):
        # One schema a type, each with what concerns it.
        others = {*left} - set[str]().union(*_OF_TYPE.values())
        alone = [
            {"type": kind, **{name: left[name] for name in left if name in others | _OF_TYPE.get(kind, set())}}
            for kind in kinds
        ]
        if len(alone) == 1:
            return _for_claude({**schema, "type": kinds[0]}, lost)
        return form | {"anyOf": [_for_claude(part, lost) for part in alone]} | _words(schema, {})
    literal = {
        name: left.pop(name)
        for name in ("enum", "const")
        if name in left and all(map(_is_plain, left[name] if name == "enum" else [left[name]]))
    }
    several = next((name for name in ("anyOf", "oneOf", "allOf") if isinstance(left.get(name), list)), None)
    if several is not None:
        form["allOf" if several == "allOf" else "anyOf"] = [_for_claude(part, lost) for part in left.pop(several)]
    elif literal:
        form |= literal
    elif kinds is None:
        raise _ImpossibleError(next(iter(left), "a part without a type"))
    else:
        form["type"] = kinds
        form |= _of_type(kinds, left, lost)
    if left:
        lost.update(dict.fromkeys(left))
    return form | _words(schema, left)


def _of_type(kind: str, left: dict[str, Any], lost: dict[str, None]) -> dict[str, Any]:
    """Return what Claude takes of an object, an array or a text, and take it out of what is left."""
    form: dict[str, Any] = {}
    if kind == "object":
        form["properties"] = {name: _for_claude(part, lost) for name, part in left.pop("properties", {}).items()}
        form["additionalProperties"] = False
        if left.get("additionalProperties", True) is False or form["properties"]:
            # Names beside those that are given may be left out by any answer.
            left.pop("additionalProperties", None)
        if "required" in left:
            form["required"] = left.pop("required")
            if not form["properties"].keys() >= set(form["required"]):
                raise _ImpossibleError("required")
        if not form["properties"] and "additionalProperties" in left:
            # An object of free names: closed, it would always be empty.
            raise _ImpossibleError("additionalProperties")
    elif kind == "array":
        if isinstance(left.get("items"), dict):
            form["items"] = _for_claude(left.pop("items"), lost)
        if left.get("minItems") in {0, 1}:
            form["minItems"] = left.pop("minItems")
    elif kind == "string" and left.get("format") in _CLAUDE_FORMATS:
        form["format"] = left.pop("format")
    return form


def _words(schema: dict[str, Any], left: dict[str, Any]) -> dict[str, Any]:
    """Return title and description; what Claude does not enforce stands there, so that the model may keep to it."""
    words = {name: schema[name] for name in ("title", "description") if isinstance(schema.get(name), str)}
    if left:
        told = json.dumps(left, ensure_ascii=False)
        words["description"] = f"{words['description']}\n\n{told}" if "description" in words else told
    return words


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def in_words(schema: Schema, system: str | None) -> str:
    """Return a system prompt that tells of the schema, for an engine that takes none such."""
    told = f"Answer with one JSON value and nothing else. It must be valid against this JSON Schema:\n\n{schema.text}"
    return f"{system}\n\n{told}" if system else told


def for_grammar(schema: Value) -> Form:
    """Return the schema as llama.cpp makes a grammar of it, without what it refuses or gets wrong."""
    lost: dict[str, None] = {}
    return Form(_for_grammar(schema, lost), tuple(lost))


def _for_grammar(schema: object, lost: dict[str, None]) -> object:
    if not isinstance(schema, dict):
        # It wants objects everywhere.
        if schema is False:
            lost["false"] = None
        return {}
    form: dict[str, Any] = {}
    for name, item in schema.items():
        if name in _NO_GRAMMAR or _is_lost(name, item, schema):
            lost[name] = None
        elif name in {"properties", *_DEFINITIONS}:
            form[name] = {key: _for_grammar(part, lost) for key, part in item.items()}
        elif name in {"anyOf", "oneOf", "allOf", "prefixItems"} or (name == "items" and isinstance(item, list)):
            form[name] = [_for_grammar(part, lost) for part in item]
        elif name == "items" or (name == "additionalProperties" and isinstance(item, dict)):
            form[name] = _for_grammar(item, lost)
        elif name not in {"$schema", "$id"} and not (name == "format" and item not in _GRAMMAR_FORMATS):
            form[name] = item
            if name in _BOUNDS and schema.get("type") != "integer":
                lost[name] = None
    return form


def _is_lost(name: str, item: object, schema: dict[str, Any]) -> bool:
    if name == "pattern":
        text = str(item)
        return not (text.startswith("^") and text.endswith("$")) or "(?" in text or "\\b" in text
    if name == "items":
        return item is False
    # It puts objects together, and takes all else for one.
    return name == "allOf" and not all(
        isinstance(part, dict) and (part.get("type") == "object" or {"properties", "$ref"} & part.keys())
        for part in schema["allOf"]
    )


def for_openai(schema: Value) -> Form:
    """Return `response_format` for a cloud of this API: strict where the schema is of the kind that it enforces."""
    is_strict = isinstance(schema, dict) and schema.get("type") == "object" and all(map(_is_strict, parts(schema)))
    form = {"name": "answer", "schema": schema, "strict": is_strict}
    return Form({"type": "json_schema", "json_schema": form}, () if is_strict else (_not_strict(schema),))


_STRICT = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref"),
    *("pattern", "format", "multipleOf", *_BOUNDS, "minItems", "maxItems", *_DEFINITIONS, *_NOTES),
} - {"default", "$id", "$anchor", "examples"}


def _is_strict(part: dict[str, Any]) -> bool:
    if not part.keys() <= _STRICT:
        return False
    if part.get("type") != "object":
        return "properties" not in part
    return part.get("additionalProperties") is False and set(part.get("required", [])) == {
        *_table(part.get("properties"))
    }


def _not_strict(schema: Value) -> str:
    odd = next((name for part in parts(schema) for name in part if name not in _STRICT), None)
    return odd or "properties that may be left out or added"


def of_server(schema: Value) -> Form:
    """Return `response_format` for llama.cpp, in the process or behind an address."""
    form = for_grammar(schema)
    return form._replace(value={"type": "json_schema", "json_schema": {"name": "answer", "schema": form.value}})


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
