"""A short private text whose words a program spreads over blocks, fields, lines or JSON is known again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages.program import assistant, request, user
from tests.standin import ollama
from trooper_cli.messages.private_parts import leaves_of

if TYPE_CHECKING:
    from tests.conftest import Trooper
    from tests.standin import Standin

PROMPT, ANSWER = "what does she get a month?", "Anna earns 5,200"
BEFORE = "Here is the report of the whole month, as you wished, in some more words than a part may have."
AFTER = "The weather was fine on most of the days, and nobody had anything to say about the rest of them."
PICTURE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}


def texts(*values: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": value} for value in values]


def result(content: Any, at: int = 1) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"toolu_{at}", "content": content}


def call(arguments: Any) -> dict[str, Any]:
    use = {"type": "tool_use", "id": "toolu_1", "name": "store", "input": arguments}
    return request(user("go on"), assistant([use]), user([result("ok")]))


def document(content: Any, **fields: Any) -> dict[str, Any]:
    source = {"type": "content", "content": content} if isinstance(content, list) else {
        "type": "text", "media_type": "text/plain", "data": content,
    }  # fmt: skip
    return {"type": "document", "source": source, **fields}


def shapes(who: str, verb: str, much: str) -> dict[str, dict[str, Any]]:
    """Return requests that hold three words of a text apart."""
    words = (who, verb, much)
    among = texts(BEFORE, *words, AFTER)
    record = {"name": who, verb: much}
    return {
        "blocks of a message": request(user(among)),
        "with a picture between them": request(user([*texts(BEFORE, f"{who} {verb}"), PICTURE, *texts(much, AFTER)])),
        "blocks of a tool's result": request(user([result(among)])),
        "blocks within words": request(user([result(texts(BEFORE, who[:2], f"{who[2:]} {verb[:3]}", verb[3:], much))])),
        "blocks of a document": request(user([document(among)])),
        "blocks of a document in a result": request(user([result([document(among)])])),
        "results of several tools": request(user([result(word, at) for at, word in enumerate(words)])),
        "documents": request(user([document(word, title="a page") for word in words])),
        "messages": request(user(BEFORE), user(who), user(verb), user(much), user(AFTER)),
        "blocks of the system prompt": request(user("go on"), system=among),
        "lines": request(user(f"{BEFORE}\n\n{who}\n{verb}\n{much}\n\n{AFTER}")),
        "lines of a list": request(user(f"{BEFORE}\n- {who}\n- {verb}\n- {much}")),
        "arguments": call(record),
        "arguments in one another": call({who: {verb: much}}),
        "a list of arguments": call({"rows": [[*words]]}),
        "a column of arguments": call({"rows": [{"at": at, "cell": word} for at, word in enumerate(words)]}),
        "JSON in a text": request(user(f"what is this? {json.dumps(record)}")),
        "JSON over lines": request(user(f"{BEFORE}\n{json.dumps(record, indent=2)}\n{AFTER}")),
        "JSON with a number": request(user(json.dumps({"name": who, verb: int(much.replace(",", ""))}))),
        "JSON in a tool's result": request(user([result(json.dumps([record]))])),
        "JSON in metadata": request(user("go on"), metadata={"user_id": json.dumps(record)}),
        "names and values": request(user(f"{BEFORE}\nname={who} {verb}={much}")),
        "tags": request(user(f"{BEFORE}\n<name>{who}</name><{verb}>{much}</{verb}>")),
    }


def test_words_apart_are_known_together(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """As the private answer that they are; the same shapes of other words are sent."""
    local.respond = ollama(ANSWER)
    assert trooper("messages", stdin=json.dumps(request(user(PROMPT), x_force_local=True))).code == 0
    private = {name: trooper("messages", stdin=json.dumps(body)) for name, body in shapes(*ANSWER.split()).items()}
    assert [name for name, done in private.items() if done.code != 77] == []
    assert all("5,200" not in done.text + done.notices for done in private.values())
    assert cloud.connections == 0
    for words in (("Bruno", "earns", "5,200"), ("Anna", "wants", "5,200"), ("Anna", "earns", "6,100")):
        codes = {name: trooper("messages", stdin=json.dumps(body)).code for name, body in shapes(*words).items()}
        assert set(codes.values()) == {0}, codes


@pytest.mark.parametrize("words", [("yes", "please", "go on"), ("ok", "4", "5"), ("Anna", "is", "in")])
def test_what_tells_nothing_is_sent(
    trooper: Trooper, cloud: Standin, local: Standin, words: tuple[str, str, str]
) -> None:
    """Everyday words and a few letters are no private text in parts either."""
    local.respond = ollama(" ".join(words))
    assert trooper("messages", stdin=json.dumps(request(user(PROMPT), x_force_local=True))).code == 0
    bodies = (
        call({"rows": [[*words]]}),
        request(user([result(texts(*words))])),
        request(user([*texts(*words, "so?")])),
    )
    assert [trooper("messages", stdin=json.dumps(body)).code for body in bodies] == [0, 0, 0]
    assert len(cloud.bodies) == 3


def test_a_refused_text_in_small_blocks_is_known_as_one(trooper: Trooper, cloud: Standin) -> None:
    """In a tool's result and in a document, which no engine here takes."""
    for content in (
        [result(texts(BEFORE)), result(texts(*ANSWER.split()))],
        [document(texts("Otti", "lie earns 6,1", "00"))],
    ):
        assert trooper("messages", stdin=json.dumps(request(user(content), x_force_local=True))).code == 65
    for text in (ANSWER, "Ottilie earns 6,100"):
        assert trooper("messages", stdin=json.dumps(request(user(text)))).code == 77
        assert trooper("messages", stdin=json.dumps(request(user(f"{AFTER}\n{text}")))).code == 77
    assert cloud.connections == 0


