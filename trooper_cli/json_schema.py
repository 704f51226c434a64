"""A JSON Schema that an answer has to fit: read, checked before anything is sent, and held against an answer.

The library `jsonschema` does the checking and is imported where a schema is given. Nothing that a schema refers to is
ever fetched: only references into the schema itself are taken, and the library is given an empty registry.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

from trooper_cli.errors import SchemaMismatchError, UsageError
from trooper_cli.fences import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Characters. No engine takes larger ones, and checking it takes longer than it is worth.
LONGEST = 1_000_000
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Short words are no secret in any case.
_LONG_KEYWORDS = {
    "additionalItems",
    "additionalProperties",
    "contentMediaType",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "patternProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
}
# Below these stand values, not schemas.
_VALUES = {"const", "enum", "default", "examples", "example"}
_NAMES = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
# Whatever an answer is: a schema that cannot be held against these can be held against nothing.
_SAMPLES: tuple[object, ...] = (None, True, 0, "", [], {})


class Schema(NamedTuple):
    """A schema that was checked; `text` is its JSON, which the guard looks at."""

    value: dict[str, Any] | bool
    text: str


def schema_of(text: str) -> Schema:
    """Read a schema and check it.

    Raises:
        UsageError: it is no JSON, no valid schema, or refers to something outside itself.

    """
    if len(text) > LONGEST:
        raise UsageError("--schema is larger than 1 MB, which no engine takes; nothing was sent")
    try:
        return checked(_loaded(text, object_pairs_hook=_unambiguous))
    except (ValueError, RecursionError) as error:
        why = (
            f"line {error.lineno}"
            if isinstance(error, json.JSONDecodeError)
            else "a number or a name that stands twice"
        )
        raise UsageError(f"--schema is no JSON ({why}); nothing was sent") from error


def checked(value: object) -> Schema:
    """Return a value as a schema.

    Raises:
        UsageError: it is none, or refers to something outside itself.

    """
    import jsonschema
    from referencing.exceptions import Unresolvable

    if not isinstance(value, dict | bool):
        raise UsageError("a JSON Schema is an object; nothing was sent")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
        validator = _validator(value)
        validator.check_schema(value)
        _check_parts(value)
        for sample in _SAMPLES:
            validator.is_valid(sample)
    except jsonschema.SchemaError as error:
        path = "/".join(map(str, error.absolute_path))
        raise UsageError(f"--schema is no valid JSON Schema: see {path or 'its top'}; nothing was sent") from error
    except Unresolvable as error:
        raise UsageError("--schema refers to a part that it does not have; nothing was sent") from error
    except RecursionError as error:
        raise UsageError("--schema refers to itself without end, or is nested too deep; nothing was sent") from error
    except (ValueError, re.error) as error:
        raise UsageError(
            "--schema holds a text that is not UTF-8, or a number without end; nothing was sent"
        ) from error
    return Schema(value, text)


def _validator(value: dict[str, Any] | bool) -> Any:  # noqa: ANN401, FBT001
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    dialect = value.get("$schema") if isinstance(value, dict) else None
    kind: Any = Draft202012Validator
    if dialect is not None and (kind := validator_for(value, default=cast("Any", None))) is None:
        raise UsageError("--schema names a dialect in $schema that is not known; nothing was sent")
    # The library's own default would fetch what is referred to.
    return kind(value, registry=Registry())


def parts(value: object) -> Iterator[dict[str, Any]]:
    """Yield each schema within a schema, itself included, but for the values in it that only look like one."""
    if not isinstance(value, dict):
        return
    yield value
    for keyword, item in value.items():
        if keyword in _NAMES and isinstance(item, dict):
            below: Sequence[object] = list(item.values())
        elif keyword in _VALUES:
            continue
        else:
            below = item if isinstance(item, list) else [item]
        for part in below:
            yield from parts(part)


def own_texts(value: object) -> Iterator[str]:
    """Yield the texts and the names in a schema that are no words of the format itself."""
    if isinstance(value, str):
        if value not in _LONG_KEYWORDS and not value.startswith(
            ("http://json-schema.org/", "https://json-schema.org/")
        ):
            yield value
        return
    for item in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from own_texts(item)


def _check_parts(schema: dict[str, Any] | bool) -> None:  # noqa: FBT001
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for part in parts(schema):
        for keyword in _REFERENCES:
            reference = part.get(keyword)
            if not isinstance(reference, str):
                continue
            if not reference.startswith("#"):
                raise UsageError(
                    f"--schema refers by {keyword} to something outside itself, and nothing is fetched: put it under "
                    "$defs and refer to #/$defs/NAME; nothing was sent"
                )
            if keyword == "$ref":
                try:
                    resolver.lookup(reference)
                except Unresolvable as error:
                    raise UsageError("--schema refers to a part that it does not have; nothing was sent") from error
        patterns = [part.get("pattern"), *_keys(part.get("patternProperties"))]
        for expression in patterns:
            if isinstance(expression, str):
                try:
                    re.compile(expression)
                except re.error as error:
                    raise UsageError(
                        "--schema has a pattern that cannot be checked here, where Python's regular expressions are "
                        "used; nothing was sent"
                    ) from error


def _keys(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def fitting(answer: str, schema: Schema) -> tuple[str, object]:
    """Return the JSON text of an answer that fits a schema, and its value.

    JSON that stands in the answer's one fenced block is taken out of it.

    Raises:
        SchemaMismatchError: the answer is no JSON, or does not fit.

    """
    text = answer.strip()
    try:
        value = _loaded(text)
    except (ValueError, RecursionError):
        try:
            (text,) = map(str.strip, blocks(answer))
            value = _loaded(text)
        except (ValueError, RecursionError):
            raise _mismatch("it is not JSON", "It is not one JSON value alone.", schema) from None
    from referencing.exceptions import Unresolvable

    try:
        error = next(_validator(schema.value).iter_errors(value), None)
    except RecursionError:
        raise _mismatch("it is nested too deep", "It is nested too deep.", schema) from None
    except Unresolvable as unresolvable:
        raise UsageError("--schema refers to a part that it does not have below an $id of its own") from unresolvable
    if error is None:
        return text, value
    path = _path(error.absolute_path, schema)
    raise _mismatch(f'{path} breaks "{error.validator}"', f"At {error.json_path}: {error.message[:1000]}", schema)


def _mismatch(what: str, why: str, schema: Schema) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"the answer does not fit the schema: {what}; nothing of it was printed, a named session keeps it",
        f"That answer does not fit. {why}\n\nAnswer once more, with one JSON value and nothing else, valid against "
        f"this JSON Schema:\n\n{schema.text}",
    )


def _path(path: Sequence[str | int], schema: Schema) -> str:
    """Return the way to a violation, with those names alone that the schema has: others are words of the answer."""
    named = {name for part in parts(schema.value) for name in _keys(part.get("properties"))}
    steps = [f"[{step}]" if isinstance(step, int) else f".{step if step in named else '*'}" for step in path]
    return "".join(each for each in f"${''.join(steps)}" if each.isprintable())


def _loaded(text: str, **hooks: Any) -> Any:  # noqa: ANN401
    return json.loads(text, parse_constant=_refused, parse_float=_finite, **hooks)


def _refused(_: str) -> NoReturn:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise ValueError
    return number


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError
    return record
