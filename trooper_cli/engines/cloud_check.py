"""What `trooper doctor` asks of a cloud that lists no models: a request without text, which spends no token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trooper_cli.engines.api_errors import ErrorSource, failure_of_response
from trooper_cli.errors import BrokenAnswerError
from trooper_cli.net.http import Request, to_cloud

if TYPE_CHECKING:
    from collections.abc import Mapping


def try_without_text(
    url: str, headers: Mapping[str, str], model: str, place: ErrorSource, read_timeout: float, proxy: str | None
) -> None:
    """Send a question that holds no message: every API calls it invalid, once it is the right address and key.

    Raises:
        TrooperError: the address is unknown or the key rejected, as an ask would find.

    """
    body = json.dumps({"model": model, "max_tokens": 1, "messages": []}).encode()
    request = Request(url, {**headers, "content-type": "application/json"}, body)
    with to_cloud(request, read_timeout, proxy, place.name) as response:
        if response.status in {401, 403, 404}:
            raise failure_of_response(response, place)
        if response.status == 200 and response.headers.get("content-type", "").startswith("text/html"):
            raise BrokenAnswerError(
                f"{place.name} answers with a page for people; check {place.address}, and whether this network wants "
                "you to log in first"
            )
