"""`trooper count`: what is counted, how it is told, and that nothing leaves but for --exact, and public text alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pytest

from tests.cli.test_json_output import check
from tests.in_process import run_in_process
from tests.standin import api_error, http
from trooper_cli.engines import encodings, vocabulary_fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.conftest import Trooper
    from tests.standin import Recorded, Standin


class Variables(TypedDict):
    TIKTOKEN_CACHE_DIR: str


SECRET = "The acquisition of Nordwind Logistics closes on the ninth of March for forty-one million euros in cash."
KEY_LIKE = "AKIA" + "IOSFODNN7QWERTYU"


@pytest.fixture
def vocabulary() -> Variables:
    """The environment in which the vocabularies are found."""
    if not all(encodings.is_here(name, os.environ, Path("/nonexistent")) for name in encodings.VOCABULARIES):
        pytest.skip("the vocabularies are not on this machine, see TIKTOKEN_CACHE_DIR")
    return {"TIKTOKEN_CACHE_DIR": os.environ["TIKTOKEN_CACHE_DIR"]}


@pytest.fixture
def counter(trooper: Trooper, serve: Callable[..., Standin]) -> Standin:
    """A cloud that counts, as the API does: {"input_tokens": N} (facts of its SDK, message_tokens_count.py)."""

    def respond(request: Recorded) -> Iterable[bytes]:
        assert request.path == "/v1/messages/count_tokens"
        return http(200, json.dumps({"input_tokens": 40 + len(request.json["messages"])}))

    server = serve(respond)
    trooper.environ |= {"ANTHROPIC_BASE_URL": server.url}
    return server


class TestHere:
    """Counts that are made on this machine."""

    def test_one_text_is_a_bare_number(self, trooper: Trooper, cloud: Standin, local: Standin) -> None:
        """From a pipe, a file or `-`; a line says that it is an estimate, and nobody is asked."""
        done = trooper("count", stdin="hello world\n")
        assert (done.code, done.out) == (0, b"5\n")
        assert "an estimate for Claude, 1.4 times" in done.notices
        assert (cloud.connections, local.connections) == (0, 0)

    def test_of_several_as_wc_does(self, tmp_path: Path) -> None:
        """A line each with its name, and the total; `-` is standard input; the last line's end counts too."""
        (tmp_path / "a").write_text("hello world " * 100)
        done = run_in_process(tmp_path, "count", "-q", str(tmp_path / "a"), "-", stdin="hello\n")
        rows = [line.split() for line in done.text.splitlines()]
        assert [row[1] for row in rows] == [str(tmp_path / "a"), "-", "total"]
        assert int(rows[2][0]) == int(rows[0][0]) + int(rows[1][0])
        assert len({line.index(row[1]) for line, row in zip(done.text.splitlines(), rows, strict=True)}) == 1
        assert done.err == b""
        assert run_in_process(tmp_path, "count", stdin="").out == b"0\n"
        assert run_in_process(tmp_path, "count", stdin="x\n\n").out > run_in_process(tmp_path, "count", stdin="x").out

    def test_json(self, tmp_path: Path, vocabulary: Variables) -> None:
        """It says how it was counted, with every key."""
        (tmp_path / "a").write_text("hello world")
        estimate = run_in_process(tmp_path, "count", "--json", str(tmp_path / "a"))
        exact = run_in_process(tmp_path, "count", "--json", "-m", "gpt-4", stdin="hello world", **vocabulary)
        for done in (estimate, exact):
            check("count", done.json)
            assert done.err == b""
        assert (estimate.json["by"], estimate.json["exact"], estimate.json["factor"]) == ("estimate", False, 1.4)
        assert exact.json | {"texts": 0} == {
            "tokens": 2, "exact": True, "by": "tiktoken", "name": "cl100k_base", "factor": None, "texts": 0,
        }  # fmt: skip
        assert exact.json["texts"] == [{"file": "-", "tokens": 2}]

    def test_exact_for_openai(self, trooper: Trooper, tmp_path: Path, vocabulary: Variables) -> None:
        """By the encoding's name or a model's; the number is tiktoken's own."""
        text = "The Überprüfung of 漢字 is 1234567.\n\n\tdone 🙂 <|endoftext|>\n"
        own = pytest.importorskip("tiktoken").get_encoding("cl100k_base").encode(text, disallowed_special=())
        done = run_in_process(tmp_path, "count", "-m", "gpt-4", stdin=text, **vocabulary)
        assert (done.out, done.err) == (f"{len(own)}\n".encode(), b"")
        assert trooper("count", "-m", "openai/gpt-4o", stdin="hello world", **vocabulary).out == b"2\n"

    @pytest.mark.parametrize("model", [None, "cl100k_base"])
    def test_truncate(self, tmp_path: Path, vocabulary: Variables, model: str | None) -> None:
        """The text cut, to the byte, and nothing else; what is short enough passes as it is."""
        named = ["-m", model] if model else []
        text = "one two three four five six\r\n\r\n"
        done = run_in_process(tmp_path, "count", "--truncate", "4", *named, stdin=text, **vocabulary)
        assert (done.code, done.err) == (0, b"")
        assert text.startswith(done.text)
        assert done.text == ("one two three four" if model else "one two")
        whole = run_in_process(tmp_path, "count", "--truncate", "400", *named, stdin=text, **vocabulary)
        assert whole.out == text.encode()
        assert run_in_process(tmp_path, "count", "--truncate", "0", *named, stdin=text, **vocabulary).out == b""

    def test_progress_on_a_terminal_alone(self, tmp_path: Path, vocabulary: Variables) -> None:
        """A text of a megabyte and more shows how far it is, where somebody sees it."""
        text = "ab cd " * 200_000
        arguments = ["count", "-m", "cl100k_base"]
        shown = run_in_process(tmp_path, *arguments, stdin=text, on_terminal=True, TERM="xterm", **vocabulary)
        assert " 100 % " in shown.notices
        assert run_in_process(tmp_path, *arguments, stdin=text, **vocabulary).err == b""
        short = run_in_process(tmp_path, *arguments, stdin="ab", on_terminal=True, TERM="xterm", **vocabulary)
        assert (short.out, short.err) == (b"1\n", b"")

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["-m", "llama3.2"], 78, "o200k_base"),
            (["/nonexistent"], 66, "/nonexistent"),
            (["--truncate", "3", "a", "b"], 2, "one text"),
            (["--truncate", "3", "--exact"], 2, "exclude"),
            (["--truncate", "3", "--json"], 2, "exclude"),
            (["--exact", "-m", "gpt-4o"], 2, "exact without it"),
        ],
    )
    def test_what_is_refused(self, tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
        """One line with the next step, and nothing on standard output."""
        done = run_in_process(tmp_path, "count", *arguments, stdin="x")
        assert (done.code, done.out, done.notices.count("\n")) == (code, b"", 1)
        assert words in done.notices

    def test_not_utf8(self, tmp_path: Path) -> None:
        done = run_in_process(tmp_path, "count", stdin=b"a\xff")
        assert (done.code, done.out) == (65, b"")


class TestVocabulary:
    """Where the vocabulary comes from."""

    def test_it_is_never_fetched_in_silence(
        self, trooper: Trooper, tmp_path: Path, serve: Callable[..., Standin], vocabulary: Variables
    ) -> None:
        """Without it, or with a torn one, it is one line and exit 78, and no connection; tiktoken alone makes one."""
        proxy = serve(lambda _request: http(502, "no"))
        environ = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"), proxy.url)
        empty, torn = tmp_path / "empty", tmp_path / "torn"
        empty.mkdir()
        torn.mkdir()
        file = encodings.VOCABULARIES["o200k_base"].file
        (torn / file).write_bytes((Path(vocabulary["TIKTOKEN_CACHE_DIR"]) / file).read_bytes()[:-1])
        for folder in (empty, torn, None):
            named = {"TIKTOKEN_CACHE_DIR": str(folder) if folder else None}
            done = trooper("count", "-m", "gpt-4o", stdin="hello", **environ, **named)
            assert (done.code, done.out, done.notices.count("\n")) == (78, b"", 1)
            assert "`trooper pull tokens`" in done.notices
        assert proxy.connections == 0
        assert (torn / file).exists()
        alone = subprocess.run(
            [sys.executable, "-c", "import tiktoken; tiktoken.get_encoding('o200k_base')"],
            env=trooper.environment(**environ, TIKTOKEN_CACHE_DIR=str(empty)),
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert alone.returncode != 0
        assert proxy.connections > 0

    def test_pull_tokens(
        self,
        tmp_path: Path,
        serve: Callable[..., Standin],
        vocabulary: Variables,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It fetches both, goes on where it broke off, keeps nothing else than what tiktoken states, and is used."""
        source = Path(vocabulary["TIKTOKEN_CACHE_DIR"])
        files = {
            f"/{name}.tiktoken": (source / each.file).read_bytes() for name, each in encodings.VOCABULARIES.items()
        }
        seen: list[str] = []
        cut = [983_040]  # a multiple of the piece that is written at once

        def respond(request: Recorded) -> Iterable[bytes]:
            content = files[request.path]
            seen.append(f"{request.path} {request.headers.get('range', '')}".strip())
            start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            span = f"content-range: bytes {start}-{len(content) - 1}/{len(content)}\r\n" if start else ""
            head = f'HTTP/1.1 {206 if start else 200} X\r\netag: "one"\r\nconnection: close\r\n{span}'
            yield f"{head}content-length: {len(content) - start}\r\n\r\n".encode()
            yield content[start:][: cut.pop() if cut else None]

        server = serve(respond)
        monkeypatch.setattr(vocabulary_fetch, "ADDRESS", server.url)
        home = tmp_path / "home"
        done = run_in_process(home, "pull", "tokens")
        assert done.code == 0, done.notices
        assert done.notices.count("is ready") == len(files)
        assert seen == ["/o200k_base.tiktoken", "/o200k_base.tiktoken bytes=983040-", "/cl100k_base.tiktoken"]
        for name, content in files.items():
            path = encodings.folder(home) / encodings.VOCABULARIES[name[1:].removesuffix(".tiktoken")].file
            assert path.read_bytes() == content
            assert path.stat().st_mode & 0o777 == 0o600
        assert run_in_process(home, "count", "-m", "gpt-4", stdin="hello world").out == b"2\n"
        again = run_in_process(home, "pull", "tokens")
        assert again.notices.count("was there already") == len(files)
        assert len(seen) == len(files) + 1
        # What is torn on the disk is fetched anew; what is torn on its way is not kept.
        path = encodings.folder(home) / encodings.VOCABULARIES["cl100k_base"].file
        path.write_bytes(b"torn")
        files["/cl100k_base.tiktoken"] = b"YQ== 0\n" * 1000
        broken = run_in_process(home, "pull", "tokens")
        assert (broken.code, "wrong checksum" in broken.notices) == (69, True)
        assert path.read_bytes() == b"torn"
        assert list((encodings.folder(home) / ".unfinished").iterdir()) == []


class TestExact:
    """`--exact` sends the text, and so is held to what a public prompt is held to."""

    def test_the_api_counts(self, trooper: Trooper, counter: Standin) -> None:
        """The request holds model and text alone, and stands in the audit of the session, if one is named."""
        done = trooper("count", "--exact", "-s", "ops", stdin="hello world\n")
        assert (done.code, done.out, done.err) == (0, b"41\n", b"")
        (request,) = counter.requests
        assert request.json == {
            "model": "claude-sonnet-5-5",
            "messages": [{"role": "user", "content": "hello world\n"}],
        }
        (row,) = [json.loads(line) for line in trooper("audit", "-s", "ops", "--json").text.splitlines()]
        check("audit", row)
        assert (row["to"], row["outcome"], row["bytes"], row["turn"]) == ("cloud", "counted", len(request.body), None)
        assert row["private"] == row["turns"] == []
        assert trooper("usage", "--json").json["used"] == []

    def test_without_a_session(self, trooper: Trooper, counter: Standin, tmp_path: Path) -> None:
        """Several texts are a request each; an empty one is none; no session is made."""
        for name, text in (("a", "one"), ("b", ""), ("c", "three")):
            (tmp_path / name).write_text(text)
        done = trooper("count", "--exact", "--json", "-m", "claude-opus-5-5", *(str(tmp_path / n) for n in "abc"))
        check("count", done.json)
        assert (done.json["tokens"], done.json["by"], done.json["exact"]) == (82, "cloud", True)
        assert [each["tokens"] for each in done.json["texts"]] == [41, 0, 41]
        assert [request.json["messages"][0]["content"] for request in counter.requests] == ["one", "three"]
        assert not (trooper.home / "sessions").exists() or not list((trooper.home / "sessions").glob("*.db"))

    def test_private_text_is_refused(self, trooper: Trooper, counter: Standin, tmp_path: Path) -> None:
        """So are a credential and a model's name that is private text; nothing of any text has left by then."""
        assert trooper("ask", "--local", stdin=SECRET).code == 0
        (tmp_path / "public").write_text("nothing in it")
        for text, named in ((f"see: {SECRET}", ["-", str(tmp_path / "public")]), (KEY_LIKE, ["-"])):
            done = trooper("count", "--exact", *reversed(named), stdin=text)
            assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1), done
            assert "Nordwind" not in done.notices
        assert trooper("count", "--exact", "-m", KEY_LIKE, stdin="x").code == 77
        assert counter.requests == []
        # Counted here it is as good as any text.
        assert trooper("count", stdin=SECRET).code == 0

    @pytest.mark.parametrize("environ", [{"TROOPER_CLOUD": "off"}, {"TROOPER_LOCAL": "1"}])
    def test_under_the_lock(self, trooper: Trooper, counter: Standin, environ: dict[str, str]) -> None:
        """Under the lock, and where asks are private, nothing is sent."""
        done = trooper("count", "--exact", stdin="hello", **environ)
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert counter.connections == 0
        assert trooper("count", stdin="hello", **environ).code == 0

    def test_a_private_session(self, trooper: Trooper, counter: Standin) -> None:
        """A session whose asks are private keeps its counts here."""
        assert trooper("config", "set", "-s", "ops", "local", "true").code == 0
        done = trooper("count", "--exact", "-s", "ops", stdin="hello")
        assert (done.code, counter.connections) == (77, 0)

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (api_error(401, "authentication_error"), 78),
            (api_error(529, "overloaded_error"), 75),
            (http(200, '{"tokens": 3}'), 76),
            (http(200, "a page", "text/html"), 76),
        ],
    )
    def test_a_cloud_that_does_not_count(
        self, trooper: Trooper, serve: Callable[..., Standin], answer: list[bytes], code: int
    ) -> None:
        """The exit code is that of an ask; the audit says that the text left."""
        server = serve(lambda _request: answer)
        done = trooper("count", "--exact", "-s", "ops", stdin="hello", ANTHROPIC_BASE_URL=server.url)
        assert (done.code, done.out) == (code, b"")
        row = json.loads(trooper("audit", "-s", "ops", "--json").text)
        assert (row["to"], row["outcome"] != "counted") == ("cloud", True)

    def test_without_a_key(self, trooper: Trooper, counter: Standin) -> None:
        done = trooper("count", "--exact", stdin="hello", ANTHROPIC_API_KEY=None)
        assert (done.code, done.out, counter.connections) == (78, b"", 0)
        assert "without --exact" in done.notices
