"""How many extracts of private tables the guard finds, and how many clean paragraphs it takes for private.

    python -m benchmarks.guard_units [tuned|held-out] [FOLDER...]

Tables of invented people, invoices, machines and the like are stored as private turns; `cut`, `awk`, `jq`, `sort`,
`column` and the like then take two columns out of them. False alarms are counted in other tables with the same
headers, in mails, logs and manifests, and in the files of folders: one half of them is private, the other is clean.
Each figure is given without the units of tables and identifiers, and with them. The rules were tuned on the subjects
`tuned` alone; what the documentation tells was measured on the subjects `held-out`.
"""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from trooper_cli.guard import overlap
from trooper_cli.guard.fingerprints import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = dict[str, str]

ROUNDS = 40
ROWS = 30
LARGEST = 100_000
MOST_FILES = 300
FIRST = """Anna Ben Clara David Emma Felix Greta Hans Ida Jonas Katrin Lukas Marie Nils Olga Paul Rosa Stefan Tina Uwe
    Vera Walter Yusuf Zoe James Mary Robert Linda Michael Susan Thomas Karen Priya Arjun Wei Ming Yuki Kenji
    Carlos Lucia Pierre Chloe Ivan Natasha Ahmed Fatima Lars Ingrid Mateo Sofia""".split()
STARTS = """Ba Be Bo Bra Da De Do Fe Fi Fra Ga Ge Gro Ha He Ho Ja Ka Ke Kla Kra La Le Lo Ma Me Mo Na Ne Pa Pe Ra Ro Sa
    Scha""".split()
MIDDLES = "bel der fen ger hel ker len mer nen rich ster tner wald wig zer man berg stein hard mann".split()
ENDS = ["", "er", "mann", "s", "ow", "ini", "sen", "ez"]
CITIES = "Berlin Hamburg Wien Graz Paris London Madrid Rome Oslo Lyon Turin Gent".split()


