"""Does a text repeat private text? Keyed fingerprints of all private turns, of any session and of none.

Fingerprints are BLAKE2b hashes, 8 bytes, keyed, of runs of 32 reduced characters, winnowed (Schleimer, Wilkerson, Aiken
2003): of any 17 neighbouring runs the one with the least selector is kept, so that a shared run of 48 characters is
always found. The selector is a CRC, which is cheap and never stored. Fingerprints that occur in public turns too do not
count. Whoever has both key and index can test guesses; he has the sessions too.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_left, bisect_right
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING

from trooper_cli.guard import tables, text_keys
from trooper_cli.guard.finding import PRIVATE_TEXT, Finding
from trooper_cli.guard.index import IndexFile
from trooper_cli.guard.normalize import Form, forms, reduced
from trooper_cli.guard.text_keys import Known
from trooper_cli.guard.units import identifiers, literals, short_lines, tokens
from trooper_cli.guard.unseen import IGNORABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from trooper_cli.guard.normalize import Units

RUN = 32
WINDOW = 17
# Asking with a smaller window finds all that the stored window finds, and most of the shorter shared runs.
ASKING_WINDOW = 8
_PART = 1 << 16
# In letters and digits, and in characters that are read at once to count them.
_LONGEST_WHOLE, _COUNTED = 400, 4096
# Of a longer form the units are found anew where they are asked for, which takes less memory.
_MOST_KEPT = 1 << 20


class Index(IndexFile):
    """The fingerprints of one user's turns, in two files: the index and its key."""

    def marks(self, texts: Iterable[tuple[str, bool]], *, public: bool, names: Iterable[str] = ()) -> set[int]:
        """Return the fingerprints of one turn's texts, each with whether it is an answer, whose short lines count too.

        The `names` are the keys of text_keys.py.
        """
        marks = {self._hash_of_name(name) for name in names}
        for text, is_answer in texts:
            values = _values_in(text) if is_answer and ("{" in text or "[" in text) else []
            marks.update(self._hash_of_name(name) for value in values for name in text_keys.wholes(value))
            # Each value is an answer of its own to whoever takes it out; a line each, they are looked at together.
            for part in filter(None, (text, "\n".join(values))):
                for form in forms(part):
                    for run in self._public_runs(form.text) if public else self._stored_runs(form.text):
                        marks.add(self._hash(run))
                    units = _units(form)[1] if public else _stored_units(form, is_answer=is_answer)
                    marks.update(self._hash(unit) for _, _, unit in units)
            marks.update(self._hash(unit) for unit in tables.stored(text))
        return marks

    def new_marks(self, texts: Iterable[tuple[str, bool]]) -> set[int]:
        """Return the fingerprints that no private turn has yet: a report repeats most of the report before it."""
        marks = self.marks(texts, public=False)
        return marks - self._known(marks)[0].keys()

    def _stored_runs(self, text: str) -> Iterator[str]:
        """Yield the runs whose fingerprints are stored; part by part, since their selectors take much memory."""
        for start in range(0, max(1, len(text) - RUN + 1), _PART):
            # Each window of neighbours lies whole in one of the parts.
            part = text[start : start + _PART + WINDOW + RUN - 2]
            for offset in _minima(self._selectors(part), WINDOW):
                yield part[offset : offset + RUN]

    def _public_runs(self, text: str) -> Iterator[str]:
        """Return the runs of a public text that a private one which quotes it, or a part of it, may have stored.

        What stands around the quotation decides which: near its ends it may be any run that is the least so far. So the
        windows are smaller, and reach beyond both ends of the text.
        """
        beyond = [1 << 32] * (ASKING_WINDOW - 1)
        for start in range(0, max(1, len(text) - RUN + 1), _PART):
            part = text[start : start + _PART + ASKING_WINDOW + RUN - 2]
            for offset in _minima([*beyond, *self._selectors(part), *beyond], ASKING_WINDOW):
                run = part[(at := offset - len(beyond)) : at + RUN]
                if at >= 0 and len(run) == RUN:
                    yield run

    def known(self, names: Iterable[str]) -> Known:
        """Return which of these keys private turns have, and which public ones."""
        hashes = {self._hash_of_name(name): name for name in names}
        private, public = self._known(hashes)
        return Known(frozenset(hashes[mark] for mark in private), frozenset(hashes[mark] for mark in public))

    def public(self, marks: Collection[int]) -> set[int]:
        """Return which fingerprints public turns have."""
        return self._known(marks)[1]

    def own_origins(self, session: str, turn: int, shared: Iterable[int], names: Iterable[str]) -> set[int]:
        """Return the origins whose text counts as a turn's own: its own, later ones, namesakes, and shared ones."""
        first = "SELECT min(id) FROM origin WHERE NOT public AND session = ? AND turn = ?"
        rows = self._connection.execute(
            "SELECT id FROM origin WHERE NOT public "  # noqa: S608
            f"AND (id >= ({first}) OR session = ? AND turn IN (SELECT value FROM json_each(?)))",
            (session, turn, session, json.dumps(list(shared))),
        )
        return {row[0] for row in rows}.union(*map(self._origins, names))

    def find(self, text: str, known_as: str | None = None, passed_over: Collection[int] = ()) -> list[Finding]:
        """Return where `text` repeats private text, except of turns `passed_over` or with the key `known_as`."""
        findings: list[Finding] = []
        passed_over = {*passed_over, *(self._origins(known_as) if known_as else ())}
        # Part of a decoded form is the text as it was, whose runs need no second look.
        known: set[str] = set()
        offsets: dict[str, list[tuple[Form, int, int]]] = {}
        for form in forms(text):
            findings += self._runs(form, known, passed_over)
            for start, size, unit in chain(*_units(form)):
                offsets.setdefault(unit, []).append((form, start, size))
        # All that was found in what is encoded has one place in the text, which is long and asked about once.
        is_everybody_s = cache(partial(_is_everybody_s, text))
        findings = [find for find in findings if not is_everybody_s(find.offset, find.length, is_run=True)]
        asked = {self._hash(unit): found for unit, found in offsets.items()}
        private, public = self._known(asked, passed_over)
        for mark, (session, turn) in private.items():
            if mark not in public:
                for form, start, size in asked[mark]:
                    find = Finding(PRIVATE_TEXT, *form.original(start, start + size), session, turn)
                    if not is_everybody_s(find.offset, find.length):
                        findings.append(find)
        return _merged([*findings, *self.whole(text, passed_over)])

    def whole(self, text: str, passed_over: Collection[int] = ()) -> list[Finding]:
        """Return a finding if a text as a whole is a private turn's prompt or answer, and says enough."""
        # What is longer is found by its runs.
        if _is_longer(text, _LONGEST_WHOLE):
            return []
        # Turns of before the loose names have strict ones.
        names = [*map(text_keys.said, text_keys.loosely(text)), text_keys.of_prompt(text), text_keys.of_answer(text)]
        private, public = self._known(map(self._hash_of_name, names), passed_over)
        if not private or public:
            return []
        from trooper_cli.guard.distinctive import is_telling

        # What nobody sees would take a word apart.
        if not is_telling(IGNORABLE.sub("", text_keys.bare(text))):
            return []
        session, turn = next(iter(private.values()))
        return [Finding(PRIVATE_TEXT, 0, len(text), session, turn)]

    def _origins(self, name: str) -> set[int]:
        """Return the ids of the private turns that have a key."""
        query = "SELECT origin FROM mark JOIN origin ON origin.id = origin WHERE hash = ? AND NOT public"
        return {row[0] for row in self._connection.execute(query, (self._hash_of_name(name),))}

    def _runs(self, form: Form, asked: set[str], passed_over: set[int]) -> Iterator[Finding]:
        """Find runs that private turns have; other forms were `asked` about theirs already."""
        # Part by part, for their selectors take much memory; each with the neighbours of its runs on both sides.
        for start in range(0, max(1, len(form.text) - RUN + 1), _PART):
            first = max(0, start - 2 * WINDOW)
            text = form.text[first : start + _PART + RUN + 2 * WINDOW]
            selectors = self._selectors(text)
            marks: dict[int, int] = {}
            for offset in _minima(selectors, ASKING_WINDOW):
                run = text[offset : offset + RUN]
                if first + offset < start + _PART and run not in asked:
                    asked.add(run)
                    marks[offset] = self._hash(run)
            private, public = self._known(marks.values(), passed_over)
            if private.keys() <= public:
                continue
            settled = _minima(selectors, WINDOW)
            for offset, mark in marks.items():
                if mark not in private or mark in public:
                    continue
                # At the edge of what public turns hold as well, a letter or two go on alike by chance.
                near = settled[bisect_left(settled, offset - WINDOW) : bisect_right(settled, offset + WINDOW)]
                others = {self._hash(text[other : other + RUN]) for other in near if other != offset}
                if others and others <= self._known(others)[1]:
                    continue
                session, turn = private[mark]
                at, length = form.original_of_run(first + offset, first + offset + RUN)
                yield Finding(PRIVATE_TEXT, at, length, session, turn)

    def _known(
        self, marks: Iterable[int], passed_over: Collection[int] = ()
    ) -> tuple[dict[int, tuple[str | None, int | None]], set[int]]:
        """Return private turns' fingerprints, each with one session and turn, and those that public turns have."""
        private: dict[int, tuple[str | None, int | None]] = {}
        public: set[int] = set()
        wanted = list(set(marks))
        for at in range(0, len(wanted), 30_000):
            chunk = wanted[at : at + 30_000]
            rows = self._connection.execute(
                "SELECT hash, public, session, turn, origin FROM mark JOIN origin ON origin.id = mark.origin "  # noqa: S608
                f"WHERE hash IN ({','.join('?' * len(chunk))})",
                chunk,
            )
            for mark, is_public, session, turn, origin in rows:
                if is_public:
                    public.add(mark)
                elif origin not in passed_over:
                    private[mark] = (session and self.name_of(session), turn)
        return private, public

    def _selectors(self, text: str) -> list[int]:
        """Return the selector of the run at each offset."""
        # Four bytes a character for all texts alike: the same run has the same selector wherever it stands.
        data, size, seed, crc = text.encode("utf-32-le", "replace"), RUN * 4, self._seed, zlib.crc32
        return [crc(data[at : at + size], seed) for at in range(0, (len(text) - RUN + 1) * 4, 4)]

    def _hash_of_name(self, name: str) -> int:
        # No reduced text holds this character, so that a name is never taken for one.
        return self._hash(f"\0{name}")


