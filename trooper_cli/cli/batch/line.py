"""One line of a batch: what it asks, and the object that is printed for it."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.ask.person import Person
from trooper_cli.ask.pipeline import ask
from trooper_cli.ask.refused import is_meant_private_in, remember_parts, remembering_unless_done, says_private
from trooper_cli.cli.answer_record import answer_record, status_line
from trooper_cli.cli.failure import line_and_code
from trooper_cli.cli.prompt_input import LARGEST_PROMPT, readable, utf8
from trooper_cli.errors import InputError, TrooperError
from trooper_cli.store.catalog import check_name, is_name
from trooper_cli.store.session import settings_of
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from trooper_cli import json_output
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.cli.environment import Environment
    from trooper_cli.guard.guard import Guard
    from trooper_cli.messages.lenient_json import Node
    from trooper_cli.settings import Settings

    class MakesRequest(Protocol):
        def __call__(self, text: str, name: str | None, system: str | None, settings: Settings) -> AskRequest: ...


# Several prompts of the largest size, written as JSON.
LONGEST_LINE = 32_000_000
_KEYS = ("prompt", "id", "system", "session")
_LONGEST_WISH = 64
# What asks for privacy, but stands for all lines on the command line; beside what the Messages API takes for such.
_PRIVATE = ("local", "private", "offline", "lock")


class Batch(NamedTuple):
    """What the command line says for all lines.

    `check` raises what is wrong with the options, `request_of` makes the question of a line, and `remember` has the
    guard remember a system prompt and other texts of a private line, with a schema that stands for all lines.
    """

    environment: Environment
    local_flag: bool | None
    session: str | None
    system: str | None
    check: Callable[[Settings], None]
    request_of: MakesRequest
    remember: Callable[[Guard, str, Sequence[str]], None]
    quiet: bool = False
    verbose: bool = False


class Line(NamedTuple):
    """A line of the input: its number, from 1 on, and what it holds."""

    number: int
    data: bytes


class Key(NamedTuple):
    """By what a line is known in the output: its id, None if it has none, and its number."""

    id: str | int | float | None
    number: int


def answer_line(
    batch: Batch,
    line: Line,
    notify: Callable[[str], None],
    report: Callable[[str], None],
    *,
    heeds_breaker: bool = False,
) -> json_output.BatchAnswer | json_output.BatchFailure:
    """Ask one line and return the object to print. A failure is one too; only what ends the process is raised.

    Args:
        batch: the options.
        line: the line as it was read.
        notify: takes notices.
        report: takes the status line of `-v`.
        heeds_breaker: an earlier line has asked what `--cloud` asks in any case.

    """
    home, settings = batch.environment.home, batch.environment.settings(check=False)
    given = _Given(line.data, batch, settings)
    try:
        with (
            closing(Store(home, settings, notify)) as store,
            remembering_unless_done(store, given.is_private, given.remember) as leave,
        ):
            given.read()
            prompt, system, name = given.checked()
            # Read again for each line: whoever locks the cloud does not wait for the end of a long batch.
            batch.check(settings)
            name = name or (batch.session if batch.session is not None else settings.text("session"))
            if name is not None:
                settings = settings.with_session(settings_of(home, check_name(name)))
            ask_request = batch.request_of(prompt, name, batch.system if system is None else system, settings)
            ask_request = ask_request._replace(heeds_breaker=heeds_breaker)
            answer = ask(ask_request, Person(lambda _: None), settings, home, notify, leave)
    except Exception as error:
        if not isinstance(error, TrooperError) and settings.environ.get("TROOPER_TRACE") == "1":
            raise
        return failed_record(Key(given.id, line.number), *line_and_code(error))
    if batch.verbose:
        report(status_line(answer))
    has_schema = ask_request.schema is not None
    return answered_record(Key(given.id, line.number), answer, name, settings, has_schema=has_schema)


def remember_skipped(batch: Batch, line: Line, notify: Callable[[str], None]) -> None:
    """Store fingerprints of a private line that is not asked: what says it is answered may be of another input.

    Raises:
        StorageError: it cannot be written down.

    """
    settings = batch.environment.settings(check=False)
    given = _Given(line.data, batch, settings)
    with suppress(InputError):
        given.read()
    if given.is_private():
        with closing(Store(batch.environment.home, settings, notify)) as store, store.guard_to_write() as guard:
            given.remember(guard)


def answered_record(
    key: Key, answer: Answer, session: str | None, settings: Settings, *, has_schema: bool = False
) -> json_output.BatchAnswer:
    """Return what is printed of an answer: what `--json` prints, with its line; and what could not be recorded."""
    answered = answer_record(answer, session, settings, has_schema=has_schema)
    record: json_output.BatchAnswer = {"id": key.id, "line": key.number, **answered}  # type: ignore[typeddict-item]
    if answer.failure is not None:
        record["error"], record["exit"] = str(answer.failure), answer.failure.code
    return record


def failed_record(key: Key, error: str, code: int) -> json_output.BatchFailure:
    """Return what is printed of a line without an answer: the line that a single ask would end with, and its code."""
    return {"id": key.id, "line": key.number, "error": error, "exit": code}


def key_in(fields: object, number: int) -> Key:
    """Return by what a line is known, given the JSON that it holds."""
    found = fields.get("id") if isinstance(fields, dict) else None
    return Key(found if _is_id(found) else None, number)


def session_in(fields: object) -> str | None:
    """Return the session that a line names, if it does so rightly."""
    found = fields.get("session") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None


def loaded(data: bytes) -> object:
    """Return the JSON of a line, or None if it is none, or names a key twice."""
    try:
        # PowerShell and some editors put a byte order mark in front.
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):
        return None


def is_well_formed(fields: object) -> bool:
    """Return whether the JSON of a line is an object of the keys that one may have."""
    return isinstance(fields, dict) and fields.keys() <= {*_KEYS}


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(fields := dict(pairs)) < len(pairs):
        raise ValueError
    return fields


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


class _Given:
    """A line as it was given, and what the guard is to remember of it if it is refused or comes to nothing."""

    def __init__(self, data: bytes, batch: Batch, settings: Settings) -> None:
        self.id: str | int | float | None = None
        self._data, self._batch, self._settings = data, batch, settings
        self._fields: dict[str, object] = {}

    def read(self) -> None:
        """Read it as JSON.

        Raises:
            InputError: it is no JSON object.

        """
        if len(self._data) > LONGEST_LINE:
            raise InputError("the line is larger than 32 MB; nothing was sent")
        try:
            self._data.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"the line is not UTF-8 (byte {error.start}); nothing was sent") from error
        fields = loaded(self._data)
        if not isinstance(fields, dict):
            raise InputError("the line is no JSON object, or names a key twice; nothing was sent")
        self._fields, self.id = fields, key_in(fields, 0).id

    def checked(self) -> tuple[str, str | None, str | None]:
        """Return its prompt, system prompt and session.

        Raises:
            InputError: it holds something else, or not these.

        """
        for key in self._fields:
            if key not in _KEYS:
                from trooper_cli.messages.own_fields import named

                step = "--local on the command line holds for all lines" if self._asks() else f"known are {_known()}"
                raise InputError(f"{named(key)} is no key of a line: {step}; nothing was sent")
        if not _is_id(self._fields.get("id")):
            raise InputError("id is neither a text nor a number; nothing was sent")
        prompt, system, name = (self._text(key) for key in ("prompt", "system", "session"))
        if not prompt or not prompt.strip():
            raise InputError("the line has no prompt; nothing was sent")
        if len(prompt) > LARGEST_PROMPT:
            raise InputError("the prompt is larger than 4 MB, which no engine takes; nothing was sent")
        return prompt, system, name

    def is_private(self) -> bool:
        """Return whether it was meant to be private, as far as it can be read."""
        batch, name = self._batch, self._session()
        return self._asks() or is_meant_private_in(
            batch.environment.home, name or batch.session, batch.local_flag, self._settings
        )

    def remember(self, guard: Guard) -> None:
        """Store fingerprints of all its texts.

        Raises:
            StorageError: they cannot be written down.

        """
        prompt, system = (self._fields.get(key) for key in ("prompt", "system"))
        if isinstance(prompt, str) and prompt.strip():
            self._batch.remember(guard, system if isinstance(system, str) else self._batch.system or "", [prompt])
            others = _texts(self._odd())
        else:
            # What stands for all lines was meant for this one as well.
            self._batch.remember(guard, self._batch.system or "", [])
            others = iter([readable(self._data), *_texts(self._lenient())])
        for text in others:
            remember_parts(guard, "", [text])

    def _odd(self) -> dict[str, object]:
        """Return the fields whose names are not known, and an id or a session that is none: a text may be there."""
        odd = {key: value for key, value in self._fields.items() if key not in _KEYS}
        if not _is_id(number := self._fields.get("id")):
            odd["id"] = number
        if not (isinstance(name := self._fields.get("session"), str) and is_name(name)):
            odd["session"] = name
        return odd

    def _text(self, key: str) -> str | None:
        value = self._fields.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise InputError(f"{key} is no text; nothing was sent")
        return utf8(value, f"the {key}")

    def _session(self) -> str | None:
        if self._fields:
            return session_in(self._fields)
        named = (each for node in self._lenient().nodes() for each in node.all("session"))
        return next((each for each in named if isinstance(each, str)), None)

    def _asks(self) -> bool:
        """Return whether a key that is not known, or all that can be read of a broken line, asks for privacy."""
        from trooper_cli.messages.own_fields import wishes_in

        fields = {key: value for key, value in self._fields.items() if key not in _KEYS}
        says_so = any(value not in (False, None) and _says_so(key) for key, value in fields.items())
        # As the value of an option that is not known: `"side": "local"`, `"flags": ["--local"]`.
        says_so = says_so or any(map(_says_so, _texts([*fields.values()])))
        return says_so or next(wishes_in(fields or ({} if self._fields else self._lenient())), None) is not None

    def _lenient(self) -> Node:
        from trooper_cli.messages.lenient_json import parsed

        return parsed(readable(self._data).removeprefix("\ufeff"))


def _says_so(word: str) -> bool:
    """Return whether a word is one for privacy, or `-l`, as a line or the command line may have it."""
    is_one = len(word) <= _LONGEST_WISH and len(word.split()) == 1
    return is_one and (word.strip().lower() == "-l" or says_private(word.strip(), _PRIVATE))


def _known() -> str:
    return ", ".join(_KEYS)


def _texts(value: object) -> Iterator[str]:
    """Yield every text in parsed JSON, or in what is left of it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        from trooper_cli.messages.own_fields import named

        # A name that is more than one word may be a text as well.
        yield from _texts([*(key for key in value if named(key) != key), *value.values()])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
