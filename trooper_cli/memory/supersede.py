"""Which older statement a newer one replaces: "retention is 30 days now" ends "retention: 14 days"."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern
from trooper_cli.memory import terms
from trooper_cli.memory.weigh import CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trooper_cli.memory.clauses import Unit

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
_NO_UNIT = _BETWEEN | terms.STOP | {"since"}
_LIST = 3  # more values than these are a list, which a change of one of them does not replace
_MOST_UNITS = 12  # a word of more of them is no topic
_NEEDED = {1: 1.2, 2: 0.8}  # of shared words, weighed: the plainer the reversal, the fewer
_IDENTIFIER = 4  # letters
_NAMED_NEEDED = 0.45  # where the old value is named
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
    rf"|(?P<measure>(?<![\w./:-])\d+(?:[.,]\d+)*(?: ?(?P<unit>%|[a-zA-Zµ]+(?:/[a-z]+)?))?)",
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
    stated: list[tuple[str, str, int]] = []
    for match in _VALUE.finditer(text):
        group = match.lastgroup or "measure"
        value = match[0].lower()
        if match["measure"] or group == "money":
            digits = _DIGITS.search(value)
            value = digits[0] if digits else value
        if match["measure"]:
            unit = (match["unit"] or "").lower()
            group = "measure " + ("" if unit in _NO_UNIT else _UNIT_NAMES.get(unit, terms.stem(unit)))
        stated.append((group, value, match.start()))
    for position, (group, value, start) in enumerate(stated):
        after = stated[position + 1] if position + 1 < len(stated) else None
        # "16000 instead of 14500 euros": both are euros.
        shared = after and group == "measure " and _BETWEEN.intersection(text[start : after[2]].lower().split()[1:])
        found.setdefault(after[0] if after and shared else group, set()).add(value)
    for match in _CODED.finditer(text):
        found.setdefault("code", set()).add(match[0].lower())
    for match in _PROPER.finditer(text):
        name = match[0].lower()
        # A capital at the start proves nothing, unless a verb in the third person follows.
        is_name = name not in terms.STOP and name not in _UNIT_NAMES and not _CALENDAR.match(name)
        if is_name and (match.start() or _ACTS.match(text, match.end())):
            found.setdefault("name", set()).add(name)
    return found


def _old_values(text: str) -> set[str]:
    """Return the values a clause names as what it was before."""
    found: set[str] = set()
    for match in _OLD.finditer(text):
        for group in values(f"x {match['old']}").values():
            found |= group
    for match in _RETIRED.finditer(text):
        found.add(match["old"].lower())
    for match in _UNFIT.finditer(text):
        stated = values(text[: match.start()])
        found.update(*(stated[group] for group in stated.keys() - _NAMING))
    return found


def may_replace(unit: Unit) -> bool:
    """Return whether a unit says that something changed."""
    return unit.kind != CODE and not unit.text.endswith("?") and is_reversal(unit.text) > 0


class Slots:
    """The values that some units state, found by what they are of: the words beside them, and the kind of value."""

    def __init__(self, units: Iterable[Unit], document_frequency: Mapping[str, int]) -> None:
        self._spread = document_frequency
        self._by_term: dict[str, list[Unit]] = {}
        for unit in units:
            self.add(unit)

    def add(self, unit: Unit) -> None:
        """Record a unit that later ones may replace, if it states a value and does not only ask."""
        if unit.kind == CODE or unit.text.endswith("?"):
            return
        for term in unit.terms:
            if self._spread.get(term, 1) <= _MOST_UNITS:
                self._by_term.setdefault(term, []).append(unit)

    def replaced(self, newer: Unit) -> list[Unit]:
        """Return the units whose value a newer one replaces, oldest first.

        The newer one has to say that something changed, and to share rare words with the older one. It has to name the
        older one's value as the old one, or to hold the only other value of the same kind. Names and identifiers
        replace each other only where the old one is named.
        """
        if not may_replace(newer):
            return []
        strength = is_reversal(newer.text)
        mine, before = values(newer.text), _old_values(newer.text)
        if not mine:
            return []
        weights: dict[tuple[int, int], float] = {}
        found: dict[tuple[int, int], Unit] = {}
        for term in newer.terms:
            for unit in self._by_term.get(term, ()):
                if unit.turn < newer.turn:
                    key = (unit.turn, unit.position)
                    found[key] = unit
                    weights[key] = weights.get(key, 0.0) + _share(term, mine, before, self._spread)
        return [
            unit
            for key, unit in sorted(found.items())
            if _conflict(mine, values(unit.text), before, weights[key], _NEEDED[strength])
        ]


def pairs(units: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    """Return which of some units, in their order, replace which older ones: the older one first."""
    slots = Slots((), Counter(term for unit in units for term in unit.terms))
    gone: set[int] = set()
    found = []
    for unit in units:
        for old in slots.replaced(unit):
            if id(old) not in gone:
                gone.add(id(old))
                found.append((old, unit))
        slots.add(unit)
    return found


def old_value(older: str, newer: str) -> str:
    """Return the value of an older text that a newer one replaces; empty if it is not one."""
    mine, theirs, before = values(newer), values(older), _old_values(newer)
    for group, found in theirs.items():
        other = found - mine.get(group, set())
        if mine.get(group) and len(other) == 1 and (group not in _NAMING or other & before):
            (value,) = other
            unit = group.removeprefix("measure ")
            return f"{value} {unit}".strip() if unit != group else value
    return ""


def _share(term: str, mine: Mapping[str, set[str]], before: set[str], document_frequency: Mapping[str, int]) -> float:
    """Return how much a shared term says that two clauses are about one thing; figures and units say nothing."""
    if term in before:
        # A host that is gone is topic enough; that someone is ill does not end all that was said of them.
        return 1.0 if len(term) >= _IDENTIFIER and not term.isalpha() and not term[0].isdigit() else 0.0
    if term[0].isdigit() or _CALENDAR.match(term) or f"measure {_UNIT_NAMES.get(term, term)}" in mine:
        return 0.0
    return 1.0 / (1.0 + math.log(max(1, document_frequency.get(term, 1))))


def _conflict(
    mine: Mapping[str, set[str]], theirs: Mapping[str, set[str]], before: set[str], weight: float, needed: float
) -> bool:
    """Return whether two clauses that share words of this weight hold different values of one kind."""
    for group, own in mine.items():
        other, now = theirs.get(group, set()), own - before
        if not other or len(other) > _LIST or now >= other:
            continue
        if other & before and (now or group in _NAMING):
            if weight >= _NAMED_NEEDED:
                return True
        elif group not in _NAMING and len(now) == len(other) == 1 and weight >= needed:
            return True
    return False