def _is_longer(text: str, limit: int) -> bool:
    """Return whether a text has more letters and digits than `limit`; signs, blanks and what nobody sees do not count.

    Any number of those may frame a short text.
    """
    left = limit
    for start in range(0, len(text) if len(text) > limit else 0, _COUNTED):
        left -= len(reduced(text[start : start + _COUNTED]))
        if left < 0:
            return True
    return False


def _minima(values: list[int], window: int) -> list[int]:
    """Return the indices whose value is the least of some window of neighbours, or of all if there are fewer."""
    least = values
    window, reach = min(window, len(values)), 1
    while reach < window:
        step = min(reach, window - reach)
        # min() takes twice as long.
        least = [one if one < other else other for one, other in zip(least, least[step:], strict=False)]  # noqa: FURB136
        reach += step
    # Where one value stands twice, so does one run.
    chosen = set(least)
    return [offset for offset, value in enumerate(values) if value in chosen]


def _values_in(answer: str) -> list[str]:
    # Most answers hold no JSON.
    from trooper_cli.guard.json_values import values_in

    return values_in(answer)


def _units(form: Form) -> tuple[Units, Units]:
    """Return all units of a form by which a prompt is asked about; those of short literals by themselves.

    A public turn stores all but these.
    """
    if form.units is not None:
        return form.units
    text, is_new = form.decoded, form.is_new
    units = chain(tokens(text), short_lines(text), identifiers(text))
    found = (
        [one for one in literals(text) if is_new(one[0], one[0] + one[1])],
        [*(one for one in units if is_new(one[0], one[0] + one[1])), *tables.asked(text, is_new)],
    )
    if len(text) <= _MOST_KEPT:
        form.units = found
    return found


