"""Does a text hold credentials? Rules for known kinds, and for what a name before it says is secret."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from trooper_cli.guard.find import Find
from trooper_cli.guard.rules import Allowlist, Rule, Rules, load_gitleaks, own_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Rules", "find", "load_gitleaks", "mask"]


def find(text: str, extra: Rules | None = None) -> list[Find]:
    """Give the places of `text` that are credentials, in order and apart; the user's own rules come before Trooper's."""
    own = own_rules()
    rules = (*extra.rules, *own.rules) if extra else own.rules
    general = (*extra.allowlists, *own.allowlists) if extra else own.allowlists
    lowered = text.lower()
    spans: list[tuple[int, int, int]] = []
    for rank, rule in enumerate(rules):
        if not rule.keywords or any(keyword in lowered for keyword in rule.keywords):
            spans += [(start, end, rank) for start, end in _spans(rule, text, general)]
    return [Find(rules[rank].kind, start, end - start) for start, end, rank in _merged(spans)]


def mask(text: str) -> str:
    """Replace each credential by its kind in brackets."""
    pieces: list[str] = []
    end = 0
    for place in find(text):
        pieces += [text[end : place.offset], f"[{place.kind}]"]
        end = place.offset + place.length
    return "".join((*pieces, text[end:]))


def _spans(rule: Rule, text: str, general: Iterable[Allowlist]) -> Iterator[tuple[int, int]]:
    for match in re.compile(rule.regex, re.ASCII).finditer(text):
        group = rule.group or match.lastindex and next(n for n, part in enumerate(match.groups(), 1) if part) or 0
        start, end = match.span(group)
        if start == end or (rule.entropy and _entropy(text[start:end]) <= rule.entropy):
            continue
        allowlists = (*rule.allowlists, *(one for one in general if not one.only_for or rule.kind in one.only_for))
        if not any(_allows(allowlist, match, group) for allowlist in allowlists):
            yield start, end


def _allows(allowlist: Allowlist, match: re.Match[str], group: int) -> bool:
    if allowlist.target == "line":
        start, end = match.span()
        start = match.string.rfind("\n", 0, start) + 1
        end = match.string.find("\n", end)
        tried = match.string[start : end if end >= 0 else None]
    else:
        tried = match[0] if allowlist.target == "match" else match[group]
    lowered = match[group].lower()
    answers = (
        [any(re.compile(regex, re.ASCII).search(tried) for regex in allowlist.regexes)] if allowlist.regexes else []
    )
    if allowlist.stopwords:
        answers.append(any(word in lowered for word in allowlist.stopwords))
    return bool(answers) and (all(answers) if allowlist.needs_all else any(answers))


def _entropy(text: str) -> float:
    """Bits a character, by how often each occurs in the text itself."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def _merged(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join what overlaps; the rule that comes first names the whole."""
    joined: list[tuple[int, int, int]] = []
    for start, end, rank in sorted(spans):
        if joined and start < joined[-1][1]:
            first, last, best = joined[-1]
            joined[-1] = (first, max(last, end), min(best, rank))
        else:
            joined.append((start, end, rank))
    return joined
