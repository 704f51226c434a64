"""Claude for a program: the program's own request goes out, but for what is private, and the response comes back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeVar

from trooper_cli.ask.context import SCALE
from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.engines.engine import AS_BY_DEFAULT, Thinking
from trooper_cli.errors import ContextExceededError, InputError
from trooper_cli.memory.tokens import message_cost
from trooper_cli.turn import Context, Message, Side, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trooper_cli.ask.request import AskRequest
    from trooper_cli.engines.engine import Piece
    from trooper_cli.json_schema import Schema
    from trooper_cli.messages.request import Body
    from trooper_cli.messages.texts import ApiMessage
    from trooper_cli.net.http import Request
    from trooper_cli.turn import PublicView

V = TypeVar("V", bound=View)

# A program that holds the history looks after its length; no request of 32 MB has more tokens than this.
_NO_LIMIT = 32_000_000


class Forwarding(Anthropic):
    """The cloud engine with the fields of one request. Without a session its messages are the whole history."""

    takes_stop_sequences = True

    def __init__(
        self,
        body: Body,
        messages: Sequence[ApiMessage] | None,
        arrived: Callable[[object], None],
        environ: Mapping[str, str],
        inference_geo: str | None,
    ) -> None:
        """Prepare to send a request on.

        Args:
            body: the request as its program wrote it.
            messages: those of its messages that may be sent; None where a session holds the history.
            arrived: takes each part of the response.
            environ: holds the key and the address.
            inference_geo: the user's setting, for a request that says nothing of it.

        """
        own = body.fields.get("inference_geo")
        super().__init__(str(body.fields["model"]), environ, own if isinstance(own, str) else inference_geo)
        self._body = body
        self._messages = messages
        self._take = arrived

    def window(self) -> int:
        return _NO_LIMIT if self._messages is not None else super().window()

    def prepare(
        self,
        context: Context[PublicView],
        max_tokens: int,
        *,
        stream: bool,
        sampling: Mapping[str, float] | None = None,
        thinking: Thinking = AS_BY_DEFAULT,
        schema: Schema | None = None,
    ) -> Request:
        """Write the request. In what order the fields stand is the caller's choice, as are their values."""
        del stream, sampling, thinking, schema
        request = super().prepare(context, max_tokens, stream=self._body.stream)
        body: dict[str, object] = json.loads(request.body)
        memory = {name: body[name] for name in ("system", "messages") if name in body}
        given = memory if self._messages is None else {"messages": self._messages}
        fields = dict(self._body.fields)
        if self._inference_geo and fields.get("inference_geo") is None:
            fields["inference_geo"] = self._inference_geo
        text = json.dumps({**fields, **given}, ensure_ascii=False, separators=(",", ":"))
        return request._replace(body=text.encode())

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        try:
            yield from super().send(request, read_timeout)
        except ContextExceededError as error:
            if self._messages is not None:
                # There is no memory to be made smaller.
                raise InputError(str(error)) from error
            raise

    def _arrived(self, part: object) -> None:
        self._take(part)


def as_given(view: V, ask_request: AskRequest, window: int) -> Context[V]:
    """Return the context of a history that is sent as given: nothing is selected and nothing is recalled."""
    turns = list(view.latest())[::-1]
    both = ((Message("user", turn.prompt), Message("assistant", turn.answer)) for turn in turns)
    messages = [message for pair in both for message in pair]
    texts = [message.text for message in messages] + [ask_request.prompt, ask_request.system or ""]
    estimate = sum(map(message_cost, texts))
    return Context(
        view=view,
        system=ask_request.system,
        messages=(*messages, Message("user", ask_request.prompt)),
        anchor=(),
        sitrep=(),
        tail=tuple(range(len(turns))),
        estimate=estimate,
        tokens=math.ceil(estimate * SCALE[Side.CLOUD]),
        budget=window,
    )
