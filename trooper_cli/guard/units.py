"""Units of text too short for the fingerprints of runs, and telling by themselves: words, lines, literals."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from trooper_cli.guard.decoders import unescaped
from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# What has this many letters and digits always holds a run that fingerprints.py stores: RUN + WINDOW - 1.
FOUND_AS_RUN = 48
_SHORT_LINE = range(16, FOUND_AS_RUN + 1)
_LINE, _WHOLE = pattern(r"[^\n]+"), pattern(r"(?s).+")
_TOKEN = pattern(r"[^\s\"'`,;(){}<>\[\]=]{8,200}")
_SHORTEST_TOKEN = 10
# What other signs than these glue together are words by themselves: user:word@host, a|word|b.
_PART = pattern(r"[\w.-]{8,200}")
# Versions and addresses, sizes, dates, times, and words with a year or a version.
_COMMON_TOKEN = pattern(
    r"v?\d+(?:\.\d+)+(?:(?:a|b|rc|dev)\d{1,3}|[a-zµ%]{1,3})?(?:[-+._][a-z]{0,10}\d{0,4})*(?::\d{1,5})?(?:/\d{1,2})?"
    r"|\d{4}-\d\d-\d\d(?:[T_]\d\d(?:[:.-]?\d\d[\d:.,+Z-]*)?)?(?:[._-][a-z]{1,8})*"
    r"|\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?Z?(?:[+-]\d\d:?\d\d)?"
    r"|[A-Z]?[a-z]{1,9}[\d.]{1,4}|[A-Z]?[a-z]+[\d.]{1,2}|[A-Z]?[a-z]+\d?\.\d{1,2}|[A-Z]+[\d.]{1,4}"
)
_PLACE = pattern(r"https?://\S*|[./~][\w./-]*", re.IGNORECASE)
# Capitals, small letters and digits in one word, as in few that are no secrets. A short one has two digits or more,
# which are no width of a type.
_MIXED = (
    r"(?=[\w-]*?[a-z])(?=[\w-]*?[A-Z])(?=[\w-]*?\d)(?:[A-Za-z0-9_-]{10,}"
    r"|(?=[A-Za-z_-]*\d[\w-]*?\d)(?![A-Za-z_-]*(?:16|32|64|128|256|512)[A-Za-z_-]*(?![\w-]))[A-Za-z0-9_-]{8,9})"
)
_SECRET, _PART_OF_PLACE = pattern(_MIXED), pattern(rf"{_MIXED}(?=[^\w.-]|$)")
_LITERAL = pattern(r'"((?:[^"\\\n]|\\.){16,400}+)"')
# Short secrets as they are printed. What stands between the groups does not count. Other dashes and blanks than those
# of ASCII come of word processors: the categories Pd and Zs of Unicode, and what looks like a hyphen, after its
# "confusables": minus signs, bullets, macrons, horizontal lines of frames.
_DASHES = (
    "\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0"
    "\ufe31\ufe32\ufe58\ufe63\uff0d\U00010ead"
    "\xac\xaf\u02c9\u02d7\u06d4\u203e\u2043\u2053\u207b\u208b\u2212\u223c\u23af\u23ba\u23bb\u23bc\u23bd\u23e4\u2500\u2501"
    "\u2504\u2505\u2508\u2509\u254c\u254d\u2550\u2574\u2576\u2578\u257a\u257c\u257e\u2796\u2cba\u2cbb\uffe3\uffe8"
)
_BLANKS = "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_PLAIN = str.maketrans(_DASHES + _BLANKS, "-" * len(_DASHES) + " " * len(_BLANKS))
_DOMAIN = r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![A-Za-z0-9@-]|\.\w"
# What a colon and a path follow is a user on a server, and what a stroke stands before may be one too.
_EMAIL = pattern(rf"(?<![A-Za-z0-9.+%@/-])[A-Za-z0-9][\w.+%-]{{0,63}}@{_DOMAIN}|:[^\s\"]{{0,200}}/)")
_TYPED_EMAIL = pattern(rf"(?<![A-Za-z0-9.+%@-])[A-Za-z0-9][\w.+%-]{{0,63}} ?@ ?{_DOMAIN})")
_COMMON_EMAIL = pattern(
    r"(?i)(?:git|info|support|noreply|no-reply|root|admin|user|users|hello|test|help|contact|nobody|list|bugs?)@.*"
    r"|.*@(?:example|invalid|test|localhost)(?:\.\w+)?|.*\.(?:invalid|test|localhost|example\.\w+)|.*@users\.noreply\..*|.*-list@.*|.*@lists?\..*|.*@(?:bugs|tracker)\..*"
)
# Who wrote something stands in many public texts.
_AUTHORSHIP = pattern(
    r"(?im)author|committer|signed-off-by|co-authored|reviewed|maintain|copyright|\(c\)|©|written by|contribut"
    r"|uploaders|bugs? |thanks|patch|license|^[ \t]*[#*/]|packag|\bby "
)
_AUTHORSHIP_REACH, _LONGEST_AUTHORSHIP = 2000, 16
# The length of an account number by its country, from the registry of ISO 13616: so it ends wherever its groups do.
_IBAN_LENGTHS = {
    country: length
    for length, countries in (
        (15, "NO"), (16, "BE"), (18, "DK FI FK FO GL NL SD"), (19, "MK SI"), (20, "AT BA EE KZ LT LU MN XK"),
        (21, "CH HR LI LV"), (22, "BG BH CR DE GB GE IE ME RS VA"), (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"), (25, "AO CV GW LY MZ PT ST"), (26, "DZ IR IS TR"),
        (27, "BI CF CG CM DJ FR GA GQ GR IT KM MC MG MR SM TD"), (29, "BR PS QA UA"), (30, "JO KW MU YE"),
        (28, "AL AZ BF BJ BY CI CY DO EG GT HN HU LB MA ML NE NI PL SN SV TG"), (31, "MT SC"), (32, "LC"), (33, "RU"),
    )
    for country in countries.split()
}  # fmt: skip
_APART = r"[ ./_:\xb7-]{0,3}"
_IBAN = pattern(
    rf"(?<![A-Za-z0-9])(?=(?P<word>[A-Za-z]{_APART}[A-Za-z](?:{_APART}\d){{2}}(?:{_APART}[A-Za-z0-9]){{11,30}}))"
)
_CARD = pattern(r"(?<![\w.+-])(?<!\d,)\d{4}(?:[ ./_xX-]?\d{2,6}){2,4}(?![\w-]|[.,]\d)")
_PHONE = pattern(
    r"(?<![\w./+-])(?<!\d )(?:\+|00)[1-9]\d{0,3}[ ()/._-]{0,3}"
    r"(?:\(0\)[ -]?)?\d(?:[ ()/._-]{0,2}\d){5,12}(?![\w:-]|[.,]\d)"
    r"|(?<![\w./+-])(?<!\d[ ,:])\(?0[1-9]\d{0,4}\)?[ /-]{1,3}\d(?:[ /-]?\d){4,9}(?![\w:-]|[.,]\d)"
    r"|(?<![\w./+-])(?<!\d[,:])0[1-9]\d{8,11}(?![\w:-]|[.,]\d)"
    r"|(?<![\w./+-])(?:1[ .-]?)?\(?[2-9]\d\d\)?[ .-]{0,2}\d{3}[ .-]?\d{4}(?![\w:-]|[.,]\d)"
)
_SOCIAL = pattern(
    r"(?<![A-Za-z0-9.+])(?<!\d[,:/_-])\d{3}( ?[./_-] ?| )\d\d\1\d{4}(?![A-Za-z0-9:-]|[.,]\d)"
    r"|(?<![A-Za-z0-9./+-])(?<!\d[,:_])\d{9}(?![A-Za-z0-9:-]|[.,]\d)"
)
_TICKET = pattern(r"(?<![\w./-])[A-Z][A-Z0-9]{1,9}(?:-\d{4})?-\d{3,7}(?![\w-]|\.\d)")
_STANDARD = frozenset(
    "UTF SHA ISO IEC RFC CVE CWE AES PEP RSA EN DIN IEEE ECMA ANSI CP KOI GB BIG LATIN WINDOWS IBM HTTP TLS SSL MD GPT"
    " COVID ED ECDSA DSA HMAC BLAKE CRC ASCII EUC GPL LGPL BSD MIT NIST FIPS PKCS ITU POSIX XEP BCP STD ISSN ISBN GHSA"
    " CVSS USN DSA DLA RHSA PYSEC RUSTSEC JDK JSR JEP KB MS LVL COM RS BUG SF BPO ARM X PC"
    # Months, and errors of well-known programs.
    " JAN FEB MAR APR MAY JUN JUL AUG SEP SEPT OCT NOV DEC FY CW KW"
    " ORA TNS PLS RMAN DPY DPI MY SQLSTATE TS CS NU MSB SC AADSTS".split()
)
_AT = pattern("@")
_BETWEEN = frozenset(" ./_:\xb7-")
_EIGHT_DIGITS = pattern(r"\d(?:[ ()/._:\xb7xX-]{0,3}\d){7}")
_THREE_DIGITS = pattern(r"\d(?:[ ()/._-]{0,3}\d){2}")
_PLATE = pattern(r"(?<![^\W_])(?<!-)[A-ZÄÖÜ]{1,3}-[A-Z]{1,2}[ _-]?[1-9]\d{1,3}[EH]?(?![^\W_]|-)")
# As people type them, and name files. A prompt is asked about these, and only what is printed as above is stored.
_TYPED_SOCIAL = pattern(rf"(?<!\d)(?=(?P<word>\d{{3}}{_APART}\d\d{_APART}\d{{4}}(?!\d)))")
# A number of a telephone behind the code of its country without a plus, as links have it, or without that code.
_TYPED_PHONE = pattern(
    r"(?<![A-Za-z0-9+])(?<!\d[ .,:/_-])[1-9]\d{0,3}(?:[ ()/._-]{0,3}\d){8,13}(?![A-Za-z0-9]|[.,:]\d)"
)
_TYPED_TICKET = pattern(
    r"(?<![^\W_])([A-Za-z]{1,10}+(?:\d[A-Za-z]{1,5}+)?+)[ _#:./-]{0,3}+((?:\d{4}[ _-])?\d{3,11}+)(?![^\W_]|[-_.]\d)"
)
_TYPED_PLATE = pattern(
    r"(?<![^\W_])(?=(?P<word>[A-Za-zÄÖÜäöü]{1,3}[ ./_-]{0,2}[A-Za-z]{1,2}[ ./_-]{0,2}[1-9]\d{1,3}[EHeh]?)"
    r"(?![^\W_]|\.\d))"
)
_YEAR = pattern(r"(?:19|20)\d\d")


def identifiers(text: str, *, stored: bool = False) -> Iterator[tuple[int, int, str]]:
    """Yield offset, length and unit of account and card numbers, addresses, telephone numbers, tickets and plates.

    The units are the same whatever blanks and dashes the text is printed with; dots and strokes too for most. With
    `stored`, leave out addresses that say who wrote something: they stand in public texts as well.
    """
    yield from _identifiers(text, stored=stored)
    # A dash may also end a word, as no hyphen does: both are read.
    if not text.isascii() and (plain := text.translate(_PLAIN)) != text:
        yield from _identifiers(plain, stored=stored)


def _identifiers(text: str, *, stored: bool) -> Iterator[tuple[int, int, str]]:
    names_an_author = _authorship(text)
    for start, line in _lines_with(_AT, text):
        for match in (_EMAIL if stored else _TYPED_EMAIL).finditer(line):
            at = start + match.start()
            if not _COMMON_EMAIL.fullmatch(match[0].replace(" ", "")) and not (stored and names_an_author(at)):
                yield at, len(match[0]), reduced(match[0])
    for is_long, group in groupby(_lines_with(_THREE_DIGITS, text), lambda one: bool(_EIGHT_DIGITS.search(one[1]))):
        signs = (_NUMBERED, _TYPED_NUMBERED) if is_long else (_SHORT_NUMBERED, _TYPED)
        # A search over many lines takes less time than one over each; none reads across their ends.
        for start, lines in _joined(group):
            for sign, unit_of in signs[0] if stored else (*signs[0], *signs[1]):
                for match in sign.finditer(lines):
                    # What may overlap with another one, of which only one is any, is looked ahead at.
                    word = match["word"] if "word" in sign.groupindex else match[0]
                    if (unit := unit_of(word)) is not None:
                        yield start + match.start(), len(word), unit


def _lines_with(sign: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    """Yield offset and text of the lines that hold a sign: few do, and what is searched in them takes long."""
    end = -1
    for match in sign.finditer(text):
        if match.start() > end:
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            end = end if end >= 0 else len(text)
            yield start, text[start:end]


def _joined(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Join lines that follow each other."""
    first = end = -1
    joined: list[str] = []
    for start, line in lines:
        if joined and start != end + 1:
            yield first, "\n".join(joined)
            joined = []
        first = start if not joined else first
        joined.append(line)
        end = start + len(line)
    if joined:
        yield first, "\n".join(joined)


