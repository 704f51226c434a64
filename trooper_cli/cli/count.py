"""`trooper count`: how many tokens a text is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Optional

import typer

from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.errors import ConfigurationError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trooper_cli import json_output
    from trooper_cli.engines.encodings import Encoding
    from trooper_cli.settings import Settings

_SHOWN_FROM = 1_000_000


class Tally(NamedTuple):
    """The tokens of some texts, each with its name, and how they were counted: `estimate`, `tiktoken` or `cloud`.

    `name` is the encoding, or the model, `factor` what an estimate was multiplied by, `cuts` how many long runs were
    cut, each of which may make a difference of a token or two.
    """

    by: Literal["estimate", "tiktoken", "cloud"]
    name: str
    tokens: list[tuple[str, int]]
    factor: float | None = None
    cuts: int = 0


def count(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Standard input without one, and for `-`.")
    ] = None,
    *,
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "-m", "--model", metavar="NAME", help="A model of Claude's or OpenAI's, o200k_base or cl100k_base."
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Have Claude's API count, which is sent the text (free of charge).")
    ] = False,
    truncate: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--truncate", metavar="N", min=0, help="Print at most N tokens of the text, and nothing else."),
    ] = None,
    session: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-s", "--session", metavar="NAME", help="The session whose audit lists what --exact sends."),
    ] = None,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Do not say that a count is an estimate.")] = False,
) -> int:
    """Count the tokens of text: of one a bare number, of several a line each and the total.

    \b
    git diff | trooper count
    trooper count src/*.py
    trooper count --truncate 4000 < server.log | trooper ask "what went wrong?"

    For Claude it is an estimate, 1.4 times what a text is by its shape: more than it counts of most. --exact has its
    API count, as one message. That sends the text: the guard looks at it first as at any public prompt, and under the
    lock, or where asks are private, nothing is sent (exit 77). With -s NAME the request is in the audit of that
    session; without one no record is kept, as of any ask without a session.

    For OpenAI's models it is exact, by tiktoken. Its vocabulary comes from the folder of TIKTOKEN_CACHE_DIR or from
    `trooper pull tokens`; nothing is fetched here.
    """  # noqa: D301
    environment = environment_of(context)
    settings = environment.settings()
    _check_options(model, exact=exact, truncate=truncate, files=files or [], as_json=as_json)
    if truncate is not None:
        encoding = _encoding(model, settings, environment)
        (_, text), *_ = _texts(files or [], environment)
        environment.output().write(_head(text, truncate, encoding))
        return 0
    if exact:
        tally = _in_cloud(files or [], model, session, settings, environment)
    else:
        encoding = _encoding(model, settings, environment)
        tally = _counted(_texts(files or [], environment), model, settings, encoding, environment, quiet=quiet)
    _print(tally, environment, as_json=as_json)
    notices = environment.notices(quiet=quiet or as_json)
    if tally.by == "estimate":
        notices.notify(f"an estimate for Claude, {tally.factor:g} times the text's own; --exact has its API count")
    if tally.cuts:
        notices.notify(f"{tally.cuts} long runs without a boundary were counted in parts: a token or two off for each")
    return 0


def _check_options(
    model: str | None, *, exact: bool, truncate: int | None, files: Sequence[Path], as_json: bool
) -> None:
    if truncate is not None and (exact or as_json):
        raise UsageError(f"--truncate and {'--exact' if exact else '--json'} exclude each other")
    if truncate is not None and len(files) > 1:
        raise UsageError("--truncate takes one text; join files with `cat`")
    if exact and model:
        from trooper_cli.engines.encodings import encoding_of

        if encoding_of(model):
            raise UsageError("--exact is Claude's count; that of OpenAI's models is exact without it")


def _texts(files: Sequence[Path], environment: Environment) -> list[tuple[str, str]]:
    """Return each text with its name, to the last byte: line ends at the end are tokens too."""
    from trooper_cli.cli.prompt_input import stdin_text, text_of

    if not files and (environment.stdin is None or environment.stdin.isatty()):
        raise UsageError("there is nothing to count: pipe it in, or name files; see `trooper count --help`")
    texts: list[tuple[str, str]] = []
    for path in files or [Path("-")]:
        data = bytearray()
        if str(path) == "-":
            stdin_text(environment.stdin, environment.say, data)
        else:
            text_of(path, environment.say, data)
        texts.append((str(path), data.decode()))
    return texts


def _encoding(model: str | None, settings: Settings, environment: Environment) -> Encoding | None:
    """Return the encoding that is meant, with its vocabulary; None for Claude, whose tokens are estimated.

    Raises:
        ConfigurationError: none is known for the model, or its vocabulary is not here.

    """
    if model is None or model == settings.text("cloud_model") or model.lower().startswith("claude"):
        return None
    from trooper_cli.engines.encodings import VOCABULARIES, encoding_of, load

    if (name := encoding_of(model)) is None:
        names = " and ".join(VOCABULARIES)
        raise ConfigurationError(
            f"how this model counts is not known; there are Claude's models, those of OpenAI that use {names}, "
            "and these two names themselves"
        )
    return load(name, environment.environ, environment.home)


def _head(text: str, tokens: int, encoding: Encoding | None) -> str:
    if encoding is not None:
        return encoding.head(text, tokens)
    from trooper_cli.memory.tokens import head

    return head(text, tokens, _factor())


def _factor() -> float:
    from trooper_cli.ask.context import SCALE
    from trooper_cli.turn import Side

    return SCALE[Side.CLOUD]


def _counted(
    texts: Sequence[tuple[str, str]],
    model: str | None,
    settings: Settings,
    encoding: Encoding | None,
    environment: Environment,
    *,
    quiet: bool,
) -> Tally:
    if encoding is None:
        from trooper_cli.memory.tokens import estimate

        found = [(name, math.ceil(estimate(text) * _factor())) for name, text in texts]
        return Tally("estimate", model or settings.text("cloud_model") or "", found, _factor())
    from trooper_cli.cli.progress import ProgressBar

    tokens: list[tuple[str, int]] = []
    cuts = 0
    for name, text in texts:
        with ProgressBar(environment.stderr, environment.environ, quiet=quiet or len(text) < _SHOWN_FROM) as progress:
            counted = encoding.count(text, progress)
        tokens.append((name, counted.tokens))
        cuts += counted.cuts
    return Tally("tiktoken", encoding.name, tokens, cuts=cuts)


def _in_cloud(
    files: Sequence[Path], model: str | None, session: str | None, settings: Settings, environment: Environment
) -> Tally:
    from trooper_cli.ask.counting import count_in_cloud
    from trooper_cli.cli.prompt_input import LARGEST_PROMPT

    name = session if session is not None else settings.text("session")
    if name is not None:
        from trooper_cli.store.catalog import check_name
        from trooper_cli.store.session import settings_of

        settings = settings.with_session(settings_of(environment.home, check_name(name)))
    settings.validate("local", "cloud")
    # `clouds = "off"` was to be a lock.
    settings.tables("clouds")
    texts = _texts(files, environment)
    if any(len(text) > LARGEST_PROMPT for _, text in texts):
        raise InputError("a text is larger than 4 MB, which no engine takes; nothing was sent")
    tokens = count_in_cloud([text for _, text in texts], model, settings, environment.home, name, environment.say)
    found = [(name, number) for (name, _), number in zip(texts, tokens, strict=True)]
    return Tally("cloud", model or settings.text("cloud_model") or "", found)


def _print(tally: Tally, environment: Environment, *, as_json: bool) -> None:
    output = environment.output()
    if as_json:
        output.write(f"{json.dumps(_as_json(tally), ensure_ascii=False)}\n")
        return
    if len(tally.tokens) == 1:
        output.write(f"{tally.tokens[0][1]}\n")
        return
    lines = [*tally.tokens, ("total", _total(tally))]
    width = max(len(str(number)) for _, number in lines)
    for name, number in lines:
        output.write(f"{number:>{width}} {name}\n")


def _total(tally: Tally) -> int:
    return sum(number for _, number in tally.tokens)


def _as_json(tally: Tally) -> json_output.Count:
    return {
        "tokens": _total(tally),
        "exact": tally.by != "estimate" and not tally.cuts,
        "by": tally.by,
        "name": tally.name,
        "factor": tally.factor,
        "texts": [{"file": name, "tokens": number} for name, number in tally.tokens],
    }
