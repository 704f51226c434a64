"""Is it this machine? And the connection that goes nowhere else."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from trooper_cli.ask.person import Person
from trooper_cli.ask.pipeline import ask
from trooper_cli.ask.request import AskRequest
from trooper_cli.engines.ollama_host import host_url
from trooper_cli.errors import ConfigurationError, LocalityError, UnavailableError
from trooper_cli.net import locality, loopback
from trooper_cli.net.egress import is_loopback, letting_out, this_machine_only
from trooper_cli.net.http import cloud_url
from trooper_cli.net.locality import local_endpoint
from trooper_cli.net.loopback import PinnedConnection
from trooper_cli.settings import Settings
from trooper_cli.store.audit import leaked, records
from trooper_cli.store.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_this_machine(address: str) -> None:
    """Every address of the loopback range is local, mapped ones too."""
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "0.0.0.0", "::", "192.168.1.2", "::ffff:8.8.8.8", "localhost", "", "fe80::1"]
)
def test_nothing_else_is(address: str) -> None:
    """A network address is not local, and a name is no address."""
    assert not is_loopback(address)


def test_localhost_is_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that lies about localhost is not asked."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    assert local_endpoint("http://localhost:11434").addresses == ("127.0.0.1", "::1")


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def lookup(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_one_address_elsewhere_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to this machine and to another is refused."""
    resolving(monkeypatch, "127.0.0.1", "198.51.100.1")
    with pytest.raises(LocalityError, match="local_hosts"):
        local_endpoint("http://gpu.example:11434")


def test_the_addresses_that_were_checked_are_those_connected_to(
    monkeypatch: pytest.MonkeyPatch, cloud: Standin
) -> None:
    """A name that changes its address after the check (DNS rebinding) is not looked up again."""
    resolving(monkeypatch, "127.0.0.1")
    endpoint = local_endpoint(f"http://gpu.example:{cloud.port}")
    resolving(monkeypatch, "198.51.100.1")
    connection = PinnedConnection(endpoint, 5)
    connected: list[object] = []
    create = socket.create_connection

    def spy(address: tuple[bytes, int], timeout: float) -> socket.socket:
        connected.append(address)
        monkeypatch.undo()
        return create(address, timeout)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", spy)
    connection.connect()
    connection.close()
    assert connected == [(b"127.0.0.1", cloud.port)]


def test_the_peer_is_checked_before_a_byte_is_written(monkeypatch: pytest.MonkeyPatch, cloud: Standin) -> None:
    """A connection whose peer turns out to be elsewhere is closed with nothing written."""
    monkeypatch.setattr(loopback, "is_loopback", lambda address: address == "checked")
    endpoint = locality.LocalEndpoint("http", "127.0.0.1", cloud.port, "", ("127.0.0.1",), on_network=False)
    with pytest.raises(LocalityError):
        PinnedConnection(endpoint, 5).request("POST", "/", {}, b"secret")
    assert cloud.requests == []


def test_a_trusted_host_is_the_user_s_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of the network is accepted if local_hosts names it, and marked as on the network."""
    resolving(monkeypatch, "198.51.100.1")
    assert local_endpoint("http://gpu.example:11434", ("gpu.example",)).on_network


def test_a_name_that_is_not_found_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that cannot be resolved is no engine, not a fault."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(UnavailableError):
        local_endpoint("http://gpu.example")


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1", "http://", "http://me@127.0.0.1", "http://127.0.0.1:99999", "127.0.0.1:8080"]
)
def test_what_is_no_address_is_a_configuration_error(url: str) -> None:
    """A local address that cannot be used is exit 78 with the way to write it."""
    with pytest.raises(ConfigurationError):
        local_endpoint(url)


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        (":1234", "http://127.0.0.1:1234"),
        ("::", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:99", "http://[::1]:99"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("example.com:66000", "http://example.com:11434"),
        (' "127.0.0.1:5" ', "http://127.0.0.1:5"),
        ("example.com/path", "http://example.com:11434/path"),
        ("ollama.com", "https://ollama.com:443"),
        ("http://127.0.0.1:bad", "http://127.0.0.1:80"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(variable: str, url: str) -> None:
    """The forms of OLLAMA_HOST give what Ollama's own config.go gives."""
    assert host_url(variable) == url


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "ftp://x", "https://", "https://me:pw@api.example.com", "nonsense"]
)
def test_a_cloud_url_is_https(url: str) -> None:
    """The key and the prompt go over https, or to loopback."""
    with pytest.raises(ConfigurationError):
        cloud_url(url)


def test_a_cloud_url_on_loopback_may_be_plain() -> None:
    """A gateway on this machine may be spoken to without TLS."""
    assert cloud_url("http://localhost:8080/") == "http://localhost:8080"


