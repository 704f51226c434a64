"""What a refused command line asks is remembered, if it was meant to stay here."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.ask.refused import SECRET, check

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin


class TestCommandLines:
    """A command line that is refused, and whose prompt was meant to stay here."""

    @pytest.mark.parametrize("given", ["arguments", "standard input", "file"])
    @pytest.mark.parametrize(
        ("flags", "environ"),
        [
            (["--local", "--budget", "0"], {}),
            (["--timeout", "abc", "--local"], {}),
            (["--local", "--on-leak", "foo"], {}),
            (["--local", "--max-tokens", "0"], {}),
            (["--local", "--cloud"], {}),
            (["--lcoal"], {}),
            (["--locl", "--no-such-option"], {}),
            (["-l"], {}),
            (["--private"], {}),
            (["--LOCAL"], {}),
            (["\u2014local"], {}),
            (["--local=1"], {}),
            (["-m", "--local"], {}),
            (["--budget", "0"], {"TROOPER_LOCAL": "1"}),
            (["--budget=0"], {"TROOPER_LOCAL": "yes"}),
            (["-qs", "here", "--budget", "0"], {}),
            (["--bogus"], {"TROOPER_CLOUD": "off"}),
        ],
        ids=str,
    )
    def test_a_wrong_option(
        self,
        trooper: Trooper,
        cloud: Standin,
        local: Standin,
        tmp_path: Path,
        flags: list[str],
        environ: dict[str, str],
        given: str,
    ) -> None:
        """Its value, or its name, is wrong."""
        if "-qs" in flags:
            assert trooper("config", "set", "-s", "here", "local", "1").code == 0
        (tmp_path / "secret").write_text(SECRET)
        arguments = {"arguments": [SECRET], "standard input": [], "file": ["-f", str(tmp_path / "secret")]}[given]
        stdin = SECRET if given == "standard input" else ""
        check(trooper, cloud, local, trooper("ask", *arguments, *flags, stdin=stdin, **environ), 2)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["ask", "--local", SECRET, "-s"],
            ["ask", "--local", "--max-tokens", SECRET],
            ["ask", "--lcoal=" + SECRET],
            ["--local", "ask", SECRET],
            ["--local", SECRET],
            [SECRET, "--local"],
            ["ask", SECRET + "\u2014\u2014local"],
            ["ask", "--", SECRET, "--local"],
        ],
        ids=str,
    )
    def test_a_prompt_in_an_odd_place(
        self, trooper: Trooper, cloud: Standin, local: Standin, arguments: list[str]
    ) -> None:
        """As an option's value, before an option without one, or where no command is named."""
        check(trooper, cloud, local, trooper(*arguments), 2)

    def test_a_short_prompt(self, trooper: Trooper, cloud: Standin) -> None:
        """It is known as a whole, without the values of options."""
        assert trooper("ask", "--local", "what does", "--budget", "0", "Ottilie earn?").code == 2
        assert trooper("ask", stdin="What does Ottilie earn").code == 77
        assert cloud.connections == 0

    def test_a_public_one(self, trooper: Trooper) -> None:
        """It may be asked again, and so may what --cloud was given for."""
        assert trooper("ask", SECRET, "--budget", "0").code == 2
        assert trooper("ask", SECRET, "--jsno").code == 2
        assert trooper("ask", "--cloud", SECRET, "--budget", "0", TROOPER_LOCAL="1").code == 2
        assert trooper("ask", SECRET).code == 0

    def test_nobody_is_waited_for(self, trooper: Trooper, cloud: Standin, tmp_path: Path) -> None:
        """A pipe that stays open and empty, and a named one that nobody writes to."""
        os.mkfifo(tmp_path / "pipe")
        arguments = ["ask", "--lcoal", "-f", str(tmp_path / "pipe"), SECRET]
        with trooper.start(*arguments, stdin=subprocess.PIPE) as process:
            assert process.wait(30) == 2
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0
