"""The settings, each from a flag, the environment, the session, `config.toml` or a default: the first that has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from trooper_cli.errors import ConfigurationError
from trooper_cli.files import config_file, reason
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    # A list of texts is a tuple, so that nobody changes it for others.
    SettingValue = str | int | float | bool | tuple[str, ...] | None


class Setting(NamedTuple):
    """One setting that Trooper knows: its variable, its default, and what it may be (anything, if nothing is named)."""

    variable: str | None
    default: SettingValue = None
    allowed: tuple[str, ...] = ()
    kind: Literal["text", "number", "dollars", "boolean", "list", "url", "command", "key", "duration"] = "text"
    empty_is_unset: bool = True
    in_file: bool = True
    in_session: bool = False


_SWITCH = ("0", "1")
_DURATION = pattern(r"-?(?:[0-9]+|(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+)")
_DOLLARS = pattern(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e-?[0-9]{1,3})?")
# From nothing to all that a model can.
EFFORTS = ("none", "low", "medium", "high", "xhigh", "max")

KNOWN: dict[str, Setting] = {
    "session": Setting("TROOPER_SESSION", in_file=False),
    # These two decide who may read a prompt, so that an empty value is a mistake and not a default.
    "local": Setting("TROOPER_LOCAL", None, _SWITCH, "boolean", empty_is_unset=False, in_file=False, in_session=True),
    "cloud": Setting("TROOPER_CLOUD", "on", ("on", "off"), empty_is_unset=False, in_session=True),
    "cloud_model": Setting("TROOPER_CLOUD_MODEL", "claude-sonnet-5-5", in_session=True),
    "local_model": Setting("TROOPER_LOCAL_MODEL", in_session=True),
    "local_engine": Setting("TROOPER_LOCAL_ENGINE", None, ("ollama", "openai", "embedded"), in_session=True),
    "local_url": Setting("TROOPER_LOCAL_URL", kind="url"),
    # Who is trusted with private text is said in a file, not by whatever set the environment.
    "local_hosts": Setting(None, default=(), kind="list"),
    # Of the server of `local_url`, and of nobody else.
    "local_key": Setting("TROOPER_LOCAL_KEY", kind="key"),
    "local_key_cmd": Setting(None, kind="command"),
    "embedded_model": Setting("TROOPER_EMBEDDED_MODEL"),
    # How long Ollama keeps a model in memory after an answer, in its own notation.
    "keep_alive": Setting("TROOPER_KEEP_ALIVE", kind="duration"),
    # A program to run is named by the user's own file alone.
    "api_key_cmd": Setting(None, kind="command"),
    "auth_token_cmd": Setting(None, kind="command"),
    # Where Claude is to compute; unset, the account's own default holds.
    "inference_geo": Setting("TROOPER_INFERENCE_GEO", None, ("us", "global"), in_session=True),
    "fallback": Setting("TROOPER_FALLBACK", default=True, allowed=_SWITCH, kind="boolean", in_session=True),
    # How much a model may think; what each engine makes of it stands in `engines`.
    "effort": Setting("TROOPER_EFFORT", None, EFFORTS, in_session=True),
    "budget": Setting("TROOPER_BUDGET", kind="number", in_session=True),
    # What the clouds may cost, in USD: on a day of the local calendar, and in a session from its beginning.
    # An empty value is a mistake, as of what decides who may read a prompt: it would be no cap at all.
    "limit_day": Setting("TROOPER_LIMIT_DAY", kind="dollars", empty_is_unset=False),
    "limit_session": Setting("TROOPER_LIMIT_SESSION", kind="dollars", empty_is_unset=False, in_session=True),
    "on_leak": Setting("TROOPER_ON_LEAK", "block", ("block", "local", "warn"), in_session=True),
    # What the guard looks for beside private text and credentials.
    "guard_patterns": Setting(None, default=(), kind="list"),
    "guard_hosts": Setting(None, default=(), kind="list"),
    "gitleaks": Setting(None),
    # What is masked beside credentials and the user's patterns and hosts: classes of values, and words.
    "mask": Setting(None, (), ("emails", "addresses", "hosts", "numbers"), "list", in_session=True),
    "mask_words": Setting(None, default=(), kind="list"),
}

# Arrays of tables in config.toml, which are no settings of one value.
_TABLES = {"clouds"}


class Value(NamedTuple):
    """A setting's value, in its own type, and its origin: `flag`, `env`, `session`, `config` or `default`."""

    value: SettingValue
    origin: str


