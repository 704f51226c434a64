"""Write what is made from other files: completions, reference, schemas, manual page, rules for credentials, prices.

python -m tools.generate
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from tools import prices
from tools.manual import manual
from tools.reference import reference
from tools.rooms import picture
from tools.schemas import schemas
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
    for name, schema in schemas().items():
        text = json.dumps(schema, ensure_ascii=False, indent=2)
        files[ROOT / "docs" / "schemas" / f"{name}.json"] = f"{text}\n"
    files[ROOT / "docs" / "rooms.svg"] = picture(ROOT)
    rules = ROOT / "trooper_cli" / "guard" / "credential_rules.toml"
    table = tomllib.loads(rules.read_text(encoding="utf-8"))
    files[rules.with_suffix(".json")] = f"{json.dumps(table, ensure_ascii=False, indent=1)}\n"
    return files


def priced() -> dict[Path, str]:
    """Return the files that are made from genai-prices, with their text.

    Raises:
        MissingPricesError: that package is not there in the version whose prices these are.

    """
    table = prices.table()
    return {
        ROOT / "trooper_cli" / "store" / "prices.toml": prices.as_toml(table),
        ROOT / "trooper_cli" / "engines" / "claude_windows.json": prices.windows(table),
    }


def main() -> int:
    files, code = generated(), 0
    try:
        files |= priced()
    except prices.MissingPricesError as error:
        print(f"prices were left as they are: {error}", file=sys.stderr)
        code = 1
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))
    return code


if __name__ == "__main__":
    sys.exit(main())
