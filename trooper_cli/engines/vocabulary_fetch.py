"""Fetch a vocabulary from its public address: resumed, and kept only if it has the SHA-256 that tiktoken states.

It goes under the name that tiktoken gives it, so that the folder serves other programs as TIKTOKEN_CACHE_DIR too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli.engines import encodings
from trooper_cli.engines.default_model import alone
from trooper_cli.engines.model_fetch import ModelFetch
from trooper_cli.engines.model_source import ModelSource
from trooper_cli.errors import ConfigurationError, TrooperError, UnavailableError
from trooper_cli.files import ensure_private_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trooper_cli.net.download import Download

ADDRESS = encodings.ADDRESS
_BY_HAND = "put a copy into a folder of your own, under the name {file}, and set TIKTOKEN_CACHE_DIR to it"


class _VocabularyFetch(ModelFetch):
    """A file that is known by its checksum alone."""

    _what = "the vocabulary"

    def _check_head(self, chunk: bytes, host: str) -> None:
        """Do nothing: what comes is no vocabulary unless its checksum says so."""

    def _check_whole(self) -> None:
        """Do nothing, as for the head."""

    def _refusal(self, download: Download) -> TrooperError:
        by_hand = _BY_HAND.format(file=self._source.file)
        return UnavailableError(f"{download.host} does not give out the vocabulary ({download.status}); {by_hand}")


def pull(
    encoding: str, home: Path, environ: Mapping[str, str], progress: Callable[[int, int], None]
) -> tuple[Path, bool]:
    """Fetch a vocabulary into the data folder; return where it is, and whether it is new.

    Args:
        encoding: its name.
        home: Trooper's data folder.
        environ: the environment; what TIKTOKEN_CACHE_DIR names is left alone.
        progress: is called with the bytes that are here and the bytes of the whole.

    Raises:
        UnavailableError: it cannot be had, or what came is something else.
        StorageError: it cannot be written.

    """
    vocabulary = encodings.VOCABULARIES[encoding]
    folder = ensure_private_dir(encodings.folder(home))
    target = folder / vocabulary.file
    with alone(folder):
        try:
            encodings.vocabulary_bytes(encoding, {}, home)
        except ConfigurationError:
            # It is not there, or torn.
            url = f"{ADDRESS}/{encoding}.tiktoken"
            source = ModelSource(url, vocabulary.file, url, vocabulary.sha256)
            _VocabularyFetch(source, folder, environ, progress).run()
            return target, True
    return target, False
