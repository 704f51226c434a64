"""Where a model to be pulled comes from: one that is known by its name, a file of the hub, or any URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from trooper_cli.engines.known_models import KNOWN_MODELS, known_model
from trooper_cli.errors import ConfigurationError, UsageError
from trooper_cli.net.download import is_download_url

if TYPE_CHECKING:
    from collections.abc import Mapping

HUB = "https://huggingface.co"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_ON_HUB = re.compile(r"/([^/]+/[^/]+)/(?:resolve|blob)/([^/]+)/(.+)")


class ModelSource(NamedTuple):
    """One file to fetch. `sha256` and `size` are those known before anybody is asked; '' and 0 if none are.

    `page` is where a person looks for it; `repository`, `revision` and `path` name a file of the hub at `hub`.
    """

    url: str
    file: str
    page: str
    sha256: str = ""
    size: int = 0
    hub: str = ""
    repository: str = ""
    revision: str = ""
    path: str = ""

    @property
    def identity(self) -> str:
        """Return the address without its query, which may hold a key and changes with each signature."""
        return self.url.partition("?")[0]


def model_source(wanted: str, environ: Mapping[str, str]) -> ModelSource:
    """Return what a user names: a known model, `hf:OWNER/REPO/FILE`, or a URL.

    Raises:
        UsageError: it is none of them; the message says what there is.
        ConfigurationError: HF_ENDPOINT is no address to fetch from.

    """
    if model := known_model(wanted):
        return _on_hub(
            hub_of(environ), model.repository, model.revision, model.file, sha256=model.sha256, size=model.size
        )
    if wanted.startswith("hf:"):
        return _of_hub(wanted.removeprefix("hf:"), hub_of(environ))
    if "://" in wanted:
        return _of_url(wanted, hub_of(environ))
    names = ", ".join(model.name for model in KNOWN_MODELS)
    raise UsageError(f"no model of this name is known; there are {names}, or name hf:OWNER/REPO/FILE.gguf or a URL")


def hub_of(environ: Mapping[str, str]) -> str:
    """Return the address of the hub: `HF_ENDPOINT`, as Hugging Face's own programs read it, else huggingface.co.

    Raises:
        ConfigurationError: nothing is fetched from there.

    """
    hub = environ.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB
    if not is_download_url(hub) or "?" in hub or "#" in hub:
        raise ConfigurationError("HF_ENDPOINT must be https://HOST, without a user name (http:// only on loopback)")
    return hub


def token_for(url: str, source: ModelSource, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the header with `HF_TOKEN`, for the hub itself and for no address that it redirects to."""
    token = environ.get("HF_TOKEN", "").strip()
    if not token or not source.hub or _origin(url) != _origin(source.hub):
        return {}
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ConfigurationError("HF_TOKEN holds characters that no token has; copy it again")
    return {"authorization": f"Bearer {token}"}


def _of_hub(name: str, hub: str) -> ModelSource:
    owner, _, rest = name.partition("/")
    repository, _, path = rest.partition("/")
    if not (_PART.fullmatch(owner) and _PART.fullmatch(repository)):
        raise UsageError("a file of the hub is named hf:OWNER/REPO/FILE.gguf")
    if not path:
        raise UsageError(
            f"which file of {owner}/{repository}? Name it, hf:{owner}/{repository}/FILE.gguf; "
            f"they are listed at {hub}/{owner}/{repository}/tree/main"
        )
    if {"", ".", ".."} & {*path.split("/")}:
        # It would be a file of somewhere else, by its address.
        raise UsageError("a file of the hub is named hf:OWNER/REPO/FILE.gguf, without empty parts, `.` and `..`")
    return _on_hub(hub, f"{owner}/{repository}", "main", path)


def _of_url(url: str, hub: str) -> ModelSource:
    if not is_download_url(url):
        raise UsageError("a model is fetched from https://HOST/…, without a user name (http:// only on loopback)")
    parts = urlsplit(url)
    for known in {hub, HUB}:
        # The page of a file, as it is copied from a browser, is not the file.
        below = parts.path.removeprefix(urlsplit(known).path)
        if _origin(url) == _origin(known) and (found := _ON_HUB.fullmatch(unquote(below))):
            return _on_hub(known, *found.groups())
    return _of_known_name(
        ModelSource(url.partition("#")[0], _file_name(unquote(parts.path)), f"{parts.scheme}://{parts.netloc}")
    )


def _of_known_name(source: ModelSource) -> ModelSource:
    """Return a source that has to have the checksum of the model that goes by its file's name, if one does."""
    from trooper_cli.engines import default_model

    if source.file.lower() == default_model.FILE.lower():
        return source._replace(sha256=default_model.SHA256, size=default_model.SIZE)
    if known := known_model(source.file):
        return source._replace(sha256=known.sha256, size=known.size)
    return source


def _on_hub(hub: str, repository: str, revision: str, path: str, *, sha256: str = "", size: int = 0) -> ModelSource:
    url = f"{hub}/{quote(repository)}/resolve/{quote(revision, safe='')}/{quote(path)}"
    page = f"{hub}/{quote(repository)}"
    return ModelSource(url, _file_name(path), page, sha256, size, hub, repository, revision, path)


def _file_name(path: str) -> str:
    """Return the name of a file for this machine: the last part of a path, with plain characters only."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", path.rpartition("/")[2]).lstrip(".-")
    if not name.lower().endswith(".gguf") or len(name) > 200:
        raise UsageError("the address must end in the name of a .gguf file; embedded models are GGUF files")
    if _SPLIT.search(name):
        raise UsageError("this is one part of a model in several files; choose a file that holds the whole model")
    return f"{name[:-5]}.gguf"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
