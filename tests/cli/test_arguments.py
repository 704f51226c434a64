"""A typing error never means the cloud: what looks like an option is one, or the call is refused before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from tests.standin import plain
from trooper_cli.cli.app import app_of
from trooper_cli.cli.arguments import check
from trooper_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "the northern branch pays out of the marzipan fund"
# Dashes as editors, phones and web pages make them, and what is not seen.
DASHES = [
    "-",
    "\u2010",
    "\u2011",
    "\u2012",
    "\u2013",
    "\u2014",
    "\u2015",
    "\u2212",
    "\ufe58",
    "\ufe63",
    "\uff0d",
    "\u2796",
]
UNSEEN = ["\u00a0", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202f", "\u2003", "\u2028", "\u3164", "\u115f"]
UNSEEN += ["\u2800", "\u034f", "\u200e", "\ufe0f", "\x07"]
COMMAND: Any = typer.main.get_command(app_of("ask"))
OPTIONS = sorted(
    {name for each in COMMAND.commands["ask"].params for name in (*each.opts, *each.secondary_opts) if name[:2] == "--"}
)
SHORT = {name for each in COMMAND.commands["ask"].params for name in each.opts if len(name) == 2}


def refused(*arguments: str) -> str:
    """Return the error of a command line, empty if there is none."""
    try:
        check(list(arguments), COMMAND)
    except UsageError as error:
        return str(error)
    return ""


# What a hand, a phone or a page makes of `--local`, and what it is then.
AS_A_PROCESS = [
    ["\u2014local"],
    ["\u2013local"],
    ["\u2212\u2212local"],
    ["\u2010local"],
    ["\u00a0--local"],
    ["\u200b--local"],
    ["--lo\u00adcal"],
    ["--Local"],
    ["--local=1"],
    ["--", "--local"],
    ["--", "\u2014local"],
    ["-s", "ops--local"],
    ["\u3161local"],
    ["\u4e00\u4e00local"],
    ["\u223clocal"],
    ["--", "\u2053local"],
    ["\u0640\u0640local"],
    [f'{SECRET}"--local'],
    [f"{SECRET}/--local"],
    [f"{SECRET}\n--local"],
    [f"{SECRET}\t--local"],
    ["--system", "\u2014local"],
    ["-f", "\u2014local"],
    [f"{SECRET}\u00a0--local"],
    ["- a list item"],
]
ALIKE = [
    *[[dash + "local"] for dash in DASHES],
    *[[dash * 2 + "local"] for dash in DASHES[1:]],
    *[[unseen + "--local"] for unseen in UNSEEN],
    *[["--lo" + unseen + "cal"] for unseen in UNSEEN],
    ["--local\u00a0"],
    [" --local"],
    ["\t--local"],
    ["--locl"],
    ["-local"],
    *[
        [stroke * times + "local"]
        for stroke in "\u1173\u3161\u4e00\u223c\u2053\u0640\u30fc\u02dc\u207b~_=+/"
        for times in (1, 2)
    ],
    ["--", "\u4e00\u4e00local"],
    ["-m", "\u3161\u3161local"],
    *[[f"{SECRET}{sign}--local"] for sign in "\"'/|)=>`.,:!?\u201d\u2019"],
    [f'{SECRET}"--local"'],
    [f"{SECRET}\r\n--local"],
    [f"{SECRET}\n--local -v"],
    [f"{SECRET}\t\u2014local"],
    ["'--local'"],
    ["[--local]"],
    ["\uff0d\uff0d\uff4c\uff4f\uff43\uff41\uff4c"],
    ["--", "--", "--Local"],
    ["-sops--local"],
    ["--session=ops\u2014local"],
    ["-m", "X--local"],
    ["-m", "--local"],
    ["--system=\u200b--local"],
    ["--on-leak", "warn\u00a0--local"],
    [f"{SECRET}--local"],
    [f"{SECRET}\u2014local"],
    [f"{SECRET}\u00a0--local\u00a0-v"],
    ["\u2014"],
    ["\u2013 a dash first"],
    ["-5 degrees?"],
    ["-local " + SECRET],
]


def test_all_that_looks_like_an_option_is_refused() -> None:
    """What is refused in the process that the class below starts, in many more spellings."""
    told = {tuple(arguments): refused("ask", SECRET, *arguments) for arguments in ALIKE}
    assert [arguments for arguments, text in told.items() if "nothing was sent" not in text] == []
    assert not any("marzipan" in text for text in told.values())


class TestAsk:
    """The command as a process: exit 2, one line, nothing sent, nothing told of the prompt."""

    @pytest.mark.parametrize("arguments", AS_A_PROCESS, ids=repr)
    def test_what_looks_like_an_option_is_exit_2(
        self, trooper: Trooper, cloud: Standin, local: Standin, arguments: Sequence[str]
    ) -> None:
        done = trooper("ask", SECRET, *arguments, stdin="more text")
        assert (done.code, done.out) == (2, b""), done.err
        assert done.err.count(b"\n") == 1
        assert b"nothing was sent" in done.err or b"does not take a value" in done.err
        assert b"marzipan" not in done.err
        assert cloud.connections == local.connections == 0

    def test_the_group_s_own_dashes_end_nothing(self, trooper: Trooper, cloud: Standin) -> None:
        """A `--` before the command does not make prompts of the options after it."""
        assert trooper("--", "ask", SECRET, "\u2014local").code == 2
        assert trooper("\u2014local", "ask", SECRET).code == 2
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        ("arguments", "prompt"),
        [
            (["--", "- a list item"], "- a list item"),
            (["--", "-5 degrees?"], "-5 degrees?"),
            (["--", "\u2013 a dash first"], "\u2013 a dash first"),
            (["what does --local do?"], "what does --local do?"),
            (["git config", "a -- b"], "git config a -- b"),
            (["it is \u2014 so to say \u2014 local"], "it is \u2014 so to say \u2014 local"),
            (["Que fait\u00a0: --local\u202f?"], "Que fait\u00a0: --local\u202f?"),
            (["-s", "a-local", "x=--y"], "x=--y"),
            (["usage:\n--local  here\n--cloud  there\nExplain."], "usage:\n--local  here\n--cloud  there\nExplain."),
            (['what is "--local'], 'what is "--local'),
            (["-n", "what are --local/--cloud"], "what are --local/--cloud"),
            (
                ["\u4e00\u4e2alocal\u662f\u4ec0\u4e48", "*.json", "./model", "@file", "#local"],
                "\u4e00\u4e2alocal\u662f\u4ec0\u4e48 *.json ./model @file #local",
            ),
        ],
    )
    def test_a_prompt_with_dashes_is_asked(
        self, trooper: Trooper, cloud: Standin, arguments: list[str], prompt: str
    ) -> None:
        done = trooper("ask", *arguments)
        assert done.code == 0, done.notices
        assert plain(cloud.bodies[0]["messages"]) == [{"role": "user", "content": prompt}]

    @pytest.mark.parametrize("prompt", ["--local", "\u2014local", "- a list item\n\u00a0--local"])
    def test_standard_input_is_never_an_option(self, trooper: Trooper, cloud: Standin, prompt: str) -> None:
        assert trooper("ask", stdin=prompt).code == 0
        assert plain(cloud.bodies[0]["messages"]) == [{"role": "user", "content": prompt}]

    def test_the_error_names_the_option_that_was_meant(self, trooper: Trooper) -> None:
        assert "did you mean --local?" in trooper("ask", SECRET, "\u2014local").notices
        assert "did you mean --dry-run?" in trooper("ask", SECRET, "--dryrun").notices
        assert "put -- before" in trooper("ask", "- " + SECRET).notices

    @pytest.mark.parametrize(
        "arguments",
        [
            ["messages", "\u2014local"],
            ["show", "-s", "ops--json"],
            ["hook", "install", "\u2014prepare-commit-msg"],
            ["config", "set", "cloud", "off\u00a0--session\u00a0ops"],
            ["sessions", "\u2013\u2013json"],
        ],
    )
    def test_every_command_is_held_to_it(self, trooper: Trooper, cloud: Standin, arguments: list[str]) -> None:
        done = trooper(*arguments, stdin="{}")
        assert (done.code, done.out) == (2, b"")
        assert f"nothing was {'sent' if arguments[0] == 'messages' else 'done'}" in done.notices
        assert cloud.connections == 0

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--local", "ask", SECRET], "--local is an option of ask, so nothing was sent; put it after that"),
            (["--json", "show"], "`trooper show --json"),
            (["\u2014local", "ask", SECRET], "nothing was sent"),
            (["rm", "--yes", "-s", "ops"], "so nothing was done. See `trooper rm --help`."),
            (["ask", "--local=1", SECRET], "'--local' does not take a value"),
            (["forget", "-s", "ops", "abc"], "'abc' is not a whole number"),
            (["forget", "-s", "ops", "0"], "0 is below 1"),
        ],
    )
    def test_a_wrong_usage_is_told_in_one_line(
        self, trooper: Trooper, cloud: Standin, arguments: list[str], told: str
    ) -> None:
        done = trooper(*arguments)
        assert (done.code, done.out, done.notices.count("\n")) == (2, b"", 1)
        assert told in done.notices
        assert "marzipan" not in done.notices
        assert cloud.connections == 0

    def test_other_commands_take_what_begins_with_a_dash(self, trooper: Trooper) -> None:
        """A value after a plain `--`, and `-` for a file."""
        assert trooper("config", "set", "guard_patterns", "--", "-----BEGIN").code == 0
        assert trooper("guard", "-").code == 66


@given(
    st.lists(st.sampled_from(UNSEEN), max_size=3),
    st.lists(st.sampled_from(DASHES), min_size=1, max_size=3),
    st.sampled_from(OPTIONS),
    st.data(),
)
def test_no_spelling_of_an_option_becomes_a_prompt(
    before: list[str], dashes: list[str], option: str, data: st.DataObject
) -> None:
    """Any dashes, letters of any case and width, and anything unseen anywhere: an exact option or a refusal."""
    word, is_split = list(option.lstrip("-")), False
    for index, letter in enumerate(word):
        if letter.isalpha():
            word[index] = data.draw(
                st.sampled_from([letter, letter, letter, letter.upper(), chr(ord(letter) + 0xFEE0)])
            )
        if data.draw(st.integers(0, 7)) == 0:
            word[index] += data.draw(st.sampled_from(UNSEEN))
            is_split = True
    argument = "".join([*before, *dashes, *word])
    forms = [[argument], ["--", argument], *([] if is_split else [[f"{SECRET}\u00a0{argument}"]])]
    for arguments in forms:
        told = refused("ask", SECRET, *arguments)
        # One plain dash is how options of one letter are written: `-file` is `-f ile`.
        is_short = not before and arguments == [argument] and argument[:2] in SHORT
        assert told or arguments == [option] or is_short
        assert "marzipan" not in told


@given(st.text(max_size=80))
def test_what_is_taken_begins_with_no_dash(text: str) -> None:
    """Whatever is taken for a prompt without a plain `--` before it has a letter or a sign first that is no dash."""
    if not refused("ask", text) and not text.startswith("-"):
        assert text.strip("".join(UNSEEN) + " \t\n")[:1] not in {*DASHES}
