"""Write what is made from other files: completions, the reference, the manual page, and the rules for credentials.

python -m tools.generate
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from tools.manual import manual
from tools.reference import reference
from tools.rooms import picture
from trooper_cli.cli.app import app_of
from trooper_cli.cli.completion.install import SHELLS
from trooper_cli.cli.completion.scripts import script
from trooper_cli.cli.completion.tree import tree_of

ROOT = Path(__file__).parent.parent


def generated() -> dict[Path, str]:
    """Return each file that is made, with its text."""
    commands = tree_of(app_of())
    files = {ROOT / "completions" / f"trooper.{shell}": script(shell, commands) for shell in SHELLS}
    files[ROOT / "docs" / "reference.md"] = reference(commands)
    files[ROOT / "docs" / "man" / "trooper.1"] = manual(commands)
    files[ROOT / "docs" / "rooms.svg"] = picture(ROOT)
    rules = ROOT / "trooper_cli" / "guard" / "credential_rules.toml"
    table = tomllib.loads(rules.read_text(encoding="utf-8"))
    files[rules.with_suffix(".json")] = f"{json.dumps(table, ensure_ascii=False, indent=1)}\n"
    return files


def main() -> None:
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
