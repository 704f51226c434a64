"""The two sides: is the cloud there and takes the key, and is what counts as local there and local."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trooper_cli.cli.checks.result import CheckResult, failed
from trooper_cli.engines.anthropic import Anthropic, key_of
from trooper_cli.engines.api_key import command_of, has_key
from trooper_cli.engines.circuit_breaker import held
from trooper_cli.engines.clouds import clouds, has_cloud, without_key
from trooper_cli.engines.default_model import default_model
from trooper_cli.engines.gguf import context_length
from trooper_cli.engines.local import installed, local_engine, local_key
from trooper_cli.engines.ollama import Inventory, Server
from trooper_cli.engines.ollama_errors import log
from trooper_cli.engines.pulled import embedded_model
from trooper_cli.errors import BreakerError, ConfigurationError, TrooperError, UnavailableError
from trooper_cli.json_output import State
from trooper_cli.net.egress import this_machine_only
from trooper_cli.turn import Context, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.engines.clouds import Cloud
    from trooper_cli.engines.engine import LocalEngine
    from trooper_cli.settings import Settings

CLOUD_SECONDS = 15.0
# A model may have to be loaded first.
LOCAL_SECONDS = 60.0
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy")


def cloud(settings: Settings, home: Path) -> Iterator[CheckResult]:
    """Check the key by asking the cloud which models it may use, which costs no token; under the lock, ask nothing."""
    lock = settings.value("cloud")
    if lock.value == "off":
        yield CheckResult("cloud", State.OK, f"locked (cloud = off, from {lock.origin}); it was not contacted")
        return
    for name, variable in without_key(settings):
        yield CheckResult(
            f"cloud {name}", State.WARN, f"is never asked: its key is not set ({variable})", f"export {variable}=…"
        )
    if has_key(settings):
        yield CheckResult("key", State.OK, f"comes from {_source_of_key(settings)}")
    elif not has_cloud(settings):
        yield CheckResult(
            "key",
            State.OK,
            "no key for Claude; a plain ask is answered on this machine",
            "for Claude: export ANTHROPIC_API_KEY=…, or `trooper config set api_key_cmd 'PROGRAM …'`",
        )
    for engine in clouds(settings):
        yield _one(engine, home)


def check_of(engine: Cloud) -> str:
    """Return the name of the check of a cloud."""
    return "cloud" if engine.name == Anthropic.name else f"cloud {engine.name}"


def _one(engine: Cloud, home: Path) -> CheckResult:
    """Check one cloud as an ask would meet it: on hold, or by its list of models."""
    host, check = urlsplit(engine.account[0]).netloc, check_of(engine)
    # A bare `--cloud` asks Claude first.
    asking = "--cloud" if engine.name == Anthropic.name else f"--cloud={engine.name}"
    if hold := held(home, engine.account):
        # An ask does not contact it either.
        error = BreakerError(f"{engine.name} {hold}; {asking} asks it in any case")
        return CheckResult(check, State.WARN, f"{host} {hold}", f"`trooper ask {asking}` asks it in any case", error)
    began = time.monotonic()
    try:
        is_there = engine.check(CLOUD_SECONDS)
    except TrooperError as error:
        return failed(check, error)
    if is_there is None:
        return CheckResult(
            check,
            State.WARN,
            f"{host} answers and does not list {engine.model}, so that key and model were not tried",
            f'try them for a few tokens: `trooper ask {asking} --no-fallback "say hello"`',
        )
    if is_there:
        seconds = time.monotonic() - began
        return CheckResult(check, State.OK, f"{host} takes the key and has {engine.model} ({seconds:.1f} s)")
    remedy = "choose one: `trooper config set cloud_model NAME`"
    return failed(check, ConfigurationError(f"{host} has no model {engine.model} for this key; {remedy}"))


def _source_of_key(settings: Settings) -> str:
    if key_of(settings.environ) is None:
        return command_of(settings) or ""
    return "ANTHROPIC_API_KEY" if settings.environ.get("ANTHROPIC_API_KEY", "").strip() else "ANTHROPIC_AUTH_TOKEN"


def local(settings: Settings, home: Path, *, is_needed: bool) -> list[CheckResult]:
    """Check every engine on this machine, and which of them would be asked.

    Where a plain ask needs it, it is asked for one word: only an answer shows that the model can chat, is whole and
    wants no key.
    """
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
        if isinstance(error, UnavailableError) and not is_needed:
            text, _, step = str(error).removeprefix("no local engine: ").partition("; ")
            # Where none was named there may be none on purpose.
            is_wanted = settings.text("local_engine") or settings.text("local_url")
            state = State.WARN if is_wanted else State.OK
            return [CheckResult("local", state, f"{text}; only --local and the fallback need a local engine", step)]
        needed = {chosen.name} if chosen is not None else _needed(settings)
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
        if is_needed:
            try:
                _try(chosen)
            except TrooperError as raised:
                return [*results, failed("local", raised)]
        model = f"model {chosen.model}" if chosen.model else "whatever model it serves"
        results.append(CheckResult("local", State.OK, f"private turns are answered by {chosen.name}, {model}"))
    return results


def _needed(settings: Settings) -> set[str]:
    """Return which engines would be asked, where none is ready."""
    if choice := settings.text("local_engine") or ("openai" if settings.text("local_url") else None):
        return {choice}
    return {"ollama", "embedded"}


def _try(engine: LocalEngine) -> None:
    """Ask for one token of an answer to a text of ours, with nothing of the user's.

    Raises:
        TrooperError: it does not answer.

    """
    from contextlib import closing

    from trooper_cli.store.session import Session

    with closing(Session.of_one_turn()) as session:
        view = session.public_view()
        messages = (Message("user", "Say hello."),)
        context = Context(view, None, messages, (), (), (), estimate=8.0, tokens=8, budget=64)
        for _ in engine.send(engine.prepare(context, 1, stream=True), LOCAL_SECONDS):
            pass


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
    yield CheckResult("ollama", State.OK, f"{found.version} at {url}; local models: {names}; its log: {log()}")
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
        try:
            context_length(path)
        except TrooperError as error:
            return failed("embedded", error)
        return CheckResult("embedded", State.OK, f"is installed, with the model {path.name}")
    text, remedy = "is not installed", "pip install 'trooper-cli[embedded]'"
    if installed():
        text, remedy = f"is installed, without a model ({path})", "trooper pull"
        if settings.text("embedded_model"):
            remedy = f"correct or unset {settings.source('embedded_model')}"
    return (
        CheckResult("embedded", State.WARN, text, remedy)
        if is_needed
        else CheckResult("embedded", State.OK, f"{text}, and is not needed")
    )


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
