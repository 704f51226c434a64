"""Put a typed placeholder in the place of each value that must not leave, and remember what it stands for.

What is masked is a function of the text, the settings and the table of earlier values alone, never of private turns.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.finding import PRIVATE_TEXT
from trooper_cli.guard.known_values import KnownValues
from trooper_cli.guard.placeholders import KINDS, PLACEHOLDER, name_of, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trooper_cli.guard.finding import Finding
    from trooper_cli.guard.placeholders import ValueTable
    from trooper_cli.settings import Settings

# Of kinds of credentials, those that a person chose and types.
_PASSWORDS = ("password", "pass", "connection-string", "curl-user", "netrc", "wifi-key")
_QUOTES = "\"'`"
# How often what the guard still finds in the masked text is masked too.
_ROUNDS = 4


class Span(NamedTuple):
    """A value in a text: its place, its kind, and what it means where that is not just its text decoded."""

    start: int
    end: int
    kind: str
    value: str | None = None


class Masked(NamedTuple):
    """A text in which placeholders stand for its values."""

    text: str
    # The values in the original, and where their placeholders stand in `text`; both in order and apart.
    spans: tuple[Span, ...]
    places: tuple[tuple[int, int], ...]
    # The table with the values of this text.
    table: ValueTable
    # What the guard finds in `text`.
    findings: tuple[Finding, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many places of each kind were masked."""
        kinds = [span.kind for span in self.spans]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    def part(self, text: str, table: ValueTable, start: int, end: int) -> Masked:
        """Return one part of the original masked, as if it were all; `table` is the one before."""
        if start == 0 and end == len(text):
            return self
        spans = [span for span in self.spans if span.start < end and span.end > start]
        if spans and spans[0].start < start:
            # The beginning of it was printed before anything told that it is one.
            spans[0] = Span(start, spans[0].end, spans[0].kind)
        return _replaced(
            text[start:end], [one._replace(start=one.start - start, end=one.end - start) for one in spans], table
        )

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original of a place in `text`; a placeholder counts as a whole."""
        first = bisect_right(self.places, start, key=itemgetter(0)) - 1
        last = bisect_right(self.places, end - 1, key=itemgetter(0)) - 1
        return self._start(first, start), self._end(last, end)

    def _start(self, before: int, at: int) -> int:
        if before < 0:
            return at
        end = self.places[before][1]
        return self.spans[before].start if at < end else self.spans[before].end + at - end

    def _end(self, before: int, at: int) -> int:
        if before < 0:
            return at
        return self.spans[before].end + max(at - self.places[before][1], 0)


class Masker:
    """What is masked by the user's settings: credentials, own patterns, hosts and words, and the classes that are set.

    Args:
        settings: the user's settings.
        find: the guard's search for credentials and the user's patterns.
        look: the guard's search for all that must not leave.

    """

    def __init__(
        self,
        settings: Settings,
        find: Callable[[str], Sequence[Finding]],
        look: Callable[[str], Sequence[Finding]],
    ) -> None:
        self._find, self._look = find, look
        self._classes = settings.words("mask")
        self._words = settings.names("mask_words")
        self._hosts = settings.words("guard_hosts")

    def mask(self, text: str, table: ValueTable) -> Masked:
        """Return a text with a placeholder for each value; `table` stays as it is.

        What the guard still finds in the masked text stands in `findings`: whatever there is must not leave.
        """
        spans = [*_of_findings(text, self._find(text)), *self._others(text)]
        for _ in range(_ROUNDS):
            found = KnownValues([*table.values(), *((one.kind, _value(text, one)) for one in spans)]).find(text)
            masked = _replaced(text, _joined([*spans, *(Span(*place) for place in found)]), table)
            masked = masked._replace(findings=tuple(self._look(masked.text)))
            # What a rule sees only now, as the tail of a longer value. Text of private turns is not masked.
            left = [one for one in masked.findings if one.kind != PRIVATE_TEXT]
            if not left:
                break
            spans += [Span(*masked.original(one.offset, one.offset + one.length), kind_of(one)) for one in left]
        return masked

    def _others(self, text: str) -> list[Span]:
        from trooper_cli.guard import value_classes

        spans = [Span(*place) for place in value_classes.find(text, self._classes)]
        if self._hosts:
            from trooper_cli.guard import user_patterns

            spans += _of_findings(text, user_patterns.hosts(text, self._hosts))
        words = KnownValues(("WORD", word) for word in self._words)
        return [*spans, *(Span(*place) for place in words.find(text))]


def kind_of(finding: Finding) -> str:
    """Return the kind of placeholder for a finding of the guard."""
    if finding.kind.startswith("pattern-"):
        return "WORD"
    if finding.kind == "host":
        return "HOST"
    return "PASSWORD" if finding.kind.startswith(_PASSWORDS) else "TOKEN"


def _of_findings(text: str, findings: Iterable[Finding]) -> list[Span]:
    """Return the values that findings of the guard are of, without the quotes around them."""
    spans: list[Span] = []
    for finding in findings:
        start, end = finding.offset, finding.offset + finding.length
        while end - start > 2 and text[start] == text[end - 1] and text[start] in _QUOTES:
            start, end = start + 1, end - 1
        spans.append(Span(start, end, kind_of(finding)))
    return spans


def _value(text: str, span: Span) -> str:
    return span.value if span.value is not None else plain(text[span.start : span.end])


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order and apart; those that overlap are one, of the kind that is listed first."""
    joined: list[Span] = []
    # Of several at one place, one of which the value is known.
    for span in sorted(spans, key=lambda span: (span.start, -span.end, span.value is None, KINDS.index(span.kind))):
        last = joined[-1] if joined else None
        if last is None or span.start >= last.end:
            joined.append(span)
        elif span.end > last.end:
            joined[-1] = Span(last.start, span.end, min(last.kind, span.kind, key=KINDS.index))
    return joined


def _replaced(text: str, spans: Sequence[Span], table: ValueTable) -> Masked:
    """Replace these parts of a text, and what looks like a placeholder of another value beside them."""
    table = table.copy()
    whole = _with_literals(text, spans, table)
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    end = size = 0
    for span in whole:
        name = str(table.name(span.kind, _value(text, span), text[span.start : span.end]))
        pieces += (text[end : span.start], name)
        size += span.start - end
        places.append((size, size + len(name)))
        size += len(name)
        end = span.end
    pieces.append(text[end:])
    return Masked("".join(pieces), tuple(whole), tuple(places), table)


def _with_literals(text: str, spans: Sequence[Span], table: ValueTable) -> list[Span]:
    """Add what looks like a placeholder that is in use; the number of one that is not is given to no value."""
    if "_" not in text:
        return [*spans]
    whole: list[Span] = []
    end = 0
    for span in (*spans, Span(len(text), len(text), "TEXT")):
        # Each part by itself, since what stands at its ends will be the brackets of placeholders.
        for match in PLACEHOLDER.finditer(text[end : span.start]):
            name = name_of(match)
            if table.is_in_use(name):
                whole.append(Span(end + match.start(), end + match.end(), "TEXT", match[0]))
            else:
                table.reserve(name)
        whole.append(span)
        end = span.end
    return whole[:-1]
