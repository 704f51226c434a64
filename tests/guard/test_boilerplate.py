"""Code and output of tools that everybody pastes pass after a private turn that held them; what stands beside does not.

The examples were made for this file, and boilerplate.txt was written with them: they show the mechanism, and say
nothing of how many other texts pass, which test_everyday.py counts.
"""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from trooper_cli.guard import credentials
from trooper_cli.guard.fingerprints import Index

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

LEDGER = "the ledger of the northern branch is closed by Achterberg"
PASTED = {
    "imports 1": (
        "import asyncio\n"
        "import collections\n"
        "import contextlib\n"
        "import dataclasses\n"
        "import functools\n"
        "import itertools\n"
        "import json\n"
        "import logging\n"
        "import os\n"
        "import re\n"
        "import sys\n"
        "import time\n"
        "from pathlib import Path\n"
    ),
    "imports 2": (
        "import os\n"
        "import sys\n"
        "import json\n"
        "import logging\n"
        "import argparse\n"
        "from datetime import datetime, timedelta\n"
        "from pathlib import Path\n"
        "from typing import Any, Dict, List, Optional\n"
    ),
    "imports 3": (
        "import numpy as np\n"
        "import pandas as pd\n"
        "import matplotlib.pyplot as plt\n"
        "import seaborn as sns\n"
        "from sklearn.model_selection import train_test_split\n"
        "from sklearn.linear_model import LogisticRegression\n"
    ),
    "imports 4": (
        "from __future__ import annotations\n"
        "\n"
        "import logging\n"
        "import subprocess\n"
        "import tempfile\n"
        "from collections import defaultdict\n"
        "from dataclasses import dataclass, field\n"
        "from typing import TYPE_CHECKING\n"
    ),
    "imports 5": (
        "import requests\n"
        "from bs4 import BeautifulSoup\n"
        "from flask import Flask, jsonify, request\n"
        "from sqlalchemy import create_engine, Column, Integer, String\n"
        "from sqlalchemy.orm import sessionmaker\n"
    ),
    "argparse 1": (
        'import argparse\n'
        '\n'
        '\n'
        'def main():\n'
        '    parser = argparse.ArgumentParser(description="Process some files.")\n'
        '    parser.add_argument("input", help="input file")\n'
        '    parser.add_argument("-o", "--output", help="output file")\n'
        '    parser.add_argument("-v", "--verbose", action="store_true", help="verbose output")\n'
        '    args = parser.parse_args()\n'
        '\n'
        '\n'
        'if __name__ == "__main__":\n'
        '    main()\n'
    ),
    "argparse 2": (
        'def parse_args() -> argparse.Namespace:\n'
        '    parser = argparse.ArgumentParser()\n'
        '    parser.add_argument("--config", type=Path, required=True)\n'
        '    parser.add_argument("--debug", action="store_true")\n'
        '    return parser.parse_args()\n'
    ),
    "logging 1": (
        'logging.basicConfig(level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s")\n'
        'logger = logging.getLogger(__name__)\n'
    ),
    "logging 2": (
        'logging.basicConfig(\n'
        '    level=logging.INFO,\n'
        '    format="%(asctime)s %(levelname)s %(message)s",\n'
        '    datefmt="%Y-%m-%d %H:%M:%S",\n'
        ')\n'
    ),
    "logging 3": (
        "logging.basicConfig(level=logging.DEBUG, format='%(asctime)s [%(levelname)s] %(message)s')\n"
    ),
    "git pull": (
        'hint: You have divergent branches and need to specify how to reconcile them.\n'
        'hint: You can do so by running one of the following commands sometime before\n'
        'hint: your next pull:\n'
        'hint:\n'
        'hint:   git config pull.rebase false  # merge (the default strategy)\n'
        'hint:   git config pull.rebase true   # rebase\n'
        'hint:   git config pull.ff only       # fast-forward only\n'
        'hint:\n'
        'hint: You can replace "git config" with "git config --global" to set a default\n'
        'hint: preference for all repositories. You can also pass --rebase, --no-rebase,\n'
        'hint: or --ff-only on the command line to override the configured default per\n'
        'hint: invocation.\n'
        'fatal: Need to specify how to reconcile divergent branches.\n'
    ),
    "git push": (
        "error: failed to push some refs to 'origin'\n"
        "hint: Updates were rejected because the tip of your current branch is behind\n"
        "hint: its remote counterpart. Integrate the remote changes (e.g.\n"
        "hint: 'git pull ...') before pushing again.\n"
        "hint: See the 'Note about fast-forwards' in 'git push --help' for details.\n"
    ),
    "git status": (
        'On branch main\n'
        "Your branch is up to date with 'origin/main'.\n"
        '\n'
        'Changes not staged for commit:\n'
        '  (use "git add <file>..." to update what will be committed)\n'
        '  (use "git restore <file>..." to discard changes in working directory)\n'
    ),
    "git detached": (
        "You are in 'detached HEAD' state. You can look around, make experimental\n"
        "changes and commit them, and you can discard any commits you make in this\n"
        "state without impacting any branches by switching back to a branch.\n"
    ),
    "git rebase": (
        'hint: Resolve all conflicts manually, mark them as resolved with\n'
        'hint: "git add/rm <conflicted_files>", then run "git rebase --continue".\n'
        'hint: You can instead skip this commit: run "git rebase --skip".\n'
        'hint: To abort and get back to the state before "git rebase", run "git rebase --abort".\n'
    ),
    "npm eresolve": (
        "npm ERR! code ERESOLVE\n"
        "npm ERR! ERESOLVE unable to resolve dependency tree\n"
        "npm ERR!\n"
        "npm ERR! Fix the upstream dependency conflict, or retry\n"
        "npm ERR! this command with --force or --legacy-peer-deps\n"
        "npm ERR! to accept an incorrect (and potentially broken) dependency resolution.\n"
    ),
    "npm error": (
        "npm error code ERESOLVE\n"
        "npm error ERESOLVE could not resolve\n"
        "npm error\n"
        "npm error Fix the upstream dependency conflict, or retry\n"
        "npm error this command with --force or --legacy-peer-deps\n"
        "npm error to accept an incorrect (and potentially broken) dependency resolution.\n"
    ),
    "npm log": (
        "npm ERR! A complete log of this run can be found in:\n"
    ),
    "sql 1": (
        "SELECT * FROM users WHERE id = 1"
    ),
    "sql 2": (
        "SELECT id, name, email FROM users WHERE id = 42 ORDER BY created_at DESC LIMIT 10;"
    ),
    "sql 3": (
        "INSERT INTO users (name, email) VALUES ('Alice', 'alice@example.com');"
    ),
    "pip": (
        "ERROR: Could not find a version that satisfies the requirement\n"
        "ERROR: No matching distribution found for\n"
    ),
}  # fmt: skip
IMPORTS = [name for name in PASTED if name.startswith("imports")]


