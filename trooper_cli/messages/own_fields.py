"""The fields of a request that are Trooper's, and one rule for all that looks like a wish to keep its text here.

The rule is asked of a whole request, at any depth and before anything is taken out of it, by whoever refuses it and by
whoever remembers what was refused. Only `x_force_local` at the top is obeyed. What else asks for privacy is refused:

- At the top, where every name that the API does not have is refused, a name that is roughly like one of ours.
- At the top as well as below it, a name that says so in its words (`private`, `keep_local`, `localOnly`, `no_cloud`,
  `do_not_send`, `on_device`), and a cloud that is not allowed.
- Below it, a name of ours (`x_…`), one that is misspelt for it, such a word as a role, a type, a label or a tag, and
  `x_trooper` with a private label.
- In what a program or a model calls its own, the arguments of a tool and a JSON schema, `private` and `local` are
  anybody's words: a new repository is private. Only what reads as `x_force_local` or `force_local` counts there.

A field whose value says no (false, null) asks for nothing. An answer of ours that is given back brings its `x_trooper`,
whatever its label: it is left out, and the answer is known by its text and place. One that says private and is not
known by these was changed, or is of elsewhere: it does not go to the cloud either (`caller.py`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import InputError
from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern
from trooper_cli.messages.api_names import KINDS, is_kind, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

FORCE_LOCAL, SESSION, PROVENANCE = "x_force_local", "x_session", "x_trooper"
OURS = {FORCE_LOCAL, SESSION}
_NAMES_FOR_PRIVATE = ("xforcelocal", "forcelocal", "private", "trooper")
_ALIKE = 0.7
# So alike are a name and the same name with one letter wrong, left out, added or moved; behind an x two are.
_MISSPELT, _MISSPELT_BEHIND_X = 0.9, 0.8
_LONGEST_NAME = 64
# A name of nothing but these words, in whichever notation, reduced to its letters.
_SAYS_PRIVATE = pattern(
    r"(?=.*(?:local|privat|privacy|confidential|offline|thismachine|thisdevice|(?:keep|stay|remain)s?here))(?:x|force[ds]?|only|keeps?|kept|stays?|remain|is|be|runs?|use|make"
    r"|must|please|strict(?:ly)?|always|on|this|machine|here|device|mode|turn|message|prompt|request|trooper|as|it|flag"
    r"|label|do|not|all|process(?:ed|ing)?|handle[ds]?|handling|answer(?:ed)?|execut(?:e[ds]?|ion)|inference|comput(?:e|ing)|model"
    r"|engine|data|text|content|local(?:ly)?|private(?:ly)?|privacy|confidential(?:ly)?|offline)+"
)
_SAYS_NO_CLOUD = pattern(
    r"x?(?:no|not|never|without|skip|avoid|disable|dont|donot|forbid)(?:send|to|use|in|the)*clouds?"
)
_ALLOWED = r"(?:is|are|allow(?:ed)?|enabled?|permit(?:ted)?|ok(?:ay)?|use|send|may|can|be|to|in|the)*"
_SAYS_CLOUD = pattern(rf"x?{_ALLOWED}(?:cloud|public|remote|uploads?|shar(?:e|ing)|send(?:ing)?){_ALLOWED}")
# Words that say so whatever stands beside them, in a name whose words are joined by `_`.
_SAYS_SO = pattern(
    r"(?:^|_)(?:"
    r"(?:non?|not|never|without|skip|avoid|disable|dont|do_?not|forbid|prevent|block)_?"
    r"(?:(?:ever|be|to|for|use|send|in|on|the|any|this|allow|via)_?)*"
    r"(?:send(?:ing)?|sent|upload(?:s|ed|ing)?|shar(?:e|ed|ing)|transmit(?:ted)?|clouds?|leaves?|external|egress)"
    r"|clouds?_?(?:less|not|never|off|disabled|forbidden|prohibited|denied)"
    r"|locally|lokal|nur_?lokal|on_?device|on_?prem(?:ises?)?|self_?hosted|air_?gapped|internal_?only"
    r"|privat(?:e(?:ly)?)?|confidential(?:ly)?|vertraulich|(?<!case_)(?<!time_)sensitive"
    r")(?:_|$)"
)
_WORD = pattern(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_LABELS = {
    "label", "labels", "tag", "tags", "visibility", "privacy", "confidentiality", "sensitivity", "classification",
}  # fmt: skip
_OFF = {"off", "no", "none", "false", "never", "0", "disabled", "denied"}
# What a cloud that is told more of is, or is not: `{"cloud": {"enabled": false}}`.
_SWITCHES = {"enabled", "enable", "allowed", "allow", "permitted", "active", "on"}
# What `response.py` puts into each answer.
_OF_AN_ANSWER = {"label", "route", "reason", "engine"}


class MeantPrivateError(InputError):
    """A request asks for privacy in a way that cannot be obeyed: it is refused, and what it holds is remembered."""


class Wish(NamedTuple):
    """A field that asks to keep the text of a request on this machine: its place, and whether it stands at the top."""

    place: str
    is_at_top: bool


class _Part(NamedTuple):
    """A part of a request on the way down: its value, the names of the fields around it, and where it stands."""

    value: object
    names: tuple[str, ...]
    place: str
    is_free: bool


def asks(value: object, names: tuple[str, ...]) -> bool:
    """Return whether a part of a request, below fields of these names, holds a wish to keep it here."""
    return next(_wishes(_Part(value, names, "", is_free=False)), None) is not None


def wishes_in(request: object) -> Iterator[Wish]:
    """Yield each field that asks to keep the text of a request here: parsed JSON, or a node of `lenient_json.py`."""
    return _wishes(_Part(request, (), "", is_free=False))


def _wishes(whole: _Part) -> Iterator[Wish]:
    # Without recursion: how deep a request is nested is its writer's choice.
    parts = [whole]
    while parts:
        part = parts.pop()
        below: list[_Part] = []
        for at, (name, item) in enumerate(_fields(part.value)):
            place = f"{part.place}.{named(name) if name else at}".lstrip(".")
            if name == PROVENANCE and _is_answer(part.value, item):
                continue
            if _asks(name, item, part):
                yield Wish(place, not part.names)
            if isinstance(item, (dict, list)):
                names = (*part.names, name) if name else part.names
                below.append(_Part(item, names, place, name != PROVENANCE and (part.is_free or _is_free(name, part))))
        parts += reversed(below)


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """Return the fields of an object, a list or a node; those of a list have no name."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        for item in value:
            yield item if isinstance(item, tuple) else ("", item)


