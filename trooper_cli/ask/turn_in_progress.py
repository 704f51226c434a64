"""A turn in progress, and the answer that it ends with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from trooper_cli.errors import StorageError
from trooper_cli.store.catalog import LEDGER
from trooper_cli.store.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli import json_output
    from trooper_cli.ask.caller import Caller, V
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.route import Decision
    from trooper_cli.engines.engine import Engine, Usage
    from trooper_cli.json_schema import Schema
    from trooper_cli.net.http import Request
    from trooper_cli.settings import Settings
    from trooper_cli.store.store import Store
    from trooper_cli.store.views import StoredPrivateView, StoredPublicView


class Answer(NamedTuple):
    """The answer to a question: `text` is what is printed of it, which may be a part.

    `failure` is a session that could not be written although the answer is there.
    """

    text: str
    turn: int
    decision: Decision
    engine: str
    model: str
    stop: str
    usage: Usage
    context: json_output.Context
    host: str
    on_network: bool
    fallback: json_output.Fallback | None = None
    stop_sequence: str | None = None
    seconds: float = 0.0
    failure: StorageError | None = None
    # The value of an answer that fits a schema, which may be None as well.
    data: object = None


@dataclass(frozen=True, eq=False, repr=False)
class TurnInProgress:
    """A turn on its way: all that it takes to execute it, on whichever side."""

    ask_request: AskRequest
    decision: Decision
    caller: Caller
    session: Session
    settings: Settings
    home: Path
    notify: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    @cached_property
    def public_view(self) -> StoredPublicView:
        """The public turns that were answered when this one began: the same for every attempt."""
        return self.session.public_view(self._before)

    @cached_property
    def private_view(self) -> StoredPrivateView:
        """All turns that were answered when this one began: the same for every attempt."""
        return self.session.private_view(self._before)

    @property
    def counts_spending(self) -> bool:
        """Whether requests to clouds are entered in the ledger: a spending cap is set, or one was looked at before."""
        limits = (self.ask_request.limit, self.settings.dollars("limit_day"), self.settings.dollars("limit_session"))
        return any(limit is not None for limit in limits) or (self.home / LEDGER).exists()

    def tell_unenforced(self, engine: str, keywords: tuple[str, ...]) -> None:
        """Notify the user, once an engine, which keywords of the schema it cannot enforce."""
        words = ", ".join(keywords)
        text = f"{engine} cannot enforce {words} of the schema; the answer is checked here"
        self.notify_once(f"unenforced {engine}", text)

    def notify_once(self, kind: str, text: str) -> None:
        """Write a notice, unless one of its kind was written for this turn."""
        if kind not in self._told:
            self._told.add(kind)
            self.notify(text)

    @property
    def _before(self) -> int | None:
        """The turn that is asked again: its answers are not told, nor what came after it."""
        repeated = self.ask_request.repeated
        return repeated.number if repeated else None


def schema_for(ask_request: AskRequest, engine: Engine[V]) -> Schema | None:
    """Return the schema that an engine's answer is held against here.

    A program's own request to Claude holds its schema as it does its stop sequences, and gets what Claude answers.
    """
    return None if engine.takes_stop_sequences else ask_request.schema


def wanted_of(ask_request: AskRequest, text: str, engine: Engine[V]) -> tuple[str, object]:
    """Return what is printed of an answer, and the value of its JSON where there is a schema.

    Raises:
        SchemaMismatchError: it does not fit.

    """
    if (schema := schema_for(ask_request, engine)) is not None:
        from trooper_cli.json_schema import fitting

        return fitting(text, schema)
    if ask_request.extract is not None:
        from trooper_cli.fences import extracted

        return extracted(text, last=ask_request.extract == "last"), None
    return text, None


def host_of(request: Request, engine: Engine[V]) -> str:
    """Return where a request goes: a host, or an engine in the process."""
    return urlsplit(request.url).netloc or engine.name


def open_session(ask_request: AskRequest, store: Store) -> tuple[Session, StorageError | None]:
    """Open the session of a question, or begin it; return it, and the failure to do so if there was one.

    Where it cannot be made, the turn is executed in a session of its own, and the failure is reported at the end.

    Raises:
        InputError: the file is not a session of this version.
        UsageError: there is a session whose name differs in case only.

    """
    if ask_request.session is None:
        session = Session.of_one_turn()
        if ask_request.history:
            session.add(ask_request.history)
        return session, None
    try:
        return store.open_or_create(ask_request.session), None
    except StorageError as error:
        return Session.of_one_turn(), error
