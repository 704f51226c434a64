"""Places where credentials stand, made up by chance: each text with the exact place of every occurrence in it.

There are two halves: rules are tuned on `SEEN`, and measured on `HELD_OUT` too, which nobody looks at while tuning.
"""

from __future__ import annotations

import html
import json
import string
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from tests.guard.generated_credentials import ALNUM, KINDS, SYMBOLS, URL, Maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Wrap = Callable[[str, str], tuple[str, str]]

# What stands for the secret in a template: of no alphabet that escapes change.
HERE = "@@HERE@@"


class Planted(NamedTuple):
    """A text, where its secret stands in it (start and end of each occurrence), and what it is a case of."""

    text: str
    places: tuple[tuple[int, int], ...]
    case: str


class Half(NamedTuple):
    """Surroundings: those of a whole text, those of a value with its name, values broken over two lines, and a seed."""

    around: dict[str, Wrap]
    named: dict[str, tuple[str, Callable[[str], str]]]
    joined: dict[str, str]
    seed: int


def _as_it_is(secret: str) -> str:
    return secret


def _in_json(secret: str) -> str:
    return json.dumps(secret)[1:-1]


def _in_url(secret: str) -> str:
    return quote(secret, safe="")


def _in_markup(secret: str) -> str:
    return html.escape(secret)


def _lines(before: str, after: str = "") -> Wrap:
    """Put something before and after each line."""

    def wrap(template: str, secret: str) -> tuple[str, str]:
        own, value = (text.replace("\n", f"{after}\n{before}") for text in (template, secret))
        return f"{before}{own}{after}", value

    return wrap


def _framed(before: str, after: str, escape: Callable[[str], str] = _as_it_is) -> Wrap:
    return lambda template, secret: (f"{before}{escape(template)}{after}", escape(secret))


def _of_one_line(wrap: Wrap) -> Wrap:
    """Leave texts of more lines as they are."""
    return lambda template, secret: (template, secret) if "\n" in template + secret else wrap(template, secret)


SEEN = Half(
    around={
        "alone": _framed("", ""),
        "in a file": _framed("# settings\nport = 8080\n", "\nname = app\n"),
        "diff": _lines("+"),
        "string of JSON": _framed('{"log": "', '", "n": 1}', _in_json),
        "log": _of_one_line(_framed("2026-03-02T08:15:01Z INFO app[31]: ", "\n2026-03-02T08:15:02Z INFO done\n")),
        "carriage returns": _lines("", "\r"),
    },
    named={
        "env": ("DB_HOST=db1\nUPPER=SECRET\nDB_USER=app\n", _as_it_is),
        "JSON": ('{"user": "bob", "NAME": "SECRET", "port": 5432}', _in_json),
        "YAML": ("db:\n  user: bob\n  NAME: SECRET\n  port: 5\n", _as_it_is),
        "URL, in the midst": ("https://h.example/login?NAME=SECRET&user=bob&next=%2F", _in_url),
        "prose, full stop": ("I think the SAID is SECRET. Please change it.", _as_it_is),
        "Python": ('connect(user="bob", NAME="SECRET", port=5)', _in_json),
        "option": ("deploy --NAME=SECRET --host db", _as_it_is),
        "address": ("postgres://app:SECRET@db.example:5432/app?sslmode=require", _in_url),
        "log": ('level=info msg="login" NAME=SECRET user=bob', _as_it_is),
        "again without its name": ('NAME = "SECRET"\n# 401 for SECRET since noon\nretry(SECRET)\n', _as_it_is),
    },
    joined={
        "plus": 'NAME = "FIRST" +\n    "SECOND";',
        "Python": 'NAME = (\n    "FIRST"\n    "SECOND"\n)',
        "one line": "const NAME = 'FIRST' + 'SECOND';",
    },
    seed=11,
)
HELD_OUT = Half(
    around={
        "fenced": _framed("Why does this fail?\n\n```\n", "\n```\n\nIt worked before."),
        "pre": _framed("<div><pre>", "</pre></div>", _in_markup),
        "indented": _lines("      "),
        "quoted mail": _lines("> "),
        "comment behind": _of_one_line(_framed("", "  # rotated 2026")),
        "chat": _of_one_line(_framed("[10:02] bob: ", "\n[10:03] eve: thanks")),
    },
    named={
        "export": ("set -e\nexport UPPER='SECRET'; run\n", lambda secret: secret.replace("'", "")),
        "TOML": ('[db]\nNAME = "SECRET" # rotated\n', _in_json),
        "URL, last": ("curl 'https://h.example/api?user=bob&NAME=SECRET'", _in_url),
        "URL, fragment": ("open http://h.example/?NAME=SECRET#top now", _in_url),
        "form": ("POST /login HTTP/1.1\n\nNAME=SECRET&user=bob", _in_url),
        "prose, comma": ("The SAID is SECRET, and the user is bob.", _as_it_is),
        "prose, brackets": ("log in (NAME: SECRET) and go on", _as_it_is),
        "JavaScript": ("const cfg = { user: 'bob', NAME: 'SECRET' };", lambda secret: secret.replace("'", "")),
        "properties": ("spring.datasource.NAME=SECRET\nspring.jpa.show-sql=true\n", _as_it_is),
        "XML": ('<add name="NAME" value="SECRET"/>', _in_markup),
        "compose": ("services:\n  db:\n    environment:\n      - UPPER=SECRET\n      - MODE=fast\n", _as_it_is),
        "Markdown": ("* NAME: `SECRET`\n* user: `bob`", _as_it_is),
        "JDBC": ("jdbc:mysql://db/app?user=a&NAME=SECRET&useSSL=true", _in_url),
        "address of a broker": ("BROKER_URL=amqp://u:SECRET@mq.example//", _in_url),
        "again in a command": ("NAME: SECRET\n$ tool -xSECRET\n'SECRET' is not accepted\n", _as_it_is),
    },
    joined={
        "Java": 'String NAME = "FIRST"\n        + "SECOND";',
        "PHP": "$NAME = 'FIRST' .\n  'SECOND';",
        "shell": 'NAME="FIRST"\\\n"SECOND"',
        "diff": '+NAME = "FIRST" + \\\n+    "SECOND"',
    },
    seed=12,
)

