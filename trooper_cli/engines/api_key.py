"""The key for the cloud: from the environment, else from a command that `config.toml` names.

`api_key_cmd` prints a key, as `ANTHROPIC_API_KEY` holds one, and `auth_token_cmd` a bearer token, as
`ANTHROPIC_AUTH_TOKEN` does. Where both are set the key counts, as it does in the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.engines.anthropic import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trooper_cli.settings import Settings

_COMMANDS = {"api_key_cmd": "ANTHROPIC_API_KEY", "auth_token_cmd": "ANTHROPIC_AUTH_TOKEN"}


def has_key(settings: Settings) -> bool:
    """Return whether there is a key; a command that would print one counts, and is not run."""
    return key_of(settings.environ) is not None or command_of(settings) is not None


def command_of(settings: Settings) -> str | None:
    """Return the name of the setting whose command would be asked for the key, or None."""
    return next((name for name in _COMMANDS if settings.text(name) is not None), None)


def environ_with_key(settings: Settings, *, run: bool = True) -> Mapping[str, str]:
    """Return the environment with the key in it, for a request that is about to be made.

    With `run` false, as for a dry run, a key that only the command knows is a placeholder.

    Raises:
        ConfigurationError: the command cannot be run, fails, takes too long or prints no key.

    """
    name = command_of(settings)
    if name is None or key_of(settings.environ) is not None:
        return settings.environ
    if not run:
        return {**settings.environ, _COMMANDS[name]: "***"}
    from trooper_cli.engines.key_command import key_of_command

    key = key_of_command(name, settings)
    return {**settings.environ, _COMMANDS[name]: key}
