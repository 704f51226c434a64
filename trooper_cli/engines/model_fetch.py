"""Fetch one GGUF file: resumed where it broke off, checked by the hub's SHA-256, put in place whole or not at all.

The hub says in `X-Linked-Etag` and `X-Linked-Size`, beside its redirect to where the bytes are, what the file's SHA-256
and size are (huggingface_hub, constants.py and file_download.py); a mirror that leaves them out is asked by its API
for `lfs.oid`. What has arrived lies in a folder of its own, under a name that no model has, with a note of what it is a
part of; it is continued only if the server's file is still the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from trooper_cli import __version__
from trooper_cli.engines.decoding import get_path, parse_or_none
from trooper_cli.engines.fetch_note import SHA256, Note, noted, published
from trooper_cli.engines.gguf import context_length
from trooper_cli.engines.model_source import token_for
from trooper_cli.errors import (
    ConfigurationError,
    InputError,
    NoConnectionError,
    StorageError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.files import ensure_private_dir
from trooper_cli.net.download import Download, get, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trooper_cli.engines.model_source import ModelSource

UNFINISHED = ".unfinished"
# A line that breaks again and again before another byte has come is given up.
_TRIES = 3
_LEFT_FREE = 64 << 20
_LARGEST_LIST = 10_000_000
_GO_ON = "the same command goes on from there"


class Fetched(NamedTuple):
    """A model that is in place. `is_new` is false if it was there already, `is_checked` if no sum was published."""

    path: Path
    sha256: str
    is_new: bool
    is_checked: bool


class _ChangedError(Exception):
    """The part that is here cannot be continued any more; the text is the server's host."""