def _stored_units(form: Form, *, is_answer: bool) -> Iterator[tuple[int, int, str]]:
    """Yield the units of a form that a private turn stores."""
    text = form.decoded
    for kind in (tokens(text, stored=True), identifiers(text, stored=True), short_lines(text) if is_answer else ()):
        yield from (one for one in kind if form.is_new(one[0], one[0] + one[1]))


def _is_everybody_s(text: str, offset: int, length: int, *, is_run: bool = False) -> bool:
    """Return whether what was found at a place is no secret: a licence, a library's frame, a line of everyday words.

    A run of everyday words may say what nobody else knows.
    """
    from trooper_cli.guard.boilerplate import is_boilerplate
    from trooper_cli.guard.distinctive import is_ordinary

    shown = text[offset : offset + length]
    return is_boilerplate(shown, is_run=is_run) or (
        not is_run and is_ordinary(shown) and sum(map(str.isdigit, shown)) < 4
    )


def _merged(findings: list[Finding]) -> list[Finding]:
    """Join what overlaps, in order of place."""
    joined: list[Finding] = []
    for find in sorted(findings, key=lambda found: (found.offset, -found.length)):
        last = joined[-1] if joined else None
        if last is not None and find.offset <= last.offset + last.length:
            end = max(last.offset + last.length, find.offset + find.length)
            joined[-1] = Finding(last.kind, last.offset, end - last.offset, last.session, last.turn)
        else:
            joined.append(find)
    return joined
