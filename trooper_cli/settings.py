"""The settings: for each value a flag, an environment variable, `config.toml` or a default, in this order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import ConfigurationError
from trooper_cli.places import config_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Known(NamedTuple):
    """One setting that Trooper knows: its variable, its default, and the values it may have (all, if none named)."""

    variable: str | None
    default: str | None = None
    allowed: tuple[str, ...] = ()
    empty_is_unset: bool = True


KNOWN: dict[str, Known] = {
    "session": Known("TROOPER_SESSION"),
    # These two decide who may read a prompt, so that an empty value is a mistake and not a default.
    "local": Known("TROOPER_LOCAL", None, ("0", "1"), empty_is_unset=False),
    "cloud": Known("TROOPER_CLOUD", "on", ("on", "off"), empty_is_unset=False),
    "cloud_model": Known("TROOPER_CLOUD_MODEL", "claude-sonnet-5-5"),
    # Tables, read by `trooper_cli.clouds`.
    "clouds": Known(None),
    "local_model": Known("TROOPER_LOCAL_MODEL"),
    "local_engine": Known("TROOPER_LOCAL_ENGINE", None, ("ollama", "openai", "embedded")),
    "local_url": Known("TROOPER_LOCAL_URL"),
    # Who is trusted with private text is said in a file, not by whatever set the environment.
    "local_hosts": Known(None),
    "embedded_model": Known("TROOPER_EMBEDDED_MODEL"),
    "fallback": Known("TROOPER_FALLBACK", "1", ("0", "1")),
    "budget": Known("TROOPER_BUDGET"),
    "on_leak": Known("TROOPER_ON_LEAK", "block", ("block", "local", "warn")),
    # What the guard looks for beside private text and credentials; each is a list in config.toml.
    "guard_patterns": Known(None),
    "guard_hosts": Known(None),
    "gitleaks": Known(None),
}

_ENVIRONMENT_ONLY = {"local", "session"}


@dataclass(frozen=True)
class Value:
    """A setting's value and where it comes from: `flag`, `env`, `config` or `default`."""

    text: str | None
    origin: str


@dataclass
class Settings:
    """All settings of one call. Reading one that is out of range is a `ConfigurationError` that names its source."""

    environ: Mapping[str, str]
    file: Path | None = None
    _table: dict[str, object] | None = field(default=None, repr=False)

    @classmethod
    def of_process(cls) -> Settings:
        """Read the environment of this process and the user's `config.toml`."""
        environ = dict(os.environ)
        return cls(environ, config_file(environ))

    def value(self, name: str) -> Value:
        """Give the value of the setting `name` with its origin.

        Raises:
            ConfigurationError: the value is none of those allowed, or `config.toml` cannot be used.

        """
        known = KNOWN[name]
        found = self._environment(known) or self._configured(name)
        if name == "cloud" and (configured := self._configured(name)) and configured.text != "on":
            # A lock that one place closes no other place opens.
            found = configured
        if found is None:
            return Value(known.default, "default")
        if known.allowed and found.text not in known.allowed:
            place = known.variable if found.origin == "env" else f"{name} in {self.file}"
            raise ConfigurationError(f"{place} must be {' or '.join(known.allowed)}; nothing was sent")
        return found

    def text(self, name: str) -> str | None:
        return self.value(name).text

    def number(self, name: str, flag: int | None = None) -> int | None:
        """Give a whole number above zero, or None where nothing sets it."""
        if flag is not None:
            return flag
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise ConfigurationError(f"{KNOWN[name].variable} must be a whole number above 0")
        return int(text)

    def words(self, name: str) -> tuple[str, ...]:
        """Give the texts of a list in `config.toml`."""
        return tuple(word for word in (self.text(name) or "").split("\n") if word)

    def tables(self, name: str) -> list[Mapping[str, object]]:
        """Give the tables of an array in `config.toml`, written there as `[[name]]`."""
        if self._table is None:
            self._table = self._read_file()
        value = self._table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise ConfigurationError(f"{name} in {self.file} must be tables, each under [[{name}]]")
        return value

    def _environment(self, known: Known) -> Value | None:
        text = self.environ.get(known.variable) if known.variable else None
        return None if text is None or (known.empty_is_unset and not text) else Value(text, "env")

    def _configured(self, name: str) -> Value | None:
        if self._table is None:
            self._table = self._read_file()
        if name not in self._table:
            return None
        value = self._table[name]
        if isinstance(value, bool):
            value = "1" if value else "0"
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            value = "\n".join(value)
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            value = "\n".join(str(row.get("name")) for row in value)
        if not isinstance(value, (str, int)):
            raise ConfigurationError(f"{name} in {self.file} must be a text or a number")
        return Value(str(value), "config")

    def _read_file(self) -> dict[str, object]:
        if self.file is None or not os.path.lexists(self.file):
            return {}
        import tomllib

        try:
            table = tomllib.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"cannot read {self.file}: {type(error).__name__}; mend or remove it") from error
        for name in table:
            # A misspelt `cloud = "off"` that is passed over would be a lock that does not close.
            if name not in KNOWN or name in _ENVIRONMENT_ONLY:
                raise ConfigurationError(f"{self.file} has an unknown setting {name!r}; remove it or correct its name")
        return table
