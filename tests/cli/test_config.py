"""`trooper config`: values with their origins, set without loss, defaults of a session, a key from a command."""

from __future__ import annotations

import os
import stat
import time
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import KEY
from tests.standin import api_error
from trooper_cli.config_file import edited

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

FILE = """\
# Settings of the night shift.
cloud_model = "claude-sonnet-5-5"   # cheap enough

local_hosts = [
    "gpu.lan",  # rack 3
    "db#1.lan",
]
# budget = 16000
on_leak = 'block'# never "warn"
"""


def written(trooper: Trooper, text: str) -> Path:
    trooper.home.mkdir(mode=0o700, exist_ok=True)
    path = trooper.home / "config.toml"
    path.write_bytes(text.encode())
    return path


class TestShow:
    """Each value with its origin."""

    def test_the_first_place_that_has_a_value_counts(self, trooper: Trooper) -> None:
        """Environment before session before config.toml before default; `-s` is a flag."""
        written(trooper, 'budget = 1000\ncloud_model = "of-config"\nlocal_model = "of-config"\n')
        for name, value in (("budget", "2000"), ("cloud_model", "of-session")):
            assert trooper("config", "set", "-s", "ops", name, value).code == 0
        told = trooper("config", "-s", "ops", "--json", TROOPER_BUDGET="3000").json
        assert {name: (row["value"], row["origin"]) for name, row in told.items()}.items() >= {
            "session": ("ops", "flag"),
            "budget": (3000, "env"),
            "cloud_model": ("of-session", "session"),
            "local_model": ("of-config", "config"),
            "fallback": (True, "default"),
        }.items()
        lines = [line.split() for line in trooper("config", TROOPER_SESSION="ops").text.splitlines()]
        assert ["session", "env", "ops"] in lines
        assert ["cloud_model", "session", "of-session"] in lines

    def test_a_bad_value_is_named_and_the_others_are_shown(self, trooper: Trooper) -> None:
        """One bad value is exit 78 and one line; the rest is still there to be read."""
        done = trooper("config", TROOPER_BUDGET="many", TROOPER_LOCAL="1")
        assert done.code == 78
        assert "TROOPER_BUDGET must be a whole number above 0" in done.notices
        assert "local           env      1" in done.text

    def test_a_credential_in_a_command_is_not_shown(self, trooper: Trooper) -> None:
        """Whoever wrote the key itself into the command does not see it in a listing."""
        key = "sk-ant-api03-" + "Qx7PzLk2Rt9WmVb4" * 5 + "AA"
        written(trooper, f'api_key_cmd = "echo {key}"\n')
        done = trooper("config")
        assert "api_key_cmd     config   echo [" in done.text
        assert key not in done.text

    @pytest.mark.parametrize("name", ["api_key_cmd", "auth_token_cmd", "local_key_cmd"])
    def test_a_key_of_no_known_form_in_a_command(self, trooper: Trooper, name: str) -> None:
        """What looks like a key is left out of the listing; a program's path, its options and names are not."""
        written(trooper, f'{name} = "/usr/bin/env KEY=9f3a77c1b2d4e5f6aa local-key --user me@example.org"\n')
        for done in (trooper("config"), trooper("config", "--json")):
            assert "9f3a77c1b2d4e5f6aa" not in done.text
            assert "local-key --user me@example.org" in done.text


