"""Who may know this turn and where it is executed: flags, environment and key in, a decision out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from trooper_cli.errors import ConfigurationError, LocalityError
from trooper_cli.turn import Label, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.ask.request import AskRequest
    from trooper_cli.json_output import Reason
    from trooper_cli.settings import Settings


class Decision(NamedTuple):
    """Label, side and the contract's word for the reason. A private turn's side is always local."""

    label: Label
    side: Side
    reason: Reason


def decide(
    *,
    local_flag: bool | None,
    local_setting: bool | None,
    origin: str,
    cloud_lock: bool,
    has_key: Callable[[], bool],
    here: bool = False,
    is_of_private: bool = False,
) -> Decision:
    """Decide one turn.

    `--here` says where a turn is executed and not who may know it: whatever makes a plain ask private makes it private.

    Args:
        local_flag: True for `--local`, False for `--cloud`, None for neither.
        local_setting: the value of `TROOPER_LOCAL` or of the session's `local`.
        origin: where that value stands: `env` or `session`.
        cloud_lock: nothing may go to the cloud.
        has_key: returns whether there is a key for the cloud; called only where that decides.
        here: `--here`.
        is_of_private: the prompt is that of a private turn, which is asked again.

    Raises:
        LocalityError: `--cloud` under the lock, or for the prompt of a private turn.
        ConfigurationError: the cloud was asked for by name and there is no key.

    """
    if local_flag is True:
        return Decision(Label.PRIVATE, Side.LOCAL, "flag")
    if cloud_lock:
        if local_flag is False:
            raise LocalityError("the cloud is locked (cloud = off); ask without --cloud, or have the lock removed")
        return Decision(Label.PRIVATE, Side.LOCAL, "policy")
    if is_of_private:
        if local_flag is False:
            raise LocalityError(
                "the last turn is private, so it is not asked in the cloud; ask without --cloud, or see `trooper share`"
            )
        return Decision(Label.PRIVATE, Side.LOCAL, "session")
    if local_flag is None and local_setting is True:
        return Decision(Label.PRIVATE, Side.LOCAL, cast("Reason", origin))
    if here:
        return Decision(Label.PUBLIC, Side.LOCAL, "flag")
    if local_flag is False or local_setting is False:
        if not has_key():
            raise ConfigurationError("no key for the cloud: set ANTHROPIC_API_KEY, or ask with --local")
        return Decision(Label.PUBLIC, Side.CLOUD, "flag" if local_flag is False else cast("Reason", origin))
    if not has_key():
        return Decision(Label.PUBLIC, Side.LOCAL, "no_key")
    return Decision(Label.PUBLIC, Side.CLOUD, "default")


def decision_of(ask_request: AskRequest, settings: Settings) -> Decision:
    """Decide a turn from its question and the user's settings.

    Raises:
        LocalityError: `--cloud` under the lock, or for the prompt of a private turn.
        ConfigurationError: a setting is not valid, or there is no key for the cloud that was asked for by name.

    """
    return decide(
        local_flag=ask_request.local_flag,
        local_setting=settings.boolean("local"),
        origin=settings.value("local").origin,
        cloud_lock=settings.text("cloud") == "off",
        has_key=lambda: _has_cloud(settings, ask_request.cloud),
        here=ask_request.here,
        is_of_private=ask_request.repeated is not None and ask_request.repeated.label is Label.PRIVATE,
    )


def _has_cloud(settings: Settings, name: str | None) -> bool:
    from trooper_cli.engines.clouds import clouds

    return bool(clouds(settings, name=name, connect=False))
