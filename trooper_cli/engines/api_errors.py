"""What a response of a cloud that is no answer means: one table, for every cloud.

The verdict is the error's class. `QuotaError`: fall back at once, and do not ask again before there is quota.
`NotCoveredError`: fall back at once. `OverloadError`, `UnavailableError`: ask again within seconds, then fall back. Any
other: tell the user, never fall back. Facts are of the Messages API (documents and threads up to November 2026); names
of the others are of the OpenAI API, which those clouds follow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.engines.decoding import count, parse_or_none, text
from trooper_cli.errors import (
    BrokenAnswerError,
    ConfigurationError,
    ContextExceededError,
    InputError,
    NotCoveredError,
    OverloadError,
    QuotaError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trooper_cli.net.http import Response


class ErrorRule(NamedTuple):
    """One row: it fits a response if each of its fields does; a field that is empty fits any."""

    error: type[TrooperError]
    says: str
    first: int
    last: int = 0
    names: tuple[str, ...] = ()
    words: str = ""
    waits: bool | None = None


_KEY = "rejects the key; check {key}"
_QUOTA = "has no quota left"
_BUSY = "is overloaded"

# The first row that fits decides. Words are matched only where the API has no name for the case.
TABLE = (
    ErrorRule(ConfigurationError, "has put the organization on hold; see {key}", 200, 599, ("organization_on_hold",)),
    ErrorRule(QuotaError, _QUOTA, 402),
    ErrorRule(
        QuotaError,
        _QUOTA,
        200,
        599,
        (
            "billing_error",
            "enforced_spend_limit_reached",
            "contract_spend_limit_reached",
            "linked_organization_spend_limit_reached",
            "linked_organization_billing_unavailable",
            "insufficient_quota",
            "billing_hard_limit_reached",
        ),
    ),
    ErrorRule(QuotaError, _QUOTA, 400, words="credit balance is too low"),
    ErrorRule(QuotaError, _QUOTA, 400, words="reached your specified (workspace )?API usage limits"),
    ErrorRule(
        NotCoveredError,
        "does not cover so long a request by its quota",
        429,
        words="(usage credits|extra usage).*long context",
    ),
    ErrorRule(OverloadError, "has reached its rate limit", 429, waits=True),
    ErrorRule(QuotaError, _QUOTA, 429, waits=False),
    ErrorRule(OverloadError, _BUSY, 503),
    ErrorRule(OverloadError, _BUSY, 529),
    ErrorRule(OverloadError, _BUSY, 200, 599, ("overloaded_error",)),
    ErrorRule(ConfigurationError, _KEY, 401),
    ErrorRule(ConfigurationError, _KEY, 403),
    ErrorRule(
        ConfigurationError, "does not know the model {model}, or its address is wrong; see --model and {address}", 404
    ),
    ErrorRule(ConfigurationError, "answers with a redirect, which is never followed; check {address}", 300, 399),
    ErrorRule(UnavailableError, "is in trouble", 408, 409),
    ErrorRule(UnavailableError, "is in trouble", 500, 599),
    ErrorRule(
        InputError,
        "calls the request for {model} invalid; see --model, --effort, --max-tokens and --schema, and what is "
        "sent by --dry-run",
        400,
        499,
    ),
    ErrorRule(BrokenAnswerError, "gives no answer; check {address}", 100, 999),
)

# In a stream the status has been sent before the error. A rate limit told there has no header to say how it is meant.
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 529,
    "overloaded_error": 529,
    "timeout_error": 504,
}

# What is said where the time ran out or a gateway lost its server, which may have worked and be paid for.
_MAY_HAVE_WORKED = {408, 502, 504}
_LONGEST_MODEL_NAME = 100
_REGAIN = pattern(r"regain access on (\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))?")
_TOO_LONG = (
    pattern(r"(?P<tokens>\d{1,12}) tokens > (?P<limit>\d{1,12})\b"),
    pattern(
        r"maximum context length is (?P<limit>\d{1,12}) tokens.*?(?P<tokens>\d{1,12}) (?:input )?tokens", re.DOTALL
    ),
)


class ErrorSource(NamedTuple):
    """What a message names of a cloud: its name, where its key and its address are set, and the model that is asked."""

    name: str
    key: str
    address: str
    model: str


def failure_of_response(response: Response, place: ErrorSource) -> TrooperError:
    """Return the exception for an error response, also where its body is cut or too long to read."""
    import httpx

    try:
        body = parse_or_none(response.read())
    except (TrooperError, httpx.HTTPError):
        body = None
    failure = failure_of(response.status, response.headers, body, place)
    failure.is_free = response.status >= 300 and response.status not in _MAY_HAVE_WORKED
    return failure


def failure_of(status: int, headers: Mapping[str, str], body: object, place: ErrorSource) -> TrooperError:
    """Return the exception for an error response. The API's words may quote the prompt and are not repeated."""
    kind, words = text(body, "error", "type"), text(body, "error", "message")
    names = {kind, text(body, "error", "details", "error_code"), text(body, "error", "code")}
    wait = seconds_to_wait(headers)
    rule = next(
        rule
        for rule in TABLE
        if rule.first <= status <= (rule.last or rule.first)
        and (not rule.names or names.intersection(rule.names))
        and (rule.waits is None or rule.waits == (wait is not None))
        and (not rule.words or re.search(rule.words, words, re.IGNORECASE | re.DOTALL))
    )
    named = f"{_printable(kind) or 'error'}, {status}"
    if request_id := _printable(headers.get("request-id", "") or text(body, "request_id")):
        named += f", request {request_id}"
    says = rule.says.format(key=place.key, address=place.address, model=_one_word(place.model))
    message = f"{place.name} {says} ({named})"
    if rule.error is QuotaError:
        until = _regained(words)
        return QuotaError(f"{message}{f'; it says until {until[1]}' if until else ''}", until[0] if until else None)
    if rule.error is OverloadError:
        return OverloadError(message, wait)
    if rule.error is InputError and (counts := _counts(words)):
        tokens, limit = counts
        return ContextExceededError(
            f"{place.name} counts {tokens:,} tokens where {limit:,} fit; shorten the prompt ({named})", tokens, limit
        )
    return rule.error(message)


def failure_in_stream(body: object, place: ErrorSource) -> TrooperError:
    """Return the exception for an error event in a stream that has begun."""
    status = count(body, "error", "code") or _STATUS_OF.get(text(body, "error", "type"), 500)
    return failure_of(status if 400 <= status <= 599 else 500, {}, body, place)


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after`: seconds, or a date; None without it."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        if re.fullmatch(r"\d{1,9}(\.\d{0,9})?", value := headers.get(name, "").strip()):
            return float(value) / scale
    if value := headers.get("retry-after", ""):
        import time
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, OverflowError):
            return 60.0
    return None


def _regained(words: str) -> tuple[float, str] | None:
    """Read the date on which the API promises access again, as seconds since 1970 and as a text."""
    if not (found := _REGAIN.search(words)):
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp(), f"{moment:%Y-%m-%d %H:%M} UTC"


def _counts(words: str) -> tuple[int, int] | None:
    found = next((match for form in _TOO_LONG if (match := form.search(words))), None)
    return (int(found["tokens"]), int(found["limit"])) if found else None


def _one_word(model: str) -> str:
    """Return the name of a model, or that there is none: a longer text may be anything."""
    word = "".join(letter for letter in model if letter.isprintable() and not letter.isspace())
    return word if 0 < len(word) <= _LONGEST_MODEL_NAME else "that is named"


def _printable(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "", value)[:64]
