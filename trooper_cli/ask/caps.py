"""Spending caps: what a request to a cloud may cost must fit what is left, before it is sent.

The worst case is all of the input, as it is estimated, at the dearest rate, and as much output as the request allows.
It is entered in the ledger before the call, in the same transaction that sees what is left, and settled after it. What
is left, and so the `max_tokens` of a request, depends on requests to clouds alone: on no turn of this machine.
"""

from __future__ import annotations

import json
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import InputError, LimitError, StorageError
from trooper_cli.store.ledger import Entry, Ledger, Scope, price_of, today
from trooper_cli.store.prices import MILLION, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trooper_cli.ask.caller import V
    from trooper_cli.ask.turn_in_progress import TurnInProgress
    from trooper_cli.engines.engine import End, Engine
    from trooper_cli.errors import TrooperError
    from trooper_cli.net.http import Request
    from trooper_cli.settings import Settings
    from trooper_cli.store.prices import Prices
    from trooper_cli.turn import Context

_CENT_FROM = 0.01
# What the sum of many floats may be wrong by.
_ROUNDING = 1e-9


class Cap(NamedTuple):
    """A cap in USD: the name by which the user sets it, and what it is over."""

    name: str
    dollars: float
    scope: Scope


class Reservation:
    """A request that is entered in the ledger, until it is known what it used."""

    def __init__(self, ledger: Ledger, number: int) -> None:
        self._ledger = ledger
        self._number = number

    def settle(self, end: End | None, failure: TrooperError | None) -> None:
        """Enter what was used; where nobody says it, the most that it might have been stands."""
        with closing(self._ledger), suppress(StorageError, InputError):
            if end is not None and end.usage.input:
                self._ledger.settle(self._number, end.model, end.usage)
            elif failure is not None and failure.is_free:
                self._ledger.release(self._number)


class Caps:
    """The caps of one turn, from the option, the environment, the session and `config.toml`."""

    def __init__(self, turn: TurnInProgress) -> None:
        self._turn = turn
        identity = turn.session.identity()
        self._session = identity.id if identity else None

    def reserve(self, engine: Engine[V], context: Context[V], request: Request) -> tuple[Request, Reservation | None]:
        """Enter a request before it is sent; return it as it may be sent.

        Args:
            engine: the cloud.
            context: what the request is made of.
            request: as it would be sent without caps.

        Raises:
            LimitError: it does not fit what is left, not even with a shorter answer.
            ConfigurationError: a model has no price.
            InputError: nobody knows what it may cost, or the ledger is damaged.
            StorageError: the ledger cannot be written.

        """
        try:
            return self._entered(engine, context, request)
        except (StorageError, InputError) as error:
            if not self._caps():
                # Where there is no cap, nothing is to be kept.
                return request, None
            if isinstance(error, StorageError):
                error.args = (f"no spending cap can be kept, so nothing was sent: {error}",)
            raise

    def _entered(self, engine: Engine[V], context: Context[V], request: Request) -> tuple[Request, Reservation]:
        ledger = Ledger.open(self._turn.home, self._turn.notify)
        try:
            with ledger.writing():
                request, entry = self._fitted(ledger, engine, context, request)
                number = ledger.enter(entry)
                if self._turn.ask_request.limit is not None:
                    self._turn.ask_request.limit.entries.append(number)
        except BaseException:
            ledger.close()
            raise
        return request, Reservation(ledger, number)

    def fitted(self, engine: Engine[V], context: Context[V], request: Request) -> Request:
        """Return a request as it may be sent, and enter nothing; raise as `reserve` does."""
        if not self._caps():
            return request
        with closing(Ledger.look(self._turn.home, self._turn.notify)) as ledger:
            return self._fitted(ledger, engine, context, request)[0]

    def _fitted(
        self, ledger: Ledger, engine: Engine[V], context: Context[V], request: Request
    ) -> tuple[Request, Entry]:
        body = json.loads(request.body)
        worst = self._turn.caller.worst_case(body, context)
        entry = Entry(
            self._session, engine.model, request.inference_geo, worst.input, body["max_tokens"], worst.for_an_hour
        )
        if not (caps := self._caps()):
            return request, entry
        if worst.unknown is not None:
            raise InputError(f"{worst.unknown}, so that no spending cap can be kept; nothing was sent")
        prices = prices_of(self._turn.settings)
        price = price_of(prices, entry.model, entry.inference_geo, entry.input)
        cap, left = min(((cap, left_of(cap, ledger, prices)) for cap in caps), key=lambda each: each[1])

        def cost(output: int) -> float:
            return price.most(entry.input, output, for_an_hour=entry.for_an_hour)

        if cost(entry.output) <= left + _ROUNDING:
            return request, entry
        if cost(min(worst.least_output, entry.output)) > left + _ROUNDING:
            raise LimitError(
                f"the spending cap {cap.name} leaves {in_dollars(left)}, and this request may cost "
                f"{in_dollars(cost(entry.output))}"
            )
        output = max(int((left - cost(0)) * MILLION / price.output + _ROUNDING), worst.least_output)
        self._turn.notify_once(
            "a shorter answer",
            f"the answer may have {output} tokens at most: the spending cap {cap.name} leaves {in_dollars(left)}",
        )
        text = json.dumps(body | {"max_tokens": output}, ensure_ascii=False, separators=(",", ":"))
        return request._replace(body=text.encode()), entry._replace(output=output)

    def _caps(self) -> Sequence[Cap]:
        settings, limit = self._turn.settings, self._turn.ask_request.limit
        caps = [
            ("--limit", limit.dollars if limit else None, Scope(entries=tuple(limit.entries) if limit else ())),
            ("limit_session", settings.dollars("limit_session"), Scope(session=self._session)),
            ("limit_day", settings.dollars("limit_day"), Scope(day=today())),
        ]
        return [Cap(name, dollars, scope) for name, dollars, scope in caps if dollars is not None]


def prices_of(settings: Settings) -> Prices:
    """Return the prices, with the user's own beside `config.toml`.

    Raises:
        ConfigurationError: the user's file cannot be used.

    """
    assert settings.file is not None  # noqa: S101
    return load(settings.file.with_name("prices.toml"))


def left_of(cap: Cap, ledger: Ledger, prices: Prices) -> float:
    """Return in USD what a cap leaves."""
    return max(0.0, cap.dollars - ledger.spent(cap.scope, prices))


def in_dollars(amount: float) -> str:
    """Return an amount with the digits that tell."""
    return f"${amount:.4f}" if amount == 0 or amount >= _CENT_FROM else f"${amount:.2g}"