def _authorship(text: str) -> Callable[[int], bool]:
    """Return a function that says whether an address names an author; call it in order of offset, in one pass."""
    last, read = -1, 0

    def names_an_author(at: int) -> bool:
        nonlocal last, read
        # A list of names goes on over some lines.
        first = max(0, at - _AUTHORSHIP_REACH)
        first = max(text.rfind("\n\n", first, at), first)
        for match in _AUTHORSHIP.finditer(text, max(first, read), at):
            last = match.start()
        # A word of it may go on where this address begins.
        read = max(last, at - _LONGEST_AUTHORSHIP)
        return last >= first

    return names_an_author


def _iban(word: str) -> str | None:
    """Return the letters and digits of an IBAN, or None where its check digits are wrong (ISO 7064, MOD 97-10).

    What stands behind it is no part of it.
    """
    offsets = [offset for offset, sign in enumerate(word) if sign not in _BETWEEN]
    letters = reduced(word)
    size = _IBAN_LENGTHS.get(letters[:2].upper(), len(offsets) + 1)
    if len(offsets) < size or (len(offsets) > size and offsets[size] == offsets[size - 1] + 1):
        return None
    letters = letters[:size]
    return letters if int("".join(str(int(one, 36)) for one in letters[4:] + letters[:4])) % 97 == 1 else None


