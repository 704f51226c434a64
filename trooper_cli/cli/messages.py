"""`trooper messages`: the Messages API over a pipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.ask.variables import check_variables
from trooper_cli.cli.ask_options import Leak, SessionOption
from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.options import DryRunOption, NoFallbackOption
from trooper_cli.cli.terminal import Notices, Output, ReaderGoneError
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.turn_in_progress import Answer
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
    dry_run: DryRunOption = False,
    no_fallback: NoFallbackOption = False,
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
    from trooper_cli.messages.response import Reply

    reply = Reply(output.write)
    try:
        answer = _asked(options, environment, reply, output, notices, dry_run=dry_run)
    except ReaderGoneError:
        raise
    except Exception as error:
        reply.fail(error)
        raise
    if answer is None:
        return 0
    reply.finish(answer)
    if answer.failure is not None:
        raise answer.failure
    return 0


def _asked(
    options: "CliOptions",
    environment: Environment,
    reply: "Reply",
    output: Output,
    notices: Notices,
    *,
    dry_run: bool,
) -> "Answer | None":
    """Read the request and ask it, or print what would be sent.

    Of a request that is refused, or that a signal ends, the guard remembers what was meant to be private.
    """
    from trooper_cli.cli.prompt_input import readable, stdin_text
    from trooper_cli.messages.refused import RefusedCall, remembering_request

    home, settings = environment.home, environment.settings(check=False)
    call = RefusedCall(options.local, options.session, settings, home, notices.notify)
    data = bytearray()
    with remembering_request(call, lambda: readable(data)) as leave:
        text = stdin_text(environment.stdin, notices.notify, data)
        ask_request, caller, settings = _question(text, options, settings, home, reply)
        if dry_run:
            from trooper_cli.cli.dry_run import rehearsed

            rehearsed(ask_request, caller, settings, home, output, notices, leave)
            return None
        from trooper_cli.ask.pipeline import ask

        return ask(ask_request, caller, settings, home, notices.notify, leave)


def _question(
    text: str, options: "CliOptions", settings: Settings, home: Path, reply: "Reply"
) -> "tuple[AskRequest, ApiCaller, Settings]":
    """Return the request of a text and the settings of its session."""
    from trooper_cli.messages.adapter import session_of, to_ask_request
    from trooper_cli.messages.request import read
    from trooper_cli.store.session import settings_of

    check_variables(settings.environ)
    settings.validate("local", "cloud")
    settings.tables("clouds")
    # PowerShell and some editors put a byte order mark in front.
    body = read(text.removeprefix("\ufeff"))
    settings = settings.with_session(settings_of(home, session_of(body, options)))
    return *to_ask_request(body, options, settings, reply), settings
