"""The models that `trooper pull NAME` knows: instruct models that answer at once, under a free licence.

File names, sizes, revisions and checksums are those of the hub's own records (LFS pointers), as projects that pin the
same files repeat them; licences are of the model cards. A file is taken only with its checksum.
"""

from __future__ import annotations

from typing import NamedTuple


class KnownModel(NamedTuple):
    """One file of a repository on Hugging Face, pinned to a revision.

    `parameters` are billions; `memory` is GB for the weights, a context of 8,192 tokens (16-bit keys and values), and
    half a GB for the rest.
    """

    name: str
    repository: str
    revision: str
    file: str
    size: int
    sha256: str
    parameters: float
    memory: float
    licence: str
    good_for: str


KNOWN_MODELS = (
    KnownModel(
        "qwen2.5-1.5b",
        "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        "91cad51170dc346986eccefdc2dd33a9da36ead9",
        "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        1_117_320_736,
        "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        parameters=1.5,
        # 28 layers of 2 heads of 128: 28 KiB a token.
        memory=1.9,
        licence="Apache-2.0",
        good_for="quick answers with little memory",
    ),
    KnownModel(
        "granite-4.0-micro",
        "ibm-granite/granite-4.0-micro-GGUF",
        "ec48475f0c811d812fbfb61975717a9c36eeb652",
        "granite-4.0-micro-Q4_K_M.gguf",
        2_099_502_528,
        "97c417dcc0534b0737c74016fb2af083cb17c3b51eaac621192d23961b7024eb",
        parameters=3,
        # 40 layers of 8 heads of 64: 80 KiB a token.
        memory=3.3,
        licence="Apache-2.0",
        good_for="summaries and extraction",
    ),
    KnownModel(
        "qwen3-4b",
        "unsloth/Qwen3-4B-Instruct-2507-GGUF",
        "a06e946bb6b655725eafa393f4a9745d460374c9",
        "Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
        2_497_281_120,
        "3605803b982cb64aead44f6c1b2ae36e3acdb41d8e46c8a94c6533bc4c67e597",
        parameters=4,
        # 36 layers of 8 heads of 128: 144 KiB a token.
        memory=4.2,
        licence="Apache-2.0",
        good_for="a good first choice",
    ),
    KnownModel(
        "ministral-3-8b",
        "mistralai/Ministral-3-8B-Instruct-2512-GGUF",
        "0102285ad796bd99af90f58de616092e5630e970",
        "Ministral-3-8B-Instruct-2512-Q4_K_M.gguf",
        5_198_911_904,
        "33e7a72cf5e6e2cfc2f2847075acc013d68bba023e35310cef86b5cf8fdca761",
        parameters=8,
        # 34 layers of 8 heads of 128: 136 KiB a token.
        memory=6.8,
        licence="Apache-2.0",
        good_for="the largest; wants many cores",
    ),
)


def known_model(name: str) -> KnownModel | None:
    """Return the model of that name, in any case, or of that file."""
    wanted = name.lower()
    return next((model for model in KNOWN_MODELS if wanted in {model.name, model.file.lower()}), None)
