"""What a refused command line asks is remembered, if it was meant to stay here."""

from __future__ import annotations

import json
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

    @pytest.mark.parametrize("name", ["priv\r", " priv", '"priv"', "./priv", "priv\u200b", "\u0440riv"], ids=ascii)
    def test_a_private_session_with_a_stray_character(
        self, trooper: Trooper, cloud: Standin, local: Standin, name: str
    ) -> None:
        """As a file with the line ends of Windows leaves one behind its name."""
        assert trooper("config", "set", "-s", "priv", "local", "1").code == 0
        check(trooper, cloud, local, trooper("ask", stdin=SECRET, TROOPER_SESSION=name), 2)

    @pytest.mark.parametrize("flags", [["--limit"], ["-f"], ["--jsonl", "--resume"]], ids=" ".join)
    def test_a_prompt_as_the_value_of_an_option(self, trooper: Trooper, cloud: Standin, flags: list[str]) -> None:
        """Which is refused when the option is used, not when it is read."""
        assert trooper("ask", "--local", *flags, SECRET).code in {2, 66, 78}
        assert trooper("ask", stdin=SECRET).code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("given", ["arguments", "standard input"])
    @pytest.mark.parametrize(
        "flags",
        [
            *(["--cloud", word] for word in ("off", "no", "false", "0", "OFF")),
            *(
                [f"--cloud={word}"]
                for word in ("off", "no", "false", "0", "--local", "lokal", "this-machine", "ollama")
            ),
            *([f"--{name}"] for name in ("no-upload", "no-send", "no-share", "cloud-off", "disable-cloud", "noCloud")),
            *([f"--{name}"] for name in ("without-cloud", "not-cloud", "cloudless", "on-device", "confidential")),
            *([f"--{name}"] for name in ("side=local", "route=local", "label=private", "mode=local", "run=on-device")),
            *([f"--{name}"] for name in ("upload=no", "share=0", "do-not-transmit", "x-force-local")),
            ["--side", "local"],
            ["--upload", "false"],
        ],
        ids=" ".join,
    )
    def test_an_option_of_another_name(
        self, trooper: Trooper, cloud: Standin, local: Standin, flags: list[str], given: str
    ) -> None:
        """A word for local or private, or a no beside a cloud, an upload or a sharing, in its name or its value."""
        arguments, stdin = ([SECRET], "") if given == "arguments" else ([], SECRET)
        check(trooper, cloud, local, trooper("ask", *flags, *arguments, stdin=stdin), 2)

    @pytest.mark.parametrize("flags", [["--cloud=off"], ["--no-upload"], ["--side=local"]], ids=" ".join)
    def test_a_request_beside_one(self, trooper: Trooper, cloud: Standin, local: Standin, flags: list[str]) -> None:
        """`messages` takes no such option either, and remembers what it was given."""
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": SECRET}]}
        assert trooper("messages", *flags, stdin=json.dumps(body)).code == 2
        assert trooper("ask", stdin=SECRET).code == 77
        assert (cloud.connections, local.bodies) == (0, [])

    def test_a_switch_takes_no_value(self, trooper: Trooper, cloud: Standin) -> None:
        """`--cloud off` says so and what to write; a prompt of that word stands behind `--` or elsewhere."""
        done = trooper("ask", "--cloud", "off", SECRET)
        assert (done.code, done.notices.count("\n")) == (2, 1)
        assert "--cloud takes no value" in done.notices
        assert "--local" in done.notices
        assert trooper("ask", "--cloud", "--", "off").code == 0
        assert trooper("ask", "no", "--cloud").code == 0
        assert trooper("ask", "--cloud", "offer me a name").code == 0
        assert len(cloud.requests) == 3

    def test_a_short_prompt(self, trooper: Trooper, cloud: Standin) -> None:
        """It is known as a whole, without the values of options."""
        assert trooper("ask", "--local", "what does", "--budget", "0", "Ottilie earn?").code == 2
        assert trooper("ask", stdin="What does Ottilie earn").code == 77
        assert cloud.connections == 0

    def test_a_public_one(self, trooper: Trooper) -> None:
        """It may be asked again, and so may what --cloud was given for."""
        assert trooper("ask", SECRET, "--budget", "0").code == 2
        assert trooper("ask", SECRET, "--jsno").code == 2
        for wrong in (["--no-cache"], ["--budget=0"], ["--no-strem"], ["--upload"], ["--share=yes"], ["--mode=fast"]):
            assert trooper("ask", SECRET, *wrong).code == 2
        for known in (["-s", "local"], ["--session=private"], ["-m", "local"], ["--json", "--no-stream", "-n", "-q"]):
            assert trooper("ask", SECRET, *known, "--budget", "0").code == 2
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
