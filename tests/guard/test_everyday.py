# ruff: noqa: E501, ISC004 -- texts as they are pasted
"""What people ask in public after a private turn, with nothing secret in it: how much of it is refused.

The private turns hold a log, a table, manifests, code and mails, each with what such texts have in common with others:
licences, traces of frameworks, keys, boilerplate of models. The asks share that with them and nothing else.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from trooper_cli.guard import credentials, text_keys
from trooper_cli.guard.fingerprints import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Trooper
    from tests.standin import Standin


MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:
"""
APACHE = """# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
"""
SPRING = """\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:885)
\tat javax.servlet.http.HttpServlet.service(HttpServlet.java:750)
\tat org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:227)
\tat java.base/java.lang.Thread.run(Thread.java:833)
"""
TRACEBACK = """Traceback (most recent call last):
  File "/usr/lib/python3.11/runpy.py", line 198, in _run_module_as_main
    return _run_code(code, main_globals, None,
  File "/usr/lib/python3/dist-packages/requests/adapters.py", line 519, in send
    raise ConnectionError(e, request=request)
"""
PROBES = """          livenessProbe:
            httpGet:
              path: /healthz
              port: 8080
            initialDelaySeconds: 10
            periodSeconds: 10
"""

# Prompt and answer of each private turn.
PRIVATE = [
    (
        "why do we lose requests?\n\n"
        "2026-03-02T08:15:01.221Z INFO  [main] c.kestrel.billing.Main - Started Main in 4.218 seconds\n"
        "2026-03-02T08:15:09.004Z ERROR [http-nio-8080-exec-3] c.kestrel.billing.Dunning - reminder for Pezgerow failed\n"
        'java.lang.NullPointerException: Cannot invoke "String.length()" because "iban" is null\n'
        "\tat com.kestrel.billing.Dunning.remind(Dunning.java:118)\n"
        + SPRING
        + "2026-03-02T08:15:09.120Z WARN  [HikariPool-1 housekeeper] HikariPool - Thread starvation or clock leap detected\n"
        "ORA-00942: table or view does not exist\n"
        "2026-03-02T08:16:00.000Z INFO  [scheduler] - GET /api/v1/health 200 OK 12 ms\n",
        "The reminder for Pezgerow failed because the IBAN is missing.\n\nHere is what you can do:\n\n"
        "1. Check the input data.\n2. Add a null check.\n3. Restart the service.\n\nLet me know if you need more help!",
    ),
    (
        "sum up the salaries\n\nname,city,department,salary,active,start_date\nHuberling,Berlin,Sales,84512,yes,2019-04-01\n"
        "Krahmann,Hamburg,IT,71240,no,2020-01-01\nLodertner,Berlin,Sales,93370,yes,2018-07-15\n",
        "The total is 249122.\n\n| name | salary |\n|---|---|\n| Huberling | 84512 |\n\n"
        "Would you like a chart of this as well?",
    ),
    (
        "review this manifest\n\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: kestrel-billing\n"
        "  namespace: production\n  labels:\n    app: kestrel-billing\n    app.kubernetes.io/managed-by: Helm\nspec:\n"
        "  replicas: 3\n  selector:\n    matchLabels:\n      app: kestrel-billing\n  template:\n    spec:\n"
        "      containers:\n        - name: kestrel-billing\n          image: harbor.kestrel.lan/billing:4.18.2\n"
        "          imagePullPolicy: IfNotPresent\n          ports:\n            - containerPort: 8080\n"
        + PROBES
        + "          resources:\n            requests:\n              cpu: 100m\n              memory: 128Mi\n"
        "            limits:\n              cpu: 500m\n              memory: 512Mi\n",
        "This looks good to me. I would only set a readiness probe.\n\n```yaml\nreadinessProbe:\n  httpGet:\n"
        "    path: /ready\n    port: 8080\n```",
    ),
    (
        "what does this code do?\n\n" + APACHE + "\nimport argparse\nimport json\nimport logging\nimport sys\n"
        "from pathlib import Path\n\nlogger = logging.getLogger(__name__)\n\n\ndef dunning_fee(days: int) -> float:\n"
        "    return 4.75 if days > 21 else 0.0\n\n\ndef main() -> int:\n    parser = argparse.ArgumentParser(description=__doc__)\n"
        '    parser.add_argument("--verbose", action="store_true", help="print debug messages")\n'
        '    args = parser.parse_args()\n    return 0\n\n\nif __name__ == "__main__":\n    sys.exit(main())\n',
        "The function computes a fee of 4.75 after 21 days.\n\nHere is the corrected code:\n\n```python\n"
        "def dunning_fee(days: int) -> float:\n    return 4.75 if days >= 21 else 0.0\n```",
    ),
    (
        'find the mistake\n\nversion: "3.8"\nservices:\n  db:\n    image: postgres:16-alpine\n    restart: unless-stopped\n'
        '    environment:\n      POSTGRES_USER: kestrel\n      POSTGRES_DB: billing\n    ports:\n      - "5432:5432"\n'
        "    volumes:\n      - pgdata:/var/lib/postgresql/data\n    healthcheck:\n"
        '      test: ["CMD-SHELL", "pg_isready -U postgres"]\n      interval: 10s\n      timeout: 5s\n      retries: 5\n',
        "The volume pgdata is not declared. Add this at the end of the file:\n\n```yaml\nvolumes:\n  pgdata:\n```",
    ),
    (
        "optimise\n\nCREATE TABLE debtors (\n    id BIGSERIAL PRIMARY KEY,\n    name VARCHAR(255) NOT NULL,\n"
        "    iban VARCHAR(34),\n    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,\n"
        "    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP\n);\n"
        "SELECT name, sum(amount) FROM debtors JOIN dunnings ON debtors.id = dunnings.debtor_id GROUP BY name;\n",
        "Create an index on dunnings.debtor_id:\n\nCREATE INDEX CONCURRENTLY idx_dunnings_debtor ON dunnings (debtor_id);",
    ),
    (
        "answer this mail\n\nFrom: Ottilie Kern <ottilie.kern@kestrel-billing.at>\nSubject: Re: OPS-4821 and the vault\n\n"
        "Hi,\n\nplease call me at (628) 731-9942 before Monday, the audit is in room 12.\n\n"
        "Thank you very much in advance for your help.\nBest regards,\nOttilie\n",
        "Dear Ottilie,\n\nThank you for your message. I will call you on Friday.\n\nKind regards,\n[Your name]",
    ),
    (
        "what is wrong?\n\n"
        + TRACEBACK
        + "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='vault.kestrel.lan', "
        "port=8200): Max retries exceeded with url: /v1/sys/health (Caused by NewConnectionError("
        "'<urllib3.connection.HTTPSConnection object at 0x7f3a1c2d4e50>: Failed to establish a new connection: "
        "[Errno 111] Connection refused'))\nMakefile:12: recipe for target 'all' failed\nmake: *** [all] Error 1\n"
        "npm ERR! code ELIFECYCLE\nnpm ERR! errno 1\n",
        "The host refuses the connection. Make sure that the service is running and that the port is open.",
    ),
    (
        "write a commit message\n\ndiff --git a/src/billing.py b/src/billing.py\nindex 3f2a1bc..9d8e7f6 100644\n"
        "--- a/src/billing.py\n+++ b/src/billing.py\n@@ -1,6 +1,7 @@\n from __future__ import annotations\n \n"
        "-from typing import Any, Optional\n+from typing import TYPE_CHECKING, Any, Optional\n"
        '+"""' + MIT + '"""\n-FEE = 4.5\n+FEE = 4.75\n',
        "Raise the dunning fee to 4.75\n\nThe old fee did not cover the costs of a letter.",
    ),
]

