"""`trooper usage`: tokens, what they cost, and what was saved."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.cli.session_name import named_session
from trooper_cli.cli.terminal import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli.json_output import Limit, Limits
    from trooper_cli.settings import Settings
    from trooper_cli.store.ledger import Ledger, Scope
    from trooper_cli.store.prices import Prices
    from trooper_cli.store.usage import Saved, Spending, Totals, Used


def usage(
    context: typer.Context,
    named: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="One session; without it all of them.", show_default=False),
    ] = None,
    *,
    session: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-s", "--session", metavar="NAME", help="One session; without it all of them."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Sum up tokens by side and model, the cloud's cost, and what local turns and compression saved.

    Asks without a session leave no record and are not counted, but for what is left of a spending cap. Prices are a
    table of their month; a prices.toml beside your config.toml goes before it.

    \b
    trooper usage
    trooper usage ops --json | jq .cloud_cost
    """  # noqa: D301
    from dataclasses import asdict

    from trooper_cli.store.prices import load
    from trooper_cli.store.usage import total

    environment = environment_of(context)
    output, settings = environment.output(), environment.settings()
    name = named_session("usage", named, session) if (named, session) != (None, None) else None
    assert settings.file is not None  # noqa: S101
    prices = load(settings.file.with_name("prices.toml"))
    cloud_model = settings.text("cloud_model") or ""
    totals = total(_spendings(environment, name), prices, cloud_model)
    limits = _limits(environment, settings, name, prices)
    if as_json:
        record = asdict(totals) | {"currency": "USD", "prices": {"date": prices.date, "source": prices.source}}
        output.write(f"{json.dumps(record | {'limits': limits}, ensure_ascii=False)}\n")
        return 0
    if totals.used:
        _print(totals, prices, cloud_model, output)
    else:
        output.write("no request is on record; asks without a session leave none\n")
    for which, limit in (("day", limits["day"]), ("session", limits["session"])):
        if limit is not None:
            _print_limit(which, limit, output)
    return 0


def _limits(environment: Environment, settings: Settings, session: str | None, prices: Prices) -> Limits:
    """Return the cap of the day and that of the session that is named; None where there is none."""
    limits: Limits = {"day": None, "session": None}
    identity = None
    if session is not None:
        from trooper_cli.store.session import Session

        with closing(Session.open(environment.home, session)) as opened:
            settings, identity = settings.with_session(opened.settings()), opened.identity()
    day, of_session = settings.dollars("limit_day"), settings.dollars("limit_session")
    if day is None and (session is None or of_session is None):
        return limits
    from trooper_cli.store.ledger import Ledger, Scope, today

    with closing(Ledger.look(environment.home, environment.say)) as ledger:
        if day is not None:
            limits["day"] = _limit(day, Scope(day=today()), ledger, prices)
        if session is not None and of_session is not None:
            limits["session"] = _limit(of_session, Scope(session=identity.id if identity else None), ledger, prices)
    return limits


def _limit(amount: float, scope: Scope, ledger: Ledger, prices: Prices) -> Limit:
    from trooper_cli.errors import ConfigurationError

    try:
        spent = ledger.spent(scope, prices)
    except ConfigurationError:
        return {"limit": amount, "spent": None, "left": None}
    return {"limit": amount, "spent": spent, "left": max(0.0, amount - spent)}


def _print_limit(name: str, limit: Limit, output: Output) -> None:
    of = "today" if name == "day" else "in this session"
    left = f"{_dollars(limit['left'])} of {_dollars(limit['limit'])} is left {of} (limit_{name}); "
    _line(output, "limit", f"{left}{_dollars(limit['spent'])} was spent, or may be by requests under way")


def _spendings(environment: Environment, name: str | None) -> Iterator[Spending]:
    from trooper_cli.errors import TrooperError
    from trooper_cli.store.catalog import names
    from trooper_cli.store.session import Session

    for each in [name] if name is not None else names(environment.home):
        try:
            opened = Session.open(environment.home, each)
        except TrooperError as error:
            if name is not None:
                raise
            environment.say(str(error))
            continue
        with closing(opened):
            yield from opened.spendings()


def _print(totals: Totals, prices: Prices, cloud_model: str, output: Output) -> None:
    (_show_used if output.is_terminal else _print_used)(totals.used, output)
    output.write("\n")
    if not output.is_terminal or any(row.side == "cloud" for row in totals.used):
        cost = f"{_dollars(totals.cloud_cost)} in the cloud, at prices of {prices.date} ({prices.source})"
        _line(output, "cost", cost)
    unpriced = sorted({row.model for row in totals.used if row.side == "cloud" and row.cost is None})
    if unpriced:
        _line(output, "", f"without {', '.join(unpriced)}: no price is known; add it to prices.toml")
    if missing := sum(row.without_figures for row in totals.used):
        requests = "request" if missing == 1 and output.is_terminal else "requests"
        _line(output, "", f"without {missing} {requests} that came to no end, of which there are no figures")
    _print_saved(totals.by_local, totals.by_compression, cloud_model, output)


def _line(output: Output, head: str, text: str, style: str = "") -> None:
    """Write a line under the table: for a person wrapped at the width, in a pipe as it is."""
    if output.is_terminal:
        from trooper_cli.cli.screen import write_paragraph

        write_paragraph(output, " ".join(text.split()), style, first=[(f"{head:<10}", style)])
    else:
        output.write(f"{head:<10}{text}\n")


def _print_used(used: list[Used], output: Output) -> None:
    names = [f"{row.engine} {row.model}".strip() for row in used]
    width = max(map(len, names))
    output.write(f"{'side':<7}  {'model':<{width}}  {'requests':>8}  {'input':>11}  {'output':>11}  {'cost':>9}\n")
    for row, name in zip(used, names, strict=True):
        output.write(f"{row.side:<7}  {name:<{width}}  {row.requests:>8}  {row.input:>11,}  {row.output:>11,}  ")
        output.write(f"{_cost(row):>9}\n")


def _show_used(used: list[Used], output: Output) -> None:
    from trooper_cli.cli.tables import Column, write_table

    figures = [Column(head, is_number=True) for head in ("requests", "input", "output", "cost")]
    columns = [Column("model"), Column("side"), *figures]
    most = max(row.input + row.output for row in used)
    rows = [
        (
            f"{row.engine} {row.model}".strip(), row.side, str(row.requests), f"{row.input:,}", f"{row.output:,}",
            _cost(row).replace("-", ""),
        )
        for row in used
    ]  # fmt: skip
    bars = [
        ((row.input + row.output) / most if most else 0.0, "cyan" if row.side == "cloud" else "yellow") for row in used
    ]
    write_table(output, columns, rows, bars=bars)


def _print_saved(local: Saved, compression: Saved, cloud_model: str, output: Output) -> None:
    if local.tokens or not output.is_terminal:
        counted = f"{local.tokens:,} tokens were counted by engines here; at the price of {cloud_model} "
        _line(output, "local", f"{counted}{_dollars(local.dollars)}")
    if compression.tokens or not output.is_terminal:
        saved = f"about {compression.tokens:,} tokens of earlier turns were not sent; at least "
        _line(output, "compress", f"{saved}{_dollars(compression.dollars)}")
        method = (
            "(bytes of all earlier public turns less bytes sent, at each request's own tokens a byte and the\n"
            "          price of reading a cache)"
        )
        _line(output, "", method, "dim")


def _cost(row: Used) -> str:
    return "-" if row.side != "cloud" else _dollars(row.cost)


def _dollars(amount: float | None) -> str:
    return "$?" if amount is None else f"${amount:.4f}"
