"""The name of a model carries nothing out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conftest import KEY
from tests.messages.program import request, user

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin


class TestModelNames:
    """The name of a model leaves with a request, so that the guard looks at it."""

    TOKEN = "ghp_" + "x9Zk2Lm4Qp7Rt1Vw8Yb3Nc6Df5Gh0Js2Ka4W"
    CLOUDS = '[[clouds]]\nname = "other"\nurl = "https://127.0.0.1:9/v1"\nmodel = "{}"\nkey_env = "OTHER_API_KEY"\n'

    @pytest.mark.parametrize("how", ["option", "environment", "config", "clouds", "messages"])
    def test_a_credential_is_refused(self, trooper: Trooper, cloud: Standin, how: str) -> None:
        """In whichever way it became the name."""
        arguments, environ, stdin = ["ask"], {}, "hello"
        trooper.home.mkdir()
        config = trooper.home / "config.toml"
        if how == "option":
            arguments += ["-m", self.TOKEN]
        elif how == "environment":
            environ = {"TROOPER_CLOUD_MODEL": self.TOKEN}
        elif how == "config":
            config.write_text(f'cloud_model = "{self.TOKEN}"\n')
        elif how == "clouds":
            config.write_text(self.CLOUDS.format(self.TOKEN))
            environ = {"OTHER_API_KEY": KEY}
        else:
            arguments = ["messages"]
            stdin = json.dumps(request(user("hi")) | {"model": self.TOKEN})
        done = trooper(*arguments, stdin=stdin, **environ)
        assert done.code == 77, done.notices
        assert self.TOKEN not in done.notices + done.text
        assert cloud.connections == 0

    def test_private_text_is_refused(self, trooper: Trooper, cloud: Standin) -> None:
        """A word of a private turn that looks like a secret is one as a name too."""
        assert trooper("ask", "--local", "the account is nightowl7X42batchQ9").code == 0
        assert trooper("ask", "-m", "nightowl7X42batchQ9", "hello").code == 77
        assert trooper("ask", "-m", "nightowl7X42batchQ9", "--on-leak", "warn", "hello").code == 0
        assert len(cloud.bodies) == 1

    @pytest.mark.parametrize("name", ["claude-opus-4-8", "claude-haiku-4-5-20251001", "openrouter/meta/llama-4:free"])
    def test_ordinary_names_pass(self, trooper: Trooper, cloud: Standin, name: str) -> None:
        """Names that models have are no findings."""
        assert trooper("ask", "-m", name, "hello").code == 0
        assert cloud.bodies[0]["model"] == name
