"""Before private turns go to a pipe the guard has to know them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trooper_cli.cli.environment import Environment
    from trooper_cli.cli.terminal import Output
    from trooper_cli.settings import Settings


def check_known(environment: Environment, settings: Settings, name: str, output: Output) -> None:
    """Store the private turns of a session in the guard, if it lacks them, before a pipe gets them.

    Raises:
        StorageError: it does not know one, and cannot write it down.

    """
    from trooper_cli.errors import StorageError
    from trooper_cli.store.session import Session

    if output.is_terminal:
        return
    home = environment.home
    with closing(Session.open(home, name)) as session:
        if not session.counts()[1]:
            return
    from trooper_cli.store.store import Store

    try:
        with closing(Store(home, settings, environment.say)) as store, closing(store.open(name)) as session:
            store.guard.know_all(session.identity(), session.turns())
    except StorageError as error:
        raise StorageError(
            "private turns that the guard does not know are shown on a terminal only; set TROOPER_HOME to a folder "
            f"that can be written, or make room: {error}"
        ) from error
