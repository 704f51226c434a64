"""How much the credential rules find, how often they are wrong, and how long they take.

    python -m benchmarks.credentials [FOLDER...]

Without a folder it measures what is found of each kind and the time; with folders also the false alarms in their files.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.guard.generated_credentials import KINDS, made
from trooper_cli.guard.credentials import find

COUNT = 200
LARGEST = 400_000
COLD = """
import sys, time, typing, pathlib, collections, math
from trooper_cli.guard import finding as _
from trooper_cli import errors
text = sys.stdin.read()
start = time.perf_counter()
from trooper_cli.guard.credentials import find
find(text)
print(time.perf_counter() - start)
"""


def found() -> None:
    shares = {}
    for kind in KINDS:
        hits = 0
        for text, secret in made(kind, COUNT):
            start = text.index(secret)
            places = [(place.offset, place.offset + place.length) for place in find(text)]
            # Nine tenths of a secret masked is a secret found; a place that is too wide is none.
            hits += any(
                min(end, start + len(secret)) - max(first, start) >= 0.9 * len(secret)
                and end - first <= len(secret) + 8
                for first, end in places
            )
        shares[kind] = 100 * hits / COUNT
    for kind, share in sorted(shares.items(), key=lambda item: item[1]):
        print(f"{share:6.1f} %  {kind}")
    print(f"{sum(shares.values()) / len(shares):6.1f} %  of all {len(shares)} kinds, {COUNT} texts each")


def wrong(folder: Path) -> None:
    kinds: Counter[str] = Counter()
    again = files = 0
    size = lines = paragraphs = 0
    for path in sorted(folder.rglob("*")):
        try:
            if not path.is_file() or path.stat().st_size > LARGEST:
                continue
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        size += len(text)
        lines += text.count("\n") + 1
        paragraphs += text.count("\n\n") + 1
        values: set[str] = set()
        for place in find(text):
            value = text[place.offset : place.offset + place.length]
            files += not values
            if value in values:
                again += 1
                continue
            values.add(value)
            kinds[place.kind] += 1
            start = text.rfind("\n", 0, place.offset) + 1
            print(f"{place.kind}\t{text[start : place.offset + place.length][-160:]!r}\t{path}", file=sys.stderr)
    findings = kinds.total()
    print(
        f"{folder}: {size / 1e6:.1f} MB, {lines} lines, {paragraphs} paragraphs; {findings} finds: "
        f"{100 * findings / max(paragraphs, 1):.3f} % of paragraphs, {100 * findings / max(lines, 1):.4f} % of lines; "
        f"in {files} files, {again} times more a value that was found in the file; "
        f"{dict(kinds)}"
    )


def _cold(text: str) -> float:
    command = [sys.executable, "-c", COLD]
    return float(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)  # noqa: S603


def pace() -> None:
    for name in ("argparse.py", "LICENSE.txt"):
        text = Path(subprocess.__file__).with_name(name).read_text(encoding="utf-8")[:10_000]
        cold = sorted(_cold(text) for _ in range(15))
        warm = []
        for _ in range(50):
            start = time.perf_counter()
            find(text)
            warm.append(time.perf_counter() - start)
        print(
            f"{name}: 10 kB, first call with loading {1e3 * cold[0]:.1f} to {1e3 * cold[7]:.1f} ms, "
            f"later {1e3 * min(warm):.2f} ms"
        )


if __name__ == "__main__":
    found()
    pace()
    for argument in sys.argv[1:]:
        wrong(Path(argument))