PASSWORD, TOKEN = ("password", "DB_PASSWORD", "password"), ("api_key", "API_KEY", "API key")
# Values that are no token of a known kind, each with the names that it goes by.
VALUES: dict[str, tuple[tuple[str, str, str], Callable[[Maker], str]]] = {
    "password": (PASSWORD, Maker.password),
    "long password": (PASSWORD, lambda m: m.of(ALNUM + "_-!*%^", 96) + m.of(ALNUM, int("1" + m.of("0123", 2))) + "7b"),
    "password with signs": (PASSWORD, lambda m: m.word().title() + m.of("?=:", 1) + m.of(ALNUM, 5) + "9a"),
    "password ending in =": (PASSWORD, lambda m: m.of(ALNUM, 11) + "4x="),
    "key": (TOKEN, lambda m: m.of(ALNUM, 32)),
    "key of base64": (TOKEN, lambda m: m.base64(32 + int(m.of("01", 1)))),
    "long key": (TOKEN, lambda m: m.of(ALNUM, 3) + "8" + m.of(URL, 520 + 3 * int(m.of(string.digits, 2)))),
    "key with signs": (TOKEN, lambda m: m.of(ALNUM, 20) + "7" + m.of("?:&", 1) + m.of(ALNUM, 12)),
    "key ending in =": (TOKEN, lambda m: m.of(ALNUM, 30) + "3A" + m.of(SYMBOLS[:3], 1) + "="),
}
_JOINED: dict[str, Callable[[Maker], str]] = {
    "github_token": lambda m: "ghp_" + m.of(ALNUM, 36),
    "aws_secret_access_key": lambda m: m.of(ALNUM + "+/", 40),
    "anthropic_key": lambda m: "sk-ant-api03-" + m.of(URL, 93) + "AA",
    "api_key": lambda m: m.of(ALNUM, 20) + "3x" + m.of(ALNUM, 20),
}


def planted(half: Half, count: int) -> Iterator[Planted]:
    """Yield so many texts for each surrounding of each kind."""
    for kind, make in KINDS.items():
        maker = Maker(sum(kind.encode()) * 1000 + half.seed)
        for name, wrap in half.around.items():
            for _ in range(count):
                text, secret = make(maker)
                yield _filled(*wrap(text.replace(secret, HERE), secret), f"{kind} / {name}")
    for kind, (names, value) in VALUES.items():
        maker = Maker(sum(kind.encode()) * 1000 + half.seed)
        for name, (template, escape) in half.named.items():
            for _ in range(count):
                filled = (
                    template.replace("SECRET", HERE)
                    .replace("NAME", names[0])
                    .replace("UPPER", names[1])
                    .replace("SAID", names[2])
                )
                yield _filled(filled, escape(value(maker)), f"{kind} / {name}")
    for name, value in _JOINED.items():
        maker = Maker(sum(name.encode()) * 1000 + half.seed)
        for way, template in half.joined.items():
            for _ in range(count):
                secret = value(maker)
                at = len(secret) // 2
                parts = template.replace("NAME", name).replace("FIRST", secret[:at]).replace("SECOND", secret[at:])
                place = (parts.index(secret[:at]), parts.rindex(secret[at:]) + len(secret) - at)
                yield Planted(parts, (place,), f"two lines {name} / {way}")


def _filled(template: str, secret: str, case: str) -> Planted:
    """Put a secret in a template; blanks at its ends are no part of it."""
    shown = secret.strip()
    lead = len(secret) - len(secret.lstrip())
    places: list[tuple[int, int]] = []
    text = ""
    *before, last = template.split(HERE)
    for part in before:
        text += part
        places.append((len(text) + lead, len(text) + lead + len(shown)))
        text += secret
    return Planted(text + last, tuple(places), case)