class TestGate:
    """During a private turn nothing in the process reaches out, whoever tries."""

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda: socket.getaddrinfo("example.com", 80),
            lambda: socket.gethostbyname("example.com"),
            lambda: socket.create_connection(("198.51.100.1", 80), 1),
            lambda: socket.create_connection(("example.com", 80), 1),
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("198.51.100.1", 53)),
            lambda: socket.socket().connect(("0.0.0.0", 80)),
            lambda: socket.socket(socket.AF_UNIX).connect("/tmp/somebody.sock"),
            lambda: subprocess.run(["true"], check=False),
            lambda: os.system("true"),
            lambda: os.posix_spawn("/bin/true", ["true"], {}),
            os.fork,
        ],
    )
    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_reaching_out_is_stopped(self, attempt: Callable[[], object]) -> None:
        """Connections, look-ups, datagrams and child processes are refused before they happen."""
        with this_machine_only(), pytest.raises(LocalityError):
            attempt()

    def test_loopback_is_let_through_and_the_gate_opens_again(self, cloud: Standin) -> None:
        """A connection to this machine passes; after the turn everything passes again."""
        with this_machine_only():
            socket.create_connection(("127.0.0.1", cloud.port), 5).close()
        assert subprocess.run(["true"], check=False).returncode == 0

    def test_a_thread_of_a_library_is_stopped(self) -> None:
        """A thread that was started before the turn, and one that is started in it, reach out no more than the turn."""
        refused: list[BaseException] = []
        begun = threading.Event()

        def reach_out() -> None:
            begun.wait(30)
            try:
                socket.getaddrinfo("example.com", 80)
            except LocalityError as error:
                refused.append(error)

        threads = [threading.Thread(target=reach_out) for _ in range(2)]
        threads[0].start()
        with this_machine_only():
            threads[1].start()
            with letting_out(("example.com",)):
                begun.set()
                for thread in threads:
                    thread.join()
        assert len(refused) == 2

    def test_what_one_connection_may_reach_nothing_else_may(self) -> None:
        """A host that is let out is so for the code within alone."""
        with this_machine_only():
            with letting_out(("gpu.example", "198.51.100.1")):
                sys.audit("socket.getaddrinfo", "gpu.example", 80)
                sys.audit("socket.connect", None, ("198.51.100.1", 80))
                with pytest.raises(LocalityError):
                    sys.audit("socket.connect", None, ("198.51.100.2", 80))
            for event in (("socket.getaddrinfo", b"gpu.example", 80), ("socket.connect", None, ("198.51.100.1", 80))):
                with pytest.raises(LocalityError):
                    sys.audit(*event)

    def test_the_gate_stays_closed_while_one_turn_runs(self) -> None:
        """Two turns of one process: the end of the first does not open the gate for the second."""
        with this_machine_only():
            with this_machine_only():
                pass
            with pytest.raises(LocalityError):
                sys.audit("socket.getaddrinfo", "example.com", 80)
        sys.audit("socket.getaddrinfo", "example.com", 80)

    def test_a_private_turn_runs_behind_the_gate(self, trooper: Trooper, tmp_path: Path) -> None:
        """A library that looks up a host while a private turn is under way ends it with exit 77."""
        (tmp_path / "sitecustomize.py").write_text(
            "import socket\n"
            "plain = socket.socket.sendall\n"
            "def sendall(self, *arguments):\n"
            "    socket.getaddrinfo('telemetry.example.com', 443)\n"
            "    return plain(self, *arguments)\n"
            "socket.socket.sendall = sendall\n"
        )
        path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
        done = trooper("ask", "--local", "hello", PYTHONPATH=path)
        assert (done.code, done.out) == (77, b"")


class TestTrustedHost:
    """A host of the network that the user trusts as local, told wherever it matters."""

    def test_it_is_told_in_answer_and_audit(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, local: Standin
    ) -> None:
        """The answer says that it came over the network, and audit lists the request; no cloud took part."""

        # An address of this machine plays the part of one on the network, so that nothing really leaves.
        def lookup(_: str, port: int, *__: object, **___: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        monkeypatch.setattr(locality, "is_loopback", lambda _: False)
        config = tmp_path / "config.toml"
        environ = {"OLLAMA_HOST": f"gpu.example:{local.port}", "TROOPER_LOCAL_ENGINE": "ollama"}
        question = AskRequest("hello", session="ops", local_flag=True)
        with pytest.raises(LocalityError, match="local_hosts"):
            ask(question, Person(lambda _: None), Settings(environ, config), tmp_path, lambda _: None)
        assert local.connections == 0
        config.write_text('local_hosts = ["gpu.example"]\n')
        answer = ask(question, Person(lambda _: None), Settings(environ, config), tmp_path, lambda _: None)
        assert (answer.host, answer.on_network) == (f"gpu.example:{local.port}", True)
        with contextlib.closing(Session.open(tmp_path, "ops")) as session:
            (record,) = records(session.turns(), session.attempts())
        assert (record["to"], record["host"]) == ("network", f"gpu.example:{local.port}")
        assert not leaked([record])