class Maker:
    """Makes rows by chance; the same seed makes the same."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.of = self.random.choice

    def last(self) -> str:
        return self.of(STARTS) + self.of(MIDDLES) + self.of(["", *MIDDLES]) + self.of(ENDS)

    def name(self) -> str:
        return f"{self.of(FIRST)} {self.last()}"

    def digits(self, count: int) -> str:
        return str(self.random.randrange(10 ** (count - 1), 10**count))

    def amount(self) -> str:
        return f"{self.random.randrange(1000, 99_000)}.{self.random.randrange(100):02}"

    def hexadecimal(self, count: int) -> str:
        return "".join(self.random.choices("0123456789abcdef", k=count))

    def day(self) -> str:
        return (
            f"{self.random.randrange(1950, 2027)}-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}"
        )


def staff(make: Maker) -> Row:
    name = make.last()
    return {
        "name": name,
        "city": make.of(CITIES),
        "salary": str(make.random.randrange(30_000, 140_000, 100)),
        "department": make.of(["Sales", "IT", "Finance", "Legal"]),
        "email": f"{make.of(FIRST).lower()}.{name.lower()}@{make.of(['corp', 'firm', 'acme'])}.de",
        "active": make.of(["yes", "no"]),
    }


def invoices(make: Maker) -> Row:
    return {
        "invoice": "R" + make.digits(5),
        "customer": f"{make.last()} {make.of(['GmbH', 'AG', 'Ltd', 'Inc'])}",
        "amount": make.amount(),
        "currency": make.of(["EUR", "USD"]),
        "due": make.day(),
        "status": make.of(["open", "paid", "overdue"]),
    }


def pods(make: Maker) -> Row:
    return {
        "NAME": f"{make.of(['web', 'api', 'auth', 'cart', 'mail'])}-{make.hexadecimal(9)}-{make.hexadecimal(5)}",
        "READY": "1/1",
        "STATUS": make.of(["Running", "Pending"]),
        "RESTARTS": str(make.random.randrange(4)),
        "AGE": f"{make.random.randrange(1, 90)}d",
        "IP": f"10.{make.random.randrange(256)}.{make.random.randrange(256)}.{make.random.randrange(1, 255)}",
        "NODE": f"node-{make.random.randrange(1, 9)}",
    }


def patients(make: Maker) -> Row:
    return {
        "patient": make.name(),
        "born": make.day(),
        "ward": make.of(["A1", "A2", "B1", "C3"]),
        "diagnosis": make.of("asthma gout lupus migraine anaemia sepsis eczema angina".split()),
        "insurance": make.of("KLMNP") + make.digits(9),
        "charge": str(make.random.randrange(200, 90_000)),
    }


def shipments(make: Maker) -> Row:
    return {
        "order": make.digits(6),
        "recipient": make.last(),
        "street": f"{make.last()}weg {make.random.randrange(1, 120)}",
        "zip": make.digits(5),
        "weight": f"{make.random.randrange(1, 40)}.{make.random.randrange(10)}",
        "value": str(make.random.randrange(1000, 60_000)),
        "carrier": make.of(["DHL", "UPS", "GLS"]),
    }


def processes(make: Maker) -> Row:
    return {
        "USER": make.of(["root", "www-data", "postgres", "anna"]),
        "PID": str(make.random.randrange(200, 60_000)),
        "CPU": f"{make.random.randrange(10)}.{make.random.randrange(10)}",
        "VSZ": str(make.random.randrange(2000, 900_000)),
        "RSS": str(make.random.randrange(900, 200_000)),
        "COMMAND": make.of(["nginx", "sshd", "cron", "postgres", "python3", "bash", "dockerd", "java"]),
    }


SUBJECTS: dict[str, dict[str, Callable[[Maker], Row]]] = {
    "tuned": {"staff": staff, "invoices": invoices, "pods": pods},
    "held-out": {"patients": patients, "shipments": shipments, "processes": processes},
}


def separated(delimiter: str) -> Callable[[list[Row]], str]:
    def write(rows: list[Row]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(row.values() for row in rows)
        return out.getvalue()

    return write


def markdown(rows: list[Row]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def psql(rows: list[Row]) -> str:
    widths = [max(len(key), *(len(row[key]) for row in rows)) for key in rows[0]]
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    made = [" " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    made.insert(1, "+".join("-" * (width + 2) for width in widths))
    return "\n".join(made) + f"\n({len(rows)} rows)\n"


def aligned(rows: list[Row]) -> str:
    widths = [max(len(key), *(len(row[key]) for row in rows)) + 3 for key in rows[0]]
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join("".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines) + "\n"


def as_json(rows: list[Row]) -> str:
    return json.dumps([_typed(row) for row in rows], indent=2)


def as_lines(rows: list[Row]) -> str:
    return "".join(json.dumps(_typed(row)) + "\n" for row in rows)


def _typed(row: Row) -> dict[str, object]:
    return {
        key: float(value) if value.replace(".", "", 1).isdigit() and value.count(".") < 2 else value
        for key, value in row.items()
    }


def yaml(rows: list[Row]) -> str:
    return "".join("- " + "\n  ".join(f"{key}: {value}" for key, value in row.items()) + "\n" for row in rows)


def listed(rows: list[Row]) -> str:
    return "\n".join("".join(f"{key}: {value}\n" for key, value in row.items()) for row in rows)


KINDS: dict[str, Callable[[list[Row]], str]] = {
    "csv": separated(","),
    "tsv": separated("\t"),
    "semicolons": separated(";"),
    "markdown": markdown,
    "psql": psql,
    "aligned": aligned,
    "json": as_json,
    "json lines": as_lines,
    "yaml": yaml,
    "key: value": listed,
}


def run(command: list[str], text: str) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603


def extracts(rows: list[Row], one: int, other: int) -> Iterator[tuple[str, str]]:
    """Return what tools make of two columns of rows: each tool with its output."""
    plain = separated(",")(rows).partition("\n")[2]
    tabbed = separated("\t")(rows).partition("\n")[2]
    values = json.dumps([_typed(row) for row in rows])
    first, last = list(rows[0])[one], list(rows[0])[other]
    low, high = sorted((one, other))
    yield "cut", run(["cut", "-d,", f"-f{low + 1},{high + 1}"], plain)
    yield "awk", run(["awk", "-F\t", f"{{print ${one + 1}, ${other + 1}}}"], tabbed)
    yield "awk | sort", run(["sort"], run(["awk", "-F\t", f"{{print ${other + 1}, ${one + 1}}}"], tabbed))
    yield "jq @csv", run(["jq", "-r", f".[] | [.{first}, .{last}] | @csv"], values)
    yield "jq", run(["jq", f".[] | {{{first}, {last}}}"], values)
    yield "jq -c", run(["jq", "-c", f"[.[] | {{{last}, {first}}}]"], values)
    yield "jq []", run(["jq", f".[] | [.{first}, .{last}]"], values)
    yield "column -t", run(["column", "-t", "-s,"], run(["cut", "-d,", f"-f{low + 1},{high + 1}"], plain))


def telling(subject: str, one: str, other: str) -> bool:
    """Return whether two columns of a subject are worth hiding: one tells who or what, the other what of it."""
    who = {
        "staff": {"name", "email"},
        "invoices": {"invoice", "customer"},
        "pods": {"NAME", "IP"},
        "patients": {"patient", "insurance"},
        "shipments": {"order", "recipient"},
        "processes": {"PID"},
    }[subject]
    common = {
        "city",
        "department",
        "active",
        "currency",
        "status",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "NODE",
        "ward",
    }
    common |= {"CPU", "USER", "COMMAND", "carrier", "weight", "diagnosis"}
    return bool({one, other} & who) and not {one, other} & common


def stored(texts: list[str], *, with_units: bool) -> Index:
    # One key for all: which runs are stored depends on it.
    with mock.patch("os.urandom", return_value=b"k" * 32):
        index = Index.in_memory()
    with _without(with_units=with_units):
        for number, text in enumerate(texts):
            index.add(index.marks([(text, False)], public=False), public=False, session=None, turn=number)
    return index


def _without(*, with_units: bool) -> mock._patch_default_new | mock._patch[object]:
    nothing: tuple[tuple[int, int, str], ...] = ()
    if with_units:
        return mock.patch.object(overlap, "RUN", overlap.RUN)
    return mock.patch.multiple(
        overlap,
        identifiers=lambda *_, **__: nothing,
        tables=mock.Mock(stored=lambda _: nothing, asked=lambda *_: nothing),
    )


def recall(half: str) -> None:
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    tools: list[str] = []
    for subject, row in SUBJECTS[half].items():
        for kind, write in KINDS.items():
            for seed in range(ROUNDS // 10):
                make = Maker(f"recall {subject} {kind} {seed}")
                rows = [row(make) for _ in range(ROWS)]
                before, after = (stored([write(rows)], with_units=with_units) for with_units in (False, True))
                keys = list(rows[0])
                for count in (1, 3, 10):
                    one, other = make.random.sample(range(len(keys)), 2)
                    chosen = make.random.sample(rows, count)
                    group = "telling" if telling(subject, keys[one], keys[other]) else "common"
                    for tool, text in extracts(chosen, one, other):
                        tools.append(tool)
                        with _without(with_units=False):
                            was = bool(before.find(text))
                        is_now = bool(after.find(text))
                        for what in (f"k = {count}", kind, tool, subject):
                            counted = counts[group, "all" if what.startswith("k") else "", what]
                            counted[0] += 1
                            counted[1] += was
                            counted[2] += is_now
    for (group, _, what), (size, was, now) in sorted(counts.items()):
        print(
            f"recall, {group:8} {what:12} {size:5} extracts  "
            f"before {100 * was / size:5.1f} %  after {100 * now / size:5.1f} %"
        )


MAIL = """From: {name} <{mail}>
To: {other} <{second}>
Subject: {subject}
Date: Mon, 3 Nov 2025 10:00:00 +0100