def _card(word: str) -> str | None:
    """Return the digits of a card's number, or None where its last digit is wrong (Luhn's formula)."""
    digits = reduced(word).replace("x", "")
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 4:
        return None
    doubled = (int(digit) * (1 + offset % 2) for offset, digit in enumerate(reversed(digits)))
    return digits if sum(number - 9 * (number > 9) for number in doubled) % 10 == 0 else None


def _phone(word: str) -> str | None:
    """Return the last digits of a telephone number: they are the same with and without the code of the country."""
    digits = reduced(word)
    if len(digits) < 8 or len(set(digits)) <= 3 or (digits == word and _is_common(digits)):
        return None
    return f"phone {digits[-8:]}"


def _social(word: str) -> str | None:
    """Return the digits of a number of the US social security, or None where none is given out like it."""
    digits = reduced(word)
    is_given = digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
    return f"social {digits}" if is_given and len(set(digits)) > 3 and not _is_common(digits) else None


def _is_common(digits: str) -> bool:
    """Return whether a number is one that stands everywhere: the digits in their order, or next to a power of two."""
    number = int(digits)
    return (
        digits in "1234567890"
        or digits in "9876543210"
        or digits[-3:] == "000"
        or min(near.bit_count() for near in (number - 1, number, number + 1)) <= 1
    )


