"""`trooper hook`: real repositories, real commits, a model on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND, Trooper
from tests.standin import http, lines, ollama
from trooper_cli.cli.git_hook import script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.standin import Recorded, Standin

HOOK = "prepare-commit-msg"


@dataclass
class Repository:
    """A repository with one commit and a change that is staged."""

    folder: Path
    trooper: Trooper

    def git(self, *arguments: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
        """Run git as its user would; the editor keeps what it is given."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self.environment(**environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def environment(self, **environ: str | None) -> dict[str, str]:
        person = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in PERSON.items()}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_EDITOR": "true"}
        path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
        return self.trooper.environment(**(person | quiet | {"PATH": path, "HOME": str(self.folder)} | environ))

    def hook(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "hook", *arguments, HOOK],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def change(self, name: str = "pool.py", text: str = "drain = False\n") -> None:
        (self.folder / name).write_text(text)
        self.git("add", name)

    @property
    def message(self) -> str:
        return self.git("log", "-1", "--format=%B").stdout.strip()

    @property
    def place(self) -> Path:
        return self.folder / ".git" / "hooks" / HOOK


PERSON = {"NAME": "A Person", "EMAIL": "person@example.org"}


def is_running(group: int) -> bool:
    """Return whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def repository(trooper: Trooper, tmp_path: Path) -> Repository:
    """A repository in a folder whose name a shell would cut apart, with the hook installed."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed here")
    folder = tmp_path / "a 'quoted' place"
    folder.mkdir()
    made = Repository(folder, trooper)
    made.git("init", "-q", "-b", "main")
    made.change("README", "a readme\n")
    made.git("commit", "-q", "-m", "Begin")
    made.change()
    assert made.hook("install").returncode == 0
    return made


