"""`trooper messages`: the Messages API over a pipe."""

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.ask.variables import check_variables
from trooper_cli.cli.ask import Leak, SessionOption, rehearsed
from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.terminal import Notices, Output, ReaderGoneError
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.messages.adapter import CliOptions
    from trooper_cli.messages.caller import ApiCaller
    from trooper_cli.messages.response import Reply


def messages(
    context: typer.Context,
    *,
    session: SessionOption = None,
    local: Annotated[
        bool, typer.Option("--local", help="Keep this turn on this machine for ever, as x_force_local does.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the exact request as JSON and connect to nothing.")
    ] = False,
    no_fallback: Annotated[
        bool, typer.Option("--no-fallback", help="A failure of the cloud is an error (TROOPER_FALLBACK=0).")
    ] = False,
    on_leak: Annotated[
        Optional[Leak],  # noqa: UP045
        typer.Option(
            "--on-leak",
            help="If a request for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK).",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--timeout", min=0.001, max=1e6, metavar="S", help="Give up after so many seconds of silence."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Not even notices on standard error.")] = False,
) -> int:
    """Answer one request of the Messages API, given on standard input, as that API does: one message, or a stream.

    \b
    trooper messages < request.json | jq -r '.content[].text'
    jq '. + {"x_force_local": true}' request.json | trooper messages
    jq '. + {"stream": true}' request.json | trooper messages -s ops

    With "x_force_local": true the message is executed on this machine and stays here. The next request goes to Claude
    again; where its history repeats this turn, that is left out. A failure is the API's error object and an exit code.
    """  # noqa: D301
    from trooper_cli.messages.adapter import CliOptions

    environment = environment_of(context)
    output = environment.output()
    options = CliOptions(
        session=session,
        local=local,
        fallback=not no_fallback,
        on_leak=on_leak.value if on_leak else None,
        read_timeout=timeout,
    )
    return _answered(options, environment, output, environment.notices(quiet=quiet), dry_run=dry_run)


def _answered(
    options: "CliOptions", environment: Environment, output: Output, notices: Notices, *, dry_run: bool
) -> int:
    from trooper_cli.ask.pipeline import ask
    from trooper_cli.messages.response import Reply

    reply, settings = Reply(output.write), environment.settings(check=False)
    try:
        home = environment.home
        ask_request, caller, settings = _question(options, settings, environment, reply, notices)
        if dry_run:
            return rehearsed(ask_request, caller, settings, home, output, notices)
        answer = ask(ask_request, caller, settings, home, notices.notify)
    except ReaderGoneError:
        raise
    except Exception as error:
        reply.fail(error)
        raise
    reply.finish(answer)
    if answer.failure is not None:
        raise answer.failure
    return 0


def _question(
    options: "CliOptions", settings: Settings, environment: Environment, reply: "Reply", notices: Notices
) -> "tuple[AskRequest, ApiCaller, Settings]":
    """Read the request and the settings of its session.

    Of a request that is refused, the guard remembers what was meant to be private.
    """
    from trooper_cli.cli.prompt_input import UnreadableError, stdin_text
    from trooper_cli.errors import InputError, TrooperError
    from trooper_cli.messages.adapter import session_of, to_ask_request
    from trooper_cli.messages.request import read
    from trooper_cli.store.session import settings_of

    data = ""
    try:
        # PowerShell and some editors put a byte order mark in front.
        data = stdin_text(environment.stdin, notices.notify).removeprefix("\ufeff")
        check_variables(settings.environ)
        settings.validate("local", "cloud")
        body = read(data)
        settings = settings.with_session(settings_of(environment.home, session_of(body, options)))
        return *to_ask_request(body, options, settings, reply), settings
    except (TrooperError, RecursionError) as fault:
        from trooper_cli.messages.refused import RefusedCall, remember_refused

        error = (
            fault if isinstance(fault, TrooperError) else InputError("the request is nested too deep; nothing was sent")
        )
        call = RefusedCall(options.local, options.session, settings, environment.home, notices.notify)
        remember_refused(error.readable if isinstance(error, UnreadableError) else data, call, error)
        if error is fault:
            raise
        raise error from fault