def _ticket(word: str) -> str | None:
    return None if word.partition("-")[0].rstrip("0123456789") in _STANDARD else f"ticket {reduced(word)}"


def _typed_ticket(word: str) -> str | None:
    """Return the unit of a ticket without its dash or capitals; "line 1234" and "May 2024" are none."""
    match = _TYPED_TICKET.fullmatch(word)
    if match is None or match[1].upper() in _STANDARD or _YEAR.fullmatch(match[2]):
        return None
    from trooper_cli.guard.distinctive import is_ordinary

    return None if is_ordinary(match[1]) else f"ticket {reduced(word)}"


def _plate(word: str) -> str:
    return f"plate {reduced(word)}"


_SHORT_NUMBERED = ((_TICKET, _ticket), (_PLATE, _plate))
_NUMBERED = ((_IBAN, _iban), (_CARD, _card), (_PHONE, _phone), (_SOCIAL, _social), *_SHORT_NUMBERED)
_TYPED = ((_TYPED_TICKET, _typed_ticket), (_TYPED_PLATE, _plate))
_TYPED_NUMBERED = (*_TYPED, (_TYPED_SOCIAL, _social), (_TYPED_PHONE, _phone))


def tokens(text: str, *, stored: bool = False) -> Iterator[tuple[int, int, str]]:
    """Yield offset, length and reduced form of the words that look like secrets, machines or account numbers.

    So may a part of a word that signs glue to others. With `stored`, leave out most parts of paths.
    """
    for match in _TOKEN.finditer(text):
        # Places are named everywhere; what looks like a secret within one is not.
        if _PLACE.fullmatch(match[0]):
            units = [reduced(part[0]) for part in _PART_OF_PLACE.finditer(match[0])]
        else:
            units = [unit for word in _words(match[0], stored=stored) if (unit := _token(word)) is not None]
        for unit in units:
            yield match.start(), len(match[0]), unit


