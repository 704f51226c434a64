"""Fenced blocks, as CommonMark has them."""

from __future__ import annotations

import pytest

from trooper_cli.fences import blocks, extracted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no block at all", []),
        ("Sure:\n\n```sh\nls -l\n```\n\nThat lists.", ["ls -l"]),
        ("```\n```", [""]),
        ("```\r\na\r\n```\r\n", ["a"]),
        ("~~~ python\nx = 1\n~~~\n```\ny\n```", ["x = 1", "y"]),
        # A longer fence holds a shorter one, and one of the other sign.
        ("````md\n```sh\nx\n```\n````", ["```sh\nx\n```"]),
        ("~~~\n```\nx\n```\n~~~", ["```\nx\n```"]),
        # It is closed by one as long or longer, with nothing behind it.
        ("```\na\n``` b\n`````", ["a\n``` b"]),
        ("````\na\n```", ["a\n```"]),
        # Nobody closed it.
        ("Here:\n```py\nprint()\n", ["print()"]),
        # Up to three blanks; four are an indented block, and so is what four stand before within.
        ("   ```\n   a\n     b\n   ```", ["a\n  b"]),
        ("text\n\n    ```\n    a\n    ```", []),
        ("```\na\n    ```\n```", ["a\n    ```"]),
        # Backticks within a line are code.
        ("```a`b```\nx", []),
        ("inline ```a``` code", []),
        # In a list.
        ("1. Run\n\n   ```sh\n   ls\n     -l\n   ```\n2. Done", ["ls\n  -l"]),
        ("10. Run\n    ```\n    ls\n    ```", ["ls"]),
        ("- ```\n  a\n  ```\n- b", ["a"]),
        ("- ```\n  a\nnot in the list", ["a"]),
    ],
)  # fmt: skip
def test_blocks(text: str, found: list[str]) -> None:
    assert blocks(text) == found


def test_the_first_the_last_or_all() -> None:
    text = "```\none\n```\n\n```\ntwo\n```\n"
    assert (extracted(text), extracted(text, last=True)) == ("one", "two")
    assert extracted("plain\n", last=True) == "plain\n"
