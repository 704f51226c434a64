"""The words of a text: what it is about, and how it is said shorter without saying something else."""

from __future__ import annotations

import re
from functools import lru_cache

from trooper_cli.lazy import pattern

# Words that say nothing about the subject, in the languages people most often ask in.
STOP = frozenset(
    """a an the this that these those there here it its i me my we us our you your he she they them their
his her is are was were be been being am do does did doing done have has had having will would shall
should can could may might must and or but so if then else than as of at by for from in into on onto
to with without about over under up down out off again not no nor only just also too very really
quite still yet ever never what which who whom whose when where why how get got go goes going gone
let lets make makes made take takes took put want wants wanted need needs needed like know think say
says said tell told ask asked see look give gave use uses used using ok okay yes yeah yep no nope
please thanks thank sure right well now later next first last one two continue proceed remember
remind recall earlier before previously again discussed mentioned agreed conversation session some
any all each every other another more most much many few same such own because while until during
after though although however s t d ll ve re m don doesn didn isn aren wasn weren won wouldn shouldn
couldn can't cannot thing things something anything way lot bit der die das den dem des ein eine
einen einem einer und oder aber nicht ist sind war wir ich du sie er es mit von zu im in auf für
dass wie was wo wann auch noch nur bei nach aus dann denn schon mal haben hat wird werden kann muss
soll le la les un une des et ou mais est sont nous vous je il elle pas de du au aux pour par sur
dans que qui avec el los las una unos y o pero es son no de del al por para con que en se lo su""".split()
)

# Dropped when a clause is written in telegraph style. Nothing here may change what is said: no negation, no obligation,
# no preposition, no quantity.
_DROPPED = frozenset(
    """a an the i we you he she it they me him them my our your its his her their am is are was were been
being do does did has had will have i'm we're you're they're it's that's there's i've we've you've
they've i'll we'll you'll they'll it'll i'd we'd just really actually basically simply quite very
please well also so then ok okay there""".split()
)
_DROPPED_GERMAN = frozenset(
    """der die das den dem des ein eine einen einem einer ist sind war waren wir ich es er sie ihr mir uns ja eben halt
also dann mal bitte danke""".split()
)
# "have to" is an obligation, "has 14 GB" a possession: only the auxiliary is dropped, before a participle.
_PERFECT = frozenset({"have", "has", "had"})
_PARTICIPLE = pattern(
    r"(?:been|\w+ed|\w+en|done|made|got|had|gone|put|set|left|sent|kept|told|said|lost|built|run|cut)$"
)
_DOING = frozenset({"do", "does", "did"})
_DONE_TO = frozenset("it this that these those the a an so them everything nothing something".split())
_CONTRACTED = pattern(
    r"\b(do|does|did|is|are|was|were|has|have|had|ca|wo|would|should|could|must|need)n't\b", re.IGNORECASE
)
_NEGATED = {"ca": "cannot", "wo": "will not"}

_LEAD = pattern(
    r"^(?:(?:ok(?:ay)?|so|well|right|sure|yes|yeah|yep|great|good|nice|fine|perfect|alright|hm+|ah+|oh"
    r"|and|also|anyway|btw"
    r"|by the way|thanks|thank you|understood|got it|makes sense|agreed|of course|certainly|absolutely"
    r"|actually|basically"
    r"|to be clear|for the record|note that|fyi|one more thing|i think|i guess|i believe|as i said|just so you know"
    r"|keep in mind(?: that)?|remember(?: that)?|please note(?: that)?)\b[\s,.:!–—-]*)+",
    re.IGNORECASE,
)
_SPAN = pattern(r"(`[^`]*`|\"[^\"]*\"|\S+)")
_LETTERS = pattern(r"[a-z']+")
_FOREIGN = frozenset(
    "der die das und nicht ist ein eine mit von zu auf für wir ich kein keine le les et est pas une pour el los que"
    " para".split()
)
_GERMAN = pattern(
    r"\b(?:der|das|und|nicht|ist|sind|mit|von|zu|auf|für|wir|ich|kein\w*|bei|vom|im|am|es|wird)\b", re.IGNORECASE
)
_ENGLISH = frozenset("the and is a to of in for we it that with on not be are was this have do you i".split())
_EDGE = ",.;:!?()[]{}<>\"'`*_…"
_FEW = 3

_TOKEN = pattern(r"[^\W_](?:[\w./:@+#~$%&=\\-]*[^\W_])?%?", re.UNICODE)
_PART = pattern(r"[^\W\d_]+|\d+(?:\.\d+)*")
_IDEOGRAPH = pattern(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SHAPED = pattern(r"[\d./:@+#~$%&=\\_-]|[a-z][A-Z]")

_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ingly",
    "ings",
    "ing",
    "ions",
    "ion",
    "edly",
    "ies",
    "ers",
    "er",
    "ed",
    "es",
    "ly",
    "s",
    "e",
)
_VERBAL = frozenset({"ing", "ings", "ed", "es", "e", "er", "ers"})
_STEM_FROM = 3


