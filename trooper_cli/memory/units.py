"""Cutting a turn into units: the clauses and code lines a report is made of, each with its weight and its kind."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.lazy import pattern
from trooper_cli.memory import count, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trooper_cli.turn import Exchange

WANTED, DECIDED, LIMIT, RULED_OUT, OPEN, DONE, FACT, CODE = range(8)


class Unit(NamedTuple):
    """One clause or line of a turn, shortened. Its turn counts inside the view and is never rendered."""

    turn: int
    place: int
    kind: int
    score: float  # the logarithm of its importance
    cost: float  # tokens
    text: str
    terms: tuple[str, ...]
    stale: int = 0  # the turn that superseded it; 0 while it holds


class Cut(NamedTuple):
    """What a turn was cut into, and the question it left for the next turn to answer."""

    units: list[Unit]
    asked: str


MOST_UNITS = 240  # of one turn: a pasted log is searched at its ends, not line by line for ever
MOST_LETTERS = 320  # of one unit
_LONG_CLAUSE = 20
_SHORT_QUESTION = 18
_SHORT_ANSWER = 14
_FEW_LINES = 3
_SCRAP = 2  # words of a sentence that says nothing alone

_FENCE = pattern(r"^\s*(?:```|~~~)")
_BULLET = pattern(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+|^\s*#{1,6}\s+|^\s*>\s?")
_LOG_LINE = pattern(
    r"^\s*(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d{1,3}(?:\.\d{1,3}){3} |[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d"
    r"|\[?(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|TRACE)\b"
    r"|at \S+\(|File \"|[+-]{3} [ab]/|@@ |\$ |[|+]-|\| )"
)
_SENTENCE = pattern(r"(?<=[.!?…])[\"')\]]*\s+|(?<=[。！？])")
_ABBREVIATED = pattern(r"\b(?:e\.g|i\.e|vs|approx|etc|incl|no|mr|mrs|ms|dr|prof|st|z\.b|ca|bzw|u\.a)\.$", re.IGNORECASE)
_ORDINAL = pattern(r"\b\d{1,2}\.$")
_AFTER_ORDINAL = pattern(r"[a-zà-ÿ]|(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)")
_CLAUSE = pattern(
    r"(?<=;)\s+|\s+[-–—]{1,2}\s+|(?<=,)\s+(?=(?:and|but|so|because|which|while|whereas|plus|then|aber"
    r"|weil|und|sonst)\s)",
    re.IGNORECASE,
)

_LIMITED = pattern(
    r"\b(?:must|never|always|only|at most|at least|no more than|no less than|cannot|can't|can not|has to"
    r"|have to|had to|need to|needs to"
    r"|required?|requires|mandatory|forbidden|not allowed|not permitted|allowed|budget|deadline"
    r"|limit(?:ed)?|max(?:imum)?|min(?:imum)?|cap(?:ped)?"
    r"|within|by the end of|no later than|shall|may not|mustn't|freeze|frozen|muss|darf|nie|höchstens"
    r"|mindestens|spätestens)\b",
    re.IGNORECASE,
)
_REJECTED = pattern(
    r"\b(?:do not|don't|not use|ruled? out|reject(?:ed)?|no longer|avoid|won't|will not|instead of"
    r"|rather than|drop(?:ped)? the|dropping|scrap(?:ped)?"
    r"|abandon(?:ed)?|discard(?:ed)?|forget|off the table|not going|decided against|against|nicht|kein(?:e|en)?)\b",
    re.IGNORECASE,
)
_DECISION = pattern(
    r"\b(?:decided?|decision|go(?:ing)? with|we(?:'ll| will) (?:use|go|keep|take|run|do)|chose|chosen"
    r"|choose|picked?|settled?|agreed|let's (?:use|go|keep|take|make|do|call)"
    r"|final(?:ly|ised|ized)?|signed off|approved|switch(?:ed|ing)? to|moved? to|moving to"
    r"|stick(?:ing)? with|entschieden|beschlossen|nehmen wir)\b",
    re.IGNORECASE,
)
# These only decide under which heading a clause is listed.
_CHANGED = pattern(
    r"\b(?:mov(?:e|es|ed|ing)\b.* (?:to|from)|instead|becomes?|changed?|make it|let's|takes over|raised?|slips?)\b",
    re.IGNORECASE,
)
_FORBIDDEN = pattern(r"^no \w|\bbut not\b|\bexcept\b|\buntil\b", re.IGNORECASE)
_OPENED = pattern(
    r"\b(?:todo|to do|still (?:need|have|open|missing|waiting|unclear)|open (?:question|item|point)"
    r"|remaining|remains|outstanding|pending|waiting (?:for|on)"
    r"|unclear|unknown|not yet|tbd|blocked|follow[- ]?up|owe[sd]?|offen)\b",
    re.IGNORECASE,
)
_FINISHED = pattern(
    r"\b(?:done|fixed|merged|deployed|shipped|finished|completed?|resolved|works now|passed"
    r"|rolled (?:back|out)|root cause|turned out|caused by|culprit|found (?:it|the)"
    r"|restored|released|live|erledigt|fertig)\b",
    re.IGNORECASE,
)
_WISH = pattern(
    r"\b(?:i want|we want|i need|we need|i'd like|goal|aim|should|please|help me|make sure|can you"
    r"|could you|let's|wollen|brauchen|möchte)\b",
    re.IGNORECASE,
)
_HEDGE = pattern(
    r"\b(?:maybe|perhaps|might|could be|possibly|probably|i guess|not sure|typically|usually|generally"
    r"|in general|often|consider|you could|one option|for example|e\.g\.)",
    re.IGNORECASE,
)
_THANKS = pattern(
    r"\b(?:thanks|thank you|cheers|great|awesome|cool|nice|lol|haha|good luck|you're welcome|happy to"
    r"|glad|sounds good|no problem|let me know|hope this)\b",
    re.IGNORECASE,
)
_QUESTION = pattern(
    r"^\W*(?:what|which|who|when|where|why|how|is|are|was|were|do|does|did|can|could|should|would|will"
    r"|any|was|wie|warum|wann|wo|wer|kann|ist)\b",
    re.IGNORECASE,
)
_ASIDE = pattern(
    r"\b(?:btw|by the way|off[- ]topic|random question|unrelated|side question|quick question|quick one"
    r"|curious|out of curiosity|just wondering|nebenbei)\b",
    re.IGNORECASE,
)
_GENERAL = pattern(
    r"^\W*(?:(?:can|could) you (?:explain|recommend|tell)|explain|tell me|recommend|write (?:a|me)"
    r"|what(?:'s| is| are| does| do| would)|how (?:does|do|are|is|many)|why (?:do|does|is|are)"
    r"|do you|did you|have you|is (?:it|there)|any (?:good|tips)|was ist|wie (?:lange|schreibt"
    r"|funktioniert)|kennst du|was (?:koche|macht))\b",
    re.IGNORECASE,
)
_OURS = pattern(r"\b(?:we|our|us|wir|unser\w*|left|open|status)\b|[a-z0-9][-_/.:][a-z0-9]", re.IGNORECASE)
_NAME = pattern(r"(?<=[\w,;:] )[A-Z][a-zà-ÿ]+(?:[A-Z]\w*)?\b|\b[A-Z]{2,}\b")

_USER = 0.7
_ASKED_ASIDE = -0.8
_TOLD_ASIDE = -0.9
_CODE = -1.0
_NUMBER = 0.5
_IDENTIFIER = 0.25
_PROPER = 0.12
_PLACE = -0.35
_CROWD = -0.2
_MOST_NAMES = 3
_DONE, _LEFT, _BOUND, _CHOICE, _REFUSAL = 0.2, 0.2, 0.45, 0.45, 0.45
_ASKING = -1.2
_DOUBT = -0.3
_COURTESY = -0.3
_AGREED = 1.0
_REPEATED = 0.4  # of a clause's terms, to count as said again
_REPEATED_LEAST = 2


def cut(turn: int, exchange: Exchange, asked: str = "") -> Cut:
    """Cut one turn into its units; `asked` is the question the turn before ended with."""
    prompt = _lines(exchange.prompt)
    answer = _lines(exchange.answer)
    aside = _is_aside(exchange.prompt, prompt)
    fused, prompt, answer = _fuse(asked, prompt, answer)
    found: list[Unit] = []
    total = len(fused) + len(prompt) + len(answer)
    crowd = _CROWD * math.log(max(1, total))
    for text in fused:
        _append(found, turn, text, crowd + (_ASKED_ASIDE if aside else _USER), code=False, whole=True)
    _append_all(found, turn, prompt, crowd + (_ASKED_ASIDE if aside else _USER))
    asking = len(found)
    _append_all(found, turn, answer, crowd + (_TOLD_ASIDE if aside else 0.0))
    return Cut([*found[:asking], *_agreed(found[:asking], found[asking:])], _last_question(exchange.answer))


def _agreed(asking: Sequence[Unit], answering: Sequence[Unit]) -> list[Unit]:
    """Raise what an answer says again of its prompt: both sides said it, and the second time mostly shorter."""
    telling = [(unit, set(unit.terms)) for unit in asking if _tells(unit)]
    said = set().union(*(terms for _, terms in telling))
    found = []
    for unit in answering:
        needed = max(_REPEATED_LEAST, _REPEATED * len(unit.terms))
        repeated = (
            [asked for asked, terms in telling if len(terms.intersection(unit.terms)) >= needed]
            if _tells(unit) and len(said.intersection(unit.terms)) >= needed
            else []
        )
        if repeated:
            weightiest = max(repeated, key=lambda asked: asked.score)
            found.append(
                unit._replace(
                    # "No restart before ten" is a limit if that is what was set.
                    kind=weightiest.kind if unit.kind == FACT else unit.kind,
                    score=round(max(unit.score, weightiest.score) + _AGREED, 3),
                )
            )
        else:
            found.append(unit)
    return found


def _tells(unit: Unit) -> bool:
    return unit.kind != CODE and not unit.text.endswith("?")


def _append_all(found: list[Unit], turn: int, source: list[tuple[str, bool]], base: float) -> None:
    for place, (text, code) in enumerate(_capped(source)):
        _append(found, turn, text, base + _PLACE * math.log(1 + place), code=code)


def _append(found: list[Unit], turn: int, text: str, base: float, *, code: bool, whole: bool = False) -> None:
    clipped = text[:MOST_LETTERS]
    short = clipped.strip() if code else words.telegraph(clipped)
    terms = words.terms(clipped)
    if not terms:
        return
    kind, weight = (CODE, _CODE) if code else _judge(text, whole=whole)
    shaped = words.identifiers(short)
    weight += _NUMBER * any(map(_has_digit, shaped)) + _IDENTIFIER * min(_MOST_NAMES, len(shaped))
    if not code:
        weight += _PROPER * min(_MOST_NAMES, len(_NAME.findall(clipped)))
    found.append(
        Unit(turn, len(found), kind, round(base + weight, 3), round(count.estimate(short) + 1, 2), short, terms)
    )


def _judge(text: str, *, whole: bool = False) -> tuple[int, float]:
    """Return a clause's kind, and how much its wording adds to its importance."""
    weight, kind = 0.0, FACT
    question = not whole and (text.rstrip().endswith("?") or bool(_QUESTION.match(text)))
    if _WISH.search(text):
        kind = WANTED
    for marked, told, extra in (
        (_FINISHED, DONE, _DONE),
        (_OPENED, OPEN, _LEFT),
        (_LIMITED, LIMIT, _BOUND),
        (_DECISION, DECIDED, _CHOICE),
        (_REJECTED, RULED_OUT, _REFUSAL),
    ):
        if marked.search(text):
            kind, weight = told, weight + extra
    if kind in {WANTED, FACT} and _FORBIDDEN.search(text):
        kind = LIMIT
    elif kind in {WANTED, FACT} and _CHANGED.search(text):
        kind = DECIDED
    if question:
        kind, weight = OPEN, weight + _ASKING
    if _HEDGE.search(text):
        weight += _DOUBT
    if _THANKS.search(text):
        weight += _COURTESY
    return kind, weight


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _capped(lines: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    if len(lines) <= MOST_UNITS:
        return lines
    half = MOST_UNITS // 2
    return lines[:half] + lines[-half:]


def _lines(text: str) -> list[tuple[str, bool]]:
    """Cut a text into clauses and code lines, each with whether it is code."""
    found: list[tuple[str, bool]] = []
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not line.strip():
            continue
        elif fenced or line.startswith(("    ", "\t")) or _LOG_LINE.match(line):
            found.append((line.strip(), True))
        else:
            found += [(clause, False) for clause in _clauses(_BULLET.sub("", line).strip())]
    return found


def _clauses(line: str) -> list[str]:
    sentences: list[str] = []
    for part in _SENTENCE.split(line):
        if sentences and (
            _ABBREVIATED.search(sentences[-1]) or (_ORDINAL.search(sentences[-1]) and _AFTER_ORDINAL.match(part))
        ):
            sentences[-1] += " " + part
        elif sentences and len(part.split()) <= _SCRAP and not part.rstrip().endswith("?"):
            sentences[-1] += " " + part.strip()
        elif part.strip():
            sentences.append(part.strip())
    found: list[str] = []
    for sentence in sentences:
        if len(sentence.split()) < _LONG_CLAUSE:
            found.append(sentence)
            continue
        held = ""
        for part in _CLAUSE.split(sentence):
            held = f"{held} {part}" if held else part
            if len(held.split()) >= 5:
                found.append(held)
                held = ""
        if held and found:
            found[-1] += " " + held
    return found


def _is_aside(text: str, lines: list[tuple[str, bool]]) -> bool:
    """Return whether a prompt is a side question: general knowledge, and nothing of the matter in hand is named."""
    if _ASIDE.search(text[:80]):
        return True
    return (
        len(lines) <= _FEW_LINES
        and bool(_GENERAL.match(words.without_lead(text)))
        and not any(map(_has_digit, text))
        and not _OURS.search(text)
    )


def _fuse(
    asked: str, prompt: list[tuple[str, bool]], answer: list[tuple[str, bool]]
) -> tuple[list[str], list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Join a short answer with the question it answers: neither means anything without the other."""
    fused: list[str] = []
    if asked and prompt and not prompt[0][1] and "?" not in prompt[0][0] and len(prompt[0][0].split()) <= _SHORT_ANSWER:
        fused.append(f"{asked.rstrip('? ')}? {prompt[0][0]}")
        prompt = prompt[1:]
    elif (
        len(prompt) == 1
        and answer
        and prompt[0][0].endswith("?")
        and len(prompt[0][0].split()) <= _SHORT_QUESTION
        and not answer[0][1]
        and len(answer[0][0].split()) <= _SHORT_ANSWER
    ):
        fused.append(f"{prompt[0][0]} {answer[0][0]}")
        prompt, answer = [], answer[1:]
    return fused, prompt, answer


def _last_question(answer: str) -> str:
    """Return the question a text ends with if it is short enough to be answered in a word, else ""."""
    last = answer.rstrip().rsplit("\n", 1)[-1]
    if not last.endswith("?"):
        return ""
    sentence = _SENTENCE.split(last)[-1].strip()
    return sentence if len(sentence.split()) <= _SHORT_QUESTION else ""
