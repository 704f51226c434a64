from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guard.generated_credentials import B64, HEX, KINDS, URL, Maker, made
from trooper_cli.errors import ConfigurationError
from trooper_cli.guard import credential_rules
from trooper_cli.guard.credentials import find, load_gitleaks, mask
from trooper_cli.guard.finding import Finding
from trooper_cli.guard.go_regex import translated
from trooper_cli.guard.unseen import unseen

MAKER = Maker(7)


def holds(text: str, secret: str) -> bool:
    """Return whether the secret is found, and found where it stands."""
    start = text.index(secret)
    return any(
        place.offset <= start + len(secret) // 10
        and place.offset + place.length >= start + 0.9 * len(secret)
        and place.length <= len(secret) + 8
        for place in find(text)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_found_at_its_place(kind: str) -> None:
    texts = list(made(kind, 60, seed=5))
    missed = [text for text, secret in texts if not holds(text, secret)]
    # Chance makes placeholders and words too, and a Django key may hold any bracket.
    assert len(missed) <= (24 if kind == "secret key" else 4), missed[:3]


def test_each_rule_has_an_example() -> None:
    """A rule that no example is found by may have stopped finding anything."""
    found = {place.kind for kind in KINDS for text, _ in made(kind, 60, seed=5) for place in find(text)}
    assert {rule.kind for rule in credential_rules.own_rules().rules} - found == set()


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_is_found_in_a_diff(kind: str) -> None:
    missed = []
    for text, secret in made(kind, 20, seed=6):
        if "\n" not in secret:
            diff = "\n".join("+" + line for line in text.split("\n"))
            missed += [diff] if not holds(diff, secret) else []
    assert len(missed) <= (8 if kind == "secret key" else 2), missed[:3]


ORDINARY = {
    "npm integrity": f'"integrity": "sha512-{MAKER.base64(64)}",',
    "yarn checksum": f"  checksum: 10c0/{MAKER.hex(128)}",
    "cargo checksum": f'checksum = "{MAKER.hex(64)}"',
    "go.sum": f"golang.org/x/net v0.46.0 h1:{MAKER.base64(32)}",
    "pip hash": f"    --hash=sha256:{MAKER.hex(64)} \\",
    "poetry hash": f'    {{file = "token_tools-1.0.tar.gz", hash = "sha256:{MAKER.hex(64)}"}},',
    "commit": f"commit {MAKER.hex(40)}",
    "commit, short": f"{MAKER.hex(8)} Use the token of the session",
    "diff index": f"index {MAKER.hex(7)}..{MAKER.hex(7)} 100644",
    "uuid": f'"id": "{MAKER.uuid()}", "token_id": "{MAKER.uuid()}"',
    "data uri": f"background: url(data:image/png;base64,{MAKER.base64(300)})",
    "digest in a log": f"2024-01-02T03:04:05Z INFO pulled image digest=sha256:{MAKER.hex(64)} key_hash={MAKER.hex(64)}",
    "trace in a log": f"trace_id={MAKER.hex(32)} span_id={MAKER.hex(16)} request id {MAKER.uuid()}",
    "public key": f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{MAKER.of(B64, 300)}= bob@laptop",
    "public key, ed25519": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{MAKER.of(B64, 43)} bob",
    "certificate": f"-----BEGIN CERTIFICATE-----\nMIIDdzCCAl{MAKER.of(B64, 54)}\n{MAKER.of(B64, 64)}"
    "\n-----END CERTIFICATE-----",
    "public PEM": f"-----BEGIN PUBLIC KEY-----\nMIIBIjANBg{MAKER.of(B64, 54)}\n-----END PUBLIC KEY-----",
    "private key in code": 'if line.startswith("-----BEGIN RSA PRIVATE KEY-----"): raise ValueError("a key")',
    "pgp public key": f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{MAKER.of(B64, 64)}"
    "\n-----END PGP PUBLIC KEY BLOCK-----",
    "placeholder": "password: your_password",
    "placeholder, angle": "token: <token>\npassword=<password>\napi_key: <YOUR_API_KEY_GOES_HERE>",
    "placeholder, shell": "PASSWORD=${DB_PASSWORD}\nexport PASSWORD=$PASSWORD"
    "\nTOKEN=$(vault read -field=token secret/app)",
    "placeholder, template": 'password: "{{ secret }}"\ntoken: {{ .Values.token }}\nkey: ${{ secrets.DEPLOY_KEY_2 }}',
    "placeholder, stars": "password: ********\ntoken = xxxxxxxxxxxxxxxxxxxxxxxx\napi_key: '****************'",
    "placeholder, words": 'password = "changeme"\nPASSWORD=change-me\nsecret_key = "replace_me_with_a_long_string_1"',
    "example": 'aws_access_key_id = "AKIA' + 'IOSFODNN7EXAMPLE"\npassword: "example-password1"',
    "short token": "ghp_" + "x" * 36 + " sk-ant-" + "..." + " sk-" + "your-key-here-123456789",
    "url placeholder": "postgres://user:password@localhost/db postgres://user:pass@host https://$USER:$PASSWORD@host/",
    "url without": "https://example.com:8443/a@b http://host:80/@scope/package git@github.com:org/repo.git",
    "input": "password = input()\npassword = getpass.getpass('Password: ')",
    "call": "token = get_token(user)\naccess_token = response.json()['access_token']"
    "\nsecret = secrets.token_urlsafe(32)",
    "environment": 'password = os.environ["DB_PASSWORD_2"]\nconst token = process.env.GITHUB_TOKEN2;',
    "parameter": "def check(password: str, token: str | None = None) -> bool:\n    self.password = password",
    "type": "password: string;\n  token?: string;\n  apiKey: Option<String>,",
    "keyword": "login(username=username, password=self.password2, token=args.token)",
    "form": '<input type="password" name="password" id="password1" placeholder="Password" autocomplete="new-password">',
    "forgot": "I forgot your password, sorry. Have you forgot your password?",
    "required": "The password field is required. Password: required, at least 8 characters.",
    "hashed": "the password is stored hashed, and the token is sent to the server for each request.",
    "prose": "If the password is incorrect, a 401 is returned. The key to success is to pass tokens between functions.",
    "german prose": "Das Passwort ist falsch. Das Passwort muss mindestens 8 Zeichen haben.",
    "french prose": "Le mot de passe est incorrect. Votre mot de passe est trop court.",
    "spanish prose": "La contraseña es obligatoria. Su contraseña debe tener 8 caracteres.",
    "counts": "max_tokens=4096, input_tokens: 123456, completion_tokens = 20000000",
    "names": "secretKeyRef: {name: app-credentials-v2, key: database_password_1}\nkeyFile: /etc/ssl/private/app-01.key",
    "camel": "private static final String TOKEN_NAME = accessTokenFromRequestHeader2;",
    "test log": "--- PASS: TestUTF8Decode2 (0.00s)\nok 1 password is checked",
    "shell": "echo $PWD; PWD=/home/bob/work2; OLDPWD=/tmp/x1",
    "options": "ssh -p 2222 host; mysql -u root -p shop; docker run -p 8080:80 image; mkdir -p /tmp/a1/b2",
    "curl": "curl -u $USER:$TOKEN https://a.example; curl -sSL https://a.example -o out2",
    "bearer": "Authorization: Bearer <token>\nAuthorization: Bearer $TOKEN\nthe bearer token authentication scheme",
    "secret manifest": "kind: Secret\nmetadata:\n  name: app\n  namespace: default\ntype: Opaque",
    "translation": '"password": "Passwort", "confirmPassword": "Passwort wiederholen"'
    ', "newPassword": "Nouveau mot de passe"',
}


@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.parametrize("marker", ["", "+", "-", "    ", "> "])
def test_ordinary_text_is_no_credential(name: str, marker: str) -> None:
    text = "\n".join(marker + line for line in ORDINARY[name].split("\n"))
    assert [text[place.offset : place.offset + place.length] for place in find(text)] == []


JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwi"
EXAMPLES = [
    f"{JWT}aWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    f"{JWT}YWRtaW4iOnRydWUsImlhdCI6MTUxNjIzOTAyMn0.KMUFsIDTnFmyG3nMiGM6H9FNFUROf3wh7SmqJp-QV30",
    f"{JWT}YWRtaW4iOnRydWV9.TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ",
    "postgres://postgres:postgres@db:5432/app",
    "amqp://guest:guest@localhost:5672/",
]


@pytest.mark.parametrize("around", ["{}", "URL={}", "token={}", '{{"jwt": "{}"}}'])
@pytest.mark.parametrize("example", EXAMPLES)
def test_what_documentation_shows_is_no_credential(example: str, around: str) -> None:
    """One letter more and it is one."""
    assert find(around.format(example)) == []
    assert "@" in example or find(f"Authorization: Bearer {example}") == []
    other = example.replace("@", "X@") if "@" in example else f"{example[:-3]}X{example[-2:]}"
    assert find(around.format(other))


def test_the_rule_that_knows_most_names_a_place_that_several_find() -> None:
    token = "ghp_" + MAKER.of(URL.replace("-", "").replace("_", ""), 36)
    text = f'password = "{token}"'
    assert find(text) == [Finding("github-token", text.index(token), 40)]


def test_mask_replaces_the_secret_alone() -> None:
    first, second = "Sommer" + "2024!", MAKER.hex(32)
    text = f'İ password = "{first}"\napi_key: {second}\n'
    assert mask(text) == 'İ password = "[password]"\napi_key: [secret]\n'
    assert mask("nothing here") == "nothing here"


@given(st.text() | st.text(alphabet="password:=\"'tokenkey \n-+/A1$@", max_size=300))
def test_finds_are_in_order_apart_and_within_the_text(text: str) -> None:
    end = 0
    for place in find(text):
        assert place.offset >= end
        assert place.length > 0
        end = place.offset + place.length
    assert end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "password " * 20_000,
        "password=" * 20_000,
        "-----BEGIN PRIVATE KEY-----\n" * 5_000,
        "-----BEGIN PRIVATE KEY-----" + "A" * 150_000,
        "private key " + "+" * 150_000,
        "curl " * 30_000,
        "a://" * 40_000,
        "://" + "a:" * 60_000,
        "token" + " " * 150_000,
        "key=" + "aB" * 80_000,
        "eyJ" * 50_000,
        "the password is" + " a" * 60_000,
        "authorization: " * 10_000,
        "kind: Secret\n" + "  a: " + "A" * 150_000,
        "$argon2 pbkdf2_" + "scrypt:" * 20_000,
        ":*:" * 50_000,
    ],
    ids=lambda text: text[:20].strip(),
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    start = time.perf_counter()
    find(text)
    assert time.perf_counter() - start < 10


