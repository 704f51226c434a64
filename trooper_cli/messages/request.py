"""A request of the Messages API as a program wrote it: parsed, checked, and rid of what is ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from trooper_cli.ask.request import is_model_name
from trooper_cli.errors import InputError, UsageError
from trooper_cli.messages.own_fields import FORCE_LOCAL, OURS, SESSION, check, is_private_answer, named, without_ours
from trooper_cli.messages.texts import blocks_beside_text, blocks_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trooper_cli.json_schema import Schema
    from trooper_cli.messages.texts import ApiMessage

_ROLES = {"user", "assistant"}
# The API takes instructions among the messages as well.
_ROLES_OF_API = (*_ROLES, "system")
# What an engine here is told, what changes nothing in an answer's text, and what only concerns a cloud.
_LOCAL_FIELDS = {"model", "max_tokens", "messages", "system", "stream", "stop_sequences"}
_SAMPLING = ("temperature", "top_p", "top_k")
_WITHOUT_MEANING_HERE = {
    "cache_control",
    "container",
    "diagnostics",
    "inference_geo",
    "metadata",
    "service_tier",
    "speed",
    "thinking",
}
# A model's thoughts are for that model alone; the API drops those of earlier turns itself.
_THOUGHTS = {"thinking", "redacted_thinking"}


# All of the API's fields, beta and past ones among them. Any other may be one of ours, misspelt.
_KNOWN = {
    *_LOCAL_FIELDS,
    *_SAMPLING,
    *_WITHOUT_MEANING_HERE,
    "anthropic_beta",
    "anthropic_version",
    "betas",
    "billing_policy",
    "compaction",
    "context_management",
    "fallback_credit_token",
    "fallbacks",
    "mcp_servers",
    "output_config",
    "output_format",
    "prefill",
    "thread",
    "tool_choice",
    "tools",
    "user_profile_id",
    "workspace_id",
}


@dataclass(frozen=True)
class Body:
    """A checked request. `fields` are those of the API but the messages; nothing of ours is left in either."""

    fields: Mapping[str, object]
    messages: tuple[ApiMessage, ...]
    force_local: bool
    session: str | None
    # Which messages say that they are private answers of ours.
    private_answers: frozenset[int] = frozenset()

    @property
    def system(self) -> str | None:
        """The system prompt as one text."""
        system = self.fields.get("system")
        return text_of(system, "\n\n") or None if isinstance(system, (str, list)) else None

    def beside_text(self, *, without_schema: bool = False) -> Mapping[str, object]:
        """Return the fields that may hold text of the caller's, but the text of the system prompt."""
        fields = {name: value for name, value in self.fields.items() if name not in {"model", "system"}}
        blocks = blocks_beside_text(self.fields.get("system"))
        config = fields.get("output_config")
        if without_schema and isinstance(config, dict):
            fields["output_config"] = {name: item for name, item in config.items() if name != "format"}
        return fields | {"system": blocks} if blocks else fields

    @property
    def max_tokens(self) -> int:
        value = self.fields["max_tokens"]
        assert isinstance(value, int)  # noqa: S101
        return value

    @property
    def stop_sequences(self) -> tuple[str, ...]:
        value = self.fields.get("stop_sequences")
        return tuple(map(str, value)) if isinstance(value, list) else ()

    @property
    def sampling(self) -> dict[str, float]:
        return {
            name: value
            for name in _SAMPLING
            if isinstance(value := self.fields.get(name), (int, float)) and not isinstance(value, bool)
        }

    @property
    def schema(self) -> Schema | None:
        """The JSON Schema that the answer is to fit, if an engine here can be held to it."""
        config = self.fields.get("output_config")
        if not isinstance(config, dict) or not config.get("format") or _obstacle_in_output(config):
            return None
        from trooper_cli.json_schema import checked

        return checked(config["format"]["schema"])

    @property
    def stream(self) -> bool:
        return self.fields.get("stream") is True

    def obstacle(self) -> str | None:
        """Return what of this request a local engine cannot do, or None where it can do all of it."""
        for name, value in self.fields.items():
            if name in _LOCAL_FIELDS | _WITHOUT_MEANING_HERE | set(_SAMPLING) or value in (None, [], {}):
                continue
            if name == "tool_choice":
                continue
            if name == "output_config":
                if (why := _obstacle_in_output(value)) is None:
                    continue
                return why
            return f"{name}: an engine on this machine cannot do this"
        if self.max_tokens < 1:
            return "max_tokens: an engine on this machine has no cache to warm, give it 1 at the least"
        for path, message in enumerate(self.messages):
            if message["role"] not in _ROLES:
                return f"messages.{path}.role: an engine on this machine takes user and assistant"
            for at, block in enumerate(blocks_of(message["content"])):
                if block["type"] not in {"text", *_THOUGHTS}:
                    kind = named(str(block["type"]))
                    return f"messages.{path}.content.{at}: an engine on this machine takes text, and this is {kind}"
        if self.messages[0]["role"] != "user" or self.messages[-1]["role"] != "user":
            return "messages: for an engine on this machine the first and the last message are the user's"
        return None


