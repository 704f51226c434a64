"""What everybody has, and is no secret though a private turn held it: licences, frames of libraries, skeletons.

Only what was found is asked about, so that it costs nothing where nothing was. What boilerplate.txt has for a number
may be another number.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from trooper_cli.guard.forms import reduced
from trooper_cli.lazy import pattern

_DIGITS = pattern(r"\d+")
# Below so many letters a text could be a part of boilerplate by chance.
_SHORTEST, _SHORTEST_OF_RUN = 10, 20
# Where two pieces of boilerplate meet, each has so many; what stands next to one may reach less far into a run.
_PART = 8
# Whole lines of traces that name nothing but well-known libraries: of Java, Python and Node.js.
_JAVA = (
    r"java|javax|jakarta|jdk|sun|kotlin|kotlinx|scala|reactor|okhttp3|io\.(?:netty|micrometer|grpc|vertx|quarkus)"
    r"|com\.(?:sun|google|fasterxml|zaxxer)"
    r"|org\.(?:springframework|apache|hibernate|junit|eclipse|gradle|jboss|postgresql)"
)
_FRAME = pattern(
    rf"\s*(?:at (?:[a-z.]{{1,40}}/)?(?:{_JAVA})\.[\w.$/<>]{{1,200}}\([\w.$ ]{{1,60}}(?::\d{{1,5}})?\)"
    r"|at [\w.<> ]{0,60} \(node:internal/[\w/]{1,60}(?::\d{1,5}){0,2}\)"
    r"|Traceback \(most recent call last\):"
    r"|File \"/(?:usr/|usr/local/|opt/venv/|app/|venv/)?lib/python3[\w./-]{1,120}\", line \d{1,6}, in [\w<>]{1,60})\s*"
)


def is_boilerplate(text: str, *, is_run: bool) -> bool:
    """Return whether a text stands in boilerplate, whole; a run also but for a few letters, or in two parts."""
    shown = _DIGITS.sub("0", reduced(text))
    if len(shown) < (_SHORTEST_OF_RUN if is_run else _SHORTEST):
        return False
    known = _known()
    if shown in known:
        return True
    splits = range(_PART - 1, len(shown) - _PART + 2) if is_run else ()
    return any(
        (at < _PART or shown[:at] in known) and (at > len(shown) - _PART or shown[at:] in known) for at in splits
    )


def are_frames(text: str, start: int, end: int) -> bool:
    """Return whether `text[start:end]` lies in lines that are frames of libraries."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    lines = text[first : last if last >= 0 else len(text)].split("\n")
    above = text[text.rfind("\n", 0, max(0, first - 1)) + 1 : first]
    return all(map(_is_frame, [above, *lines], lines))


def _is_frame(above: str, line: str) -> bool:
    # Below the place in a file stands its code.
    is_code = line.startswith("    ") and above.lstrip().startswith("File ")
    return _FRAME.fullmatch(above if is_code else line) is not None


@cache
def _known() -> str:
    text = Path(__file__).with_name("boilerplate.txt").read_text(encoding="utf-8")
    return "|".join(_DIGITS.sub("0", reduced(line)) for line in text.splitlines())