def test_the_rules_that_are_read_are_those_that_are_written() -> None:
    """`credential_rules.json`, which every ask reads, says what `credential_rules.toml` says, which people write."""
    written = Path(credential_rules.__file__).with_name("credential_rules.toml").read_text(encoding="utf-8")
    read = Path(credential_rules.__file__).with_name("credential_rules.json").read_text(encoding="utf-8")
    assert json.loads(read) == tomllib.loads(written), "run `python -m tools.generate`"


def gitleaks(folder: Path, text: str) -> credential_rules.Rules:
    path = folder / ".gitleaks.toml"
    path.write_text(text, encoding="utf-8")
    return load_gitleaks(path)


def test_a_users_rules_and_allowlists_are_used(tmp_path: Path) -> None:
    extra = gitleaks(
        tmp_path,
        """
        title = "ours"
        [extend]
        useDefault = true
        [allowlist]
        regexes = ['''^777''']
        paths = ['''vendor/''']
        [[rules]]
        id = "badge"
        description = "a badge"
        regex = '''BADGE-(?P<number>[[:digit:]]{6})(?i)-x\\z'''
        secretGroup = 1
        keywords = ["BADGE"]
        [rules.allowlist]
        stopwords = ["999"]
        [[rules]]
        id = "files"
        path = '''\\.p12$'''
        """,
    )
    assert find("see badge BADGE-123456-X", extra) == [Finding("badge", 16, 6)]
    assert find("see badge BADGE-999456-X", extra) == []
    assert find("see badge BADGE-777456-X", extra) == []


