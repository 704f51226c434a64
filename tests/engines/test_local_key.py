"""The key of the server on this machine: where it comes from, where it goes, and where it never does."""

from __future__ import annotations

import json
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from tests.faults.matrix import compatible, openai_error
from tests.standin import http
from trooper_cli.ask.person import Person
from trooper_cli.ask.pipeline import ask
from trooper_cli.ask.request import AskRequest
from trooper_cli.errors import LocalityError
from trooper_cli.net import locality
from trooper_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

SECRET = "local-" + "standin-key-9f3a"
BEARER = f"Bearer {SECRET}"


def keyed(request: Recorded) -> Iterable[bytes]:
    """Answer as vLLM does with `--api-key`: 401 to any path without the key."""
    if request.headers.get("authorization") != BEARER:
        return openai_error(401, words=f"no: {request.headers.get('authorization')}")
    return compatible("a keyed answer")(request)


def keyed_late(request: Recorded) -> Iterable[bytes]:
    """Answer as llama.cpp's server does with `--api-key`: the list of models is open to all."""
    return compatible("")(request) if request.path.endswith("/models") else keyed(request)


@pytest.fixture
def server(serve: Callable[..., Standin], trooper: Trooper) -> Standin:
    """A server that wants a key, set as the local one."""
    server = serve(keyed)
    trooper.environ["TROOPER_LOCAL_URL"] = server.url
    return server


def written(trooper: Trooper, text: str) -> None:
    trooper.home.mkdir(mode=0o700, exist_ok=True)
    (trooper.home / "config.toml").write_text(text)


def a_command(trooper: Trooper, folder: Path, key: str = SECRET) -> Path:
    """Set a command that prints a key, and return the file in which it counts its calls and what keys it sees."""
    script, calls = folder / "key", folder / "calls"
    script.write_text(
        f"#!/bin/sh\necho \"call $ANTHROPIC_API_KEY$TROOPER_LOCAL_KEY\" >> '{calls}'\necho noise >&2\necho '{key}'\n"
    )
    script.chmod(0o700)
    written(trooper, f'local_key_cmd = "{script}"\n')
    return calls


class TestSent:
    """The key reaches the server of `local_url`, with every request."""

    @pytest.mark.parametrize("mode", ["--stream", "--no-stream"])
    def test_from_the_environment(self, trooper: Trooper, server: Standin, mode: str) -> None:
        """A private turn is answered; the list of models is asked for with the key as well."""
        done = trooper("ask", "--local", mode, "-v", "hello", TROOPER_LOCAL_KEY=SECRET)
        assert (done.code, done.text) == (0, "a keyed answer\n"), done.notices
        assert [request.headers["authorization"] for request in server.requests] == [BEARER, BEARER]
        assert SECRET not in done.notices

    def test_from_the_file(self, trooper: Trooper, server: Standin) -> None:
        """`local_key` in config.toml does it as well, and the environment goes before it."""
        written(trooper, f'local_key = "{SECRET}"\n')
        assert trooper("ask", "--local", "hello").code == 0
        done = trooper("ask", "--local", "hello", TROOPER_LOCAL_KEY="another")
        assert done.code == 78
        assert server.requests[-1].headers["authorization"] == "Bearer another"

    def test_from_a_program(self, trooper: Trooper, server: Standin, tmp_path: Path) -> None:
        """It runs once a call, before the gate of a private turn closes, and sees no key; nothing of it is shown."""
        calls = a_command(trooper, tmp_path)
        done = trooper("ask", "--local", "hello")
        assert (done.code, done.text, done.notices) == (0, "a keyed answer\n", "")
        assert {request.headers["authorization"] for request in server.requests} == {BEARER}
        assert calls.read_text() == "call \n"
        assert trooper("ask", "--local", "hello", TROOPER_LOCAL_KEY=SECRET).code == 0
        assert calls.read_text() == "call \n"

    def test_a_public_turn_answered_here(self, trooper: Trooper, server: Standin, cloud: Standin) -> None:
        """Without a cloud's key, and as its stand-in."""
        environ = {"TROOPER_LOCAL_KEY": SECRET}
        assert trooper("ask", "hello", ANTHROPIC_API_KEY=None, **environ).text == "a keyed answer\n"
        cloud.close()
        assert trooper("ask", "hello", **environ).text == "a keyed answer\n"
        assert len(server.bodies) == 2

    def test_doctor_and_sitrep(self, trooper: Trooper, server: Standin, tmp_path: Path) -> None:
        """What else asks the server has the key too, also from a program and behind the gate."""
        a_command(trooper, tmp_path)
        assert trooper("doctor", TROOPER_LOCAL="1").code == 0
        assert trooper("ask", "--local", "-s", "ops", "my host is db1.corp.example").code == 0
        done = trooper("sitrep", "-s", "ops", "--write")
        assert done.code == 0, done.notices
        assert {request.headers.get("authorization") for request in server.requests} == {BEARER}