@lru_cache(maxsize=32768)
def stem(word: str) -> str:
    """Cut a word's ending, so that "migrated", "migration" and "migrate" are one term."""
    if len(word) <= _STEM_FROM or not word.isascii() or not word.isalpha():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_FROM:
            if ending == "s" and word.endswith(("ss", "us", "is")):
                return word
            if ending == "ies":
                return word[:-3] + "y"
            root = word[: -len(ending)]
            if ending in _VERBAL and len(root) > _STEM_FROM + 2 and root.endswith("at"):
                root = root[:-2]  # migrated and migration, not migrat and migr
            if len(root) > _STEM_FROM and root[-1] == root[-2] and root[-1] not in "ls":
                root = root[:-1]  # planned, plan
            return root[:-1] + "y" if root.endswith("i") and len(root) > _STEM_FROM else root
    return word


@lru_cache(maxsize=32768)
def _token_terms(token: str) -> tuple[str, ...]:
    low = token.casefold()
    if _IDEOGRAPH.search(low):
        return tuple(low[i : i + 2] for i in range(max(1, len(low) - 1)))
    if low.isalpha():
        return () if low in STOP else (stem(low),)
    parts = _PART.findall(low)
    if len(parts) == 1:
        return (low,) if parts[0] == low else (low, stem(parts[0]))
    found = [low]
    found += [stem(part) for part in parts if part not in STOP and (len(part) > 1 or part.isdigit())]
    return tuple(dict.fromkeys(found))


def terms(text: str) -> tuple[str, ...]:
    """Return the terms of a text, each once: stems without stop words, identifiers whole and in parts."""
    found: dict[str, None] = {}
    for token in _TOKEN.findall(text):
        for term in _token_terms(token):
            found[term] = None
    return tuple(found)


def is_shaped(term: str) -> bool:
    """Return whether a term is more than a plain word: it holds digits or inner marks."""
    return not term.isalpha()


def identifiers(text: str) -> list[str]:
    """Return the tokens of a text that are paths, hosts, versions, flags, numbers or code."""
    return [token for token in _TOKEN.findall(text) if _SHAPED.search(token)]


def without_lead(text: str) -> str:
    """Drop what only opens a sentence ("ok so", "by the way"); keep the text if nothing else is in it."""
    rest = _LEAD.sub("", text, count=1)
    return rest or text


def is_english(text: str) -> bool:
    """Guess whether English shortening may be applied: other languages are left as they are."""
    low = _LETTERS.findall(text.lower())
    foreign = sum(word in _FOREIGN for word in low)
    return not foreign or foreign <= sum(word in _ENGLISH for word in low)


def telegraph(text: str) -> str:
    """Return a clause without articles, subjects and auxiliaries; negations, obligations, numbers and names stay."""
    text = without_lead(text.strip())
    if not is_english(text):
        dropped = _DROPPED_GERMAN if _GERMAN.search(text) else frozenset()
        return (" ".join(span for span in _SPAN.findall(text) if span.lower() not in dropped) or text).rstrip(" .,;")
    text = _CONTRACTED.sub(lambda match: _uncontract(match[1]), text)
    spans = _SPAN.findall(text)
    kept: list[str] = []
    for place, span in enumerate(spans):
        bare = span.strip(_EDGE)
        low = bare.lower().replace("’", "'")
        if low in _DROPPED and (
            bare == low or (bare[1:] == low[1:] and place == 0) or bare in {"I", "I'm", "I've", "I'll"}
        ):
            following = spans[place + 1].strip(_EDGE).lower() if place + 1 < len(spans) else ""
            if not (low in _PERFECT and not _PARTICIPLE.match(following)) and not (
                low in _DOING and following in _DONE_TO
            ):
                tail = span[len(span.rstrip(_EDGE)) :]
                if tail and kept and not kept[-1].endswith(tuple(_EDGE)):
                    kept[-1] += tail
                continue
        kept.append(span)
    short = " ".join(kept) if len(kept) > 0 else text
    return short.rstrip(" .,;")


def _uncontract(verb: str) -> str:
    """Write a contracted negation out: "don't" loses its auxiliary, never its "not"."""
    low = verb.lower()
    if low in {"do", "does", "did", "is", "are", "was", "were", "has", "have", "had"}:
        return "not"
    return _NEGATED.get(low, low + " not")