def read(data: str) -> Body:
    """Parse and check the text of a request.

    Raises:
        UsageError: there is no text.
        MeantPrivateError: it asks for privacy in a way that cannot be obeyed to the letter.
        InputError: it is none, or holds something else that is wrong.

    """
    if not data:
        raise UsageError("there is no request: `trooper messages < request.json`; see `trooper messages --help`")
    try:
        body = json.loads(data, object_pairs_hook=_unambiguous, parse_constant=_refused_constant)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, _AmbiguousError) else "the request is not JSON in UTF-8"
        raise InputError(f"{why}; nothing was sent") from error
    if not isinstance(body, dict):
        raise InputError("the request is not a JSON object; nothing was sent")
    check(body)
    force_local, session = _ours(body)
    messages = checked_messages(body.get("messages"))
    fields = {name: without_ours(value) for name, value in body.items() if name not in {*OURS, "messages"}}
    _check_fields(fields)
    given = body["messages"]
    private_answers = frozenset(at for at, message in enumerate(given) if is_private_answer(message))
    return Body(fields, messages, force_local, session, private_answers)


class _AmbiguousError(ValueError):
    pass


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        # Which of two values counts is not for a parser to choose where one of them may say "here".
        raise _AmbiguousError("the request has the same field twice in one object")
    return record


def _refused_constant(_: str) -> NoReturn:
    raise ValueError


def _ours(body: Mapping[str, object]) -> tuple[bool, str | None]:
    """Return what the fields say that are Trooper's own; any that is not the API's either is a mistake."""
    for name in body:
        if name not in OURS | _KNOWN:
            from difflib import get_close_matches

            nearest = next((f"did you mean {near}?" for near in get_close_matches(name[:40], sorted(_KNOWN), 1)), "")
            why = nearest or "the Messages API has none of this name, so leave it out."
            raise InputError(f"{named(name)}: unknown field, {why} Nothing was sent")
    force_local = body.get(FORCE_LOCAL, False)
    if not isinstance(force_local, bool):
        raise InputError("x_force_local: must be true or false; nothing was sent")
    session = body.get(SESSION)
    if session is not None and not isinstance(session, str):
        raise InputError("x_session: must be a session's name; nothing was sent")
    return force_local, session


def checked_messages(value: object) -> tuple[ApiMessage, ...]:
    if not isinstance(value, list) or not value:
        raise InputError("messages: must be a list of at least one message; nothing was sent")
    return tuple(_message(message, f"messages.{path}") for path, message in enumerate(value))


def _message(value: object, path: str) -> ApiMessage:
    if not isinstance(value, dict):
        raise InputError(f"{path}: must be an object; nothing was sent")
    if value.get("type") == "message":
        # A whole response given back as a message: what else stands in it is not of the conversation.
        value = {name: value[name] for name in ("role", "content") if name in value}
    message = _without_ours(value)
    if message.get("role") not in _ROLES_OF_API:
        raise InputError(f"{path}.role: must be user or assistant; nothing was sent")
    content = message.get("content")
    if isinstance(content, list):
        message["content"] = [_block(block, f"{path}.content.{at}") for at, block in enumerate(content)]
    elif not isinstance(content, str):
        raise InputError(f"{path}.content: must be a text or a list of blocks; nothing was sent")
    return message


def _block(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise InputError(f"{path}: must be an object with a type; nothing was sent")
    if value["type"] == "text" and not isinstance(value.get("text"), str):
        raise InputError(f"{path}.text: must be a text; nothing was sent")
    return _without_ours(value)


def _without_ours(value: Mapping[str, object]) -> ApiMessage:
    stripped = without_ours(value)
    assert isinstance(stripped, dict)  # noqa: S101
    return stripped


def _check_fields(fields: Mapping[str, object]) -> None:
    def is_number(value: object) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    wrong = None
    if not isinstance(model := fields.get("model"), str) or not is_model_name(model):
        wrong = "model: must be a model's name"
    elif not (isinstance(limit := fields.get("max_tokens"), int) and not isinstance(limit, bool) and limit >= 0):
        wrong = "max_tokens: must be a whole number"
    elif not isinstance(fields.get("stream", False), bool):
        wrong = "stream: must be true or false"
    elif not _is_list_of_texts(fields.get("stop_sequences")):
        wrong = "stop_sequences: must be a list of texts"
    elif not _is_system(fields.get("system")):
        wrong = "system: must be a text or a list of text blocks"
    elif name := next((name for name in _SAMPLING if fields.get(name) is not None and not is_number(fields[name])), ""):
        wrong = f"{name}: must be a number"
    elif fields.get("thread") is not None:
        wrong = (
            "thread: a history that the cloud keeps is none that Trooper's view made, so nobody could leave private "
            "turns out of it; leave the field out and send the messages themselves, or name a session in x_session"
        )
    if wrong:
        raise InputError(f"{wrong}; nothing was sent")


def _is_list_of_texts(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, str) and item for item in value))


def _is_system(value: object) -> bool:
    if value is None or isinstance(value, str):
        return True
    return isinstance(value, list) and all(
        isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)
        for block in value
    )


def _obstacle_in_output(value: object) -> str | None:
    """Return what of `output_config` an engine here cannot do: it has an effort, and a JSON Schema as format."""
    if not isinstance(value, dict) or any(name not in {"effort", "format"} for name, item in value.items() if item):
        return "output_config: an engine on this machine cannot do this"
    form = value.get("format")
    if form is None:
        return None
    if not isinstance(form, dict) or form.get("type") != "json_schema" or form.keys() != {"type", "schema"}:
        return "output_config.format: an engine on this machine takes a type, json_schema, and a schema"
    from trooper_cli.json_schema import checked

    try:
        checked(form["schema"])
    except UsageError as error:
        return f"output_config.format.schema: {str(error).replace('--schema', 'it')}"
    return None
