"""Ways in which people and programs write a text so that it no longer stands there as it was; all give a text."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import quopri
import shutil
import subprocess
import tarfile
import textwrap
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LATIN_TO_CYRILLIC = str.maketrans("aeopcyxsijTHBMKAECOPX", "аеорсухѕіјТНВМКАЕСОРХ")  # noqa: RUF001
LATIN_TO_GREEK = str.maketrans("ovikTAEKMNOPXZ", "ονικΤΑΕΚΜΝΟΡΧΖ")


def tool(*command: str) -> Callable[[str], str]:
    def run(text: str) -> str:
        return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout.decode()

    return run


def in_base64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def cut(text: str, width: int, head: str = "") -> str:
    return "".join(f"{head}{text[at : at + width]}\n" for at in range(0, len(text), width))


def pairs(data: bytes) -> Iterator[tuple[int, int]]:
    return zip(data[::2], data[1::2], strict=False)


def base64_in_lines(width: int) -> Callable[[str], str]:
    return lambda text: cut(in_base64(text), width)


def headed(*heads: str) -> Callable[[str], str]:
    """Write each line behind a head, in turn; `#` in one is the number of the line."""

    def write(text: str) -> str:
        lines = textwrap.wrap(text, 24)
        return "".join(f"{heads[at % len(heads)].replace('#', f'{at:02}')}{line}\n" for at, line in enumerate(lines))

    return write


def in_tar(text: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("notes")
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
    return file.getvalue()


TOOLS = (
    "xxd|xxd -p|xxd -g 1|xxd -g 4|xxd -c 8|xxd -e|xxd -i|xxd -u|xxd -b|hexdump -C|hexdump|hexdump -c|hexdump -b|od|"
    "od -c|od -b|od -x|od -a|od -t x1|od -t x4|od -A x -t x1z|od -A n -t x1|od -A d -c|base64|base64 -w 16|base64 -w 0|"
    "base32|base32 -w 20"
).split("|")

ENCODERS: dict[str, Callable[[str], str]] = {
    **{name: tool(*name.split()) for name in TOOLS if shutil.which(name.split()[0])},
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal with spaces": lambda text: text.encode().hex(" ").upper(),
    "hexadecimal with colons": lambda text: text.encode().hex(":"),
    **({"xxd in a line": lambda text: f"see: {ENCODERS['xxd'](text)}"} if shutil.which("xxd") else {}),
    "quoted xxd": lambda text: cut_lines(ENCODERS["xxd"](text), "> "),
    "hexdump in a diff": lambda text: cut_lines(ENCODERS["hexdump -C"](text), "+"),
    "xxd behind a name": lambda text: cut_lines(ENCODERS["xxd"](text), "alice: "),
    **{f"base64 in lines of {width}": base64_in_lines(width) for width in (16, 17, 18, 19, 22, 30, 39)},
    "base64 quoted": lambda text: cut(in_base64(text), 20, "> "),
    "base64 behind a name": lambda text: cut(in_base64(text), 30, "alice: "),
    "base64 in URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 twice": lambda text: in_base64(in_base64(text)),
    "base64 in lines, twice": lambda text: cut(in_base64(cut(in_base64(text), 76)), 76),
    "base64 of JSON": lambda text: in_base64(json.dumps({"text": text})),
    "base64 of UTF-16": lambda text: in_base64(text.encode("utf-16-le")),
    "base64 of UTF-16 with its mark": lambda text: in_base64(text.encode("utf-16")),
    "base64 of gzip": lambda text: in_base64(gzip.compress(text.encode(), mtime=0)),
    "base64 of zlib": lambda text: in_base64(zlib.compress(text.encode())),
    "base64 of hexadecimal": lambda text: in_base64(text.encode().hex()),
    "hexadecimal of base64": lambda text: in_base64(text).encode().hex(),
    "JSON of base64": lambda text: json.dumps(cut(in_base64(text), 30)).replace("/", "\\/"),
    "percent signs of base64": lambda text: quote(cut(in_base64(text), 30), safe=""),
    "percent signs thrice": lambda text: quote(quote(quote(text))),
    "percent signs of Latin-1": lambda text: quote(text.encode("latin-1")),
    "entities twice": lambda text: html.escape("".join(f"&#{ord(letter)};" for letter in text)),
    "escapes with braces": lambda text: "".join(f"\\u{{{ord(letter):x}}}" for letter in text),
    "octal escapes": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "base64 behind a path": lambda text: f"https://x/d/{in_base64(text)}",
    "base64 behind a letter": lambda text: f"a{in_base64(text)}",
    "base64 behind two letters": lambda text: f"https://x/?q=ab{in_base64(text)}",
    "base64 behind three letters": lambda text: f"abc{in_base64(text)}",
    "base64 before a path": lambda text: f"{in_base64(text).rstrip('=')}/tail",
    "base64 in a path": lambda text: f"/srv/Data/{in_base64(text).rstrip('=')}/2024/README",
    "base64 in URLs in a path": lambda text: f"/v1/{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}/x",
    "base64 in lines behind a path": lambda text: cut(f"x/{in_base64(text)}", 30),
    "base64 behind letters, twice": lambda text: f"x-{in_base64(f'y/{in_base64(text)}')}",
    "hexadecimal behind a name": lambda text: f"id_{text.encode().hex()}",
    "hexadecimal behind a digit": lambda text: f"x/a{text.encode().hex().upper()}/tail",
    "base32 behind a name": lambda text: f"id-{base64.b32encode(text.encode()).decode()}",
    "base64 of gzip behind a path": lambda text: f"x/{in_base64(gzip.compress(text.encode(), mtime=0))}",
    "base64 of the second of two members": lambda text: in_base64(
        gzip.compress(b"here", mtime=0) + gzip.compress(text.encode(), mtime=0)
    ),
    "a token of three parts": lambda text: f"{in_base64('{}' * 9)}.{in_base64(json.dumps({'sub': text}))}.c2lnbmF0dXJl",
    "a data URL": lambda text: f'<a href="data:text/plain;base64,{in_base64(text)}">x</a>',
    "base64 of tar": lambda text: cut(in_base64(in_tar(text)), 76),
    "base64 of tar in gzip": lambda text: in_base64(gzip.compress(in_tar(text), mtime=0)),
    "base64 of UTF-16 behind a path": lambda text: f"x/{in_base64(text.encode('utf-16-be'))}",
    "base64 of UTF-32": lambda text: in_base64(text.encode("utf-32-le")),
    "base64 of UTF-32 with its mark": lambda text: in_base64(text.encode("utf-32")),
    "escapes of eight digits": lambda text: "".join(f"\\U{ord(letter):08x}" for letter in text),
    "percent signs of UTF-16": lambda text: "".join(f"%u{ord(letter):04X}" for letter in text),
    "names of letters": lambda text: " ".join(f"U+{ord(letter):04X}" for letter in text),
    "escapes of CSS": lambda text: "".join(f"\\{ord(letter):x} " for letter in text),
    "escapes of CSS of six digits": lambda text: "".join(f"\\{ord(letter):06x}" for letter in text),
    "octal escapes apart": lambda text: " ".join(f"\\{byte:03o}" for byte in text.encode()),
    "escapes of RTF": lambda text: "".join(f"\\'{byte:02x}" for byte in text.encode("latin-1")),
    "entities without their ends": lambda text: "".join(f"&#{ord(letter)}" for letter in text),
    "octal numbers of Python": lambda text: " ".join(map(oct, text.encode())),
    "octal numbers of C": lambda text: ", ".join(f"0{byte:o}" for byte in text.encode()),
    "bits": lambda text: "".join(f"{byte:08b}" for byte in text.encode()),
    "words of two bytes, the last one first": lambda text: " ".join(
        f"{first:02x}{last:02x}" for last, first in pairs(f"{text} ".encode())
    ),
    "base32hex": lambda text: base64.b32hexencode(text.encode()).decode(),
    "variation selectors": lambda text: "x" + "".join(
        chr(byte + (0xE0100 - 16 if byte >= 16 else 0xFE00)) for byte in text.encode()
    ),
    "unseen tags": lambda text: "".join(chr(0xE0000 + ord(one)) if one.isascii() else one for one in text),
    "bytes of Rust": lambda text: ", ".join(f"{byte}u8" for byte in text.encode()),
    "bytes of C": lambda text: ", ".join(f"0x{byte:02x}U" for byte in text.encode()),
    "bytes of Java": lambda text: ", ".join(f"(byte)0x{byte:02x}" for byte in text.encode()),
    "signed bytes of Java": lambda text: ",".join(f"(byte) {(byte + 128) % 256 - 128}" for byte in text.encode()),
    "bits of Python": lambda text: str([*map(bin, text.encode())]).replace("'", ""),
    "bits of a byte each": lambda text: ", ".join(f"0b{byte:08b}" for byte in text.encode()),
    "hexadecimal with strokes": lambda text: " ".join(f"0x{byte >> 4:x}_{byte & 15:x}" for byte in text.encode()),
    "words of WebVTT": lambda text: "WEBVTT\n\n00:00:01.000 --> 00:00:09.000\n" + " ".join(
        f"<00:00:0{at % 10}.500><c.yellow>{one}</c>" for at, one in enumerate(text.split())
    ),
    "times of WebVTT": lambda text: "".join(f"<00:00:0{at % 10}.500> {one} " for at, one in enumerate(text.split())),
    "bytes in JSON": lambda text: json.dumps(list(text.encode())),
    "words in JSON": lambda text: json.dumps(text.split()),
    "subtitles": lambda text: "".join(
        f"{at}\n00:00:{at:02},000 --> 00:00:{at:02},900\n{line}\n\n" for at, line in enumerate(textwrap.wrap(text, 24))
    ),
    "tags between words": lambda text: " ".join(f'<b id="{at}">{one}</b>' for at, one in enumerate(text.split())),
    "elements": lambda text: "".join(f'<w n="{at}">{one}</w>\n' for at, one in enumerate(text.split())),
    "colours": lambda text: " ".join(f"\x1b[1;3{at % 8}m{one}\x1b[0m" for at, one in enumerate(text.split())),
    "colours in JSON": lambda text: json.dumps(ENCODERS["colours"](text)),
    "behind a name": headed("alice: "),
    "behind two names": headed("alice: ", "bob: "),
    "behind two long names": headed("Alice Smith: ", "Bob Roe: "),
    "behind REM": headed("REM "),
    "behind a hash": headed("# "),
    "behind slashes": headed("// "),
    "behind a clock and a host": headed("[12:00:#] host app: "),
    "in the system's log": headed("Nov 24 12:00:# host app[4#]: "),
    "in a container's log": headed("2026-11-24T12:00:#.5#Z stdout F "),
    "in a program's log": headed("2026-11-24 12:00:#,123 INFO [main] ", "2026-11-24 12:01:#,123 WARNING [main] "),
    "in a chat": headed("[12:#] <alice> ", "[12:#] <bob> "),
    "in a quoted chat": headed("> alice: ", "> bob: "),
    "in a table": headed("| #1 | "),
    "Cyrillic letters": lambda text: text.translate(LATIN_TO_CYRILLIC),
    "Greek letters": lambda text: text.translate(LATIN_TO_GREEK),
}  # fmt: skip


def cut_lines(text: str, head: str) -> str:
    return "".join(f"{head}{line}\n" for line in text.splitlines())
