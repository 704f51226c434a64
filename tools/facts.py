"""What the reference and the manual tell beside the commands: exit codes and settings, read from the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli import errors
from trooper_cli.__main__ import FAULT, INTERRUPTED, READER_GONE, TERMINATED
from trooper_cli.errors import TrooperError
from trooper_cli.settings import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator


OTHER_VARIABLES = (
    "Beside these there are `TROOPER_HOME`, the folder of all files, `TROOPER_TRACE=1`, which shows where a fault is, "
    "and `TROOPER_HOOK_SECONDS`. Any other variable that begins with `TROOPER_`, in capitals or not, is exit 78. A "
    "relative `gitleaks` path is relative to the folder of `config.toml`; the allowlists of that file hold for its own "
    "rules alone."
)


def exit_codes() -> list[tuple[int, str]]:
    """Return each exit code with its meaning; where classes share a code, the one defined first counts."""
    told = {
        0: "Done; of `ask`: answered.",
        FAULT: "An unexpected fault; TROOPER_TRACE=1 shows where.",
        INTERRUPTED: "Interrupted; what arrived is in the session.",
        READER_GONE: "The reader of standard output went away; what arrived is in the session.",
        TERMINATED: "Terminated; what arrived is in the session.",
    }
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, TrooperError):
            told.setdefault(value.code, " ".join((value.__doc__ or "").partition("\n\n")[0].split()))
    return sorted(told.items())


def settings() -> Iterator[tuple[str, str, str, str]]:
    """Return for each setting its name in `config.toml`, its variable, its default, and the values it may have."""
    for name, known in KNOWN.items():
        default = known.default or ""
        text = str(int(default)) if isinstance(default, bool) else str(default)
        yield name, known.variable or "", text, ", ".join(known.allowed)