class TestFile:
    """`config set` and `config unset` change one statement and nothing else."""

    def test_comments_and_order_stay(self, trooper: Trooper) -> None:
        """What is not the value is as it was: comments, blank lines, quotes, order."""
        path = written(trooper, FILE)
        trooper("config", "set", "cloud_model", "claude-opus-5-5")
        trooper("config", "set", "on_leak", "local")
        trooper("config", "set", "budget", "8000")
        expected = FILE.replace("claude-sonnet-5-5", "claude-opus-5-5").replace("'block'", '"local"')
        assert path.read_text() == f"{expected}budget = 8000\n"
        trooper("config", "unset", "budget")
        assert path.read_text() == expected

    def test_comments_inside_a_list_go_above_it(self, trooper: Trooper) -> None:
        """A list of several lines becomes one line; its comments stay, and a # in a text is no comment."""
        path = written(trooper, FILE)
        assert trooper("config", "set", "local_hosts", "a.lan", "b.lan").code == 0
        old = 'local_hosts = [\n    "gpu.lan",  # rack 3\n    "db#1.lan",\n]\n'
        assert path.read_text() == FILE.replace(old, '# rack 3\nlocal_hosts = ["a.lan", "b.lan"]\n')

    def test_the_file_stays_the_users(self, trooper: Trooper, tmp_path: Path) -> None:
        """A link stays a link, a mode stays the mode, and Windows line ends stay."""
        target = tmp_path / "dotfiles.toml"
        target.write_bytes(b'# mine\r\non_leak = "warn" # hm\r\n')
        target.chmod(0o640)
        trooper.home.mkdir(mode=0o700)
        (trooper.home / "config.toml").symlink_to(target)
        trooper("config", "set", "on_leak", "block")
        trooper("config", "set", "budget", "9")
        assert target.read_bytes() == b'# mine\r\non_leak = "block" # hm\r\nbudget = 9\r\n'
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        assert (trooper.home / "config.toml").is_symlink()
        assert [path.name for path in trooper.home.iterdir()] == ["config.toml"]

    def test_a_new_file_is_the_owners_alone(self, trooper: Trooper) -> None:
        """The first `config set` makes the file, 0600."""
        assert trooper("config", "set", "cloud", "off").code == 0
        path = trooper.home / "config.toml"
        assert path.read_text() == 'cloud = "off"\n'
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("budget = \n", 78),
            ("[budget]\nlow = 1\n# of what follows\n[other]\n", 78),
            ("budget.low = 1\nbudget.high = 2\n", 78),
            ('a = """\nbudget = 1\n"""\nbudget = 2 2\n', 78),
        ],
    )
    def test_what_cannot_be_changed_safely_is_left(self, trooper: Trooper, text: str, code: int) -> None:
        """A file that is no TOML, or where the result would mean something else, is left to the byte."""
        path = written(trooper, text)
        assert trooper("config", "set", "budget", "5").code == code
        assert path.read_text() == text

    def test_a_key_of_a_table_is_another(self, trooper: Trooper) -> None:
        """A key of the same name in a table stays, and the new one stands above the table."""
        path = written(trooper, '[[clouds]]\nname = "a"\nbudget = 1 # theirs\n')
        assert trooper("config", "set", "budget", "5").code == 0
        assert path.read_text() == 'budget = 5\n[[clouds]]\nname = "a"\nbudget = 1 # theirs\n'

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["budget", "0"], "whole number"),
            (["budget", "1", "2"], "one value"),
            (["fallback", "maybe"], "0 or 1"),
            (["cloud", "of"], "on or off"),
            (["local_url", "ftp://gpu.lan"], "http://"),
            (["api_key_cmd", 'pass "show'], "program"),
            (["cloud_model", ""], "unset"),
            (["colour", "red"], "no setting"),
            (["local", "1"], "TROOPER_LOCAL"),
        ],
    )
    def test_values_are_checked_first(self, trooper: Trooper, arguments: list[str], word: str) -> None:
        """A value that no ask would take is exit 2, and nothing is written."""
        done = trooper("config", "set", *arguments)
        assert done.code == 2
        assert word in done.notices
        assert not (trooper.home / "config.toml").exists()

    def test_a_bad_pattern_is_refused(self, trooper: Trooper) -> None:
        """What is no regular expression does not come into the file."""
        assert trooper("config", "set", "guard_patterns", "fine", "(").code == 78
        assert not (trooper.home / "config.toml").exists()

    def test_a_misspelt_name_can_be_taken_out(self, trooper: Trooper) -> None:
        """An unknown name stops every ask; `config unset` removes it, and knows what was never there."""
        path = written(trooper, 'clout = "off" # oops\nbudget = 5\n')
        assert trooper("ask", "hello").code == 78
        assert trooper("config", "unset", "clout").code == 0
        assert path.read_text() == "# oops\nbudget = 5\n"
        assert trooper("config", "unset", "clout").code == 2

    def test_an_environment_that_goes_before_is_told(self, trooper: Trooper) -> None:
        """Who sets what the environment overrides is told so at once."""
        assert "TROOPER_BUDGET is set" in trooper("config", "set", "budget", "5", TROOPER_BUDGET="7").notices

    @given(
        st.lists(st.sampled_from([*FILE.splitlines()[:3], "# x", "", "gitleaks = '#'", "guard_hosts = [ # a\n'#', ]"])),
        st.sampled_from(["cloud_model", "gitleaks", "guard_hosts", "budget"]),
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"))),
    )
    def test_every_other_key_and_comment_survives(self, lines: list[str], key: str, value: str | None) -> None:
        """Whatever stands in the file, setting one key keeps the other keys and every comment."""
        text = "\n".join(dict.fromkeys(lines))
        before = tomllib.loads(text)
        after = edited(text, key, value)
        expected = {name: old for name, old in before.items() if name != key}
        assert tomllib.loads(after) == expected | ({} if value is None else {key: value})
        for comment in ("# Settings of the night shift.", "# cheap enough", "# x", "# a"):
            assert after.count(comment) >= (comment in text)


