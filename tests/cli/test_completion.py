"""Completions in the real shells, and that what is made from the commands is current."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND
from tests.terminals import Terminal, terminal
from tools.generate import ROOT, generated
from trooper_cli.cli.completion.install import SHELLS
from trooper_cli.store.session import Session
from trooper_cli.turn import ImportedTurn, Label, Status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Trooper

# What is typed before Tab, and the line that stands there afterwards. The sessions are nightowl and n.2-b, the models
# those of `at_home` and Claude's.
LINES = [
    ("trooper sess", "trooper sessions"),
    ("trooper show -s nig", "trooper show -s nightowl"),
    ("trooper ask --local -s n.", "trooper ask --local -s n.2-b"),
    ("trooper show nig", "trooper show nightowl"),
    ("trooper forget n.", "trooper forget n.2-b"),
    ("trooper import nightowl serv", "trooper import nightowl server.log"),
    ("trooper again nig", "trooper again nightowl"),
    ("trooper again nightowl --her", "trooper again nightowl --here"),
    ("trooper ask --session nig", "trooper ask --session nightowl"),
    ("trooper ask --session=nig", "trooper ask --session=nightowl"),
    ("trooper ask -m llama3.2:l", "trooper ask -m llama3.2:latest"),
    ("trooper ask --model=llama3.2:l", "trooper ask --model=llama3.2:latest"),
    ("trooper ask -m claude-s", "trooper ask -m claude-sonnet-5-5"),
    ("trooper ask what is this --max", "trooper ask what is this --max-tokens"),
    ("trooper ask --on-leak wa", "trooper ask --on-leak warn"),
    ("trooper ask --cloud=oth", "trooper ask --cloud=other"),
    ("trooper again nightowl --cloud=anth", "trooper again nightowl --cloud=anthropic"),
    ("trooper ask -f serv", "trooper ask -f server.log"),
    ("trooper guard serv", "trooper guard server.log"),
    ("trooper hook unin", "trooper hook uninstall"),
    ("trooper hook install pre", "trooper hook install prepare-commit-msg"),
]


@pytest.fixture
def at_home(trooper: Trooper, tmp_path: Path) -> Path:
    """A folder with a file, and two sessions, one of them with a model's name that a shell would execute."""
    for name, model in (("nightowl", "llama3.2:latest"), ("n.2-b", "$(touch hacked)")):
        turn = ImportedTurn("2026-01-01T00:00:00Z", Label.PUBLIC, Status.ANSWERED, None, "why?", "so", "ollama", model)
        with closing(Session.open_or_create(trooper.home, name)) as session:
            session.add([turn])
    (tmp_path / "server.log").write_text("a line\n")
    cloud = 'name = "other"\nurl = "https://127.0.0.1:9/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\n'
    (trooper.home / "config.toml").write_text(f"[[clouds]]\n{cloud}")
    return tmp_path


