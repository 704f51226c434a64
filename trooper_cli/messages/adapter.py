"""From a program's request to a question and its caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trooper_cli.ask.request import AskRequest
from trooper_cli.engines.engine import Thinking
from trooper_cli.errors import InputError, UsageError
from trooper_cli.messages.caller import ApiCaller
from trooper_cli.messages.history import exchanges
from trooper_cli.store.catalog import check_name

if TYPE_CHECKING:
    from trooper_cli.messages.request import Body
    from trooper_cli.messages.response import Reply
    from trooper_cli.settings import Settings


@dataclass(frozen=True)
class CliOptions:
    """What the command line says beside the request."""

    session: str | None = None
    local: bool = False
    fallback: bool = True
    on_leak: str | None = None
    read_timeout: float | None = None


def to_ask_request(body: Body, options: CliOptions, settings: Settings, reply: Reply) -> tuple[AskRequest, ApiCaller]:
    """Make the question, and the caller that completes it once it is decided who may know it.

    Raises:
        InputError: the request names a session that cannot be.

    """
    session = session_of(body, options)
    reply.expect(session, live=body.stream)
    ask_request = AskRequest(
        prompt="",
        session=session,
        local_flag=True if body.force_local or options.local else None,
        system=body.system,
        live=body.stream,
        fallback=options.fallback and settings.boolean("fallback") is True,
        on_leak=options.on_leak or settings.text("on_leak") or "block",
        schema=body.schema,
        max_tokens=body.max_tokens or None,
        read_timeout=options.read_timeout,
        stop_sequences=body.stop_sequences,
        sampling=body.sampling,
        # For an engine that stands in; Claude gets the program's own fields and no others.
        thinking=Thinking(settings.text("effort")),
    )
    return ask_request, ApiCaller(body, reply, exchanges(body.messages))


def session_of(body: Body, options: CliOptions) -> str | None:
    """Return the name of the session that the request or the command line names.

    Raises:
        InputError: it is no name, or they name two.

    """
    if body.session is not None:
        try:
            check_name(body.session)
        except UsageError as error:
            raise InputError(f"x_session: {error}") from error
    if options.session is not None and body.session not in {None, options.session}:
        raise InputError("x_session: the command line names another session; nothing was sent")
    return check_name(options.session) if options.session is not None else body.session
