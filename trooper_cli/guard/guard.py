"""The guard: it looks for private text and credentials in what is about to go to the cloud.

It keeps the fingerprints of all turns, looks at every public prompt, and never shows what it found, only where and of
which kind.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from trooper_cli.errors import StorageError
from trooper_cli.guard import text_keys
from trooper_cli.guard.knowledge import Knowledge
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from trooper_cli.guard.finding import Finding
    from trooper_cli.guard.fingerprints import Index
    from trooper_cli.guard.identity import Identity
    from trooper_cli.guard.knowledge import Marked
    from trooper_cli.settings import Settings
    from trooper_cli.turn import ImportedTurn, StoredTurn

_SAME_FILE = "(this file)"


class Guard(Knowledge):
    """The guard of one user."""

    def __init__(self, home: Path, settings: Settings, notify: Callable[[str], object]) -> None:
        super().__init__(home, notify)
        self._settings = settings

    def look(self, text: str, known_as: str | None = None) -> list[Finding]:
        """Return every finding in a text, by offset; text of turns with the key `known_as` is not counted.

        Raises:
            StorageError: the index is there and cannot be read, so that private text would not be known.

        """
        findings = [*self._repeats(text, known_as), *self.secrets(text)]
        return sorted(findings, key=lambda found: (found.offset, found.kind))

    def secrets(self, text: str) -> list[Finding]:
        """Return the credentials in a text, and the matches of the user's own patterns."""
        from trooper_cli.guard import credentials

        extra = None
        if path := self._settings.path("gitleaks"):
            extra = credentials.load_gitleaks(path)
        findings = credentials.find(text, extra)
        if self._settings.words("guard_patterns"):
            from trooper_cli.guard import user_patterns

            findings = [*findings, *user_patterns.find(text, self._settings.words("guard_patterns"))]
        return findings

    def mentioned_hosts(self, text: str) -> list[Finding]:
        """Return the user's own hosts and addresses in a text; they only warn, since every log of theirs holds some."""
        if not (hosts := self._settings.words("guard_hosts")):
            return []
        from trooper_cli.guard import user_patterns

        return user_patterns.hosts(text, hosts)

    def _repeats(self, text: str, known_as: str | None, passed_over: Collection[int] = ()) -> list[Finding]:
        self._check_ready()
        if self._is_blind:
            raise StorageError(f"{self._failure}; without the guard nothing is sent to the cloud")
        found = self._index.find(text, known_as, passed_over)
        return found + self._beside.find(text, known_as) if self._beside is not None else found

    def wholes(self, text: str) -> list[Finding]:
        """Return a finding if a text as a whole is a private turn's prompt or answer, and says enough."""
        self._check_ready()
        if self._is_blind:
            return []
        return [find for index in (self._index, self._beside) if index is not None for find in index.whole(text)]

    def look_at_import(
        self, turns: Sequence[ImportedTurn], marked: Sequence[Marked]
    ) -> Iterator[tuple[int, list[Finding]]]:
        """Yield each turn labelled public, by its position from 1, that holds a credential or private text.

        That may be the text of a private turn that stands before it among the same turns.
        """
        private: set[int] = set()
        waiting: list[tuple[int, Marked]] = []
        with contextlib.closing(self._index.beside()) as beside:
            for offset, (turn, (marks, public)) in enumerate(zip(turns, marked, strict=True), 1):
                if turn.label is Label.PUBLIC:
                    text = "\n\n".join(part for part in (turn.system, turn.prompt, turn.answer) if part)
                    # What is short is known as a whole only, and what stands beside it makes another whole of it.
                    wholes = [part for part in (turn.system, turn.prompt, turn.answer) if part and part != text]
                    within: list[Finding] = []
                    # A shared passage has a shared fingerprint, but for what stands in quotation marks.
                    if private and ('"' in text or not private.isdisjoint(marks)):
                        self._fill(beside, waiting)
                        repeats = beside.find(text) or [find for part in wholes for find in beside.whole(part)]
                        within = [find._replace(session=_SAME_FILE) for find in repeats]
                    if findings := [
                        *self.look(text),
                        *(find for part in wholes for find in self.wholes(part)),
                        *within,
                    ]:
                        yield offset, findings
                if not public:
                    private |= marks
                waiting.append((offset, (marks, public)))

    def _fill(self, beside: Index, waiting: list[tuple[int, Marked]]) -> None:
        for offset, (marks, public) in waiting:
            # What is public already is not made so by this file.
            beside.add(marks if public else marks - self._index.public(marks), public=public, session=None, turn=offset)
        waiting.clear()

    def look_at_share(self, session: Identity | None, turn: StoredTurn, shared: Iterable[int]) -> list[Finding]:
        """Return what a private turn holds beside its own text: credentials, and text of earlier private turns.

        The turns that are shared with it are passed over.
        """
        # An earlier turn with the same prompt, as a try that failed, is the same question. One with the same answer to
        # another prompt is another turn: once the answer is public, the guard no longer knows it.
        names = [text_keys.of_prompt(turn.prompt), text_keys.of_exchange(turn.prompt, turn.answer)]
        own = self._index.own_origins(session.id if session else "", turn.number, shared, names)
        text, at = f"{turn.prompt}\n\n{turn.answer}", len(turn.prompt) + 2
        repeats = self._repeats(text, None, own) or [
            find._replace(offset=at) for find in self._index.whole(turn.answer, own)
        ]
        return sorted([*repeats, *self.secrets(text)], key=lambda found: (found.offset, found.kind))
