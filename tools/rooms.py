"""The picture of the rooms, drawn from the import contract in pyproject.toml and the docstrings of the rooms."""

from __future__ import annotations

import ast
import tomllib
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WIDTH, _HEIGHT, _GAP, _EDGE = 760, 58, 26, 14
_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title" \
font-family="system-ui, sans-serif" font-size="14">
  <title id="title">The rooms of the code: each imports from those below it, never from those above</title>
"""
_STYLE = """  <style>
    .paper { fill: #fff } .room { fill: #ddf4ff; stroke: #0969da } .ground { fill: #f6f8fa; stroke: #8c959f }
    .name { fill: #1b1f24; font-weight: 600 } .subject { fill: #57606a; font-size: 12px } text { text-anchor: middle }
    .arrow { fill: none; stroke: #57606a; stroke-width: 1.5 } .head { fill: #57606a }
  </style>
"""


def picture(root: Path) -> str:
    """Return the rooms as SVG, the highest first; a room imports from those below it."""
    contract = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = [layer.replace(":", "|").split("|") for layer in contract["contracts"][0]["layers"]]
    rooms = [[name.strip() for name in layer] for layer in layers if layer != ["__main__"]]
    height = _EDGE + len(rooms) * (_HEIGHT + _GAP) - _GAP + _EDGE
    parts = [
        _HEAD.format(width=_WIDTH, height=height),
        _STYLE,
        f'  <rect class="paper" width="{_WIDTH}" height="{height}"/>\n',
    ]
    for row, names in enumerate(rooms):
        top = _EDGE + row * (_HEIGHT + _GAP)
        if row == len(rooms) - 1:
            parts.append(_box(_EDGE, top, _WIDTH - 2 * _EDGE, "ground", "ground", ", ".join(names)))
            continue
        width = (_WIDTH - 2 * _EDGE - (len(names) - 1) * _EDGE) // len(names)
        for place, name in enumerate(names):
            subject = _subject(root / "trooper_cli" / name / "__init__.py")
            parts.append(_box(_EDGE + place * (width + _EDGE), top, width, "room", name, subject))
        middle, end = _WIDTH // 2, top + _HEIGHT + _GAP
        parts.append(
            f'  <path class="arrow" d="M{middle} {top + _HEIGHT}V{end - 6}"/>'
            f'<path class="head" d="M{middle - 5} {end - 8}h10l-5 8z"/>\n'
        )
    return "".join([*parts, "</svg>\n"])


def _box(left: int, top: int, width: int, kind: str, name: str, subject: str) -> str:
    middle = left + width // 2
    return (
        f'  <rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{_HEIGHT}" rx="6"/>'
        f'<text class="name" x="{middle}" y="{top + 25}">{escape(name)}</text>'
        f'<text class="subject" x="{middle}" y="{top + 44}">{escape(subject)}</text>\n'
    )


def _subject(room: Path) -> str:
    """Return what a room is for: the first sentence of its docstring."""
    docstring = ast.get_docstring(ast.parse(room.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].partition(":")[0].rstrip(".")
