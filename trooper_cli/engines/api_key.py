"""The key for the cloud: from the environment, else from the command that `api_key_cmd` in `config.toml` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.engines.anthropic import key_of
from trooper_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trooper_cli.settings import Settings

COMMAND_SECONDS = 30.0


def has_key(settings: Settings) -> bool:
    """Return whether there is a key; a command that would print one counts, and is not run."""
    return key_of(settings.environ) is not None or settings.text("api_key_cmd") is not None


def environ_with_key(settings: Settings, *, run: bool = True) -> Mapping[str, str]:
    """Return the environment with the key in it, for a request that is about to be made.

    With `run` false, as for a dry run, a key that only the command knows is a placeholder.

    Raises:
        ConfigurationError: the command cannot be run, fails, takes too long or prints no key.

    """
    command = settings.text("api_key_cmd")
    if command is None or key_of(settings.environ) is not None:
        return settings.environ
    return {**settings.environ, "ANTHROPIC_API_KEY": _output_of(command, settings.environ) if run else "***"}


def _output_of(command: str, environ: Mapping[str, str]) -> str:
    """Run a command without a shell and return the first line it writes; nothing of what it writes is ever shown."""
    import shlex
    import subprocess

    try:
        process = subprocess.Popen(  # noqa: S603
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in environ.items() if not _holds_key(name)},
        )
    except (OSError, ValueError, IndexError) as error:
        raise ConfigurationError(
            "api_key_cmd cannot be run; it is a program with its arguments, without a shell"
        ) from error
    try:
        written = process.communicate(timeout=COMMAND_SECONDS)[0]
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"api_key_cmd gave no key within {COMMAND_SECONDS:.0f} seconds") from error
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0:
        raise ConfigurationError(f"api_key_cmd failed (exit {process.returncode}); run it by itself to see why")
    key = written.partition(b"\n")[0].decode("ascii", "replace").strip()
    if not (key and key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError("what api_key_cmd writes is no key; its first line must be the key alone")
    return key


def _holds_key(variable: str) -> bool:
    return variable.endswith("_API_KEY") or variable == "ANTHROPIC_AUTH_TOKEN"
