"""What is written down of a turn while it runs: its row, its attempts, its answer, and what the guard must know of it.

In the pipeline nothing else writes to a session, and nothing else has the guard remember a turn.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from trooper_cli.ask.caller import Provenance
from trooper_cli.ask.thought import ThoughtOfTurn
from trooper_cli.ask.turn_in_progress import host_of, schema_for
from trooper_cli.errors import RefusedError, StorageError, TrooperError
from trooper_cli.guard import text_keys
from trooper_cli.memory import fold
from trooper_cli.store.store import GuardedText, Outcome
from trooper_cli.turn import Exchange, Label, Side, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from trooper_cli import json_output
    from trooper_cli.ask.caller import V
    from trooper_cli.ask.route import Decision
    from trooper_cli.ask.turn_in_progress import Answer, TurnInProgress
    from trooper_cli.engines.engine import End, Engine
    from trooper_cli.net.http import Request
    from trooper_cli.store.store import Store

# So many characters of a private answer are remembered at the latest, and a line's end at once.
LONGEST_PENDING = 200


class AnswerWriter:
    """Writes one turn down as it runs. Within it the prompt is on record; what ends the block becomes its status.

    `number` is the turn's in its session, None where no session holds it. `failure` says that something could not be
    written; a private answer is then printed on a terminal only.
    """

    def __init__(self, turn: TurnInProgress, store: Store, failure: StorageError | None = None) -> None:
        self.number: int | None = None
        self.failure = failure
        self._turn = turn
        self._store = store
        self._label = turn.decision.label
        # Of a private answer a pipe gets whole lines, once the guard knows them.
        self._prints_at_once = turn.ask_request.on_terminal or self._label is Label.PUBLIC
        self._pieces: list[str] = []
        self._pending = ""
        self._thought = ThoughtOfTurn(self._know_thought, turn.caller.sink)
        self._engine = self._model = ""
        self._attempt: int | None = None
        self._is_live = turn.ask_request.live
        self._began = 0.0
        self._is_finished = False

    def __enter__(self) -> Self:
        self._write_prompt()
        self.check_recorded()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not self._is_finished:
            self._give_up(error)

    @property
    def text(self) -> str:
        """What has arrived of the answer, in the attempt that runs."""
        return "".join(self._pieces)

    @property
    def begun(self) -> bool:
        """Whether something of the answer is out, so that no other answer may follow it."""
        return self._turn.caller.sink.begun

    def check_recorded(self) -> None:
        """Raise if a private turn could not be recorded and a pipe could carry its answer to the cloud.

        Raises:
            StorageError: it could not, and standard output is not a terminal.

        """
        if self.failure is None or self._label is Label.PUBLIC or self._turn.ask_request.on_terminal:
            return
        raise StorageError(
            "the private answer could not be recorded, so it is printed on a terminal only; set TROOPER_HOME to a "
            f"folder that can be written, or make room: {self.failure}"
        )

    def _write_prompt(self) -> None:
        """Write the prompt down before anything is sent, and with it what the guard must know of a private one."""
        ask_request, caller = self._turn.ask_request, self._turn.caller
        known = GuardedText()
        if self._label is Label.PRIVATE:
            text = caller.new_text(ask_request, self._store.guard, self._label)
            known = GuardedText(text, names=caller.prompt_keys(ask_request))
        repeated = ask_request.repeated.number if ask_request.repeated else None
        with self._storing():
            self.number = self._store.begin_turn(
                self._turn.session, self._label, ask_request.prompt, ask_request.system, known, repeated
            )

    def begin_attempt(
        self, decision: Decision, engine: Engine[V], request: Request, context: json_output.Context, turns: list[int]
    ) -> None:
        """Write down that a request is about to leave.

        Args:
            decision: the turn's, with the side on which this attempt is made.
            engine: who is asked.
            request: what is sent.
            context: what of the session is included, to be shown to the user.
            turns: the numbers of the turns that take part.

        Raises:
            StorageError: as for `check_recorded`.

        """
        self._engine, self._model, self._attempt = engine.name, engine.model, None
        self._began = time.monotonic()
        # What has to fit a schema, or is a part of the answer, is printed once it is whole.
        ask_request = self._turn.ask_request
        self._is_live = ask_request.live and not ask_request.extract and schema_for(ask_request, engine) is None
        self._turn.caller.sink.begin(Provenance(decision, engine.name, engine.model, self.number, context))
        if (row := self._row) is not None:
            with self._storing():
                self._attempt = self._turn.session.begin_attempt(
                    row,
                    self._label,
                    side="network" if engine.on_network else engine.side,
                    engine=engine.name,
                    model=engine.model,
                    host=host_of(request, engine),
                    request=request,
                    turns=turns,
                )
        self.check_recorded()

    def add(self, piece: str) -> None:
        """Store a piece of the answer as it arrives, and print what may be printed by now.

        Raises:
            StorageError: the guard cannot remember it, and a pipe would get it.

        """
        self._end_thought()
        if not self._pieces:
            self._turn.caller.sink.wait("answering")
        self._pieces.append(piece)
        if not self._is_live:
            return
        if piece and self._prints_at_once:
            self._turn.caller.sink.write(piece)
        if self._label is Label.PRIVATE:
            self._pending += piece
            if "\n" in piece or len(self._pending) >= LONGEST_PENDING:
                self.flush()

    def add_thought(self, piece: str) -> None:
        """Show a piece of what the model thinks, if that is asked for. It is no part of the answer or of the session.

        Raises:
            StorageError: as for `add`.

        """
        self._turn.caller.sink.wait("thinking")
        if self._turn.ask_request.thinking.is_shown:
            with self._recording():
                self._thought.add(piece)

    def _know_thought(self, text: str) -> None:
        self._store.record_piece(self._turn.session, self.number, self._label, text)

    def _end_thought(self) -> None:
        with self._recording():
            self._thought.end()

    @contextmanager
    def _recording(self) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            self.failure = error
            self.check_recorded()

    def flush(self) -> None:
        """Store fingerprints of the part of a private answer that has none yet, then write it to the pipe.

        Raises:
            StorageError: as for `add`.

        """
        self._end_thought()
        if not self._pending:
            return
        known = self.text[-len(self._pending) - LONGEST_PENDING :]
        try:
            self._store.record_piece(self._turn.session, self.number, self._label, known)
        except StorageError as error:
            if not self._prints_at_once:
                # What the guard does not know is never printed, not even when the turn ends.
                self._pending, self.failure = "", error
                self.check_recorded()
        if not self._prints_at_once:
            self._turn.caller.sink.write(self._pending)
        self._pending = ""

    def restore(self, text: str) -> None:
        """Restore what was discarded, for the record: no other answer came in its place."""
        self._pieces[:] = [text]

    def discard(self) -> None:
        """Drop what an attempt brought of which nothing is out: another answers in its place."""
        self._pieces.clear()
        self._thought.discard()

    def end_attempt(self, outcome: str, end: End | None) -> None:
        """Write down how an attempt ended: its stop reason, or the class of what went wrong."""
        if end is not None:
            self._model = end.model
        if self._row is not None and self._attempt is not None:
            seconds, usage = time.monotonic() - self._began, end.usage if end else None
            with self._storing():
                self._turn.session.end_attempt(self._attempt, outcome, seconds, self._model, usage)

    def learn_ratio(self, engine: Engine[V], ratio: float) -> None:
        """Keep how many tokens a model counted for one of the estimate; it serves turns of the same label alone."""
        if self._row is not None:
            with self._storing():
                self._turn.session.learn_ratio(self._label, engine.name, engine.model, ratio)

    def finish(self, answer: Answer) -> Answer:
        """Write an answer to the session, and print it if its pieces were not; returns it with the failure to do so.

        Raises:
            StorageError: as for `check_recorded`.

        """
        self._finish(Status.ANSWERED, answer.decision.side, answer.stop, [answer.text])
        self.check_recorded()
        if not self._is_live:
            self._turn.caller.sink.write(answer.text)
        return answer._replace(failure=self._explained(answer.decision.side))

    def write_rehearsal(self, memory_text: str) -> None:
        """Store fingerprints of what a dry run prints: a private prompt, and the memory of private turns.

        Raises:
            StorageError: as for `check_recorded`.

        """
        ask_request, caller, identity = self._turn.ask_request, self._turn.caller, self._turn.session.identity()
        name, guard = text_keys.of_prompt(ask_request.prompt), self._store.guard
        try:
            guard.remember_report(identity, [(None, memory_text)])
            text = caller.new_text(ask_request, guard, Label.PRIVATE)
            if text != ask_request.prompt or name not in guard.known([name]).private:
                guard.remember(Label.PRIVATE, identity, None, prompt=text, names=caller.prompt_keys(ask_request))
        except StorageError as error:
            self.failure = error
            self.check_recorded()

    def _give_up(self, error: BaseException) -> None:
        """Keep what arrived. A turn that came to nothing is sent to no engine later."""
        if isinstance(error, RefusedError):
            status = Status.REFUSED
        elif self.text or not isinstance(error, TrooperError):
            status = Status.INCOMPLETE
        else:
            status = Status.FAILED
        self._finish(status, self._turn.decision.side, "")

    def _finish(self, status: Status, side: Side, stop: str, printed: Sequence[str] = ()) -> None:
        self._is_finished = True
        session, text = self._turn.session, self.text
        tokens = fold.cost(Exchange(self._turn.ask_request.prompt, text))
        outcome = Outcome(status, text, self._engine, self._model, stop, tokens)
        known = self._known_in_the_end(status, side, printed)
        if self.failure is not None:
            # What could not be stored was printed nevertheless, and must not be sent on.
            if self._label is Label.PRIVATE:
                with suppress(StorageError):
                    self._store.finish_turn(session, None, self._label, outcome, known)
            return
        with self._storing():
            self._store.finish_turn(session, self.number, self._label, outcome, known)

    def _known_in_the_end(self, status: Status, side: Side, printed: Sequence[str]) -> GuardedText | None:
        """Return what the guard must know; of a public turn that was answered here, only which turn it was.

        What is printed may be a part of the answer, which is known as a whole too.
        """
        ask_request, caller, text = self._turn.ask_request, self._turn.caller, self.text
        wholes = dict.fromkeys([text, *printed])
        names = [name for whole in wholes for name in caller.answer_keys(ask_request, whole)]
        if self._label is Label.PRIVATE:
            return GuardedText(answer=text, names=names)
        if (not text and status is not Status.ANSWERED) or (self.number is None and not caller.keeps_history):
            return None
        names = caller.prompt_keys(ask_request) + names
        if side is not Side.CLOUD or status is not Status.ANSWERED:
            return GuardedText(names=names)
        prompt = ask_request.said if self.number else caller.new_text(ask_request, self._store.guard, Label.PUBLIC)
        return GuardedText(prompt, text, names)

    @property
    def _row(self) -> int | None:
        """The turn's number as long as all that was to be written could be; with the first failure it is left alone."""
        return self.number if self.failure is None else None

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Write to the session; where that fails, the turn goes on, and says so at its end."""
        try:
            yield
        except StorageError as error:
            self.failure = error

    def _explained(self, side: Side) -> StorageError | None:
        """Return the failure to record a turn, with what follows from it for the user."""
        if self.failure is None:
            return None
        if self._label is Label.PRIVATE:
            return StorageError(
                "the guard may not know this turn, so do not pipe its answer to the cloud, and make room: "
                f"{self.failure}"
            )
        if side is Side.CLOUD:
            return StorageError(
                f"the request was sent to the cloud, and `trooper audit` may not list it: {self.failure}"
            )
        return self.failure
