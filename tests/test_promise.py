"""The promise: what was processed locally never reaches the cloud."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.standin import api_error, claude, http, ollama
from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.engines.api_errors import ErrorSource
from trooper_cli.engines.openai_cloud import OpenAICloud
from trooper_cli.errors import LocalityError
from trooper_cli.memory import build
from trooper_cli.store.session import Session
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Standin

ENVIRON = {"ANTHROPIC_API_KEY": "sk-" + "x" * 20}


class TestConversation:
    """A conversation that goes back and forth between the sides."""

    def test_a_secret_stays_and_the_conversation_goes_on(
        self, trooper: Trooper, cloud: Standin, local: Standin
    ) -> None:
        """The cloud knows nightowl and no byte of the private turn; the next private turn knows both."""
        local.respond = ollama("the vault opens with marzipan")
        trooper("ask", "-s", "ops", stdin="my service is called nightowl\n")
        trooper("ask", "-s", "ops", "--local", stdin="the secret is hunter2-tango\n")
        trooper("ask", "-s", "ops", stdin="what is my service called?\n")
        assert b"nightowl" in cloud.requests[-1].body
        for secret in (b"hunter2", b"tango", b"marzipan", b"vault"):
            assert secret not in cloud.bytes
        trooper("ask", "-s", "ops", "--local", stdin="and now?\n")
        told = local.requests[-1].body
        assert b"nightowl" in told
        assert b"hunter2-tango" in told
        assert b"marzipan" in told

    def test_the_request_is_as_if_the_private_turn_had_never_been(
        self, trooper: Trooper, cloud: Standin, tmp_path: Path
    ) -> None:
        """Two sessions that differ in private turns alone send the same bytes, headers and all."""
        for session, private in (("plain", False), ("mixed", True)):
            trooper("ask", "-s", session, "--system", "Be brief.", "one")
            if private:
                attachment = tmp_path / "secret.txt"
                attachment.write_text("classified")
                trooper("ask", "-s", session, "--local", "--system", "Be secret.", "-f", str(attachment), "zwei")
                trooper("ask", "-s", session, "--local", "x" * 3000)
                trooper("ask", "-s", session, "--local", "fails", OLLAMA_HOST="127.0.0.1:9")
            trooper("ask", "-s", session, "three")
        assert cloud.requests[0].raw == cloud.requests[2].raw
        assert cloud.requests[1].raw == cloud.requests[3].raw

    def test_a_private_turn_that_fails_fails(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """No Ollama, an error of Ollama, a broken answer: an exit code and no cloud."""
        answers: list[tuple[int, Callable[[Any], Any]]] = [
            (69, ollama(chat=lambda _: http(500, '{"error":"runner died"}'))),
            (78, ollama(chat=lambda _: http(404, '{"error":"not found"}'))),
            (76, ollama(chat=lambda _: http(200, '{"message":{"content":"half"}}\n', "application/x-ndjson"))),
            (77, ollama(chat=lambda _: http(307, "", location=cloud.url))),
            (69, lambda _: []),
        ]
        for code, answer in answers:
            local.respond = answer
            done = trooper("ask", "-s", "ops", "--local", "hello", TROOPER_LOCAL_ENGINE="ollama")
            assert (done.code, done.out) == (code, b""), done.notices
        local.close()
        assert trooper("ask", "--local", "hello", TROOPER_LOCAL_ENGINE="ollama").code == 69
        assert cloud.connections == 0

    def test_proxies_of_the_environment_are_not_asked(
        self, trooper: Trooper, local: Standin, serve: Callable[..., Standin]
    ) -> None:
        """HTTP_PROXY and its friends see nothing of a private turn."""
        proxy = serve(claude())
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        done = trooper("ask", "--local", "secret", **dict.fromkeys(names, proxy.url))
        assert done.text == "a local answer\n"
        assert proxy.connections == 0
        assert len(local.bodies) == 1

    def test_a_cloud_on_loopback_is_asked_without_a_proxy(
        self, trooper: Trooper, cloud: Standin, serve: Callable[..., Standin]
    ) -> None:
        """Of all proxy variables only HTTPS_PROXY is obeyed, and only for https."""
        proxy = serve(claude("stolen"))
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        assert trooper("ask", "hello", **dict.fromkeys(names, proxy.url)).text == "a cloud answer\n"
        assert (len(cloud.bodies), proxy.connections) == (1, 0)

    def test_a_fallback_turn_is_told_the_public_view_only(
        self, trooper: Trooper, cloud: Standin, local: Standin
    ) -> None:
        """A public turn that falls back is shown no private turn, so that its answer may go to the cloud later."""
        trooper("ask", "-s", "ops", "public words")
        trooper("ask", "-s", "ops", "--local", "hunter2-tango")
        cloud.respond = lambda _: api_error(402, "billing_error")
        trooper("ask", "-s", "ops", "more")
        assert b"public words" in local.requests[-1].body
        assert b"hunter2" not in local.requests[-1].body

    def test_with_no_key_the_public_view_is_told(self, trooper: Trooper, local: Standin) -> None:
        """A public turn that is answered here for want of a key is shown no private turn either."""
        trooper("ask", "-s", "ops", "--local", "hunter2-tango")
        trooper("ask", "-s", "ops", "hello", ANTHROPIC_API_KEY=None)
        assert b"hunter2" not in local.requests[-1].body


class TestPlace:
    """A private turn runs on this machine or not at all."""

    @pytest.mark.parametrize(
        "name",
        ["gpt-oss:120b-cloud", "x:cloud", "X:Cloud", "x:CLOUD ", "x:8b-cloud:local", "x:cloud:y"],
    )
    def test_cloud_names_are_refused(self, trooper: Trooper, local: Standin, name: str) -> None:
        """A model whose name says that it runs in Ollama's cloud is exit 77, and nothing is sent."""
        done = trooper("ask", "--local", "-m", name, "hello")
        assert (done.code, done.out) == (77, b"")
        assert local.connections == 0

    @pytest.mark.parametrize("version", ["0.33.0", "0.17.4", "0.12.0"])
    def test_stubs_are_refused_under_any_name(self, trooper: Trooper, local: Standin, version: str) -> None:
        """A stub of a remote model, whatever it is called and however old the server, gets no text."""
        local.respond = ollama(version=version, remote=("innocent:latest",))
        for name in ("innocent", "innocent:latest", "innocent:local"):
            done = trooper("ask", "--local", "-m", name, "hunter2")
            assert done.code == 77, done.notices
        assert b"hunter2" not in local.bytes

    @pytest.mark.parametrize("told_by", ["/api/tags", "/api/show"])
    def test_one_word_of_the_server_is_enough(self, trooper: Trooper, local: Standin, told_by: str) -> None:
        """A stub is refused if the list of models alone says so, or its description alone."""
        local.respond = ollama(version="0.17.4", remote=("innocent:latest",), told_by=(told_by,))
        assert trooper("ask", "--local", "-m", "innocent", "hunter2").code == 77
        assert b"hunter2" not in local.bytes

    def test_a_model_that_is_not_named_is_a_local_one(self, trooper: Trooper, local: Standin) -> None:
        """Without a name the first local model is taken, never a stub that stands before it."""
        local.respond = ollama(models=("x:120b-cloud", "mine:latest"), remote=("far:latest",))
        assert trooper("ask", "--local", "hello").code == 0
        assert local.bodies[0]["model"] == "mine:latest:local"

    def test_an_answer_that_says_it_is_remote_is_an_alarm(self, trooper: Trooper, local: Standin) -> None:
        """A record that names a remote host ends the turn with exit 77."""
        chunk = '{"message":{"content":"x"},"remote_host":"https://ollama.com","done":true}\n'
        local.respond = ollama(chat=lambda _: http(200, chunk, "application/x-ndjson"))
        assert trooper("ask", "--local", "hello").code == 77

    @pytest.mark.parametrize("host", ["192.0.2.7", "http://192.0.2.7:11434", "https://ollama.com", "ollama.com"])
    def test_a_remote_ollama_host_is_refused(self, trooper: Trooper, cloud: Standin, host: str) -> None:
        """OLLAMA_HOST on another machine is refused before a byte is sent."""
        done = trooper("ask", "--local", "hello", OLLAMA_HOST=host)
        # A name that cannot be looked up, as on a machine without a network, is that of no engine.
        assert done.code in ({77} if "192" in host else {69, 77}), done.notices
        assert done.out == b""
        assert cloud.connections == 0

    def test_a_remote_openai_server_is_refused(self, trooper: Trooper) -> None:
        """TROOPER_LOCAL_URL on another machine is exit 77."""
        assert trooper("ask", "--local", "hello", TROOPER_LOCAL_URL="http://192.0.2.7:8080").code == 77