PUBLIC = [
    # Licences and headers.
    "is this compatible with the GPL?\n\n" + MIT,
    "add this header to a Go file\n\n" + APACHE,
    "what does this licence allow?\n\nMIT License\n\nCopyright (c) 2024 Jane Doe\n\n" + MIT,
    "SPDX-License-Identifier: Apache-2.0\n\nwhat is that line for?",
    # Traces and messages of libraries.
    "why?\n\njava.lang.IllegalStateException: getWriter() has already been called\n" + SPRING,
    "explain\n\norg.hibernate.LazyInitializationException: could not initialize proxy - no Session\n" + SPRING,
    "what is this?\n\n" + TRACEBACK + "requests.exceptions.SSLError: certificate verify failed",
    "ORA-00942: table or view does not exist",
    "what does ORA-00942 mean?",
    "HikariPool - Thread starvation or clock leap detected\nshould I worry?",
    "[Errno 111] Connection refused",
    "Failed to establish a new connection: [Errno 111] Connection refused",
    "how do I fix `npm ERR! code ELIFECYCLE`?\n\nnpm ERR! code ELIFECYCLE\nnpm ERR! errno 1",
    "make: *** [all] Error 1",
    "Makefile:12: recipe for target 'all' failed\nmake: *** [all] Error 1\nwhy?",
    'java.lang.NullPointerException: Cannot invoke "String.length()" because "name" is null\n\tat Main.main(Main.java:3)',
    "error TS2322: Type 'string' is not assignable to type 'number'. src/app.ts:18:5",
    "error CS8618: Non-nullable property must contain a non-null value when exiting constructor",
    "urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='packages.example.org', port=443): Max retries exceeded with url",
    "Max retries exceeded with url: /simple/ (Caused by NewConnectionError('Failed to establish a new connection'))",
    # Lines of logs.
    "what is the format of a line like\n2026-03-02T08:15:01.221Z INFO  [main] o.s.b.Main - Started Main in 4.218 seconds",
    "write a regex for: 2026-03-02T08:16:00.000Z INFO - GET /api/v1/health 200 OK 12 ms",
    "ERROR [http-nio-8080-exec-3] what is the name in the brackets?",
    "is `Thread starvation or clock leap detected` a problem?",
    # Manifests and configuration.
    "explain each key\n\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels:\n    app: web\nspec:\n"
    "  replicas: 3\n  selector:\n    matchLabels:\n      app: web\n",
    "is this probe right?\n\n" + PROBES,
    "are these limits sensible?\n\nresources:\n  requests:\n    cpu: 100m\n    memory: 128Mi\n  limits:\n    cpu: 500m\n"
    "    memory: 512Mi\n",
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: production\nspec:\n  ports:\n    - port: 80\n"
    "      targetPort: 8080\n",
    "readinessProbe:\n  httpGet:\n    path: /ready\n    port: 8080\n\nand what about startupProbe?",
    "what does imagePullPolicy: IfNotPresent do?",
    "app.kubernetes.io/managed-by: Helm",
    'services:\n  db:\n    image: postgres:16-alpine\n    restart: unless-stopped\n    ports:\n      - "5432:5432"\n',
    'healthcheck:\n  test: ["CMD-SHELL", "pg_isready -U postgres"]\n  interval: 10s\n  timeout: 5s\n  retries: 5\n',
    "    volumes:\n      - pgdata:/var/lib/postgresql/data\n\nhow do I back that up?",
    "volumes:\n  pgdata:\n",
    # SQL.
    "CREATE TABLE users (\n    id BIGSERIAL PRIMARY KEY,\n    name VARCHAR(255) NOT NULL,\n"
    "    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP\n);\n",
    "created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP",
    "what does CREATE INDEX CONCURRENTLY do?",
    "SELECT name, sum(amount) FROM orders GROUP BY name;",
    # Code.
    "import argparse\nimport json\nimport logging\nimport sys\nfrom pathlib import Path\n\nsort these imports",
    "logger = logging.getLogger(__name__)\n\nwhy __name__?",
    'if __name__ == "__main__":\n    sys.exit(main())\n',
    'parser = argparse.ArgumentParser(description=__doc__)\nparser.add_argument("--verbose", action="store_true")',
    'parser.add_argument("--verbose", action="store_true", help="print debug messages")',
    "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING, Any, Optional\n",
    "diff --git a/README.md b/README.md\nindex 1a2b3c4..5d6e7f8 100644\n--- a/README.md\n+++ b/README.md\n@@ -1,6 +1,7 @@\n",
    # Tables of others.
    "name,city,department,salary,active,start_date\n\nwrite a pandas schema for these columns",
    "name,city,department,salary,active\nWagenbach,Berlin,Sales,51230,yes\nZollinger,Hamburg,IT,62385,no\n",
    "| name | salary |\n|---|---|\n| Jones | 51000 |\n\nformat this as LaTeX",
    # What models say, pasted on.
    "Here is the corrected code:\n\n```python\nprint(1)\n```\n\nIs that right?",
    "Here is what you can do:\n\n1. Check the input data.\n2. Add a null check.\n\nexpand the list",
    "Let me know if you need more help!\n\nsay this more formally",
    "Would you like a chart of this as well?",
    "This looks good to me.",
    "Make sure that the service is running and that the port is open.",
    # Mails.
    "Hi,\n\nThank you very much in advance for your help.\nBest regards,\nJane\n\nis this polite?",
    "Thank you for your message. I will call you on Friday.\n\ntranslate into French",
    "Kind regards,\n[Your name]",
    # Questions.
    "what is port 8080 used for, and 5432?",
    "why do we lose requests behind a load balancer?",
    "how do I write a commit message?",
    "how do I sum up the salaries in a spreadsheet?",
    "what is a dunning fee?",
    "how do I cast VARCHAR(34) to text in Postgres 16?",
]
# Of these so many are refused, of 34 before boilerplate was known; more is a step back, fewer may be put here.
MOST_REFUSED = 5


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    index = Index.in_memory()
    for prompt, answer in PRIVATE:
        names = [text_keys.of_prompt(prompt), text_keys.of_answer(answer), *text_keys.loose_keys(prompt, answer)]
        marks = index.marks([(prompt, False), (answer, True)], public=False, names=names)
        index.add(marks, public=False, session=None, turn=None)
    yield index
    index.close()


