"""Does a text hold credentials? Rules for known kinds, and for what a name before it says is secret."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from trooper_cli.guard.credential_rules import Allowlist, CredentialRule, Rules, load_gitleaks, own_rules
from trooper_cli.guard.finding import Finding
from trooper_cli.guard.joined import joined
from trooper_cli.guard.normalize import forms
from trooper_cli.guard.repeats import repeats
from trooper_cli.guard.spans import exact, is_broken_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from trooper_cli.guard.normalize import Form

__all__ = ["Rules", "find", "load_gitleaks", "mask"]


def find(text: str, extra: Rules | None = None) -> list[Finding]:
    """Return the places of `text` that are credentials, plain or encoded, in order and apart.

    The user's rules come first. The allowlists of that file hold for its own rules and not for Trooper's: such a file
    is made for what may be committed to a repository, and may come with one. Where a credential is encoded, its place
    is that of all that is encoded with it.
    """
    own = own_rules()
    rules = (*extra.rules, *own.rules) if extra else own.rules
    of_extra = len(extra.rules) if extra else 0
    for_extra = (*extra.allowlists, *own.allowlists) if extra else ()

    def general(rank: int) -> Sequence[Allowlist]:
        return for_extra if rank < of_extra else own.allowlists

    spans: list[tuple[int, int, int]] = []
    values: dict[str, int] = {}
    readings = list(_readings(text))
    for form in readings:
        for match, (start, end), rank in _found(form.decoded, rules, general, of_extra):
            # What names the credential may be new, and not the credential.
            if form.is_new(*match):
                offset, length = form.original(start, end)
                spans.append((offset, offset + length, rank))
                value = form.decoded[start:end]
                values[value] = min(rank, values.get(value, rank))
    if values:
        spans = _without_next_lines(text, [*spans, *_repeated(readings, values)])
    return [Finding(rules[rank].kind, start, end - start) for start, end, rank in _merged(spans)]


def _readings(text: str) -> Iterator[Form]:
    """Yield every form of a text, each also with the strings joined that source code puts together."""
    for form in forms(text):
        yield form
        if (whole := joined(form)) is not None:
            yield whole


def _repeated(readings: Iterable[Form], values: Mapping[str, int]) -> Iterator[tuple[int, int, int]]:
    """Yield the places where a value stands that was found elsewhere, whatever stands before it."""
    for form in readings:
        for start, end, value in repeats(form.decoded, values):
            if form.is_new(start, end):
                offset, length = form.original(start, end)
                yield offset, offset + length, values[value]


def _without_next_lines(text: str, spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Leave out places that take the next line along because a value ends with `=`, as in quoted-printable."""
    ends: dict[int, int] = {}
    for start, end, _ in spans:
        if end == len(text) or text[end] in "\r\n":
            ends[start] = min(end, ends.get(start, end))
    return [
        (start, end, rank)
        for start, end, rank in spans
        if (first := ends.get(start, end)) >= end or text[first - 1] != "=" or is_broken_line(text, first)
    ]


def _found(
    text: str, rules: Sequence[CredentialRule], general: Callable[[int], Sequence[Allowlist]], of_extra: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int], int]]:
    """Yield the place of what a rule matches, that of the credential within it, and the rule's rank."""
    lowered = text.lower()
    held = _held({keyword for rule in rules for keyword in rule.keywords}, lowered)
    for rank, rule in enumerate(rules):
        keywords = [keyword for keyword in rule.keywords if keyword in held]
        if keywords or not rule.keywords:
            for first, last in _parts(rule, keywords, lowered, text):
                for match, credential in _spans(rule, text, (first, last), general(rank), is_own=rank >= of_extra):
                    yield match, credential, rank


def mask(text: str) -> str:
    """Replace each credential by its kind in brackets."""
    pieces: list[str] = []
    end = 0
    for offset in find(text):
        pieces += [text[end : offset.offset], f"[{offset.kind}]"]
        end = offset.offset + offset.length
    return "".join((*pieces, text[end:]))


def _held(keywords: Iterable[str], lowered: str) -> set[str]:
    """Return the keywords that a text holds. Each word is looked at once, since most occur more often."""
    words = "\n".join(set(lowered.split()))
    return {
        keyword
        for keyword in keywords
        if keyword in (words if " " not in keyword and keyword.isprintable() else lowered)
    }


def _parts(rule: CredentialRule, keywords: list[str], lowered: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of what a rule's regex must search: a regex everywhere is far slower than finding a word."""
    # Lowering a text may lengthen it, and then places in it mean nothing.
    if rule.anywhere or not keywords or len(lowered) != len(text):
        yield 0, len(text)
        return
    lines: set[tuple[int, int]] = set()
    for keyword in keywords:
        at = lowered.find(keyword)
        while at >= 0:
            end = _line_end(lowered, at)
            # A value may stand on the line after its name.
            lines.add((lowered.rfind("\n", 0, at) + 1, _line_end(lowered, end + 1)))
            at = lowered.find(keyword, end)
    yield from _joined(sorted(lines))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _joined(parts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join parts that overlap."""
    joined: list[tuple[int, int]] = []
    for start, end in parts:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    yield from joined


def _spans(
    rule: CredentialRule, text: str, part: tuple[int, int], general: Iterable[Allowlist], *, is_own: bool
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the place of each match in a part of a text, and that of the credential within it.

    A rule of the user's own says itself where a credential ends.
    """
    compiled = re.compile(rule.regex, re.ASCII)
    allowlists = (*rule.allowlists, *(one for one in general if not one.only_for or rule.kind in one.only_for))
    at, last = part
    while match := compiled.search(text, at, last):
        # The next match does not begin within this one, nor within what its value grows to.
        at = max(match.end(), match.start() + 1)
        group = rule.group or next((n for n, value in enumerate(match.groups(), 1) if value), 0)
        start, end = match.span(group)
        if start == end or (rule.entropy and _entropy(text[start:end]) <= rule.entropy):
            continue
        if not any(_allows(allowlist, match, group) for allowlist in allowlists):
            if is_own:
                start, end = exact(rule.kind, text, start, end)
                at = max(at, end)
            yield match.span(), (start, end)


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
