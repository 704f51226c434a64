"""Cutting a turn into units: the clauses and code lines a report is made of. No line is lost, however long or many."""

from __future__ import annotations

import math
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.lazy_re import pattern
from trooper_cli.memory import terms, tokens, weigh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trooper_cli.turn import Exchange


class Unit(NamedTuple):
    """One clause or line of a turn, written short. Its turn counts inside the view and is never rendered."""

    turn: int
    position: int
    kind: int
    score: float  # the logarithm of its importance
    cost: float  # tokens
    text: str
    terms: tuple[str, ...]
    stale: int = 0  # the turn that says otherwise; 0 when it stands


class Cut(NamedTuple):
    """What a turn was cut into, and the question it left for the next turn to answer."""

    units: list[Unit]
    asked: str


class Clause(NamedTuple):
    """A part of a text, as it stands there."""

    text: str
    is_code: bool


MOST_LETTERS = 320  # of one unit; what is longer is several
_LONG_CLAUSE = 20  # words
_LEAST_CLAUSE = 5  # words
_SHORT_QUESTION = 18  # words
SHORT_ANSWER = 14  # words
_SCRAP = 2  # words of a sentence that says nothing alone
_REPEATED = 0.4  # of a clause's terms, to count as said again
REPEATED_LEAST = 2