def test_an_allowlist_from_elsewhere_holds_for_the_rules_of_its_file_alone(tmp_path: Path) -> None:
    """What a repository lets pass, by any means of such a file, Trooper's own rules still find."""
    password, token = 'password = "hunter7"', "ghp_" + MAKER.of(URL.replace("-", "").replace("_", ""), 36)
    extra = gitleaks(
        tmp_path,
        f"""
        [extend]
        useDefault = true
        disabledRules = ["password", "github-token"]
        [allowlist]
        regexes = ['''.*''']
        regexTarget = "line"
        stopwords = ["hunter7"]
        [[rules]]
        id = "github-token"
        regex = '''{token}'''
        [rules.allowlist]
        regexes = ['''.*''']
        [[rules]]
        id = "password"
        regex = '''hunter\\d'''
        """,
    )
    for text in (password, token):
        assert [found.length for found in find(text, extra)] == [found.length for found in find(text)] != []


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2", "password = 'hunter2'", "MYSQL_ROOT_PASSWORD=root", "POSTGRES_PASSWORD=postgres",
        "MINIO_ROOT_PASSWORD=minioadmin", "RABBITMQ_DEFAULT_PASS=guest", "mysql -u root -proot",
        "curl -u admin:admin http://localhost:3000", "redis://:foobared@localhost:6379", "postgres://app:hunter2@db/x",
    ],
)  # fmt: skip
def test_a_password_that_everybody_knows_is_none(text: str) -> None:
    """Of documentation; with anything more it is one."""
    assert find(f"see\n{text}\nthere") == []
    known = next(
        one for one in ("hunter2", "minioadmin", "postgres", "guest", "foobared", "admin", "root") if one in text
    )
    at = text.rindex(known)
    for other in (f"{known}Xk29", f"9{known}2vL"):
        assert find(f"see\n{text[:at]}{other}{text[at + len(known) :]}\nthere"), other