Hi {first},

please look at {ticket} before {day}, the customer waits. The offer was {amount} EUR in the end, call me
at {phone} if that is too much. See you in {city}.

Best regards,
{name}
"""
MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  namespace: {space}
  labels:
    app: {app}
    tier: {tier}
spec:
  replicas: {few}
  template:
    spec:
      containers:
        - name: {app}
          image: registry.example/{app}:{version}
          ports:
            - name: http
              containerPort: {port}
          resources:
            requests:
              cpu: {cpu}m
              memory: {memory}Mi
          env:
            - name: LOG_LEVEL
              value: {level}
            - name: TIMEOUT_MS
              value: "{timeout}"
"""
LOG = "2025-11-{d:02} {h:02}:{m:02}:{s:02},{ms:03} {level} [{thread}] {logger} - {text}"


def mail(make: Maker, side: str) -> str:
    name, other = make.name(), make.name()
    address = lambda who: f"{who.lower().replace(' ', '.')}@{side}{make.random.randrange(40)}.de"  # noqa: E731
    return MAIL.format(
        name=name,
        other=other,
        first=other.split()[0],
        mail=address(name),
        second=address(other),
        subject=make.of(["Offer", "Re: Offer", "Meeting on Monday", "Your question"]),
        ticket=f"{side.upper()}-{make.digits(4)}",
        day=make.of(["Monday", "Friday", "noon"]),
        amount=make.random.randrange(1000, 90_000, 100),
        phone=f"+49 {make.digits(3)} {make.digits(7)}",
        city=make.of(CITIES),
    )


