"""A key that a program prints, as a password manager does: `api_key_cmd`, `auth_token_cmd` and `local_key_cmd`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.settings import is_key

if TYPE_CHECKING:
    from trooper_cli.settings import Settings

COMMAND_SECONDS = 30.0
# With what ends in `_API_KEY`, and the variables that `[[clouds]]` name. Others may be what the command asks its own
# keeper with, such as VAULT_TOKEN.
_KEYS = {"ANTHROPIC_AUTH_TOKEN", "TROOPER_LOCAL_KEY", "HF_TOKEN"}


def key_of_command(setting: str, settings: Settings) -> str:
    """Run a command without a shell and return the first line it writes; nothing of what it writes is ever shown.

    Args:
        setting: the name of the setting, which is a program with its arguments, quoted as in a shell.
        settings: the settings, and the environment, of which the command is given all but keys for engines and the hub.

    Raises:
        ConfigurationError: the command cannot be run, fails, takes too long or prints no key.

    """
    import shlex
    import subprocess

    keys = _KEYS | {str(cloud.get("key_env")) for cloud in settings.tables("clouds")}
    environ = {
        name: value for name, value in settings.environ.items() if name not in keys and not name.endswith("_API_KEY")
    }
    try:
        process = subprocess.Popen(  # noqa: S603
            shlex.split(settings.text(setting) or ""),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
        )
    except (OSError, ValueError, IndexError) as error:
        raise ConfigurationError(
            f"{setting} cannot be run; it is a program with its arguments, without a shell"
        ) from error
    try:
        written = process.communicate(timeout=COMMAND_SECONDS)[0]
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"{setting} gave no key within {COMMAND_SECONDS:.0f} seconds; run it by itself to see why"
        ) from error
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0:
        raise ConfigurationError(f"{setting} failed (exit {process.returncode}); run it by itself to see why")
    key = written.partition(b"\n")[0].decode("ascii", "replace").strip()
    if not is_key(key):
        raise ConfigurationError(f"what {setting} writes is no key; its first line must be the key alone")
    return key
