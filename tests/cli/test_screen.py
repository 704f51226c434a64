"""What a person sees on a terminal of a width: whole, within it, and nothing that could steer it."""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.remembered import remember
from tests.cli.test_piped import PRICES, report, rows
from tests.cli.test_terminal import on_terminal
from tests.in_process import Terminal, run_in_process
from trooper_cli.cli import checks, models
from trooper_cli.cli.app import COMMANDS, app_of
from trooper_cli.cli.completion.tree import tree_of
from trooper_cli.cli.help import GROUPS
from trooper_cli.cli.screen import write_markdown, write_paragraph
from trooper_cli.cli.tables import ranges
from trooper_cli.cli.terminal import Output
from trooper_cli.store.session import Session
from trooper_cli.turn import ImportedTurn, Label, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Trooper

LISTINGS = ["sessions", "show ops", "usage", "audit ops", "doctor", "models"]
STYLE = re.compile(r"\x1b\[([0-9;]*)m")
# Bold, dim, italic, underlined, struck through, the sixteen colours of the terminal, and the end of it all.
SIXTEEN = {"0", "1", "2", "3", "4", "9", *map(str, (*range(30, 38), *range(90, 98)))}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    remember(folder)
    (folder / "prices.toml").write_text(PRICES)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(checks, "examine", report)
        monkeypatch.setattr(models, "_rows", rows)
        yield folder


def seen(home: Path, line: str, width: int = 80, term: str = "xterm-256color", **environ: str) -> str:
    """Return what a terminal gets of a command."""
    environ |= {"COLUMNS": str(width), "TERM": term, "TZ": "UTC"}
    done = run_in_process(home, *line.split(), stdin=b"", on_terminal=True, **environ)
    assert done.code in {0, 78}, done.notices
    return done.text


def drawn(write: Callable[[Output], object], width: int = 80, **environ: str) -> str:
    data = io.BytesIO()
    stream = Terminal(data, encoding="utf-8")
    write(Output(stream, {"COLUMNS": str(width), "TERM": "xterm", **environ}))
    return data.getvalue().decode()


def words(text: str) -> str:
    """Return a text without spaces, styles and the words that only one of the widths has."""
    return re.sub(r"[\s─]", "", STYLE.sub("", text))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("line", LISTINGS)
def test_it_fits_and_nothing_is_cut(home: Path, line: str, width: int) -> None:
    """No line is wider than the terminal, and each figure and word of the widest is in the narrow one."""
    told, wide = STYLE.sub("", seen(home, line, width)), STYLE.sub("", seen(home, line, 1000))
    assert max(map(len, told.split("\n"))) <= width
    if line in {"show ops", "doctor"}:
        assert words(told) == words(wide)
    for word in {*re.findall(r"[\w.:-]{3,18}", wide)}:
        assert word in "".join(told.split()) or word in told, word


@pytest.mark.parametrize("line", LISTINGS)
def test_colours(home: Path, line: str) -> None:
    """Sixteen colours and no background; none at all with NO_COLOR or on a terminal that knows none."""
    told = seen(home, line)
    codes = {code for found in STYLE.findall(told) for code in found.split(";")}
    assert codes
    assert codes <= SIXTEEN
    plain = STYLE.sub("", told)
    assert seen(home, line, NO_COLOR="1") == plain
    assert seen(home, line, term="dumb") == plain


def test_figures_for_people(home: Path) -> None:
    """Times of this machine to the minute, ranges, no zeros, one request and not one requests."""
    audit, usage, listed = (seen(home, line, 120, NO_COLOR="1") for line in ("audit ops", "usage", "sessions"))
    assert "1, 4\N{EN DASH}12 " in audit
    assert not re.search(r"\d\d:\d\d:\d\d|\+00:00| 0 ", audit + listed)
    assert re.search(r"2026-11-1[34] \d\d:\d\d\n", listed)
    assert "1 request that" in usage
    assert not re.search(r"\b0 tokens|\$0\.0000", usage)


def test_show(home: Path) -> None:
    """Private turns are marked without a colour too, a failed one says why, and Markdown is drawn."""
    told = seen(home, "show ops", NO_COLOR="1")
    assert "── 2 · private · 2026-11-02" in told
    assert "failed: the cloud was overloaded" in told
    assert "It drains because a lease is not returned, see https://example.org/a and the" in told
    assert "return it <div>not</div> &lt;twice&gt;" in told
    assert "with pool.lease() as lease:\n    print(lease)\n" in told
    assert "first line\nsecond line\n" in told
    assert "**" not in told


