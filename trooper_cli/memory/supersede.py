"""Which older statement a newer one replaces: "retention is 30 days now" ends "retention: 14 days"."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from trooper_cli.lazy import pattern
from trooper_cli.memory import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trooper_cli.memory.units import Unit

# What a replaced statement keeps of its importance, as a logarithm: a twentieth.
STALE = math.log(0.05)

_STRONG = pattern(
    r"\b(?:instead(?: of)?|no longer|not any ?more|changed?(?=:)|changed? (?:my|our)|forget|slips?|slipped"
    r"|(?:mov(?:e|es|ed|ing)|chang(?:e|es|ed|ing)|switch(?:es|ed|ing)?|rais(?:e|es|ed|ing)|lower(?:s|ed"
    r"|ing)?|reduc(?:e|es|ed|ing)|increas(?:e|es|ed|ing)|cut(?:s|ting)?"
    r"|push(?:es|ed|ing)?|bump(?:s|ed|ing)?|postpon(?:e|es|ed|ing)|delay(?:s|ed|ing)?|shift(?:s|ed|ing)?"
    r"|grow(?:s|n)?|grew|go(?:es)?|went)(?: \S+){0,4} (?:to|from|until|down|back|up)"
    r"|becomes?|back to"
    r"|scratch that|correction|correct(?:ed|ing) (?:to|that|it)|revers(?:e|ed|ing)|overrul(?:e|ed)"
    r"|supersed(?:e|es|ed)|replac(?:e|es|ed|ing)|renamed?"
    r"|postponed?|rescheduled?|brought forward|revis(?:e|ed)|updated? (?:to|from)|changed (?:his|her"
    r"|their) mind|change of (?:plan|mind)|was wrong|wrong about|i was mistaken|misread|misremembered"
    r"|not \S+(?: \S+)? but|changed the|taking over|takes over|took over|hand(?:s|ed) over|statt|stattdessen|geändert"
    r"|doch nicht|verschoben|nicht mehr)\b|, not \S",
    re.IGNORECASE,
)
_WEAK = pattern(
    r"\b(?:now|actually|rather|after all|on second thought|as of|from now on|update|new|in the end"
    r"|turns out|turned out|make (?:it|that)|let's make|since (?:today|yesterday|last|this)|got changed"
    r"|set \S+(?: \S+){0,3} (?:to|at)|lower(?:ed|ing)|bump(?:ed|ing)|(?:rais|increas|reduc|doubl|halv)(?:e|es|ed|ing)"
    r"|longer|shorter|higher|lower|larger|smaller|bigger|fewer|earlier|later|jetzt|doch|künftig)\b"
    r"|\bfrom \S+(?: \S+)? to \S+",
    re.IGNORECASE,
)
_OLD = pattern(
    r"\b(?:instead of|rather than|replac(?:es|ed|ing)|no longer|not|forget(?: about)?|scratch"
    r"|drop(?:ped)?|was|used to be|down from|up from|from|cannot|statt|nicht mehr)\s+(?:the |a |an |at |on |in "
    r"|use |using |do )?"
    r"(?P<old>#?[\w][\w./:@%€$-]*(?: [A-Za-z%]+)?)",
    re.IGNORECASE,
)

_RETIRED = pattern(
    r"(?P<old>[\w][\w./:-]*) (?:is |was |being |gets? |has been |will be |turned out )*(?:retired|gone|replaced"
    r"|dropped|removed|out|wrong|decommissioned|taken|banned|sick|ill|away"
    r"|on (?:\w+ )?(?:leave|holiday|vacation)|leaves|left"
    r"|cannot|not (?:work|possible|available))\b",
    re.IGNORECASE,
)
_UNFIT = pattern(
    r"\b(?:too (?:low|high|little|much|short|long|small|large|few|many)|not enough|zu (?:wenig|viel|klein|groß))\b",
    re.IGNORECASE,
)

_DIGITS = pattern(r"\d+(?:[.,]\d+)*")
_BETWEEN = frozenset("to instead from not rather than statt auf zu bis per now jetzt".split())
_NO_UNIT = _BETWEEN | words.STOP | {"since"}
_LIST = 3
ANSWERED_WITHIN = 3  # turns: another matter may come between
_RARE = 4
_UNCOUNTED = 99
_NEEDED = {1: 1.0, 2: 0.6}  # of shared words, weighed: the plainer the reversal, the fewer
_PLAIN = 0.5  # where the older value is named as the old one
_ALIKE = 0.6
_MONTH = 0.5  # many things are due in one month, or on one day of the week
_NAMING = frozenset({"name", "code"})

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_VALUE = pattern(
    rf"(?P<time>\b\d{{1,2}}:\d\d(?::\d\d)?\b|\b\d{{1,2}} ?[ap]m\b)"
    rf"|(?P<date>\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?(?:{_MONTHS})[a-z]*\b"
    rf"|\b(?:{_MONTHS})[a-z]* \d{{1,2}}(?:st|nd|rd|th)?\b"
    rf")|(?P<weekday>\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:montag|dienstag|mittwoch"
    rf"|donnerstag|freitag|samstag|sonntag)\b)"
    rf"|(?P<version>\bv?\d+\.\d+(?:\.\d+)+\b|\bv\d+(?:\.\d+)*\b)"
    rf"|(?P<money>[$€£] ?\d+(?:[.,]\d+)*k?|\b\d+(?:[.,]\d+)*k? ?(?:eur|usd|euros?|dollars?|€|\$))"
    rf"|(?P<measure>\b\d+(?:[.,]\d+)*(?: ?(?P<unit>%|[a-zA-Zµ]+(?:/[a-z]+)?))?)",
    re.IGNORECASE,
)
_PROPER = pattern(r"\b[A-Z][a-zà-ÿ]{2,}\b|\b[A-Z]{2,}\b")
_CALENDAR = pattern(rf"(?:{_MONTHS})[a-z]*$|\w+day$|\w+tag$")
_ACTS = pattern(r" (?:\w+s|can|must|will)\b")
_CODED = pattern(r"\b[a-z][\w]*(?:[-_./:][\w]+)+\b")
_SPELLINGS = {
    "gb": "gigabytes gib g",
    "mb": "mib m",
    "min": "minutes minute mins",
    "h": "hours hour hrs",
    "s": "seconds second secs sec",
    "%": "percent",
    "day": "days",
    "week": "weeks",
    "month": "months",
    "year": "years",
}
_UNIT_NAMES = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in (unit, *spellings.split())}


def is_reversal(text: str) -> int:
    """Return how clearly a clause says that something changed: 0 not at all, 1 perhaps, 2 plainly."""
    if _STRONG.search(text):
        return 2
    return 1 if _WEAK.search(text) or _RETIRED.search(text) or _UNFIT.search(text) else 0


def values(text: str) -> dict[str, set[str]]:
    """Return the values a clause holds, by their class: only values of one class can replace each other."""
    found: dict[str, set[str]] = {}
    told: list[tuple[str, str, int]] = []
    for match in _VALUE.finditer(text):
        group = match.lastgroup or "measure"
        value = match[0].lower()
        if match["measure"] or group == "money":
            digits = _DIGITS.search(value)
            value = digits[0] if digits else value
        if match["measure"]:
            unit = (match["unit"] or "").lower()
            group = "measure " + ("" if unit in _NO_UNIT else _UNIT_NAMES.get(unit, words.stem(unit)))
        told.append((group, value, match.start()))
    for place, (group, value, start) in enumerate(told):
        after = told[place + 1] if place + 1 < len(told) else None
        # "16000 instead of 14500 euros": both are euros.
        shared = after and group == "measure " and _BETWEEN.intersection(text[start : after[2]].lower().split()[1:])
        found.setdefault(after[0] if after and shared else group, set()).add(value)
    for match in _CODED.finditer(text):
        found.setdefault("code", set()).add(match[0].lower())
    for match in _PROPER.finditer(text):
        name = match[0].lower()
        # A capital at the start proves nothing, unless a verb in the third person follows.
        is_name = name not in words.STOP and name not in _UNIT_NAMES and not _CALENDAR.match(name)
        if is_name and (match.start() or _ACTS.match(text, match.end())):
            found.setdefault("name", set()).add(name)
    return found


def _old_values(text: str) -> set[str]:
    """Return the values a clause names as former ones."""
    found: set[str] = set()
    for match in _OLD.finditer(text):
        for group in values(f"x {match['old']}").values():
            found |= group
    for match in _RETIRED.finditer(text):
        found.add(match["old"].lower())
    for match in _UNFIT.finditer(text):
        told = values(text[: match.start()])
        found.update(*(told[group] for group in told.keys() - _NAMING))
    return found


def replaced(newer: Unit, older: Iterable[Unit], spread: Mapping[str, int]) -> list[Unit]:
    """Return those of the older units that the newer one replaces.

    It has to say that something changed, to share enough rare words with the older one, and to hold another value of
    the same class or to name the older one's value as the old one. `spread` is in how many units a term occurs.
    """
    strength = is_reversal(newer.text)
    if not strength and (newer.text.endswith("?") or all(map(str.isalpha, newer.terms))):
        return []
    own = {term for term in newer.terms if not term.isdigit()}
    # Without a word of change only something rare, or two things, can show that it is the same.
    rare = {term for term in own if spread.get(term, _UNCOUNTED) <= _RARE}
    older = [
        unit
        for unit in older
        if unit.turn < newer.turn
        and not unit.stale
        and (not own.isdisjoint(unit.terms) or (unit.turn >= newer.turn - ANSWERED_WITHIN and unit.text.endswith("?")))
    ]
    mine = values(newer.text) if older else {}
    if not mine:
        return []
    before = _old_values(newer.text) if strength else set()
    # A unit of measure is no topic.
    own = {term for term in own if f"measure {_UNIT_NAMES.get(term, term)}" not in mine}
    found = []
    for unit in older:
        shared = own.intersection(unit.terms)
        if newer.turn <= unit.turn + ANSWERED_WITHIN and _answers(mine, unit):
            found.append(unit)
        elif not strength:
            if (shared & rare or len(_plain(shared)) > 1) and _same_slot(newer, unit, mine, shared):
                found.append(unit)
        elif (weight := sum(_share(term, spread, before) for term in shared)) >= _PLAIN:
            theirs = values(unit.text)
            named = any(before & group for group in theirs.values())
            if (named or weight >= _NEEDED[strength]) and _conflicts(mine, theirs, before):
                found.append(unit)
    return found


def _share(term: str, spread: Mapping[str, int], before: set[str]) -> float:
    """Weigh a term two clauses share: more if it is rare, an identifier, or named as what was before."""
    if term in before:
        return 1.0
    weight = 1.5 if not term.isalpha() else _MONTH if _CALENDAR.match(term) else 1.0
    return weight / (1 + math.log(max(1, spread.get(term, 1))))


def _same_slot(newer: Unit, older: Unit, mine: Mapping[str, set[str]], shared: set[str]) -> bool:
    """Return whether two clauses state two values of one thing without a word of change: "ARC 10 GB", "ARC 16 GB"."""
    if older.text.endswith("?"):
        return False
    own, other = (_plain(unit.terms) for unit in (newer, older))
    if not shared or len(shared) < _ALIKE * min(len(own), len(other)) or (own - shared and other - shared):
        # "Backup of alpha", "backup of beta": each has a word of its own.
        return False
    theirs = values(older.text)
    if any(theirs.get(group, mine.get(group)) != mine.get(group, theirs.get(group)) for group in _NAMING):
        return False
    measured = [group for group in mine if group not in _NAMING]
    return any(
        group != "measure " and len(mine[group]) == len(theirs.get(group, ())) == 1 and mine[group] != theirs[group]
        for group in measured
    )


def _plain(terms: Iterable[str]) -> set[str]:
    """Return the terms that are words, and part of no date and no measure."""
    return {term for term in terms if term.isalpha() and not _CALENDAR.match(term) and term not in _UNIT_NAMES}


def _answers(newer: Mapping[str, set[str]], older: Unit) -> bool:
    """Return whether a clause answers a value that was only proposed, shortly before: "90 days?", "30 at most"."""
    if not older.text.endswith("?") or newer.keys() <= _NAMING:
        return False
    theirs = values(older.text)
    return any(
        group not in _NAMING and group != "measure " and len(theirs.get(group, ())) == 1 and not mine & theirs[group]
        for group, mine in newer.items()
    )


def _conflicts(newer: Mapping[str, set[str]], older: Mapping[str, set[str]], before: set[str]) -> bool:
    """Return whether two clauses hold different values of one class, or the newer one names the older one's as past.

    A list of several values is not replaced by a change of one of them.
    """
    for group, mine in newer.items():
        theirs = older.get(group, set())
        if not theirs or len(theirs) > _LIST or not mine - theirs:
            continue
        if group in _NAMING:
            if theirs & before or (len(theirs) == len(mine) == 1 and not _other(newer, older, group)):
                return True
        elif not mine & theirs or theirs & before:
            return True
    return False


def _other(newer: Mapping[str, set[str]], older: Mapping[str, set[str]], group: str) -> bool:
    """Return whether two clauses share a value of another class: then it is not their names that differ."""
    return any(newer[other] & older[other] for other in newer.keys() & older.keys() if other != group)
