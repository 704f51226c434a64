"""Arguments that look like an option and are none: a typing error must not become a prompt for the cloud."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from trooper_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What looks like a dash, beside the characters that Unicode calls dashes (category Pd): by its name, or one of these.
# Any other stroke stands for a dash directly before an option's name alone.
_STROKES = frozenset({"DASH", "HYPHEN", "MINUS", "MACRON", "OVERLINE", "PROLONGED", "TILDE"})
_DASHES = frozenset("\u06d4\u23af\u2500\u2501\u2cba")
# Short strokes. Any other dash may stand for two of them: editors and web pages replace them so.
_HYPHENS = frozenset("-\u02d7\u2010\u2011\u2043\ufe63\uff0d")
# Letters and symbols without a shape, which Unicode does not call invisible.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# A space that no shell splits at; and line breaks and tabs, at which it does outside quotation marks.
_OTHER_SPACE, _BREAK = "\0", "\n"
# An option's name in the last word: after a letter or digit, whatever signs stand between them, and after no option.
_GLUED = re.compile(
    r"(?<![^\s\0])(?!\W*-)[^\s\0]*[^\W_][^\s\0]*?--+([a-z][a-z_-]*)(?:=[^\s\0]*)?[\0\s'\"\u2019\u201d]*\Z"
)
# One anywhere after a space that no shell splits at, or in the last line directly after a line break or a tab.
_BELOW_ZERO = re.compile(r"-\d+(?:\.\d+)?[a-z]{0,2}")
_AFTER_OTHER_SPACE = re.compile(r"\0-+([a-z][a-z_-]*)(?:=[^\s\0]*)?(?=[\s\0]|\Z)")
_AFTER_BREAK = re.compile(r"\n--+([a-z][a-z_-]*)(?:=[^\s\0]*)?(?:[ \0][^\n]*)?\n*\Z")
# What no dash is mistyped as, although an option's name stands behind it: `*.json`, `$file`, `@here`, `#local`.
_OTHER_SIGNS = frozenset("!#$%&()*,.;<>?@[]^`{|}'\"")
# What turns a switch off, if it is read as its value; and what says to stay here, in the place of a cloud's name.
_SIDES = frozenset({"--cloud", "--here"})
_OFF = frozenset({"off", "no", "not", "false", "0", "none", "never", "nein", "disable", "disabled", "deny"})
_HERE = _OFF | {"local", "locally", "lokal", "localhost", "here", "private", "privately", "offline"}
_OUTER_SIGNS = re.compile(r"^[\W_]+|[\W_]+$")
# What else says so behind `--cloud=`, without its dashes; a cloud cannot be named like an engine of this machine.
_HERE_TOO = frozenset({"thismachine", "machine", "ondevice", "ollama", "embedded"})
_CLOUD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# No option's name is as long, and no line that an option begins by mistake.
_LONGEST, _LONGEST_LINE = 64, 1024


class _Level:
    """The command, or the group of commands, that arguments are given to."""

    def __init__(self, command: Any, path: str) -> None:  # noqa: ANN401 - typer does not export click's types
        self.path = path
        self.commands: dict[str, Any] = getattr(command, "commands", {})
        self.options: dict[str, Any] = {"--help": None, "-h": None}
        self.takes_files = False
        self.takes_numbers = bool(command.context_settings.get("ignore_unknown_options"))
        for parameter in command.params:
            if parameter.param_type_name == "option":
                self.options |= dict.fromkeys((*parameter.opts, *parameter.secondary_opts), parameter)
            elif parameter.type.name == "path":
                self.takes_files = True

    def takes_value(self, name: str) -> bool:
        option = self.options[name]
        return option is not None and not option.is_flag and not option.count

    def is_file(self, name: str) -> bool:
        return str(self.options[name].type.name) == "path"

    def option_of(self, text: str) -> str | None:
        """Return the option that a folded text names, whatever stands around it, with signs for its dashes."""
        start = next((place for place, letter in enumerate(text) if letter.isascii() and letter.isalnum()), len(text))
        signs = text[:start].strip("'\"`()[]{}<>")
        is_dash = signs.strip("".join(_OTHER_SIGNS)).strip("-") == ""
        if "-" not in signs if is_dash else not _OTHER_SIGNS.isdisjoint(signs):
            return None
        word = _squeezed(re.sub(r"[^\w-]+$", "", text[start:].partition("=")[0]))
        return next((o for o in self.options if _squeezed(o) == word and (is_dash or o.startswith("--"))), None)

    @property
    def takes_prompts(self) -> bool:
        return self.path in {"trooper", "trooper ask", "trooper messages"}

    def refuse(self, text: str, hint: str) -> NoReturn:
        said = f"{text}, so nothing was {'sent' if self.takes_prompts else 'done'}"
        raise UsageError(f"{said}{f'; {hint}' if hint else '.'} See `{self.path} --help`.")

    def refuse_below(self, text: str, arguments: list[str]) -> None:
        """Refuse an option that stands before its command, and name the command; one that is given goes first."""
        for word in sorted(self.commands, key=lambda word: word not in arguments):
            if name := _Level(self.commands[word], f"{self.path} {word}").option_of(text):
                self.refuse(f"{name} is an option of {word}", f"put it after that: `{self.path} {word} {name} …`.")


def check(arguments: list[str], command: Any) -> None:  # noqa: ANN401
    """Refuse arguments that look like an option once dashes are folded and invisible characters are taken out.

    Args:
        arguments: what follows the program's name.
        command: the command line as typer built it.

    Raises:
        UsageError: one of them does. The message does not repeat it: it may be a prompt.

    """
    level, awaits, is_plain = _Level(command, "trooper"), "", False
    for before, argument in zip(("", *arguments), arguments, strict=False):
        if is_plain:
            if name := level.option_of("".join(islice(_folded(argument), _LONGEST))):
                level.refuse(f"an argument after -- is {name}", "put options before it, or pipe the prompt in.")
        elif awaits:
            _check_value(level, awaits, argument)
            awaits = ""
        elif argument == "--":
            # Before the name of a command it ends the options of the group alone.
            is_plain = not level.commands
        elif argument.startswith("-") and (argument != "-" or not level.takes_files):
            awaits = _check_option(level, argument, arguments)
        else:
            if before in _SIDES & level.options.keys():
                _check_behind(level, before, argument)
            _check_text(level, argument, "an argument")
            if level.commands:
                if argument not in level.commands:
                    # An unknown command is reported elsewhere.
                    return
                level = _Level(level.commands[argument], f"{level.path} {argument}")


def _check_option(level: _Level, argument: str, arguments: list[str]) -> str:
    """Check an argument that begins with a plain dash; return its name if its value is the next argument."""
    if argument.startswith("--"):
        name, is_given, value = argument.partition("=")
    else:
        # Switches of one letter may stand together, before one whose value follows at once.
        end = next((n for n in range(1, len(argument)) if not _is_switch(level, f"-{argument[n]}")), len(argument) - 1)
        name, value = f"-{argument[end:][:1]}", argument[end + 1 :]
        is_given = value if name not in level.options or level.takes_value(name) else ""
    if name == "--cloud" and is_given and name in level.options:
        _check_cloud(level, value)
    elif name not in level.options:
        if level.takes_numbers and _BELOW_ZERO.fullmatch(argument):
            return ""
        level.refuse_below("".join(islice(_folded(argument), _LONGEST)), arguments)
        _refuse_dash(level, argument)
    if is_given and level.takes_value(name):
        _check_value(level, name, value)
        return ""
    return name if level.takes_value(name) else ""


def _check_cloud(level: _Level, value: str) -> None:
    """Refuse a value of `--cloud=` that says to stay here, or is no name: the prompt would go the other way."""
    if (word := value_word(value)) in _HERE or word.replace("-", "").replace("_", "") in _HERE_TOO:
        level.refuse("--cloud= takes the name of a cloud", "write --local to keep a prompt here.")
    if value and not _CLOUD_NAME.fullmatch(value):
        level.refuse("--cloud= takes the name of a cloud, and this is no name", "is a space missing?")


def _check_behind(level: _Level, switch: str, text: str) -> None:
    """Refuse a text directly behind a switch that is a value of it rather than a prompt, by the rule of `--cloud=`."""
    if value_word(text) in (_HERE if switch == "--cloud" else _OFF):
        hint = "write --local to keep a prompt here, or put -- before one that is this word."
        level.refuse(f"{switch} takes no value", hint)
    is_one_word = sum(any(map(str.isalnum, word)) for word in text.split()) < 2
    if is_one_word and next(_folded(text), "") in {"=", ":"}:
        hint = "write --cloud=NAME without a space" if switch == "--cloud" else "leave it out"
        level.refuse(f"{switch} is given a value apart", f"{hint}, or put -- before a prompt.")


def value_word(text: str) -> str:
    """Return a text as a value is compared: its visible characters in lower case, without the signs around them."""
    return _OUTER_SIGNS.sub("", "".join(islice(_folded(text), _LONGEST)))


def _is_switch(level: _Level, name: str) -> bool:
    return name in level.options and not level.takes_value(name)


def _check_value(level: _Level, option: str, value: str) -> None:
    if option == "--limit" and value.isascii() and value[1:].replace(".", "", 1).isdigit():
        # It is refused as an amount, and not as an option.
        return
    if next(_folded(value), "") == "-" and not (value == "-" and level.is_file(option)):
        # An empty shell variable before it makes an option the value of another: `-m $MODEL --local`.
        level.refuse(f"{option} is given an option as its value", "is a shell variable empty?")
    if not level.is_file(option):
        _check_text(level, value, f"the value of {option}")


def _check_text(level: _Level, text: str, what: str) -> None:
    if text.isascii() and "--" not in text and text.lstrip()[:1].isalnum():
        return
    head = "".join(islice(_folded(text), _LONGEST))
    if head.startswith("-") and not (text == "-" and level.takes_files):
        _refuse_dash(level, text)
    if name := level.option_of(head):
        level.refuse(f"{what} looks like {name} and is not", f"did you mean {name}?")
    shown = "".join(_spaced(text[-_LONGEST_LINE:] if text.isascii() else text))
    found = _GLUED.search(shown[-_LONGEST * 2 :]) or _AFTER_OTHER_SPACE.search(shown) or _AFTER_BREAK.search(shown)
    if found and (name := level.option_of(f"--{found[1]}")):
        level.refuse(f"{what} holds {name} without a space before it", "is one missing, or of another kind?")


def _refuse_dash(level: _Level, argument: str) -> NoReturn:
    """Refuse an argument that begins with a dash, and name the option that may have been meant."""
    head = "".join(islice(_folded(argument), _LONGEST))
    name = level.option_of(head)
    if name is None and argument.startswith("--") and len(argument) < _LONGEST:
        from difflib import get_close_matches

        name = next(iter(get_close_matches(head.partition("=")[0], level.options, 1, 0.75)), None)
    if name:
        level.refuse(f"an argument looks like {name} and is not", f"did you mean {name}?")
    hint = "put -- before a text that does, or pipe it in." if level.takes_prompts else ""
    level.refuse("an argument begins with a dash and is no option", hint)


def _squeezed(name: str) -> str:
    """Return a name without its dashes; one letter keeps one, since `-s` is not the word `s`."""
    word = name.replace("-", "").replace("_", "").casefold()
    return word if len(word) > 1 else f"-{word}"


def _folded(text: str) -> Iterator[str]:
    """Yield a text's visible characters: every dash as `-`, every letter as a plain lower-case one."""
    for letter in _spaced(text):
        if letter not in {"", " ", _OTHER_SPACE, _BREAK}:
            yield "-" if letter == "--" else letter


def _spaced(text: str) -> Iterator[str]:
    """Yield a text's visible characters and three kinds of spaces; a dash that may stand for two becomes two."""
    return map(_plain, text)


@cache
def _plain(letter: str) -> str:
    if letter.isascii():
        return letter.lower() if letter.isprintable() else _BREAK * letter.isspace()
    from unicodedata import category, name, normalize

    kind = category(letter)
    if kind[0] == "Z":
        return _OTHER_SPACE
    words = set(name(letter, "").replace("-", " ").split()) if kind[0] in "PS" or kind == "Lm" else set()
    if kind == "Pd" or letter in _DASHES or (words & _STROKES and not words & {"PLUS", "VERTICAL", "WITH"}):
        return "-" if letter in _HYPHENS else "--"
    if letter in _BLANK or (kind[0] in "CM" and kind != "Cs"):
        return ""
    return normalize("NFKC", letter).casefold()
