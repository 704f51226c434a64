"""What a clause weighs in a report, and the heading it belongs under."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

WANTED, DECIDED, LIMIT, RULED_OUT, OPEN, DONE, FACT, CODE = range(8)

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
# These only decide under which heading a clause stands.
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
_UNRELATED = pattern(
    r"\b(?:off[- ]topic|random question|unrelated|side question|out of curiosity|just wondering|nebenbei gefragt)\b",
    re.IGNORECASE,
)
_REQUEST = pattern(
    r"^\W*(?:(?:also|and|ok|hm+|so|btw|by the way|quick|quick (?:one|question)|question|curious)\b[:, ]+)*"
    r"(?:how|what|what's|which|why|who|where|when|is|are|can|could|do|does|did|should|would|explain|tell|recommend"
    r"|suggest|describe|compare|translate|convert|define|write|give|show|list|summari[sz]e|regex|sed|awk|any|difference"
    r"|have you|was|wie|warum|wann|wo|wer|kann|ist|kennst|schreib|erkl[äa]r)\b",
    re.IGNORECASE,
)
_OURS = pattern(
    r"\b(?:we|our|ours|us|wir|uns|unser\w*|left|open|status|so far|again|not done|done yet|missing|offen)\b",
    re.IGNORECASE,
)


# Weights are logarithms. They were tuned on the tune halves of both sets of `benchmarks/memory`, in coarse steps:
# `python -m benchmarks.memory --sensitivity` prints what each is worth.
USER = 1.6  # said by the user
ASKED_ASIDE = -1.3  # a side question
ANSWERED_ASIDE = -2.0  # its answer
CODE_LINE = -3.0
NUMBER = 0.2
POSITION = -0.25  # for the logarithm of how many clauses of the same text stand before
DONE_MORE, OPEN_MORE, LIMIT_MORE, DECIDED_MORE, RULED_OUT_MORE = 0.2, 0.2, 0.25, 0.5, 0.3
ASKING = -1.2
DOUBT = -0.3
COURTESY = -0.3
AGREED = 0.6  # an answer that says again what its prompt said
_FEW_CLAUSES = 3


def judge(text: str, *, whole: bool = False) -> tuple[int, float]:
    """Return a clause's kind, and what the way it is said adds to its importance."""
    weight, kind = 0.0, FACT
    question = not whole and (text.rstrip().endswith("?") or bool(_QUESTION.match(text)))
    if _WISH.search(text):
        kind = WANTED
    for marked, heading, extra in (
        (_FINISHED, DONE, DONE_MORE),
        (_OPENED, OPEN, OPEN_MORE),
        (_LIMITED, LIMIT, LIMIT_MORE),
        (_DECISION, DECIDED, DECIDED_MORE),
        (_REJECTED, RULED_OUT, RULED_OUT_MORE),
    ):
        if marked.search(text):
            kind, weight = heading, weight + extra
    if kind in {WANTED, FACT} and _FORBIDDEN.search(text):
        kind = LIMIT
    elif kind in {WANTED, FACT} and _CHANGED.search(text):
        kind = DECIDED
    if question:
        kind, weight = OPEN, weight + ASKING
    if any(map(str.isdigit, text)):
        weight += NUMBER
    if _HEDGE.search(text):
        weight += DOUBT
    if _THANKS.search(text):
        weight += COURTESY
    return kind, weight


def is_aside(prose: Sequence[str]) -> bool:
    """Return whether a prompt only asks for general knowledge: it states nothing, and nothing of ours is meant."""
    if not prose or len(prose) > _FEW_CLAUSES:
        return False
    if _UNRELATED.search(prose[0]):
        return True
    if not all(clause.endswith("?") or _REQUEST.match(clause) for clause in prose):
        return False
    return not any(map(_OURS.search, prose))
