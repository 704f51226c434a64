"""Texts of the kinds that people pipe, with secrets in them that are made up."""

PASSWORD, OTHER_PASSWORD = "Zq1xKw81fPqL", "vT7-rrW.20mK"
TOKEN = "ghp_" + "x9Zk2Lm4Qp7Rt1Vw8Yb3Nc6Df5Gh0Js2Ka4W"
KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "\n".join("Qz8w" * 15 + f"{n:04}" for n in range(20))
    + "\n-----END PRIVATE KEY-----"
)

FILES = {
    "kubectl": f"""\
NAME      READY   STATUS    RESTARTS   AGE   IP            NODE
web-0     1/1     Running   0          3d    10.42.0.17    ip-10-0-3-7.eu-west-1.compute.internal
web-1     0/1     Error     14         3d    10.42.0.18    ip-10-0-3-8.eu-west-1.compute.internal
I1201 03:00:01.123456       1 main.go:42] connecting to postgres://app:{PASSWORD}@db-1.prod.corp:5432/app?sslmode=off
E1201 03:00:02.000001       1 main.go:57] "login failed" user="app" password="{PASSWORD}" host="db-1.prod.corp"
""",
    "journald": f"""\
Dec 01 03:00:00 web7 sshd[811]: Accepted publickey for bob from 203.0.113.7 port 40022 ssh2: ED25519 SHA256:abc
Dec 01 03:00:01 web7 app[812]: export GITHUB_TOKEN={TOKEN}
Dec 01 03:00:02 web7 app[812]: mail to Alice.Smith@corp.example and ALICE.SMITH@CORP.EXAMPLE failed
Dec 01 03:00:03 web7 kernel: IN=eth0 SRC=2001:db8::17 DST=fe80::1 LEN=60
""",
    "nginx": f"""\
203.0.113.7 - bob [01/Dec/2026:03:00:00 +0000] "GET /login?password={PASSWORD}&user=bob HTTP/1.1" 302 0 "-" "curl/8"
203.0.113.8 - - [01/Dec/2026:03:00:01 +0000] "GET /a%2Fb?t={TOKEN.replace("_", "%5F")} HTTP/1.1" 200 12 "-" "curl/8"
2026/12/01 03:00:02 [error] 7#7: *1 timed out, client: 203.0.113.7, server: api.corp.example, upstream: "http://10.0.0.3:80/"
""",
    "terraform": f"""\
  # aws_db_instance.main will be updated in-place
  ~ resource "aws_db_instance" "main" {{
      ~ password = "{PASSWORD}" -> "{OTHER_PASSWORD}"
        address  = "main.abcdef.eu-west-1.rds.amazonaws.com"
        id       = "123456789012"
    }}
""",
    "env": f"""\
# copied from <TOKEN_1> and PASSWORD_1, see host_1
DB_PASSWORD='{PASSWORD}'
export API_TOKEN="{TOKEN}"
SMTP_PASSWORD={OTHER_PASSWORD}
OWNER=bob@corp.example
""",
    "sql": f"""\
INSERT INTO u (name, mail, password, iban) VALUES ('Bob', 'bob@corp.example', '{PASSWORD}', 'DE89370400440532013000');
INSERT INTO u (name, mail, password, iban) VALUES ('Zo', 'zoe@corp.example', '{OTHER_PASSWORD}', 'DE89 3704 0044 0532');
""",
    "jsonl": f"""\
{{"level":"info","msg":"login","password":"{PASSWORD}","url":"https:\\/\\/bob:{PASSWORD}@db.corp.example\\/x"}}
{{"level":"error","msg":"token \\u003cTOKEN_1\\u003e or \\"{TOKEN}\\" rejected","ip":"10.1.2.3"}}
""",
    "yaml": f"""\
apiVersion: v1
kind: Secret
metadata: {{name: db}}
stringData:
  password: "{PASSWORD}"
  key: |
    {KEY.replace(chr(10), chr(10) + "    ")}
data:
  password: WnExeEt3ODFmUHFM
""",
    "diff": f"""\
--- a/app.env
+++ b/app.env
@@ -1,3 +1,3 @@
-password={PASSWORD}
+password={OTHER_PASSWORD}
 # &lt;HOST_1&gt; `WORD_1`\r
\\ No newline at end of file""",
}