class TestSession:
    """Defaults of one session."""

    def test_a_session_can_be_local_by_default(self, trooper: Trooper, cloud: Standin) -> None:
        """`local = 1` makes every plain turn of the session private, with the reason `session`."""
        trooper("config", "set", "-s", "ops", "local", "1")
        told = trooper("ask", "-s", "ops", "--json", "hello").json
        assert (told["label"], told["route"], told["reason"]) == ("private", "local", "session")
        assert cloud.connections == 0
        assert trooper("ask", "-s", "ops", "--json", "hello", TROOPER_LOCAL="0").json["reason"] == "env"
        assert trooper("ask", "-s", "ops", "--cloud", "--json", "hello").json["reason"] == "flag"
        assert trooper("ask", "-s", "other", "--json", "hello").json["reason"] == "default"
        trooper("config", "unset", "-s", "ops", "local")
        assert trooper("ask", "-s", "ops", "--json", "hello").json["reason"] == "default"

    def test_models_and_fallback_of_a_session(self, trooper: Trooper, cloud: Standin) -> None:
        """The session's model is asked for, unless a flag or the environment says otherwise; so for the others."""
        trooper("config", "set", "-s", "ops", "cloud_model", "of-session")
        trooper("config", "set", "-s", "ops", "fallback", "0")
        trooper("ask", "-s", "ops", "one")
        trooper("ask", "-s", "ops", "two", TROOPER_CLOUD_MODEL="of-env")
        trooper("ask", "-s", "ops", "-m", "of-flag", "three")
        trooper("ask", "four")
        assert [body["model"] for body in cloud.bodies] == ["of-session", "of-env", "of-flag", "claude-sonnet-5-5"]
        cloud.respond = lambda _: api_error(402, "billing_error")
        assert trooper("ask", "-s", "ops", "five").code == 75
        assert trooper("ask", "five").code == 0

    def test_a_session_does_not_open_the_lock(self, trooper: Trooper, cloud: Standin) -> None:
        """`cloud = on` or `local = 0` of a session open no lock of config.toml or the environment; its own closes."""
        trooper("config", "set", "-s", "ops", "cloud", "on")
        trooper("config", "set", "-s", "ops", "local", "0")
        assert trooper("ask", "-s", "ops", "--json", "hello", TROOPER_CLOUD="off").json["reason"] == "policy"
        written(trooper, 'cloud = "off"\n')
        assert trooper("ask", "-s", "ops", "--json", "hello").json["reason"] == "policy"
        assert trooper("ask", "-s", "ops", "--cloud", "hello").code == 77
        (trooper.home / "config.toml").unlink()
        trooper("config", "set", "-s", "ops", "cloud", "off")
        assert trooper("ask", "-s", "ops", "--cloud", "hello", TROOPER_CLOUD="on").code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("name", ["local_hosts", "api_key_cmd", "local_url", "gitleaks", "session"])
    def test_trust_is_no_setting_of_a_session(self, trooper: Trooper, name: str) -> None:
        """Hosts that may see private text, programs and files are named in the user's own file alone."""
        assert trooper("config", "set", "-s", "ops", name, "value").code == 2
        assert not (trooper.home / "sessions").exists()


