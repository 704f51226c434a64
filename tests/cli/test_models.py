"""`trooper models`: what is here, where it runs, and which one an ask would use."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engines.hub import Hub, gguf
from tests.standin import claude, http, ollama

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/models.json").read_text())
NOBODY = "127.0.0.1:9"
_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Return whether a value is valid against what a schema of this project says."""
    if "anyOf" in schema:
        return any(conforms(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "const" in schema:
        return bool(value == schema["const"])
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(isinstance(value, _TYPES[kind]) for kind in kinds):  # type: ignore[arg-type]
        return False
    if isinstance(value, dict):
        known = schema["properties"]
        return {*schema["required"]} <= {*value} <= {*known} and all(conforms(value[key], known[key]) for key in value)
    return not isinstance(value, list) or all(conforms(each, schema["items"]) for each in value)


def rows(trooper: Trooper, **environ: str | None) -> dict[str, Any]:
    """Return the models by their names."""
    done = trooper("models", "--json", **environ)
    assert done.code == 0, done.notices
    assert conforms(done.json, SCHEMA), done.json
    return {row["name"]: row for row in done.json["models"]}


def put(trooper: Trooper, name: str, age: int = 0, **facts: Any) -> Path:
    """Lay a model where pulled ones lie, pulled `age` seconds ago."""
    path = trooper.home / "models" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gguf(size=2000, **facts))
    os.utime(path, (1_700_000_000 - age,) * 2)
    return path


@pytest.fixture
def embedded() -> None:
    pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")


def test_both_sides(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """The cloud's with its price, Ollama's with its proof; a plain ask would use the one, a private ask the other."""
    found = rows(trooper)
    claude_row, llama = found["claude-sonnet-5-5"], found["llama3.2:latest"]
    assert (claude_row["side"], claude_row["proof"], claude_row["used_by"]) == ("cloud", None, ["ask"])
    assert claude_row["price"]["input"] > 0
    assert (llama["side"], llama["proof"], llama["used_by"]) == ("local", "loopback", ["ask --local"])
    assert (llama["host"], llama["context"]) == (local.url.removeprefix("http://"), 32768)
    assert llama["price"] == {"input": 0, "output": 0}
    # Nobody outside was asked, and nobody was asked to answer.
    assert cloud.requests == []
    assert local.bodies == []


@pytest.mark.parametrize(
    ("environ", "cloud_row", "local_row"),
    [
        ({}, ["ask"], ["ask --local"]),
        ({"ANTHROPIC_API_KEY": None}, None, ["ask", "ask --local"]),
        ({"TROOPER_LOCAL": "1"}, [], ["ask", "ask --local"]),
        ({"TROOPER_CLOUD": "off"}, [], ["ask", "ask --local"]),
    ],
)
def test_who_would_answer(
    trooper: Trooper,
    environ: dict[str, str | None],
    cloud_row: list[str] | None,
    local_row: list[str],
) -> None:
    """What the last column says is what an ask does."""
    found = rows(trooper, **environ)
    assert (found["claude-sonnet-5-5"]["used_by"] if cloud_row is not None else None) == cloud_row
    assert found["llama3.2:latest"]["used_by"] == local_row
    for word, flags in (("ask", []), ("ask --local", ["--local"])):
        done = trooper("ask", "--json", *flags, "hello", **environ)
        by = found["claude-sonnet-5-5"] if done.json["route"] == "cloud" else found["llama3.2:latest"]
        assert word in by["used_by"]
        assert done.json["engine"] == by["engine"]


def test_a_model_of_ollama_that_is_elsewhere(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """It is listed as what it is, and as refused."""
    server = serve(ollama(remote=["big:cloud"]))
    found = rows(trooper, OLLAMA_HOST=server.url)
    assert (found["big:cloud"]["side"], found["big:cloud"]["proof"]) == ("cloud", None)
    assert "another machine" in found["big:cloud"]["refused"]
    assert found["big:cloud"]["used_by"] == []
    done = trooper("models", OLLAMA_HOST=server.url)
    assert re.search(
        r"^cloud +ollama +big:cloud +elsewhere \(a cloud of Ollama\) .*not used: .*another machine",
        done.text,
        re.MULTILINE,
    )


def test_a_stub_that_only_its_description_tells(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """The list says nothing of it; it is not shown as a model that runs here."""
    row = rows(trooper, OLLAMA_HOST=serve(ollama(remote=["big"], told_by=["/api/show"])).url)["big"]
    assert (row["side"], row["proof"], row["used_by"]) == ("cloud", None, [])
    assert "another machine" in row["refused"]


def test_what_models_can_do(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """As Ollama states it, in plain words; one that cannot chat says so, and no ask uses it."""
    stated = {"qwen3:latest": ["completion", "tools", "thinking", "vision"], "embed:latest": ["embedding", "new\x1b"]}
    server = serve(ollama(models=["embed:latest", "qwen3:latest"], capabilities=stated))
    found = rows(trooper, OLLAMA_HOST=server.url)
    assert found["qwen3:latest"]["capabilities"] == ["chat", "tools", "think", "see"]
    assert (found["qwen3:latest"]["refused"], found["qwen3:latest"]["used_by"]) == (None, ["ask --local"])
    embedder = found["embed:latest"]
    assert (embedder["capabilities"], embedder["used_by"]) == (["embed", "new"], [])
    assert embedder["refused"] == "it cannot chat, it is for: embed, new"
    assert found["claude-sonnet-5-5"]["capabilities"] is None
    shown = trooper("models", OLLAMA_HOST=server.url).text.splitlines()
    assert any(
        re.search(r"qwen3:latest +here \(loopback\) +chat, tools, think, see +32,768 .*ask --local$", line)
        for line in shown
    )
    assert any(line.endswith("not used: it cannot chat, it is for: embed, new") for line in shown)


def test_an_ollama_that_is_not_local(trooper: Trooper) -> None:
    """It is not asked; a line says so, and the rest is listed all the same."""
    done = trooper("models", "--json", OLLAMA_HOST="http://192.0.2.1:11434")
    assert done.code == 0
    assert "192.0.2.1" in done.notices
    assert [row["engine"] for row in done.json["models"]] == ["anthropic"]


def test_a_server_on_this_machine(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """The model of TROOPER_LOCAL_URL, with the context that the server states."""

    def respond(_request: Recorded) -> list[bytes]:
        return http(200, json.dumps({"data": [{"id": "served", "max_model_len": 16384}]}))

    server = serve(respond)
    row = rows(trooper, TROOPER_LOCAL_URL=f"{server.url}/v1")["served"]
    assert (row["engine"], row["proof"], row["context"]) == ("openai", "loopback", 16384)
    assert row["used_by"] == ["ask --local"]


@pytest.mark.usefixtures("embedded")
class TestPulled:
    """The models of `trooper pull`, and the choice among them."""

    def test_the_one_pulled_last(self, trooper: Trooper) -> None:
        """Size, context and licence are of the files; the one that was pulled last is used."""
        put(trooper, "old.gguf", age=90, context=2048, licence="mit")
        put(trooper, "Qwen3-4B-Instruct-2507-Q4_K_M.gguf", age=10)
        found = rows(trooper, OLLAMA_HOST=NOBODY)
        assert found["qwen3-4b"]["used_by"] == ["ask --local"]
        assert found["qwen3-4b"]["licence"] == "Apache-2.0"
        old = found["old"]
        assert (old["engine"], old["proof"], old["used_by"]) == ("embedded", "process", [])
        assert (old["size"], old["context"], old["licence"]) == (2000, 2048, "mit")

    @pytest.mark.parametrize("named", ["old", "OLD", "old.gguf", "{home}/models/old.gguf"])
    def test_the_one_that_is_named(self, trooper: Trooper, named: str) -> None:
        """TROOPER_EMBEDDED_MODEL and -m take a pulled model's name, or a path."""
        put(trooper, "old.gguf", age=90)
        put(trooper, "new.gguf")
        named = named.format(home=trooper.home)
        environ = {"OLLAMA_HOST": NOBODY, "TROOPER_EMBEDDED_MODEL": named}
        assert rows(trooper, **environ)["old"]["used_by"] == ["ask --local"]
        done = trooper("ask", "--local", "--dry-run", "hello", **environ)
        assert done.json["model"] == "old"
        flag = ["-m", named]
        assert trooper("ask", "--local", "--dry-run", *flag, "hello", OLLAMA_HOST=NOBODY).json["model"] == "old"
        assert trooper("ask", "--local", "--dry-run", "hello", OLLAMA_HOST=NOBODY).json["model"] == "new"

    @pytest.mark.parametrize("name", ["smollm2-135m", "old", "old.gguf", "mine.gguf", "mine"])
    def test_a_file_of_the_folder_is_no_model_by_its_name(
        self, trooper: Trooper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """A repository may hold a file with a model's name: it is run only if it is asked for by a path."""
        put(trooper, "old.gguf", context=2048)
        (tmp_path / "repository").mkdir()
        monkeypatch.chdir(tmp_path / "repository")
        Path(name).write_bytes(gguf(size=2000, context=1024))
        environ = {"OLLAMA_HOST": NOBODY, "TROOPER_LOCAL_ENGINE": "embedded"}
        for flag, named in (
            ([], {"TROOPER_EMBEDDED_MODEL": name}),
            ([], {"TROOPER_LOCAL_MODEL": name}),
            (["-m", name], {}),
        ):
            done = trooper("ask", "--local", "--dry-run", *flag, "hello", **environ, **named)
            if name.startswith("old"):
                assert f"{trooper.home}/models/old.gguf" in done.text
            else:
                assert (done.code, done.out) == (78, b"")
        done = trooper("ask", "--local", "--dry-run", "hello", **environ, TROOPER_EMBEDDED_MODEL=f"./{name}")
        assert (done.code, done.json["model"]) == (0, Path(name).stem)

    def test_a_name_that_is_none(self, trooper: Trooper) -> None:
        """One line names those that are here, and how to fetch the other; `models` and `doctor` say the same."""
        put(trooper, "old.gguf")
        environ = {"OLLAMA_HOST": NOBODY, "TROOPER_EMBEDDED_MODEL": "qwen3-4b"}
        done = trooper("ask", "--local", "hello", **environ)
        assert (done.code, done.out, done.notices.count("\n")) == (78, b"", 1)
        assert "`trooper pull qwen3-4b`" in done.notices
        assert "old" in done.notices
        assert rows(trooper, **environ)["old"]["used_by"] == []
        assert "`trooper pull qwen3-4b`" in trooper("doctor", **environ).text

    def test_a_pulled_model_goes_before_ollama_by_its_name(self, trooper: Trooper, local: Standin) -> None:
        """`-m` with a pulled model's name means that model, although Ollama is there."""
        put(trooper, "old.gguf")
        assert trooper("ask", "--local", "--dry-run", "-m", "old", "hello").json["engine"] == "embedded"
        assert local.bodies == []

    def test_pull_says_which_is_used(self, trooper: Trooper, serve: Callable[..., Standin]) -> None:
        """With several models, a pull says which of them answers from now on; to pull one again is to choose it."""
        hub = Hub(gguf(b"another "), "owner/repo/first.gguf")
        server = serve(hub.respond)
        put(trooper, "other.gguf")
        environ = {"HF_ENDPOINT": server.url, "OLLAMA_HOST": NOBODY}
        done = trooper("pull", hub.address, **environ)
        assert "the embedded engine uses it now, another one by TROOPER_EMBEDDED_MODEL=NAME" in done.notices
        assert rows(trooper, **environ)["first"]["used_by"] == ["ask --local"]
        put(trooper, "other.gguf", age=-3_000_000_000)
        assert rows(trooper, **environ)["other"]["used_by"] == ["ask --local"]
        done = trooper("pull", hub.address, TROOPER_EMBEDDED_MODEL="other", **environ)
        assert "was there already; the embedded engine uses other now" in done.notices

    @pytest.mark.parametrize("content", [b"", b"GGUF", b"no model"])
    def test_a_file_that_is_torn(self, trooper: Trooper, content: bytes) -> None:
        """It is listed, with the reason why it cannot be used."""
        put(trooper, "torn.gguf").write_bytes(content)
        assert "GGUF" in rows(trooper, OLLAMA_HOST=NOBODY)["torn"]["refused"]

    def test_a_part_is_no_model(self, trooper: Trooper) -> None:
        """What has arrived of a file is told as that, and no ask takes it for a model."""
        put(trooper, ".unfinished/half.gguf.part")
        note = {"identity": "x", "sha256": "", "etag": "e", "size": 4000}
        (trooper.home / "models/.unfinished/half.gguf.json").write_text(json.dumps(note))
        done = trooper("models", "--json", OLLAMA_HOST=NOBODY)
        assert conforms(done.json, SCHEMA)
        assert done.json["unfinished"] == [{"file": "half.gguf", "here": 2000, "size": 4000}]
        assert [row["engine"] for row in done.json["models"]] == ["anthropic"]
        assert "half.gguf is not whole yet (2 kB of 4 kB)" in trooper("models", OLLAMA_HOST=NOBODY).notices
        assert trooper("ask", "--local", "hello", OLLAMA_HOST=NOBODY).code == 69


def test_the_table(trooper: Trooper) -> None:
    """For people it is a table; for a pipe it has no colours."""
    done = trooper("models")
    head, first, second = done.text.splitlines()
    assert head.split() == "side engine model runs can size context licence USD in/out used by".split()
    assert re.fullmatch(
        r"cloud +anthropic +claude-sonnet-5-5 +elsewhere \(127\.0\.0\.1:\d+\) +[\d,]+ +[\d.]+/[\d.]+ +ask", first
    )
    assert re.fullmatch(r"local +ollama +llama3\.2:latest +here \(loopback\) +32,768 +free +ask --local", second)
    assert "\x1b" not in done.text


def test_a_licence_that_ollama_states(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """The first line of its text, or what the model's file says."""
    plain = ollama()

    def respond(request: Recorded) -> Any:
        if request.path == "/api/show":
            shown = {"license": "\n   Apache License\n  Version 2.0", "model_info": {"llama.context_length": 4096}}
            return http(200, json.dumps(shown))
        return plain(request)

    server = serve(respond)
    assert rows(trooper, OLLAMA_HOST=server.url)["llama3.2:latest"]["licence"] == "Apache License"


def test_nothing_here(trooper: Trooper) -> None:
    """A fresh machine: no rows, exit 0, and the next step."""
    done = trooper("models", OLLAMA_HOST=NOBODY, ANTHROPIC_API_KEY=None)
    assert (done.code, done.out) == (0, b"")
    assert "trooper pull" in done.notices


def test_no_cloud_is_asked(trooper: Trooper, serve: Callable[..., Standin]) -> None:
    """Clouds of config.toml are listed with their keys' clouds, and none of them gets a byte."""
    other = serve(claude())
    trooper.home.mkdir(exist_ok=True)
    (trooper.home / "config.toml").write_text(
        f'[[clouds]]\nname = "other"\nurl = "{other.url}/v1"\nmodel = "large"\nkey_env = "OTHER_KEY"\n'
    )
    row = rows(trooper, OTHER_KEY="secret")["large"]
    assert (row["side"], row["engine"], row["price"], row["used_by"]) == ("cloud", "other", None, [])
    assert other.connections == 0
