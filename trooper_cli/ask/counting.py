"""Count the tokens of texts by Claude's API. It is sent them, so what holds for a public prompt holds for them."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from trooper_cli.ask.attempt import READ_TIMEOUT_SECONDS
from trooper_cli.ask.request import is_model_name
from trooper_cli.errors import ConfigurationError, LocalityError, TrooperError, UsageError
from trooper_cli.guard.finding import described
from trooper_cli.settings import KNOWN
from trooper_cli.store.store import Store
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trooper_cli.engines.anthropic import Anthropic
    from trooper_cli.guard.guard import Guard
    from trooper_cli.settings import Settings
    from trooper_cli.store.session import Session


def count_in_cloud(
    texts: Sequence[str],
    model: str | None,
    settings: Settings,
    home: Path,
    session: str | None,
    notify: Callable[[str], None],
) -> list[int]:
    """Return the tokens of each text, as Claude's API counts it in a message of its own.

    Args:
        texts: what is counted; an empty one is not sent.
        model: for which model; the setting `cloud_model` where it is None.
        settings: the user's, with those of the session.
        home: the data folder.
        session: in whose audit each request is written down before it leaves; without one, nowhere.
        notify: takes notices.

    Raises:
        LocalityError: nothing may be sent, or a text holds what may not leave; nothing was sent.
        ConfigurationError: there is no key.
        TrooperError: the cloud does not count it.

    """
    _check_side(settings)
    name = model or settings.text("cloud_model") or ""
    with closing(Store(home, settings, notify)) as store:
        _check_texts(texts, name, store.guard)
        claude = _claude(name, settings)
        if session is None:
            return [_counted(claude, text, None) for text in texts]
        with closing(store.open_or_create(session)) as opened:
            return [_counted(claude, text, opened) for text in texts]


def _check_side(settings: Settings) -> None:
    if settings.text("cloud") == "off":
        raise LocalityError("the cloud is locked (cloud = off), so nothing was sent; count without --exact")
    if settings.boolean("local") is True:
        raise LocalityError(
            "what is asked is private here (TROOPER_LOCAL, or local of the session), so nothing was sent; "
            "count without --exact"
        )


def _check_texts(texts: Sequence[str], model: str, guard: Guard) -> None:
    if not is_model_name(model):
        raise UsageError("--model is no model's name, which is one word; nothing was sent")
    for number, text in enumerate(texts, 1):
        if findings := guard.look(text):
            what = "the text" if len(texts) == 1 else f"text {number} of {len(texts)}"
            raise LocalityError(
                f"nothing was sent to be counted: {what} holds {described(findings)}; count without --exact"
            )
    if model != KNOWN["cloud_model"].default and (findings := guard.look(model)):
        raise LocalityError(f"nothing was sent to be counted: the model's name holds {described(findings)}")


def _claude(model: str, settings: Settings) -> Anthropic:
    from trooper_cli.engines.anthropic import Anthropic
    from trooper_cli.engines.api_key import environ_with_key, has_key

    if not has_key(settings):
        raise ConfigurationError("no key for the cloud: set ANTHROPIC_API_KEY, or count without --exact")
    return Anthropic(model, environ_with_key(settings))


def _counted(claude: Anthropic, text: str, session: Session | None) -> int:
    if not text:
        # The API takes no empty message.
        return 0
    request, seconds = claude.count_request(text), READ_TIMEOUT_SECONDS[Side.CLOUD]
    if session is None:
        return claude.counted(request, seconds)
    from urllib.parse import urlsplit

    from trooper_cli.store.attempts import COUNTED

    attempt = session.begin_attempt(
        None,
        Label.PUBLIC,
        side=Side.CLOUD,
        engine=claude.name,
        model=claude.model,
        host=urlsplit(request.url).netloc,
        request=request,
        turns=[],
    )
    began, outcome = time.monotonic(), "failed"
    try:
        tokens = claude.counted(request, seconds)
        outcome = COUNTED
    except TrooperError as error:
        outcome = type(error).__name__
        raise
    finally:
        session.end_attempt(attempt, outcome, time.monotonic() - began, claude.model, None)
    return tokens
