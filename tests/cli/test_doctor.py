"""`trooper doctor`: what works and what does not, the next step for each, and the exit code that an ask would have."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_terminal import on_terminal
from tests.conftest import KEY
from tests.standin import Standin, api_error, http, model_list, ollama
from trooper_cli.cli.checks import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Outcome, Trooper
    from tests.standin import Recorded


@pytest.fixture
def cloud(serve: Callable[..., Standin]) -> Standin:
    return serve(model_list("claude-opus-5-5", "claude-sonnet-5-5"))


def found(done: Outcome, check: str, state: str | None = None) -> list[str]:
    """Return the text of a check with its next step."""
    rows: list[dict[str, Any]] = done.json["checks"]
    return [f"{row['text']} → {row['next']}" for row in rows if row["check"] == check and state in {None, row["state"]}]


class TestCloud:
    """The cloud is asked for its models, which spends no token."""

    def test_all_is_well(self, trooper: Trooper, cloud: Standin) -> None:
        """Exit 0; the cloud got one GET with the key and no body."""
        done = trooper("doctor", "--json")
        assert (done.code, done.notices) == (0, "")
        assert done.json["works"] is True
        assert {row["state"] for row in done.json["checks"]} == {"ok"}
        assert found(done, "key") == ["comes from ANTHROPIC_API_KEY → "]
        assert "takes the key and has claude-sonnet-5-5" in found(done, "cloud")[0]
        assert found(done, "ask") == ["a plain ask is answered by the cloud (default) → "]
        assert [(request.method, request.path, request.body) for request in cloud.requests] == [
            ("GET", "/v1/models?limit=1000", b"")
        ]
        assert cloud.requests[0].headers["x-api-key"] == KEY
        assert KEY not in done.text

    def test_nothing_local_is_needed(self, trooper: Trooper, cloud: Standin) -> None:
        """Where the cloud answers and this machine has no engine, one calm line says so."""
        done = trooper("doctor", "--json", OLLAMA_HOST="127.0.0.1:1")
        assert (done.code, cloud.connections) == (0, 1)
        assert {row["state"] for row in done.json["checks"]} == {"ok"}
        assert found(done, "ollama") == found(done, "embedded") == []
        (line,) = found(done, "local")
        assert "only --local and the fallback need a local engine → " in line

    @pytest.mark.parametrize(
        ("status", "kind", "code"),
        [(401, "authentication_error", 78), (403, "permission_error", 78), (529, "overloaded_error", 0)],
    )
    def test_the_exit_code_is_that_of_an_ask(
        self, trooper: Trooper, cloud: Standin, status: int, kind: str, code: int
    ) -> None:
        """A rejected key stops every ask; a cloud in trouble stops none while this machine can answer."""
        cloud.respond = lambda _: api_error(status, kind)
        done = trooper("doctor", "--json")
        assert done.code == done.json["exit"] == code
        if code:
            assert "rejects the key" in found(done, "cloud", "fail")[0]
            assert "→ check ANTHROPIC_API_KEY" in found(done, "cloud")[0]
        else:
            assert "overloaded" in found(done, "cloud", "warn")[0]
            assert "fallback" in found(done, "ask", "ok")[0]
            assert trooper("doctor", TROOPER_FALLBACK="0").code == 75

    def test_nobody_answers(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """Neither the cloud nor this machine: exit 69, as for an ask."""
        cloud.close()
        local.close()
        environ = {"TROOPER_LOCAL_ENGINE": "ollama"}
        done = trooper("doctor", "--json", **environ)
        assert done.code == trooper("ask", "hello", **environ).code == 69
        assert "ollama serve" in found(done, "local", "fail")[0]

    def test_a_model_that_is_not_there(self, trooper: Trooper, cloud: Standin) -> None:
        """An unknown model is exit 78; an alias that the list does not name is looked up."""
        cloud.respond = model_list("claude-opus-5-5", aliases=["claude-opus"])
        assert trooper("doctor", TROOPER_CLOUD_MODEL="claude-opus").code == 0
        done = trooper("doctor", "--json", TROOPER_CLOUD_MODEL="claude/zero")
        assert done.code == 78
        assert "has no model claude/zero" in found(done, "cloud", "fail")[0]
        assert cloud.requests[-1].path == "/v1/models/claude%2Fzero"

    @pytest.mark.parametrize("answer", [http(404, "no"), http(200, "<html>welcome</html>", "text/html")])
    def test_a_gateway_that_lists_no_models(self, trooper: Trooper, cloud: Standin, answer: list[bytes]) -> None:
        """What could not be tried is said to be so, and stops nothing."""
        cloud.respond = lambda request: answer if request.method == "GET" else api_error(400, "invalid_request_error")
        done = trooper("doctor", "--json")
        assert done.code == 0
        # It was asked without a text: the address and the key are those of an API.
        assert [request.json["messages"] for request in cloud.requests if request.method == "POST"] == [[]]
        assert "were not tried" in found(done, "cloud", "warn")[0]

    @pytest.mark.parametrize("setting", ["api_key_cmd", "auth_token_cmd"])
    def test_the_source_of_the_key(self, trooper: Trooper, cloud: Standin, setting: str) -> None:
        """A command is named, and what it printed is taken by the cloud and shown to nobody."""
        cloud.respond = model_list("claude-sonnet-5-5")
        trooper.home.mkdir(mode=0o700)
        (trooper.home / "config.toml").write_text(f'{setting} = "echo a-secret"\n')
        done = trooper("doctor", "--json", ANTHROPIC_API_KEY=None)
        assert (done.code, found(done, "key", "ok")) == (0, [f"comes from {setting} → "])
        header = "x-api-key" if setting == "api_key_cmd" else "authorization"
        assert cloud.requests[0].headers[header].endswith("a-secret")
        assert "a-secret" not in done.text + done.notices

    @pytest.mark.parametrize("place", ["env", "config", "session"])
    def test_a_locked_cloud_is_not_contacted(self, trooper: Trooper, cloud: Standin, place: str) -> None:
        """Under the lock no connection is made and no key is asked for, wherever the lock is."""
        trooper.home.mkdir(mode=0o700)
        (trooper.home / "config.toml").write_text('api_key_cmd = "/no/such/program"\n')
        environ: dict[str, str | None] = {"ANTHROPIC_API_KEY": None}
        if place == "env":
            environ["TROOPER_CLOUD"] = "off"
        elif place == "config":
            trooper("config", "set", "cloud", "off")
        else:
            trooper("config", "set", "-s", "ops", "cloud", "off")
            environ["TROOPER_SESSION"] = "ops"
        done = trooper("doctor", "--json", **environ)
        assert done.code == 0
        assert f"locked (cloud = off, from {place}); it was not contacted" in found(done, "cloud")[0]
        assert "private (policy)" in found(done, "ask")[0]
        assert cloud.connections == 0

    def test_settings_that_cannot_be_read_contact_nobody(self, trooper: Trooper, cloud: Standin) -> None:
        """Where nobody can tell whether the cloud is locked, it is not contacted; exit 78."""
        trooper.home.mkdir(mode=0o700)
        for text in ('clout = "off"\n', "cloud = \n", 'cloud = "of"\n'):
            (trooper.home / "config.toml").write_text(text)
            done = trooper("doctor", "--json")
            assert done.code == 78
            assert len(found(done, "config", "fail")) == 1
        assert cloud.connections == 0

    def test_without_a_key(self, trooper: Trooper, cloud: Standin) -> None:
        """A machine without a key works, and the next step says how to get to Claude."""
        done = trooper("doctor", "--json", ANTHROPIC_API_KEY=None)
        assert done.code == 0
        assert "api_key_cmd" in found(done, "key", "ok")[0]
        assert "(no_key)" in found(done, "ask", "ok")[0]
        assert trooper("doctor", ANTHROPIC_API_KEY=None, TROOPER_LOCAL="0").code == 78
        assert cloud.connections == 0

    def test_nothing_of_a_session_is_sent(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """The requests are the same with and without sessions, private turns and fingerprints."""
        trooper("doctor")
        before = [request.raw for request in (*cloud.requests, *local.requests)]
        trooper("ask", "-s", "ops", "--local", "hunter2-tango")
        cloud.requests.clear()
        local.requests.clear()
        trooper("doctor", TROOPER_SESSION="ops")
        assert [request.raw for request in (*cloud.requests, *local.requests)] == before


class TestLocal:
    """What counts as local is there, and is local."""

    def test_ollama_tells_what_it_has(self, trooper: Trooper, local: Standin) -> None:
        """Version, models, and which one would answer."""
        done = trooper("doctor", "--json")
        assert f"0.33.0 at {local.url}; local models: llama3.2:latest; its log: " in found(done, "ollama")[0]
        assert found(done, "local") == ["private turns are answered by ollama, model llama3.2:latest → "]

    def test_a_chosen_model_that_is_not_there(self, trooper: Trooper) -> None:
        """A warning while the cloud answers; exit 78 where this machine has to."""
        done = trooper("doctor", "--json", TROOPER_LOCAL_MODEL="mistral")
        assert done.code == 0
        assert "has no local model mistral" in found(done, "local", "warn")[0]
        assert "llama3.2" in found(done, "local")[0]
        assert trooper("doctor", TROOPER_LOCAL_MODEL="mistral", TROOPER_LOCAL="1").code == 78

    def test_models_that_run_elsewhere(self, trooper: Trooper, local: Standin) -> None:
        """Remote stubs are named, as is Ollama's own cloud where it is open; neither stops an ask."""
        local.respond = ollama(remote=["big:latest"], cloud_is_open=True)
        done = trooper("doctor", "--json")
        assert done.code == 0
        assert len(found(done, "ollama", "warn")) == 2
        assert "other machines, and Trooper refuses them: big:latest" in found(done, "ollama", "warn")[0]
        assert "OLLAMA_NO_CLOUD=1" in found(done, "ollama", "warn")[1]
        assert trooper("doctor", TROOPER_LOCAL_MODEL="big", TROOPER_LOCAL="1").code == 77
        local.respond = ollama(cloud_is_open=False)
        assert found(trooper("doctor", "--json"), "ollama", "warn") == []

    def test_an_ollama_on_another_machine(self, trooper: Trooper) -> None:
        """A remote `OLLAMA_HOST` is refused, as an ask would refuse it, without a connection."""
        done = trooper("doctor", "--json", OLLAMA_HOST="192.0.2.1:11434", TROOPER_LOCAL="1")
        assert done.code == 77
        assert "192.0.2.1 is not this machine" in found(done, "local", "fail")[0]
        assert "local_hosts" in found(done, "local")[0]

    def test_another_local_server(self, trooper: Trooper, serve: Callable[..., Standin]) -> None:
        """A server by `TROOPER_LOCAL_URL` is asked for its models; one that is away is exit 69 for a local ask."""

        def respond(request: Recorded) -> Iterable[bytes]:
            if request.method == "GET":
                return http(200, json.dumps({"data": [{"id": "qwen"}]}))
            chunk = {"choices": [{"delta": {"content": "hello"}, "finish_reason": "length"}]}
            return http(200, f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n", "text/event-stream")

        server = serve(respond)
        done = trooper("doctor", "--json", TROOPER_LOCAL_URL=server.url, TROOPER_LOCAL="1")
        assert (done.code, found(done, "local")) == (0, ["private turns are answered by openai, model qwen → "])
        server.close()
        assert trooper("doctor", TROOPER_LOCAL_URL=server.url, TROOPER_LOCAL="1").code == 69

    def test_proxies_and_logs(self, trooper: Trooper, tmp_path: Path) -> None:
        """Proxies are named with what they are used for, request logs with where they lie."""
        (tmp_path / "ollama-request-logs-1").mkdir()
        done = trooper(
            "doctor",
            "--json",
            HTTP_PROXY="http://127.0.0.1:9",
            HTTPS_PROXY="http://127.0.0.1:9",
            OLLAMA_DEBUG_LOG_REQUESTS="1",
            TMPDIR=str(tmp_path),
        )
        assert done.code == 0
        assert "HTTP_PROXY, HTTPS_PROXY set: what is local goes around them" in found(done, "proxy")[0]
        logging = found(done, "logging", "warn")
        assert "OLLAMA_DEBUG_LOG_REQUESTS=1" in logging[0]
        assert str(tmp_path / "ollama-request-logs-1") in logging[1]


class TestFiles:
    """What lies on the disk is whole and the user's alone."""

    def test_a_new_home_is_not_made(self, trooper: Trooper) -> None:
        """Looking makes nothing."""
        done = trooper("doctor", "--json")
        assert "is made at the first use" in found(done, "folder")[0]
        assert not trooper.home.exists()

    def test_a_home_that_cannot_be_made(self, trooper: Trooper, tmp_path: Path) -> None:
        """A file in its place: the exit code of an ask, and the next step."""
        (tmp_path / "file").write_text("")
        for home in (tmp_path / "file", tmp_path / "file" / "home"):
            done = trooper("doctor", "--json", TROOPER_HOME=str(home))
            assert done.code in {65, 74}
            assert "TROOPER_HOME" in found(done, "folder", "fail")[0]

    def test_what_others_can_read(self, trooper: Trooper) -> None:
        """Open folders and files are named with the command that closes them."""
        trooper("ask", "-s", "ops", "--local", "hello")
        (trooper.home / "sessions" / "ops.db").chmod(0o644)
        trooper.home.chmod(0o755)
        done = trooper("doctor", "--json")
        assert done.code == 0
        assert f"other users may read {trooper.home} and 1 more" in found(done, "folder", "warn")[0]
        assert f"chmod -R go= '{trooper.home}'" in found(done, "folder")[0]

    def test_a_damaged_session_is_named(self, trooper: Trooper) -> None:
        """It is a warning, and a failure where it is the session of this shell."""
        for name in ("good", "bad"):
            trooper("ask", "-s", name, "--local", "hello " * 500)
        path = trooper.home / "sessions" / "bad.db"
        data = bytearray(path.read_bytes())
        data[4096:8192] = b"\xff" * 4096
        path.write_bytes(data)
        done = trooper("doctor", "--json")
        assert done.code == 0
        assert "session bad is damaged" in found(done, "sessions", "warn")[0]
        assert "1 of 2 are whole" in found(done, "sessions", "ok")[0]
        assert trooper("doctor", TROOPER_SESSION="bad").code == 65

    def test_a_damaged_guard_stops_asks(self, trooper: Trooper) -> None:
        """Without the guard's index no prompt can be looked at: the code is that of an ask."""
        trooper("ask", "--local", "hello")
        (trooper.home / "guard.db").write_bytes(b"not a database" * 100)
        done = trooper("doctor", "--json")
        assert done.code == trooper("ask", "hello").code == 65
        assert found(done, "guard", "fail")

    def test_whole_files_are_said_to_be_whole(self, trooper: Trooper) -> None:
        """Sessions and the guard's index are read to the end and left as they are."""
        for _ in range(2):
            trooper("ask", "-s", "ops", "--local", "hello")
        done = trooper("doctor", "--json")
        assert found(done, "sessions") == ["1 of 1 are whole → "]
        assert found(done, "guard") == ["it knows every session → "]
        with sqlite3.connect(trooper.home / "sessions" / "ops.db") as connection:
            assert connection.execute("SELECT count(*) FROM turn").fetchone() == (2,)

    @pytest.mark.parametrize(
        ("inside", "service"),
        [
            ("Library/Mobile Documents/com~apple~CloudDocs", "iCloud"),
            ("Library/CloudStorage/OneDrive-Work", "a cloud drive"),
            ("Dropbox", "Dropbox"),
            ("work/box", "Dropbox"),
            ("drive/private", "OneDrive"),
            ("notes", None),
        ],
    )
    def test_synced_folders(self, tmp_path: Path, inside: str, service: str | None) -> None:
        """Folders of iCloud, Dropbox and OneDrive are recognised, behind links too."""
        (tmp_path / ".dropbox").mkdir()
        (tmp_path / ".dropbox" / "info.json").write_text(json.dumps({"personal": {"path": str(tmp_path / "work/box")}}))
        real = tmp_path / inside / "trooper"
        real.mkdir(parents=True)
        (tmp_path / "link").symlink_to(real)
        environ = {"HOME": str(tmp_path), "OneDrive": str(tmp_path / "drive")}
        told = [result.text for result in files.synced(tmp_path / "link", environ)]
        assert told == (
            [f"{tmp_path / 'link'} lies in a folder that {service} copies away, private turns included"]
            if service
            else []
        )


class TestShown:
    """For people a table, for programs JSON."""

    def test_a_table(self, trooper: Trooper, cloud: Standin) -> None:
        """A mark, the check and what was found; the next step on a line of its own; colours on a terminal alone."""
        cloud.respond = lambda _: api_error(401, "authentication_error")
        done = trooper("doctor", TERM="xterm")
        assert re.search(r"✗ cloud     \S+ rejects the key", done.text)
        assert "            → check ANTHROPIC_API_KEY (" in done.text
        assert "\x1b" not in done.text
        code, shown = on_terminal(trooper, "doctor", TERM="xterm")
        assert code == 78
        assert "\x1b[31m✗\x1b[0m\x1b[1m cloud " in shown.decode()
        assert b"\x1b" not in on_terminal(trooper, "doctor", TERM="xterm", NO_COLOR="1")[1]