HOSTILE = [
    "a\x1b]52;c;ZXZpbA==\x07b", "[link](javascript:alert)", "[a\x1b[31mb](http://x/\x1b]8;;y)", "`\x1b[2J`",
    "&#27;[31m &#x202e; &#x9b;", "[bold red on white]markup[/] :warning:", "```\x1b]0;t\x07\n\x1b[H\n```",
    "![i](http://x/\u202e)", "# \x9b31m\n\n> \x1bc\n\n| \x1b[7m |\n|---|\n| \x1b[8m |",
    "<http://x/\x1b]8;;http://y\x1b\\>", "[r]: http://x/\x1b[5m\n[r]", "<script>\x1b[31m</script>",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_cannot_steer_the_terminal(text: str) -> None:
    """No sequence of a model is left, nor a link, markup or an entity that becomes one."""
    check_harmless(text)
    assert "\x1b" not in drawn(lambda output: write_markdown(output, text), NO_COLOR="1")


PIECES = st.sampled_from(
    ["\x1b[31m", "\x1b]8;;x\x1b\\", "\x9b", "\u202e", "&#27;", "&#x202e;", "`", "\n", "*", "[", "](", ")", "<", ">",
     "|", "---", "# ", "> ", "- ", "1. ", "```", "    ", "a", "\r", "\t", "\u754c"]
)  # fmt: skip


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(PIECES | st.characters(codec="utf-8"), max_size=30).map("".join))
def test_no_text_can(text: str) -> None:
    """Whatever a model or a file says, in an answer or in a paragraph."""
    check_harmless(text)


@pytest.mark.parametrize(
    "text",
    [">" * 40 + " deep", "| a |\n|---|\n| b | one too many |", '[a](http://x/ "a title")', "1. a\n1. b\n1. c\n",
     "| " + "wide" * 30 + " | b |\n|---|---|\n| c | d |", "[r]: http://x/y\n\nb", "<b>a</b>", "&amp;", "![a](http://x/i)"],
)  # fmt: skip
def test_markdown_loses_nothing(text: str) -> None:
    """What Markdown would leave out is shown all the same."""
    told = drawn(lambda output: write_markdown(output, text), 40, NO_COLOR="1")
    assert not Counter(filter(str.isalnum, text)) - Counter(filter(str.isalnum, told))


def check_harmless(text: str) -> None:
    for told in (
        drawn(lambda output: write_markdown(output, text), 40),
        drawn(lambda output: write_paragraph(output, text, "dim", first=[(text[:9].replace("\n", ""), "")]), 40),
    ):
        assert {code for found in STYLE.findall(told) for code in found.split(";")} <= SIXTEEN
        left = STYLE.sub("", told)
        assert not [letter for letter in left if unicodedata.category(letter) == "Cc" and letter not in "\n\t"]
        assert not set(left) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_a_real_terminal(trooper: Trooper) -> None:
    """The width of the terminal itself is taken where COLUMNS does not say one."""
    turn = ImportedTurn(
        "2026-11-01T10:20:30Z", Label.PRIVATE, Status.ANSWERED, None, "why?", "**so** " * 60, None, None
    )
    with closing(Session.open_or_create(trooper.home, "ops")) as session:
        session.add([turn])
    code, told = on_terminal(trooper, "show", "ops", TERM="xterm")
    assert code == 0
    lines = STYLE.sub("", told.decode()).split("\r\n")
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("── 1 · private · 2026-11-01 ")
    assert "\x1b[1mso\x1b[0m" in told.decode()


@pytest.mark.parametrize(
    ("numbers", "told"),
    [([], ""), ([1], "1"), ([1, 2], "1-2"), ([*range(1, 13), 14, 13], "1-14"), ([9, 1, 2], "1-2, 9")],
)
def test_ranges(numbers: list[int], told: str) -> None:
    """Numbers that follow each other are a range, in whatever order they come."""
    assert ranges(numbers).replace("\N{EN DASH}", "-") == told


class TestHelp:
    """`--help` at 60 and 80 columns."""

    def test_every_command_is_in_a_group(self) -> None:
        """Each command stands in one of the groups, and none twice."""
        assert sorted(name for group in GROUPS.values() for name in group) == sorted(COMMANDS)

    @pytest.mark.parametrize("width", [60, 80])
    def test_whole_sentences(self, trooper: Trooper, width: int) -> None:
        """The groups in their order, and each command with the whole of its sentence."""
        told = trooper("--help", COLUMNS=str(width), FORCE_COLOR="1", TERM="xterm").text
        assert "\x1b" not in told
        assert [line for line in told.split("\n") if re.fullmatch(r"\w+:", line)] == [
            "Options:",
            *(f"{g}:" for g in GROUPS),
        ]
        tree = tree_of(app_of())
        assert max(len(line) for line in told.split("\n") if line.strip() not in tree.examples) <= width
        flat = " ".join(told.split())
        for command in tree.commands:
            assert f" {command.path[-1]} {command.summary}" in flat
        assert "..." not in flat.replace("[ARGS]...", "")

    def test_on_a_terminal(self, trooper: Trooper) -> None:
        """The headings are bold where there are colours."""
        assert b"\x1b[1mSafety:\x1b[0m" in on_terminal(trooper, "--help", TERM="xterm")[1]
        assert b"\x1b" not in on_terminal(trooper, "--help", TERM="xterm", NO_COLOR="1")[1]


def test_rich_is_not_on_the_way_of_an_ask_or_of_a_pipe(trooper: Trooper) -> None:
    """Neither an ask nor a listing in a pipe imports it."""
    for line in ("ask -s ops hello", "show -s ops", "--help"):
        done = trooper(*line.split(), PYTHONPROFILEIMPORTTIME="1")
        assert done.code == 0
        loaded = {each.rsplit("|", 1)[-1].strip().partition(".")[0] for each in done.notices.splitlines()}
        assert not {"rich", "pygments", "markdown_it"} & loaded, line
