"""The words of a text: what it is about, and how it is said shorter without saying something else."""

from __future__ import annotations

import re
from functools import lru_cache

from trooper_cli.lazy_re import pattern

# Words that tell nothing about the subject, in the languages people most often ask in.
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

# Dropped when a clause is written short, between plain words: articles, and "is" where what follows says it. Nothing
# else may go: pronouns, other auxiliaries, negations, obligations, prepositions and quantities say who does what.
_ARTICLES = frozenset({"a", "an", "the"})
_FILLERS = frozenset("please basically simply okay".split())
_COPULAS = frozenset({"is", "are"})
# "a" stays before these: "twice a day", "a few hosts", "plan a is out".
_KEEPS_ARTICLE = frozenset(
    """second minute hour day night week month quarter year few little lot bit couple single half third is are was were
has have had can could must may might will would shall should does did and or but not to than in of at on""".split()
)
_NEGATION = pattern(r"(?:not|never|no|nothing|none|nobody)\b", re.IGNORECASE)
_PLAIN = pattern(r"[^\W\d_]+(?:['’][^\W\d_]+)?[.,;:!?)]*$")
# Where one of these stands, a clause may be a command or hold one: it is included as it is.
_COMMAND = pattern(
    r"[{}<>|\\$=;`\"]|(?:^|\s)-{1,2}[A-Za-z]|\w\(|::|->|&&|^\s*(?:-\s+)?[a-z][\w.-]*:(?:\s|$)"
    r"|(?:^|\s)(?:sudo|cp|mv|rm|ls|cd|ln|chmod|chown|mkdir|grep|curl|wget|ssh|scp|rsync|tar|git|docker|kubectl|helm"
    r"|terraform|systemctl|journalctl|pip|npm|psql|apt|dnf|brew|echo|SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP)\s"
)

_LEAD = pattern(
    r"^(?:(?:ok(?:ay)?|yes|yeah|yep|hm+|ah+|oh|and|also|anyway|btw|by the way|thanks|thank you|to be clear"
    r"|for the record|note that|fyi|one more thing|as i said|just so you know|keep in mind(?: that)?|remember(?: that)?"
    r"|please note(?: that)?|so(?! (?:far|that|long|many|much|few|is|are|does|do|did|will)\b))\b[\s,.:!–—-]*"
    r"|(?:well|right|sure|great|good|nice|fine|perfect|alright|understood|got it|makes sense|of course|certainly"
    r"|absolutely|actually)[,.:!–—]+\s+)+",
    re.IGNORECASE,
)
_LETTERS = pattern(r"[a-z']+")
_FOREIGN = frozenset(
    "der die das und nicht ist ein eine mit von zu auf für wir ich kein keine le les et est pas une pour el los que"
    " para".split()
)
_ENGLISH = frozenset("the and is a to of in for we it that with on not be are was this have do you i".split())

# Letters of scripts whose vowels are marks are letters here, and those without spaces are cut into pairs.
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u064b-\u0670\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_TOKEN = pattern(rf"(?:[^\W_]|[{_MARKS}])(?:[\w./:@+#~$%&=\\{_MARKS}-]*(?:[^\W_]|[{_MARKS}]))?%?")
_PART = pattern(rf"(?:[^\W\d_]|[{_MARKS}])+|\d+(?:\.\d+)*")
_RUN = pattern(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_LETTER = pattern(rf"[{_UNSPACED}]")
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
    if not low.isascii() and _UNSPACED_LETTER.search(low):
        return tuple(dict.fromkeys(term for run in _RUN.findall(low) for term in _run_terms(run)))
    if low.isalpha():
        return () if low in STOP else (stem(low),)
    parts = _PART.findall(low)
    if len(parts) == 1:
        return (low,) if parts[0] == low else (low, stem(parts[0]))
    found = [low]
    found += [stem(part) for part in parts if part not in STOP and (len(part) > 1 or part.isdigit())]
    return tuple(dict.fromkeys(found))


def _run_terms(run: str) -> tuple[str, ...]:
    """Return the terms of a run of one kind: pairs of letters where words are not set apart."""
    if _UNSPACED_LETTER.match(run):
        return tuple(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    return tuple(term for token in _TOKEN.findall(run) for term in _token_terms(token))


def length(text: str) -> int:
    """Return about how many words a text has, in any script."""
    count = len(text.split())
    return count if text.isascii() else count + len(_UNSPACED_LETTER.findall(text)) // 2


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
    """Return a clause without its lead-in, articles and courtesies; what may be a command is returned as it is."""
    text = text.strip()
    if _COMMAND.search(text):
        return text
    text = without_lead(text)
    if not is_english(text):
        return text.rstrip(" .,;")
    spans = text.split()
    kept = [span for position, span in enumerate(spans) if not _is_idle(spans, position)]
    return (" ".join(kept) or text).rstrip(" .,;")


def _is_idle(spans: list[str], position: int) -> bool:
    """Return whether a word says nothing where it stands."""
    low = spans[position].lower()
    if low in _COPULAS:
        return 0 < position < len(spans) - 1 and not _NEGATION.match(spans[position + 1])
    if low not in _ARTICLES and low not in _FILLERS:
        return False
    if position + 1 == len(spans) or (spans[position] == "A" and position):
        return False
    following = spans[position + 1]
    if not _PLAIN.match(following) and low != "the":
        return False
    if low == "the" and not following[0].isalnum():
        return False
    return following.lower().rstrip(".,;:!?)") not in _KEEPS_ARTICLE
