"""The report for people: whole sentences; what is open first, then rules, decisions, what is done, and facts."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.lazy_re import pattern
from trooper_cli.memory import clauses, select, supersede, terms, tokens, weigh
from trooper_cli.memory.clauses import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trooper_cli.turn import Exchange

OPEN, RULES, DECISIONS, DONE, FACTS = "Open", "Rules and limits", "Decisions", "Done", "Facts"
_HEADINGS = {
    weigh.OPEN: OPEN,
    weigh.LIMIT: RULES,
    weigh.RULED_OUT: RULES,
    weigh.DECIDED: DECISIONS,
    weigh.WANTED: DECISIONS,
    weigh.DONE: DONE,
    weigh.FACT: FACTS,
}
_ORDER = (OPEN, RULES, DECISIONS, DONE, FACTS)
_MARK = 2  # tokens: the dash before a line, and its end
_HEADING = 3  # tokens
_SUMMARY = 3.0  # more for a late sentence that lists what is open
_LATE = 0.6  # of the session: what was open before is mostly settled
_STALE_OPEN = -1.5
_SAID = 0.8  # by the user
_ADVICE = -0.7  # an answer that says nothing of what its prompt said
_LISTS_OPEN = pattern(r"^(?:still )?(?:open|left|to do|todo|remaining|offen)(?: (?:items?|points?|questions?))?:", 2)
_COMMAND = pattern(r"`[^`]*\s|[{}<>|]|(?:^|\s)--?[a-z][\w-]+|\$\(")
_EMPTY = pattern(
    r"^(?:noted|ok(?:ay)?|fine|good|great|done|yes|no|sure|thanks|well done|good luck|with pleasure|understood)\W*$", 2
)
_RARE = 3  # sentences a word may be in to tell what an open item is about


class Line(NamedTuple):
    """One line of the report, and the positions in the view of the turns it was made from, the newest first."""

    heading: str
    text: str
    turns: tuple[int, ...]


def lines(
    turns: Iterable[Exchange],
    room: float,
    mask: Callable[[str], str] | None = None,
    may_join: Callable[[int, int], bool] = lambda _new, _old: True,
) -> list[Line]:
    """Return what a person should know of a conversation, in the order of the headings.

    Args:
        turns: the view's turns, oldest first.
        room: tokens, by the estimate.
        mask: hides credentials.
        may_join: whether a value of the second turn may be included in a line of the first, by their positions.

    """
    sentences = _sentences(turns, mask)
    replaced = supersede.pairs(sentences)
    older = {id(old) for old, _ in replaced}
    standing = _weighed([unit for unit in sentences if id(unit) not in older])
    was = {(new.turn, new.position): old for old, new in replaced if may_join(new.turn, old.turn)}
    room -= _HEADING * len(_ORDER)
    taken = select.by_importance(standing, room, set(), select.term_weights(standing))
    found = []
    for _, group in groupby(select.in_order(taken), key=lambda unit: unit.turn):
        said = list(group)
        weightiest = max(said, key=lambda unit: (unit.score, -unit.position))
        parts = [_line(unit, was.get((unit.turn, unit.position))) for unit in said]
        text = " ".join(
            part.text if part.text.endswith((".", "!", "?", ":", ";")) else part.text + "." for part in parts
        )
        turns_of = tuple(dict.fromkeys(turn for part in parts for turn in part.turns))
        found.append(Line(_HEADINGS[weightiest.kind], text, turns_of))
    return sorted(found, key=lambda line: (_ORDER.index(line.heading), -line.turns[0]))


def _line(unit: Unit, old: Unit | None) -> Line:
    text = unit.text
    turns: tuple[int, ...] = (unit.turn,)
    if "\n" in text:  # a question and its answer, from two turns
        text, turns = text.replace("\n", " "), (unit.turn, max(0, unit.turn - 1))
    if old is not None:
        before = supersede.old_value(old.text, unit.text)
        if before and before not in text:
            text, turns = f"{text.rstrip('.')} (was {before})", (*turns, old.turn)
    return Line(_HEADINGS[unit.kind], text, turns)


def _sentences(turns: Iterable[Exchange], mask: Callable[[str], str] | None) -> list[Unit]:
    """Return the whole sentences of all turns that say something of their own; no code, no side talk."""
    found: list[Unit] = []
    asked = ""
    for turn, exchange in enumerate(turns):
        prompt, answer = exchange.prompt, exchange.answer
        if mask:
            prompt, answer = mask(prompt), mask(answer)
        said, answered = clauses.sentences(prompt), clauses.sentences(answer)
        question, asked = asked, clauses.last_question(answer)
        if weigh.is_aside(said):
            continue
        if question and said and terms.length(said[0]) <= clauses.SHORT_ANSWER and "?" not in said[0]:
            said = [f"{question}\n{said[0]}", *said[1:]]
        stated = set(terms.terms(prompt))
        for position, text in enumerate(said):
            _add(found, turn, text, _SAID + weigh.POSITION * math.log(1 + position))
        for position, text in enumerate(answered):
            again = len(stated.intersection(terms.terms(text))) >= clauses.REPEATED_LEAST
            _add(found, turn, text, (0.0 if again else _ADVICE) + weigh.POSITION * math.log(1 + position))
    return found


def _add(found: list[Unit], turn: int, text: str, base: float) -> None:
    own = terms.terms(text)
    if not own or _COMMAND.search(text) or _EMPTY.match(text) or text.endswith(("?", ":")):
        return
    kind, weight = weigh.judge(text, whole="\n" in text)
    if _LISTS_OPEN.match(text):
        kind, weight = weigh.OPEN, _SUMMARY
    score = base + weight
    found.append(Unit(turn, len(found), kind, score, tokens.estimate(text) + _MARK, text, own))


def _weighed(sentences: Sequence[Unit]) -> list[Unit]:
    """Push down open items that are old, or that a later sentence calls done."""
    last = max((unit.turn for unit in sentences), default=0)
    document_frequency = select.document_frequency(sentences)
    done = [(unit.turn, set(unit.terms)) for unit in sentences if unit.kind == weigh.DONE]
    found = []
    for unit in sentences:
        if unit.kind == weigh.OPEN and not _LISTS_OPEN.match(unit.text):
            rare = {term for term in unit.terms if document_frequency[term] <= _RARE}
            is_closed = any(turn > unit.turn and rare & own for turn, own in done)
            if is_closed or unit.turn < _LATE * last:
                unit = unit._replace(kind=weigh.FACT, score=unit.score + _STALE_OPEN)  # noqa: PLW2901
        found.append(unit)
    return found