class Settings:
    """All settings of one call. Reading one that is out of range raises a `ConfigurationError` that names its source.

    Args:
        environ: the environment.
        file: the path of `config.toml`, which need not exist.
        of_session: what the user has set for the session of this call, as text.

    """

    def __init__(
        self, environ: Mapping[str, str], file: Path | None = None, of_session: Mapping[str, str] | None = None
    ) -> None:
        self.environ: Final = environ
        self.file: Final = file
        self.of_session: Final = of_session or {}
        self._table: dict[str, object] | None = None

    @classmethod
    def of_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings in an environment, as they are without a session."""
        return cls(environ, config_file(environ))

    def with_session(self, of_session: Mapping[str, str]) -> Settings:
        """Return the settings as they are in a session for which the user has set these."""
        settings = Settings(self.environ, self.file, of_session)
        settings._table = self._table
        return settings

    def value(self, name: str) -> Value:
        """Return the value of the setting `name` with its origin.

        Raises:
            ConfigurationError: the value is none of those allowed, or `config.toml` cannot be used.

        """
        known = KNOWN[name]
        sources = {
            "env": self._in_environment(known),
            "session": self._in_session(name),
            "config": self._file_table().get(name),
        }
        given = {origin: value for origin, value in sources.items() if value is not None}
        if name == "cloud" and any(value != "on" for value in given.values()):
            # A lock that one source closes no other source opens.
            given = {origin: value for origin, value in given.items() if value != "on"}
        for origin, value in given.items():
            try:
                return Value(parse(name, value), origin)
            except ValueError as fault:
                raise ConfigurationError(f"{self._source(name, origin)} {fault}; nothing was sent") from fault
        return Value(known.default, "default")

    def validate(self, *names: str) -> None:
        """Check settings on which what follows depends.

        Raises:
            ConfigurationError: one of them is out of range, or `config.toml` cannot be used.

        """
        for name in names:
            self.value(name)

    def text(self, name: str) -> str | None:
        """Return a setting that is a text."""
        value = self.value(name).value
        assert value is None or isinstance(value, str)  # noqa: S101
        return value

    def source(self, name: str) -> str:
        """Return where a setting stands, as a person would name it."""
        return self._source(name, self.value(name).origin)

    def number(self, name: str, flag: int | None = None) -> int | None:
        """Return a whole number above zero, or None where nothing sets it; what a flag says goes before."""
        if flag is not None:
            return flag
        value = self.value(name).value
        assert value is None or type(value) is int  # noqa: S101
        return value

    def dollars(self, name: str) -> float | None:
        """Return an amount in USD, or None where nothing sets it."""
        value = self.value(name).value
        assert value is None or isinstance(value, float)  # noqa: S101
        return value

    def boolean(self, name: str) -> bool | None:
        """Return a setting that is on or off, or None where nothing sets it."""
        value = self.value(name).value
        assert value is None or isinstance(value, bool)  # noqa: S101
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list, without empty ones."""
        value = self.value(name).value
        assert isinstance(value, tuple)  # noqa: S101
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list, or of the file that is named in its place, one a line; raise as `value` does."""
        path = self._file_table().get(name)
        if not isinstance(path, str) or self.file is None:
            return self.words(name)
        from pathlib import Path

        try:
            text = (self.file.parent / Path(path).expanduser()).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"the file of {name} in {self.file} cannot be read: {reason(error)}") from error
        return tuple(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))

    def path(self, name: str) -> Path | None:
        """Return a path of `config.toml`, which is relative to the folder of that file, wherever trooper is called."""
        text = self.text(name)
        if text is None or self.file is None:
            return None
        from pathlib import Path

        return self.file.parent / Path(text).expanduser()

    def tables(self, name: str) -> list[Mapping[str, object]]:
        """Return the tables of an array in `config.toml`, written there as `[[name]]`."""
        value = self._file_table().get(name, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise ConfigurationError(f"{name} in {self.file} must be tables, each under [[{name}]]")
        return value

    def _in_environment(self, known: Setting) -> str | None:
        text = self.environ.get(known.variable) if known.variable else None
        if text is None or (known.empty_is_unset and not text):
            return None
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigurationError(f"{known.variable} is not UTF-8; set it again") from error
        return text

    def _in_session(self, name: str) -> str | None:
        return self.of_session.get(name) if KNOWN[name].in_session else None

    def _source(self, name: str, origin: str) -> str:
        if origin == "env":
            return str(KNOWN[name].variable)
        return f"{name} of the session" if origin == "session" else f"{name} in {self.file}"

    def _file_table(self) -> dict[str, object]:
        if self._table is None:
            self._table = self._read_file()
        return self._table

    def _read_file(self) -> dict[str, object]:
        if self.file is None or not os.path.lexists(self.file):
            return {}
        import tomllib

        try:
            table = tomllib.loads(self.file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"cannot read {self.file}: {reason(error)}; mend or remove it") from error
        for name in table:
            # A misspelt `cloud = "off"` that is passed over would be a lock that does not close.
            if name not in _TABLES and (name not in KNOWN or not KNOWN[name].in_file):
                raise ConfigurationError(f"{self.file} has an unknown setting {name!r}; remove it or correct its name")
        return table


def parse(name: str, given: object) -> str | int | float | tuple[str, ...]:
    """Return the value of the setting `name` in its own type.

    Args:
        name: one of `KNOWN`.
        given: a text, as the environment and a session hold it, or a value of TOML.

    Raises:
        ValueError: it cannot have this value. The message says what it must be, and does not repeat it.

    """
    known = KNOWN[name]
    if known.kind == "list":
        return _list(given, known.allowed)
    if known.kind == "boolean":
        return _boolean(given)
    if known.kind == "number":
        return _number(given)
    if known.kind == "dollars":
        return dollars(given)
    if known.kind == "duration":
        return _duration(given)
    if not isinstance(given, str):
        raise ValueError(f"must be {' or '.join(known.allowed) or 'a text'}")  # noqa: TRY004
    if known.allowed and given not in known.allowed:
        raise ValueError(f"must be {' or '.join(known.allowed)}")
    if known.kind == "url":
        from trooper_cli.server_url import server_url

        return server_url(given)
    if known.kind == "command" and not _is_command(given):
        raise ValueError("must be a program with its arguments, quoted as in a shell")
    if known.kind == "key" and not is_key(given := given.strip()):
        raise ValueError("must be a key, of printable ASCII without blanks; copy it again")
    return given


def is_key(text: str) -> bool:
    """Return whether a text can stand in a header as a key."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _list(given: object, allowed: tuple[str, ...]) -> tuple[str, ...]:
    texts = given.split("\n") if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("must be a list of texts")
    if allowed and not {*texts} <= {*allowed, ""}:
        raise ValueError(f"must be a list of {', '.join(allowed)}")
    return tuple(filter(None, texts))


