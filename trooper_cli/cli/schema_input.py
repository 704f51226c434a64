"""The value of `--schema`: JSON on the command line, or a file that holds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trooper_cli.guard.guard import Guard
    from trooper_cli.json_schema import Schema


def is_json(given: str) -> bool:
    """Return whether the value is JSON and no file's name."""
    return given.lstrip()[:1] in {"{", "["} or given.strip() in {"true", "false"}


class GivenSchema:
    """What `--schema` was given. It is read at once and refused later, so that the guard knows it by then."""

    def __init__(self, given: str | None) -> None:
        self._given = given
        self._text = ""
        self._failure: InputError | NotFoundError | None = None
        self._schema: Schema | None = None

    def read(self, notify: Callable[[str], None]) -> None:
        """Read the file, if it is one; `notify` takes notices."""
        if self._given is None or not self._given.strip():
            return
        from trooper_cli.cli.prompt_input import UnreadableError, text_of, utf8

        try:
            if is_json(self._given):
                self._text = utf8(self._given, "--schema")
            else:
                self._text = text_of(Path(self._given), notify)
        except UnreadableError as error:
            self._text, self._failure = error.readable, error
        except NotFoundError as error:
            # It may have been meant for JSON.
            self._text, self._failure = self._given, error

    def remember(self, guard: Guard, system: str, parts: Sequence[str], others: Iterable[str] = ()) -> None:
        """Store fingerprints of what was read of a private turn that did not come about.

        Raises:
            StorageError: it cannot be written down.

        """
        from trooper_cli.ask.refused import remember_parts

        remember_parts(guard, system, parts, others)
        remember_parts(guard, "", [self._text])

    def checked(self) -> Schema | None:
        """Return the schema, or None where none was given.

        Raises:
            UsageError: it is no valid schema. As for jq and curl, what is wrong on the command line is exit 2.
            NotFoundError: there is no such file.
            InputError: it is not UTF-8.

        """
        if self._given is None:
            return None
        if self._failure is not None:
            raise self._failure
        if not self._text.strip():
            raise UsageError("--schema is empty; nothing was sent")
        if self._schema is None:
            from trooper_cli.json_schema import schema_of

            self._schema = schema_of(self._text.removeprefix("\ufeff"))
        return self._schema
