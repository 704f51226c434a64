"""What the tests of refused prompts share: a secret, and what must be true once it was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Outcome, Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."


def check(trooper: Trooper, cloud: Standin, local: Standin, done: Outcome, code: int) -> None:
    """It was refused in one line, without an engine, and the secret is not sent when it is asked for in public."""
    assert (done.code, done.out, done.notices.count("\n")) == (code, b"", 1), done.notices
    assert "Ottilie" not in done.notices
    assert local.bodies == []
    assert trooper("ask", stdin=SECRET).code == 77
    assert cloud.connections == 0