class TestNowhereElse:
    """Nobody but that server sees it, and no output holds it."""

    def test_no_other_engine(self, trooper: Trooper, cloud: Standin, local: Standin, tmp_path: Path) -> None:
        """Claude, Ollama and another cloud are not sent it; nor is a program run that would print it."""
        environ = {"TROOPER_LOCAL_KEY": SECRET}
        for setting in ({}, {"TROOPER_LOCAL_URL": "http://127.0.0.1:9", "TROOPER_LOCAL_ENGINE": "ollama"}):
            assert trooper("ask", "hello", **environ, **setting).code == 0
            assert trooper("ask", "--local", "hello", **environ, **setting).code == 0
        calls = a_command(trooper, tmp_path)
        assert trooper("ask", "--local", "hello").code == trooper("ask", "hello").code == 0
        assert not calls.exists()
        assert len(cloud.bodies) == len(local.bodies) == 3
        assert SECRET.encode() not in cloud.bytes + local.bytes

    def test_no_redirect(self, trooper: Trooper, serve: Callable[..., Standin], local: Standin) -> None:
        """A redirect, also of the list of models, is refused; its target hears nothing."""
        target = serve(keyed)
        server = serve(lambda _: http(307, "", location=f"{target.url}/v1/chat/completions"))
        done = trooper("ask", "--local", "hello", TROOPER_LOCAL_URL=server.url, TROOPER_LOCAL_KEY=SECRET)
        assert done.code == 77
        assert target.connections == local.connections == 0

    def test_no_address_that_is_not_local(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, serve: Callable[..., Standin]
    ) -> None:
        """A host of the network gets it if `local_hosts` names it; else there is no connection."""
        server = serve(keyed)

        # An address of this machine plays the part of one on the network, so that nothing really leaves.
        def lookup(_: str, port: int, *__: object, **___: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        monkeypatch.setattr(locality, "is_loopback", lambda _: False)
        config = tmp_path / "config.toml"
        environ = {"TROOPER_LOCAL_URL": f"http://gpu.example:{server.port}", "TROOPER_LOCAL_KEY": SECRET}
        question = AskRequest("hello", local_flag=True)
        with pytest.raises(LocalityError, match="local_hosts") as caught:
            ask(question, Person(lambda _: None), Settings(environ, config), tmp_path, lambda _: None)
        assert server.connections == 0
        assert SECRET not in str(caught.value)
        config.write_text('local_hosts = ["gpu.example"]\n')
        answer = ask(question, Person(lambda _: None), Settings(environ, config), tmp_path, lambda _: None)
        assert (answer.text, answer.on_network) == ("a keyed answer", True)
        assert server.requests[-1].headers["authorization"] == BEARER

    def test_a_dry_run(self, trooper: Trooper, server: Standin, tmp_path: Path) -> None:
        """It shows the header without the key, runs no program and connects to nothing."""
        done = trooper("ask", "--local", "--dry-run", "hello", TROOPER_LOCAL_KEY=SECRET)
        assert done.json["headers"]["authorization"] == "***"
        calls = a_command(trooper, tmp_path)
        again = trooper("ask", "--local", "--dry-run", "hello")
        assert again.json["headers"]["authorization"] == "***"
        assert SECRET not in done.text + done.notices + again.text + again.notices
        assert not calls.exists()
        assert server.connections == 0

    def test_config_shows_none(self, trooper: Trooper) -> None:
        """`trooper config` says that there is one, and where from."""
        assert trooper("config", "set", "local_key", SECRET).code == 0
        for done in (trooper("config"), trooper("config", "--json"), trooper("config", TROOPER_LOCAL_KEY=SECRET)):
            assert done.code == 0
            assert SECRET not in done.text + done.notices
        assert trooper("config", "--json").json["local_key"] == {
            "value": "***", "origin": "config", "variable": "TROOPER_LOCAL_KEY"
        }  # fmt: skip

    def test_a_file_that_gets_it_is_the_user_s_alone(self, trooper: Trooper, tmp_path: Path) -> None:
        """Whether it was there before, open to others, or elsewhere behind a link, or is new."""
        for existing in (False, True):
            trooper.home.mkdir(mode=0o700, exist_ok=True)
            file, target = trooper.home / "config.toml", tmp_path / "dotfiles.toml"
            file.unlink(missing_ok=True)
            if existing:
                target.write_text("budget = 1000\n")
                target.chmod(0o644)
                file.symlink_to(target)
            assert trooper("config", "set", "local_key", SECRET).code == 0
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert file.is_symlink() == existing

    @pytest.mark.parametrize("key", [f"{SECRET}\nx-evil: 1", f"{SECRET} two", f"{SECRET}\u00fc"])
    def test_what_is_no_key_is_not_repeated(self, trooper: Trooper, server: Standin, key: str) -> None:
        """A header cannot be smuggled in; exit 78, and the text is not shown."""
        done = trooper("ask", "--local", "hello", TROOPER_LOCAL_KEY=key)
        assert (done.code, done.out) == (78, b"")
        assert "TROOPER_LOCAL_KEY must be a key" in done.notices
        assert SECRET not in done.notices
        assert server.connections == 0


class TestRejected:
    """A server that wants a key, or another one: exit 78 with the next step, and nobody is asked instead."""

    @pytest.mark.parametrize("respond", [keyed, keyed_late])
    def test_it_wants_one(
        self, trooper: Trooper, serve: Callable[..., Standin], respond: Callable[[Recorded], Iterable[bytes]]
    ) -> None:
        """Without a key; one that guards its list of models is not even sent the prompt."""
        server = serve(respond)
        done = trooper("ask", "--local", "hello", TROOPER_LOCAL_URL=server.url)
        assert (done.code, done.out) == (78, b"")
        assert done.notices == (
            "trooper: the local server wants a key (401); set TROOPER_LOCAL_KEY, or local_key_cmd in config.toml\n"
        )
        assert len(server.bodies) == (respond is keyed_late)

    @pytest.mark.parametrize("respond", [keyed, keyed_late])
    @pytest.mark.parametrize("status", [401, 403])
    def test_it_rejects_one(
        self,
        trooper: Trooper,
        serve: Callable[..., Standin],
        respond: Callable[[Recorded], Iterable[bytes]],
        status: int,
    ) -> None:
        """The line names the source of the key and never the key, although the server's words hold it."""

        def refusing(request: Recorded) -> Iterable[bytes]:
            first, *rest = respond(request)
            return [first.replace(b" 401 ", f" {status} ".encode()), *rest]

        server = serve(refusing)
        environ = {"TROOPER_LOCAL_URL": server.url, "TROOPER_TRACE": "1", "TROOPER_LOCAL_KEY": "wrong-" + SECRET}
        done = trooper("ask", "--local", "-v", "hello", **environ)
        assert (done.code, done.out) == (78, b"")
        assert f"the local server rejects the key ({status}); check TROOPER_LOCAL_KEY" in done.notices
        assert SECRET not in done.notices

    def test_its_source_is_named(self, trooper: Trooper, server: Standin, tmp_path: Path) -> None:
        """Whether it stands in config.toml or comes from a program."""
        written(trooper, 'local_key = "wrong"\n')
        assert "check local_key in " in trooper("ask", "--local", "hello").notices
        a_command(trooper, tmp_path, key="wrong")
        assert trooper("ask", "--local", "hello").notices.endswith("check local_key_cmd\n")
        written(trooper, 'local_key_cmd = "false"\n')
        done = trooper("ask", "--local", "hello")
        assert (done.code, server.bodies) == (78, [])
        assert "local_key_cmd failed (exit 1)" in done.notices


def test_a_key_in_the_name_of_a_model(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """A server that tells the key as a model's name: nothing is asked of it, and the key is written down nowhere."""

    def telling(request: Recorded) -> Iterable[bytes]:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        return http(200, json.dumps({"data": [{"id": f"model-{key}"}]}))

    environ = {"TROOPER_LOCAL_URL": serve(telling).url, "TROOPER_LOCAL_ENGINE": "openai", "TROOPER_LOCAL_KEY": SECRET}
    done = trooper("ask", "--local", "-s", "ops", "-v", "hello", **environ)
    assert (done.code, done.out) == (78, b"")
    for arguments in (["doctor"], ["models"], ["models", "--json"], ["usage"], ["export", "-s", "ops"]):
        said = trooper(*arguments, **environ)
        assert SECRET not in said.text + said.notices
    for file in trooper.home.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
