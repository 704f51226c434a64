"""From a program's request to a question and its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trooper_cli.ask.request import Question
from trooper_cli.errors import InputError, UsageError
from trooper_cli.messages.caller import ApiCaller
from trooper_cli.messages.history import exchanges
from trooper_cli.store.catalog import check_name

if TYPE_CHECKING:
    from trooper_cli.messages.request import Body
    from trooper_cli.messages.response import Reply
    from trooper_cli.settings import Settings


@dataclass(frozen=True)
class Wishes:
    """What the command line says beside the request."""

    session: str | None = None
    local: bool = False
    fallback: bool = True
    on_leak: str | None = None
    silence: float | None = None


def settled(body: Body, wishes: Wishes, settings: Settings, reply: Reply) -> tuple[Question, ApiCaller]:
    """Make the question, and the caller that completes it once it is decided who may know it.

    Raises:
        InputError: the request names a session that cannot be.

    """
    session = session_of(body, wishes)
    reply.expect(session, live=body.stream)
    question = Question(
        prompt="",
        session=session,
        local_flag=True if body.force_local or wishes.local else None,
        system=body.system,
        live=body.stream,
        fallback=wishes.fallback and settings.boolean("fallback") is True,
        on_leak=wishes.on_leak or settings.text("on_leak") or "block",
        max_tokens=body.max_tokens or None,
        silence=wishes.silence,
        stop_sequences=body.stop_sequences,
        sampling=body.sampling,
    )
    return question, ApiCaller(body, reply, exchanges(body.messages))


def session_of(body: Body, wishes: Wishes) -> str | None:
    """Return the name of the session that the request or the command line names.

    Raises:
        InputError: it is no name, or they name two.

    """
    if body.session is not None:
        try:
            check_name(body.session)
        except UsageError as error:
            raise InputError(f"x_session: {error}") from error
    if wishes.session is not None and body.session not in {None, wishes.session}:
        raise InputError("x_session: the command line names another session; nothing was sent")
    return check_name(wishes.session) if wishes.session is not None else body.session
