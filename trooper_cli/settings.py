"""The settings, each from a flag, the environment, the session, `config.toml` or a default: the first that has it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from trooper_cli.errors import ConfigurationError
from trooper_cli.places import config_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Known(NamedTuple):
    """One setting that Trooper knows: its variable, its default, and what it may be (anything, if nothing is named)."""

    variable: str | None
    default: str | None = None
    allowed: tuple[str, ...] = ()
    kind: Literal["text", "number", "truth", "list", "url", "command"] = "text"
    empty_is_unset: bool = True
    in_file: bool = True
    in_session: bool = False


KNOWN: dict[str, Known] = {
    "session": Known("TROOPER_SESSION", in_file=False),
    # These two decide who may read a prompt, so that an empty value is a mistake and not a default.
    "local": Known("TROOPER_LOCAL", None, ("0", "1"), "truth", empty_is_unset=False, in_file=False, in_session=True),
    "cloud": Known("TROOPER_CLOUD", "on", ("on", "off"), empty_is_unset=False, in_session=True),
    "cloud_model": Known("TROOPER_CLOUD_MODEL", "claude-sonnet-5-5", in_session=True),
    "local_model": Known("TROOPER_LOCAL_MODEL", in_session=True),
    "local_engine": Known("TROOPER_LOCAL_ENGINE", None, ("ollama", "openai", "embedded"), in_session=True),
    "local_url": Known("TROOPER_LOCAL_URL", kind="url"),
    # Who is trusted with private text is said in a file, not by whatever set the environment.
    "local_hosts": Known(None, kind="list"),
    "embedded_model": Known("TROOPER_EMBEDDED_MODEL"),
    # A program to run is named by the user's own file alone.
    "api_key_cmd": Known(None, kind="command"),
    "fallback": Known("TROOPER_FALLBACK", "1", ("0", "1"), "truth", in_session=True),
    "budget": Known("TROOPER_BUDGET", kind="number", in_session=True),
    "on_leak": Known("TROOPER_ON_LEAK", "block", ("block", "local", "warn"), in_session=True),
    # What the guard looks for beside private text and credentials.
    "guard_patterns": Known(None, kind="list"),
    "guard_hosts": Known(None, kind="list"),
    "gitleaks": Known(None),
}

# Variables that are no settings: where the files are, whether a fault is shown, how long the git hook waits.
OTHER_VARIABLES = ("TROOPER_HOME", "TROOPER_TRACE", "TROOPER_HOOK_SECONDS")

# Arrays of tables in config.toml, which are no settings of one value.
_TABLES = {"clouds"}


class Value(NamedTuple):
    """A setting's value and where it comes from: `flag`, `env`, `session`, `config` or `default`."""

    text: str | None
    origin: str


@dataclass
class Settings:
    """All settings of one call. Reading one that is out of range is a `ConfigurationError` that names its source."""

    environ: Mapping[str, str]
    file: Path | None = None
    of_session: Mapping[str, str] = field(default_factory=dict)
    _table: dict[str, object] | None = field(default=None, repr=False)

    @classmethod
    def of_process(cls, *, check: bool = True) -> Settings:
        """Read the environment of this process and the user's `config.toml`.

        Raises:
            ConfigurationError: a variable is misspelt, unless `check` leaves that to the caller.

        """
        environ = dict(os.environ)
        if check:
            check_variables(environ)
        return cls(environ, config_file(environ))

    def value(self, name: str) -> Value:
        """Give the value of the setting `name` with its origin.

        Raises:
            ConfigurationError: the value is none of those allowed, or `config.toml` cannot be used.

        """
        known = KNOWN[name]
        places = [self._environment(known), self._in_session(name), self._configured(name)]
        found = next((value for value in places if value), None)
        if name == "cloud":
            # A lock that one place closes no other place opens.
            found = next((value for value in places if value and value.text != "on"), found)
        if found is None:
            return Value(known.default, "default")
        if fault := fault_of(name, found.text or ""):
            raise ConfigurationError(f"{self._place(name, found)} {fault}; nothing was sent")
        return found

    def text(self, name: str) -> str | None:
        return self.value(name).text

    def number(self, name: str, flag: int | None = None) -> int | None:
        """Give a whole number above zero, or None where nothing sets it."""
        if flag is not None:
            return flag
        text = self.text(name)
        return None if text is None else int(text)

    def path(self, name: str) -> Path | None:
        """Give a path of `config.toml`, which is relative to the folder of that file, wherever trooper is called."""
        text = self.text(name)
        if text is None or self.file is None:
            return None
        from pathlib import Path

        return self.file.parent / Path(text).expanduser()

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
        if text is None or (known.empty_is_unset and not text):
            return None
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigurationError(f"{known.variable} is not UTF-8; set it anew") from error
        return Value(text, "env")

    def _in_session(self, name: str) -> Value | None:
        text = self.of_session.get(name) if KNOWN[name].in_session else None
        return None if text is None else Value(text, "session")

    def _place(self, name: str, found: Value) -> str:
        if found.origin == "env":
            return str(KNOWN[name].variable)
        return f"{name} of the session" if found.origin == "session" else f"{name} in {self.file}"

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
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"cannot read {self.file}: {type(error).__name__}; mend or remove it") from error
        for name in table:
            # A misspelt `cloud = "off"` that is passed over would be a lock that does not close.
            if name not in _TABLES and (name not in KNOWN or not KNOWN[name].in_file):
                raise ConfigurationError(f"{self.file} has an unknown setting {name!r}; remove it or correct its name")
        return table