def held_by(text: str) -> Index:
    """Return the index after a private turn that had a text as a part of its prompt and its answer."""
    index = Index.in_memory()
    whole = f"HOLLANDER = 83251\n\n{text}\n\n{LEDGER}"
    index.add(index.marks([(whole, False), (whole, True)], public=False), public=False, session=None, turn=0)
    return index


@pytest.mark.parametrize("name", PASTED)
def test_what_everybody_pastes_passes(name: str) -> None:
    with closing(held_by(PASTED[name])) as index:
        assert index.find(f"what is this?\n\n{PASTED[name]}") == []
        assert credentials.find(PASTED[name]) == []
        assert index.find(f"{PASTED[name]}\n{LEDGER}\n{PASTED[name]}")


@pytest.mark.parametrize("seed", range(20))
def test_imports_stand_in_any_order(seed: int) -> None:
    """Those of several blocks, each line once."""
    lines = sorted({line for name in IMPORTS for line in PASTED[name].splitlines() if line})
    random.Random(seed).shuffle(lines)
    block = "\n".join(lines[:15])
    with closing(held_by(block)) as index:
        assert index.find(f"sort these\n\n{block}") == []


@pytest.mark.parametrize("own", ["import achterberg_ledger", "Achterberg owes 83251", "import hollanderbilling"])
@pytest.mark.parametrize("name", IMPORTS)
def test_a_line_between_them_does_not_pass(name: str, own: str) -> None:
    """Wherever it stands: a module of one's own has a name that nobody else knows."""
    lines = PASTED[name].splitlines()
    for at in range(len(lines) + 1):
        text = "\n".join((*lines[:at], own, *lines[at:]))
        with closing(held_by(text)) as index:
            assert index.find(text), at


def test_they_pass_at_the_command(trooper: Trooper, cloud: Standin) -> None:
    private = "\n".join((*PASTED.values(), LEDGER))
    assert trooper("ask", "--local", "what is this?", stdin=private).code == 0
    for text in PASTED.values():
        assert trooper("ask", "explain", stdin=text).code == 0, text
    assert len(cloud.bodies) == len(PASTED)
    assert trooper("ask", "explain", stdin=f"{PASTED[IMPORTS[0]]}\n{LEDGER}").code == 77
    assert len(cloud.bodies) == len(PASTED)
