"""What the options of `trooper ask` come to: the request, once they are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from trooper_cli.cli.named_cloud import named_cloud
from trooper_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trooper_cli.ask.request import AskLimit, AskRequest
    from trooper_cli.cli.schema_input import GivenSchema
    from trooper_cli.settings import Settings
    from trooper_cli.turn import StoredTurn


def request_from(  # noqa: PLR0913
    text: str,
    name: str | None,
    system: str | None,
    settings: Settings,
    last: StoredTurn | None = None,
    *,
    local: bool | None,
    here: bool,
    meta: Mapping[str, Any],
    model: str | None,
    stream: bool | None,
    live: bool,
    on_terminal: bool,
    no_fallback: bool,
    on_leak: str | None,
    limit_of: Callable[[], AskLimit | None],
    budget: int | None,
    max_tokens: int | None,
    timeout: float | None,
    given_schema: GivenSchema,
    extract_of: Callable[[], Literal["first", "last"] | None],
    effort: str | None,
    show_thinking: bool,
) -> AskRequest:
    """Return what is asked; `settings` are those of the session."""
    from trooper_cli.ask.request import AskRequest
    from trooper_cli.engines.engine import Thinking

    settings.validate("local", "cloud")
    # `clouds = "off"` was to be a lock.
    settings.tables("clouds")
    return AskRequest(
        prompt=text,
        session=name,
        local_flag=local,
        here=here,
        cloud=named_cloud(meta, settings),
        repeated=last,
        model=model,
        system=_checked_system(system) or (last.system if last else None),
        stream=stream is not False,
        live=live,
        on_terminal=on_terminal,
        fallback=not no_fallback and settings.boolean("fallback") is True,
        on_leak=on_leak or settings.text("on_leak") or "block",
        limit=limit_of(),
        budget=settings.number("budget", budget),
        max_tokens=max_tokens,
        read_timeout=timeout,
        schema=given_schema.checked(),
        extract=extract_of(),
        thinking=Thinking(effort or settings.text("effort"), show_thinking),
    )


def checked_limit(text: str | None) -> AskLimit | None:
    if text is None:
        return None
    from trooper_cli.ask.request import AskLimit
    from trooper_cli.errors import ConfigurationError
    from trooper_cli.settings import dollars

    try:
        return AskLimit(dollars(text))
    except ValueError as fault:
        raise ConfigurationError(f"--limit {fault}; nothing was sent") from fault


def check_options(
    settings: Settings, *, model: str | None, timeout: float | None, checks: Sequence[Callable[[], object]]
) -> None:
    """Refuse what is wrong whatever is asked.

    Raises:
        ConfigurationError: a variable is misspelt.
        UsageError: an option's value is of the wrong kind.

    """
    from trooper_cli.ask.variables import check_variables
    from trooper_cli.cli.prompt_input import utf8

    check_variables(settings.environ)
    if timeout is not None and not timeout < 1e6:
        raise UsageError("--timeout is a number of seconds below a million")
    if model is not None:
        utf8(model, "the name of the model")
    for each in checks:
        each()


def checked_extract(*, first: bool, last: bool) -> Literal["first", "last"] | None:
    if first and last:
        raise UsageError("--extract and --extract-last are two parts of an answer; choose one")
    return "first" if first else "last" if last else None


def _checked_system(system: str | None) -> str | None:
    if system is not None:
        from trooper_cli.cli.prompt_input import utf8

        utf8(system, "the system prompt")
    return system or None