class TestUnknownVariables:
    """A variable that is meant for Trooper and misspelt is exit 78: it may have been a lock."""

    @pytest.mark.parametrize(
        ("variable", "meant"),
        [
            ("TROOPER_LOCL", "TROOPER_LOCAL"),
            ("trooper_local", "TROOPER_LOCAL"),
            ("Trooper_Cloud", "TROOPER_CLOUD"),
            ("TROOPER_LOCAL ", "TROOPER_LOCAL"),
            ("\ufeffTROOPER_LOCAL", "TROOPER_LOCAL"),
            ("TROOPER_ONLEAK", "TROOPER_ON_LEAK"),
            ("TROOPER_LIMIT_DAYS", "TROOPER_"),
            ("TROOPER_STRENGTH", "TROOPER_"),
            ("TROOPER_", "TROOPER_"),
            ("TROPER_LOCAL", "TROOPER_LOCAL"),
            ("TROPER_LOCL", "TROOPER_LOCAL"),
            ("TOROPER-LOCL", "TROOPER_LOCAL"),
            ("RTOOPER_LOCAL", "TROOPER_LOCAL"),
            ("TROOPS_LOCAL", "TROOPER_LOCAL"),
            ("TROOPERLOCAL", "TROOPER_LOCAL"),
            ("TROOPER-LOCAL", "TROOPER_LOCAL"),
            ("trooper.cloud", "TROOPER_CLOUD"),
            ("_TROOPER_CLOUD", "TROOPER_CLOUD"),
            ("TROPPER_SESSION", "TROOPER_SESSION"),
            ("\u0422ROOPER_LOCAL", "TROOPER_LOCAL"),
            ("TR\u041e\u041ePER_L\u041eCAL", "TROOPER_LOCAL"),
            ("\u0422ROOPER_LOCL", "TROOPER_LOCAL"),
            ("TROO\u200bPER_LOCAL", "TROOPER_LOCAL"),
            ("\u200bTROOPER_CLOUD", "TROOPER_CLOUD"),
            ("\uff34\uff32ROOPER_LOCAL", "TROOPER_LOCAL"),
            ("TR00PER_L0CAL", "TROOPER_LOCAL"),
            ("TROOPER_L0CAL", "TROOPER_LOCAL"),
            ("7R00P3R_10C41", "TROOPER_LOCAL"),
            ("tr0oper_c1oud", "TROOPER_CLOUD"),
            ("TR00PER_5E5510N", "TROOPER_SESSION"),
            ("TROPER_SESS1ON", "TROOPER_SESSION"),
            ("TR00PR_L0CAL", "TROOPER_LOCAL"),
            ("TR00PER_ONLEAK", "TROOPER_ON_LEAK"),
            ("TR00PER_XYZ", "TROOPER_"),
            ("\u0422R00PER_LOCAL", "TROOPER_LOCAL"),
        ],
    )
    def test_nothing_is_read_or_sent(
        self, trooper: Trooper, cloud: Standin, local: Standin, variable: str, meant: str
    ) -> None:
        """The nearest variable that is known is named, and neither the value nor the prompt is repeated."""
        for arguments in (["ask", "the marzipan fund"], ["ask", "--local", "the marzipan fund"], ["messages"]):
            done = trooper(*arguments, stdin="{}", **{variable: "hunter2"})
            assert done.code == 78
            assert meant in done.notices
            assert "marzipan" not in done.notices
            assert "hunter2" not in done.notices
            assert done.out == b"" or arguments == ["messages"]
        assert cloud.connections == local.connections == 0

    def test_every_command_that_reads_settings_says_so(self, trooper: Trooper) -> None:
        """`config` shows what holds beside it; `doctor` names it and what an ask would end with."""
        of_session = ("show", "sitrep", "audit", "export", "import", "rm")
        commands = [["sessions"], ["usage"], ["guard"], *([name, "-s", "ops"] for name in of_session)]
        for arguments in [*commands, ["share", "-s", "ops", "1"], ["forget", "-s", "ops", "1"]]:
            assert trooper(*arguments, TROOPER_LOCL="1").code == 78, arguments
        done = trooper("config", "--json", TROOPER_LOCL="1")
        assert (done.code, done.json["cloud"]["value"]) == (78, "on")
        assert "TROOPER_LOCAL" in done.notices
        done = trooper("doctor", "--json", TROOPER_LOCL="1")
        assert (done.code, done.json["exit"]) == (78, 78)
        (fault,) = [row for row in done.json["checks"] if row["check"] == "config" and row["state"] == "fail"]
        assert "TROOPER_LOCL" in fault["text"]
        assert "TROOPER_LOCAL" in fault["next"]

    def test_what_answers_a_shell_is_not_stopped(self, trooper: Trooper) -> None:
        for arguments in (["--version"], ["--help"], ["ask", "--help"], ["--complete", "sessions"]):
            assert trooper(*arguments, TROOPER_LOCL="1").code == 0

    def test_variables_that_are_known_or_others_are_left_alone(self, trooper: Trooper) -> None:
        others = {
            "TROOPER_TRACE": "0",
            "TROOPER_HOOK_SECONDS": "9",
            "MY_TROOPER_X": "1",
            "TROOPERS": "1",
            "TROOPER": "1",
            "TROOP_URL": "1",
            "GROUPER_LOCAL_URL": "1",
            "STORE_LOCAL": "1",
            "PROPER_CLOUD_NAME": "1",
            "GROUPER_LOCAL": "1",
            "MY_TROOPER_LOCAL": "1",
            "TROUPER_LOCALE_DIR": "1",
            "TR\u00c4GER": "1",
            "TROOP1": "1",
            "TR00P": "1",
            "PARATROOPER_X": "1",
            "PARATR00PER_LOCAL": "1",
            "GR0UPER_LOCAL": "1",
            "LOCAL0": "1",
            "C10UD_SESS1ON": "1",
            "S3_LOCAL_SESSION": "1",
        }
        assert trooper("ask", "hello", **others).code == 0


