"""Values that are no secrets and that the user may choose to mask: e-mail and IP addresses, host names, numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.guard.normalize import forms
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

CLASSES = ("emails", "addresses", "hosts", "numbers")

_EMAIL = pattern(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-])")
# What stands before a host in a URL is a user and a password, which are found by themselves.
_USER_OF_URL = pattern(r"/\\?/[^\s/@\"'<>]{0,200}\Z")
_IP4 = pattern(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?![\w]|\.\w)"
)
_IP6 = pattern(r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{2,39}(?:\.[0-9.]{5,13})?(?![\w:])")
# They are the same on every machine.
_EVERYBODY_S = frozenset(("127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::"))  # noqa: S104
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# Endings that no file name and no name in a program has.
_ENDING = (
    "com|net|org|edu|gov|mil|int|io|dev|cloud|biz|eu|uk|us|de|fr|nl|ch|at|it|es|se|no|dk|fi|pl|cz|ru|ua|cn|jp|kr|in|au|"
    "nz|ca|br|mx|za|tv|example|invalid|internal|intern|intranet|local|localdomain|lan|corp|home|arpa|svc|consul|onion"
)
_HOST = pattern(rf"(?<![\w.@-])(?:{_LABEL}\.){{1,10}}(?:{_ENDING})(?![\w-]|\.\w)", re.IGNORECASE)
# What an address or a name before it says is a host, with a dot or without one.
_NAMED = pattern(
    rf"(?:://(?:[^\s/@'\"<>]{{0,200}}@)?|\b(?:host|hostname|server|server_name|node|nodename|upstream|fqdn)[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?"
    rf"(?:[a-z]{{2,9}}://)?)((?:{_LABEL}\.){{0,10}}{_LABEL})(?![\w@-])",
    re.IGNORECASE,
)
# The name of the machine in a line of syslog, which `journalctl` prints too.
_SYSLOG = pattern(
    rf"^(?:[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d|\d{{4}}-\d\d-\d\dT[\d:.,]{{8,15}}(?:Z|[+-]\d\d:?\d\d)?) "
    rf"({_LABEL}(?:\.{_LABEL}){{0,10}}) [\w./@-]{{1,100}}(?:\[\d+\])?:",
    re.MULTILINE,
)
_NO_HOST = frozenset(("localhost", "true", "false", "null", "none", "yes", "no", "node", "server", "host"))
_NUMBER = pattern(
    r"(?<![\w.+-])(?:[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?|\+?[0-9]{9,40}"
    r"|\+[0-9]{1,3}(?:[ -]?\(?[0-9]{2,5}\)?){2,5}|[0-9]{4}(?:[ -][0-9]{4}){2,4}(?:[ -][0-9]{1,3})?)(?![\w]|[.,][0-9])"
)
_LEAST_DIGITS = 9


def find(text: str, classes: Collection[str]) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each value of these classes, plain or encoded."""
    for form in forms(text) if classes else ():
        for start, end, kind in _found(form.decoded, classes):
            if form.is_new(start, end):
                offset, length = form.original(start, end)
                yield offset, offset + length, kind


def _found(text: str, classes: Collection[str]) -> Iterator[tuple[int, int, str]]:
    if "emails" in classes and "@" in text:
        for match in _EMAIL.finditer(text):
            if not _USER_OF_URL.search(text, max(match.start() - 210, 0), match.start()):
                yield *match.span(), "EMAIL"
    if "addresses" in classes:
        yield from _addresses(text)
    if "hosts" in classes:
        yield from _hosts(text)
    if "numbers" in classes:
        for match in _NUMBER.finditer(text):
            if sum(map(str.isdigit, match[0])) >= _LEAST_DIGITS:
                yield *match.span(), "NUMBER"


def _hosts(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _HOST.finditer(text):
        yield *match.span(), "HOST"
    for found in (_NAMED, _SYSLOG):
        for match in found.finditer(text):
            if _is_host(match[1]):
                yield *match.span(1), "HOST"


def _addresses(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _IP4.finditer(text):
        if match[0] not in _EVERYBODY_S:
            yield *match.span(), "ADDRESS"
    if "::" in text or text.count(":") > 6:
        from ipaddress import ip_address

        for match in _IP6.finditer(text):
            # A full stop or a colon after an address is none of it.
            found = match[0].rstrip(".") if match[0].endswith("::") else match[0].rstrip(".:")
            try:
                ip_address(found)
            except ValueError:
                continue
            if found not in _EVERYBODY_S:
                yield match.start(), match.start() + len(found), "ADDRESS"


def _is_host(name: str) -> bool:
    # Addresses are a class of their own, and a number alone is a port, a count or a process.
    return name.lower() not in _NO_HOST and not name.replace(".", "").isdigit()