def check_variables(environ: Mapping[str, str]) -> None:
    """Refuse variables that are meant for Trooper and that it does not know: a lock that is misspelt does not close.

    These are those that begin with `TROOPER_` and those that are a typing error or two away from a variable that
    decides who may read a prompt; case, marks, unseen characters and letters that look like others do not count.

    Raises:
        ConfigurationError: there is one. The message names the nearest that is known.

    """
    # Of two typing errors one of these parts is left; most variables have none, and this is done at every start.
    near = [
        name
        for name in environ
        if "TRO" in (word := name.upper())
        or "OPER" in word
        or "LOCAL" in word
        or "CLOUD" in word
        or "SESSION" in word
        or not word.isascii()
    ]
    if not near:
        return
    known = {setting.variable for setting in KNOWN.values()} | {*OTHER_VARIABLES}
    for name in sorted(near):
        if name in known or not (nearest := _meant(name)):
            continue
        if nearest == _PREFIX:
            from difflib import get_close_matches

            words = sorted(each.removeprefix(_PREFIX) for each in known if each)
            nearest += get_close_matches(name.upper().rpartition(_PREFIX)[2], words, 1, 0)[0]
        told = name.encode("ascii", "backslashreplace").decode()
        raise ConfigurationError(
            f"there is no variable {told}, so nothing was sent; unset it, or did you mean {nearest}?"
        )


_PREFIX = "TROOPER_"
_DECIDE = {name.replace("_", ""): name for name in ("TROOPER_LOCAL", "TROOPER_CLOUD", "TROOPER_SESSION")}


def _meant(name: str) -> str:
    """Return the variable that a name is meant for, or how all of them begin, or nothing."""
    word = name.upper()
    if not name.isascii():
        from trooper_cli.guard.forms import reduced

        word = "_".join(map(reduced, name.split("_"))).upper()
    letters = "".join(filter(str.isalnum, word))
    if "".join(letter for letter in word if letter.isalnum() or letter == "_").startswith(_PREFIX):
        return _DECIDE.get(letters, _PREFIX)
    return next((known for each, known in _DECIDE.items() if _is_near(letters, each)), "")


def _is_near(word: str, known: str) -> bool:
    """Return whether a letter is wrong, missing, too many or changed places with the next; or two behind the first.

    Other programs' names are two letters away, such as `GROUPER_LOCAL`; they seldom begin with a T.
    """
    most = 2 if word[:1] == known[0] else 1
    if abs(len(word) - len(known)) > most:
        return False
    before, row = list[int](), list(range(len(known) + 1))
    for at, letter in enumerate(word, 1):
        before, last, row = row, before, [at]
        for place, other in enumerate(known, 1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != other))
            if last and place > 1 and letter == known[place - 2] and word[at - 2] == other:
                cost = min(cost, last[place - 2] + 1)
            row.append(cost)
    return row[-1] <= most


def fault_of(name: str, text: str) -> str | None:
    """Say what is wrong with a value of the setting `name`, if anything is; the value is not repeated."""
    known = KNOWN[name]
    if known.allowed and text not in known.allowed:
        return f"must be {' or '.join(known.allowed)}"
    if known.kind == "number" and not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) > 0):
        return "must be a whole number above 0"
    if known.kind == "url" and not text.startswith(("http://", "https://")):
        return "must be http://HOST:PORT or https://HOST:PORT"
    if known.kind == "command" and not _words_of(text):
        return "must be a program with its arguments, quoted as in a shell"
    return None


def _words_of(command: str) -> list[str]:
    import shlex

    try:
        return shlex.split(command)
    except ValueError:
        return []