def test_few_everyday_asks_are_refused(index: Index) -> None:
    """The ceiling is what was measured."""
    refused = [text for text in PUBLIC if index.find(text) or credentials.find(text)]
    assert len(PUBLIC) >= 60
    assert len(refused) <= MOST_REFUSED, refused


@pytest.mark.parametrize(
    "leak",
    [
        SPRING + "\tat com.kestrel.billing.Dunning.remind(Dunning.java:118)\n2026-03-02T08:15:09.004Z ERROR "
        "[http-nio-8080-exec-3] c.kestrel.billing.Dunning - reminder for Pezgerow failed\n" + SPRING,
        "\tat com.kestrel.billing.Dunning.remind(Dunning.java:118)\n" + SPRING,
        MIT.replace("\n", " ")
        + "Raise the dunning fee to 4.75, the old fee did not cover the costs of a letter. "
        + MIT,
        PROBES + "image: harbor.kestrel.lan/billing:4.18.2\nnamespace: production name: kestrel-billing\n"
        "  namespace: production\n  labels:\n    app: kestrel-billing",
        "Best regards,\nOttilie Kern <ottilie.kern@kestrel-billing.at>",
        "Here is the corrected code:\n```\ndef dunning_fee(days: int) -> float:\n    return 4.75 if days >= 21 else 0.0\n```",
        "resources: limits: cpu: 500m\nKrahmann,71240",
        "please close ops 4821",
        "Thank you for your message. Call 6287319942!",
    ],
)
def test_what_stands_beside_boilerplate_is_refused(index: Index, leak: str) -> None:
    """A private line among licences, frames and skeletons, which are no secret themselves."""
    assert index.find(leak)


