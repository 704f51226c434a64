"""Run a few commands for real and draw what came of them: `python -m tools.recording` writes docs/recording.svg.

It needs the embedded engine and its model (`pip install '.[embedded]'`, `trooper pull`), and asks nobody else: there is
no key, and the one request for the cloud is a dry run. Nothing in the picture is written by hand but the commands.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import textwrap
from html import escape
from pathlib import Path

from tools.generate import ROOT
from trooper_cli.engines.default_model import default_model
from trooper_cli.files import data_folder

COLUMNS, LINE, CHARACTER = 100, 19, 8.1
COMMANDS = (
    'echo "What is the capital of France?" | trooper ask -s ops',
    'trooper ask -s ops --local "Explain this line of a log." < server.log',
    "trooper sessions",
    "export ANTHROPIC_API_KEY=sk-ant-your-key",
    'echo "And of Italy?" | trooper ask -s ops --dry-run | jq -r ".label, .context.text"',
    "trooper ask -s ops < server.log",
)
LOG = "02:14 db01 rejected the password of user nightowl-batch-7 from 10.20.30.40\n"


def record() -> list[tuple[str, str]]:
    """Return the lines of the session, each with its kind: `command`, `notice` or `answer`."""
    model = default_model(data_folder(os.environ))
    lines: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server.log").write_text(LOG)
        environ = {
            "PATH": os.environ["PATH"],
            "TROOPER_HOME": str(folder / "home"),
            "TROOPER_LOCAL_ENGINE": "embedded",
            "TROOPER_EMBEDDED_MODEL": str(model),
        }
        for command in COMMANDS:
            lines.append(("command", f"$ {command}"))
            if command.startswith("export "):
                variable, _, value = command.removeprefix("export ").partition("=")
                environ[variable] = value
                continue
            done = subprocess.run(  # noqa: S603 - the commands above
                [shutil.which("bash") or "bash", "-c", command],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            for kind, text in (("notice", done.stderr), ("answer", done.stdout)):
                for line in text.splitlines():
                    lines += [(kind, part) for part in textwrap.wrap(line, COLUMNS, drop_whitespace=False) or [""]]
    return lines


def drawn(lines: list[tuple[str, str]]) -> str:
    height, width = LINE * len(lines) + 24, round(COLUMNS * CHARACTER) + 24
    rows = [
        f'<text x="12" y="{LINE * number + 24}" class="{kind}">{escape(text)}</text>'
        for number, (kind, text) in enumerate(lines)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>A terminal: a public turn, a private turn, and a request that holds nothing of it</title>",
            "<style>text { font: 13px ui-monospace, monospace; white-space: pre; fill: #e6edf3 }",
            ".command { font-weight: bold; fill: #7ee787 } .notice { fill: #ffa657 }</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            *rows,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    (ROOT / "docs" / "recording.svg").write_text(drawn(record()), encoding="utf-8")