@pytest.mark.parametrize("key", ["path", "url"])
def test_rules_that_stand_in_another_file_are_not_left_out_in_silence(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        gitleaks(tmp_path, f"[extend]\n{key} = 'base.toml'\n")


def test_a_rule_with_brackets_in_a_class_is_obeyed(tmp_path: Path) -> None:
    extra = gitleaks(tmp_path, "[[rules]]\nid = 'odd'\nregex = '''x[{(\\[]y[ab]z'''\n")
    assert [found.kind for found in find("see x[ybz", extra)] == ["odd"]


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("id = 'broken'\nregex = '''(a'''", "broken"),
        ("id = 'greek'\nregex = '''\\p{Greek}'''", "greek"),
        ("id = 'lazy'\nregex = '''(?U)a'''", "lazy"),
        ("id = 'group'\nregex = '''(a)'''\nsecretGroup = 2", "group"),
        ("id = 'list'\nregex = '''a'''\n[rules.allowlist]\nregexes = ['''[''']", "list"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(tmp_path: Path, rule: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        gitleaks(tmp_path, f"[[rules]]\n{rule}\n")


def test_a_file_that_is_no_toml_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TOML"):
        gitleaks(tmp_path, "[[rules")
    with pytest.raises(ConfigurationError):
        load_gitleaks(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("go", "python"),
    [
        ("a(?i)b|c", "a(?i:b)|(?i:c)"),
        ("(a(?i)b)c", "(a(?i:b))c"),
        ("(?i)a", "(?i:a)"),
        ("(?i:a)b", "(?i:a)b"),
        (r"a\z", r"a\Z"),
        ("[[:alnum:]_]", "[0-9A-Za-z_]"),
        ("[^[:space:]]", r"[^\t\n\v\f\r ]"),
        ("(?P<n>a)(?<m>b)", "(?P<n>a)(?P<m>b)"),
        (r"\Qa.b\E", r"a\.b"),
        (r"\x{e9}", "é"),
        ("[]a(]b", r"[\]a(]b"),
        ("[a[|]", r"[a\[\|]"),
        (r"[\]]|(x)", r"[\]]|(x)"),
    ],
)
def test_go_expressions_become_python_ones(go: str, python: str) -> None:
    assert translated(go) == python


def test_no_made_credential_repeats() -> None:
    assert len({secret for _, secret in made("github", 50)}) == 50
    assert set(Maker(1).hex(99)) <= set(HEX)


TOKEN = "ghp_" + MAKER.of(URL.replace("-", "").replace("_", ""), 36)


def full_width(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


# Of each range of Default_Ignorable_Code_Point the ends.
IGNORABLE = [
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180F, 0x200B, 0x200F, 0x202A, 0x202E, 0x2060),
    *(0x2065, 0x206F, 0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0, 0xFFF8, 0x1BCA0, 0x1BCA3, 0x1D173, 0x1D17A),
    *(0xE0000, 0xE0001, 0xE0100, 0xE0FFF),
]
UNSEEN = {
    "zero-width space": f"{TOKEN[:20]}\u200b{TOKEN[20:]}",
    "word joiner in the prefix": f"{TOKEN[:2]}\u2060{TOKEN[2:]}",
    "soft hyphens": "\u00ad".join(TOKEN),
    "byte order mark": f"{TOKEN[:9]}\ufeff{TOKEN[9:]}",
    "variation selector": f"{TOKEN[:9]}\ufe0f{TOKEN[9:]}",
    "full-width": full_width(TOKEN),
    "a part in full-width letters": TOKEN[:10] + full_width(TOKEN[10:20]) + TOKEN[20:],
    "grep --color": f"\x1b[01;31m\x1b[K{TOKEN[:7]}\x1b[m\x1b[K{TOKEN[7:]}",
    "colour before it": f"\x1b[1;38;5;208m{TOKEN}\x1b[0m",
    "a link of a terminal": f"\x1b]8;;https://x.example\x1b\\{TOKEN[:8]}\x1b]8;;\x1b\\{TOKEN[8:]}",
    "bold of man": "".join(f"{letter}\b{letter}" for letter in TOKEN),
    "zero bytes": "\0".join(TOKEN),
    **{f"U+{code:04X}": f"{TOKEN[:9]}{chr(code)}{TOKEN[9:]}" for code in IGNORABLE},
    "a break of HTML": "<wbr>".join((TOKEN[:9], TOKEN[9:20], TOKEN[20:])),
    "a break of XHTML": f"{TOKEN[:9]}<wbr />{TOKEN[9:]}",
    "a line that goes on": f"{TOKEN[:20]}\\\n{TOKEN[20:]}",
    "a line that goes on further in": f"{TOKEN[:20]}\\\r\n    {TOKEN[20:]}",
    "an escape of Markdown": TOKEN.replace("_", "\\_"),
    "bold in Markdown": f"{TOKEN[:9]}**{TOKEN[9:15]}**{TOKEN[15:]}",
    "code in Markdown": f"{TOKEN[:9]}`{TOKEN[9:]}",
    "a Cyrillic letter": TOKEN.replace("p", "\u0440", 1),
    "a Cyrillic letter at its head": f"\u0261{TOKEN[1:]}",
    "Cyrillic letters and an unseen one": f"{TOKEN[:9]}\u0430\u200b\u0415{TOKEN[11:]}",
    "a Greek letter at its end": f"{TOKEN[:-1]}\u03bf",
    "in JSON": f'{{"a": "{TOKEN[:20]}\\u200b{TOKEN[20:]}"}}',
    "colours in JSON": f'{{"a": "{TOKEN[:20]}\\u001b[31m{TOKEN[20:]}"}}',
}


@pytest.mark.parametrize("text", UNSEEN.values(), ids=UNSEEN)
def test_unseen_characters_and_other_letters_hide_no_credential(text: str) -> None:
    """Nor does the place leave out a part of it, but for the colour before."""
    (place,) = find(f"use it: {text} please")
    assert place.kind == "github-token"
    assert place.length > len(TOKEN) - 8


def test_other_scripts_are_left_as_they_are() -> None:
    """Commas of Chinese, joiners of Persian and of emoji change nothing and cost no second reading."""
    for text in (
        "\u4f7f\u7528\uff0c\u5bc6\u7801\uff1a",
        "\u0645\u06cc\u200c\u062e\u0648",
        "\U0001f468\u200d\U0001f469",
        "caf\u00e9\nplain\ttext",
        "\u043c\u043e\u0440\u0435 (\u0441\u0435\u0440), api-\u043a\u0430",
        "2 ** 3, `a` and **b**, \\d \\\n\\begin",
    ):
        assert unseen(text) == []


SLOWEST = [one * 300_000 for one in ("\u0430", "a\u0430", "a**", "a`", "\\_", "a\\\n", "<wbr", "a\\\n" + " " * 40)]


def test_a_coloured_text_takes_little_time() -> None:
    """Whatever stands in it, a megabyte does."""
    for text in (
        "\x1b[" * 500_000,
        "\x1b]" * 500_000,
        "a\b" * 500_000,
        "a\uff22" * 500_000,
        "\u200b" * 1_000_000,
        *SLOWEST,
    ):
        start = time.process_time()
        unseen(text)
        assert time.process_time() - start < 10, text[:2]
