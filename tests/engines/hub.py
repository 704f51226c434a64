"""A hub of models on loopback: it redirects to where the bytes are, serves ranges, and breaks off where it is told to.

Its shapes follow huggingface_hub (file_download.py, constants.py) and what huggingface.co sends: the address of a file
redirects, and beside the redirect stand `X-Linked-Etag`, the file's SHA-256, and `X-Linked-Size`.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.standin import http

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.standin import Recorded


def gguf(filler: bytes = b"weights ", size: int = 1_000_000, context: int = 4096, licence: str = "mit") -> bytes:
    """Return a file that has the head of a GGUF model and no tensors."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("general.license") + struct.pack("<I", 8) + text(licence),
        text("llama.context_length") + struct.pack("<II", 4, context),
    ]
    head = struct.pack("<4sIQQ", b"GGUF", 3, 0, len(entries)) + b"".join(entries)
    return (head + filler * (size // len(filler)))[:size]


class Hub:
    """One file of one repository; what it does wrong is set from outside."""

    def __init__(self, content: bytes, path: str = "owner/repo/model.gguf") -> None:
        self.content = content
        self.owner, self.repository, self.file = path.split("/", 2)
        self.etag = f'"{hashlib.md5(content).hexdigest()}"'  # as S3 gives it, not the SHA-256
        self.linked: str | None = hashlib.sha256(content).hexdigest()
        self.of_api: str | None = None
        # After how many bytes each response is cut off, the first that comes first.
        self.cuts: list[int] = []
        self.status = 0
        self.redirect_to: str | None = "/bytes/0123?signature=s3cret"
        self.serves_ranges = True
        self.obeys_if_range = True
        self.says_length = True

    @property
    def address(self) -> str:
        return f"hf:{self.owner}/{self.repository}/{self.file}"

    def respond(self, request: Recorded) -> Iterable[bytes]:
        if self.status:
            return http(self.status, "a page of words")
        if request.path == f"/api/models/{self.owner}/{self.repository}/tree/main" and self.of_api:
            row = {"type": "file", "path": self.file, "size": len(self.content), "lfs": {"oid": self.of_api}}
            return http(200, json.dumps([{"type": "directory", "path": "other"}, row]))
        if re.fullmatch(rf"/{self.owner}/{self.repository}/resolve/[^/]+/{quote(self.file)}", request.path):
            linked = {"x-linked-etag": f'"{self.linked}"', "x-linked-size": str(len(self.content))}
            headers = linked if self.linked else {}
            if self.redirect_to:
                return http(302, "moved", location=self.redirect_to, **headers)
            return self.bytes(request, headers)
        if request.path.startswith(("/bytes/", "/files/")):
            return self.bytes(request, {})
        return http(404, "no such page")

    def bytes(self, request: Recorded, headers: dict[str, str]) -> Iterator[bytes]:
        start, status = 0, 200
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if_range = request.headers.get("if-range", self.etag)
        if asked and self.serves_ranges and (if_range == self.etag or not self.obeys_if_range):
            start, status = int(asked[1]), 206
            if start >= len(self.content):
                yield from http(416, "", content_range=f"bytes */{len(self.content)}")
                return
            headers = headers | {"content-range": f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"}
        lines = [f"HTTP/1.1 {status} X", "connection: close", *(f"{name}: {value}" for name, value in headers.items())]
        lines += [f"etag: {self.etag}"] if self.etag else []
        body = self.content[start:]
        lines += [f"content-length: {len(body)}"] if self.says_length else []
        yield "\r\n".join(lines).encode() + b"\r\n\r\n"
        if self.cuts:
            yield body[: self.cuts.pop(0)]
            return
        yield body
