"""Which engine on this machine answers: the one that is named, else Ollama if it is there, else the embedded one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from trooper_cli.engines.embedded import Embedded
    from trooper_cli.engines.engine import LocalEngine
    from trooper_cli.settings import Settings

NO_MODEL_YET = "no model for the embedded engine yet; `trooper pull` fetches a small one (93 MB, once)"


def local_engine(settings: Settings, home: Path, model: str | None, *, connect: bool) -> LocalEngine:
    """Choose the local engine and make it ready.

    Args:
        settings: where the user's choice stands.
        home: the folder that holds fetched models.
        model: the model asked for in this call, if any.
        connect: False for a dry run, which asks no server what is there.

    Raises:
        UnavailableError: there is none.
        ConfigurationError: the one named cannot be used as configured.
        LocalityError: the one named is not local.

    """
    model = model or settings.text("local_model")
    hosts = settings.words("local_hosts")
    choice = settings.text("local_engine")
    if choice == "openai" or (choice is None and settings.text("local_url")):
        from trooper_cli.engines.openai import OpenAI

        server = OpenAI(model, settings.text("local_url"), hosts)
        if connect:
            server.make_ready()
        return server
    if choice == "embedded" or (choice is None and model and _named(model, home)):
        return _embedded(settings, home, model)
    from trooper_cli.engines.ollama import Model, Ollama, Server

    named, ollama = Model.named(model), Server(settings.environ, hosts)
    # The embedded engine runs another model, so it stands in only where none was named.
    may_stand_in = choice is None and not model and installed()
    if not connect:
        return _embedded(settings, home, None) if may_stand_in else Ollama(ollama, named)
    if (version := ollama.version()) is not None:
        return Ollama(ollama, ollama.described(named, version))
    if may_stand_in:
        return _embedded(settings, home, None)
    remedy = "start it with `ollama serve`"
    if not installed():
        remedy += ", or install the embedded engine with `pip install 'trooper-cli[embedded]'`"
    raise UnavailableError(f"no local engine: Ollama does not answer; {remedy}")


def installed() -> bool:
    """Return whether the extra is installed, without importing it."""
    return importlib.util.find_spec("xllamacpp") is not None


def _embedded(settings: Settings, home: Path, model: str | None) -> Embedded:
    from trooper_cli.engines.embedded import Embedded
    from trooper_cli.engines.pulled import embedded_model, name_of, pulled_models

    if not installed():
        raise ConfigurationError("the embedded engine is not installed; `pip install 'trooper-cli[embedded]'`")
    if model and (path := _named(model, home)) is not None:
        return Embedded(path)
    if model and not settings.text("embedded_model"):
        there = ", ".join(map(name_of, pulled_models(home))) or "none yet, see `trooper pull --help`"
        raise ConfigurationError(
            "the embedded engine runs a GGUF file: name one with -m FILE.gguf or TROOPER_EMBEDDED_MODEL, "
            f"or a model that was pulled: {there}"
        )
    if (chosen := embedded_model(settings, home)) is None:
        raise MissingModelError(NO_MODEL_YET)
    return Embedded(chosen)


def _named(model: str, home: Path) -> Path | None:
    """Return the file of a model that is named by its path or as it was pulled."""
    from trooper_cli.engines.pulled import pulled_model

    path = Path(model).expanduser() if model.endswith(".gguf") else None
    if path is not None and path.exists():
        return path
    return pulled_model(home, model) or path


class MissingModelError(UnavailableError):
    """The default model has not been fetched yet."""