def manifest(make: Maker, _: str) -> str:
    return MANIFEST.format(
        app=make.of("web api auth cart mail search billing worker proxy".split()),
        space=make.of(["default", "prod", "staging", "shop"]),
        tier=make.of(["frontend", "backend"]),
        few=make.random.randrange(1, 6),
        version=f"{make.random.randrange(4)}.{make.random.randrange(20)}.{make.random.randrange(9)}",
        port=make.of([8080, 3000, 5432, 9090, 8443, 4000, 7070]),
        cpu=make.of([100, 250, 500, 1000, 1500]),
        memory=make.of([64, 128, 256, 512, 1024, 2048]),
        level=make.of(["info", "debug"]),
        timeout=make.of([500, 1000, 1500, 3000, 5000, 30000]),
    )


def log(make: Maker, _: str) -> str:
    texts = (
        "request took {n} ms",
        "user {n} logged in",
        "GET /items/{n} 200",
        "cache miss for key {n}",
        "retry {n} of 5",
    )
    return "\n".join(
        LOG.format(
            d=make.random.randrange(1, 29),
            h=make.random.randrange(24),
            m=make.random.randrange(60),
            s=make.random.randrange(60),
            ms=make.random.randrange(1000),
            level=make.of(["INFO", "WARN", "DEBUG", "ERROR"]),
            thread=make.of(["main", "worker-1", "worker-2", "http-nio-8080-exec-3"]),
            logger=make.of(["c.a.web.Items", "c.a.Main", "o.s.web.Filter"]),
            text=make.of(texts).format(n=make.random.randrange(1, 99_999)),
        )
        for _ in range(20)
    )


