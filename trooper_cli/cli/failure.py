"""What is printed of a failure: one line and an exit code."""

from __future__ import annotations

from trooper_cli.errors import TrooperError


def line_and_code(error: Exception) -> tuple[str, int]:
    """Return the line that says what happened, without `trooper: ` in front, and the exit code."""
    if isinstance(error, TrooperError):
        return str(error), error.code
    import sqlite3

    if isinstance(error, sqlite3.Error):
        from trooper_cli.database import translated

        # A file that opened is damaged further in.
        failure = translated(error, "a session, or the guard's index,")
        return str(failure), failure.code
    return (
        f"unexpected fault ({type(error).__name__}); run it again with TROOPER_TRACE=1 to see where",
        TrooperError.code,
    )
