"""`trooper pull`: fetch a model for the embedded engine, or the vocabularies that tokens are counted with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.cli.environment import Environment, environment_of

if TYPE_CHECKING:
    from pathlib import Path

    from trooper_cli.engines.model_fetch import Fetched


def pull(
    context: typer.Context,
    wanted: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[NAME|URL|hf:OWNER/REPO/FILE|tokens]", help="What to fetch; without it a small model, 93 MB."
        ),
    ] = None,
    *,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing if all goes well.")] = False,
) -> int:
    """Fetch a model for the embedded engine, which then uses it.

    Known by name, all under Apache-2.0, with their sizes and the memory they need:

    qwen2.5-1.5b: 1.1 GB, 1.9 GB of memory; quick answers with little memory.

    granite-4.0-micro, of 3 billion parameters: 2.1 GB, 3.3 GB of memory; summaries and
    extraction.

    qwen3-4b: 2.5 GB, 4.2 GB of memory; a good first choice.

    ministral-3-8b: 5.2 GB, 6.8 GB of memory; the largest, wants many cores.

    Any other GGUF file comes by its URL, or from Hugging Face (HF_ENDPOINT, HF_TOKEN) by
    hf:OWNER/REPO/FILE. What was interrupted goes on where it was; a file whose checksum
    is another than the hub's is not kept.

    tokens: the vocabularies o200k_base and cl100k_base, 5 MB, with which `trooper count`
    counts for OpenAI's models. A folder that has them already is named by
    TIKTOKEN_CACHE_DIR.

    \b
    trooper pull
    trooper pull qwen3-4b
    trooper pull hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_k_m.gguf
    trooper pull tokens
    """  # noqa: D301
    from trooper_cli.ask.variables import check_variables
    from trooper_cli.engines.default_model import NAME

    environment = environment_of(context)
    check_variables(environment.environ)
    if wanted is not None and wanted.lower() == "tokens":
        return _tokens(environment, quiet=quiet)
    if wanted is None or wanted.lower() == NAME:
        path, is_new = _small(environment, quiet=quiet, is_named=wanted is not None)
        unchecked = ""
    else:
        fetched = _fetch(wanted, environment, quiet=quiet)
        path, is_new = fetched.path, fetched.is_new
        unchecked = "" if fetched.is_checked else f"; no checksum was published for it (SHA-256 {fetched.sha256})"
    state = "is ready" if is_new else "was there already"
    environment.notices(quiet=quiet).notify(f"{path} {state}{unchecked}{_use(path, environment)}")
    return 0


def _tokens(environment: Environment, *, quiet: bool) -> int:
    from trooper_cli.cli.progress import ProgressBar
    from trooper_cli.engines.encodings import VOCABULARIES
    from trooper_cli.engines.vocabulary_fetch import pull

    for name in VOCABULARIES:
        with ProgressBar(environment.stderr, environment.environ, quiet=quiet) as progress:
            path, is_new = pull(name, environment.home, environment.environ, progress)
        state = "is ready" if is_new else "was there already"
        environment.notices(quiet=quiet).notify(f"{name} {state}: {path}")
    return 0


def _small(environment: Environment, *, quiet: bool, is_named: bool) -> tuple[Path, bool]:
    from trooper_cli.engines import default_model

    stderr = environment.stderr
    progress = not quiet and stderr is not None and stderr.isatty()
    is_new = default_model.pull(environment.home, progress=progress)
    path = default_model.default_model(environment.home)
    if is_named:
        os.utime(path)
    return path, is_new


def _fetch(wanted: str, environment: Environment, *, quiet: bool) -> Fetched:
    from trooper_cli.cli.progress import ProgressBar
    from trooper_cli.engines.default_model import alone, folder
    from trooper_cli.engines.model_fetch import ModelFetch, gigabytes
    from trooper_cli.engines.model_source import model_source
    from trooper_cli.engines.pulled import unfinished_models
    from trooper_cli.files import ensure_private_dir

    source = model_source(wanted, environment.environ)
    notices = environment.notices(quiet=quiet)
    for line in _facts(wanted):
        notices.notify(line)
    models = ensure_private_dir(folder(environment.home))
    try:
        with (
            alone(models),
            ProgressBar(environment.stderr, environment.environ, quiet=quiet) as progress,
        ):
            return ModelFetch(source, models, environment.environ, progress).run()
    except (KeyboardInterrupt, SystemExit):
        for part in unfinished_models(environment.home):
            if part.file == source.file:
                kept = f"{gigabytes(part.here)} of {gigabytes(part.size)}"
                notices.notify(f"stopped at {kept}; the same command goes on from there")
        raise


def _facts(wanted: str) -> list[str]:
    """Return what to know of a known model before it is fetched."""
    from trooper_cli.engines.known_models import known_model
    from trooper_cli.engines.model_fetch import gigabytes

    if (model := known_model(wanted)) is None:
        return []
    size = f"{model.parameters:g} billion parameters, {gigabytes(model.size)}"
    lines = [f"{model.name}: {size}, needs {model.memory} GB of memory, licence {model.licence}"]
    has = _memory()
    if 0 < has < model.memory:
        lines.append(
            f"this machine has {has:.1f} GB of memory, so the model will be slow or not run; take a smaller one"
        )
    return lines


def _memory() -> float:
    """Return the memory of this machine in GB; 0 if it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, OSError, ValueError):
        return 0.0


def _use(path: Path, environment: Environment) -> str:
    """Print which model the embedded engine uses, where there is more than one."""
    from trooper_cli.engines.local import installed
    from trooper_cli.engines.pulled import embedded_model, name_of, pulled_models
    from trooper_cli.errors import ConfigurationError

    if not installed():
        return "; to use it, install the embedded engine: `pip install 'trooper-cli[embedded]'`"
    if len(pulled_models(environment.home)) < 2:
        return ""
    try:
        used = embedded_model(environment.settings(), environment.home)
    except ConfigurationError as error:
        return f"; {error}"
    if used is None:
        return ""
    what = "it" if used == path else name_of(used)
    return f"; the embedded engine uses {what} now, another one by TROOPER_EMBEDDED_MODEL=NAME or -m NAME"