_FENCE = pattern(r"^\s*(?:```|~~~)")
_BULLET = pattern(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+|^\s*#{1,6}\s+|^\s*>\s?")
# Lines of logs, diffs, JSON, SQL, shell and tables that stand outside a fence.
_CODE_LINE = pattern(
    r"^(?:    |\t)|^\s*(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d{1,3}(?:\.\d{1,3}){3} |[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d"
    r"|\d\d:\d\d(?::\d\d)? \S+ (?:INFO|WARN|ERROR|DEBUG|rejected|accepted|started|stopped)\b"
    r"|\[?(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|TRACE)\b"
    r"|at \S+\(|File \"|[+-]{3} [ab]/|@@ |\$ |[|+]-|\| )"
    r"|^\s*[\[{}\]]|^\s*\"[^\"]*\"\s*:|[{}]\s*$|[)=].*;\s*$"
    r"|^\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|GRANT|REVOKE|FROM|WHERE) [\w*\"]+.*[=;,*(]"
)
_YAML = pattern(r"^\s*(?:-\s+)?[a-z][\w.-]*:(?:\s|$)")
_SENTENCE = pattern(r"(?<=[.!?…])[\"')\]]*\s+|(?<=[。！？।॥])\s*")
_ABBREVIATED = pattern(r"\b(?:e\.g|i\.e|vs|approx|etc|incl|no|mr|mrs|ms|dr|prof|st|z\.b|ca|bzw|u\.a)\.$", re.IGNORECASE)
_ORDINAL = pattern(r"\b\d{1,2}\.$")
_AFTER_ORDINAL = pattern(r"[a-zà-ÿ]|(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)")
_CLAUSE = pattern(
    r"(?<=;)\s+|\s+[-–—]{1,2}\s+|(?<=[、，；])|(?<=,)\s+(?=(?:and|but|so|because|which|while|whereas|plus|then|aber"
    r"|weil|und|sonst)\s)|(?<=[\u0e00-\u0e7f])\s+(?=[\u0e00-\u0e7f])",
    re.IGNORECASE,
)


def cut(turn: int, exchange: Exchange, asked: str = "") -> Cut:
    """Cut one turn into its units; `asked` is the question the turn before ended with."""
    prompt, answer = list(_lines(exchange.prompt)), list(_lines(exchange.answer))
    aside = weigh.is_aside([clause.text for clause in prompt if not clause.is_code])
    fused, prompt, answer = _fuse(asked, prompt, answer)
    units = _Units(turn)
    by_user = weigh.ASKED_ASIDE if aside else weigh.USER
    for text in fused:
        units.add(Clause(text, is_code=False), by_user, whole=True)
    units.add_all(prompt, by_user)
    asking = len(units.found)
    units.add_all(answer, weigh.ANSWERED_ASIDE if aside else 0.0)
    found = units.found
    return Cut([*found[:asking], *_agreed(found[:asking], found[asking:])], last_question(exchange.answer))


class _Units:
    """The units of one turn; what is said twice in it is one of them."""

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._said: set[str] = set()
        self.found: list[Unit] = []

    def add_all(self, text: Sequence[Clause], base: float) -> None:
        for position, clause in enumerate(text):
            self.add(clause, base + weigh.POSITION * math.log(1 + position))

    def add(self, clause: Clause, base: float, *, whole: bool = False) -> None:
        text, is_code = clause
        short = text if is_code else terms.telegraph(text)
        found = terms.terms(text)
        key = short.casefold()
        if not found or key in self._said:
            return
        self._said.add(key)
        kind, weight = (weigh.CODE, weigh.CODE_LINE) if is_code else weigh.judge(text, whole=whole)
        cost = round(tokens.estimate(short) + 1, 2)
        self.found.append(Unit(self._turn, len(self.found), kind, round(base + weight, 3), cost, short, found))


def _agreed(asking: Sequence[Unit], answering: Sequence[Unit]) -> list[Unit]:
    """Raise what an answer says again of its prompt: both sides said it, and the second time mostly shorter."""
    stated = [(unit, set(unit.terms)) for unit in asking if _states(unit)]
    said = set().union(*(found for _, found in stated))
    raised = []
    for unit in answering:
        needed = max(REPEATED_LEAST, _REPEATED * len(unit.terms))
        repeated = []
        if _states(unit) and len(said.intersection(unit.terms)) >= needed:
            repeated = [asked for asked, found in stated if len(found.intersection(unit.terms)) >= needed]
        if repeated:
            weightiest = max(repeated, key=lambda asked: asked.score)
            # "No restart before ten" is a limit if that is what was set.
            kind = weightiest.kind if unit.kind == weigh.FACT else unit.kind
            score = round(max(unit.score, weightiest.score) + weigh.AGREED, 3)
            raised.append(unit._replace(kind=kind, score=score))
        else:
            raised.append(unit)
    return raised


def _states(unit: Unit) -> bool:
    return unit.kind != weigh.CODE and not unit.text.endswith("?")


def _lines(text: str) -> Iterator[Clause]:
    """Yield the clauses and code lines of a text; code is never cut into clauses."""
    is_fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            is_fenced = not is_fenced
        elif not line.strip():
            continue
        elif is_fenced or _CODE_LINE.search(line):
            yield from (Clause(part, is_code=True) for part in _pieces(line.strip()))
        elif _YAML.match(line):
            yield from (Clause(part, is_code=False) for part in _pieces(line.strip()))
        else:
            for clause in _clauses(_BULLET.sub("", line).strip()):
                yield from (Clause(part, is_code=False) for part in _pieces(clause))


def sentences(text: str) -> list[str]:
    """Return the whole sentences of a text's prose, without what only opens them or announces a paste."""
    found: list[str] = []
    is_fenced = False
    written = [line for line in text.splitlines() if line.strip()]
    for line, following in zip_longest(written, written[1:], fillvalue=""):
        if _FENCE.match(line):
            is_fenced = not is_fenced
        elif not is_fenced and not _CODE_LINE.search(line):
            said = [terms.without_lead(sentence) for sentence in _sentences(_BULLET.sub("", line).strip())]
            announces = _FENCE.match(following) and said and not said[-1].endswith((".", "!"))
            found += said[:-1] if announces else said
    return found


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of at most `MOST_LETTERS` characters, cut between words where there are any."""
    while len(text) > MOST_LETTERS:
        end = text.rfind(" ", MOST_LETTERS // 2, MOST_LETTERS)
        end = end if end > 0 else MOST_LETTERS
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    if text:
        yield text


def _clauses(line: str) -> list[str]:
    """Cut a line of prose into sentences, and long sentences into clauses."""
    found: list[str] = []
    for sentence in _sentences(line):
        if terms.length(sentence) < _LONG_CLAUSE:
            found.append(sentence)
            continue
        held = ""
        for part in _CLAUSE.split(sentence):
            joint = "" if held.endswith(("、", "，", "；")) else " "
            held = f"{held}{joint}{part}" if held else part
            if terms.length(held) >= _LEAST_CLAUSE:
                found.append(held)
                held = ""
        if held and found:
            found[-1] += " " + held
        elif held:
            found.append(held)
    return found


def _sentences(line: str) -> list[str]:
    found: list[str] = []
    for part in _SENTENCE.split(line):
        if found and (_ABBREVIATED.search(found[-1]) or (_ORDINAL.search(found[-1]) and _AFTER_ORDINAL.match(part))):
            found[-1] += " " + part
        elif found and terms.length(part) <= _SCRAP and not part.rstrip().endswith("?"):
            found[-1] += " " + part.strip()
        elif part.strip():
            found.append(part.strip())
    return found


def _fuse(asked: str, prompt: list[Clause], answer: list[Clause]) -> tuple[list[str], list[Clause], list[Clause]]:
    """Join a short answer with the question it answers: neither means anything without the other."""
    if asked and prompt and _is_short(prompt[0], SHORT_ANSWER) and "?" not in prompt[0].text:
        return [f"{asked.rstrip('? ')}? {prompt[0].text}"], prompt[1:], answer
    if (
        len(prompt) == 1
        and answer
        and prompt[0].text.endswith("?")
        and _is_short(prompt[0], _SHORT_QUESTION)
        and _is_short(answer[0], SHORT_ANSWER)
    ):
        return [f"{prompt[0].text} {answer[0].text}"], [], answer[1:]
    return [], prompt, answer


def _is_short(clause: Clause, most: int) -> bool:
    return not clause.is_code and terms.length(clause.text) <= most


def last_question(answer: str) -> str:
    """Return the question a text ends with, if it is short enough to be answered in a word."""
    last = answer.rstrip().rsplit("\n", 1)[-1]
    if not last.endswith("?"):
        return ""
    sentence = _SENTENCE.split(last)[-1].strip()
    return sentence if terms.length(sentence) <= _SHORT_QUESTION else ""
