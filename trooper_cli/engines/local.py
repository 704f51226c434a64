"""Which engine on this machine answers: the one that is named, else Ollama if it is there, else the embedded one."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError, UnavailableError
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trooper_cli.engines.embedded import Embedded
    from trooper_cli.engines.engine import LocalEngine
    from trooper_cli.engines.openai import LocalKey
    from trooper_cli.settings import Settings

_TO_KEEP_IT = "`trooper config set local_model NAME`"
NO_MODEL_YET = "no model for the embedded engine yet; `trooper pull` fetches a small one (93 MB, once)"


def local_key(settings: Settings, *, connect: bool = True) -> LocalKey | None:
    """Return the key of the OpenAI-compatible server, or None: there is none, or that server is not asked.

    Where only a program knows it, it is run here, before a private turn closes the gate that stops all programs; for a
    dry run, with `connect` false, it is not, and a placeholder stands for the key.

    Raises:
        ConfigurationError: what is set is no key, or the program gives none.

    """
    if not _asks_server(settings):
        return None
    from trooper_cli.engines.openai import LocalKey

    if key := settings.text("local_key"):
        in_environment = settings.value("local_key").origin == "env"
        return LocalKey(key, "TROOPER_LOCAL_KEY" if in_environment else f"local_key in {settings.file}")
    if settings.text("local_key_cmd") is None:
        return None
    if not connect:
        return LocalKey("***", "local_key_cmd")
    from trooper_cli.engines.key_command import key_of_command

    return LocalKey(key_of_command("local_key_cmd", settings), "local_key_cmd")


def _asks_server(settings: Settings) -> bool:
    choice = settings.text("local_engine")
    return choice == "openai" or (choice is None and settings.text("local_url") is not None)


def local_engine(
    settings: Settings,
    home: Path,
    model: str | None,
    *,
    connect: bool,
    key: LocalKey | None,
    label: Label = Label.PRIVATE,
    notify: Callable[[str], object] = lambda _: None,
) -> LocalEngine:
    """Choose the local engine and make it ready.

    Args:
        settings: where the user's choice stands.
        home: the folder that holds fetched models.
        model: the model asked for in this call, if any.
        connect: False for a dry run, which asks no server what is there.
        key: what `local_key` returned.
        label: of the turn. Which model private turns used last is not for a public one to know.
        notify: takes what is to be said of a choice that the user has not made.

    Raises:
        UnavailableError: there is none.
        ConfigurationError: the one named cannot be used as configured.
        LocalityError: the one named is not local.

    """
    model = model or settings.text("local_model")
    hosts = settings.words("local_hosts")
    choice = settings.text("local_engine")
    if _asks_server(settings):
        from trooper_cli.engines.openai import OpenAI

        server = OpenAI(model, settings.text("local_url"), hosts, key)
        if connect:
            server.make_ready()
        return server
    if choice == "embedded" or (choice is None and model and _named(model, home)):
        return _embedded(settings, home, model)
    from trooper_cli.engines.ollama import Model, Ollama, Server
    from trooper_cli.engines.ollama_models import NoUsableModelError, used_last

    named, ollama = Model.named(model), Server(settings.environ, hosts)
    keep_alive = settings.text("keep_alive")
    # The embedded engine runs another model, so it stands in only where none was named.
    may_stand_in = choice is None and not model and installed()
    if not connect:
        return _embedded(settings, home, None) if may_stand_in else Ollama(ollama, named, keep_alive)
    if (version := ollama.version()) is not None:
        try:
            described = ollama.described(named, version, used_last(home, label) if not model else None)
        except NoUsableModelError as error:
            if not may_stand_in:
                raise
            notify(f"{error}; the embedded engine answers")
            return _embedded(settings, home, None)
        if described.is_one_of_several:
            notify(f"Ollama has several models, and {described.name} answers; choose one with -m or {_TO_KEEP_IT}")
        return Ollama(ollama, described, keep_alive)
    if may_stand_in:
        return _embedded(settings, home, None)
    if choice is None and model and installed():
        raise _no_such_model(model, home)
    remedy = "start it with `ollama serve`"
    if not installed():
        remedy += ", or install the embedded engine with `pip install 'trooper-cli[embedded]'`"
    raise UnavailableError(f"no local engine: Ollama does not answer; {remedy}")


def installed() -> bool:
    """Return whether the extra is installed, without importing it."""
    return importlib.util.find_spec("xllamacpp") is not None


def _embedded(settings: Settings, home: Path, model: str | None) -> Embedded:
    from trooper_cli.engines.embedded import Embedded
    from trooper_cli.engines.pulled import embedded_model

    if not installed():
        raise ConfigurationError("the embedded engine is not installed; `pip install 'trooper-cli[embedded]'`")
    if model and (path := _named(model, home)) is not None:
        return Embedded(path)
    if model and not settings.text("embedded_model"):
        raise _no_such_model(model, home)
    if (chosen := embedded_model(settings, home)) is None:
        raise MissingModelError(NO_MODEL_YET)
    return Embedded(chosen)


def _named(model: str, home: Path) -> Path | None:
    """Return the file of a model that is named by its path or as it was pulled."""
    from trooper_cli.engines.pulled import named_model, pulled_model

    # A name of another kind may be that of another engine's model.
    return named_model(home, model) if model.endswith(".gguf") else pulled_model(home, model)


def _no_such_model(model: str, home: Path) -> ConfigurationError:
    """Return the error of a name that no file on this machine has, while no Ollama is asked or answers."""
    from trooper_cli.engines.known_models import known_model
    from trooper_cli.engines.pulled import name_of, pulled_models
    from trooper_cli.near import did_you_mean

    names = list(map(name_of, pulled_models(home)))
    there = ", ".join(names) or "none"
    remedy = "choose one with -m, or start Ollama with `ollama serve` if it has this one"
    if known := known_model(model):
        remedy = f"fetch it with `trooper pull {known.name}`"
    elif there == "none":
        remedy = "`trooper pull --help` lists models to fetch; start Ollama with `ollama serve` if it has this one"
    named, meant = "".join(filter(str.isprintable, model))[:200], did_you_mean(model, names)
    return ConfigurationError(f"no model {named} on this machine, the embedded engine has: {there}; {remedy}{meant}")


class MissingModelError(UnavailableError):
    """The default model has not been fetched yet."""
