"""What was used and what it cost, from the requests that the sessions have on record, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trooper_cli.store.prices import Prices


class Spending(NamedTuple):
    """What one request used, as its engine counted it; None where the engine did not come to the end.

    `bytes` is the size of a request to the cloud, `verbatim` that of its prompt and all earlier public turns as text.
    """

    side: str
    engine: str
    model: str
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    bytes: int
    verbatim: int
    cache_write_1h: int = 0
    inference_geo: str | None = None


@dataclass
class Used:
    """What one model on one side used. `cost` is None where a price is not known; this machine costs nothing."""

    side: str
    engine: str
    model: str
    requests: int = 0
    without_figures: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cost: float | None = 0.0


@dataclass
class Saved:
    """What a way of saving came to; `dollars` is None where the price is not known."""

    tokens: int = 0
    dollars: float | None = 0.0


@dataclass
class Totals:
    """All of it. `cloud_cost` sums what has a price."""

    used: list[Used]
    cloud_cost: float
    by_local: Saved
    by_compression: Saved


def total(spendings: Iterable[Spending], prices: Prices, cloud_model: str) -> Totals:
    """Sum requests up.

    Saved by local turns: the tokens that engines on this machine counted, at the price of the cloud model that is set.
    Saved by compression: for each request, the bytes that its prompt and all earlier public turns have as text, less
    the bytes that were sent, at that request's own tokens a byte, and at the price of reading a cache, the lowest there
    is. What was verbatim cheaper than the compressed request counts as nothing.
    """
    rows: dict[tuple[str, str, str], Used] = {}
    by_local, by_compression = Saved(), Saved()
    for spending in spendings:
        row = rows.setdefault(spending[:3], Used(*spending[:3]))
        row.requests += 1
        if spending.input is None or spending.output is None:
            row.without_figures += 1
            continue
        read, written = spending.cache_read or 0, spending.cache_write or 0
        row.input += spending.input
        row.output += spending.output
        row.cache_read += read
        row.cache_write += written
        price = prices.of(spending.model if spending.side == "cloud" else cloud_model, spending.input)
        if spending.side != "cloud":
            by_local.tokens += spending.input + spending.output
            by_local.dollars = _sum(by_local.dollars, price and price.cost(spending.input, spending.output))
            continue
        price = price and prices.in_place(price, spending.inference_geo)
        row.cost = _sum(row.cost, cost(spending, prices))
        if spending.bytes and spending.verbatim > spending.bytes:
            tokens = int((spending.verbatim - spending.bytes) * spending.input / spending.bytes)
            by_compression.tokens += tokens
            by_compression.dollars = _sum(by_compression.dollars, price and price.cost(0, 0, cache_read=tokens))
    used = sorted(rows.values(), key=lambda row: (row.side, -row.input - row.output))
    return Totals(used, sum(row.cost or 0.0 for row in used if row.side == "cloud"), by_local, by_compression)


def cost(spending: Spending, prices: Prices) -> float | None:
    """Return what a request cost in USD: nothing on this machine, and None where no price is known."""
    if spending.side != "cloud":
        return 0.0
    tokens, output = spending.input or 0, spending.output or 0
    if (price := prices.of(spending.model, tokens)) is None:
        return None
    read, written = spending.cache_read or 0, spending.cache_write or 0
    price = prices.in_place(price, spending.inference_geo)
    return price.cost(tokens - read - written, output, read, written, spending.cache_write_1h)


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
