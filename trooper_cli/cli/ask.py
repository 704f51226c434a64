"""`trooper ask` and the fetching of the model it may need."""

# Annotations are evaluated here, once: typer would evaluate them three times over if they were texts.

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.options import DryRunOption, EffortOption, NoFallbackOption, ShowThinkingOption
from trooper_cli.cli.terminal import Notices, Output, ThoughtWriter, is_screen
from trooper_cli.errors import UsageError
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.ask.caller import Caller
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.turn_in_progress import Answer
    from trooper_cli.turn import StoredTurn

REPEATED = "repeated"  # where `trooper again` puts what returns the turn whose prompt is asked again


class Leak(StrEnum):
    """What to do about a leak."""

    BLOCK = "block"
    LOCAL = "local"
    WARN = "warn"


SessionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-s", "--session", metavar="NAME", help="The named session (TROOPER_SESSION)."),
]


def ask(  # noqa: PLR0913
    context: typer.Context,
    prompt: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[PROMPT]...", help="The prompt, put before what standard input holds.", show_default=False
        ),
    ] = None,
    *,
    session: SessionOption = None,
    local: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--local/--cloud",
            help="Keep this turn on this machine for ever, or send it to the cloud (TROOPER_LOCAL=1 or 0).",
            show_default=False,
        ),
    ] = None,
    here: Annotated[
        bool,
        typer.Option("--here", help="Answer on this machine by choice; the turn is public, the cloud is told later."),
    ] = False,
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "-m", "--model", metavar="NAME", help="Model for this turn (TROOPER_CLOUD_MODEL, TROOPER_LOCAL_MODEL)."
        ),
    ] = None,
    effort: EffortOption = None,
    show_thinking: ShowThinkingOption = False,
    system: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--system", metavar="TEXT", help="System prompt; the session keeps it with this turn's label."),
    ] = None,
    file: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option("-f", "--file", metavar="PATH", help="A text file, added under its name; repeatable."),
    ] = None,
    stream: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--stream/--no-stream",
            help="Print text as it arrives; by default on a terminal only, so that a pipe gets a whole answer or none.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the text.")] = False,
    dry_run: DryRunOption = False,
    no_fallback: NoFallbackOption = False,
    on_leak: Annotated[
        Optional[Leak],  # noqa: UP045
        typer.Option(
            "--on-leak",
            help="If a prompt for the cloud repeats private text or holds a credential (TROOPER_ON_LEAK).",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--budget", min=1, metavar="N", help="Most tokens of context and prompt sent (TROOPER_BUDGET)."),
    ] = None,
    max_tokens: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--max-tokens", min=1, metavar="N", help="Most tokens of the answer."),
    ] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--timeout",
            min=0.001,
            metavar="S",
            help="Give up after so many seconds of silence (cloud 120, local 600), five times as many without a word "
            "of the answer, or four hours in all.",
        ),
    ] = None,
    no_stdin: Annotated[bool, typer.Option("-n", "--no-stdin", help="Do not read standard input.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="One status line on standard error.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Not even notices on standard error.")] = False,
) -> int:
    """Ask one question; the answer alone goes to standard output.

    \b
    echo "why does the pool drain?" | trooper ask -s ops
    git diff --cached | trooper ask "Write a commit message"
    trooper ask --local -f server.log "what went wrong?"
    trooper ask -s ops --here "name this function" && trooper ask -s ops "and its tests"

    A prompt that begins with a dash stands after `--`, or comes by a pipe. What only looks like an option is an error:
    a dash of another kind, a character that is not seen, an option after `--`.

    A prompt on the command line is visible to other users of this machine in the process list, and stays in the
    shell's history; a pipe is not and does not.
    """  # noqa: D301
    from contextlib import closing

    from trooper_cli.ask.refused import is_meant_private_in, remember_parts, remembering_unless_done
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.variables import check_variables
    from trooper_cli.cli.prompt_input import gather, utf8
    from trooper_cli.engines.engine import Thinking
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    notices, output, settings = (
        environment.notices(quiet=quiet),
        environment.output(),
        environment.settings(check=False),
    )
    home = environment.home
    parts: list[str] = []
    last: StoredTurn | None = None
    with (
        closing(Store(home, settings, environment.say)) as store,
        remembering_unless_done(
            store,
            lambda: is_meant_private_in(home, session, local, settings, last),
            lambda guard: remember_parts(guard, system or "", parts),
        ) as leave,
    ):
        # Read before anything is refused, so that the guard knows a private prompt whatever is wrong with the rest.
        last = context.meta[REPEATED](settings) if REPEATED in context.meta else None
        stdin, notify = None if no_stdin else environment.stdin, notices.notify
        text = last.prompt if last else gather(prompt or [], file or [], stdin=stdin, notify=notify, parts=parts)
        check_variables(settings.environ)
        if timeout is not None and not timeout < 1e6:
            raise UsageError("--timeout is a number of seconds below a million")
        if model is not None:
            utf8(model, "the name of the model")
        name = session if session is not None else settings.text("session")
        if name is not None:
            from trooper_cli.store.catalog import check_name
            from trooper_cli.store.session import settings_of

            settings = settings.with_session(settings_of(home, check_name(name)))
        settings.validate("local", "cloud")
        # `clouds = "off"` was to be a lock.
        settings.tables("clouds")
        ask_request = AskRequest(
            prompt=text,
            session=name,
            local_flag=local,
            here=here,
            repeated=last,
            model=model,
            system=_checked_system(system) or (last.system if last else None),
            stream=stream is not False,
            live=not as_json and (output.is_terminal if stream is None else stream),
            on_terminal=output.is_terminal,
            fallback=not no_fallback and settings.boolean("fallback") is True,
            on_leak=on_leak or settings.text("on_leak") or "block",
            budget=settings.number("budget", budget),
            max_tokens=max_tokens,
            read_timeout=timeout,
            thinking=Thinking(effort.value if effort else settings.text("effort"), show_thinking),
        )
        if dry_run:
            from trooper_cli.ask.person import Person

            return rehearsed(ask_request, Person(output.write), settings, home, output, notices, leave)
        answer = _asked(ask_request, settings, environment, output, notices, leave, as_json=as_json)
    output.write(f"{json.dumps(_as_json(answer, name), ensure_ascii=False)}\n" if as_json else "\n")
    if verbose:
        environment.say(_status(answer), "dim")
    if answer.failure is not None:
        raise answer.failure
    return 0


def _asked(
    ask_request: "AskRequest",
    settings: Settings,
    environment: Environment,
    output: Output,
    notices: Notices,
    take_over: "Callable[[], None]",
    *,
    as_json: bool,
) -> "Answer":
    """Ask, and where the small default model is missing, offer to fetch it: on a terminal by a question."""
    from trooper_cli.ask.person import Person
    from trooper_cli.ask.pipeline import ask as ask_once
    from trooper_cli.engines.local import MissingModelError

    home, stdin, stderr = environment.home, environment.stdin, environment.stderr

    thoughts = ThoughtWriter(stderr, environment.environ)

    show, notify = thoughts.before((lambda _: None) if as_json else output.write), thoughts.before(notices.notify)
    person = Person(show, thoughts.write)
    try:
        if not notices.quiet and is_screen(stderr, environment.environ):
            from trooper_cli.cli.spinner import Spinner

            with Spinner(show, notify, thoughts.write) as spinner:
                waiting = Person(spinner.show, spinner.think, spinner.wait)
                return ask_once(ask_request, waiting, settings, home, spinner.notify, take_over)
        return ask_once(ask_request, person, settings, home, notify, take_over)
    except MissingModelError:
        if notices.quiet or not (stdin and stdin.isatty() and stderr and stderr.isatty()):
            raise
        if not typer.confirm(
            "trooper: no local model yet. Fetch a small one now (93 MB, once)?", default=True, err=True
        ):
            raise
    finally:
        thoughts.end()
    from trooper_cli.engines.default_model import pull as fetch

    fetch(home, progress=True)
    return ask_once(ask_request, person, settings, home, notify, take_over)


def _checked_system(system: str | None) -> str | None:
    if system is not None:
        from trooper_cli.cli.prompt_input import utf8

        utf8(system, "the system prompt")
    return system or None


def _as_json(answer: "Answer", session: str | None) -> dict[str, object]:
    usage = answer.usage
    return {
        "answer": answer.text,
        "session": session,
        "turn": answer.turn,
        "label": answer.decision.label,
        "route": answer.decision.side,
        "reason": answer.decision.reason,
        "engine": answer.engine,
        "model": answer.model,
        "host": answer.host,
        "network": answer.on_network,
        "inference_geo": usage.inference_geo,
        "stop": answer.stop,
        "usage": {
            "input": usage.input,
            "output": usage.output,
            "cache_read": usage.cache_read,
            "cache_write": usage.cache_write,
            "thinking": usage.thinking,
        },
        "context": answer.context,
        "fallback": answer.fallback,
        "seconds": answer.seconds,
    }


def _status(answer: "Answer") -> str:
    decision, usage = answer.decision, answer.usage
    place = f" on {answer.host} of your network" if answer.on_network else ""
    return (
        f"{decision.label}, {decision.side} ({decision.reason}), {answer.engine} {answer.model}{place}, "
        f"{usage.input} + {usage.output} tokens, {answer.seconds:.1f} s"
    )


def rehearsed(
    ask_request: "AskRequest",
    caller: "Caller",
    settings: Settings,
    home: Path,
    output: Output,
    notices: Notices,
    take_over: "Callable[[], None]",
) -> int:
    """Print the request that would be sent; `take_over` as for `rehearse`."""
    import hashlib

    from trooper_cli.ask.rehearsal import rehearse

    rehearsal = rehearse(ask_request, caller, settings, home, notices.notify, take_over)
    request = rehearsal.request
    secrets = {"x-api-key", "authorization"}
    record = {
        "label": rehearsal.decision.label,
        "route": rehearsal.decision.side,
        "reason": rehearsal.decision.reason,
        "engine": rehearsal.engine,
        "model": rehearsal.model,
        "url": request.url,
        "headers": {name: "***" if name in secrets else value for name, value in request.headers.items()},
        "body": json.loads(request.body),
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
        "context": rehearsal.context,
    }
    output.write(f"{json.dumps(record, ensure_ascii=False, indent=2)}\n")
    if rehearsal.failure is not None:
        raise rehearsal.failure
    return 0
