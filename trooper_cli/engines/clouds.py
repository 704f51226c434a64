"""The clouds that may be asked, in their order: Claude if there is a key, then those that `config.toml` names.

    [[clouds]]
    name = "other"
    url = "https://api.example.com/v1"
    model = "large"
    key_env = "OTHER_API_KEY"

Quota of one is not quota of all. For each of them the same laws hold as for the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.engines.api_key import environ_with_key, has_key
from trooper_cli.engines.engine import Engine
from trooper_cli.errors import ConfigurationError
from trooper_cli.lazy_re import pattern
from trooper_cli.net.http import cloud_url
from trooper_cli.turn import PublicView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trooper_cli.settings import Settings

_NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELDS = {"name", "url", "model", "key_env"}
_ENGINES = {"anthropic", "ollama", "openai", "embedded"}
# Of a cloud that does not say how much its models take; one that takes less says so when it is asked too much.
_WINDOW = 128_000


class Cloud(Engine[PublicView], Protocol):
    """An engine that may be sent the public view and nothing else."""

    @property
    def account(self) -> tuple[str, str]:
        """Return what a quota belongs to: the address and the key."""
        ...

    def check(self, read_timeout: float) -> bool | None:
        """Return whether the key is accepted and the model exists; None where that cannot be tried for nothing."""
        ...


def clouds(
    settings: Settings,
    model: str | None = None,
    *,
    name: str | None = None,
    connect: bool = True,
    claude: Callable[[str, Mapping[str, str], str | None], Cloud] = Anthropic,
) -> list[Cloud]:
    """Return the clouds that have a key; `model` is for the first of them, and `claude` makes Claude's engine.

    With `name` it is that cloud alone. Where none is to be asked, `connect` is false, and a command that prints a key
    is not run.

    Raises:
        ConfigurationError: `config.toml` names a cloud in a way that cannot be used; or there is none of that name, or
            no key for it.

    """
    named = [_Named(row, settings) for row in settings.tables("clouds")]
    if len({cloud.name for cloud in named}) < len(named):
        raise ConfigurationError(f"two clouds in {settings.file} have the same name; give each its own")
    if name is not None:
        named = _named(name, named, settings)
    found: list[Cloud] = []
    if name in {None, Anthropic.name} and has_key(settings):
        environ = environ_with_key(settings, run=connect)
        found.append(claude(model or settings.text("cloud_model") or "", environ, settings.text("inference_geo")))
    for cloud in named:
        if cloud.key:
            found.append(cloud.engine(model if not found else None, settings.environ))
    return found


def _named(name: str, named: list[_Named], settings: Settings) -> list[_Named]:
    """Return the table of the cloud of that name; none for Claude, which needs none.

    Raises:
        ConfigurationError: there is no such cloud, or no key for it.

    """
    chosen = [cloud for cloud in named if cloud.name == name]
    if chosen and not chosen[0].key:
        raise ConfigurationError(f"no key for the cloud {name}: set {chosen[0].variable}, or ask another cloud")
    if chosen:
        return chosen
    if name == Anthropic.name:
        if not has_key(settings):
            raise ConfigurationError("no key for the cloud anthropic: set ANTHROPIC_API_KEY, or ask with --local")
        return []
    from difflib import get_close_matches

    there = {each.lower(): each for each in (Anthropic.name, *(cloud.name for cloud in named))}
    # The name is not repeated: an argument may hold anything.
    close = get_close_matches(name.lower(), there, 1)
    hint = f"did you mean --cloud={there[close[0]]}?" if close else f"there are {', '.join(there.values())}"
    raise ConfigurationError(f"--cloud= names no cloud of yours, so nothing was sent; {hint}")


def names_of_clouds(settings: Settings) -> list[str]:
    """Return the names that `--cloud=` takes, whether there is a key for them or not: Claude's, and `config.toml`'s."""
    return [Anthropic.name, *(str(row.get("name")) for row in settings.tables("clouds"))]


def without_key(settings: Settings) -> list[tuple[str, str]]:
    """Return the name of each cloud of `config.toml` that is left out for want of a key, and the variable for it."""
    named = [_Named(row, settings) for row in settings.tables("clouds")]
    return [(cloud.name, cloud.variable) for cloud in named if not cloud.key]


def has_cloud(settings: Settings) -> bool:
    """Return whether there is a key for any cloud."""
    return bool(clouds(settings, connect=False))


class _Named:
    """One table of `[[clouds]]`, checked."""

    def __init__(self, row: Mapping[str, object], settings: Settings) -> None:
        self.name = str(row.get("name"))
        self._file = settings.file
        for field in sorted(_FIELDS | set(row)):
            value = row.get(field)
            if field not in _FIELDS | {"window"}:
                raise self._fault(f"has an unknown field {field!r}")
            if field == "window":
                if type(value) is not int or not 0 < value < 1 << 40:
                    raise self._fault("needs a window that is a whole number above 0")
            elif not isinstance(value, str) or not value:
                raise self._fault(f"needs a text as its {field}")
        self._url, self._model = str(row["url"]), str(row["model"])
        self.variable = str(row["key_env"])
        self._window = int(str(row.get("window", _WINDOW)))
        if not _NAME.fullmatch(self.name) or self.name in _ENGINES:
            raise self._fault(f"needs a name of letters, digits, . _ - that is none of {', '.join(sorted(_ENGINES))}")
        if not _VARIABLE.fullmatch(self.variable):
            # A key that was put where its variable's name belongs must not be repeated.
            raise self._fault("needs as its key_env the name of an environment variable, not the key itself")
        try:
            cloud_url(self._url)
        except ConfigurationError as error:
            raise self._fault(
                "needs a url https://HOST/PATH, without a user name (http:// only on loopback)"
            ) from error
        self.key = settings.environ.get(self.variable, "").strip()
        if self.key and (not (self.key.isascii() and self.key.isprintable()) or " " in self.key):
            raise ConfigurationError(f"{self.variable} holds characters that no key has; copy it again")

    def engine(self, model: str | None, environ: Mapping[str, str]) -> Cloud:
        from trooper_cli.engines.api_errors import ErrorSource
        from trooper_cli.engines.openai_cloud import OpenAICloud

        url = cloud_url(self._url)
        place = ErrorSource(self.name, self.variable, f"url of {self.name} in {self._file}", model or self._model)
        proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or None
        return OpenAICloud(self.name, url, model or self._model, place, self.key, self._window, proxy)

    def _fault(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"the cloud {self.name[:64]!r} in {self._file} {what}; nothing was sent")
