"""One class a failure, each with its exit code. A message says what happened, to what, and the next step.

No message may hold prompt text, an answer, a key, or the body of an engine's error.
"""

from __future__ import annotations


class TrooperError(Exception):
    """A failure that ends the command: one line on standard error and an exit code (sysexits where one fits)."""

    code = 70
    # Whether a cloud certainly asks nothing for the request that ended so: it never arrived, or was turned away.
    is_free = False


class UsageError(TrooperError):
    """The command was called wrongly."""

    code = 2


class InputError(TrooperError):
    """The data is bad: not UTF-8, a broken session file, invalid JSON, a prompt that cannot fit."""

    code = 65


class NotFoundError(TrooperError):
    """There is no such session or file."""

    code = 66


class UnavailableError(TrooperError):
    """No engine could answer: refused connections, time-outs, a server in trouble."""

    code = 69


class StorageError(TrooperError):
    """The session could not be written, or the guard could not remember: the disk is full or read-only.

    A private answer is then printed on a terminal only.
    """

    code = 74


class NoConnectionError(UnavailableError):
    """A connection could not be made or broke: that says as much of this machine's network as of the other side."""


class BusyError(UnavailableError):
    """A server on this machine cannot take the request just now; `max_wait` is how many seconds it is worth waiting."""

    def __init__(self, message: str, max_wait: float) -> None:
        super().__init__(message)
        self.max_wait = max_wait


class QuotaError(TrooperError):
    """The cloud's quota is gone; `until` is when there is some again, in seconds since 1970, where it is stated."""

    code = 75

    def __init__(self, message: str, until: float | None = None) -> None:
        super().__init__(message)
        self.until = until


class NotCoveredError(TrooperError):
    """The quota is not gone but does not cover this request."""

    code = 75


class OverloadError(TrooperError):
    """The cloud has too much to do just now; `retry_after` is its own wish in seconds, where it states one."""

    code = 75

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BreakerError(TrooperError):
    """The cloud was not asked, because an earlier call found that it cannot answer for a while."""

    code = 75


class LimitError(TrooperError):
    """The cloud was not asked, because what the request may cost is more than a spending cap leaves."""

    code = 75


class BrokenAnswerError(TrooperError):
    """An answer broke off, or an engine spoke nonsense."""

    code = 76


class SchemaMismatchError(BrokenAnswerError):
    """An answer does not fit its JSON Schema.

    The message holds nothing of the answer; `complaint` does, which is for the model alone.
    """

    def __init__(self, message: str, complaint: str) -> None:
        super().__init__(message)
        self.complaint = complaint


class RefusedError(TrooperError):
    """The model will not answer this; where text was printed before it said so, the answer counts as broken off."""

    code = 69

    def __init__(self, message: str, *, after_text: bool = False) -> None:
        super().__init__(message)
        if after_text:
            self.code = BrokenAnswerError.code


class LocalityError(TrooperError):
    """Refused, because the text would not have stayed where it has to stay."""

    code = 77


class ConfigurationError(TrooperError):
    """A setting is missing or bad: no key, a rejected key, an unknown model, a value out of range."""

    code = 78


class ContextExceededError(InputError):
    """The engine counted more tokens than its context holds; both counts are the engine's own."""

    def __init__(self, message: str, tokens: int = 0, limit: int = 0) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit
