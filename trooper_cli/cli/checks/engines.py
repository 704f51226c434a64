"""The two sides: is the cloud there and takes the key, and is what counts as local there and local."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trooper_cli.cli.checks.result import CheckResult, State, failed
from trooper_cli.engines.anthropic import BASE_URL, Anthropic, key_of
from trooper_cli.engines.api_key import command_of, environ_with_key, has_key
from trooper_cli.engines.clouds import has_cloud, states
from trooper_cli.engines.default_model import default_model
from trooper_cli.engines.local import installed, local_engine, local_key
from trooper_cli.engines.ollama import Inventory, Server
from trooper_cli.engines.pulled import embedded_model
from trooper_cli.errors import ConfigurationError, TrooperError, UnavailableError
from trooper_cli.net.egress import this_machine_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.settings import Settings

CLOUD_SECONDS = 15.0
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy")


def cloud(settings: Settings, home: Path) -> Iterator[CheckResult]:
    """Check the key by asking the cloud which models it may use, which costs no token; under the lock, ask nothing."""
    lock = settings.value("cloud")
    if lock.value == "off":
        yield CheckResult("cloud", State.OK, f"locked (cloud = off, from {lock.origin}); it was not contacted")
        return
    yield from _others(settings, home)
    if not has_key(settings) and has_cloud(settings):
        return
    if not has_key(settings):
        yield CheckResult(
            "key",
            State.WARN,
            "no key for the cloud, so that every ask is answered on this machine",
            "export ANTHROPIC_API_KEY=…, or `trooper config set api_key_cmd 'PROGRAM …'`",
        )
        return
    environ = environ_with_key(settings)
    yield CheckResult("key", State.OK, f"comes from {_source_of_key(settings)}")
    base = settings.environ.get("ANTHROPIC_BASE_URL") or BASE_URL
    engine = Anthropic(settings.text("cloud_model") or "", environ)
    began = time.monotonic()
    is_there = engine.check(CLOUD_SECONDS)
    host = urlsplit(base).netloc
    if is_there is None:
        yield CheckResult(
            "cloud",
            State.WARN,
            f"{host} answers and lists no models, so that key and model were not tried",
            'try them for a few tokens: `trooper ask --cloud --no-fallback "say hello"`',
        )
    elif is_there:
        yield CheckResult(
            "cloud", State.OK, f"{host} takes the key and has {engine.model} ({time.monotonic() - began:.1f} s)"
        )
    else:
        yield failed(
            "cloud",
            ConfigurationError(
                f"{host} has no model {engine.model} for this key; choose one: `trooper config set cloud_model NAME`"
            ),
        )


def _others(settings: Settings, home: Path) -> Iterator[CheckResult]:
    """Report the clouds that are not asked for a while, and those of `config.toml`, which are not contacted."""
    for name, host, hold in states(settings, home):
        if hold:
            yield CheckResult(name, State.WARN, f"{host} {hold}", "`trooper ask --cloud` asks it in any case")
        elif name != Anthropic.name:
            yield CheckResult(name, State.OK, f"{host} has a key and was not contacted")


def _source_of_key(settings: Settings) -> str:
    if key_of(settings.environ) is None:
        return command_of(settings) or ""
    return "ANTHROPIC_API_KEY" if settings.environ.get("ANTHROPIC_API_KEY", "").strip() else "ANTHROPIC_AUTH_TOKEN"


def local(settings: Settings, home: Path) -> list[CheckResult]:
    """Check every engine on this machine, and which of them would be asked."""
    chosen, key, error = None, None, None
    try:
        key = local_key(settings)
    except TrooperError as raised:
        error = raised
    with this_machine_only():
        if error is None:
            try:
                chosen = local_engine(settings, home, None, connect=True, key=key)
            except TrooperError as raised:
                error = raised
        needed = {"ollama", "embedded"} if chosen is None else {chosen.name}
        results = [
            *_ollama(settings, is_needed="ollama" in needed),
            _embedded(settings, home, is_needed="embedded" in needed),
        ]
        if url := settings.text("local_url"):
            results.append(CheckResult("openai", State.OK, f"{url} is set as the local server (local_url)"))
        if chosen is None:
            assert error is not None  # noqa: S101
            return [*results, failed("local", error)]
        if chosen.on_network:
            results.append(
                CheckResult(
                    "local",
                    State.WARN,
                    f"{chosen.name} runs on another machine, which local_hosts trusts with private text",
                    "take its name out of local_hosts if that is not meant",
                )
            )
        model = f"model {chosen.model}" if chosen.model else "whatever model it serves"
        results.append(CheckResult("local", State.OK, f"private turns are answered by {chosen.name}, {model}"))
    return results


def _ollama(settings: Settings, *, is_needed: bool) -> Iterator[CheckResult]:
    try:
        ollama = Server(settings.environ, settings.words("local_hosts"))
        found = ollama.inventory()
    except UnavailableError as error:
        if is_needed:
            yield CheckResult("ollama", State.WARN, str(error).partition("; ")[0], "start it: `ollama serve`")
        else:
            yield CheckResult("ollama", State.OK, "is not running, and is not needed")
        return
    except TrooperError as error:
        yield failed("ollama", error)
        return
    yield from _of_ollama(ollama.url, found)


def _of_ollama(url: str, found: Inventory) -> Iterator[CheckResult]:
    names = ", ".join(found.models) or "none"
    yield CheckResult("ollama", State.OK, f"{found.version} at {url}; local models: {names}")
    if found.elsewhere:
        yield CheckResult(
            "ollama",
            State.WARN,
            f"these models run on other machines, and Trooper refuses them: {', '.join(found.elsewhere)}",
            f"remove them where nobody needs them: `ollama rm {found.elsewhere[0]}`",
        )
    if found.cloud_is_open:
        yield CheckResult(
            "ollama",
            State.WARN,
            "its own cloud is open: other programs can send prompts out through it; Trooper refuses such models",
            'start `ollama serve` with OLLAMA_NO_CLOUD=1, or set "disable_ollama_cloud": true in ~/.ollama/server.json',
        )


def _embedded(settings: Settings, home: Path, *, is_needed: bool) -> CheckResult:
    try:
        path = embedded_model(settings, home) or default_model(home)
    except ConfigurationError as error:
        return failed("embedded", error)
    if installed() and path.is_file():
        return CheckResult("embedded", State.OK, f"is installed, with the model {path.name}")
    text, remedy = "is not installed", "pip install 'trooper-cli[embedded]'"
    if installed():
        text, remedy = f"is installed, without a model ({path})", "trooper pull"
    return CheckResult("embedded", State.WARN, text, remedy) if is_needed else CheckResult("embedded", State.OK, text)


def surroundings(environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Check for what makes other programs copy local text: proxies, and logs of Ollama's requests."""
    proxies = [name for name in _PROXIES if environ.get(name)]
    if proxies:
        cloud_proxy = next((name for name in ("HTTPS_PROXY", "https_proxy") if environ.get(name)), None)
        uses = f"; only the cloud is asked through {cloud_proxy}" if cloud_proxy else ""
        yield CheckResult("proxy", State.OK, f"{', '.join(proxies)} set: what is local goes around them{uses}")
    logging = [
        f"{name}={environ[name]}"
        for name, values in (("OLLAMA_DEBUG_LOG_REQUESTS", {"1", "true", "t"}), ("OLLAMA_DEBUG", {"2"}))
        if environ.get(name, "").lower() in values
    ]
    if logging:
        yield CheckResult(
            "logging",
            State.WARN,
            f"{' and '.join(logging)}: an Ollama started here writes prompts to its logs",
            "unset it and start Ollama again",
        )
    if logs := _request_logs():
        yield CheckResult(
            "logging",
            State.WARN,
            f"Ollama has written whole requests to {logs[0]}",
            "start Ollama without OLLAMA_DEBUG_LOG_REQUESTS, then remove the folder",
        )


def _request_logs() -> list[Path]:
    import tempfile

    return sorted(Path(tempfile.gettempdir()).glob("ollama-request-logs-*"))
