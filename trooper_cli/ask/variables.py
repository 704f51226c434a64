"""Variables that are meant for Trooper and misspelt: a lock that is misspelt does not close, so they are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.settings import KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Variables that are no settings: where the files are, whether a fault is shown, how long the git hook waits.
OTHER_VARIABLES = ("TROOPER_HOME", "TROOPER_TRACE", "TROOPER_HOOK_SECONDS")

_PREFIX = "TROOPER_"
# What is Claude's own, under the names that its programs read.
_OF_CLAUDE = {
    "API_KEY": "ANTHROPIC_API_KEY",
    "KEY": "ANTHROPIC_API_KEY",
    "AUTH_TOKEN": "ANTHROPIC_AUTH_TOKEN",
    "BASE_URL": "ANTHROPIC_BASE_URL",
}
_DECIDE = {name.replace("_", ""): name for name in ("TROOPER_LOCAL", "TROOPER_CLOUD", "TROOPER_SESSION")}
# Figures as the letters they look like. A 1 is either of two; no name that decides has both.
_FIGURES = [str.maketrans("0134578", f"O{one}EASTB") for one in "LI"]


def check_variables(environ: Mapping[str, str]) -> None:
    """Refuse variables that are meant for Trooper and that it does not know.

    Raises:
        ConfigurationError: there is one. The message names the nearest that is known.

    """
    for name, nearest in misspelt(environ):
        printable = name.encode("ascii", "backslashreplace").decode()
        raise ConfigurationError(
            f"there is no variable {printable}, so nothing was sent; unset it, {_hint(name, nearest)}"
        )


def _hint(name: str, nearest: str) -> str:
    """Return what a person may have meant; of a name that is far from all what there is."""
    from difflib import get_close_matches

    word = name.upper().translate(_FIGURES[0]).rpartition(_PREFIX)[2]
    if word in _OF_CLAUDE:
        return f"or did you mean {_OF_CLAUDE[word]}?"
    if name.upper().startswith(_PREFIX) and not get_close_matches(word, [nearest.removeprefix(_PREFIX)], 1):
        return "`trooper config` lists what there is"
    return f"or did you mean {nearest}?"


def misspelt(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable that is meant for Trooper and not known, with the nearest that is.

    These are those that begin with `TROOPER_` and those that are a typing error or two away from a variable that
    decides who may read a prompt; case, marks, unseen characters, and letters and figures that look like others do
    not count.
    """
    # Of two typing errors one of these parts is left; most variables have none, and this is done at every start.
    near = [
        name
        for name in environ
        if "TRO" in (word := name.upper().translate(_FIGURES[0]))
        or "OPER" in word
        or "LOCAL" in word
        or "CLOUD" in word
        or "SESS" in word
        or not word.isascii()
    ]
    if not near:
        return
    known = {setting.variable for setting in KNOWN.values()} | {*OTHER_VARIABLES}
    for name in sorted(near):
        if name in known or not (nearest := _meant(name)):
            continue
        if nearest == _PREFIX:
            from difflib import get_close_matches

            words = sorted(each.removeprefix(_PREFIX) for each in known if each)
            word = name.upper().translate(_FIGURES[0]).rpartition(_PREFIX)[2]
            nearest += get_close_matches(word, words, 1, 0)[0]
        yield name, nearest


def _meant(name: str) -> str:
    """Return the variable that a name is meant for, or how all of them begin, or nothing."""
    word = name.upper()
    if not name.isascii():
        from trooper_cli.guard.normalize import reduced

        word = "_".join(map(reduced, name.split("_"))).upper()
    readings = [word.translate(figures) for figures in _FIGURES]
    letters = ["".join(filter(str.isalnum, reading)) for reading in readings]
    if "".join(letter for letter in readings[0] if letter.isalnum() or letter == "_").startswith(_PREFIX):
        return next((_DECIDE[each] for each in letters if each in _DECIDE), _PREFIX)
    return next((known for each, known in _DECIDE.items() if any(_is_near(word, each) for word in letters)), "")


def _is_near(word: str, known: str) -> bool:
    """Return whether a letter is wrong, missing, too many or changed places with the next; or two behind the first.

    Other programs' names are two letters away, such as `GROUPER_LOCAL`; they seldom begin with a T.
    """
    most = 2 if word[:1] == known[0] else 1
    if abs(len(word) - len(known)) > most:
        return False
    before, row = list[int](), list(range(len(known) + 1))
    for at, letter in enumerate(word, 1):
        before, last, row = row, before, [at]
        for place, other in enumerate(known, 1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != other))
            if last and place > 1 and letter == known[place - 2] and word[at - 2] == other:
                cost = min(cost, last[place - 2] + 1)
            row.append(cost)
    return row[-1] <= most