def _boolean(given: object) -> bool:
    text = str(int(given)) if isinstance(given, int) else given
    if text not in _SWITCH:
        raise ValueError("must be 0 or 1")
    return text == "1"


def _number(given: object) -> int:
    text = str(given) if type(given) is int else given
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 12 and int(text) > 0):
        raise ValueError("must be a whole number above 0")
    return int(text)


def dollars(given: object) -> float:
    """Return an amount in USD.

    Raises:
        ValueError: it is no plain number, or below zero; the message says what it must be.

    """
    text = str(given) if type(given) in {int, float} else given
    amount = float(text) if isinstance(text, str) and len(text) <= 30 and _DOLLARS.fullmatch(text) else -1.0
    if not 0 <= amount < float("inf"):
        raise ValueError("must be an amount in USD as a plain number, such as 2.50; 0 is nothing at all")
    return amount


def _duration(given: object) -> str:
    """Return a duration as Go writes it (`10m`, `1h30m`), or seconds; below zero is for ever."""
    text = str(given) if type(given) is int else given
    if not (isinstance(text, str) and len(text) <= 20 and _DURATION.fullmatch(text)):
        raise ValueError("must be a time such as 10m, 1h or 90 (seconds); -1 is for ever and 0 not at all")
    return text


def _is_command(text: str) -> bool:
    import shlex

    try:
        return bool(shlex.split(text))
    except ValueError:
        return False
