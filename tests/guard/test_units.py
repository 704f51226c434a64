"""Columns of private tables, and short secrets as they are printed."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import time
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trooper_cli.guard import tables, units
from trooper_cli.guard.fingerprints import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Trooper
    from tests.standin import Standin

STAFF = """name,city,salary,active
Huberling,Berlin,84512,yes
Krahmann,Berlin,71240,no
Lodertner,Hamburg,93370,yes
Pezgerow,Hamburg,68815,yes
Scharichs,Berlin,77031,no
"""
COMMON = """name,city,salary,active
Wagenbach,Berlin,51230,yes
Zollinger,Hamburg,62385,no
Oberndorf,Berlin,48855,yes
"""


def run(command: list[str], text: str) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def as_json(text: str) -> str:
    return json.dumps(list(csv.DictReader(io.StringIO(text))), indent=1)


EXTRACTS = {
    "cut": ["cut", "-d,", "-f1,3"],
    "awk": ["awk", "-F,", "{print $1, $3}"],
    "awk, turned": ["awk", "-F,", "{print $3, $1}"],
    "sort": ["sh", "-c", "cut -d, -f1,3 | sort -t, -k2"],
    "column": ["sh", "-c", "cut -d, -f1,3 | column -t -s,"],
    "grep": ["sh", "-c", "cut -d, -f1,3 | grep Krah"],
}
JSON_EXTRACTS = {
    "jq @csv": ["jq", "-r", ".[] | [.name, .salary] | @csv"],
    "jq @tsv": ["jq", "-r", ".[] | [.name, .salary] | @tsv"],
    "jq": ["jq", ".[] | {salary, name}"],
    "jq -c": ["jq", "-c", "[.[] | {name, salary}]"],
    "jq []": ["jq", ".[] | [.name, .salary]"],
}


def index_of(*texts: str) -> Index:
    index = Index.in_memory()
    for text in texts:
        index.add(index.marks([(text, False)], public=False), public=False, session=None, turn=None)
    return index


@pytest.fixture(scope="module")
def staff() -> Iterator[Index]:
    index = index_of(STAFF)
    yield index
    index.close()


class TestPipe:
    """`trooper ask --local` with a table, then two columns of it into `trooper ask`."""

    @pytest.mark.parametrize("command", EXTRACTS.values(), ids=EXTRACTS)
    def test_two_columns_are_not_piped_on(self, trooper: Trooper, cloud: Standin, command: list[str]) -> None:
        """Exit 77, and no connection to the cloud."""
        assert trooper("ask", "--local", "look", stdin=STAFF).code == 0
        done = trooper("ask", "sum up", stdin=run(command, STAFF.partition("\n")[2]))
        assert (done.code, done.out) == (77, b"")
        assert "Krahmann" not in done.notices
        assert cloud.connections == 0

    @pytest.mark.parametrize("command", JSON_EXTRACTS.values(), ids=JSON_EXTRACTS)
    def test_nor_are_two_fields_of_json(self, trooper: Trooper, cloud: Standin, command: list[str]) -> None:
        """Whatever jq makes of them, and whether the private turn had them as JSON or as CSV."""
        assert trooper("ask", "--local", "look", stdin=STAFF).code == 0
        assert trooper("ask", "sum up", stdin=run(command, as_json(STAFF))).code == 77
        assert cloud.connections == 0

    def test_short_secrets_are_not_piped_on(self, trooper: Trooper, cloud: Standin) -> None:
        """An account number of a private turn, printed in another way."""
        assert trooper("ask", "--local", "pay to DE89 3704 0044 0532 0130 00, see OPS-1234").code == 0
        assert trooper("ask", "whose is DE89-3704-0044-0532-0130-00?").code == 77
        assert trooper("ask", "close OPS-1234").code == 77
        assert trooper("ask", "close ops 1234").code == 77
        assert cloud.connections == 0

    def test_another_table_passes(self, trooper: Trooper, cloud: Standin) -> None:
        """The same headers, cities and answers of other people are no leak, and what is public is none either."""
        assert trooper("ask", "--local", "look", stdin=STAFF).code == 0
        assert trooper("ask", "sum up", stdin=COMMON).code == 0
        assert trooper("ask", "name, city, salary, active: Berlin yes, Hamburg no").code == 0
        assert len(cloud.bodies) == 2


DASHED = [
    "219-45-6712",
    "4012-8888-8888-1881",
    "DE89-3704-0044-0532-0130-00",
    "+49-30-8812-4471",
    "OPSX-4471",
    "M-AB 1234",
    "(628) 731-9942",
]
OTHER_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"
# Minus signs, bullets, lines of frames and macrons, and letters of other scripts; those of the category Pd beside them.
STROKES = (
    "\u02d7\u2043\u207b\u208b\u2212\u2500\u2501\u2504\u254c\u2550"
    "\u2574\u2796\u23af\xaf\u203e\u06d4\u2cba\u0640\u30fc\u3161\u4e00\uff70"
)
ALL_DASHES = [one for one in map(chr, range(0x80, sys.maxunicode + 1)) if unicodedata.category(one) == "Pd"]
MAILS = [
    "hollander@hxq.de:secret",
    "_hollander@hxq.de_",
    "/home/hollander@hxq.de",
    "hollander @ hxq.de",
    "hollander@hxq.de/inbox",
    "imap://hollander@hxq.de:993/",
    "mailto:hollander@hxq.de",
]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("DE89370400440532013000", "DE89-3704-0044-0532-0130-00"),
        ("4539 1488 0343 6467", "4539148803436467"),
        ("4539148803436467", "4539-1488-0343-6467"),
        ("jane.roe@clinic.org", "JANE.ROE@clinic.org"),
        ("+49 170 1234567", "0170/1234567"),
        ("+49 (0)30 123456-78", "030 12345678"),
        ("(415) 555-2671", "415-555-2671"),
        ("06 12 34 56 78", "+33 6 12 34 56 78"),
        ("OPS-1234", "OPS-1234"),
        ("M-AB 1234", "M-AB 1234"),
        ("OPS-4821", "OPS4821"),
        ("OPS-4821", "ops 4821"),
        ("OPS-4821", "Ops_4821"),
        ("OPS-4821", "ops#4821"),
        ("INC-2024-0012", "inc 2024 0012"),
        ("X5T-4821", "x5t 4821"),
        ("B-MW 4711", "BMW4711"),
        ("B-MW 4711", "bmw 4711"),
        ("B-MW 4711", "b mw 4711"),
        ("(628) 731-9942", "(628)7319942"),
        ("(628) 731-9942", "6287319942"),
        ("(628) 731-9942", "+1 628 731 9942"),
        ("(628)7319942", "1-628-731-9942"),
        ("6287319942", "628.731.9942"),
        ("Huberling;(628) 731-9942;yes", "6287319942"),
        ("Huberling\t6287319942\tyes", "(628) 731-9942"),
        ("4;6287319942;yes", "tel:+16287319942"),
        ("4,6287319942,yes", "628-731-9942"),
        ("+48 601 234 567", "48 601 234 567"),
        ("+48 601 234 567", "https://wa.me/48601234567"),
        ("+48 601 234 567", "601234567"),
        ("+48601234567", "tel=48-601-234-567&x"),
        ("+1 415 555 2671", "https://wa.me/14155552671?text=hi"),
        ("+1 415 555 2671", "1 (415) 555-2671"),
        ("4539 1488 0343 6467", "4539x1488x0343x6467"),
        ("BRW-48213", "feature/brw_48213_fix"),
        *(
            ("DE89 3704 0044 0532 0130 00", "DE" + "".join(chr(zero + int(one)) for one in "89370400440532013000"))
            for zero in (0x660, 0x966, 0x6F0)
        ),
        ("078-05-1120", "078051120"),
        ("078051120", "078-05-1120"),
        ("Huberling;078-05-1120;yes", "078 05 1120"),
        ("ottilie.kern@clinic.example", "Ottilie.Kern@clinic.example"),
        *((number, number.replace("-", dash)) for number in DASHED for dash in OTHER_DASHES),
        *((number.replace("-", dash), number) for number in DASHED for dash in OTHER_DASHES[:3]),
        *((number, number.replace("-", mark)) for number in DASHED[:5] for mark in "./_"),
        ("+49 30 8812 4471", "+49_30_8812_4471"),
        ("OPSX-4471", "OPSX: 4471"),
        ("DE89 3704 0044 0532 0130 00", "DE89\xa03704\xa00044\xa00532\xa00130\xa000"),
        ("ES91 2100 0418 4502 0005 1332 was", "ES9121000418450200051332.html"),
        *(("hollander@hxq.de", asked) for asked in MAILS),
        ("_hollander@hxq.de_", "hollander@hxq.de"),
        ("OPSX-4471\u2014closed", "opsx4471"),
        ("Hollander\u2013030 8812 4471", "03088124471"),
        ("hollander@hxq.de:hunter", "hollander@hxq.de"),
    ],
)
def test_a_short_secret_is_found_in_any_notation(stored: str, asked: str) -> None:
    """Blanks, dashes, capitals and the code of the country do not count."""
    index = index_of(f"please note {stored}, thanks")
    assert index.find(f"what is {asked} about?")


NOTATIONS = [
    ["DE89370400440532013000", "DE 89 370400440 532013000", "DE89 37040044 0532013000", "DE89.3704.0044.0532.0130.00",
     "DE89/3704/0044/0532/0130/00", "DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00",
     "de 8937 0400 4405 3201 3000", "DE89 370 400 44 0532 0130 00",
     "DE89  3704  0044  0532  0130  00", "DE89 - 3704 - 0044 - 0532 - 0130 - 00",
     "D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0", "konto_DE89_37040044_0532013000.pdf",
     "IBAN:DE89\xb73704\xb700440532013000",
     "DE89:3704:0044:0532:0130:00", "DE89 3704 0044 0532 0130 00 was paid", "is 12: DE89 3704 0044 0532 0130 00"],
    ["GB29 NWBK 6016 1331 9268 19", "GB 29 NWBK 601613 31926819", "gb29-nwbk-601613-31926819"],
    ["NO93 8601 1117 947", "NO93 8601.11.17947", "NO9386011117947 on 1 May"],
    ["219-45-6712", "219 45 6712", "219456712", "219.45.6712", "219/45/6712", "219 - 45 - 6712", "scan-219-45-6712.pdf",
     "ssn_219456712.pdf", "219_45_6712", "219\u202f45\u202f6712", "/srv/219-45-6712/x"],
    ["B-MW 4711", "B-MW-4711", "B-MW4711", "foto_B-MW-4711.jpg", "B-MW_4711.pdf"],
]  # fmt: skip
# As what is typed and files are named; a private turn is not remembered by it.
TYPED = {
    "219-45-6712": ["219-45 6712", "219-456712", "SSN219456712", "2024_219-45-6712_3.pdf"],
    "B-MW 4711": ["bmw_4711.jpg", "b_mw_4711.jpg", "photo_BMW4711_front.jpg", "IMG-BMW4711-2.png",
     "2024-05-01_B-MW_4711.jpg",
     "b.mw.4711", "is bmw 4711", "B MW-4711", "/srv/B-MW-4711.txt", "B  MW  4711", "b/mw/4711"],
}  # fmt: skip


@pytest.mark.parametrize("notations", NOTATIONS, ids=lambda notations: notations[0])
def test_a_number_is_the_same_in_all_notations(notations: list[str]) -> None:
    """Groups of any size, whatever divides them, in the names of files: each is found by each other."""
    for stored in notations:
        index = index_of(f"please note {stored}, thanks")
        for asked in (*notations, *TYPED.get(notations[0], ())):
            assert index.find(f"what is {asked} about?"), (stored, asked)


def test_numbers_that_have_the_shape_of_an_account_are_none() -> None:
    """Another length than that of their country, wrong check digits, letters directly behind."""
    text = (
        "DE8937040044053201300 DE88370400440532013000 XY89370400440532013000 DE89370400440532013000x "
        "is 12 days, 345678 9"
    )
    assert not [unit for _, _, unit in units.identifiers(text, stored=True) if unit[0].isalpha() and " " not in unit]


def test_an_account_in_irregular_groups_is_not_sent(trooper: Trooper, cloud: Standin) -> None:
    """Nor is a plate in the name of a file; exit 77, and no connection to the cloud."""
    assert trooper("ask", "--local", "pay to DE89 3704 0044 0532 0130 00 for B-MW 4711, SSN 219-45-6712").code == 0
    for asked in ("DE 89 37040044 05320130 00", "rename IMG_bmw4711_front.jpg", "open scan_219456712.pdf"):
        assert trooper("ask", f"what is {asked}?").code == 77, asked
    assert cloud.connections == 0


@pytest.mark.parametrize("dash", [*ALL_DASHES, *STROKES], ids=ascii)
def test_any_dash_is_a_hyphen(dash: str) -> None:
    """Of any script and look, in what a private turn has and in what is asked about."""
    for number in DASHED:
        other = number.replace("-", dash)
        assert index_of(f"please note {number}, thanks").find(f"what is {other} about?"), other
        assert index_of(f"please note {other}, thanks").find(f"what is {number} about?"), other


@pytest.mark.parametrize("dash", "\u2500\u2043\u301c\u3161", ids=ascii)
def test_a_number_with_any_dash_is_not_sent(trooper: Trooper, cloud: Standin, dash: str) -> None:
    """Exit 77, and no connection to the cloud."""
    assert trooper("ask", "--local", "OPSX-4471 is of DE89-3704-0044-0532-0130-00, call +49-30-8812-4471").code == 0
    for number in ("OPSX-4471", "DE89-3704-0044-0532-0130-00", "+49-30-8812-4471"):
        assert trooper("ask", f"what is {number.replace('-', dash)}?").code == 77
    assert cloud.connections == 0


def test_what_only_looks_like_one_is_none() -> None:
    """Wrong check digits, names of standards, dates, versions, and addresses that stand everywhere."""
    text = (
        "DE88 3704 0044 0532 0130 00 or 4539 1488 0343 6468; UTF-8 SHA-256 ISO-8859 RFC-2616 CVE-2024-12345 "
        "2024-08-15 10:00 1.2.3.4 git@github.com user@example.com noreply@github.com Author: Jane <jane@roe.org>"
    )
    assert [unit for _, _, unit in units.identifiers(text, stored=True)] == []


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("PORT-8080", "is port 8080 open?"),
        ("NOV-2024 LINE-1204", "what was new in Nov 2024? see line 1204"),
        ("FOO-2024", "the foo of 2024, foo 2024"),
        ("ORA-00942", "what does ORA-00942 mean?"),
        ("size 4294967296", "is 4294967296 2 to the 32nd?"),
        ("limit 268435456", "268435456 bytes"),
        ("user@example.com and root@host.test", "user@example.com and root@host.test"),
        ("jane@build.hxq.de:/srv/www and https://jane@git.hxq.de/x", "jane@build.hxq.de and jane@git.hxq.de"),
    ],
)
def test_what_everybody_writes_is_no_short_secret(stored: str, asked: str) -> None:
    """Words with a number, months, errors of well-known programs, powers of two, addresses of documents."""
    assert index_of(f"please note {stored}, thanks").find(asked) == []


def test_what_public_turns_hold_does_not_count() -> None:
    """A ticket, or a row, that the cloud was told of already is no leak."""
    index = index_of(STAFF, "see OPS-1234")
    public = "OPS-1234: Huberling,84512"
    assert index.find(public)
    index.add(index.marks([(public, False)], public=True), public=True, session=None, turn=None)
    assert index.find("OPS-1234") == []
    assert index.find("Huberling 84512") == []
    assert index.find("Krahmann 71240")


@pytest.mark.parametrize(
    "table",
    [
        "name\tcity\tsalary\nHuberling\tBerlin\t84512\nKrahmann\tBerlin\t71240\n",
        "name;city;salary\nHuberling;Berlin;84.512,00\nKrahmann;Berlin;71.240,00\n",
        "| name | salary |\n|---|---|\n| Huberling | 84,512.00 |\n| Krahmann | 71,240.00 |\n",
        " name      | salary\n-----------+--------\n Huberling |  84512\n Krahmann  |  71240\n(2 rows)\n",
        "NAME        CITY     SALARY\nHuberling   Berlin   84512\nKrahmann    Berlin   71240\n",
        "Huberling x 84512\nKrahmann y 71240\nLodertner z 93370\n",
        '[{"name": "Huberling", "salary": 84512}, {"name": "Krahmann", "salary": 71240}]',
        '{"name": "Huberling", "salary": 84512.0}\n{"name": "Krahmann", "salary": 71240.0}\n',
        "- name: Huberling\n  salary: 84512\n- name: Krahmann\n  salary: 71240\n",
        "name: Huberling\nsalary: 84512\n\nname: Krahmann\nsalary: 71240\n",
        "name=Huberling salary=84512\nname=Krahmann salary=71240\n",
    ],
)
def test_each_kind_of_table_is_one(table: str) -> None:
    """Its rows are found as lines, in JSON, in YAML and the other way round."""
    index = index_of(f"Please check:\n\n{table}\n")
    for asked in (
        "Krahmann,71240",
        "71240 Krahmann",
        "| Krahmann | 71,240 |",
        '{"salary": 71240, "name": "Krahmann"}',
        '{\n  "name": "Krahmann",\n  "salary": 71240\n}',
        "- salary: 71240\n  name: Krahmann",
    ):
        assert index.find(f"Look:\n{asked}\nWhat of it?"), asked
    assert index.find("Krahmann\n") == []
    assert index.find("Krahmann,84512") == []


def test_headers_and_common_cells_are_not_stored(staff: Index) -> None:
    """Neither what stands above a table nor what stands in many."""
    for text in ("name,salary", "city: Berlin\nactive: yes", "Berlin,yes", "Huberling", "Huberling Berlin", "84512"):
        assert staff.find(text) == [], text


word = st.text("abcdefghijklmnopqrstuvwxyz", min_size=5, max_size=9).map(str.title)


salary = st.integers(12_345, 99_999)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(word, st.sampled_from(["Berlin", "Graz"]), salary), min_size=2, max_size=9),
    delimiter=st.sampled_from(",;\t|"),
    asked=st.sampled_from([",", ";", "\t", " ", " | ", ", ", "   "]),
    turned=st.booleans(),
)
def test_a_row_of_a_table_is_found_whatever_divides_it(
    rows: list[tuple[str, str, int]],
    delimiter: str,
    asked: str,
    turned: bool,  # noqa: FBT001
) -> None:
    """A name and a number of a row are asked for under a unit that the table stored, unless they are common."""
    text = delimiter.join(("name", "city", "salary")) + "\n"
    text += "".join(f"{name}{delimiter}{city}{delimiter}{salary}\n" for name, city, salary in rows)
    stored = set(tables.stored(text))
    names = [name for name, _, _ in rows]
    for name, _, salary in rows:
        line = asked.join((str(salary), name) if turned else (name, str(salary)))
        found = {unit for _, _, unit in tables.asked(line)}
        is_common = names.count(name) > 2 or (len(rows) > 3 and len(set(names)) <= 0.7 * len(rows))
        is_round = f"{salary}\n{name.lower()}" not in {unit for unit in found if "\n" in unit}
        assert is_common or is_round or len({s for _, _, s in rows}) < len(rows) or found & stored


def test_much_text_takes_little_time() -> None:
    """The units of a large table, and of a text that only looks like one, are found in linear time."""
    make = random.Random(1)
    rows = [",".join(str(make.randrange(10_000, 99_999)) for _ in range(20)) for _ in range(1000)]
    small, large = "\n".join(rows[:500]), "\n".join(rows)
    times = []
    for text in (small, large):
        start = time.process_time()
        count = len(set(tables.stored(text)))
        times.append(time.process_time() - start)
        assert count < 200_000
    assert times[1] < 6 * times[0] + 0.5
    for text in (
        "[" * 20_000,
        "[\n" * 20_000,
        "{" * 20_000,
        '"' * 20_001,
        "a@" * 20_000,
        "1 " * 20_000,
        "A-" * 20_000,
        "OPS 12 " * 20_000,
        "abcdefghij1" * 20_000,
        "x: y\n" * 5000,
    ):
        start = time.process_time()
        list(tables.asked(text)), list(tables.stored(text)), list(units.identifiers(text))
        assert time.process_time() - start < 3, text[:2]


@pytest.mark.parametrize("asked", ["Kowalska, Zofia: 148250", "staff: Nowak, Kowalska, Zofia"])
def test_a_name_of_a_table_is_found_with_the_surname_first(asked: str) -> None:
    index = index_of("name,email,salary\nZofia Kowalska,zofia@firm.pl,148250\nJan Nowak,jan@firm.pl,97430\n")
    assert index.find(f"look:\n{asked}\nwhat of it?")
    assert not index.find("look:\nKowalska, Maria: 97431\nwhat of it?")


@pytest.mark.parametrize("number", ["+49 171 5558823", "415-555-0172", "4539 5787 6362 1486"])
@pytest.mark.parametrize("before", ["tel:", "Phone,", "Mail, ", ""])
def test_a_number_behind_a_comma_or_a_colon_is_found(before: str, number: str) -> None:
    """As a row of CSV and a list of keys and values have it."""
    index = index_of(f"Reminder for the patient, {before}{number}, please call before noon.")
    assert index.find(number)


SECRET_WORDS = ["Secret12x", "Kx7Vlad99", "HunterSecretZebra99", "correct7horse"]
GLUED = [
    "user:{}@host", "a|{}|b", "a&{}&b", "x:{}", "{}:x", "u/{}/b", "{}@db1", "ab~{}", "a#{}#b", "1+{}", "user:{}!",
    "-u{{root}}:{}", "a\\{}", "ftp:user:{}@10.0.0.7:2121/x", "key={}&b=1", "a,{};b", "x?{}", "login:{}/2", "{}\u2014b",
]  # fmt: skip


@pytest.mark.parametrize("word", SECRET_WORDS)
@pytest.mark.parametrize("glued", GLUED)
def test_a_secret_word_is_found_among_others_that_signs_glue_to_it(glued: str, word: str) -> None:
    """Said by itself and asked as a part of another word, or the other way round, or as a part of two."""
    other = glued.format(word)
    index = index_of(f"the password is {word}, says Otto")
    assert index.find(f"what is {other} about?")
    if "/" in glued and word == "correct7horse":
        return
    index = index_of(f"log in with {other} today")
    assert index.find(f"is {word} a good one?")
    assert index.find(f"b:{word}@c")


def test_a_secret_word_is_found_in_an_address() -> None:
    for asked in ("https://u:Secret12x@hxq.de/a", "https://hxq.de/Secret12x?a", "/srv/Secret12x:ro", "~/a&Secret12x"):
        assert index_of("the password is Secret12x").find(f"open {asked} there"), asked
        assert index_of(f"open {asked} there").find("the password is Secret12x"), asked


def test_parts_of_names_and_paths_are_no_secret_words() -> None:
    """Types with their width, parts of paths in small letters, times behind a colon."""
    text = (
        "Base64Url Utf16Text Int32Vec img:Uint16Map lib/x86_64-linux-gnu/libc.so.6 db/migrations/0012_add_user.py "
        "at:2026-03-02T08:15:01Z app:10.0.0.1:8080 tag:v1.2.3 node:22.04"
    )
    parts = {unit for _, size, unit in units.tokens(text, stored=True) if size > len(unit) + 3 or size < 10}
    assert parts.isdisjoint({"x8664linuxgnu", "0012adduserpy", "20260302t08", "base64url", "utf16text", "int32vec"})
    assert index_of(f"see {text}").find("the file 0012_add_user.py for x86_64-linux-gnu, Base64Url") == []


@pytest.mark.parametrize("asked", ["psql postgres:Secret12x@db", "curl -u otto:Secret12x", "a|Secret12x|b"])
def test_a_glued_password_is_not_sent(trooper: Trooper, cloud: Standin, asked: str) -> None:
    """As it was said in a private turn; exit 77, and no connection to the cloud."""
    assert trooper("ask", "--local", "my password for db1 is Secret12x").code == 0
    done = trooper("ask", f"why does `{asked}` fail?")
    assert (done.code, done.out) == (77, b"")
    assert "Secret12x" not in done.notices
    assert cloud.connections == 0
