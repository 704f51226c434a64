"""A batch: the lines are read as they come, asked, and answered in their order.

Standard input is never read further than is needed to keep the jobs at work, so that it may be of any length, or be
written by a program that waits for each answer.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import typer

from trooper_cli.ask.refused import is_meant_private_in, remembering_unless_done
from trooper_cli.cli.batch.line import LONGEST_LINE, Batch, Line, answer_line, remember_skipped
from trooper_cli.cli.batch.printer import Printer
from trooper_cli.cli.prompt_input import read_stream, readable
from trooper_cli.errors import InputError, TrooperError
from trooper_cli.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedIOBase
    from pathlib import Path
    from typing import TextIO

    from trooper_cli.cli.batch.resume import Answered
    from trooper_cli.settings import Settings

__all__ = ["Batch", "check_usage", "run"]


def check_usage(context: typer.Context) -> None:
    """Refuse what makes no sense together with `--jsonl`, and what makes none without it.

    Raises:
        typer.BadParameter: as any wrong usage is reported, once the guard remembers what was meant to be private.

    """
    given = context.params
    if not given["jsonl"]:
        raise _Misuse("--jobs and --resume are for a batch, which --jsonl begins", context)
    for name, reason in {
        "prompt": "--jsonl reads its prompts from standard input, and takes none as arguments",
        "file": "--jsonl takes no files: a prompt is all of its line",
        "no_stdin": "--jsonl reads standard input, which -n forbids",
        "dry_run": "--dry-run shows one request, and no batch",
        "show_thinking": "--show-thinking is for one answer at a time",
        "stream": "--jsonl prints whole lines, so it does not stream",
    }.items():
        if given[name]:
            raise _Misuse(reason, context)
    if given["limit"] and (given["jobs"] or 1) > 1:
        raise _Misuse("--limit is kept by one job alone; TROOPER_LIMIT_DAY is kept by several", context)
    if context.obj.stdin is None:
        raise _Misuse("--jsonl reads standard input, which is closed", context)


class _Misuse(typer.BadParameter):
    def format_message(self) -> str:
        return f"{self.message}."


def run(batch: Batch, jobs: int, resume: Path | None) -> int:
    """Ask all lines of standard input; return 0 if all were answered, else the exit code of the first failure."""
    from trooper_cli.cli.batch import worker

    if worker.is_worker:
        return worker.work(batch)
    environment = batch.environment
    stdin, settings = environment.stdin, environment.settings(check=False)
    assert stdin is not None  # noqa: S101
    _check_for_all(batch, settings, stdin)
    printer = Printer(batch)
    lines = lines_of(stdin, printer.notify)
    if resume is not None:
        from trooper_cli.cli.batch.resume import read_answered

        answered = read_answered(resume, environment.stdout, environment.output(), printer.notify)
        lines = _unanswered(batch, lines, answered, printer)
    with printer:
        if jobs > 1:
            from trooper_cli.cli.batch.workers import ask_at_once

            ask_at_once(batch, lines, jobs, printer)
        else:
            ask_in_turn(batch, lines, printer)
    return printer.code


def _unanswered(batch: Batch, lines: Iterator[Line], answered: Answered, printer: Printer) -> Iterator[Line]:
    """Yield the lines that are to be asked; the guard remembers the others, if they are private."""
    for line in lines:
        if answered.has(line):
            remember_skipped(batch, line, printer.notify)
        else:
            yield line


def ask_in_turn(batch: Batch, lines: Iterator[Line], printer: Printer) -> None:
    """Ask one line after the other in this process, which loads an embedded model once."""
    from trooper_cli.engines import embedded

    embedded.keep_loaded()
    heeds_breaker = False
    for line in lines:
        notify, report = partial(printer.notify, line=line), partial(printer.report, line=line)
        printer.write(answer_line(batch, line, notify, report, heeds_breaker=heeds_breaker))
        heeds_breaker = True


def _check_for_all(batch: Batch, settings: Settings, stdin: TextIO) -> None:
    """Raise what is wrong for all lines alike, before one is asked; what is there of private ones is remembered.

    Raises:
        TrooperError: an option, a variable or a setting is wrong.

    """
    home, data = batch.environment.home, bytearray()
    with (
        closing(Store(home, settings, batch.environment.say)) as store,
        remembering_unless_done(
            store,
            lambda: is_meant_private_in(home, batch.session, batch.local_flag, settings),
            lambda guard: batch.remember(guard, batch.system or "", _texts_of(readable(data))),
        ),
    ):
        try:
            batch.check(settings)
            settings.validate("local", "cloud")
            settings.tables("clouds")
        except TrooperError:
            read_stream(stdin, data)
            raise
        if is_meant_private_in(home, batch.session, batch.local_flag, settings):
            # No line may come to be asked with it: all may be broken, or there is none.
            with store.guard_to_write() as guard:
                batch.remember(guard, batch.system or "", [])


def _texts_of(text: str) -> list[str]:
    """Return the prompts of a text of many lines, as far as they are some."""
    from trooper_cli.cli.batch.line import loaded

    fields = [loaded(line.encode("utf-8", "replace")) for line in text.splitlines()]
    prompts = [each["prompt"] for each in fields if isinstance(each, dict) and isinstance(each.get("prompt"), str)]
    return [*prompts, text]


def lines_of(stdin: TextIO, notify: Callable[[str], None]) -> Iterator[Line]:
    """Yield the lines of standard input that are not blank, each as it comes.

    Raises:
        InputError: it cannot be read.

    """
    from trooper_cli.cli.prompt_input import patience

    stream: BufferedIOBase = stdin.buffer  # type: ignore[assignment]
    try:
        with patience("standard input: what fills the pipe is at work, or nobody closes it", notify):
            data = stream.readline(LONGEST_LINE + 1)
        number = 1
        while data:
            rest = data
            while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
                # The line is refused, and its rest is no line of its own.
                rest = stream.readline(LONGEST_LINE + 1)
            if data.strip():
                yield Line(number, data)
            number += 1
            data = stream.readline(LONGEST_LINE + 1)
    except OSError as error:
        raise InputError(f"standard input cannot be read ({error.strerror})") from error