class TestTraces:
    """A token in every private prompt, answer, file and system prompt, looked for wherever bytes can lie."""

    def test_no_canary_outside_the_session(
        self, trooper: Trooper, cloud: Standin, local: Standin, tmp_path: Path
    ) -> None:
        """Cloud bytes, outputs, notices, temporary files and the home hold no private text but in the session file."""
        canaries = ["zqprompt1", "zqanswer2", "zqfile3", "zqsystem4"]
        local.respond = ollama(f"{canaries[1]} is the word")
        note, spare = tmp_path / "note.txt", tmp_path / "spare"
        note.write_text(canaries[2])
        spare.mkdir()
        environ = {"TMPDIR": str(spare), "HOME": str(spare), "XDG_CACHE_HOME": str(spare / "cache")}
        trooper("ask", "-s", "ops", "one", **environ)
        trooper(
            "ask", "-s", "ops", "--local", "--system", canaries[3], "-f", str(note), canaries[0], **environ
        )  # fmt: skip
        seen = [
            trooper("ask", "-s", "ops", *flags, "two", **environ) for flags in ([], ["--json"], ["-v"], ["--dry-run"])
        ]
        cloud.respond = lambda _: api_error(500, "api_error")
        seen += [trooper("ask", "-s", "ops", "--no-fallback", "three", TROOPER_TRACE="1", **environ)]
        seen += [trooper("sessions"), trooper("audit", "-s", "ops"), trooper("ask", "-s", "ops", "four", **environ)]
        places = [path for path in (*spare.rglob("*"), *trooper.home.rglob("*")) if path.is_file()]
        assert trooper.home / "sessions" / "ops.db" in places
        for canary in canaries:
            data = canary.encode()
            assert data in (trooper.home / "sessions" / "ops.db").read_bytes()
            assert data not in cloud.bytes
            for done in seen[:-1]:
                assert data not in done.out + done.err
            for path in places:
                assert path.name.startswith("ops.db") or data not in path.read_bytes(), path

    def test_a_home_behind_a_link_works_and_is_closed(self, trooper: Trooper, tmp_path: Path) -> None:
        """TROOPER_HOME may be a link to a folder; that folder is closed to others."""
        real = tmp_path / "real"
        real.mkdir(mode=0o755)
        (tmp_path / "link").symlink_to(real)
        done = trooper("ask", "-s", "ops", "--local", "secret", TROOPER_HOME=str(tmp_path / "link"))
        assert done.code == 0
        assert real.stat().st_mode & 0o777 == 0o700
        assert (real / "sessions" / "ops.db").stat().st_mode & 0o777 == 0o600


