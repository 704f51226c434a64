"""`trooper mask` and `trooper unmask`: filters that take secrets out of a text and put them back."""

from __future__ import annotations

import codecs
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.errors import InputError, LocalityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from trooper_cli.cli.environment import Environment
    from trooper_cli.store.store import Store

_SessionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-s", "--session", metavar="NAME", help="The session that keeps the values (TROOPER_SESSION)."),
]
_PIECE = 1 << 16


def mask(
    context: typer.Context,
    *,
    session: _SessionOption = None,
    counts: Annotated[
        bool, typer.Option("--list", help="Print how many values of each kind the session holds.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print what each placeholder stands for, on a terminal only.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="With --show, print it into a pipe or a file too.")] = False,
) -> int:
    """Put a placeholder for each secret of the text on standard input: `<TOKEN_1>`, `<PASSWORD_1>`, `<HOST_2>`.

    \b
    kubectl logs pod | trooper mask -s incident > safe.log
    trooper mask < server.log
    trooper mask -s ops --list

    Masked are credentials, what guard_patterns, guard_hosts and mask_words name, and the classes of the setting mask:
    emails, addresses, hosts, numbers. A value has the same placeholder each time. Text of private turns is refused
    (exit 77), and so is what the guard finds after masking.

    With -s NAME the values are kept in that session, and `trooper unmask -s NAME` puts them back. Without it none is
    kept, so that nothing can put them back.
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings = environment.settings()
    name = session if session is not None else settings.text("session")
    if (counts or show) and name is None:
        raise UsageError(f"{'--list' if counts else '--show'} needs a session: -s NAME")
    if (counts and show) or (force and not show):
        raise UsageError("--list and --show exclude each other" if counts and show else "--force goes with --show")
    if name is not None:
        from trooper_cli.store.catalog import check_name
        from trooper_cli.store.session import settings_of

        settings = settings.with_session(settings_of(environment.home, check_name(name)))
    output = environment.output()
    with closing(Store(environment.home, settings, environment.say)) as store:
        if counts or show:
            assert name is not None  # noqa: S101
            return (
                _print_counts(environment, store, name)
                if counts
                else _print_table(environment, store, name, force=force)
            )
        from trooper_cli.ask.masking import MaskFilter

        for text in MaskFilter(store, settings, environment.home, name).mask(_stdin(environment, "mask")):
            output.write(text)
    return 0


def unmask(context: typer.Context, *, session: _SessionOption = None) -> int:
    """Put the values of a session back in place of their placeholders, from standard input to standard output.

    \b
    trooper unmask -s ops < notes.txt
    kubectl logs pod | trooper mask -s incident | claude -p "why?" | trooper unmask -s incident

    Also where a model wrote them without brackets, in another case or in escapes. What the session does not know stays
    as it is. The values that were put back are private from then on: an ask in public that repeats one is refused.
    """  # noqa: D301
    from trooper_cli.ask.masking import restored
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    name = session if session is not None else settings.text("session")
    if name is None:
        raise UsageError(
            "no session is named: say `trooper unmask -s NAME`, with the session of `trooper mask -s NAME`"
        )
    with closing(Store(environment.home, settings, environment.say)) as store:
        pieces = _stdin(environment, "unmask")
        for text in restored(pieces, store, name, must_remember=not output.is_terminal):
            output.write(text)
    return 0


def _print_counts(environment: Environment, store: Store, name: str) -> int:
    from trooper_cli.guard.placeholders import KINDS

    with closing(store.open(name)) as session:
        kinds = [kind for kind, _ in session.masked_values().counted()]
    for kind in KINDS:
        if count := kinds.count(kind):
            environment.output().write(f"{kind} {count}\n")
    return 0


def _print_table(environment: Environment, store: Store, name: str, *, force: bool) -> int:
    output = environment.output()
    if not output.is_terminal and not force:
        raise LocalityError("the values are shown on a terminal only; --force prints them into a pipe or a file")
    with closing(store.open(name)) as session:
        rows = [*session.masked_values().rows()]
        if not output.is_terminal:
            store.guard.remember_report(session.identity(), [(None, text) for _, text in rows])
    for placeholder, text in rows:
        output.write(f"{placeholder}\t{text}\n")
    return 0


def _stdin(environment: Environment, command: str) -> Iterator[str]:
    """Yield what standard input holds as it comes, to the last byte.

    Raises:
        UsageError: it is a terminal, or closed.
        InputError: it is not UTF-8, or cannot be read.

    """
    if environment.stdin is None or environment.stdin.isatty():
        raise UsageError(f"there is no text: pipe it in; see `trooper {command} --help`")
    stream = cast("BufferedReader", environment.stdin.buffer)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while data := stream.read1(_PIECE):
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InputError("standard input is not UTF-8; convert it, for instance with iconv") from error
    except OSError as error:
        raise InputError(f"standard input cannot be read ({error.strerror})") from error
