"""What the spending caps leave for a plain ask."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from trooper_cli.cli.checks.result import CheckResult
from trooper_cli.engines.clouds import clouds
from trooper_cli.errors import LimitError
from trooper_cli.json_output import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trooper_cli.settings import Settings

# Tokens of the shortest prompt.
_LEAST_PROMPT = 20


def caps(settings: Settings, home: Path) -> Iterator[CheckResult]:
    """Compare what each cap leaves with what the shortest ask of the first cloud may cost.

    Raises:
        TrooperError: a price is not known, or the ledger cannot be read.

    """
    day, session = settings.dollars("limit_day"), settings.dollars("limit_session")
    if day is None and session is None:
        return
    from trooper_cli.ask.caller import LEAST_ANSWER
    from trooper_cli.ask.caps import Cap, in_dollars, left_of, prices_of
    from trooper_cli.store.ledger import Ledger, Scope, price_of, today

    for cloud in clouds(settings, connect=False)[:1]:
        prices = prices_of(settings)
        least = price_of(prices, cloud.model, None, _LEAST_PROMPT).most(_LEAST_PROMPT, LEAST_ANSWER)
        # An ask without a session is held to the cap of one by itself.
        given = [("limit_day", day, Scope(day=today())), ("limit_session", session, Scope(entries=()))]
        with closing(Ledger.look(home, lambda _: None)) as ledger:
            for name, dollars, scope in given:
                if dollars is None:
                    continue
                cap = Cap(name, dollars, scope)
                left = left_of(cap, ledger, prices)
                text = f"{name} leaves {in_dollars(left)} of {in_dollars(dollars)}"
                if left >= least:
                    yield CheckResult("caps", State.OK, text)
                    continue
                state = State.WARN if settings.boolean("fallback") else State.FAIL
                step = f"raise {name}, or ask with --here; `trooper usage` shows what was spent"
                yield CheckResult("caps", state, text, step, LimitError(text))
