"""Hostile or merely odd texts of any size: each repeats something that a rule of the guard looks for."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING

from trooper_cli.guard import credentials, normalize, text_keys, user_patterns
from trooper_cli.guard.distinctive import is_telling
from trooper_cli.guard.fingerprints import Index
from trooper_cli.messages import private_parts

if TYPE_CHECKING:
    from collections.abc import Callable

USER_PATTERNS = [r"KD-\d{6}", r"(?i)\bproject (?:orion|lyra)\b", r"\b[A-Z]{2}\d{6}\b"]


def _repeated(piece: str, end: str = "") -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece)) + end


def _numbered(piece: str, separator: str = "") -> Callable[[int], str]:
    """Return what fills a text with a piece whose `{}` is another number each time."""

    def fill(size: int) -> str:
        count = size // (len(piece) + len(separator) + 4)
        return separator.join(piece.format(10_000 + number * 7919 % 90_000) for number in range(count))

    return fill


def _chance(letters: str) -> Callable[[int], str]:
    return lambda size: "".join(random.Random(size).choices(letters, k=size))


def _nested(layers: int) -> Callable[[int], str]:
    def fill(size: int) -> str:
        data = _chance("abcdefghij 0123456789,.\n")(int(size * 0.75**layers)).encode()
        for _ in range(layers):
            data = base64.b64encode(data)
        return data.decode()

    return fill


def _in_base64(piece: bytes) -> Callable[[int], str]:
    return lambda size: base64.b64encode(piece * (size * 3 // 4 // len(piece) + 1)).decode()


def _dump(size: int) -> str:
    data = _chance("abcdefghij 0123456789")(size // 68 * 16)
    rows = (data[at : at + 16] for at in range(0, len(data), 16))
    return "".join(f"{at * 16:08x}: {row.encode().hex(' ', 2)}  {row}\n" for at, row in enumerate(rows))


def _columns(size: int) -> str:
    return _numbered("v{}", ",")(size // 2) + "\n" + _numbered("w{}", ",")(size // 2) + "\n"


def _deep_yaml(size: int) -> str:
    lines, at = [], 0
    while size > 0:
        lines.append(" " * (at % 400) + f"key{at}: value {at * 7919}")
        size -= len(lines[-1]) + 1
        at += 1
    return "\n".join(lines)


def _keys(size: int) -> str:
    return json.dumps({f"key{number}": f"value {number * 7919}" for number in range(size // 28)})


def _nested_lists(size: int) -> str:
    return "[" * (size // 2) + "]" * (size // 2)


def _nested_objects(size: int) -> str:
    return '{"a":' * (size // 6) + "1" + "}" * (size // 6)


SHAPES: dict[str, Callable[[int], str]] = {
    # One line of the same sign.
    **{
        f"one line of {sign!r}": _repeated(sign)
        for sign in (
            "7",
            " ",
            ",",
            '"',
            "'",
            "[",
            "{",
            "(",
            "<",
            "@",
            "-",
            ".",
            "/",
            "\\",
            "|",
            ":",
            "=",
            "%",
            "&",
            "_",
            "a",
            "A",
            "Z",
            "0",
            "\t",
            ";",
            "+",
            "`",
            "*",
            "#",
            ">",
            "ß",
            "中",
            "\u0301",
            "a ",
            "A ",
            "7 ",
            "7-",
            "7.",
            "7,",
            "a.",
            "a-",
            "a@",
            "A-",
            "A1",
            "a=",
            "a:",
            '"a',
            '\\"',
            "[]",
            "a,",
            "A,",
            "\r",
            "\x0b",
        )
    },
    **{f"lines of {sign!r}": _repeated(sign + "\n") for sign in ("", "a", "7", "- ", "{", "[", "0", " ", "|", '"')},
    # Lines as long as a row may be.
    **{
        f"long lines of {sign!r}": _repeated(sign * (1990 // len(sign)) + "\n")
        for sign in (
            '"',
            '""',
            '"a',
            '\\"',
            "'",
            "[",
            "{",
            "(",
            " ",
            "a",
            "A",
            "Aa",
            "7",
            "7,",
            "7 ",
            "7-",
            "7.",
            "7'",
            "=",
            "a=",
            ":",
            ",",
            ";",
            "|",
            "a ",
            "A ",
            "], [",
            "},",
            "} ",
            "]",
            "\u201c",
            "\u2018",
            "`",
            "<",
            "<a",
            "@",
            "a@",
            "a@b.",
            "-",
            "*",
            "_",
        )
    },
    **{
        f"lines of 390 of {sign!r}": _repeated("a: b" + sign * (386 // len(sign)) + "\n")
        for sign in (" ", "]", " ]", "'", "a", ":", "= ", "7 ", "A7a7 ")
    },
    # Short secrets.
    "one e-mail address": _repeated("anna.huber@firm.de "),
    "e-mail addresses": _numbered("anna.huber{}@firm.de", " "),
    "e-mail addresses, glued": _numbered("anna.huber{}@firm.de"),
    "half an e-mail address": _repeated("anna.huber@firm."),
    "no e-mail address": _repeated("a.b-c%d+", "@"),
    "addresses, lines": _numbered("anna.huber{}@firm.de\n"),
    "telephone": _numbered("+49 89 12{} 77", " "),
    "telephone, commas": _numbered("+49 89 12{} 77", ","),
    "telephone, glued": _numbered("+498912{}77"),
    "telephone, zeros": _repeated("089 1234 "),
    "no telephone": _repeated("+49 ("),
    "groups of digits": _repeated("12 34 56 78 "),
    "pairs of digits": _repeated("1 2 3 4 5-"),
    "IBAN": _repeated("DE89 3704 0044 0532 0130 00 "),
    "IBAN, glued": _repeated("DE89370400440532013000"),
    "cards": _repeated("4111 1111 1111 1111 "),
    "cards, dashes": _repeated("4111-1111-1111-1111-"),
    "tickets": _numbered("OPS-{}", " "),
    "tickets, glued": _numbered("OPS-{}-"),
    "plates": _numbered("M-AB {}", " "),
    "speakers in JSON": _numbered('"Anna: hi {0}\\nBob: ok {0}"\n'),
    "names": _repeated("Anna Huber "),
    "names, commas": _repeated("Anna Huber, Ben Krahmann, "),
    "tokens": _numbered("tok3n-{}-abcdef", " "),
    "numbers, lines": _repeated(" ".join(str(number) for number in range(4001, 4901, 17)) + "\n"),
    "numbers with commas, lines": _numbered(",".join(f"{number}{{0}}" for number in range(12, 36)) + "\n"),
    "names, lines": _numbered(",".join(f"Huber{letter}{{0}}" for letter in "abcdefghijklmnopqrstuvwx") + "\n"),
    "names, surname first": _repeated("Huber, Anna: 4 "),
    "words, lines": _numbered("Huber {} Anna Ben Clara David Emma Felix Greta Hans Ida\n"),
    "dates": _repeated("2025-11-03 "),
    "amounts": _numbered("1,2{}.50", " "),
    "numbers": _numbered("{}7", " "),
    "numbers, commas": _numbered("{}7", ","),
    "versions": _repeated("v1.2.3-rc1.4."),
    "clocks": _repeated("12:30 2025-11-03 "),
    "clock lines": _repeated("Mon Nov 3 10:00:00 2025, "),
    "addresses of hosts": _repeated("10.20.30.40 "),
    "paths": _repeated("/aB3/cD4efGhijkl"),
    "URLs": _repeated("https://a.example/aB3cD4efGhijkl?x=1 "),
    # Tables.
    "CSV of many columns": _columns,
    "CSV of many short rows": _numbered("{},a\n"),
    "CSV of many rows": _numbered("Huber{},Berlin,8{},yes\n".replace("8{}", "84512")),
    "CSV in quotes": _numbered('"Huber {}","Berlin"\n'),
    "CSV in quotes, one line": _numbered('"Huber {}"', ","),
    "CSV, one cell in quotes": lambda size: '"' + _numbered("Huber {},")(size),
    "CSV, a quote a line": _repeated('a,"b,c\n'),
    "TSV": _numbered("Huber{}\tBerlin\n"),
    "markdown table": _numbered("| Huber{} | Berlin | yes |\n"),
    "borders": _repeated("|a|b|c|\n"),
    "borders, one line": _repeated("|a|b|c|"),
    "aligned": _numbered("Huber{}    Berlin    yes\n"),
    "blanks in between": _repeated("a  b"),
    "wide blanks": _repeated("a" + " " * 300),
    "keys and values": _repeated("a: b\n"),
    "keys, values and borders": _repeated("a: b\nc: d|e\n"),
    "keys in quotes and escapes": _repeated('"a: b\\nc: d|e"\n'),
    "other keys and values": _numbered("key{}: value\n"),
    "keys and values, one line": _repeated("a: b "),
    "logfmt": _numbered("user=u{} level=info", " "),
    "logfmt, lines": _numbered("user=u{} level=info\n"),
    "YAML, deep": _deep_yaml,
    "YAML lists": _numbered("- name: Huber{}\n  age: 4\n"),
    "lists in lists": _nested_lists,
    "open lists": _repeated("["),
    "open lists, lines": _repeated("[\n"),
    "objects in objects": _nested_objects,
    "open objects": _repeated('{"a":\n'),
    "JSON of many keys": _keys,
    "JSON lines": _numbered('{{"name": "Huber{}", "age": 44}}\n'),
    "JSON, broken lines": _numbered('{{"name": "Huber{}", "age": 44\n'),
    "JSON, one line": _numbered('{{"name": "Huber{}", "age": 44}},'),
    "JSON, values alone": lambda size: "[\n" + _numbered('  "Huber{}",\n')(size),
    "jq": _repeated('[\n"a",\n"b",\n'),
    # Encoded.
    "base64 in base64": _nested(4),
    "base64": _nested(1),
    "base64 in lines": lambda size: base64.encodebytes(
        _chance("abcdefghij 0123456789,.\n")(size * 3 // 4).encode()
    ).decode(),
    "hexadecimal": _chance("0123456789abcdef"),
    "hexadecimal words": _repeated("54:68:65 "),
    "letters and digits": _chance("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    "all signs": _chance("".join(map(chr, range(32, 127)))),
    "all signs in lines": _chance("".join(map(chr, range(32, 127))) + "\n\n\n"),
    **{
        f"base64 of {piece!r}": _in_base64(piece)
        for piece in (
            b"\x1f\x8b\x08",
            b"x\x9c",
            b"%PDF-",
            b"%PDF-1 0 obj ",
            b"%PDF-1 0 obj stream\n",
            b"\x89PNG\r\n",
            b"\xff\xd8\xff\xe0",
            # Blocks of deflate that are empty, and some that are not.
            b"\x1f\x8b\x08" + b"\0" * 7 + b"\0\0\0\xff\xff" * 300,
            b"\x1f\x8b\x08" + b"\0" * 7 + b"\0\x46\0\xb9\xff" + b"a" * 70 + b"\0\0\0\xff\xff" * 300,
        )
    },
    "dump": _dump,
    "escapes": _repeated("\\u0041"),
    "escaped quotes": _repeated('\\"a\\",'),
    "escapes of CSS": _repeated("\\54 \\68 "),
    "escapes of RTF": _repeated("\\'e4a"),
    "entities without their ends": _repeated("&#84"),
    "octal numbers": _repeated("0124 0150 0x "),
    "octal numbers in a row": _repeated("0124 0150 "),
    "bits": _chance("01"),
    "bits and a letter": _repeated("01010100" * 200 + "a"),
    "words, the last byte first": _repeated("6854 2065 6f62 7261 "),
    "variation selectors": _repeated("\U000e0144\U000e0158\ufe0f"),
    "digits of Arabic": _repeated("\u0663\u0664 a\u0665"),
    "percent signs": _repeated("%41"),
    "entities": _repeated("&amp;"),
    "quoted-printable": _repeated("=41=42"),
    "words that repeat": _repeated("INFO main: "),
    "line heads": _numbered("12:30:01 INFO [main] user {} logged in\n"),
    "a paragraph of one line": _repeated("The quick brown fox jumps over the lazy dog and goes on. "),
    "prose": _repeated("The quick brown fox jumps over the lazy dog,\nand the dog does not mind it.\n\n"),
    "quotations": _repeated('He said "no, it is not so" and went. '),
    "apostrophes": _repeated("'a b' `c d` “e” "),
    # Credentials.
    **{
        f"credential: {piece!r}": _repeated(piece)
        for piece in (
            "password=",
            "password = ",
            "password: a,",
            'password="',
            'password="abcd4x" ',
            'password=\\"a1\\\\"',
            "password=abcd4x=\n",
            "name:tokenvalue:1",
            "a://a:b@",
            'key = "aaaa1"\n"',
            '"aaaa" + ',
            "secret_key=abc123 ",
            "-----BEGIN ",
            "-----BEGIN RSA PRIVATE KEY-----",
            "://a:b@",
            "://a:",
            "https://user:pass@host/ ",
            "eyJhbGciOi.",
            "eyJ",
            "ghp_",
            "sk-",
            "sk-ant-api03-",
            "AKIA",
            "AIza",
            "xoxb-",
            "xoxb-1-",
            "glpat-",
            "token ",
            "api_key:",
            "Authorization: Bearer ",
            "Bearer a",
            "hooks.slack.com/services/",
            "npm_",
            "pypi-",
            "SG.",
            "key-",
            "AccountKey=",
            "curl -u a:b ",
            "curl -H 'Authorization: ",
            "_authToken=",
            "dop_v1_",
            "facebook",
            "secret secret ",
            "aws_secret_access_key ",
            "hvs.",
            "ya29.",
        )
    },
}


def thousand_turns() -> Index:
    """Return an index of 1,000 private turns."""
    index = Index.in_memory()
    for number in range(1000):
        prompt = (
            f"Huber{number} earns {80_000 + number * 7919 % 9973} in year {number}, and asks about case OPS-{number}."
        )
        marks = index.marks([(prompt, False)], public=False, names=text_keys.loose_keys(prompt))
        index.add(marks, public=False, session=None, turn=number)
    return index


def refuse_or_pass(text: str, index: Index) -> None:
    """Look at a public prompt as the guard does."""
    normalize.forget()
    index.find(text)
    credentials.find(text)
    user_patterns.find(text, USER_PATTERNS)
    user_patterns.hosts(text, ["db7.firm.internal", "10.20.30.41"])
    read_as_whole(text, index)


def read_as_whole(text: str, index: Index) -> None:
    index.known(map(text_keys.said, text_keys.loosely(text)))
    is_telling(text)


def index_session(text: str, index: Index) -> None:
    """Fingerprint a text as a private prompt and as an answer, under all the names it is known by."""
    normalize.forget()
    index.marks([(text, False), (text, True)], public=False, names=text_keys.loose_keys(text, text))
    index.marks([(text, True)], public=True)


def read_as_message(text: str, index: Index) -> None:
    """Look for whole prompts and answers in a message of a request."""
    index.known(text_keys.said(form) for form, _ in private_parts.parts(text))
