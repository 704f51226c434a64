"""Regular expressions of Go's: what Python makes of them matches what Go would match, or they are refused."""

from __future__ import annotations

import re
import string
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trooper_cli.guard.go_regex import translated

ASCII = [chr(code) for code in range(128)]
UNIVERSE = frozenset([*ASCII, "\x80", "é", "\u017f", "\u212a", "Ā", "\u2028", "\U0001f600", "\U0010ffff"])
WORD = frozenset(string.ascii_letters + string.digits + "_")
# Each by what it is said to hold, not by what the translation says.
PERL = {"d": frozenset(string.digits), "w": WORD, "s": frozenset("\t\n\f\r ")}
POSIX = {
    "alnum": frozenset(string.ascii_letters + string.digits),
    "alpha": frozenset(string.ascii_letters),
    "ascii": frozenset(ASCII),
    "blank": frozenset("\t "),
    "cntrl": frozenset(letter for letter in ASCII if ord(letter) < 32 or ord(letter) == 127),
    "digit": frozenset(string.digits),
    "graph": frozenset(string.ascii_letters + string.digits + string.punctuation),
    "lower": frozenset(string.ascii_lowercase),
    "print": frozenset(string.ascii_letters + string.digits + string.punctuation + " "),
    "punct": frozenset(string.punctuation),
    "space": frozenset("\t\n\v\f\r "),
    "upper": frozenset(string.ascii_uppercase),
    "word": WORD,
    "xdigit": frozenset(string.hexdigits),
}
CONTROLS = {"\a": "a", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}

EXAMPLES = max(100, settings().max_examples // 3)

letters = st.sampled_from(sorted(UNIVERSE)) | st.sampled_from(r"[]^-\&~|(){}:.*+?$ab")


@st.composite
def spelt(draw: st.DrawFn, letter: str, *, in_class: bool) -> str:
    """Draw a way in which Go lets a character be written."""
    code = ord(letter)
    ways = [f"\\x{{{code:x}}}"]
    if code < 256:
        ways.append(f"\\x{code:02x}")
    if code < 128 and not letter.isalnum():
        ways.append(f"\\{letter}")
    if letter in CONTROLS:
        ways.append(f"\\{CONTROLS[letter]}")
    if 8 <= code < 512:
        ways.append(f"\\{code:03o}")
    # `[` and `:` side by side begin a name, in Go too.
    if letter not in ("\\]^-[:" if in_class else r"\.+*?()|[]{}^$"):
        ways.append(letter)
    return draw(st.sampled_from(ways))


@st.composite
def classes(draw: st.DrawFn) -> tuple[str, frozenset[str]]:
    """Draw a class in brackets, with the characters of the universe that are in it."""
    written, held = [], set[str]()
    first = draw(st.sampled_from(["", "", "]", "-"]))
    if first:
        written.append(first)
        held.add(first)
    for kind in draw(st.lists(st.sampled_from("lrpxXb"), min_size=0 if first else 1, max_size=5)):
        if kind == "l":
            letter = draw(letters)
            written.append(draw(spelt(letter, in_class=True)))
            held.add(letter)
        elif kind == "b":
            # A bracket that opens is a character as any other, also the last.
            written.append("[")
            held.add("[")
        elif kind == "r":
            low, high = sorted([draw(letters), draw(letters)])
            written.append(f"{draw(spelt(low, in_class=True))}-{draw(spelt(high, in_class=True))}")
            held |= {letter for letter in UNIVERSE if low <= letter <= high}
        elif kind == "p":
            name = draw(st.sampled_from(sorted(PERL)))
            negated = draw(st.booleans())
            written.append(f"\\{name.upper() if negated else name}")
            held |= UNIVERSE - PERL[name] if negated else PERL[name]
        else:
            name = draw(st.sampled_from(sorted(POSIX)))
            written.append(f"[:{'^' if kind == 'X' else ''}{name}:]")
            held |= UNIVERSE - POSIX[name] if kind == "X" else POSIX[name]
    if draw(st.booleans()):
        written.append("-")
        held.add("-")
    text = "".join(written)
    negated = draw(st.booleans())
    return f"[{'^' * negated}{text}]", frozenset(UNIVERSE - held if negated else held)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_a_sequence_of_classes_holds_what_it_is_written_for(data: st.DataObject) -> None:
    """Classes and characters side by side match exactly the texts that their parts say."""
    atoms: list[tuple[str, frozenset[str]]] = []
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()):
            atoms.append(data.draw(classes()))
        else:
            letter = data.draw(letters)
            atoms.append((data.draw(spelt(letter, in_class=False)), frozenset(letter)))
    pattern = "".join(written for written, _ in atoms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = re.compile(translated(pattern), re.ASCII)
    for number, (_, held) in enumerate(atoms):
        others = [min(other) if other else "" for _, other in atoms]
        for letter in UNIVERSE:
            text = "".join([*others[:number], letter, *others[number + 1 :]])
            is_possible = len(text) == len(atoms) and letter in held
            assert bool(compiled.fullmatch(text)) is is_possible, (pattern, compiled.pattern, text)


@pytest.mark.parametrize(
    ("go", "matches", "others"),
    [
        (r"x[{(\[]y[ab]z", ["x[yaz", "x{ybz"], ["x[y[z", "xyaz"]),
        (r"[]a]b[^]a]", ["]bc", "abb"], ["ab]", "bbc"]),
        ("[^[:^alpha:]]", ["a"], ["1"]),
        (r"a$", ["a"], ["a\n"]),
        (r"(?m)a$\n", ["a\n"], ["a"]),
        (r"(?:(?m)a$|b$)\n", ["a\n", "b\n"], ["a"]),
        (r"\s", ["\t", " "], ["\v", "\u2028"]),
        (r"[\S]", ["\v", "a"], ["\n"]),
        (r"a{,2}{b}", ["a{,2}{b}"], ["aa"]),
        (r"\Q[a.\E+", ["[a.", "[a..."], ["[ab"]),
        (r"(?P<1st>a)(?i:b|(?-i)c)d", ["abd", "aBd", "acd"], ["aCd", "abD"]),
        (r"(?is-m:a.)b", ["A\nb"], ["A\nB"]),
        (r"\x41\x{1f600}\101\a\_", ["A\U0001f600A\x07_"], ["A"]),
    ],
)
def test_what_go_matches_is_matched(go: str, matches: list[str], others: list[str]) -> None:
    compiled = re.compile(translated(go), re.ASCII)
    assert [text for text in matches if not compiled.fullmatch(text)] == []
    # At the end of a text and not of a part of it, for the sake of `$`.
    assert [text for text in others if re.compile(rf"(?:{compiled.pattern})", re.ASCII).fullmatch(text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(a",
            "a)",
            "[a",
            "[]",
            "a**",
            "a*+",
            "a?+",
            "a{2}{3}",
            r"\Z",
            r"\1",
            r"[\Qa\E]",
            "[z-a]",
            "[[:foo:]]",
            r"\pL",
        ),
        *(
            r"\pL",
            r"[\PL]",
            "(?=a)",
            "(?<!a)b",
            "(?>a)",
            "(?x)a",
            "(?U)a",
            r"[a-\d]",
            "(?#a)",
            "(?P=a)",
            "a\\",
            r"\C",
            r"\é",
        ),
    ],
)
def test_what_go_or_python_does_not_take_is_refused(pattern: str) -> None:
    """None of it becomes an expression that means something else."""
    with pytest.raises(ValueError, match=r"."):
        translated(pattern)
