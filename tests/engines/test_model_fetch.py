"""`trooper pull NAME`, `hf:…` and URLs: fetched whole and checked, or not there at all."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import COMMAND
from tests.engines.hub import Hub, gguf
from tests.standin import _read as read_request
from tests.standin import http
from tests.terminals import terminal
from trooper_cli.engines import default_model
from trooper_cli.engines.known_models import KNOWN_MODELS, KnownModel
from trooper_cli.errors import UnavailableError
from trooper_cli.net.download import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Outcome, Trooper
    from tests.standin import Recorded, Standin

CONTENT = gguf()


@pytest.fixture
def hub() -> Hub:
    return Hub(CONTENT)


@pytest.fixture
def server(hub: Hub, serve: Callable[..., Standin]) -> Standin:
    return serve(hub.respond)


@pytest.fixture
def pulling(trooper: Trooper, server: Standin) -> Trooper:
    """The command whose hub is on loopback; what it fetches, the embedded engine is not needed for."""
    trooper.environ |= {"HF_ENDPOINT": server.url}
    return trooper


def model(trooper: Trooper, name: str = "model.gguf") -> Path:
    return trooper.home / "models" / name


def unfinished(trooper: Trooper) -> list[str]:
    return sorted(path.name for path in (trooper.home / "models" / ".unfinished").glob("*"))


def ranges(server: Standin) -> list[str]:
    return [request.headers.get("range", "") for request in server.requests if request.path.startswith("/bytes/")]


def is_refused(done: Outcome, code: int, *words: str) -> bool:
    """Return whether a call ended with a code and one line that holds these words."""
    assert (done.code, done.out, done.notices.count("\n")) == (code, b"", 1), done
    assert all(word in done.notices for word in words), done.notices
    return True


def interrupted(
    trooper: Trooper, hub: Hub, server: Standin, wanted: str, number: int = signal.SIGKILL
) -> tuple[int, str]:
    """Pull, and stop it by a signal when a part has arrived; return the exit code and the notices."""
    release = threading.Event()

    def half(request: Recorded) -> Iterator[bytes]:
        whole = iter(hub.respond(request))
        yield next(whole)
        if request.path.startswith(("/bytes/", "/files/")):
            yield next(whole)[:500_000]
            release.wait(60)
        else:
            yield from whole

    server.respond = half
    process = trooper.start("pull", wanted)
    part = trooper.home / "models" / ".unfinished" / "model.gguf.part"
    wait_for(lambda: part.exists() and part.stat().st_size > 300_000)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    release.set()
    server.respond = hub.respond
    return process.returncode, err.decode()


class TestFetched:
    """What arrives is the file, whole."""

    def test_a_file_of_the_hub(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """It is fetched through the hub's redirect, is the user's alone, and a second pull fetches no byte of it."""
        done = pulling("pull", hub.address)
        assert (done.code, done.out) == (0, b""), done.notices
        assert "is ready" in done.notices
        assert "checksum" not in done.notices
        assert model(pulling).read_bytes() == CONTENT
        assert model(pulling).stat().st_mode & 0o777 == 0o600
        assert unfinished(pulling) == []
        assert [request.path for request in server.requests] == [
            "/owner/repo/resolve/main/model.gguf",
            "/bytes/0123?signature=s3cret",
        ]
        done = pulling("pull", hub.address)
        assert "was there already" in done.notices
        assert model(pulling).read_bytes() == CONTENT

    @pytest.mark.parametrize("page", ["resolve", "blob"])
    def test_an_address_from_the_browser(self, pulling: Trooper, server: Standin, page: str) -> None:
        """The address of the file's page on the hub names the file, and is checked by the hub's sum."""
        done = pulling("pull", f"{server.url}/owner/repo/{page}/main/model.gguf?download=true")
        assert done.code == 0
        assert "checksum" not in done.notices
        assert model(pulling).read_bytes() == CONTENT

    def test_any_server(self, pulling: Trooper, server: Standin) -> None:
        """A server that publishes no sum: the file is taken, and its sum is told."""
        done = pulling("pull", f"{server.url}/files/other%20model.gguf?key=s3cret")
        assert done.code == 0
        assert f"no checksum was published for it (SHA-256 {hashlib.sha256(CONTENT).hexdigest()})" in done.notices
        assert model(pulling, "other_model.gguf").read_bytes() == CONTENT
        assert "s3cret" not in done.notices

    def test_the_sum_of_the_api(self, pulling: Trooper, hub: Hub) -> None:
        """A mirror that leaves the sum out of its headers is asked by its API."""
        hub.linked, hub.redirect_to, hub.of_api = None, None, hashlib.sha256(CONTENT).hexdigest()
        done = pulling("pull", hub.address)
        assert done.code == 0
        assert "checksum" not in done.notices
        model(pulling).unlink()
        hub.of_api = "0" * 64
        assert is_refused(pulling("pull", hub.address), 69, "wrong checksum")
        assert not model(pulling).exists()

    def test_an_endless_answer_of_the_api(self, pulling: Trooper, hub: Hub, serve: Callable[..., Standin]) -> None:
        """It is asked for a sum, and read no further than such an answer goes."""
        hub.linked, hub.redirect_to = None, None
        sent = [0]

        def endless(request: Recorded) -> Iterator[bytes]:
            if request.path.startswith("/api/"):
                yield b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n["
                while sent[0] < 400:
                    sent[0] += 1
                    yield b" " * (1 << 20)
            yield from hub.respond(request)

        assert pulling("pull", hub.address, HF_ENDPOINT=serve(endless).url).code == 0
        assert sent[0] < 100

    def test_a_file_of_the_same_name_and_size(self, pulling: Trooper, hub: Hub, serve: Callable[..., Standin]) -> None:
        """Without a sum, only the file of the same server with the same mark is there already."""
        other = Hub(gguf(filler=b"others  "))
        first, second = serve(hub.respond).url, serve(other.respond).url
        assert pulling("pull", f"{first}/files/model.gguf").code == 0
        assert "was there already" in pulling("pull", f"{first}/files/model.gguf").notices
        assert "is ready" in pulling("pull", f"{second}/files/model.gguf").notices
        assert model(pulling).read_bytes() == other.content
        hub.etag, hub.content = '"changed"', gguf(filler=b"changed ")
        assert "is ready" in pulling("pull", f"{first}/files/model.gguf").notices
        assert model(pulling).read_bytes() == hub.content

    def test_a_model_known_by_its_name(self, trooper: Trooper, serve: Callable[..., Standin], tmp_path: Path) -> None:
        """Its revision is asked for and its facts are told first; another file than the known one is not taken."""
        known = KNOWN_MODELS[0]
        hub = Hub(CONTENT, f"{known.repository}/{known.file}")
        server = serve(hub.respond)
        trooper.environ["HF_ENDPOINT"] = server.url
        done = trooper("pull", known.name.upper())
        assert (done.code, done.notices.count("\n")) == (69, 2)
        assert "1.5 billion parameters, 1.1 GB, needs 1.9 GB of memory, licence Apache-2.0" in done.notices
        assert "another file of this name (1,000,000 bytes, not 1,117,320,736)" in done.notices
        assert server.requests[0].path == f"/{known.repository}/resolve/{known.revision}/{known.file}"
        assert not model(trooper, known.file).exists()
        # The same with the right size, and with the right sum.
        changed = known._replace(size=len(CONTENT))
        assert pull_known(trooper, tmp_path, changed).code == 69
        assert not model(trooper, known.file).exists()
        done = pull_known(trooper, tmp_path, changed._replace(sha256=hashlib.sha256(CONTENT).hexdigest()))
        assert done.code == 0, done.notices
        assert model(trooper, known.file).read_bytes() == CONTENT
        count = len(server.requests)
        done = pull_known(trooper, tmp_path, changed._replace(sha256=hashlib.sha256(CONTENT).hexdigest()))
        assert "was there already" in done.notices
        assert len(server.requests) == count

    def test_real_bytes(self, trooper: Trooper, serve: Callable[..., Standin], model_file: Path) -> None:
        """A real model, cut off twice on its way, is whole in the end, and answers."""
        pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
        hub = Hub(model_file.read_bytes(), "owner/repo/quants/Real-Q4_1.gguf")
        hub.cuts = [30_000_000, 30_000_000]
        server = serve(hub.respond)
        trooper.environ |= {"HF_ENDPOINT": server.url, "OLLAMA_HOST": "127.0.0.1:9"}
        done = trooper("pull", hub.address)
        assert done.code == 0, done.notices
        assert len(ranges(server)) == 3
        assert ranges(server)[2].startswith("bytes=59")
        done = trooper("ask", "--local", "--json", "What is the capital of France?")
        assert done.code == 0, done.notices
        assert "Paris" in done.json["answer"]
        assert done.json["model"] == "Real-Q4_1"


def pull_known(trooper: Trooper, folder: Path, known: KnownModel) -> Outcome:
    """Pull in a process in which a known model has other facts."""
    (folder / "sitecustomize.py").write_text(
        "import trooper_cli.engines.known_models as known\n"
        f"known.KNOWN_MODELS = (known.KnownModel(*{tuple(known)!r}),)\n"
    )
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Two changes within a second are one to the cache of compiled modules.
    return trooper("pull", known.name, PYTHONPATH=os.pathsep.join(paths), PYTHONDONTWRITEBYTECODE="1")


class TestResumed:
    """What was interrupted goes on where it was, or begins again where it has to."""

    def test_a_cut_connection_is_taken_up(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """One command sees it through, each time with the rest alone."""
        hub.cuts = [400_000, 300_000]
        done = pulling("pull", hub.address)
        assert done.code == 0, done.notices
        assert len(ranges(server)) == 3
        assert ranges(server)[0] == ""
        assert all(300_000 < int(asked[6:-1]) <= 700_000 for asked in ranges(server)[1:])
        assert all(hub.etag == request.headers["if-range"] for request in server.requests if "range" in request.headers)
        assert model(pulling).read_bytes() == CONTENT

    def test_a_line_that_is_dead_is_given_up(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """The command ends after a few tries that bring nothing, says how much is here, and the next goes on there."""
        hub.cuts = [400_000, 0, 0, 0]
        done = pulling("pull", hub.address)
        assert is_refused(done, 69, "393 kB are here, the same command goes on from there")
        assert not model(pulling).exists()
        assert unfinished(pulling) == ["model.gguf.json", "model.gguf.part"]
        done = pulling("pull", hub.address)
        assert done.code == 0
        assert ranges(server)[-1] == "bytes=393216-"
        assert model(pulling).read_bytes() == CONTENT

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_an_interrupted_pull_goes_on(self, pulling: Trooper, hub: Hub, server: Standin, number: int) -> None:
        """Whatever ended it, no model is there, and the next call asks for the rest."""
        code, notices = interrupted(pulling, hub, server, hub.address, number)
        if number != signal.SIGKILL:
            assert code in {130, 143}
            assert notices.count("\n") == 1
            assert "stopped at " in notices
        assert not model(pulling).exists()
        here = (pulling.home / "models/.unfinished/model.gguf.part").stat().st_size
        done = pulling("pull", hub.address)
        assert done.code == 0, done.notices
        assert ranges(server)[-1] == f"bytes={here}-"
        assert model(pulling).read_bytes() == CONTENT

    def test_a_changed_file_begins_again(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """The hub has another file now: nothing of the old one gets into it."""
        interrupted(pulling, hub, server, hub.address)
        changed = Hub(gguf(b"others! "))
        hub.content, hub.etag, hub.linked = changed.content, changed.etag, changed.linked
        done = pulling("pull", hub.address)
        assert done.code == 0, done.notices
        assert ranges(server)[-1] == ""
        assert model(pulling).read_bytes() == changed.content

    @pytest.mark.parametrize("obeys", [True, False])
    def test_a_changed_file_without_a_sum(self, pulling: Trooper, hub: Hub, server: Standin, *, obeys: bool) -> None:
        """Where no sum is published the server's mark decides, also one that overlooks `If-Range`."""
        url = f"{server.url}/files/model.gguf"
        interrupted(pulling, hub, server, url)
        changed = Hub(gguf(b"others! "))
        hub.content, hub.etag, hub.obeys_if_range = changed.content, changed.etag, obeys
        done = pulling("pull", url)
        assert done.code == 0, done.notices
        assert model(pulling).read_bytes() == changed.content

    @pytest.mark.parametrize("etag", ["", 'W/"weak"'])
    def test_without_a_mark_it_begins_again(self, pulling: Trooper, hub: Hub, server: Standin, etag: str) -> None:
        """Neither sum nor strong mark: what has arrived could be of another file, and is not used."""
        hub.etag = etag
        interrupted(pulling, hub, server, f"{server.url}/files/model.gguf")
        assert pulling("pull", f"{server.url}/files/model.gguf").code == 0
        assert all("range" not in request.headers for request in server.requests)
        assert model(pulling).read_bytes() == CONTENT

    def test_a_server_without_ranges(self, pulling: Trooper, hub: Hub) -> None:
        """It sends the whole again, which is taken."""
        hub.cuts, hub.serves_ranges = [400_000], False
        done = pulling("pull", hub.address)
        assert done.code == 0, done.notices
        assert model(pulling).read_bytes() == CONTENT

    def test_a_part_that_is_whole_already(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """Killed before the file was put in place: the next call fetches nothing more and checks what is here."""
        interrupted(pulling, hub, server, hub.address)
        (pulling.home / "models/.unfinished/model.gguf.part").write_bytes(CONTENT)
        assert pulling("pull", hub.address).code == 0
        assert model(pulling).read_bytes() == CONTENT

    def test_a_part_of_something_else(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """A part of the same name from another address is not gone on with."""
        interrupted(pulling, hub, server, f"{server.url}/files/model.gguf")
        assert pulling("pull", hub.address).code == 0
        assert ranges(server) == [""]
        assert model(pulling).read_bytes() == CONTENT


def wait_for(holds: Callable[[], bool], seconds: float = 30) -> None:
    for _ in range(int(seconds / 0.05)):
        if holds():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it does not come to pass")


class TestRefused:
    """One line with the next step, the contract's exit code, and nothing that could be taken for a model."""

    @pytest.fixture(autouse=True)
    def nothing_stays(self, pulling: Trooper) -> Iterator[None]:
        yield
        assert not list((pulling.home / "models").glob("*.gguf"))

    def test_more_than_was_announced(self, pulling: Trooper, hub: Hub, serve: Callable[..., Standin]) -> None:
        """A body that does not end is left at the size that there was room for."""
        sent = [0]

        def endless(request: Recorded) -> Iterator[bytes]:
            if request.path.startswith("/bytes/"):
                yield b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\nGGUF"
                while sent[0] < 400:
                    sent[0] += 1
                    yield bytes(1 << 20)
            yield from hub.respond(request)

        done = pulling("pull", hub.address, HF_ENDPOINT=serve(endless).url)
        assert is_refused(done, 69, "more than the 1,000,000 bytes")
        assert sent[0] < 100
        assert unfinished(pulling) == []

    def test_a_byte_now_and_then(self, serve: Callable[..., Standin]) -> None:
        """A server that is never silent and sends next to nothing is given up, at its headers and at its bytes."""

        def slow(request: Recorded) -> Iterator[bytes]:
            yield b"HTTP/1.1 200 X\r\n"
            if request.path == "/bytes":
                yield b"\r\n"
            for _ in range(100):
                time.sleep(0.05)
                yield b"a"

        for path in ("/headers", "/bytes"):
            began = time.monotonic()
            with (
                pytest.raises(UnavailableError, match="next to nothing"),
                get(f"{serve(slow).url}{path}", lambda *_: {}, patience=0.5) as download,
            ):
                list(download.chunks())
            assert time.monotonic() - began < 3

    @pytest.mark.parametrize("name", [default_model.FILE, KNOWN_MODELS[0].file])
    def test_another_file_under_a_known_name(self, pulling: Trooper, server: Standin, name: str) -> None:
        """From any server, a file that is called as a known model is that model or is refused."""
        assert is_refused(pulling("pull", f"{server.url}/files/{name}"), 69, "another file of this name")
        assert not model(pulling, name).exists()

    def test_a_range_that_nobody_asked_for(self, pulling: Trooper, serve: Callable[..., Standin]) -> None:
        """A server that has no such range, although it was asked for the whole."""
        refusing = serve(lambda _: http(416, ""))
        assert is_refused(pulling("pull", f"{refusing.url}/files/model.gguf"), 69, "try again later")

    def test_a_wrong_sum(self, pulling: Trooper, hub: Hub) -> None:
        hub.linked = "0" * 64
        assert is_refused(pulling("pull", hub.address), 69, "wrong checksum", "nothing of it was kept", "try again")
        assert unfinished(pulling) == []

    def test_bytes_that_changed_on_the_disk(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """A part that was damaged between two calls is found out by the sum."""
        interrupted(pulling, hub, server, hub.address)
        with (pulling.home / "models/.unfinished/model.gguf.part").open("r+b") as part:
            part.seek(200_000)
            part.write(b"X")
        assert is_refused(pulling("pull", hub.address), 69, "wrong checksum")
        assert unfinished(pulling) == []

    @pytest.mark.parametrize(
        ("status", "code", "words"),
        [
            (401, 78, ("(401)", "HF_TOKEN", "/owner/repo")),
            (403, 78, ("(403)", "HF_TOKEN")),
            (404, 78, ("(404)", "/owner/repo/tree/main")),
            (429, 69, ("(429)", "try again later")),
            (500, 69, ("(500)", "try again later")),
        ],
    )
    def test_a_hub_that_says_no(
        self, pulling: Trooper, hub: Hub, status: int, code: int, words: tuple[str, ...]
    ) -> None:
        hub.status = status
        assert is_refused(pulling("pull", hub.address), code, *words)

    def test_another_server_that_says_no(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """No word of the hub's token, and none of the key in the address."""
        hub.status = 403
        done = pulling("pull", f"{server.url}/files/model.gguf?key=s3cret")
        assert is_refused(done, 78, "TROOPER_EMBEDDED_MODEL")
        assert "s3cret" not in done.notices
        assert "HF_TOKEN" not in done.notices

    @pytest.mark.parametrize("content", [b"<html>please log in</html>" * 100, b"", b"GG", b"PK\x03\x04" * 1000])
    def test_what_is_no_model(self, pulling: Trooper, hub: Hub, server: Standin, content: bytes) -> None:
        hub.content = content
        done = pulling("pull", f"{server.url}/files/model.gguf")
        assert done.code == (65 if content else 69)
        assert done.notices.count("\n") == 1
        assert not unfinished(pulling) or not content

    @pytest.mark.parametrize("content", [b"GGUF\x01\0\0\0" + bytes(100), b"GGUF\3\0\0\0" + b"\xff" * 100, b"GGUF"])
    def test_what_only_begins_as_a_model(self, pulling: Trooper, hub: Hub, server: Standin, content: bytes) -> None:
        hub.content = content
        assert is_refused(pulling("pull", f"{server.url}/files/model.gguf"), 65, "GGUF")
        assert unfinished(pulling) == []

    @pytest.mark.parametrize(
        "value",
        [
            struct.pack("<IIQ", 9, 4, (1 << 64) - 1),
            struct.pack("<IIQ", 9, 4, 1 << 60),
            struct.pack("<IIQ", 9, 8, (1 << 64) - 1),
            struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 3_000,
            struct.pack("<Ii", 5, -5),
            struct.pack("<IQ", 10, 1 << 63),
            struct.pack("<If", 6, 1.5),
        ],
        ids=["longest", "long", "texts", "nested", "negative", "huge", "fraction"],
    )
    def test_a_head_that_lies(self, pulling: Trooper, hub: Hub, server: Standin, value: bytes) -> None:
        """Lengths and contexts that no file has are an error in one line, and nothing stays."""
        key = b"llama.context_length"
        head = struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, len(key)) + key + value
        hub.content = head + bytes(1000)
        assert is_refused(pulling("pull", f"{server.url}/files/model.gguf"), 65, "choose another one")
        assert unfinished(pulling) == []

    def test_a_server_that_hides_the_size(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """Whether such a file is whole could not be told."""
        hub.says_length = False
        assert is_refused(pulling("pull", f"{server.url}/files/model.gguf"), 69, "does not say how large")

    @pytest.mark.parametrize("target", ["http://192.0.2.1/model.gguf", "file:///etc/passwd", "https://u:p@h/"])
    def test_a_redirect_out_of_encryption(self, pulling: Trooper, hub: Hub, server: Standin, target: str) -> None:
        hub.redirect_to = target
        assert is_refused(pulling("pull", hub.address), 69, "not https")
        assert len(server.requests) == 1

    def test_a_redirect_in_a_circle(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        hub.redirect_to = "/owner/repo/resolve/main/model.gguf"
        assert is_refused(pulling("pull", hub.address), 69, "again and again")
        assert len(server.requests) < 10

    def test_nobody_there(self, pulling: Trooper, server: Standin, hub: Hub) -> None:
        server.close()
        assert is_refused(pulling("pull", hub.address), 69, "127.0.0.1", "try again")

    def test_a_disk_that_is_too_small(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """It is said before the first byte."""

        def respond(_request: Recorded) -> Iterator[bytes]:
            yield b'HTTP/1.1 200 X\r\ncontent-length: 900000000000000\r\netag: "e"\r\n\r\n'
            yield CONTENT

        server.respond = respond
        assert is_refused(pulling("pull", hub.address), 74, "900000.0 GB are still to come", "TROOPER_HOME")

    def test_a_disk_that_runs_full(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """What has arrived stays, and when there is room the same command goes on."""
        done = subprocess.run(
            [COMMAND, "pull", hub.address],
            env=pulling.environment(),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (74, b"", 1), done.stderr
        assert b"the same command goes on from there" in done.stderr
        assert unfinished(pulling)
        assert pulling("pull", hub.address).code == 0
        assert ranges(server)[-1].startswith("bytes=")
        model(pulling).unlink()

    @pytest.mark.parametrize(
        ("wanted", "words"),
        [
            ("no-such-model", ("qwen3-4b", "hf:OWNER/REPO/FILE")),
            ("hf:owner/repo", ("/owner/repo/tree/main",)),
            ("hf:owner", ("hf:OWNER/REPO/FILE.gguf",)),
            ("hf:owner/repo/../../../../model.gguf", ("hf:OWNER/REPO/FILE.gguf",)),
            ("hf:owner/repo/model.safetensors", (".gguf",)),
            ("hf:owner/repo/model-00001-of-00003.gguf", ("in several files",)),
            ("http://192.0.2.1/model.gguf", ("https://",)),
            ("https://user:word@example.org/model.gguf", ("user name",)),
            ("ftp://example.org/model.gguf", ("https://",)),
            ("https://example.org/", (".gguf",)),
            ("", ("qwen3-4b",)),
        ],
    )
    def test_what_names_no_file(self, pulling: Trooper, server: Standin, wanted: str, words: tuple[str, ...]) -> None:
        assert is_refused(pulling("pull", wanted), 2, *words)
        assert server.requests == []

    @pytest.mark.parametrize(
        "value", ["http://192.0.2.1", "hub.example.org", "https://u:p@hub.example.org", "https://"]
    )
    def test_an_endpoint_that_is_none(self, pulling: Trooper, hub: Hub, value: str) -> None:
        assert is_refused(pulling("pull", hub.address, HF_ENDPOINT=value), 78, "HF_ENDPOINT")

    def test_a_misspelt_variable(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        assert is_refused(pulling("pull", hub.address, TROOPER_HOEM="x"), 78, "TROOPER_HOME")
        assert server.requests == []


class TestWire:
    """What leaves with a download, and by which way."""

    def test_no_key_and_no_text(self, pulling: Trooper, hub: Hub, server: Standin) -> None:
        """The keys of engines are not for a hub, and a request names the file and nothing else."""
        assert pulling("pull", hub.address).code == 0
        assert b"sk-ant" not in server.bytes
        assert all(request.method == "GET" and request.body == b"" for request in server.requests)
        assert {name for request in server.requests for name in request.headers} <= {
            *("host", "accept", "accept-encoding", "connection", "user-agent", "range", "if-range")
        }

    def test_the_token_is_for_the_hub_alone(
        self, pulling: Trooper, hub: Hub, server: Standin, serve: Callable[..., Standin]
    ) -> None:
        """`HF_TOKEN` goes to the hub, and to no address that it redirects to or that a user names."""
        other = serve(hub.respond)
        hub.redirect_to = f"{other.url}/bytes/1"
        assert pulling("pull", hub.address, HF_TOKEN="hf_token").code == 0
        assert server.requests[0].headers["authorization"] == "Bearer hf_token"
        assert pulling("pull", f"{other.url}/files/model.gguf", HF_TOKEN="hf_token").code == 0
        assert b"hf_token" not in other.bytes
        assert len(other.requests) == 2

    def test_a_proxy_of_the_environment(self, pulling: Trooper, hub: Hub, serve: Callable[..., Standin]) -> None:
        """A hub that is elsewhere is reached through HTTPS_PROXY; one that NO_PROXY names is not."""
        proxy = serve(lambda _: [b"HTTP/1.1 403 no\r\ncontent-length: 0\r\n\r\n"])
        elsewhere = {"HF_ENDPOINT": "https://hub.invalid", "HTTPS_PROXY": proxy.url}
        assert is_refused(pulling("pull", hub.address, **elsewhere), 69, "proxy", "HTTPS_PROXY")
        assert proxy.requests[0].raw.startswith(b"CONNECT hub.invalid:443 ")
        assert is_refused(pulling("pull", hub.address, **elsewhere, NO_PROXY="hub.invalid"), 69, "hub.invalid")
        assert len(proxy.requests) == 1
        assert is_refused(
            pulling("pull", hub.address, **elsewhere | {"HTTPS_PROXY": "nonsense://x"}), 78, "HTTPS_PROXY"
        )

    def test_a_ca_of_ones_own(self, pulling: Trooper, hub: Hub, tmp_path: Path) -> None:
        """An organisation's certificate is trusted where SSL_CERT_FILE names it, and else the line says to name it."""
        if subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode:
            pytest.skip("openssl is not installed here")
        key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
        make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hub -addext subjectAltName=IP:127.0.0.1"
        subprocess.run([*make.split(), "-keyout", key, "-out", certificate], capture_output=True, check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        threading.Thread(target=serve_tls, args=(listener, hub), daemon=True).start()
        environ = {"HF_ENDPOINT": f"https://127.0.0.1:{listener.getsockname()[1]}"}
        done = pulling("pull", hub.address, **environ)
        assert is_refused(done, 78, "SSL_CERT_FILE=FILE.pem")
        done = pulling("pull", hub.address, **environ, SSL_CERT_FILE=str(certificate))
        assert done.code == 0, done.notices
        assert model(pulling).read_bytes() == CONTENT
        listener.close()


def serve_tls(listener: ssl.SSLSocket, hub: Hub) -> None:
    """Answer as the hub does; a client that does not trust the certificate goes away before it asks."""
    while listener.fileno() >= 0:
        try:
            connection, _ = listener.accept()
            with connection:
                if (request := read_request(connection)) is not None:
                    for piece in hub.respond(request):
                        connection.sendall(piece)
        except OSError:
            continue


class TestProgress:
    """A bar on a terminal, and nowhere else."""

    def test_it_is_drawn_and_wiped_away(
        self, pulling: Trooper, hub: Hub, serve: Callable[..., Standin], tmp_path: Path
    ) -> None:
        """It shows the share, the sizes and the speed, and no line of it stays."""
        go_on = threading.Event()

        def slow(request: Recorded) -> Iterator[bytes]:
            whole = iter(hub.respond(request))
            yield next(whole)
            if request.path.startswith("/bytes/"):
                for at in range(0, 600_000, 100_000):
                    yield CONTENT[at : at + 100_000]
                    threading.Event().wait(0.3)
                go_on.wait(30)
                yield CONTENT[600_000:]
            else:
                yield from whole

        server = serve(slow)
        environ = pulling.environment(HF_ENDPOINT=server.url, TERM="xterm")
        with terminal([str(COMMAND), "pull", hub.address], environ, tmp_path) as screen:
            screen.wait_for("\r\x1b[K[#")
            screen.wait_for(" % ")
            assert "kB of 1 MB" in screen.wait_for(" left")
            go_on.set()
            assert screen.wait_for("is ready").rstrip().count("\r\x1b[Ktrooper: ") == 1

    @pytest.mark.parametrize(("flags", "term"), [(("-q",), "xterm"), ((), "dumb")])
    def test_where_it_is_not_wanted(
        self, pulling: Trooper, hub: Hub, tmp_path: Path, flags: tuple[str, ...], term: str
    ) -> None:
        environ = pulling.environment(TERM=term)
        script = f"{COMMAND} pull {' '.join(flags)} {hub.address}; echo 'and now'"
        with terminal(["sh", "-c", script], environ, tmp_path) as screen:
            shown = screen.wait_for("and now")
        assert "\x1b" not in shown
        assert "%" not in shown
        assert ("trooper: " in shown) is not bool(flags)

    def test_a_pipe_gets_one_line(self, pulling: Trooper, hub: Hub) -> None:
        done = pulling("pull", hub.address)
        assert (done.out, done.notices.count("\n"), done.notices.count("\r")) == (b"", 1, 0)
