"""Rules that say what a credential looks like: Trooper's own, and those of a user's `.gitleaks.toml`.

Regexes are kept as text: compiling all of them would take longer than most prompts take to check.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trooper_cli.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Allowlist(NamedTuple):
    """What is no secret although a rule says so; `target` is what its regexes are tried on."""

    regexes: tuple[str, ...]
    stopwords: tuple[str, ...]
    target: str = "secret"
    needs_all: bool = False
    only_for: tuple[str, ...] = ()


class CredentialRule(NamedTuple):
    """One kind of credential.

    `group` 0 is the first group that took part, or the whole match. A match stands near a keyword, or `anywhere`.
    """

    kind: str
    regex: str
    keywords: tuple[str, ...]
    group: int
    entropy: float
    allowlists: tuple[Allowlist, ...]
    anywhere: bool


class Rules(NamedTuple):
    """Rules in order of precedence, and what none of them may report."""

    rules: tuple[CredentialRule, ...]
    allowlists: tuple[Allowlist, ...]


@cache
def own_rules() -> Rules:
    """Return the rules that come with Trooper.

    They are written in `rules.toml`. `rules.json` is made from it, because JSON is read in a tenth of a millisecond.
    """
    text = Path(__file__).with_name("credential_rules.json").read_text(encoding="utf-8")
    return _rules(json.loads(text), anywhere=False)


def load_gitleaks(path: Path) -> Rules:
    """Read the rules and allowlists of a `.gitleaks.toml`; what it says of paths and commits has no meaning here.

    Raises:
        ConfigurationError: the file cannot be read, or a rule of it cannot be used.

    """
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"the gitleaks file {path} cannot be read ({error.strerror}), so nothing was sent; mend the path, or "
            "`trooper config unset gitleaks`"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML: {error}; nothing was sent") from error
    _check_extension(table, path)
    for owner in (table, *_tables(table, "rules")):
        name = f"rule {owner.get('id', '')!r}" if owner is not table else "the allowlist"
        try:
            _translate(owner)
        except (re.error, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ConfigurationError(f"{name} of {path} cannot be used: {error}; nothing was sent") from error
    return _rules(table, anywhere=True)


def _check_extension(table: Mapping[str, Any], path: Path) -> None:
    """Refuse a file whose rules stand elsewhere in part: without them the guard would look for less than it seems to.

    `useDefault` and `disabledRules` are about the rules that come with gitleaks, in whose place Trooper's own stand.
    """
    extension = table.get("extend", {})
    for key in ("path", "url"):
        if isinstance(extension, dict) and extension.get(key):
            raise ConfigurationError(
                f"{path} takes rules from another file ([extend] {key}), which Trooper does not; "
                "name a file in config.toml that holds all of them; nothing was sent"
            )


def _translate(owner: dict[str, Any]) -> None:
    """Rewrite the regexes of a rule or of the file itself to what Python understands, and try them."""
    from trooper_cli.guard.go_regex import translated

    if "regex" in owner:
        owner["regex"] = translated(owner["regex"])
        groups = re.compile(owner["regex"], re.ASCII).groups
        if not 0 <= int(owner.get("secretGroup", 0)) <= groups:
            raise ValueError("secretGroup names a group that the regex does not have")
        if not isinstance(owner.get("id"), str):
            raise ValueError("it has no id")
    float(owner.get("entropy", 0))
    for allowlist in _allowlist_tables(owner):
        allowlist["regexes"] = [translated(regex) for regex in allowlist.get("regexes", ())]
        for regex in allowlist["regexes"]:
            re.compile(regex, re.ASCII)


def _rules(table: Mapping[str, Any], *, anywhere: bool) -> Rules:
    return Rules(
        tuple(
            CredentialRule(
                kind=rule["id"],
                regex=rule["regex"],
                keywords=tuple(word.lower() for word in rule.get("keywords", ())),
                group=int(rule.get("secretGroup", 0)),
                entropy=float(rule.get("entropy", 0)),
                allowlists=tuple(_allowlists(rule)),
                anywhere=bool(rule.get("anywhere", anywhere)),
            )
            for rule in _tables(table, "rules")
            # A rule without a regex looks at the names of files.
            if rule.get("regex") and not rule.get("skipReport")
        ),
        tuple(_allowlists(table)),
    )


def _allowlists(owner: Mapping[str, Any]) -> Iterable[Allowlist]:
    for table in _allowlist_tables(owner):
        needs_all = str(table.get("condition", "OR")).upper() in ("AND", "&&")
        if needs_all and (table.get("paths") or table.get("commits")):
            continue
        yield Allowlist(
            regexes=tuple(table.get("regexes", ())),
            stopwords=tuple(word.lower() for word in table.get("stopwords", ())),
            target=table.get("regexTarget", "secret"),
            needs_all=needs_all,
            only_for=tuple(table.get("targetRules", ())),
        )


def _allowlist_tables(owner: Mapping[str, Any]) -> list[dict[str, Any]]:
    one = owner.get("allowlist")
    return [*([one] if one else []), *_tables(owner, "allowlists")]


def _tables(owner: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    tables = owner.get(name, [])
    return tables if isinstance(tables, list) else [tables]