def _asks(name: str, item: object, part: _Part) -> bool:
    if not name:
        # Quotes that are missing elsewhere have made a text of the name.
        is_label = part.names[-1:] != () and part.names[-1] in _LABELS
        return (
            isinstance(item, str)
            and not part.is_free
            and len(item) < _LONGEST_NAME
            and (is_force_local(item) or (is_label and _means_private(item)))
        )
    # Zero is false to many languages.
    says_no = (isinstance(item, (bool, int, float)) and not item) or (isinstance(item, str) and item.lower() in _OFF)
    above = part.names[-1] if part.names and name.lower() in _SWITCHES else ""
    if (
        says_no
        and not part.is_free
        and any(_SAYS_CLOUD.fullmatch(reduced(one)[:_LONGEST_NAME]) for one in (name, above))
    ):
        # A cloud that is not wanted is a wish too.
        return True
    if item in (False, None):
        return False
    if name == PROVENANCE:
        return not isinstance(item, (dict, list))
    return _is_ours(name, part) or (
        isinstance(item, str)
        and not part.is_free
        and name in KINDS | _LABELS
        and not is_kind(name, item)
        and _means_private(item)
    )


def _is_ours(name: str, part: _Part) -> bool:
    if not part.names:
        return name != SESSION and is_like_ours(name)
    if part.is_free:
        return name in OURS or _is_misspelt(name)
    return name.lower().startswith(("x_", "x-")) or _means_private(name)


def _is_answer(message: object, provenance: object) -> bool:
    """Return whether an object is an answer of ours that was given back with its `x_trooper`."""
    is_answer = ("role", "assistant") in _fields(message)
    return is_answer and {name for name, _ in _fields(provenance)} >= _OF_AN_ANSWER


