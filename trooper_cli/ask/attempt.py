"""One attempt: what of a view is sent to an engine, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.ask.context import context_of, included_of, request_of
from trooper_cli.ask.turn_in_progress import Answer, host_of, wanted_of
from trooper_cli.engines.engine import REPETITION, End, Thought
from trooper_cli.errors import (
    BrokenAnswerError,
    ContextExceededError,
    InputError,
    LocalityError,
    RefusedError,
    SchemaMismatchError,
    StorageError,
    TrooperError,
)
from trooper_cli.net.deadline import Deadline
from trooper_cli.turn import Message, Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trooper_cli import json_output
    from trooper_cli.ask.caller import V
    from trooper_cli.ask.output import AnswerWriter
    from trooper_cli.ask.turn_in_progress import TurnInProgress
    from trooper_cli.engines.engine import Engine, LocalEngine, Piece
    from trooper_cli.engines.openai import LocalKey
    from trooper_cli.net.http import Request
    from trooper_cli.turn import Context

READ_TIMEOUT_SECONDS = {Side.CLOUD: 120.0, Side.LOCAL: 600.0}
LEARN_FROM = 300
LEAST_RATIO, MOST_RATIO = 0.85, 1.7
# What says by itself that an answer is not whole.
TELLS_ENOUGH = (BrokenAnswerError, ContextExceededError, LocalityError, RefusedError, StorageError)
LONGEST_ANSWER = 4 << 20
# Engines whose thoughts are always seen: where none came, no token went into one.
_TELLS_THOUGHTS = frozenset({"embedded", "ollama"})
# Characters of an answer that does not fit a schema which its model is shown again.
LONGEST_QUOTE = 8_000


def attempt(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], view: V) -> Answer:
    """Execute the turn with one engine; if the answer does not fit the schema, once more with what is wrong with it."""
    try:
        return _fitted(turn, writer, engine, view)
    except SchemaMismatchError as error:
        turn.notify("the answer does not fit the schema; the model is asked once more")
        said = writer.text
        writer.discard()
        try:
            quoted = Message("assistant", said[:LONGEST_QUOTE])
            return _fitted(turn, writer, engine, view, (quoted, Message("user", error.complaint)))
        except InputError:
            # There is no room for the complaint.
            writer.restore(said)
            raise error from None


def _fitted(
    turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], view: V, after: tuple[Message, ...] = ()
) -> Answer:
    """Ask; if the engine counts more tokens than fit, once more with a smaller memory.

    `after` is what was said since the prompt.
    """
    context = context_of(turn, view, engine, after=after)
    try:
        return _sent(turn, writer, engine, context)
    except ContextExceededError as error:
        if writer.begun:
            raise BrokenAnswerError(f"the answer is to a part of the conversation only: {error}") from error
        if not error.limit or len(context.messages) == 1 + len(after):
            raise
        writer.discard()
        smaller = int(context.tokens * error.limit / max(error.tokens, 1) * 0.9)
        return _sent(turn, writer, engine, context_of(turn, view, engine, at_most=smaller, after=after))


def _sent(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], context: Context[V]) -> Answer:
    """Ask once; what fails after a part of the answer is out has broken off."""
    try:
        return _answer(turn, writer, engine, context)
    except TELLS_ENOUGH:
        raise
    except TrooperError as error:
        # What one model said is not continued by another, nor said twice; a local engine has no other after it.
        if writer.begun or (engine.side is Side.LOCAL and writer.text):
            raise BrokenAnswerError(f"the answer broke off: {error}") from error
        raise


def _answer(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], context: Context[V]) -> Answer:
    """Ask, and write down that it was asked and how that ended."""
    request = request_of(turn, engine, context)
    included: json_output.Context = included_of(context)
    # A turn that was meant for the cloud may be executed here; who may know it stays.
    decision = turn.decision._replace(side=engine.side)
    reservation = None
    if engine.side is Side.CLOUD and turn.counts_spending:
        from trooper_cli.ask.caps import Caps

        request, reservation = Caps(turn).reserve(engine, context, request)
    end, outcome, failure = None, "failed", None
    turns = [*included["anchor"], *included["sitrep"], *included["tail"]]
    if request.unenforced:
        turn.tell_unenforced(engine.name, request.unenforced)
    writer.begin_attempt(decision, engine, request, included, turns)
    try:
        end = _with_geo(_received(turn, writer, engine, request), request)
        outcome = end.stop or "end_turn"
        _learn_ratio(writer, engine, context, end, has_schema=turn.ask_request.schema is not None)
        _check_end(turn, writer, engine, end)
        text, data = wanted_of(turn.ask_request, writer.text, engine)
    except TrooperError as error:
        outcome, failure = type(error).__name__, error
        raise
    finally:
        writer.end_attempt(outcome, end)
        if reservation is not None:
            reservation.settle(end, failure)
    return Answer(
        text=text,
        data=data,
        turn=writer.number or 0,
        decision=decision,
        engine=engine.name,
        model=end.model,
        stop=end.stop,
        usage=end.usage,
        context=included,
        host=host_of(request, engine),
        on_network=engine.on_network,
        stop_sequence=end.sequence,
    )


def _with_geo(end: End, request: Request) -> End:
    """Return the end with the place of the computation that was asked for, where the answer does not say it."""
    if end.usage.inference_geo or not request.inference_geo:
        return end
    return end._replace(usage=end.usage._replace(inference_geo=request.inference_geo))


def _received(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], request: Request) -> End:
    """Send a request and hand on the pieces of the answer; returns its end.

    Raises:
        TrooperError: there is none. What came before is printed, but for what came from where it must not.

    """
    try:
        end = _read_pieces(turn, writer, engine, request)
    except LocalityError:
        raise
    except (TrooperError, KeyboardInterrupt, SystemExit):
        writer.flush()
        raise
    writer.flush()
    if end is None:
        raise BrokenAnswerError(f"{engine.name} gave no end to its answer")
    return end


def _read_pieces(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], request: Request) -> End | None:
    read_timeout = turn.ask_request.read_timeout or READ_TIMEOUT_SECONDS[engine.side]
    end, size, thought = None, 0, 0
    with Deadline(read_timeout) as deadline:
        for piece in _pieces(turn, engine, request, read_timeout):
            deadline.heard()
            if isinstance(piece, End):
                end = piece
            elif isinstance(piece, Thought):
                thought += len(piece.text)
                writer.add_thought(piece.text)
            else:
                size += len(piece)
                writer.add(piece)
            if size + thought > LONGEST_ANSWER:
                raise BrokenAnswerError(f"{engine.name} does not end its answer; it was given up after 4 MiB")
    if end is not None and thought and not end.usage.thinking:
        # Ollama does not say it.
        share = thought / (thought + size)
        end = end._replace(usage=end.usage._replace(thinking=round(end.usage.output * share)))
    return end


def _pieces(turn: TurnInProgress, engine: Engine[V], request: Request, read_timeout: float) -> Iterator[Piece]:
    pieces, sequences = engine.send(request, read_timeout), turn.ask_request.stop_sequences
    if not sequences or engine.takes_stop_sequences:
        return pieces
    from trooper_cli.engines.stop_sequences import until_stopped
    from trooper_cli.memory.tokens import estimate

    return until_stopped(pieces, sequences, engine.model, estimate)


def _check_end(turn: TurnInProgress, writer: AnswerWriter, engine: Engine[V], end: End) -> None:
    if end.stop == "refusal":
        raise RefusedError("the model refused to answer; later turns are not told of this one", after_text=writer.begun)
    is_whole = end.sequence is not None or (turn.caller.takes_no_text and engine.side is Side.CLOUD)
    if not writer.text.strip() and not is_whole:
        if end.usage.thinking:
            more = ", or give it more with --max-tokens" if end.stop == "max_tokens" else ""
            raise BrokenAnswerError(
                f"{engine.name} gave no answer: {end.usage.thinking} tokens went into thinking; have it think less "
                f"with --effort none{more}"
            )
        hint = ""
        if end.stop == "max_tokens":
            hint = f": the answer was cut at {end.usage.output or 'its limit of'} tokens; see --max-tokens"
            if engine.name not in _TELLS_THOUGHTS:
                hint += ", and --effort, since they may have gone into thinking"
        raise BrokenAnswerError(f"{engine.name} gave an empty answer{hint}")
    if end.stop in {"max_tokens", "model_context_window_exceeded"}:
        turn.notify(f"the answer was cut at {end.usage.output or 'its limit of'} tokens; see --max-tokens")
    if end.stop == REPETITION:
        turn.notify("the answer was stopped: the model repeats itself; it is small")


def local_key_of(turn: TurnInProgress, *, connect: bool = True) -> LocalKey | None:
    from trooper_cli.engines.local import local_key

    return local_key(turn.settings, connect=connect)


def local_engine_of(turn: TurnInProgress, key: LocalKey | None, *, connect: bool = True) -> LocalEngine:
    from trooper_cli.engines.local import local_engine

    # A model named for a turn that was meant for the cloud is no local model's name.
    named = turn.ask_request.model if turn.decision.side is Side.LOCAL else None
    label, notify = turn.decision.label, turn.notify
    return local_engine(turn.settings, turn.home, named, connect=connect, key=key, label=label, notify=notify)


def _learn_ratio(writer: AnswerWriter, engine: Engine[V], context: Context[V], end: End, *, has_schema: bool) -> None:
    # What a schema costs is counted by its engine and not estimated here.
    if context.estimate >= LEARN_FROM and end.usage.input and not has_schema:
        ratio = end.usage.input / context.estimate
        writer.learn_ratio(engine, min(max(ratio, LEAST_RATIO), MOST_RATIO))
