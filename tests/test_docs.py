"""The documentation: its commands run as printed, its links lead somewhere."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.standin import claude, ollama
from tests.workspace import lay_out, shell
from tools.generate import ROOT
from tools.recording import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(page: str, kind: str = "sh") -> list[str]:
    """Return the blocks of a page that are marked as shell commands."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


# The README's first two `sh` blocks, and those on installing, are run by the gate itself.
PRINTED = [("docs/howto.md", block) for block in blocks("docs/howto.md")]
PRINTED += [("docs/recipes.md", block) for block in blocks("docs/recipes.md")]
CONSOLE = blocks("README.md", "console")


@pytest.fixture
def desk(trooper: Trooper, tmp_path: Path) -> Path:
    lay_out(trooper, tmp_path / "desk")
    return tmp_path / "desk"


class TestCommands:
    """What is printed works."""

    @pytest.mark.parametrize(("page", "block"), PRINTED, ids=[f"{page} {block[:40]!r}" for page, block in PRINTED])
    def test_howtos_and_recipes(self, trooper: Trooper, desk: Path, page: str, block: str) -> None:
        """Each block of the how-tos and recipes runs by itself and ends well."""
        done = shell(trooper, desk, block)
        # The failing build keeps its exit code; everything else ends well.
        assert done.returncode == (2 if "make test" in block else 0), f"{page}: {done.stderr}"

    @pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block[:40])
    def test_the_readme(self, trooper: Trooper, desk: Path, serve: Callable[..., Standin], block: str) -> None:
        """Each command of the README's dialogues runs; the one that is shown to be refused is refused."""
        answer = "The incident began at 02:14 when db01 refused the password of the batch user, and ended at 03:02."
        trooper.environ["OLLAMA_HOST"] = serve(ollama(answer)).url
        for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
            refused = "status page" in command
            done = shell(trooper, desk, command)
            assert done.returncode == (77 if refused else 0), f"{command}: {done.stderr}"
            if refused:
                shown = re.search(r"^trooper: .*?,(?= it holds)", block, re.MULTILINE)
                assert shown
                assert shown[0] in done.stderr


class TestTutorial:
    """Someone follows the tutorial from its first line to its last."""

    def test_installing_is_what_the_readme_says(self) -> None:
        """The tutorial installs by the README's first command, which the gate runs as printed."""
        assert blocks("docs/tutorial.md")[0] == blocks("README.md")[0]

    def test_from_first_to_last(self, trooper: Trooper, tmp_path: Path, cloud: Standin, local: Standin) -> None:
        """All commands, in one shell; what was said to be private has not reached the cloud."""
        installing, *rest = blocks("docs/tutorial.md")
        ask = re.search(r"echo .*", installing)
        assert ask
        commands = "\n".join([ask[0], *rest])
        done = shell(trooper, tmp_path, commands, ANTHROPIC_API_KEY=None)
        assert done.returncode == 0, done.stderr
        assert "no ANTHROPIC_API_KEY" in done.stderr
        assert "private" in done.stdout
        assert "this would not be sent" in done.stdout
        asked = [body["messages"][-1]["content"] for body in cloud.bodies]
        assert asked == ["How do I find the leak?"]
        assert b"nightowl" in cloud.bytes
        assert b"nightowl-batch-7" not in cloud.bytes
        assert b"nightowl-batch-7" in local.bytes
        log = shell(trooper, tmp_path / "demo", "git log --format=%s")
        assert log.stdout == "a local answer\n"