def _words(glued: str, *, stored: bool) -> Iterator[str]:
    """Yield a word, and those in it that signs other than full stops, hyphens and underscores divide."""
    yield glued
    for part in _PART.finditer(glued):
        start, end = part.span()
        if part[0] != glued and not (
            stored and "/" in {glued[start - 1 : start], glued[end : end + 1]} and not _SECRET.fullmatch(part[0])
        ):
            yield part[0]


def _token(word: str) -> str | None:
    word = word.strip(".:!?*_-")
    letters = reduced(word)
    if not 8 <= len(letters) <= FOUND_AS_RUN or _COMMON_TOKEN.fullmatch(word):
        return None
    if len(letters) < _SHORTEST_TOKEN:
        return letters if _SECRET.fullmatch(word) else None
    digits = sum(map(str.isdigit, letters))
    return letters if 0 < digits < len(letters) or digits >= 12 else None


def short_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the lines, and the text as a whole if it is one line, that are too short to hold a run."""
    for match in (*_LINE.finditer(text), *(_WHOLE.finditer(text) if len(text) < 4 * 32 else ())):
        if len(match[0]) >= _SHORT_LINE.start and len(line := reduced(match[0])) in _SHORT_LINE:
            yield match.start(), len(match[0]), line


def literals(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the short lines within quoted strings, as JSON has them."""
    for match in _LITERAL.finditer(text):
        for part in unescaped(match[1]).split("\n"):
            if len(line := reduced(part)) in _SHORT_LINE:
                yield match.start(), len(match[0]), line