class ModelFetch:
    """One file on its way. A subclass fetches files that are no models.

    Args:
        source: where it comes from.
        folder: where models lie.
        environ: the environment, for `HF_TOKEN`.
        progress: is called with the bytes that are here and the bytes of the whole.

    """

    _what = "the model"

    def __init__(
        self, source: ModelSource, folder: Path, environ: Mapping[str, str], progress: Callable[[int, int], None]
    ) -> None:
        self._source = source
        self._environ = environ
        self._progress = progress
        self._folder = folder
        self._target = folder / source.file
        self._part = folder / UNFINISHED / f"{source.file}.part"
        self._note_file = folder / UNFINISHED / f"{source.file}.json"
        self._origin = folder / ".origins" / f"{source.file}.json"
        self._here = 0
        self._note = Note()

    def run(self) -> Fetched:
        """Fetch, check and put in place.

        Raises:
            UnavailableError: it cannot be had, or is not what the hub says it is.
            ConfigurationError: the hub refuses it, or has no such file.
            InputError: it is no GGUF file.
            StorageError: it cannot be written.

        """
        sha256 = self._source.sha256
        if sha256 and _has_size(self._target, self._source.size) and _digest(self._target) == sha256:
            return self._done(sha256, is_new=False)
        ensure_private_dir(self._part.parent)
        try:
            return self._persist() or self._put_in_place()
        except InputError:
            self._drop_part()
            raise
        except OSError as error:
            raise StorageError(
                f"{self._what} cannot be written to {self._folder}: {error.strerror}{self._kept()}"
            ) from error

    def _persist(self) -> Fetched | None:
        """Fetch until the part is whole, going on where a connection broke off; a model if it is there already."""
        fails, has_begun, is_afresh = 0, False, False
        while True:
            self._read_note()
            before = self._here
            try:
                return self._attempt()
            except _ChangedError as error:
                if is_afresh:
                    raise UnavailableError(
                        f"{error} does not send the part of the file that it is asked for; try again later"
                    ) from error
                is_afresh = True
            except NoConnectionError as error:
                has_begun |= self._here > before
                fails = 0 if self._here > before else fails + 1
                if not has_begun or fails >= _TRIES:
                    raise UnavailableError(f"{error}{self._kept() or '; nothing was fetched, try again'}") from error
                time.sleep(2**fails)

    def _attempt(self) -> Fetched | None:
        """Fetch what is missing; a model if it is there already, None once the part is whole.

        Raises:
            NoConnectionError: it broke off.

        """
        with get(self._source.url, self._headers) as download:
            if download.status == 416 and 0 < self._note.size == self._here:
                return None
            if download.status == 416:
                self._drop_part()
                raise _ChangedError(download.host)
            if download.status not in {200, 206}:
                raise self._refusal(download)
            found = self._described(download)
            if found.size == 0:
                raise UnavailableError(f"{download.host} does not say how large the file is, so it was not fetched")
            if self._is_there(found):
                return self._done(found.sha256, is_new=False)
            if download.status == 206 and not self._goes_on(download, found):
                self._drop_part()
                raise _ChangedError(download.host)
            if download.status == 200:
                self._drop_part()
            self._write_note(found)
            self._check_room(found.size)
            self._receive(download, found.size)
        return None

    def _headers(self, url: str, redirects: tuple[Mapping[str, str], ...]) -> dict[str, str]:
        headers = {"user-agent": f"trooper-cli/{__version__}", **token_for(url, self._source, self._environ)}
        linked = published(redirects)[0]
        if self._here and linked in {"", self._note.sha256}:
            headers["range"] = f"bytes={self._here}-"
            if self._note.etag:
                headers["if-range"] = self._note.etag
        return headers

    def _described(self, download: Download) -> Note:
        """Return what the server says of the file: its sum, its mark, its size."""
        source = self._source
        sha256, size = published((*download.redirects, download.headers))
        if total := re.fullmatch(r"bytes \d+-\d+/(\d+)", download.headers.get("content-range", "")):
            size = int(total[1])
        elif (length := download.headers.get("content-length", "")).isdigit():
            size = int(length)
        if source.size and size != source.size:
            where = (
                f"hf:{source.repository}/{source.path}" if source.hub else "another name, which only its server gives"
            )
            raise UnavailableError(
                f"{download.host} has another file of this name ({size:,} bytes, not {source.size:,}); "
                f"take it as it is with {where}"
            )
        etag = download.headers.get("etag", "")
        # A weak mark says that two files mean the same, not that their bytes are (RFC 9110, 8.8.3).
        etag = etag if etag.startswith('"') else ""
        known = self._note.sha256 if etag and etag == self._note.etag and size == self._note.size else ""
        return Note(source.identity, source.sha256 or sha256 or known or self._sum_of_api(), etag, size)

    def _sum_of_api(self) -> str:
        """Ask the hub's API for the SHA-256 of a file whose download does not say it; '' if it does not know."""
        source = self._source
        if not source.hub:
            return ""
        folder = quote(source.path.rpartition("/")[0])
        url = f"{source.hub}/api/models/{quote(source.repository)}/tree/{quote(source.revision, safe='')}"
        try:
            with get(f"{url}/{folder}".rstrip("/"), self._bare_headers, read_timeout=20.0) as answer:
                rows = parse_or_none(within(answer, _LARGEST_LIST)) if answer.status == 200 else None
        except TrooperError:
            return ""
        for row in rows if isinstance(rows, list) else []:
            oid = get_path(row, "lfs", "oid")
            if get_path(row, "path") == source.path and isinstance(oid, str) and SHA256.fullmatch(oid):
                return oid
        return ""

    def _bare_headers(self, url: str, _redirects: object) -> dict[str, str]:
        return {"user-agent": f"trooper-cli/{__version__}", **token_for(url, self._source, self._environ)}

    def _goes_on(self, download: Download, found: Note) -> bool:
        """Return whether what comes continues the part, byte for byte, and is of the same file."""
        note, content_range = self._note, download.headers.get("content-range", "")
        is_same = found.sha256 == note.sha256 if found.sha256 or note.sha256 else found.etag == note.etag
        return is_same and found.size == note.size and content_range.startswith(f"bytes {self._here}-")

    def _receive(self, download: Download, size: int) -> None:
        with self._part.open("ab") as out:
            for chunk in download.chunks():
                if not self._here:
                    self._check_head(chunk, download.host)
                if self._here + len(chunk) > size:
                    self._drop_part()
                    raise UnavailableError(
                        f"{download.host} sends more than the {size:,} bytes that it announced; nothing of it was kept"
                    )
                self._here += out.write(chunk)
                self._progress(self._here, size)
            out.flush()
            os.fsync(out.fileno())
        if self._here < size:
            raise NoConnectionError(f"{download.host} closed the connection")

    def _put_in_place(self) -> Fetched:
        size, sha256 = self._part.stat().st_size, _digest(self._part)
        if size != self._note.size or sha256 != (self._note.sha256 or sha256):
            self._drop_part()
            raise UnavailableError(
                f"what was fetched is not {self._source.file} (wrong checksum); nothing of it was kept, try again"
            )
        self._check_whole()
        self._part.chmod(0o600)
        self._part.replace(self._target)
        ensure_private_dir(self._origin.parent)
        self._note_file.replace(self._origin)
        return self._done(sha256, is_new=True)

    def _check_head(self, chunk: bytes, host: str) -> None:
        if chunk[:4] != b"GGUF":
            raise InputError(f"what {host} has there is no GGUF file; look at the address in a browser")

    def _check_whole(self) -> None:
        try:
            context_length(self._part)
        except InputError as error:
            raise InputError(f"{self._source.file} is no GGUF file of version 2 or 3; choose another one") from error

    def _done(self, sha256: str, *, is_new: bool) -> Fetched:
        # The one that was asked for last is the one that is used.
        os.utime(self._target)
        is_checked = bool(self._source.sha256 or self._note.sha256) if is_new else bool(sha256)
        return Fetched(self._target, sha256, is_new, is_checked)

    def _is_there(self, found: Note) -> bool:
        """Return whether the file is in place: with that sum, else as it came from there with that mark."""
        if not _has_size(self._target, found.size):
            return False
        if found.sha256:
            return _digest(self._target) == found.sha256
        return bool(found.etag) and noted(self._origin)._replace(sha256="") == found

    def _read_note(self) -> None:
        """Learn what is here of an earlier try; without a note of it, or of another file, it counts for nothing."""
        try:
            note, here = noted(self._note_file), self._part.stat().st_size
        except OSError:
            note, here = Note(), 0
        may_go_on = note.identity == self._source.identity and (note.sha256 or note.etag) and here <= note.size
        self._note, self._here = (note, here) if may_go_on else (Note(), 0)

    def _write_note(self, note: Note) -> None:
        self._note = note
        self._note_file.write_text(json.dumps(note._asdict()), encoding="utf-8")

    def _drop_part(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note_file.unlink(missing_ok=True)
        self._here = 0

    def _check_room(self, size: int) -> None:
        missing, free = size - self._here, shutil.disk_usage(self._folder).free
        if missing + _LEFT_FREE > free:
            raise StorageError(
                f"{gigabytes(missing)} are still to come and {self._folder} has room for {gigabytes(free)}; "
                f"make room, or set TROOPER_HOME to a larger disk{self._kept()}"
            )

    def _kept(self) -> str:
        return f"; {gigabytes(self._here)} are here, {_GO_ON}" if self._here else ""

    def _refusal(self, download: Download) -> TrooperError:
        status, host, source = download.status, download.host, self._source
        if status in {401, 403} and source.hub:
            return ConfigurationError(
                f"{host} does not give out {source.file} ({status}): is the name right, and its licence accepted "
                f"at {source.page}? Then set HF_TOKEN"
            )
        if status in {401, 403}:
            return ConfigurationError(
                f"{host} does not give out {source.file} ({status}); fetch it yourself, then set "
                "TROOPER_EMBEDDED_MODEL to its path"
            )
        if status in {404, 410}:
            where = f"{source.page}/tree/{source.revision}" if source.hub else source.page
            return ConfigurationError(f"{host} has no {source.file} there ({status}); look for its name at {where}")
        return UnavailableError(f"{host} could not give out the file ({status}); try again later{self._kept()}")


def gigabytes(size: float) -> str:
    """Return a number of bytes as people say it: 93 MB, 2.5 GB."""
    if size < 999_500:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e9:.1f} GB" if size >= 999_500_000 else f"{size / 1e6:.0f} MB"


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
