"""`trooper ask` and the fetching of the model it may need."""

# Annotations are evaluated here, once: typer would evaluate them three times over if they were texts.

import json
from typing import TYPE_CHECKING

import typer

from trooper_cli.cli.ask_options import (
    AnswerJsonOption,
    BudgetOption,
    ExtractLastOption,
    ExtractOption,
    FileOption,
    HereOption,
    JobsOption,
    JsonlOption,
    LeakOption,
    LimitOption,
    LocalOption,
    MaxTokensOption,
    ModelOption,
    NoStdinOption,
    PromptArgument,
    QuietOption,
    ResumeOption,
    SchemaOption,
    SessionOption,
    StreamOption,
    SystemOption,
    TimeoutOption,
    VerboseOption,
)
from trooper_cli.cli.ask_request import check_options, checked_extract, checked_limit, request_from
from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.named_cloud import named_cloud
from trooper_cli.cli.options import DryRunOption, EffortOption, NoFallbackOption, ShowThinkingOption
from trooper_cli.cli.terminal import Notices, Output, ThoughtWriter, is_screen
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.ask.request import AskRequest
    from trooper_cli.ask.turn_in_progress import Answer

REPEATED = "repeated"  # where `trooper again` puts the Repetition, of whose turn the prompt is asked again


def ask(  # noqa: PLR0913
    context: typer.Context,
    prompt: PromptArgument = None,
    *,
    session: SessionOption = None,
    local: LocalOption = None,
    here: HereOption = False,
    model: ModelOption = None,
    effort: EffortOption = None,
    show_thinking: ShowThinkingOption = False,
    system: SystemOption = None,
    file: FileOption = None,
    schema: SchemaOption = None,
    extract: ExtractOption = False,
    extract_last: ExtractLastOption = False,
    stream: StreamOption = None,
    as_json: AnswerJsonOption = False,
    dry_run: DryRunOption = False,
    no_fallback: NoFallbackOption = False,
    on_leak: LeakOption = None,
    limit: LimitOption = None,
    budget: BudgetOption = None,
    max_tokens: MaxTokensOption = None,
    timeout: TimeoutOption = None,
    no_stdin: NoStdinOption = False,
    jsonl: JsonlOption = False,
    jobs: JobsOption = None,
    resume: ResumeOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
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

    With --jsonl each line of standard input is asked: an object with `prompt`, and with `id`, `system` and `session` if
    you like. Each gives one line of output, in their order: the object of --json with `id` and `line`, or one with
    `error` and `exit`. The options hold for all lines. The exit code is 0 if all were answered, else that of the first
    failure.
    """  # noqa: D301
    from contextlib import closing
    from functools import cache, partial

    from trooper_cli.ask.refused import is_meant_private_in, remembering_unless_done
    from trooper_cli.cli.prompt_input import gather
    from trooper_cli.cli.repetition import Repetition
    from trooper_cli.cli.schema_input import GivenSchema
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    notices, output, settings = (
        environment.notices(quiet=quiet),
        environment.output(),
        environment.settings(check=False),
    )
    home = environment.home

    given_schema, extract_of = GivenSchema(schema), partial(checked_extract, first=extract, last=extract_last)
    checks = (partial(checked_limit, limit), given_schema.checked, extract_of)
    check = partial(check_options, model=model, timeout=timeout, checks=checks)
    request_of = partial(
        request_from,
        local=local,
        here=here,
        meta=context.meta,
        model=model,
        stream=stream,
        live=not (as_json or jsonl) and (output.is_terminal if stream is None else stream),
        on_terminal=output.is_terminal,
        no_fallback=no_fallback,
        on_leak=on_leak,
        # One for all lines of a batch.
        limit_of=cache(partial(checked_limit, limit)),
        budget=budget,
        max_tokens=max_tokens,
        timeout=timeout,
        given_schema=given_schema,
        extract_of=extract_of,
        effort=effort,
        show_thinking=show_thinking,
    )
    # Of an option that stands before a prompt this may be the prompt.
    values = (model, effort, on_leak, limit, resume, *(file or ()))
    swallowed = [text for text in map(str, filter(None, values)) if any(map(str.isspace, text))]
    if jsonl or jobs or resume:
        from trooper_cli.cli.batch.run import Batch, check_usage, run

        check_usage(context)
        given_schema.read(notices.notify)
        remember = partial(given_schema.remember, others=swallowed)
        batch = Batch(environment, local, session, system, check, request_of, remember, quiet=quiet, verbose=verbose)
        return run(batch, jobs or 1, resume)
    parts: list[str] = []
    repetition: Repetition = context.meta.get(REPEATED) or Repetition(home, None, session, repeats=False)
    with (
        closing(Store(home, settings, environment.say)) as store,
        remembering_unless_done(
            store,
            lambda: is_meant_private_in(
                home, session, local, settings, repeats_private=repetition.is_of_private(settings)
            ),
            lambda guard: given_schema.remember(guard, system or "", parts, [*repetition.no_names(), *swallowed]),
        ) as leave,
    ):
        # Read before anything is refused, so that the guard knows a private prompt whatever is wrong with the rest.
        given_schema.read(notices.notify)
        if repetition.repeats:
            # The name of a cloud behind --cloud looks like that of a session.
            named_cloud(context.meta, settings)
        last = repetition.turn(settings)
        stdin, notify = None if no_stdin else environment.stdin, notices.notify
        text = last.prompt if last else gather(prompt or [], file or [], stdin=stdin, notify=notify, parts=parts)
        check(settings)
        name = session if session is not None else settings.text("session")
        if name is not None:
            from trooper_cli.store.catalog import check_name
            from trooper_cli.store.session import settings_of

            settings = settings.with_session(settings_of(home, check_name(name)))
        ask_request = request_of(text, name, system, settings, last)
        if dry_run:
            from trooper_cli.ask.person import Person
            from trooper_cli.cli.dry_run import rehearsed

            return rehearsed(ask_request, Person(output.write), settings, home, output, notices, leave)
        answer = _asked(ask_request, settings, environment, output, notices, leave, as_json=as_json)
    _print_end(
        answer, name, settings, environment, output, as_json=as_json, has_schema=schema is not None, verbose=verbose
    )
    return 0


def _print_end(
    answer: "Answer",
    session: str | None,
    settings: Settings,
    environment: Environment,
    output: Output,
    *,
    as_json: bool,
    has_schema: bool,
    verbose: bool,
) -> None:
    """Print what comes behind the text of an answer, or all of it as JSON.

    Raises:
        StorageError: the answer could not be written down.

    """
    if as_json:
        from trooper_cli.cli.answer_record import answer_record

        record = answer_record(answer, session, settings, has_schema=has_schema)
        output.write(f"{json.dumps(record, ensure_ascii=False)}\n")
    else:
        output.end()
    if verbose:
        from trooper_cli.cli.answer_record import status_line

        environment.say(status_line(answer), "dim")
    if answer.failure is not None:
        raise answer.failure


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
    if stderr and stderr.isatty():
        notify = output.before(notify)
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
    except BaseException:
        # What is wrong is said by whoever called, on the same screen.
        if stderr and stderr.isatty():
            output.end_line()
        raise
    finally:
        thoughts.end()
    from trooper_cli.engines.default_model import pull as fetch

    fetch(home, progress=True)
    return ask_once(ask_request, person, settings, home, notify, take_over)