def is_private_answer(message: object) -> bool:
    """Return whether a message is an answer of ours whose `x_trooper` says anything but that it is public."""
    provenance = next((item for name, item in _fields(message) if name == PROVENANCE), None)
    return _is_answer(message, provenance) and ("label", "public") not in _fields(provenance)


def _is_free(name: str, part: _Part) -> bool:
    """Return whether the names below a field are those of a program's tools or of a JSON schema."""
    if name == "input":
        kind = next((item for field, item in _fields(part.value) if field == "type"), "")
        return part.names == ("messages", "content") and str(kind).endswith("tool_use")
    # Those of another vendor's API too: such a request is refused, and what it asks for is read all the same.
    if name in {"input_schema", "input_examples", "configs", "parameters"}:
        return part.names[:1] in {("tools",), ("functions",)} or part.names[-1:] == ("definition",)
    return name == "schema" and part.names[:1] in {("output_config",), ("output_format",), ("response_format",)}


def is_like_ours(name: str) -> bool:
    """Return whether a name at the top of a request, where any that is not the API's is wrong, may be one of ours."""
    if is_name(name):
        return False
    return name.lower().startswith(("x_", "x-")) or "local" in name.lower() or _means_private(name, "xsession")


def is_force_local(name: str) -> bool:
    """Return whether a field's name reads as x_force_local: in any case, with other marks, unseen or other letters."""
    return reduced(name) in {"xforcelocal", "forcelocal"}


@cache
def _means_private(name: str, *others: str) -> bool:
    """Return whether a name may be x_force_local, misspelt, or says in other words what it says."""
    if is_name(name):
        return False
    letters = reduced(name)[:_LONGEST_NAME]
    if not letters:
        return False
    if letters == "xsession" or _SAYS_PRIVATE.fullmatch(letters) or _SAYS_NO_CLOUD.fullmatch(letters):
        return True
    words = "_".join(_WORD.findall(name[:_LONGEST_NAME].replace("'", ""))).lower()
    if _SAYS_SO.search(words) or _SAYS_SO.search(letters):
        return True
    from difflib import get_close_matches

    return bool(get_close_matches(letters[:40], (*_NAMES_FOR_PRIVATE, *others), 1, _ALIKE))


@cache
def _is_misspelt(name: str) -> bool:
    """Return whether a name reads as x_force_local or force_local, a typing error or two apart."""
    letters = reduced(name)
    # The letters of the two names; most others, as those of large schemas, have too few of them.
    if len(letters) > _LONGEST_NAME or len(set(letters) & set("forcelocal")) < 5:
        return False
    from difflib import get_close_matches

    return bool(
        get_close_matches(letters, ["forcelocal"], 1, _MISSPELT)
        or (letters[0] == "x" and get_close_matches(letters, ["xforcelocal"], 1, _MISSPELT_BEHIND_X))
    )


def check(request: dict[str, object]) -> None:
    """Refuse a request that asks for privacy otherwise than by `x_force_local` at its top.

    Raises:
        MeantPrivateError: it does.

    """
    for place, is_at_top in wishes_in(request):
        if not is_at_top:
            raise MeantPrivateError(
                f"{place}: looks like a wish to keep the text here, which x_force_local at the top of the request is, "
                "and nothing below it; nothing was sent"
            )
        if place != FORCE_LOCAL:
            raise MeantPrivateError(f"{place}: unknown field, did you mean x_force_local? Nothing was sent")
        if not isinstance(request[FORCE_LOCAL], bool):
            raise MeantPrivateError("x_force_local: must be true or false; nothing was sent")


def without_ours(value: object) -> object:
    """Return a part of a checked request without what is ours: a wish that says no, and what an answer brought."""
    if isinstance(value, list):
        return [without_ours(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without_ours(item)
        for name, item in value.items()
        if name not in {*OURS, PROVENANCE} and not is_force_local(name)
    }


def named(name: str) -> str:
    """Repeat a name from the request, unless it looks as if it could be more than one."""
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() and len(name) < 40 else "a name"
