"""Claude for a program: the program's own request goes out, but for what is private, and the response comes back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeVar

from trooper_cli.attempt import SCALE
from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.errors import ContextExceededError, InputError
from trooper_cli.memory.tokens import message_cost
from trooper_cli.turn import Context, Message, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.engines import End
    from trooper_cli.messages.caller import ApiCaller
    from trooper_cli.question import Question
    from trooper_cli.transport import Request
    from trooper_cli.turn import PublicView

V = TypeVar("V", bound=View)

# A program that holds the history looks after its length; no request of 32 MB has more tokens than this.
_NO_LIMIT = 32_000_000


class Forwarding(Anthropic):
    """The cloud engine with the fields of one request. Without a session its messages are the whole history."""

    takes_stop_sequences = True

    def __init__(self, question: Question, caller: ApiCaller, environ: Mapping[str, str]) -> None:
        super().__init__(str(caller.body.fields["model"]), environ)
        self._caller = caller
        self._whole_history = question.session is None

    def window(self) -> int:
        return _NO_LIMIT if self._whole_history else super().window()

    def prepare(
        self,
        context: Context[PublicView],
        max_tokens: int,
        *,
        stream: bool,
        sampling: Mapping[str, float] | None = None,
    ) -> Request:
        """Write the request. In what order the fields stand is the caller's choice, as are their values."""
        del stream, sampling
        request = super().prepare(context, max_tokens, stream=self._caller.body.stream)
        body: dict[str, object] = json.loads(request.body)
        memory = {name: body[name] for name in ("system", "messages") if name in body}
        told = {"messages": self._caller.messages} if self._whole_history else memory
        text = json.dumps({**self._caller.body.fields, **told}, ensure_ascii=False, separators=(",", ":"))
        return request._replace(body=text.encode())

    def send(self, request: Request, silence: float) -> Iterator[str | End]:
        try:
            yield from super().send(request, silence)
        except ContextExceededError as error:
            if self._whole_history:
                # There is no memory to be made smaller.
                raise InputError(str(error)) from error
            raise

    def _arrived(self, part: object) -> None:
        self._caller.sink.arrived(part)


def as_given(view: V, question: Question, window: int) -> Context[V]:
    """Return the context of a history that is sent as given: nothing is selected and nothing is recalled."""
    turns = list(view.latest())[::-1]
    both = ((Message("user", turn.prompt), Message("assistant", turn.answer)) for turn in turns)
    messages = [message for pair in both for message in pair]
    texts = [message.text for message in messages] + [question.prompt, question.system or ""]
    estimate = sum(map(message_cost, texts))
    return Context(
        view=view,
        system=question.system,
        messages=(*messages, Message("user", question.prompt)),
        anchor=(),
        sitrep=(),
        tail=tuple(range(len(turns))),
        estimate=estimate,
        tokens=math.ceil(estimate * SCALE[Side.CLOUD]),
        budget=window,
    )
