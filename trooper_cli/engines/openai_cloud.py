"""A cloud that speaks the OpenAI API. It takes the public view's context and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli import __version__
from trooper_cli.engines.api_errors import ErrorSource, failure_in_stream, failure_of_response
from trooper_cli.engines.cloud_check import try_without_text
from trooper_cli.engines.decoding import get_path, parse_or_none, text
from trooper_cli.engines.engine import AS_BY_DEFAULT, Thinking
from trooper_cli.engines.openai_api import chat_body, read_answer
from trooper_cli.errors import LocalityError, NoConnectionError, TrooperError
from trooper_cli.net.http import Request, to_cloud
from trooper_cli.turn import Context, Label, PublicView, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trooper_cli.engines.engine import Piece
    from trooper_cli.json_schema import Schema


class OpenAICloud:
    """One model of one cloud, named by the user; `url` is all that stands before `/chat/completions`."""

    side = Side.CLOUD
    on_network = False
    takes_stop_sequences = False
    answer_tokens = 16_000

    def __init__(
        self, name: str, url: str, model: str, place: ErrorSource, key: str, window: int, proxy: str | None
    ) -> None:
        self.name = name
        self.model = model
        self._url = url
        self._place = place
        self._key = key
        self._window = window
        self._proxy = proxy

    @property
    def account(self) -> tuple[str, str]:
        """Return what a quota belongs to: the address and the key."""
        return self._url, self._key

    def window(self) -> int:
        return self._window

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
        # The type says it to whoever writes code; this says it to whatever gets past the types.
        if context.view.label is not Label.PUBLIC:
            raise LocalityError("a private turn's context was meant for the cloud; nothing was sent")
        # The field `top_k` is no part of this API.
        known = {name: value for name, value in (sampling or {}).items() if name != "top_k"}
        form: object = None
        unenforced: tuple[str, ...] = ()
        if schema is not None:
            from trooper_cli.engines.schema_forms import for_openai

            form, unenforced = for_openai(schema.value)
        return Request(
            url=f"{self._url}/chat/completions",
            headers={
                "accept": "text/event-stream" if stream else "application/json",
                "accept-encoding": "identity",
                "authorization": f"Bearer {self._key}",
                "connection": "close",
                "content-type": "application/json",
                "user-agent": f"trooper/{__version__}",
            },
            body=chat_body(
                context,
                self.model,
                max_tokens,
                stream=stream,
                sampling=known,
                thinking=thinking,
                response_format=form,
            ),
            unenforced=unenforced,
        )

    def send(self, request: Request, read_timeout: float) -> Iterator[Piece]:
        with to_cloud(request, read_timeout, self._proxy, self.name) as response:
            if response.status != 200:
                raise failure_of_response(response, self._place)
            yield from read_answer(response, self.model, self._broke_off)

    def check(self, read_timeout: float) -> bool | None:
        """Return whether the key is accepted and the model exists, without spending a token; None if none is listed.

        Raises:
            TrooperError: as for `send`.

        """
        headers = {"accept": "application/json", "accept-encoding": "identity", "connection": "close"}
        headers |= {"authorization": f"Bearer {self._key}", "user-agent": f"trooper/{__version__}"}
        request = Request(f"{self._url}/models", headers, b"", "GET")
        with to_cloud(request, read_timeout, self._proxy, self.name) as response:
            if response.status not in {200, 404, 405}:
                raise failure_of_response(response, self._place)
            listed = get_path(parse_or_none(response.read()), "data")
        if not isinstance(listed, list):
            url = f"{self._url}/chat/completions"
            try_without_text(url, headers, self.model, self._place, read_timeout, self._proxy)
            return None
        # Aliases are in no list here, so that a name that is not listed may be one.
        return True if any(text(row, "id") == self.model for row in listed) else None

    def _broke_off(self, chunk: object) -> TrooperError:
        if chunk is None:
            return NoConnectionError(f"the answer of {self.name} broke off")
        return failure_in_stream(chunk, self._place)