def shell_of(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed here")
    return path


def environment(trooper: Trooper, folder: Path) -> dict[str, str]:
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    places = {"HOME": str(folder), "ZDOTDIR": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
    return trooper.environment(PATH=path, TERM="dumb", **places)


def completed(shell: Terminal, line: str) -> str:
    """Type a line, press Tab, and let the shell itself say what stands there then."""
    # The Tab comes first; ^A goes to the start of the line, where an echo is put before it. Its marks are quoted apart,
    # so that they are on the screen only once they are printed.
    shell.type(f"{line}\t\x01echo '<''[' \x05 ']''>'\n")
    shell.wait_for("<[ ")
    return shell.wait_for("]>").removesuffix("]>").rstrip()


class TestShells:
    """A person presses Tab."""

    @pytest.mark.parametrize("way", ["sourced", "installed"])
    def test_bash(self, trooper: Trooper, at_home: Path, way: str) -> None:
        """Bash completes commands, options, sessions, models with colons, choices and files."""
        bash = shell_of("bash")
        environ = environment(trooper, at_home)
        if way == "installed":
            assert trooper("--install-completion", **environ, SHELL=bash).code == 0
            start = ["--rcfile", str(at_home / ".bashrc")]
        else:
            start = ["--rcfile", str(ROOT / "completions" / "trooper.bash")]
        with terminal([bash, "--noprofile", *start, "-i"], environ, at_home) as shell:
            shell.type("PS1=; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'; echo rea''dy\n")
            shell.wait_for("ready\r\n")
            assert [completed(shell, line) for line, _ in LINES] == [whole for _, whole in LINES]
        assert not (at_home / "hacked").exists()

    @pytest.mark.parametrize("way", ["sourced", "installed"])
    def test_zsh(self, trooper: Trooper, at_home: Path, way: str) -> None:
        """Zsh completes the same."""
        zsh = shell_of("zsh")
        environ = environment(trooper, at_home)
        start = "unsetopt zle_bracketed_paste; PS1=; setopt no_beep no_prompt_cr no_prompt_sp; bindkey -e\n"
        if way == "installed":
            assert trooper("--install-completion", **environ, SHELL=zsh).code == 0
        else:
            start += f"autoload -Uz compinit && compinit -u\nsource {ROOT / 'completions' / 'trooper.zsh'}\n"
        with (at_home / ".zshrc").open("a") as file:
            file.write(f"{start}print rea''dy\n")
        with terminal([zsh, "-i"], environ, at_home) as shell:
            shell.wait_for("ready\r\n")
            assert [completed(shell, line) for line, _ in LINES] == [whole for _, whole in LINES]
        assert not (at_home / "hacked").exists()

    @pytest.mark.parametrize("way", ["sourced", "installed"])
    def test_fish(self, trooper: Trooper, at_home: Path, way: str) -> None:
        """Fish completes the same, as its own `complete -C` tells."""
        fish = shell_of("fish")
        environ = environment(trooper, at_home)
        script = ROOT / "completions" / "trooper.fish"
        if way == "installed":
            assert trooper("--install-completion", **environ, SHELL=fish).code == 0
            script = at_home / "config" / "fish" / "completions" / "trooper.fish"
        for line, whole in LINES:
            done = subprocess.run(
                [fish, "-c", f"source {script}; complete -C '{line}'"],
                env=environ,
                cwd=at_home,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            offered = [row.partition("\t")[0] for row in done.stdout.splitlines()]
            assert offered == [whole.split(" ")[-1]], line
        assert not (at_home / "hacked").exists()


class TestInstalling:
    """`trooper --install-completion`."""

    def test_twice_is_as_once(self, trooper: Trooper, at_home: Path) -> None:
        """What stood in the start-up file stays, and the line is added once."""
        (at_home / ".bashrc").write_text("alias ll='ls -l'")
        for _ in range(2):
            done = trooper("--install-completion", HOME=str(at_home), SHELL="/bin/bash")
            assert (done.code, done.out) == (0, b"")
            assert "trooper.sh" in done.notices
        assert (at_home / ".bashrc").read_text() == "alias ll='ls -l'\nsource ~/.bash_completions/trooper.sh\n"

    @pytest.mark.parametrize("shell", ["/bin/tcsh", None])
    def test_another_shell_is_told_what_there_is(self, trooper: Trooper, at_home: Path, shell: str | None) -> None:
        """For a shell without completions: exit 2, and what to say instead."""
        done = trooper("--install-completion", HOME=str(at_home), SHELL=shell)
        assert done.code == 2
        assert "SHELL=bash trooper --install-completion" in done.notices

    def test_it_installs_the_script_of_the_folder(self, trooper: Trooper, at_home: Path) -> None:
        """What is installed is what lies in completions/."""
        trooper("--install-completion", HOME=str(at_home), SHELL="/bin/zsh", ZDOTDIR=str(at_home))
        assert (at_home / ".zfunc/_trooper").read_text() == (ROOT / "completions/trooper.zsh").read_text()


class TestQuick:
    """A Tab asks no engine and loads next to nothing."""

    def test_no_engine_is_asked(self, trooper: Trooper, at_home: Path) -> None:
        """Sessions and models come from files: with no engine there at all they are the same."""
        del at_home
        nowhere = {"OLLAMA_HOST": "127.0.0.1:9", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
        assert trooper("--complete", "sessions", **nowhere).text.split() == ["n.2-b", "nightowl"]
        models = trooper("--complete", "models", **nowhere).text.split()
        assert "llama3.2:latest" in models
        assert "claude-sonnet-5-5" in models
        assert not any("$" in model for model in models)

    def test_the_commands_are_not_loaded(self, trooper: Trooper) -> None:
        """Neither typer nor httpx is imported for a Tab, nor the completions for an ask."""
        for arguments, strangers in (
            (("--complete", "models"), ("typer", "httpx", "trooper_cli.cli.app")),
            (("ask", "--dry-run", "-n", "hello"), ("trooper_cli.cli.completion",)),
        ):
            done = trooper(*arguments, PYTHONPROFILEIMPORTTIME="1")
            loaded = {line.rsplit("|", 1)[-1].strip() for line in done.notices.splitlines()}
            assert "trooper_cli" in loaded
            assert not loaded & set(strangers)


class TestCurrent:
    """Completions, reference and manual agree with the commands."""

    @pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
    def test_what_is_made_is_current(self, path: Path) -> None:
        """Each file is what `python -m tools.generate` would write."""
        assert path.read_text(encoding="utf-8") == generated()[path], "run `python -m tools.generate`"

    def test_there_is_a_script_for_each_shell(self) -> None:
        """The three shells, and nothing that is left over from before."""
        assert sorted(path.name for path in (ROOT / "completions").iterdir()) == sorted(f"trooper.{s}" for s in SHELLS)

    def test_the_manual_is_clean(self) -> None:
        """`man` formats the manual without a warning, and it names every command."""
        man = shutil.which("man")
        if man is None:
            pytest.skip("man is not installed here")
        page = ROOT / "docs" / "man" / "trooper.1"
        done = subprocess.run(
            [man, "--warnings", "-l", str(page)],
            env={"PATH": os.environ["PATH"], "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "trooper sessions [OPTIONS]" in done.stdout
