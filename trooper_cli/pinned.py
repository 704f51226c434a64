"""The connection that goes to an endpoint on this machine and nowhere else."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from trooper_cli.errors import LocalityError
from trooper_cli.locality import is_loopback

if TYPE_CHECKING:
    from trooper_cli.locality import LocalEndpoint

# http.client does without TLS where there is none, which saves 5 ms: plain HTTP on loopback has no use for it.
_without = "ssl" not in sys.modules
if _without:
    sys.modules["ssl"] = None  # type: ignore[assignment]
try:
    import http.client
finally:
    if _without:
        del sys.modules["ssl"]

NotHTTPError = http.client.HTTPException
CutShortError = http.client.IncompleteRead


class PinnedConnection(http.client.HTTPConnection):
    """HTTP to the literal addresses of a `LocalEndpoint`: no look-up, no proxy, and the peer is checked first."""

    def __init__(self, endpoint: LocalEndpoint, timeout: float, connect_timeout: float = 5.0) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=timeout)
        self._endpoint = endpoint
        self._silence = timeout
        self._connect_timeout = connect_timeout

    def connect(self) -> None:
        failure: OSError = ConnectionRefusedError()
        for address in self._endpoint.addresses:
            try:
                # As bytes, for which Python needs no table of international names.
                place = (address.encode("ascii"), self.port)
                self.sock = socket.create_connection(place, self._connect_timeout)  # type: ignore[arg-type]
                break
            except OSError as error:
                failure = error
        else:
            raise failure
        peer = str(self.sock.getpeername()[0])
        if not self._endpoint.on_network and not is_loopback(peer):
            self.close()
            raise LocalityError("the local engine's connection leaves this machine, so nothing was sent")
        if self._endpoint.scheme == "https":
            import ssl

            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._endpoint.host)
        self.sock.settimeout(self._silence)
