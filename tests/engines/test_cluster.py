"""A shared local side as a team has it: two real servers that want a key, behind a real load balancer."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tools.generate import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Trooper

pytestmark = [pytest.mark.engine, pytest.mark.slow]
pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin")
if NGINX is None:
    pytest.skip("nginx is not installed here; `apt install nginx-light` brings it", allow_module_level=True)

if shutil.which("openssl") is None:
    pytest.skip("openssl is not installed here, which makes the certificate", allow_module_level=True)

SECRET = "team-" + "standin-key-51c0"
SYSTEM, QUESTION = "You are a helpful assistant.", "What is the capital of France?"
# Around the lines of docs/cluster.md: folders of the test's own, and a log by which it sees who answered.
AROUND = """
daemon off; master_process off; pid nginx.pid; error_log error.log;
events {{ }}
http {{
    log_format answered '$upstream_addr $status $request';
    access_log access.log answered;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    {lines}
}}
"""
CERTIFICATE = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
SERVER = """
import os, sys, xllamacpp
p = xllamacpp.CommonParams()
p.model.path = sys.argv[1]
p.n_ctx, p.n_parallel, p.verbosity, p.fit_params, p.cpuparams.n_threads = 2048, 1, -1, False, 1
p.sampling.temp = 0
p.api_keys = [os.environ["SERVER_KEY"]]
s = xllamacpp.Server(p)
print(s.listening_address, flush=True)
sys.stdin.read()
"""


def printed(first: int, second: int, port: int, folder: Path) -> str:
    """Return the lines of the documentation with the addresses and the certificate of the test."""
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    found = re.search(r"^```nginx\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found
    lines = found[1]
    for old, new in (
        ("10.0.0.11:8000", f"127.0.0.1:{first}"),
        ("10.0.0.12:8000", f"127.0.0.1:{second}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("llm.corp.example", "localhost"),
        ("/etc/nginx/", f"{folder}/"),
    ):
        assert old in lines
        lines = lines.replace(old, new)
    return AROUND.format(lines=lines)


class Cluster(NamedTuple):
    """The address of the balancer, its folder, and the two servers with their ports."""

    url: str
    folder: Path
    servers: dict[int, subprocess.Popen[bytes]]

    def answered(self) -> list[str]:
        """Return for each question that was answered who did it."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return [line.split(" ", 1)[0] for line in lines if " 200 POST /v1/chat/completions " in line]


def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def server(model: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run a real llama.cpp server that wants the key."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"SERVER_KEY": SECRET},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            yield int(process.stdout.readline().decode().rpartition(":")[2]), process
        finally:
            process.kill()


@pytest.fixture
def cluster(model_file: Path, tmp_path: Path) -> Iterator[Cluster]:
    """Two servers behind nginx; all end with the test."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    with server(model_file) as (first, one), server(model_file) as (second, other):
        port = free_port()
        (folder / "nginx.conf").write_text(printed(first, second, port, folder))
        made = ["openssl", *CERTIFICATE.split(), "-keyout", str(folder / "llm.key"), "-out", str(folder / "llm.crt")]
        subprocess.run(made, check=True, capture_output=True)
        assert NGINX is not None
        balancer = subprocess.Popen([NGINX, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"])
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert balancer.poll() is None, (folder / "error.log").read_text()
                time.sleep(0.05)
            yield Cluster(f"https://localhost:{port}/v1", folder, {first: one, second: other})
        finally:
            balancer.terminate()
            balancer.wait()


def test_a_team_s_cluster(trooper: Trooper, cluster: Cluster, tmp_path: Path) -> None:
    """Both servers answer private turns, with the key and not without; one that dies is replaced by the other."""
    trooper.environ |= {"TROOPER_LOCAL_URL": cluster.url, "TROOPER_LOCAL_KEY": SECRET}
    # A certificate that nobody vouches for is no cluster.
    done = trooper("ask", "--local", QUESTION)
    assert (done.code, done.out, cluster.answered()) == (69, b"", [])
    assert "(its certificate is not trusted); SSL_CERT_FILE can name what is trusted" in done.notices
    trooper.environ["SSL_CERT_FILE"] = str(cluster.folder / "llm.crt")
    for mode in ("--stream", "--no-stream"):
        done = trooper("ask", "--local", mode, "--system", SYSTEM, "--max-tokens", "30", "--json", QUESTION)
        assert done.code == 0, done.notices
        assert "Paris" in done.json["answer"]
        assert (done.json["engine"], done.json["label"], done.json["network"]) == ("openai", "private", False)
        # An ask is two requests, the list of models and the question, and this is one: the other server is next.
        assert trooper("doctor", TROOPER_LOCAL="1").code == 0
    assert set(cluster.answered()) == {f"127.0.0.1:{port}" for port in cluster.servers}
    # llama.cpp tells anybody which models it has, and wants the key for a question.
    done = trooper("ask", "--local", QUESTION, TROOPER_LOCAL_KEY=None)
    assert (done.code, done.out) == (78, b"")
    assert "the local server wants a key (401); set TROOPER_LOCAL_KEY, or local_key_cmd" in done.notices
    done = trooper("ask", "--local", QUESTION, TROOPER_LOCAL_KEY="wrong")
    assert (done.code, done.out) == (78, b"")
    assert "the local server rejects the key (401); check TROOPER_LOCAL_KEY" in done.notices
    # A password manager in its place.
    script = tmp_path / "key"
    script.write_text(f"#!/bin/sh\necho '{SECRET}'\n")
    script.chmod(0o700)
    trooper.home.mkdir(mode=0o700, exist_ok=True)
    (trooper.home / "config.toml").write_text(f'local_key_cmd = "{script}"\n')
    assert trooper("ask", "--local", "--max-tokens", "8", QUESTION, TROOPER_LOCAL_KEY=None).code == 0
    # One node goes away: the next question is answered by the other.
    gone, process = next(iter(cluster.servers.items()))
    process.kill()
    process.wait()
    before = len(cluster.answered())
    for _ in range(3):
        assert trooper("ask", "--local", "--max-tokens", "8", QUESTION).code == 0
    assert f"127.0.0.1:{gone}" not in {address.split(",")[-1] for address in cluster.answered()[before:]}
    # Both are gone: the turn fails, and does not go to the cloud.
    for process in cluster.servers.values():
        process.kill()
        process.wait()
    done = trooper("ask", "--local", QUESTION)
    assert (done.code, done.out) == (69, b"")
    assert SECRET not in done.notices + (cluster.folder / "access.log").read_text()
    # Prompts do not lie in the balancer's folders.
    assert not [path for path in cluster.folder.rglob("*") if path.is_file() and b"capital" in path.read_bytes()]