class TestProposal:
    """`git commit` opens its editor with a message that a model on this machine has written."""

    def test_a_plain_commit_gets_the_answer(self, repository: Repository, cloud: Standin, local: Standin) -> None:
        """The staged diff is asked locally, and the answer is the message; the cloud hears nothing."""
        done = repository.git("commit", "-q")
        assert (done.returncode, done.stderr) == (
            0,
            "trooper: ollama (llama3.2:latest) on this machine is asked for a commit message, for 20 seconds at most\n",
        )
        assert repository.message == "a local answer"
        asked = local.bodies[0]["messages"][-1]["content"]
        assert "+drain = False" in asked
        assert "a git commit" in asked
        assert "for: Add pool.py" in asked
        assert local.bodies[0]["options"]["num_predict"] <= 150
        assert cloud.connections == 0

    def test_what_was_asked_is_remembered_as_private(self, repository: Repository, cloud: Standin) -> None:
        """The change is a private prompt like any other: the guard refuses it on its way to the cloud."""
        secret = "the drained pool of nightowl is reopened by the batch user at two past two every night\n"
        repository.change(text=secret)
        repository.git("commit", "-q")
        assert repository.message == "a local answer"
        done = repository.trooper("ask", "--cloud", f"Explain: {secret}")
        assert done.code == 77
        assert cloud.connections == 0

    @pytest.mark.parametrize("name", ["TROOPER_LOCAL", "TROOPER_CLOUD", "TROOPER_CLOUDS", "TROOPER_HOOK_SECONDS"])
    def test_a_lock_that_cannot_be_read_asks_nobody(
        self, repository: Repository, cloud: Standin, local: Standin, name: str
    ) -> None:
        """A value that is none, or a variable that there is not: the notice says so and the commit goes on."""
        keep = 'cp "$1" seen; echo Mine >"$1"'
        done = repository.git("commit", "-q", GIT_EDITOR=f"sh -c '{keep}' --", **{name: "maybe"})
        assert done.returncode == 0
        assert done.stderr.startswith("trooper: no commit message is proposed: ")
        assert name in done.stderr
        assert repository.message == "Mine"
        assert local.bodies == []
        assert cloud.connections == 0

    def test_what_the_guard_cannot_remember_is_no_message(self, repository: Repository) -> None:
        """Where the guard's index cannot be written, a private answer goes into no pipe, and so into no message."""
        repository.trooper.home.parent.mkdir(exist_ok=True)
        repository.trooper.home.write_text("a file where the folder belongs")
        keep = 'cp "$1" seen; echo Mine >"$1"'
        done = repository.git("commit", "-q", GIT_EDITOR=f"sh -c '{keep}' --")
        assert done.returncode == 0
        assert "no commit message is proposed: " in done.stderr
        assert "a local answer" not in (repository.folder / "seen").read_text()

    @pytest.mark.parametrize(
        "why",
        [
            {"OLLAMA_HOST": "http://127.0.0.1:9", "TROOPER_LOCAL_ENGINE": "ollama"},
            {"TROOPER_LOCAL_ENGINE": "olama"},
            {"TROOPER_HOOK_SECONDS": "soon"},
            {"TROOPER_HOOK_SECONDS": "0.01"},
            {"TROOPER_LOCALE": "1"},
        ],
        ids=str,
    )
    def test_what_could_not_be_asked_is_remembered_too(
        self, repository: Repository, cloud: Standin, local: Standin, why: dict[str, str]
    ) -> None:
        """Whatever ends the hook early, the staged change was to stay here, and is kept here afterwards."""
        repository.change(text="the drained pool of nightowl is reopened by the batch user at two past two at night\n")
        assert repository.git("commit", "-q", **why).stderr.startswith("trooper: no commit message is proposed: ")
        diff = repository.git("diff", "--cached").stdout
        assert "nightowl" in diff
        done = repository.trooper("ask", "Write a commit message", stdin=diff)
        assert (done.code, cloud.connections, local.bodies) == (77, 0, [])

    def test_only_models_that_run_elsewhere(
        self, repository: Repository, cloud: Standin, serve: Callable[..., Standin]
    ) -> None:
        """Of an Ollama with remote models alone none is asked, and the change is remembered."""
        repository.change(text="the drained pool of nightowl is reopened by the batch user at two past two at night\n")
        elsewhere = serve(ollama(models=["big:cloud"], remote=["big:cloud"]))
        told = repository.git("commit", "-q", OLLAMA_HOST=elsewhere.url, TROOPER_LOCAL_ENGINE="ollama").stderr
        assert "no commit message is proposed: " in told
        diff = repository.git("diff", "--cached").stdout
        assert (repository.trooper("ask", stdin=diff).code, cloud.connections) == (77, 0)

    def test_a_file_whose_name_is_not_utf_8(self, repository: Repository, cloud: Standin, local: Standin) -> None:
        """Git takes any bytes for a name; the message is proposed, and the change remembered."""
        place = os.fsencode(repository.folder) + b"/\xff.txt"
        try:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
        except OSError:
            pytest.skip("names of files are UTF-8 here")
        repository.change(text="the drained pool of nightowl is reopened by the batch user at two past two at night\n")
        repository.git("add", "-A")
        diff = repository.git("diff", "--cached").stdout
        done = repository.git("commit", "-q")
        assert (repository.message, done.stderr.count("\n")) == ("a local answer", 1)
        assert "\ufffd.txt" in local.bodies[0]["messages"][-1]["content"]
        assert (repository.trooper("ask", stdin=diff).code, cloud.connections) == (77, 0)

    def test_the_persons_settings_do_not_send_it_away(self, repository: Repository, cloud: Standin) -> None:
        """With TROOPER_LOCAL=0 and a session set, it is asked on this machine all the same, in no session."""
        repository.git("commit", "-q", TROOPER_LOCAL="0", TROOPER_SESSION="ops")
        assert repository.message == "a local answer"
        assert cloud.connections == 0
        assert repository.trooper("sessions").out == b""

    def test_the_comments_stay_for_the_editor(self, repository: Repository) -> None:
        """What git says in comments, and the diff of `commit -v`, stand below the proposal."""
        keep = 'cp "$1" seen; :'
        repository.git("commit", "-q", "-v", GIT_EDITOR=f"sh -c '{keep}' --")
        seen = (repository.folder / "seen").read_text()
        assert seen.startswith("a local answer\n")
        assert "# Changes to be committed:" in seen
        assert ">8" in seen
        assert "+drain = False" in seen

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (("-m", "Mine"), "a message is given"),
            (("--amend",), "the old message stands"),
            (("--amend", "-m", "Mine"), "a message is given"),
            (("-C", "HEAD"), "another commit's message is taken"),
            (("-t", "README"), "the template is the person's own"),
            (("-t", "form"), "also if it only asks something in comments"),
            (("--fixup", "HEAD"), "git writes it"),
            (("--no-verify",), "no hooks are wanted"),
            (("-n",), "no hooks are wanted"),
            (("-qn",), "no hooks are wanted"),
            (("--no-edit",), "nobody would read it"),
        ],
    )
    def test_it_keeps_out(self, repository: Repository, local: Standin, options: tuple[str, ...], reason: str) -> None:
        """Where there is a message, or no hook is wanted, or no editor opens, nothing is asked."""
        (repository.folder / "form").write_text("# Why is this needed?\n")
        repository.git("commit", "-q", *options)
        assert local.bodies == [], reason
        assert "a local answer" not in repository.message

    def test_no_verify_where_there_is_no_proc(self, repository: Repository, local: Standin) -> None:
        """On systems without /proc the process table tells of --no-verify."""
        if shutil.which("ps") is None:
            pytest.skip("ps is not installed here")
        (repository.folder / "python").mkdir()
        (repository.folder / "python" / "sitecustomize.py").write_text(
            "import pathlib\nread = pathlib.Path.read_bytes\n"
            "def none(path):\n"
            "    if str(path).startswith('/proc/'):\n        raise FileNotFoundError(path)\n"
            "    return read(path)\n"
            "pathlib.Path.read_bytes = none\n"
        )
        paths = os.pathsep.join([str(repository.folder / "python"), *filter(None, [os.environ.get("PYTHONPATH")])])
        repository.git("commit", "-q", "--no-verify", PYTHONPATH=paths)
        assert local.bodies == []
        repository.git("commit", "-q", PYTHONPATH=paths)
        assert repository.message == "a local answer"

    def test_merges_and_squashes_keep_their_message(self, repository: Repository, local: Standin) -> None:
        """A merge, a merge after a conflict, and a squash have git's message."""
        repository.git("commit", "-q", "-m", "Ours")
        repository.git("checkout", "-q", "-b", "side", "HEAD~")
        repository.change(text="drain = True\n")
        repository.git("commit", "-q", "-m", "Theirs")
        assert repository.git("merge", "main").returncode == 1
        repository.change(text="drain = None\n")
        assert repository.git("commit", "-q").returncode == 0
        assert repository.message.startswith("Merge branch 'main'")
        repository.git("checkout", "-q", "-b", "other", "main~")
        repository.change("other.py", "x = 1\n")
        repository.git("commit", "-q", "-m", "Other")
        repository.git("merge", "-q", "--squash", "main")
        repository.git("commit", "-q")
        assert "Squashed commit" in repository.message
        repository.git("merge", "--no-ff", "side")
        assert local.bodies == []

    def test_nothing_to_tell_is_not_asked(self, repository: Repository, local: Standin) -> None:
        """An empty commit has no diff to ask about; git then wants a message, as ever."""
        repository.git("commit", "-q", "-m", "Mine")
        assert repository.git("commit", "-q", "--allow-empty").returncode == 1
        assert local.bodies == []

    def test_a_long_diff_is_cut_at_a_line(self, repository: Repository, local: Standin) -> None:
        """A small model gets whole lines of a long diff, and every character of them."""
        repository.change("long.txt", "größe und länge\n" * 5000)
        repository.git("commit", "-q")
        assert repository.message == "a local answer"
        asked = local.bodies[0]["messages"][-1]["content"]
        assert 5_000 < len(asked) < 7_000
        assert asked.endswith("+größe und länge")

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ("Here is a commit message:\n\n```text\nFix the pool\n```\nIt fixes it.", "Fix the pool"),
            ("This one fits the change:\n\n~~~\nFix the pool\n~~~\n", "Fix the pool"),
            ("This one fits the change\n", "This one fits the change"),
            ('"Fix the pool."', "Fix the pool"),
            ("Commit message: `Fix the pool`", "Fix the pool"),
            ("**Fix the pool**\n\nIt was drained.", "Fix the pool"),
            ("# Change pool.py:\n# Change pool.py:\n#\n", "Change pool.py"),
            ("- feat(pool): drain it at night", "feat(pool): drain it at night"),
            ("Remove old.py: Remove old.py\n-a", "Remove old.py"),
            ("+drain = False\n-drain = True\nClose the pool", "Close the pool"),
            ("Pool: a new, new, new, new, new, new pool\nClose the pool", "Close the pool"),
            ("Pools\nClose the pool", "Close the pool"),
            (
                "Drain the pool because it was drained at night by a batch job of the nightowl service",
                "Drain the pool because it was drained at night by a batch job of the",
            ),
            ("Your code is already a great example of how to use the 'typer.options'", "Add pool.py"),
            ("The code snippet you provided is a simple implementation of a function", "Add pool.py"),
            ("I would drain it\nThis commit drains the pool\nDrain the pool", "Drain the pool"),
            ("修复空列表崩溃", "修复空列表崩溃"),
        ],
    )
    def test_the_first_line_that_can_be_a_message(
        self, repository: Repository, serve: Callable[..., Standin], answer: str, message: str
    ) -> None:
        """Of a talkative answer the headline is taken: without fence, quotes and labels, cut at a word."""
        repository.git("commit", "-q", OLLAMA_HOST=serve(ollama(answer)).url)
        assert repository.message == message


