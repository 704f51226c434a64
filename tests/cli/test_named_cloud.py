"""`--cloud=NAME`: one cloud of several is asked, and nobody is by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.matrix import always, compatible
from tests.in_process import run_in_process
from tests.standin import api_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Outcome, Trooper
    from tests.standin import Standin

TABLE = '[[clouds]]\nname = "{}"\nurl = "{}/v1"\nmodel = "large"\nkey_env = "{}"\n'


@pytest.fixture
def other(trooper: Trooper, serve: Callable[..., Standin]) -> Standin:
    """A second cloud, named `other`; a third, `nokey`, has no key."""
    server = serve(compatible("another answer"))
    trooper.home.mkdir(exist_ok=True)
    tables = TABLE.format("other", server.url, "OTHER_KEY") + TABLE.format("nokey", server.url, "THIRD_KEY")
    (trooper.home / "config.toml").write_text(tables)
    trooper.environ["OTHER_KEY"] = "other-key"
    return server


def test_the_named_cloud_alone_is_asked(trooper: Trooper, cloud: Standin, local: Standin, other: Standin) -> None:
    """Of two clouds the named one answers; where it cannot, this machine does and no other cloud."""
    done = trooper("ask", "-s", "ops", "--cloud=other", "--json", "-m", "small", "hello")
    assert (done.code, done.json["engine"], done.json["reason"]) == (0, "other", "flag"), done.notices
    assert other.bodies[0]["model"] == "small"
    assert trooper("ask", "--cloud=anthropic", "hello").text == "a cloud answer\n"
    assert (len(cloud.bodies), len(other.bodies)) == (1, 1)
    again = trooper("again", "ops", "--cloud=anthropic")
    assert (again.code, again.text) == (0, "a cloud answer\n"), again.notices
    other.respond = always(api_error(402, "billing_error"))
    done = trooper("ask", "--cloud=other", "--json", "hello")
    assert (done.json["route"], done.json["fallback"]["from"]) == ("local", "other"), done.notices
    assert trooper("ask", "--cloud=other", "--no-fallback", "hello").code == 75
    assert len(cloud.bodies) == 2
    assert local.bodies


def in_process(trooper: Trooper, *arguments: str, **environ: str) -> Outcome:
    merged: dict[str, Any] = trooper.environ | environ
    return run_in_process(trooper.home, *arguments, **merged)


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "words"),
    [
        (["--cloud=othr", "hello"], {}, 78, "did you mean --cloud=other?"),
        (["--cloud=Other", "hello"], {}, 78, "did you mean --cloud=other?"),
        (["--cloud=zzz", "hello"], {}, 78, "there are anthropic, other, nokey"),
        (["--cloud=nokey", "hello"], {}, 78, "set THIRD_KEY"),
        (["--cloud=anthropic", "hello"], {"ANTHROPIC_API_KEY": ""}, 78, "set ANTHROPIC_API_KEY"),
        (["--cloud=", "hello"], {}, 2, "is a shell variable empty?"),
        (["--cloud=off", "hello"], {}, 2, "write --local"),
        (["--cloud=None", "hello"], {}, 2, "write --local"),
        (["--cloud=local", "hello"], {}, 2, "write --local"),
        (["--cloud=other what is it"], {}, 2, "is a space missing?"),
        (["--cloud=other", "--cloud=anthropic", "hello"], {}, 2, "two clouds"),
        (["--local", "--cloud=other", "hello"], {}, 2, "--local and --cloud exclude each other"),
        (["--cloud=other", "--here", "hello"], {}, 2, "--cloud and --here exclude each other"),
        (["--cloud", "other", "hello"], {}, 2, "write --cloud=other"),
        (["--cloud", "Anthropic"], {}, 2, "write --cloud=anthropic"),
        (["--cloud=other", "hello"], {"TROOPER_CLOUD": "off"}, 77, "the cloud is locked"),
        (["hello", "--", "--cloud=other"], {}, 2, "after -- is --cloud"),
        (["hello", "\u2014cloud=other"], {}, 2, "did you mean --cloud?"),
        (["--colud=other", "hello"], {}, 2, "did you mean --cloud?"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_nothing_is_sent_by_mistake(
    trooper: Trooper,
    cloud: Standin,
    local: Standin,
    other: Standin,
    arguments: list[str],
    environ: dict[str, str],
    code: int,
    words: str,
) -> None:
    """What names no cloud, or says to stay here, is an error with its next step."""
    done = in_process(trooper, "ask", "-n", *arguments, **environ)
    assert (done.code, done.out) == (code, b""), done.notices
    assert words in done.notices
    assert not [*cloud.requests, *other.requests, *local.requests]


def test_a_word_behind_cloud_is_a_prompt_unless_it_names_one(trooper: Trooper, cloud: Standin, other: Standin) -> None:
    """A switch takes no value, so that what stands behind it is still a prompt; behind `--` any word is."""
    del other
    for arguments in (["--cloud", "others", "are", "asked"], ["--cloud", "--", "other", "words"]):
        done = in_process(trooper, "ask", "-n", *arguments)
        assert done.text == "a cloud answer\n", done.notices
    assert [body["messages"][-1]["content"] for body in cloud.bodies] == ["others are asked", "other words"]
    done = in_process(trooper, "config")
    assert "clouds          config   other, nokey\n" in done.text
    done = in_process(trooper, "again", "--cloud", "other")
    assert (done.code, "write --cloud=other" in done.notices) == (2, True), done.notices


SAID_HERE = [
    "off", "local", "none", "=off", ":off", "= off", '"off"', "=local", "never", "disabled", "not", "nein", "here",
    "locally", "local,", "local:", '"local"', "Private.", "lo\u200bcal",
]  # fmt: skip


@pytest.mark.parametrize("word", SAID_HERE)
def test_a_value_means_the_same_behind_a_space_and_behind_an_equals_sign(
    trooper: Trooper, cloud: Standin, word: str
) -> None:
    """What says to stay here as `--cloud=X` says it as `--cloud X`; neither becomes a prompt, or the head of one."""
    for arguments in (["--cloud", word], [f"--cloud={word}"], ["--cloud", word, "the notes of today"]):
        done = in_process(trooper, "ask", "-n", *arguments)
        assert (done.code, done.out, "write --local" in done.notices) == (2, b"", True), (arguments, done.notices)
    assert not cloud.requests


def test_a_name_apart_from_cloud_is_never_asked_of_another(trooper: Trooper, cloud: Standin, other: Standin) -> None:
    """Signs around a name, or an equals sign that stands alone, are a typing error; a sentence stays a prompt."""
    for word in ("=other", "= other", ":other", '"other"', "other,", "=", "=zzz"):
        done = in_process(trooper, "ask", "-n", "--cloud", word)
        assert (done.code, "write --cloud=" in done.notices) == (2, True), (word, done.notices)
    assert not [*cloud.requests, *other.requests]
    prompts = ["Here is my plan.", "not all of it works", "=SUM(A1:A3) is what?", "off-by-one: why?", "hello"]
    for prompt in prompts:
        done = in_process(trooper, "ask", "-n", "--cloud", prompt)
        assert done.text == "a cloud answer\n", done.notices
    assert [body["messages"][-1]["content"] for body in cloud.bodies] == prompts


def test_the_next_steps_name_the_cloud_that_they_are_about(trooper: Trooper, cloud: Standin, other: Standin) -> None:
    """A cloud without a list of models is tried by its own name; an invalid request names what shapes one."""
    del cloud
    other.respond = always(api_error(405, "invalid_request_error"))
    done = in_process(trooper, "doctor", "--json")
    steps = [row["next"] for row in done.json["checks"] if row["check"] == "cloud other"]
    assert steps == ['try them for a few tokens: `trooper ask --cloud=other --no-fallback "say hello"`'], done.text
    other.respond = always(api_error(400, "invalid_request_error"))
    done = in_process(trooper, "ask", "-n", "--cloud=other", "--schema", '{"type": "object"}', "hello")
    assert (done.code, "--max-tokens and --schema" in done.notices) == (65, True), done.notices