def test_a_licence_and_a_trace_pass_at_the_command(trooper: Trooper, cloud: Standin) -> None:
    """After a private turn that held both; its own lines do not."""
    private = f"{APACHE}\nRATES = {{'Pezgerow': 71240}}\n{SPRING}"
    assert trooper("ask", "--local", "what is this?", stdin=private).code == 0
    assert trooper("ask", "which licence is it?", stdin=APACHE).code == 0
    assert trooper("ask", "whose frames are these?", stdin=SPRING).code == 0
    assert len(cloud.bodies) == 2
    assert (
        trooper(
            "ask", "--local", "look", stdin="The northern branch pays its contractors out of the marzipan fund."
        ).code
        == 0
    )
    done = trooper(
        "ask", "look", stdin=f"{APACHE}\nThe northern branch pays its contractors out of the marzipan fund.\n{SPRING}"
    )
    assert done.code == 77
    assert len(cloud.bodies) == 2


SNIPPETS = [
    "The quick brown fox jumps over the lazy dog",
    "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n"
    'EXPOSE 8080\nCMD ["python", "app.py"]\n',
    'import csv\n\nwith open(path, newline="") as f:\n    reader = csv.DictReader(f)\n    for row in reader:\n',
    '  "scripts": {\n    "start": "node index.js",\n    "test": "jest"\n  },\n',
    "for i in range(10): print(i)",
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_what_everybody_pastes_passes(snippet: str) -> None:
    """A prompt and an answer held it among other lines."""
    with closing(Index.in_memory()) as index:
        ledger = "the ledger of the northern branch is closed by Achterberg"
        text = f"HOLLANDER = 83251\n\n{snippet}\n\n{ledger}"
        index.add(index.marks([(text, False), (text, True)], public=False), public=False, session=None, turn=0)
        assert index.find(f"what is this?\n\n{snippet}") == []
        assert index.find(f"{snippet}\n{ledger}\n{snippet}")


SECRET = (
    "The quarterly settlement with Brunnhilde Achterberg was raised to nine hundred thousand guilders in Maastricht"
)
CODE = 'owed = settle_with("Brunnhilde Achterberg", guilders=917442, reason="arbitration, sealed by court order")'
CAMEL = "".join(map(str.capitalize, SECRET.split()))
LIBRARY = 'File "/usr/lib/python3.11/json/decoder.py", line 337, in'
DISGUISES = {
    "a code line": f"  {LIBRARY} decode\n    {SECRET}",
    "a code line of a package": f'  File "/usr/lib/python3.11/site-packages/ledger/engine.py", line 3, in settle\n    {CODE}',
    "a function": f"  {LIBRARY} {SECRET.replace(' ', '_')}",
    "a file": LIBRARY.replace("decoder", SECRET.replace(" ", "_")) + " decode",
    "a method": f"\tat org.apache.catalina.{SECRET.replace(' ', '_')}(Foo.java:3)",
    "classes": f"\tat org.springframework.{SECRET.replace(' ', '.')}(Foo.java:3)",
    "inner classes": f"\tat java.util.{SECRET.replace(' ', '$')}.run(Thread.java:833)",
    "one class": f"\tat java.base/java.lang.{CAMEL}.run(Thread.java:833)",
    "a file's name": f"\tat java.base/java.lang.Thread.run({CAMEL}.java:833)",
    "a module": f"\tat app//java.lang.{CAMEL}/java.lang.Thread.run(Thread.java:833)",
    "frames of a word each": "\n".join(f"\tat java.{word}.{word}({word}.java:8)" for word in SECRET.split())
    + f"\n\tat java.{SECRET.replace(' ', '_')}(Thread.java:833)",
    "node": f"    at {SECRET[:60]} (node:internal/a:3:4)",
    "node's file": f"    at Module.load (node:internal/{SECRET.replace(' ', '/')}:3:4)",
}


@pytest.mark.parametrize("frame", DISGUISES.values(), ids=DISGUISES)
def test_a_frame_excuses_no_other_text(frame: str) -> None:
    """Whatever the place within it, and among frames that are known."""
    with closing(Index.in_memory()) as other:
        for number, text in enumerate((f"{SECRET}\n{CODE}\n{TRACEBACK}", SPRING)):
            other.add(other.marks([(text, False)], public=False), public=False, session=None, turn=number)
        assert other.find(frame)
        assert other.find(f"{SPRING}{frame}\n{SPRING}")
        assert other.find(f"{TRACEBACK}{frame}\n{TRACEBACK}")


def test_a_frame_excuses_no_other_text_at_the_command(trooper: Trooper, cloud: Standin) -> None:
    """Nothing reaches the cloud."""
    assert trooper("ask", "--local", "why?", stdin=f"{SECRET}\n{CODE}").code == 0
    for frame in DISGUISES.values():
        done = trooper("ask", "explain", stdin=frame)
        assert (done.code, done.out) == (77, b"")
    assert cloud.connections == 0


@pytest.mark.parametrize("name", ["Achterbe", "Pezgerowski", "Hollander-Vries", "84513377", "DE893704"])
@pytest.mark.parametrize(
    "around",
    [
        "livenessProbe: httpGet: path: /healthz port: {} initialDelaySeconds: 10 periodSeconds: 10 timeoutSeconds: 5",
        "Here is the corrected code: {} Let me know if you need more help! Would you like me to",
        "Permission is hereby granted, free of charge, to any person {} obtaining a copy of this software and associated",
        "Thank you for your message. {}, thank you very much in advance for your help. Kind regards,",
        SPRING.replace("885", "{}"),
        TRACEBACK.replace("198", "{}"),
    ],
)
def test_a_name_or_an_account_within_boilerplate_is_refused(name: str, around: str) -> None:
    """From eight letters or digits on, whatever stands before and after."""
    with closing(Index.in_memory()) as index:
        text = around.replace("{}", name)
        index.add(index.marks([(text, False)], public=False), public=False, session=None, turn=0)
        assert index.find(text)
        assert index.find(f"what is that?\n\n{text}\n")
