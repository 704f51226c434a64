"""Credentials made up by chance from their formats, each in lines as people write them: none stands in this file."""

from __future__ import annotations

import base64
import random
import string
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"
URL = ALNUM + "_-"
B64 = ALNUM + "+/"
SYMBOLS = "!@#%^&*?+~"


class Maker:
    """Makes parts of credentials; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def of(self, letters: str, size: int) -> str:
        return "".join(self._random.choices(letters, k=size))

    def hex(self, size: int) -> str:
        return self.of(HEX, size)

    def base64(self, size: int) -> str:
        return base64.b64encode(self._random.randbytes(size)).decode()

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def word(self) -> str:
        return self._random.choice(("sommer", "dragon", "mallorca", "winter", "tiger", "hunter", "blaubeere", "monkey"))

    def password(self) -> str:
        """A password as people choose them: a word with figures and a sign, or letters by chance."""
        word, figures, sign = self.word(), self.of(string.digits, 3), self.of("!?#*", 1)
        chance = self.of(string.ascii_lowercase, 3) + self.of(ALNUM, 8) + self.of(string.digits, 1)
        return self._random.choice((word + figures, word.title() + figures + sign, chance, chance + sign))

    def jwt(self) -> str:
        head, body = ('{"alg":"HS256","typ":"JWT"}', '{"sub":"' + self.of(string.digits, 10) + '","name":"A. Person"}')
        parts = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (head, body)]
        return ".".join((*parts, self.of(URL, 43)))

    def pem(self, kind: str = "RSA ") -> str:
        body = base64.b64encode(
            b"\x30\x82\x04\xa4\x02\x01\x00\x02\x82\x01\x01\x00" + self._random.randbytes(600)
        ).decode()
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        return "\n".join((f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"))

    def choice(self, texts: tuple[str, ...]) -> str:
        return self._random.choice(texts)


def _assigned(name: str, secret: Callable[[Maker], str]) -> Callable[[Maker], tuple[str, str]]:
    """Write a secret in one of the ways in which a setting is given."""
    ways = (
        "export {upper}={secret}",
        '{upper}="{secret}"',
        '{name} = "{secret}"',
        "{name}: {secret}",
        "  {name}: '{secret}'",
        '{{"{name}": "{secret}", "other": 1}}',
        "const {camel} = '{secret}';",
        '+    {name}="{secret}",',
        'String {camel} = "{secret}";',
        '{camel} := "{secret}"',
        "os.environ['{upper}'] = '{secret}'",
    )

    def make(maker: Maker) -> tuple[str, str]:
        made = secret(maker)
        words = name.split("_")
        camel = words[0] + "".join(word.title() for word in words[1:])
        return maker.choice(ways).format(name=name, upper=name.upper(), camel=camel, secret=made), made

    return make


def _written(template: str, secret: Callable[[Maker], str]) -> Callable[[Maker], tuple[str, str]]:
    """Write a secret in one way; templates apart by `|||` are chosen from by chance."""

    def make(maker: Maker) -> tuple[str, str]:
        made = secret(maker)
        return maker.choice(tuple(template.split("|||"))).replace("SECRET", made), made

    return make


def _password(maker: Maker) -> str:
    return maker.password()


def _url_password(maker: Maker) -> str:
    return maker.password().replace("#", "%23").replace("?", "%3F")


KINDS: dict[str, Callable[[Maker], tuple[str, str]]] = {
    "aws id": _assigned("aws_access_key_id", lambda m: "AKIA" + m.of(UPPER, 16)),
    "aws secret": _assigned("aws_secret_access_key", lambda m: m.of(B64, 40)),
    "gcp api key": _assigned("google_api_key", lambda m: "AIza" + m.of(URL, 35)),
    "gcp service account": _written(
        '{"type": "service_account", "private_key": "SECRET\\n"}', lambda m: m.pem("").replace("\n", "\\n")
    ),
    "azure storage": _written(
        "DefaultEndpointsProtocol=https;AccountName=files;AccountKey=SECRET;EndpointSuffix=core.windows.net",
        lambda m: m.base64(64),
    ),
    "azure sas": _written(
        "https://a.blob.core.windows.net/c?sv=2022-11-02&sp=r&sig=SECRET&se=2024",
        lambda m: m.base64(32).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
    ),
    "azure client secret": _assigned("client_secret", lambda m: m.of(ALNUM, 3) + "8Q~" + m.of(ALNUM, 34)),
    "github": _assigned("github_token", lambda m: "gh" + m.of("pousr", 1) + "_" + m.of(ALNUM, 36)),
    "github pat": _assigned("token", lambda m: "github_pat_" + m.of(ALNUM, 22) + "_" + m.of(ALNUM, 59)),
    "gitlab": _assigned("gitlab_token", lambda m: "glpat-" + m.of(URL, 20)),
    "slack": _assigned(
        "slack_bot_token",
        lambda m: "xoxb-" + m.of(string.digits, 12) + "-" + m.of(string.digits, 12) + "-" + m.of(ALNUM, 24),
    ),
    "slack webhook": _written(
        "curl -d @- https://hooks.slack.com/services/SECRET",
        lambda m: "T" + m.of(UPPER, 8) + "/B" + m.of(UPPER, 8) + "/" + m.of(ALNUM, 24),
    ),
    "stripe": _assigned("stripe_key", lambda m: "sk_" + "live_" + m.of(ALNUM, 24)),
    "twilio key": _assigned("twilio_api_key", lambda m: "SK" + m.hex(32)),
    "twilio token": _assigned("twilio_auth_token", lambda m: m.hex(32)),
    "sendgrid": _assigned("sendgrid", lambda m: "SG." + m.of(URL, 22) + "." + m.of(URL, 43)),
    "mailgun": _assigned("mailgun_key", lambda m: "key-" + m.hex(32)),
    "npm": _assigned("npm_token", lambda m: "npm_" + m.of(ALNUM, 36)),
    "npmrc": _written(
        "//packages.example.org/:_authToken=SECRET", lambda m: m.choice((m.uuid(), "npm_" + m.of(ALNUM, 36)))
    ),
    "pypi": _written("password = SECRET", lambda m: "pypi-AgEIcHlwaS5vcmc" + m.of(URL, 120)),
    "docker token": _assigned("docker_pat", lambda m: "dckr_pat_" + m.of(URL, 27)),
    "docker config": _written('{"auths": {"https://index.docker.io/v1/": {"auth": "SECRET"}}}', lambda m: m.base64(22)),
    "digitalocean": _assigned("do_token", lambda m: "dop_v1_" + m.hex(64)),
    "heroku": _assigned("heroku_api_key", lambda m: m.uuid()),
    "vault": _assigned("vault_token", lambda m: "hvs." + m.of(URL, 90)),
    "terraform": _assigned("token", lambda m: m.of(ALNUM, 14) + ".atlasv1." + m.of(URL, 64)),
    "anthropic": _assigned("anthropic_api_key", lambda m: "sk-ant-api03-" + m.of(URL, 93) + "AA"),
    "openai": _assigned("openai_api_key", lambda m: "sk-proj-" + m.of(URL, 60) + "T3Blbk" + "FJ" + m.of(URL, 60)),
    "openai old": _assigned("key", lambda m: "sk-" + m.of(ALNUM, 20) + "T3Blbk" + "FJ" + m.of(ALNUM, 20)),
    "hugging face": _assigned("hf_token", lambda m: "hf_" + m.of(string.ascii_letters, 34)),
    "databricks": _assigned("databricks_token", lambda m: "dapi" + m.hex(32)),
    "datadog": _assigned("dd_api_key", lambda m: m.hex(32)),
    "grafana": _assigned("grafana", lambda m: "glsa_" + m.of(ALNUM, 32) + "_" + m.hex(8)),
    "sentry": _assigned("sentry", lambda m: "sntryu_" + m.hex(64)),
    "shopify": _assigned("shopify", lambda m: "shpat_" + m.hex(32)),
    "telegram": _assigned("bot", lambda m: m.of("123456789", 10) + ":AA" + m.of(URL, 33)),
    "discord": _assigned("discord_token", lambda m: "M" + m.of(ALNUM, 25) + "." + m.of(URL, 6) + "." + m.of(URL, 38)),
    "discord webhook": _written("https://discord.com/api/webhooks/112233445566778899/SECRET", lambda m: m.of(URL, 68)),
    "cloudflare": _assigned("cloudflare_api_token", lambda m: m.of(URL, 40)),
    "linear": _assigned("linear", lambda m: "lin_api_" + m.of(ALNUM, 40)),
    "notion": _assigned("notion", lambda m: "ntn_" + m.of(ALNUM, 46)),
    "atlassian": _assigned("jira_token", lambda m: "ATATT3" + m.of(URL, 186)),
    "okta": _assigned("okta_token", lambda m: "00" + m.of(URL, 40)),
    "new relic": _assigned("new_relic", lambda m: "NRAK-" + m.of(UPPER, 27)),
    "age": _written("# public key: age1\nSECRET", lambda m: "AGE-SECRET-KEY-1" + m.of(UPPER, 58)),
    "jwt": _assigned("session", lambda m: m.jwt()),
    "bearer": _written(
        "Authorization: Bearer SECRET|||curl -H 'Authorization: Bearer SECRET' https://a.example|||"
        'headers = {"Authorization": "Bearer SECRET"}',
        lambda m: m.of(ALNUM, 32),
    ),
    "basic": _written("Authorization: Basic SECRET|||-H 'authorization: Basic SECRET'", lambda m: m.base64(21)),
    "curl user": _written("curl -s -u admin:SECRET https://ci.local/job|||curl --user bob:SECRET http://h/", _password),
    "private key": _written("SECRET", lambda m: m.pem(m.choice(("RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED ")))),
    "private key indented": _written("tls:\n  key: |\nSECRET", lambda m: "    " + m.pem().replace("\n", "\n    ")),
    "private key cut": _written("SECRET", lambda m: "\n".join(m.pem("").splitlines()[:6])),
    "pgp": _written(
        "SECRET",
        lambda m: (
            f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{m.base64(300)}\n={m.base64(3)}"
            "\n-----END PGP PRIVATE KEY BLOCK-----"
        ),
    ),
    "putty": _written(
        "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPrivate-Lines: 2\nSECRET",
        lambda m: m.base64(48) + "\n" + m.base64(48),
    ),
    "connection string": _written(
        "postgres://app:SECRET@db.internal:5432/app|||DATABASE_URL=mysql://root:SECRET@10.0.0.5/shop|||"
        "mongodb+srv://u:SECRET@cluster0.abc.mongodb.net/?w=majority|||redis://:SECRET@cache:6379/0|||amqp://u:SECRET@mq//",
        _url_password,
    ),
    "jdbc": _written(
        "jdbc:postgresql://db/app?user=app&password=SECRET|||jdbc:sqlserver://h;user=sa;password=SECRET;", _url_password
    ),
    "odbc": _written(
        "Server=db;Database=app;Uid=sa;Pwd=SECRET;|||Driver={ODBC};Server=h;UID=sa;Password=SECRET", _password
    ),
    "netrc": _written(
        "machine github.com login bob password SECRET|||machine h\n  login bob\n  password SECRET", _password
    ),
    "pgpass": _written("db.internal:5432:app:bob:SECRET|||*:*:*:bob:SECRET", _password),
    "bcrypt": _written("admin:SECRET|||hash = 'SECRET'", lambda m: "$2b$12$" + m.of(ALNUM + "./", 53)),
    "crypt": _written(
        "root:SECRET:19000:0:99999:7:::|||SECRET", lambda m: "$6$" + m.of(ALNUM, 16) + "$" + m.of(ALNUM + "./", 86)
    ),
    "apr1": _written("bob:SECRET", lambda m: "$apr1$" + m.of(ALNUM, 8) + "$" + m.of(ALNUM + "./", 22)),
    "argon2": _written("SECRET", lambda m: "$argon2id$v=19$m=65536,t=3,p=4$" + m.of(B64, 22) + "$" + m.of(B64, 43)),
    "pbkdf2": _written("pw: SECRET", lambda m: "pbkdf2_sha256$600000$" + m.of(ALNUM, 22) + "$" + m.base64(32)),
    "scrypt": _written("SECRET", lambda m: "scrypt:32768:8:1$" + m.of(ALNUM, 16) + "$" + m.hex(128)),
    "password setting": _assigned("db_password", _password),
    "password": _written(
        'password "SECRET"|||password: SECRET|||password = SECRET|||PASSWORD=SECRET|||passwd="SECRET"|||'
        'pwd: "SECRET"|||'
        '"password": "SECRET"|||{"user":"bob","password":"SECRET"}|||Password: SECRET|||MYSQL_ROOT_PASSWORD: SECRET|||'
        "<password>SECRET</password>|||- POSTGRES_PASSWORD=SECRET|||spring.datasource.password=SECRET|||pass: SECRET|||"
        "-password: SECRET|||+  password: 'SECRET'|||'password' => 'SECRET',|||define('DB_PASSWORD', 'SECRET');|||"
        "setPassword(\"SECRET\")|||requirepass SECRET|||ansible_ssh_pass=SECRET|||ALTER USER a IDENTIFIED BY 'SECRET';",
        _password,
    ),
    "word as a password": _written(
        'password = "SECRET"|||PASSWORD=SECRET|||"password": "SECRET"|||DB_PASS=SECRET|||'
        "db.password=SECRET|||--password=SECRET",
        lambda m: m.word(),
    ),
    "password option": _written(
        "deploy --user bob --password SECRET|||./run --password=SECRET|||tool --db-password 'SECRET'|||"
        "openssl rsa -passin pass:SECRET -in k.pem",
        _password,
    ),
    "mysql -p": _written(
        "mysql -u root -pSECRET shop|||mysqldump -h db -u bob -p'SECRET'|||sshpass -p SECRET ssh h", _password
    ),
    "prose": _written(
        "the password is SECRET|||The password for the router is SECRET.|||my password is: SECRET|||"
        "Password is 'SECRET'|||"
        'I changed the password to SECRET yesterday|||use the password "SECRET" to log in',
        _password,
    ),
    "german": _written(
        "Das Passwort ist SECRET|||Passwort: SECRET|||Kennwort = SECRET|||Das Kennwort lautet SECRET", _password
    ),
    "french": _written(
        "mot de passe : SECRET|||le mot de passe est SECRET|||MDP=SECRET|||mot_de_passe = 'SECRET'", _password
    ),
    "spanish": _written(
        "contraseña: SECRET|||la contraseña es SECRET|||clave = 'SECRET'|||CONTRASENA=SECRET", _password
    ),
    "kubernetes": _written(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: SECRET\n|||"
        "apiVersion: v1\ndata:\n  token: SECRET\nkind: Secret\n",
        lambda m: m.base64(16),
    ),
    "wifi": _written(
        'network={\n  ssid="home"\n  psk="SECRET"\n}|||wpa_passphrase=SECRET|||WIFI:S:home;T:WPA;P:SECRET;;', _password
    ),
    "api key": _assigned("api_key", lambda m: m.choice((m.of(ALNUM, 32), m.hex(32), m.hex(40), m.of(URL, 43)))),
    "secret": _assigned("client_secret", lambda m: m.choice((m.of(ALNUM, 24), m.hex(64), m.base64(32)))),
    "token": _assigned("access_token", lambda m: m.choice((m.of(ALNUM, 40), m.hex(40), m.of(URL, 64)))),
    "secret key": _assigned("secret_key", lambda m: m.of(ALNUM + "!@#%^&*(-_=+)", 50)),
    "credential": _assigned("service_credential", lambda m: m.of(ALNUM, 32)),
    "gcp oauth": _assigned(
        "google", lambda m: m.choice(("GOCSPX-" + m.of(URL, 28), "ya29." + m.of(URL, 60), "1//0" + m.of(URL, 60)))
    ),
    "gcp key id": _written('{"type": "service_account", "private_key_id": "SECRET"}', lambda m: m.hex(40)),
    "jwk": _written('{"kty": "EC", "crv": "P-256", "d": "SECRET"}', lambda m: m.of(URL, 43)),
    "azure devops": _assigned("pat", lambda m: m.of(ALNUM, 72) + "AZDO" + m.of(ALNUM, 4)),
    "teams webhook": _written(
        "curl -d @- https://example.webhook.office.com/webhookb2/SECRET",
        lambda m: f"{m.uuid()}@{m.uuid()}/IncomingWebhook/{m.hex(32)}/{m.uuid()}",
    ),
    "mailchimp": _assigned("mailchimp", lambda m: f"{m.hex(32)}-us{m.of('123456789', 1)}"),
    "airtable": _assigned("airtable", lambda m: f"pat{m.of(ALNUM, 14)}.{m.hex(64)}"),
    "postman": _assigned("postman", lambda m: f"PMAK-{m.hex(24)}-{m.hex(34)}"),
    "cookie": _written(
        "Cookie: theme=dark; sessionid=SECRET|||cookie: lang=de; auth=SECRET", lambda m: m.of(ALNUM, 32)
    ),
}


def made(kind: str, count: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Yield texts of one kind, each with the credential it holds."""
    maker = Maker(sum(kind.encode()) * 1000 + seed)
    for _ in range(count):
        yield KINDS[kind](maker)