class TestTypes:
    """The law is in the types: a cloud request cannot be built from anything but the public view."""

    def test_the_type_checker_refuses_a_private_context(self, tmp_path: Path) -> None:
        """Handing the private view's context to the cloud engine does not type-check; the public view's does."""
        program = (
            "from trooper_cli.engines.anthropic import Anthropic\n"
            "from trooper_cli.engines.openai_cloud import OpenAICloud\n"
            "from trooper_cli.memory import build\n"
            "from trooper_cli.store.session import Session\n"
            "session = Session.of_one_turn()\n"
            "good = build(session.public_view(), 'x', 100, system=None, factor=1.0)\n"
            "bad = build(session.private_view(), 'x', 100, system=None, factor=1.0)\n"
            "Anthropic('m', {}).prepare(good, 1, stream=True)\n"
            "Anthropic('m', {}).prepare(bad, 1, stream=True)\n"
            "def other(cloud: OpenAICloud) -> None:\n"
            "    cloud.prepare(good, 1, stream=True)\n"
            "    cloud.prepare(bad, 1, stream=True)\n"
        )
        file = tmp_path / "program.py"
        file.write_text(program)
        root = Path(__file__).parent.parent
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(file)],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        errors = [line for line in done.stdout.splitlines() if "error:" in line]
        assert [error.partition(": ")[0].rpartition(":")[2] for error in errors] == ["9", "12"], done.stdout
        assert all("arg-type" in error for error in errors)

    def test_what_gets_past_the_types_is_refused(self) -> None:
        """A private context that reaches the cloud engine all the same is refused before a request exists."""
        session = Session.of_one_turn()
        context = build(session.private_view(), "x", 100, system=None, factor=1.0)
        other = OpenAICloud("other", "https://127.0.0.1/v1", "m", ErrorSource("", "", "", ""), "key", 9_000, None)
        for cloud in (Anthropic("m", ENVIRON), other):
            with pytest.raises(LocalityError):
                cloud.prepare(context, 1, stream=True)  # type: ignore[arg-type]
        session.close()


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
public_turns = st.lists(st.tuples(texts, texts, st.none() | texts), max_size=8)
private_turns = st.lists(
    st.tuples(texts, texts, st.none() | texts, st.sampled_from(list(Status)), st.integers(0, 8)), max_size=8
)


