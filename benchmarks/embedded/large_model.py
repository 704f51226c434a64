"""A model of a billion parameters for timing: the shapes of a real one, the vocabulary of the default model, no sense.

How fast llama.cpp runs depends on the shapes and types of the weights, not on what they say.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from trooper_cli.engines.gguf import read_string, read_value

if TYPE_CHECKING:
    from pathlib import Path

# TinyLlama's: 22 layers of 2,048 values, 32 heads of which 4 hold keys.
LAYERS, WIDTH, INNER, HEADS, KEY_HEADS = 22, 2048, 5632, 32, 4
_SHAPE = {
    "block_count": LAYERS,
    "embedding_length": WIDTH,
    "feed_forward_length": INNER,
    "attention.head_count": HEADS,
    "attention.head_count_kv": KEY_HEADS,
    "rope.dimension_count": WIDTH // HEADS,
}
_F32, _Q4_0, _UINT32 = 0, 2, 4
# 32 weights: their scale, a half float of 2 ** -10, and four bits each.
_BLOCK = struct.pack("<e", 2**-10) + bytes(range(7, 247, 15))
_ALIGNMENT = 32


def write(source: Path, target: Path) -> None:
    """Write a model of 1.07 billion parameters in four bits (600 MB), with the vocabulary of a small GGUF model."""
    with source.open("rb") as file:
        magic, version, _, count = struct.unpack("<4sIQQ", file.read(24))
        entries, vocabulary = [], 0
        for _ in range(count):
            start = file.tell()
            key = read_string(file)
            (kind,) = struct.unpack("<I", file.read(4))
            if key == b"tokenizer.ggml.tokens":
                vocabulary = struct.unpack("<IQ", file.read(12))[1]
                file.seek(-12, 1)
            read_value(file, kind)
            end = file.tell()
            name = key.decode().removeprefix("llama.")
            if name in _SHAPE:
                entries.append(_string(key) + struct.pack("<II", _UINT32, _SHAPE[name]))
            else:
                file.seek(start)
                entries.append(file.read(end - start))
    tensors = list(_tensors(vocabulary))
    head, offset = bytearray(struct.pack("<4sIQQ", magic, version, len(tensors), count) + b"".join(entries)), 0
    for name, shape, kind in tensors:
        head += _string(name.encode()) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        offset += _size(shape, kind)
    with target.open("wb") as file:
        file.write(head + bytes(-len(head) % _ALIGNMENT))
        for _, shape, kind in tensors:
            size = _size(shape, kind)
            file.write(struct.pack("<f", 1.0) * (size // 4) if kind == _F32 else _BLOCK * (size // len(_BLOCK)))


def _tensors(vocabulary: int) -> list[tuple[str, tuple[int, ...], int]]:
    keys = WIDTH // HEADS * KEY_HEADS
    found: list[tuple[str, tuple[int, ...], int]] = [
        ("token_embd.weight", (WIDTH, vocabulary), _Q4_0),
        ("output_norm.weight", (WIDTH,), _F32),
    ]
    for layer in range(LAYERS):
        found += [
            (f"blk.{layer}.attn_norm.weight", (WIDTH,), _F32),
            (f"blk.{layer}.attn_q.weight", (WIDTH, WIDTH), _Q4_0),
            (f"blk.{layer}.attn_k.weight", (WIDTH, keys), _Q4_0),
            (f"blk.{layer}.attn_v.weight", (WIDTH, keys), _Q4_0),
            (f"blk.{layer}.attn_output.weight", (WIDTH, WIDTH), _Q4_0),
            (f"blk.{layer}.ffn_norm.weight", (WIDTH,), _F32),
            (f"blk.{layer}.ffn_gate.weight", (WIDTH, INNER), _Q4_0),
            (f"blk.{layer}.ffn_up.weight", (WIDTH, INNER), _Q4_0),
            (f"blk.{layer}.ffn_down.weight", (INNER, WIDTH), _Q4_0),
        ]
    return found


def _size(shape: tuple[int, ...], kind: int) -> int:
    values = 1
    for length in shape:
        values *= length
    return values * 4 if kind == _F32 else values // 32 * len(_BLOCK)


def _string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text