class TestNeverInTheWay:
    """Whatever happens to the model, the commit is the person's."""

    def commits(self, repository: Repository, **environ: str | None) -> str:
        """Commit with an editor that writes what the person would; give what the editor was shown."""
        write = 'cp "$1" seen; echo Mine >"$1"'
        done = repository.git("commit", "-q", GIT_EDITOR=f"sh -c '{write}' --", **environ)
        assert done.returncode == 0, done.stderr
        assert repository.message == "Mine"
        assert not list((repository.folder / ".git").glob("*.trooper.*"))
        return (repository.folder / "seen").read_text()

    def test_no_engine(self, repository: Repository) -> None:
        """Without an engine the message is git's own, and the next step is told beside it."""
        seen = self.commits(repository, OLLAMA_HOST="127.0.0.1:9", TROOPER_LOCAL_ENGINE="ollama")
        assert all(not line or line.startswith("#") for line in seen.splitlines())
        repository.change(text="again\n")
        told = repository.git("commit", "-q", OLLAMA_HOST="127.0.0.1:9", TROOPER_LOCAL_ENGINE="ollama")
        assert told.stderr.startswith("trooper: no commit message is proposed: no local engine")
        assert told.stderr.splitlines()[0].count("ollama serve") == 1

    @pytest.mark.parametrize("text", ["", "   \n", "#", "```\n```", "Sure, here it is:", "a\nb\n"])
    def test_an_answer_that_is_none(self, repository: Repository, serve: Callable[..., Standin], text: str) -> None:
        """An answer that holds no headline changes nothing, and a notice says why."""
        seen = self.commits(repository, OLLAMA_HOST=serve(ollama(text)).url)
        assert all(not line or line.startswith("#") for line in seen.splitlines())
        repository.change(text="again\n")
        told = repository.git("commit", "-q", OLLAMA_HOST=serve(ollama(text)).url).stderr.splitlines()
        assert any(line.startswith("trooper: no commit message is proposed: ") for line in told)

    @pytest.mark.parametrize("kind", ["error", "broken"])
    def test_errors_are_no_message(self, repository: Repository, serve: Callable[..., Standin], kind: str) -> None:
        """An engine's error, and an answer that breaks off, are not written into the message."""

        def chat(request: Recorded) -> Iterator[bytes]:
            if kind == "error":
                yield from http(500, '{"error": "the model fell over"}')
            else:
                yield from list(lines("a half of a message", stream=request.json["stream"]))[:-1]

        engine = serve(ollama(chat=chat))
        seen = self.commits(repository, OLLAMA_HOST=engine.url)
        assert engine.bodies
        assert all(not line or line.startswith("#") for line in seen.splitlines())

    def test_what_a_failing_command_prints_is_no_message(self, repository: Repository) -> None:
        """Whatever a trooper that fails may print on standard output, it is not the message."""
        failing = repository.folder / "failing"
        failing.write_text("#!/bin/sh\necho 'something went wrong'\nexit 1\n")
        failing.chmod(0o755)
        repository.place.write_text(repository.place.read_text().replace(str(COMMAND), "./failing"))
        seen = self.commits(repository)
        assert all(not line or line.startswith("#") for line in seen.splitlines())

    @pytest.mark.parametrize("stage", ["/api/version", "/api/chat"])
    def test_a_slow_model_is_not_waited_for(
        self, repository: Repository, serve: Callable[..., Standin], stage: str
    ) -> None:
        """After its time the hook goes on without a message, says so, and leaves nothing running."""
        healthy = ollama()

        def slow(request: Recorded) -> Iterator[bytes]:
            if request.path == stage:
                time.sleep(30)
            yield from healthy(request)

        began = time.monotonic()
        engine = serve(slow)
        seen = self.commits(repository, OLLAMA_HOST=engine.url, TROOPER_HOOK_SECONDS="2")
        assert time.monotonic() - began < 15
        assert all(not line or line.startswith("#") for line in seen.splitlines())
        repository.change(text="again\n")
        told = repository.git("commit", "-q", OLLAMA_HOST=engine.url, TROOPER_HOOK_SECONDS="2").stderr
        assert "within 2 seconds" in told

    @pytest.mark.parametrize("is_ignored", [False, True])
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
    def test_what_ends_the_commit_ends_the_model(
        self, repository: Repository, serve: Callable[..., Standin], number: signal.Signals, *, is_ignored: bool
    ) -> None:
        """Ctrl-C and a terminal that is closed leave nothing running, also where git began with them ignored."""
        asked, over, healthy = threading.Event(), threading.Event(), ollama()

        def slow(request: Recorded) -> Iterator[bytes]:
            if request.path == "/api/chat":
                asked.set()
                over.wait(20)
            yield from healthy(request)

        environ = repository.environment(OLLAMA_HOST=serve(slow).url)
        ignore = f"trap '' {number.name.removeprefix('SIG')}; " if is_ignored else ""
        commit = subprocess.Popen(
            ["sh", "-c", f"{ignore}exec git commit -q"],
            cwd=repository.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert asked.wait(20)
            os.killpg(commit.pid, number)
            commit.wait(10)
            ends = time.monotonic() + 5
            while is_running(commit.pid) and time.monotonic() < ends:
                time.sleep(0.02)
            assert not is_running(commit.pid)
        finally:
            over.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(commit.pid, signal.SIGKILL)
        assert repository.git("log", "--format=%s").stdout == "Begin\n"

    def test_what_has_arrived_in_time_is_used(self, repository: Repository, serve: Callable[..., Standin]) -> None:
        """At the deadline the line that has begun is the message, without its last word, which may be cut."""

        def chat(request: Recorded) -> Iterator[bytes]:
            yield from list(lines("Close the pool at ni", stream=request.json["stream"]))[:-1]
            time.sleep(30)

        done = repository.git("commit", "-q", OLLAMA_HOST=serve(ollama(chat=chat)).url, TROOPER_HOOK_SECONDS="4")
        assert repository.message == "Close the pool at"
        assert "the 4 seconds are over" in done.stderr

    def test_a_model_that_repeats_itself_is_stopped(
        self, repository: Repository, serve: Callable[..., Standin]
    ) -> None:
        """The first line that can be the message is enough; the rest is not waited for."""

        def chat(request: Recorded) -> Iterator[bytes]:
            yield from list(lines("Close the pool\nClose the pool\n", stream=request.json["stream"]))[:-1]
            time.sleep(30)

        began = time.monotonic()
        done = repository.git("commit", "-q", OLLAMA_HOST=serve(ollama(chat=chat)).url)
        assert time.monotonic() - began < 15
        assert repository.message == "Close the pool"
        assert "over" not in done.stderr

    def test_trooper_is_gone(self, repository: Repository) -> None:
        """With trooper deinstalled, commits go on."""
        text = repository.place.read_text().replace(str(COMMAND), "/nowhere/trooper")
        repository.place.write_text(text)
        git_alone = repository.folder / "bin"
        git_alone.mkdir()
        for program in ("git", "sh", "sed", "tr", "awk", "cat", "rm", "mv", "cp", "dirname", "sleep", "true"):
            (git_alone / program).symlink_to(shutil.which(program) or program)
        self.commits(repository, PATH=str(git_alone))

    def test_what_could_steer_a_terminal_is_taken_out(
        self, repository: Repository, serve: Callable[..., Standin]
    ) -> None:
        """Fences, escapes and carriage returns of a model do not get into the message; letters do."""
        answer = "```text\nGr\u00f6\u00dfe \x1b[2J\x1b]0;title\x07pr\u00fcfen\r\n```"
        repository.git("commit", "-q", OLLAMA_HOST=serve(ollama(answer)).url)
        assert repository.message == "Größe [2J]0;titleprüfen"

    def test_nothing_of_the_repository_is_run(self, repository: Repository, local: Standin) -> None:
        """A module of the repository with the name of one of ours, or of Python's, is no part of the hook."""
        for name in ("json.py", "trooper_cli.py", "queue.py"):
            (repository.folder / name).write_text("import pathlib\npathlib.Path('run').touch()\nraise SystemExit(1)\n")
        repository.git("commit", "-q")
        assert repository.message == "a local answer"
        assert not (repository.folder / "run").exists()
        assert local.bodies


class TestPlace:
    """The hook stands where git looks, and nothing of the user's is lost."""

    def test_core_hooks_path(self, repository: Repository) -> None:
        """`core.hooksPath` is respected, relative and absolute."""
        repository.hook("uninstall")
        for path in (".githooks", str(repository.folder / "elsewhere" / "hooks")):
            repository.git("config", "core.hooksPath", path)
            assert repository.hook("install").returncode == 0
            assert (repository.folder / path / HOOK).exists()
            repository.change(text=f"{path}\n")
            repository.git("commit", "-q")
            assert repository.message == "a local answer"
        assert not repository.place.exists()

    def test_a_worktree_and_a_folder_below(self, repository: Repository) -> None:
        """From a worktree, and from below the top, the repository's own hook is meant, and it works in both."""
        repository.hook("uninstall")
        repository.git("commit", "-q", "-m", "Mine")
        tree = repository.folder.parent / "tree"
        repository.git("worktree", "add", "-q", str(tree))
        (tree / "below").mkdir()
        inside = Repository(tree / "below", repository.trooper)
        assert inside.hook("install").returncode == 0
        assert repository.place.exists()
        inside.change(text="in the worktree\n")
        inside.git("commit", "-q")
        assert inside.message == "a local answer"

    @pytest.mark.parametrize("is_link", [False, True])
    def test_another_hook_is_left_as_it_is(self, repository: Repository, *, is_link: bool) -> None:
        """A hook that is there is neither written over nor removed, and the error says how to have both."""
        repository.hook("uninstall")
        theirs = repository.folder / "theirs" if is_link else repository.place
        theirs.write_text("#!/bin/sh\nexit 0\n")
        if is_link:
            repository.place.symlink_to(theirs)
        for verb in ("install", "uninstall"):
            done = repository.hook(verb)
            assert done.returncode == 2
            assert done.stderr.count("\n") == 1
            assert "left as it is" in done.stderr
        assert theirs.read_text() == "#!/bin/sh\nexit 0\n"
        assert repository.place.is_symlink() == is_link

    @pytest.mark.parametrize(
        ("path", "text", "line"),
        [
            (".husky/_", None, 'to .husky/prepare-commit-msg: trooper hook run prepare-commit-msg "$@"'),
            (".git/hooks", 'call_lefthook run "prepare-commit-msg" "$@"', "trooper hook run prepare-commit-msg {0}"),
            (".git/hooks", "# File generated by pre-commit: https://pre-commit.com", "- {repo: local, hooks: [{id: "),
            ("mine", "exit 0", 'add this line to it: trooper hook run prepare-commit-msg "$@"'),
        ],
    )
    def test_a_tool_that_keeps_the_hooks(self, repository: Repository, path: str, text: str | None, line: str) -> None:
        """Where husky, lefthook or pre-commit keep the hooks, nothing is written, and the line to add is named."""
        repository.hook("uninstall")
        folder = repository.folder / path
        folder.mkdir(parents=True, exist_ok=True)
        repository.git("config", "core.hooksPath", path)
        if text is not None:
            (folder / HOOK).write_text(f"#!/bin/sh\n{text}\n")
        before = {each.name: each.read_bytes() for each in folder.iterdir()}
        done = repository.hook("install")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert line in done.stderr
        assert {each.name: each.read_bytes() for each in folder.iterdir()} == before

    def test_the_line_for_husky(self, repository: Repository, local: Standin) -> None:
        """The line works in a hook of another's: with git's arguments, also through a shell between."""
        repository.place.write_text('#!/bin/sh\nsh -e .husky "$@"\n')
        (repository.folder / ".husky").write_text('trooper hook run prepare-commit-msg "$@"\n')
        repository.git("commit", "-q")
        assert repository.message == "a local answer"
        repository.change(text="again\n")
        for options in (("-m", "Mine"), ("--amend",), ("--no-verify", "-m", "Mine")):
            repository.git("commit", "-q", *options)
            assert "a local answer" not in repository.message or options == ("--amend",)
        repository.change(text="once more\n")
        repository.git("commit", "-q", "--no-verify")
        assert len(local.bodies) == 1

    def test_the_line_for_pre_commit(self, repository: Repository, local: Standin) -> None:
        """pre-commit hands on the file alone, and where the message comes from by a variable."""
        repository.place.write_text(
            '#!/bin/sh\nexport PRE_COMMIT_COMMIT_MSG_SOURCE="$2"\ntrooper hook run prepare-commit-msg "$1"\n'
        )
        repository.git("commit", "-q", "-m", "Mine")
        assert local.bodies == []
        repository.change(text="again\n")
        repository.git("commit", "-q")
        assert repository.message == "a local answer"

    def test_two_hooks_in_a_row(self, repository: Repository, local: Standin) -> None:
        """A hook that was renamed as the error says runs first, may refuse, and gets its name back."""
        repository.hook("uninstall")
        earlier = repository.place.with_name(f"{HOOK}.earlier")
        earlier.write_text('#!/bin/sh\n[ ! -e refuse ] || exit 1\n[ ! -e write ] || echo "By a hook" >"$1"\n')
        earlier.chmod(0o755)
        repository.hook("install")
        (repository.folder / "refuse").touch()
        assert repository.git("commit", "-q").returncode == 1
        (repository.folder / "refuse").rename(repository.folder / "write")
        repository.git("commit", "-q")
        assert repository.message == "By a hook"
        assert local.bodies == []
        (repository.folder / "write").unlink()
        repository.change(text="again\n")
        repository.git("commit", "-q")
        assert repository.message == "a local answer"
        assert repository.hook("uninstall").returncode == 0
        assert repository.place.read_text().startswith("#!/bin/sh\n[ ! -e refuse ]")
        assert not earlier.exists()

    def test_twice_and_back(self, repository: Repository) -> None:
        """Installing twice is as once; uninstalling removes it, and a second time says that there is none."""
        assert repository.hook("install").returncode == 0
        assert repository.hook("uninstall").returncode == 0
        assert not repository.place.exists()
        assert repository.hook("uninstall").returncode == 66

    def test_outside_a_repository(self, trooper: Trooper, tmp_path: Path) -> None:
        """Where there is no repository: exit 66 and the next step."""
        outside = Repository(tmp_path, trooper)
        done = outside.hook("install")
        assert done.returncode == 66
        assert "git init" in done.stderr


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh", "busybox"])
def test_every_shell_reads_it(shell: str) -> None:
    """The hook is plain enough for every shell that may be /bin/sh."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed here")
    command = [path, "sh"] if shell == "busybox" else [path]
    done = subprocess.run([*command, "-n"], input=script(), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("is_busy", [False, True])
def test_the_real_small_model_has_a_message(repository: Repository, model_file: Path, *, is_busy: bool) -> None:
    """The tutorial's commit gets a message from the default model, also while other programs keep every core busy."""
    repository.git("commit", "-q", "-m", "Mine")
    repository.change("hello.py", "print('hello')\n")
    burning = "while True: pass"
    cores = range(os.cpu_count() or 1) if is_busy else ()
    others = [subprocess.Popen([sys.executable, "-c", burning]) for _ in cores]
    try:
        done = repository.git("commit", "-q", TROOPER_LOCAL_ENGINE="embedded", TROOPER_EMBEDDED_MODEL=str(model_file))
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert done.returncode == 0, done.stderr
    assert repository.message == "Add hello.py"