class TestRecipes:
    """What the recipes promise beside running."""

    def block(self, words: str) -> str:
        (found,) = [block for block in blocks("docs/recipes.md") if words in block]
        return found

    def test_a_commit_message(self, trooper: Trooper, desk: Path, cloud: Standin) -> None:
        """The local answer is the message; without an engine there is no commit."""
        shell(trooper, desk, self.block("git commit -e"))
        assert shell(trooper, desk, "git log -1 --format=%s").stdout == "a local answer\n"
        assert cloud.connections == 0
        shell(trooper, desk, "git add notes.txt src")
        done = shell(
            trooper, desk, self.block("git commit -e"), OLLAMA_HOST="127.0.0.1:9", TROOPER_LOCAL_ENGINE="ollama"
        )
        assert done.returncode == 1
        assert shell(trooper, desk, "git log -1 --format=%s").stdout == "a local answer\n"

    def test_a_review_posts_what_claude_says(self, trooper: Trooper, desk: Path, cloud: Standin) -> None:
        """The diff is sent, and the answer is what is posted."""
        assert shell(trooper, desk, self.block("gh pr comment")).returncode == 0
        assert "+one line" in cloud.bodies[0]["messages"][0]["content"]
        assert (desk / "commented").read_text() == "a cloud answer\n"

    def test_a_review_with_a_credential_is_not_sent(self, trooper: Trooper, desk: Path, cloud: Standin) -> None:
        """A key in the diff ends it with exit 77 before anything is sent or posted."""
        (desk / "key.env").write_text("TOKEN=ghp_" + "k3J9xQ2mZ7vB4nR8tY1wP6sD5fG0hL2cV9aE\n")
        shell(trooper, desk, "git add key.env; git commit -q -m Key")
        assert shell(trooper, desk, self.block("gh pr comment")).returncode == 77
        assert cloud.connections == 0
        assert not (desk / "commented").exists()

    def test_a_failing_log_is_explained_here(
        self, trooper: Trooper, desk: Path, cloud: Standin, local: Standin
    ) -> None:
        """The log goes to this machine's model, the answer to standard error."""
        done = shell(trooper, desk, self.block("make test"))
        assert (done.returncode, done.stdout, done.stderr) == (2, "", "a local answer\n")
        assert "the pool is drained" in local.bodies[0]["messages"][-1]["content"]
        assert cloud.connections == 0

    def test_the_nightly_report_keeps_the_logs_here(
        self, trooper: Trooper, desk: Path, serve: Callable[..., Standin]
    ) -> None:
        """Claude is asked once, for headings; the report is written here, from both."""
        cloud, local = serve(claude("HEADINGS")), serve(ollama("one error, seen once, in the pool"))
        trooper.environ |= {"ANTHROPIC_BASE_URL": cloud.url, "OLLAMA_HOST": local.url}
        (desk / "server.log").write_text("db01 rejected nightowl-batch-7\n")
        assert shell(trooper, desk, self.block("nightly")).returncode == 0
        assert len(cloud.bodies) == 1
        assert b"db01" not in cloud.bytes
        told = json.dumps(local.bodies[-1])
        assert "HEADINGS" in told
        assert "one error, seen once" in told
        assert (desk / "report.md").read_text() == "one error, seen once, in the pool\n"

    def test_many_files_each_have_their_answer(self, trooper: Trooper, desk: Path, local: Standin) -> None:
        """Names with spaces too, and no file is asked about twice."""
        shell(trooper, desk, self.block("xargs"))
        assert sorted(path.name for path in (desk / "src").glob("*.txt")) == ["a file.py.txt", "pool.py.txt"]
        assert len(local.bodies) == 2

    def test_a_batch_answers_each_line_and_is_completed(self, trooper: Trooper, desk: Path, local: Standin) -> None:
        """Each line of the log is asked once, and with --resume those alone that came later."""
        (desk / "server.log").write_text("one\ntwo\n")
        assert shell(trooper, desk, self.block("--jobs 4")).stdout == "line 1\ta local answer\nline 2\ta local answer\n"
        (desk / "server.log").write_text("one\ntwo\nthree\n")
        assert shell(trooper, desk, self.block("--resume")).returncode == 0
        answers = [json.loads(line) for line in (desk / "answers.jsonl").read_text().splitlines()]
        assert [answer["id"] for answer in answers] == ["line 1", "line 2", "line 3"]
        assert len(local.bodies) == 3

    def test_a_loop_keeps_its_lines(self, trooper: Trooper, desk: Path, local: Standin) -> None:
        """Each line is asked, by either loop."""
        (desk / "server.log").write_text("one\ntwo\n")
        assert shell(trooper, desk, self.block("while read")).returncode == 0
        asked = [body["messages"][-1]["content"].rpartition(" ")[2] for body in local.bodies]
        assert asked == ["one", "two"] * 2


class TestLinks:
    """Links lead somewhere."""

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
    def test_relative_links_and_anchors(self, page: Path) -> None:
        """The file is there, and so is the heading."""
        text = without_code(page)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{page.name}: {link}"

    def test_every_page_is_in_the_index(self) -> None:
        """Each page of docs/ can be reached from docs/README.md."""
        index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
        for page in (ROOT / "docs").glob("*.md"):
            assert page.name == "README.md" or f"({page.name})" in index, page.name

    @pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
    def test_pictures_are_whole(self, picture: Path) -> None:
        """Each picture is well-formed, has a title for those who cannot see it, and loads nothing."""
        root = ET.parse(picture).getroot()
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        text = picture.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http" not in text

    def test_the_recording_is_of_its_commands(self) -> None:
        """The recorded terminal shows the commands that `python -m tools.recording` runs, each with an outcome."""
        root = ET.parse(ROOT / "docs" / "recording.svg").getroot()
        rows = [(row.get("class"), row.text or "") for row in root.iter("{http://www.w3.org/2000/svg}text")]
        assert [text for kind, text in rows if kind == "command"] == [f"$ {command}" for command in COMMANDS]
        assert ("answer", "The capital of France is Paris.") in rows
        assert any(kind == "notice" and "was not sent to the cloud" in text for kind, text in rows)


def without_code(page: Path) -> str:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