STREAMED = "Okonkwo resigned over the bribe"


def logs(text: str) -> dict[str, str]:
    """Return what programs save of a text that was streamed in pieces."""
    words = [f"{word} " for word in text.split()]
    tokens = [text[at : at + 2] for at in range(0, len(text), 2)]
    ollama_line = {"model": "llama3.2", "created_at": "2026-11-30T10:00:00.123Z"}
    delta = {"type": "content_block_delta", "index": 0}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}

    def rows(values: list[Any], before: str = "") -> str:
        return "\n".join(before + json.dumps(value) for value in values)

    of_claude = [delta | {"delta": {"type": "text_delta", "text": token}} for token in tokens]
    return {
        "two lines": rows([{"t": text[:15]}, {"t": text[15:]}]),
        "a word a line": rows([{"t": word} for word in words]),
        "a letter a line": rows([{"t": letter} for letter in text]),
        "Ollama": rows([ollama_line | {"response": token, "done": False} for token in tokens]),
        "Ollama's chat": rows([ollama_line | {"message": {"role": "assistant", "content": word}} for word in words]),
        "Anthropic": "\n\n".join(f"event: content_block_delta\ndata: {json.dumps(each)}" for each in of_claude),
        "OpenAI": rows(
            [chunk | {"choices": [{"index": 0, "delta": {"content": token}}]} for token in tokens], "data: "
        ),
        "tokens with numbers": rows(
            [{"id": at, "token": {"id": at + 1000, "text": word, "logprob": -0.5}} for at, word in enumerate(words)]
        ),
        "rows": json.dumps([[at, word] for at, word in enumerate(words)]),
        "a row a line": rows([[at, word] for at, word in enumerate(words)]),
        "behind the time": "\n".join(f"[10:00:0{at}] {json.dumps({'t': word})}" for at, word in enumerate(words)),
        "JSON in JSON": json.dumps({"r": json.dumps({"r": json.dumps({"t": words})})}),
        "among others": rows(
            [{"t": piece} for piece in ("I am sorry to", " say. ", text[:9], text[9:], ". And so", " on")]
        ),
    }


def test_a_saved_stream_is_known(trooper: Trooper, cloud: Standin, local: Standin) -> None:
    """In a message and in a tool's result; streams of other words are sent."""
    local.respond = ollama(STREAMED)
    assert trooper("messages", stdin=json.dumps(request(user("and Okonkwo?"), x_force_local=True))).code == 0
    for name, log in logs(STREAMED).items():
        for content in (log, [result(f"read 7 lines\n{log}")]):
            done = trooper("messages", stdin=json.dumps(request(user(content))))
            assert done.code == 77, (name, log)
    assert (
        trooper("messages", stdin=json.dumps(call({"rows": [[n, w] for n, w in enumerate(STREAMED.split())]}))).code
        == 77
    )
    assert cloud.connections == 0
    together = "\n\n".join(logs("Adeyemi retired after the feast").values())
    assert trooper("messages", stdin=json.dumps(request(user(together)))).code == 0


@pytest.mark.parametrize("shape", ['["a', '{"a":', '[1,"', '["\\"', '{"t":"x"}\n', '[[1,"x"],[2,"y"]]', '[1] {"t":[]}'])
def test_what_looks_like_json_is_read_in_time(shape: str) -> None:
    """The work grows with the text: a few seconds of the processor for 200 kB."""
    text = shape * (200_000 // len(shape))
    before = time.process_time()
    for _ in leaves_of([(0, user(text))], {}):
        pass
    assert time.process_time() - before < 4
