"""Prices and context windows of Claude's models, from the package genai-prices.

A new release of it: `pip install -U genai-prices`, then set RELEASE and DATE here and the version in pyproject.toml,
and look at what `python -m tools.generate` changes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# The day on which this release was the newest, and its prices were those of that day.
RELEASE, DATE = "0.2.3", "2026-11-30"
# What is not retired, by the vendor's list of models; nobody can ask the others any more.
ACTIVE = (
    "claude-fable-5-2",
    "claude-fable-5-1",
    "claude-fable-5",
    "claude-mythos-5-2",
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-opus-4-6",
    "claude-opus-4-5",
    "claude-sonnet-5-5",
    "claude-sonnet-5",
    "claude-sonnet-4-6",
    "claude-sonnet-4-5",
    "claude-haiku-5-5",
    "claude-haiku-4-5",
)
# platform.claude.com, manage-claude/data-residency: each price, where `inference_geo` is `us`. The package has no such.
US_FACTOR = 1.1
_FIELDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
_HEAD = """\
# US dollars for a million tokens, made from genai-prices {release} by `python -m tools.generate`: do not edit.
# A `prices.toml` beside your config.toml goes before this table, row by row: same shape, only the models you name.
# `up_to` bounds a row to requests of so many input tokens; rows of a model stand in rising order. `cache_write` is that
# of a cache of five minutes, which is what Trooper asks for, `cache_write_1h` that of one hour. Where a request is
# computed in the United States alone (inference_geo = "us"), each price is multiplied by `us_factor`.
date = "{date}"
source = "genai-prices {release}"
us_factor = {factor}
"""


class MissingPricesError(Exception):
    """The package is not installed, or in another version than that whose prices these are."""


class Row(NamedTuple):
    """The prices of one model for requests of at most `up_to` tokens; None is any number."""

    model: str
    window: int
    up_to: int | None
    prices: dict[str, float]


def table() -> list[Row]:
    """Return the prices of all active models on the day of `DATE`.

    Raises:
        MissingPricesError: see there.

    """
    try:
        import genai_prices
        from genai_prices.data import providers
    except ImportError as error:
        raise MissingPricesError(f"pip install genai-prices=={RELEASE}") from error
    if genai_prices.__version__ != RELEASE:
        raise MissingPricesError(
            f"genai-prices {genai_prices.__version__} is installed and RELEASE in tools/prices.py is {RELEASE}; "
            f"pip install genai-prices=={RELEASE}, or set RELEASE and DATE"
        )
    models = {model.id: model for provider in providers if provider.id == "anthropic" for model in provider.models}
    rows: list[Row] = []
    for name in ACTIVE:
        found = models[name].get_prices(datetime.fromisoformat(DATE).replace(tzinfo=UTC))
        fields = {field: getattr(found, theirs) for field, theirs in _FIELDS.items()}
        for start, end in _spans(fields):
            prices = {field: _price(value, start) for field, value in fields.items()}
            rows.append(Row(name, models[name].context_window or 0, end, prices))
    return rows


def _spans(fields: dict[str, object]) -> Iterator[tuple[int, int | None]]:
    """Yield the numbers of input tokens between which prices are the same: above the first, up to the second."""
    starts = sorted({0, *(tier.start for value in fields.values() for tier in getattr(value, "tiers", ()))})
    yield from zip(starts, [*starts[1:], None], strict=True)


def _price(value: object, start: int) -> float:
    """Return a price for requests of more than `start` tokens: the whole request has that of its tier."""
    tiers = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= start]
    return float(str(tiers[-1] if tiers else getattr(value, "base", value)))


def as_toml(rows: list[Row]) -> str:
    parts = [_HEAD.format(release=RELEASE, date=DATE, factor=US_FACTOR)]
    for row in rows:
        bound = f"up_to = {row.up_to}\n" if row.up_to else ""
        prices = "".join(f"{field} = {price:g}\n" for field, price in row.prices.items())
        parts.append(f'[[price]]\nmodel = "{row.model}"\n{bound}{prices}')
    return "\n".join(parts)


def windows(rows: list[Row]) -> str:
    """Return as JSON how many tokens each model takes."""
    return f"{json.dumps({row.model: row.window for row in rows}, indent=1)}\n"