def false_alarms(half: str, folders: list[Path]) -> None:
    sets: dict[str, tuple[list[str], list[str]]] = {}
    for subject, row in SUBJECTS[half].items():
        private, clean = [], []
        for texts, side in ((private, "private"), (clean, "clean")):
            for kind, write in KINDS.items():
                for seed in range(ROUNDS // 10):
                    make = Maker(f"{side} {subject} {kind} {seed}")
                    texts.append(write([row(make) for _ in range(ROWS)]))
        # Each row of a table is a paragraph here: much is at stake in each.
        sets[f"tables: {subject}"] = private, [part for text in clean for part in _rows(text)]
    for name, write_one in (("mails", mail), ("manifests", manifest), ("logs", log)):
        private = [write_one(Maker(f"{name} {number} private {half}"), "ops") for number in range(ROUNDS * 2)]
        clean = [write_one(Maker(f"{name} {number} clean {half}"), "dev") for number in range(ROUNDS * 2)]
        sets[name] = (
            private,
            [part for text in clean for part in (text.split("\n\n") if name == "mails" else text.splitlines())],
        )
    for folder in folders:
        texts = list(_files(folder))
        chosen = Maker("files").random
        chosen.shuffle(texts)
        # The halves of the files are stored in turn: what is private for one half of the rules is clean for the other.
        middle = len(texts) // 2
        private, others = (texts[:middle], texts[middle:]) if half == "tuned" else (texts[middle:], texts[:middle])
        sets[str(folder)] = private, [part for text in others for part in text.split("\n\n")]
    everything = [text for private, _ in sets.values() for text in private]
    for name, (private, parts) in {
        **sets,
        "all against all": (everything, [p for _, c in sets.values() for p in c]),
    }.items():
        hits = []
        for with_units in (False, True):
            index = stored(private, with_units=with_units)
            with _without(with_units=with_units):
                flagged = [bool(index.find(part)) for part in parts]
            hits.append(flagged)
        for part, was, now in zip(parts, *hits, strict=True):
            if now and not was and name != "all against all":
                print(f"{name}\t{_cause(private, part)!r}\t{part[:300]!r}", file=sys.stderr)
        before, after = (100 * sum(flagged) / max(1, len(parts)) for flagged in hits)
        print(f"false alarms, {name:28} {len(parts):6} paragraphs  before {before:6.3f} %  after {after:6.3f} %")


def _cause(private: list[str], part: str) -> set[str]:
    mine = {unit for _, _, unit in overlap._units(overlap.Form(part))}  # noqa: SLF001
    theirs = {unit for text in private for unit in overlap.tables.stored(text)}
    theirs |= {unit for text in private for _, _, unit in overlap.identifiers(text, stored=True)}
    return mine & theirs


def _rows(text: str) -> list[str]:
    return text.split("\n\n") if "\n\n" in text else text.splitlines()


def _files(folder: Path) -> Iterator[str]:
    make = Maker("files")
    paths = sorted(folder.rglob("*"))
    share = MOST_FILES / max(1, len(paths))
    for path in paths:
        try:
            if path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST:
                text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        # Some folders are large; their parts are enough.
        if make.random.random() < share:
            yield text


def size() -> None:
    for count in (100, 1000, 10_000):
        make = Maker(count)
        rows = [
            {f"{key}{copy}": value for copy in range(4) for key, value in shipments(make).items()} for _ in range(count)
        ]
        text = separated(",")([dict(list(row.items())[:20]) for row in rows])
        for with_units in (False, True):
            start = time.perf_counter()
            with _without(with_units=with_units):
                marks = Index.in_memory().marks([(text, False)], public=False)
            took = time.perf_counter() - start
            print(
                f"{count} rows of 20, {len(text) / 1e6:.2f} MB: "
                f"{'after' if with_units else 'before'} {took:.2f} s, {len(marks)} marks"
            )


def pace() -> None:
    tables = [separated(",")([staff(make) for _ in range(100)]) for make in map(Maker, range(20))]
    for name in ("argparse.py", "LICENSE.txt"):
        text = Path(subprocess.__file__).with_name(name).read_text(encoding="utf-8")[:10_000]
        times: dict[bool, list[float]] = {False: [], True: []}
        indexes = {with_units: stored(tables, with_units=with_units) for with_units in times}
        for _ in range(60):
            for with_units, index in indexes.items():
                with _without(with_units=with_units):
                    start = time.process_time()
                    index.find(text)
                    times[with_units].append(time.process_time() - start)
        before, after = (1e3 * min(times[with_units]) for with_units in (False, True))
        print(f"{name}, 10 kB: before {before:.2f} ms, after {after:.2f} ms")


if __name__ == "__main__":
    chosen_half = next((word for word in sys.argv[1:] if word in SUBJECTS), "held-out")
    pace()
    size()
    recall(chosen_half)
    false_alarms(chosen_half, [Path(word) for word in sys.argv[1:] if word not in SUBJECTS])
