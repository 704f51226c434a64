"""What tokens cost: the table in the package, and before it the user's own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trooper_cli.errors import ConfigurationError
from trooper_cli.files import reason

MILLION = 1_000_000
_KEYS = {"date", "source", "us_factor", "price"}


class Price(NamedTuple):
    """Dollars for a million tokens of one model, in requests of at most `up_to` input tokens."""

    model: str
    input: float
    output: float
    cache_read: float
    cache_write: float
    up_to: float = float("inf")
    cache_write_1h: float | None = None

    def cost(
        self, fresh: float, output: float, cache_read: float = 0, cache_write: float = 0, cache_write_1h: float = 0
    ) -> float:
        """Return the cost in USD of these tokens.

        `fresh` is the input neither read from a cache nor written to one, `cache_write_1h` the part of `cache_write`
        that goes to a cache of one hour. Where no price of that is known it is twice that of the input, as everywhere.
        """
        hour = 2 * self.input if self.cache_write_1h is None else self.cache_write_1h
        dollars = fresh * self.input + output * self.output + cache_read * self.cache_read
        return (dollars + (cache_write - cache_write_1h) * self.cache_write + cache_write_1h * hour) / MILLION

    def most(self, input_tokens: float, output: float, *, for_an_hour: bool = False) -> float:
        """Return the most in USD that a request may cost: all of its input at the dearest rate.

        `for_an_hour` says that some of it may go to a cache of one hour.
        """
        hour = self.cost(0, 0, 0, 1, 1) * MILLION if for_an_hour else 0.0
        dearest = max(self.input, self.cache_read, self.cache_write, hour)
        return (input_tokens * dearest + output * self.output) / MILLION


@dataclass(frozen=True)
class Prices:
    """The prices, those of the user first, and where they are from."""

    rows: tuple[Price, ...]
    date: str
    source: str
    us_factor: float = 1.0
    # Where the user's own stand, if there are any.
    own: Path | None = None

    def of(self, model: str, input_tokens: int) -> Price | None:
        """Return the price of a request, or None for a model in no table; a date after the model's name is ignored."""
        for row in self.rows:
            date = model.removeprefix(f"{row.model}-")
            # A figure that is no date makes another model of it, as in claude-opus-5 and claude-opus-5-5.
            if input_tokens <= row.up_to and (model == row.model or (len(date) == 8 and date.isdigit())):
                return row
        return None

    def in_place(self, price: Price, inference_geo: str | None) -> Price:
        """Return the price where the request was computed: in the United States alone it is dearer."""
        if inference_geo != "us":
            return price
        factor, hour = self.us_factor, price.cache_write_1h
        return price._replace(
            input=price.input * factor,
            output=price.output * factor,
            cache_read=price.cache_read * factor,
            cache_write=price.cache_write * factor,
            cache_write_1h=None if hour is None else hour * factor,
        )


def load(own: Path) -> Prices:
    """Read the prices of the package and those of the user's own file, if there is one.

    Raises:
        ConfigurationError: the user's file cannot be used.

    """
    shipped = Path(__file__).with_name("prices.toml")
    table = _table(shipped)
    rows, source = _rows(table, shipped), str(table["source"])
    if own.exists():
        rows, source = _rows(_table(own), own) + rows, f"{own}, then {source}"
    return Prices(rows, str(table["date"]), source, float(str(table["us_factor"])), own)


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {reason(error)}; mend or remove it") from error


def _rows(table: dict[str, object], path: Path) -> tuple[Price, ...]:
    listed = table.get("price", [])
    if unknown := sorted(table.keys() - _KEYS):
        raise ConfigurationError(f"{path} has {unknown[0]!r}, which is unknown; each model is one table [[price]]")
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise ConfigurationError(f"{path} has a price that is no table; write [[price]] before it")
    for number, row in enumerate(listed, 1):
        named = f"[[price]] {number} of {path}"
        if missing := [field for field in Price._fields[:5] if field not in row]:
            raise ConfigurationError(f"{named} lacks {', '.join(missing)}; add what is missing")
        if strange := sorted(row.keys() - {*Price._fields}):
            raise ConfigurationError(f"{named} has {strange[0]!r}; the fields are {', '.join(Price._fields)}")
    rows = tuple(Price(**row) for row in listed)
    for row in rows:
        figures = [value for value in row[1:] if value is not None]
        if not isinstance(row.model, str) or not all(isinstance(it, (int, float)) and it >= 0 for it in figures):
            raise ConfigurationError(f"{path} has a price that is no number above or at 0; correct it")
    return rows