def request_of(public: list[Any], private: list[Any], budget: int) -> tuple[dict[str, str], bytes]:
    """Return the cloud request of a session with these turns, the private ones inserted at their places."""
    session = Session.of_one_turn()
    for place in range(len(public) + 1):
        for prompt, answer, system, status, _ in (turn for turn in private if min(turn[4], len(public)) == place):
            number = session.begin(Label.PRIVATE, prompt, system)
            session.finish(number, status, answer, label=Label.PRIVATE, engine="ollama", model="m", stop="end_turn")
        if place < len(public):
            prompt, answer, system = public[place]
            number = session.begin(Label.PUBLIC, prompt, system)
            session.finish(
                number, Status.ANSWERED, answer, label=Label.PUBLIC, engine="anthropic", model="m", stop="end_turn"
            )
    view = session.public_view()
    context = build(view, "the present prompt", budget, system=view.system, factor=1.4)
    request = Anthropic("m", ENVIRON).prepare(context, 100, stream=True)
    session.close()
    return request.headers, request.body


@settings(max_examples=max(100, settings().max_examples // 3), deadline=None)
@given(public_turns, private_turns, private_turns, st.integers(150, 2000))
def test_the_cloud_request_is_a_function_of_the_public_turns(
    public: list[Any], private: list[Any], other: list[Any], budget: int
) -> None:
    """Whatever private turns there are, of whatever number, place, size and fate, the request is the same bytes."""
    from trooper_cli.errors import InputError

    try:
        expected = request_of(public, [], budget)
    except InputError:
        with pytest.raises(InputError):
            request_of(public, private, budget)
        return
    assert request_of(public, private, budget) == expected
    assert request_of(public, other, budget) == expected


class TestMistakes:
    """A mistake on the command line or in a file never makes a private turn public."""

    def test_an_empty_variable_does_not_swallow_local(self, trooper: Trooper, cloud: Standin) -> None:
        """`-m $EMPTY --local` and `--local --cloud` are exit 2, and nothing is sent."""
        for arguments in (["-m", "--local"], ["--system", "--local"], ["--local", "--cloud"]):
            assert trooper("ask", *arguments, stdin="secret").code == 2
        assert cloud.connections == 0

    def test_no_place_opens_the_lock_of_another(self, trooper: Trooper, cloud: Standin) -> None:
        """With the lock in config.toml, TROOPER_CLOUD=on does not lift it; a config.toml that leads nowhere is 78."""
        trooper.home.mkdir(parents=True)
        (trooper.home / "config.toml").write_text('cloud = "off"\n')
        assert trooper("ask", "--json", "x", TROOPER_CLOUD="on").json["reason"] == "policy"
        (trooper.home / "config.toml").unlink()
        (trooper.home / "config.toml").symlink_to("/no/such/file")
        assert trooper("ask", "x").code == 78
        assert cloud.connections == 0

    def test_a_trigger_in_a_session_is_refused(self, trooper: Trooper, cloud: Standin) -> None:
        """A session file that would change its own labels is exit 65."""
        import sqlite3

        trooper("ask", "-s", "ops", "--local", "hello")
        with sqlite3.connect(trooper.home / "sessions" / "ops.db") as connection:
            connection.execute("CREATE TRIGGER t AFTER UPDATE ON turn BEGIN UPDATE turn SET label = 'public'; END")
        connection.close()
        assert trooper("ask", "-s", "ops", "again").code == 65
        assert cloud.connections == 0

    def test_an_ambiguous_label_is_refused(self, trooper: Trooper) -> None:
        """A line with two labels imports nothing."""
        line = '{"label": "private", "prompt": "x", "answer": "y", "label": "public"}'
        assert trooper("import", "-s", "in", stdin=line).code == 65

    def test_a_prompt_without_its_verb_is_not_repeated(self, trooper: Trooper) -> None:
        """`trooper "secret"` is exit 2, and the error does not hold the prompt."""
        done = trooper("my very secret prompt")
        assert done.code == 2
        assert "secret" not in done.notices
