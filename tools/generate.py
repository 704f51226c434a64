"""Write what is made from the definitions of the commands: completions, the reference and the manual page.

python -m tools.generate
"""

from __future__ import annotations

from pathlib import Path

from tools.manual import manual
from tools.reference import reference
from trooper_cli.completion.install import SHELLS
from trooper_cli.completion.scripts import script
from trooper_cli.completion.tree import trooper

ROOT = Path(__file__).parent.parent


def generated() -> dict[Path, str]:
    """Give each file that is made, and its text."""
    commands = trooper()
    files = {ROOT / "completions" / f"trooper.{shell}": script(shell, commands) for shell in SHELLS}
    files[ROOT / "docs" / "reference.md"] = reference(commands)
    files[ROOT / "docs" / "man" / "trooper.1"] = manual(commands)
    return files


def main() -> None:
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
