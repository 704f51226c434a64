"""`trooper --install-completion`: the script of the user's shell, put where that shell looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer

SHELLS = ("bash", "zsh", "fish")


def install(environ: Mapping[str, str], app: typer.Typer) -> tuple[str, Path]:
    """Write the script for the shell that `SHELL` names; return the shell and the script's path.

    bash and zsh also get lines in `~/.bashrc` or `~/.zshrc`, once; all else there stays as it is.

    Raises:
        UsageError: the shell is none of the three.
        StorageError: a file cannot be written.

    """
    from trooper_cli.cli.completion.scripts import script
    from trooper_cli.cli.completion.tree import tree_of

    shell = Path(environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise UsageError(
            f"completions are for {', '.join(SHELLS)}, and SHELL names none of them; "
            "say `SHELL=bash trooper --install-completion`"
        )
    path, start_file, lines = _place(shell, environ)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script(shell, tree_of(app)), encoding="utf-8")
        if start_file is not None:
            _add(start_file, lines)
    except OSError as error:
        raise StorageError(f"cannot write {error.filename}: {error.strerror}") from error
    return shell, path


def _place(shell: str, environ: Mapping[str, str]) -> tuple[Path, Path | None, str]:
    home = Path.home()
    if shell == "fish":
        folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        return folder / "fish" / "completions" / "trooper.fish", None, ""
    if shell == "zsh":
        start = Path(environ.get("ZDOTDIR") or home) / ".zshrc"
        return home / ".zfunc" / "_trooper", start, "fpath+=(~/.zfunc)\nautoload -Uz compinit && compinit\n"
    return (
        home / ".bash_completions" / "trooper.sh",
        home / ".bashrc",
        "source ~/.bash_completions/trooper.sh\n",
    )


def _add(file: Path, lines: str) -> None:
    """Append lines to a start-up file unless they stand there."""
    text = file.read_bytes() if file.exists() else b""
    if lines.encode() in text:
        return
    gap = b"" if not text or text.endswith(b"\n") else b"\n"
    with file.open("ab") as opened:
        opened.write(gap + lines.encode())
