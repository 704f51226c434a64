"""A local model that is named and is not here: the error names the model, what there is, and the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines.hub import gguf
from trooper_cli.engines import default_model

if TYPE_CHECKING:
    from tests.conftest import Trooper

NO_OLLAMA = {"OLLAMA_HOST": "127.0.0.1:9"}


@pytest.fixture
def pulled(trooper: Trooper) -> Trooper:
    """The command with a model that was pulled, and no Ollama."""
    models = trooper.home / "models"
    models.mkdir(mode=0o700, parents=True)
    (models / default_model.FILE).write_bytes(gguf())
    trooper.home.chmod(0o700)
    trooper.environ |= NO_OLLAMA
    return trooper


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["-m", "{}"], {}),
        ([], {"TROOPER_LOCAL_MODEL": "{}"}),
        (["-m", "{}"], {"TROOPER_LOCAL_ENGINE": "embedded"}),
    ],
)
def test_every_way_of_naming_it_says_the_same(pulled: Trooper, arguments: list[str], environ: dict[str, str]) -> None:
    """A name that `pull` knows is to be pulled; of another what there is. Ollama is not the culprit."""
    steps = {
        "qwen3-4b": "fetch it with `trooper pull qwen3-4b`",
        "llama3.2": "choose one with -m, or start Ollama with `ollama serve` if it has this one",
    }
    for name, step in steps.items():
        values = {key: value.format(name) for key, value in environ.items()}
        done = pulled("ask", "--local", *(word.format(name) for word in arguments), "hi", **values)
        assert (done.code, done.out, done.notices) == (
            78,
            b"",
            f"trooper: no model {name} on this machine, the embedded engine has: smollm2-135m; {step}\n",
        )