class TestKeyCommand:
    """A key from a command, asked for only when the cloud is."""

    @pytest.fixture
    def counted(self, trooper: Trooper, tmp_path: Path) -> Path:
        """A command that gives the key and counts its calls; it also writes down which keys it could see."""
        script, calls = tmp_path / "give key", tmp_path / "calls"
        script.write_text(
            "#!/bin/sh\n"
            f"echo \"$1 $OTHER_API_KEY$TWO_KEY$HF_TOKEN$VAULT_TOKEN\" >> '{calls}'\n"
            f"echo noise >&2\nprintf '%s\\nanother\\n' \"{KEY}\"\n"
        )
        script.chmod(0o700)
        written(trooper, f"api_key_cmd = \"'{script}' 'an argument; true'\"\n")
        trooper.environ.pop("ANTHROPIC_API_KEY")
        trooper.environ |= {"OTHER_API_KEY": "seen", "HF_TOKEN": "seen"}
        return calls

    def test_it_sees_no_key_of_another_cloud(self, trooper: Trooper, counted: Path) -> None:
        """The variables that `[[clouds]]` name, and the hub's token, are not handed on; its own keeper's are."""
        path = trooper.home / "config.toml"
        two = '[[clouds]]\nname = "two"\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\nkey_env = "TWO_KEY"\n'
        path.write_text(path.read_text() + two)
        assert trooper("ask", "hello", TWO_KEY="seen", VAULT_TOKEN="its-own").code == 0
        assert counted.read_text() == "an argument; true its-own\n"

    def test_the_first_line_is_the_key(self, trooper: Trooper, cloud: Standin, counted: Path) -> None:
        """The command is run once, without a shell and without keys in its environment; nothing of it is printed."""
        done = trooper("ask", "-v", "hello")
        assert (done.code, done.text) == (0, "a cloud answer\n")
        assert cloud.requests[0].headers["x-api-key"] == KEY
        assert counted.read_text() == "an argument; true \n"
        assert KEY not in done.notices
        assert "noise" not in done.notices

    def test_a_bearer_token(self, trooper: Trooper, cloud: Standin, counted: Path) -> None:
        """`auth_token_cmd` prints what a gateway wants as a bearer; where both commands are set, the key counts."""
        both = (trooper.home / "config.toml").read_text()
        written(trooper, both.replace("api_key_cmd", "auth_token_cmd"))
        done = trooper("ask", "-v", "hello")
        assert (done.code, done.text) == (0, "a cloud answer\n")
        assert cloud.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert "x-api-key" not in cloud.requests[0].headers
        assert counted.read_text() == "an argument; true \n"
        dry = trooper("ask", "--dry-run", "hello")
        assert dry.json["headers"]["authorization"] == "***"
        assert KEY not in done.notices + dry.text + dry.notices
        assert trooper("ask", "hello", ANTHROPIC_AUTH_TOKEN="of-env").code == 0
        assert cloud.requests[1].headers["authorization"] == "Bearer of-env"
        written(trooper, f'{both}auth_token_cmd = "false"\n')
        assert trooper("ask", "hello").code == 0
        assert cloud.requests[2].headers["x-api-key"] == KEY

    def test_a_rejected_token_names_its_source(self, trooper: Trooper, cloud: Standin, counted: Path) -> None:
        """The next step is where the token is set."""
        assert counted.parent.exists()
        cloud.respond = lambda _: api_error(401, "authentication_error")
        done = trooper("ask", "hello", ANTHROPIC_AUTH_TOKEN="of-env")
        assert done.code == 78
        assert "check ANTHROPIC_AUTH_TOKEN, or auth_token_cmd" in done.notices

    def test_it_is_not_run_without_need(self, trooper: Trooper, cloud: Standin, counted: Path) -> None:
        """A private turn, a dry run, a locked cloud, a refused prompt and a key in the environment need no command."""
        assert trooper("ask", "--local", "hello").code == 0
        assert trooper("ask", "hello", TROOPER_CLOUD="off").code == 0
        told = trooper("ask", "--dry-run", "hello").json
        assert (told["route"], told["reason"], told["headers"]["x-api-key"]) == ("cloud", "default", "***")
        assert trooper("ask", "-s", "ops", "hello", ANTHROPIC_API_KEY="sk-ant-other").code == 0
        assert cloud.requests[0].headers["x-api-key"] == "sk-ant-other"
        assert trooper("ask", "AKIA" + "IOSFODNN7EXAMPLQ").code == 77
        assert trooper("sessions").code == 0
        assert not counted.exists()

    @pytest.mark.parametrize(
        ("command", "word"),
        [
            ("/no/such/program", "cannot be run"),
            ("false", "exit 1"),
            ("true", "no key"),
            ("echo two words", "no key"),
            ("printf 'k\\\\303\\\\274'", "no key"),
        ],
    )
    def test_a_command_without_a_key_is_configuration(
        self, trooper: Trooper, cloud: Standin, local: Standin, command: str, word: str
    ) -> None:
        """Exit 78 and what to do; nobody is asked instead."""
        written(trooper, f'api_key_cmd = "{command}"\n')
        done = trooper("ask", "hello", ANTHROPIC_API_KEY=None)
        assert (done.code, done.out) == (78, b"")
        assert word in done.notices
        assert "words" not in done.notices
        assert cloud.connections == len(local.bodies) == 0

    def test_a_command_that_hangs_is_given_up(self, trooper: Trooper, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its time is bounded, also where a child of it keeps the pipe open."""
        from trooper_cli.engines import api_key, key_command
        from trooper_cli.errors import ConfigurationError
        from trooper_cli.settings import Settings

        path = written(trooper, "api_key_cmd = \"sh -c 'sleep 60 & sleep 60'\"\n")
        monkeypatch.setattr(key_command, "COMMAND_SECONDS", 0.2)
        began = time.monotonic()
        with pytest.raises(ConfigurationError, match="no key within"):
            api_key.environ_with_key(Settings({"PATH": os.environ["PATH"]}, path))
        assert time.monotonic() - began < 20
