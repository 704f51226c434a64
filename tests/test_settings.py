"""Settings have the types that they are of, wherever they are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trooper_cli.errors import ConfigurationError
from trooper_cli.settings import KNOWN, Settings

if TYPE_CHECKING:
    from pathlib import Path


def of_file(folder: Path, text: str, **environ: str) -> Settings:
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return Settings(environ, folder / "config.toml")


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("budget = 800", "budget", 800),
        ('budget = "800"', "budget", 800),
        ("fallback = false", "fallback", False),
        ("fallback = 1", "fallback", True),
        ('fallback = "0"', "fallback", False),
        ('local_hosts = ["a.lan", "", "b.lan"]', "local_hosts", ("a.lan", "b.lan")),
        ('local_hosts = "a.lan"', "local_hosts", ("a.lan",)),
        ('guard_patterns = """one\ntwo"""', "guard_patterns", ("one", "two")),
        ('guard_patterns = ["one\\ntwo"]', "guard_patterns", ("one\ntwo",)),
        ('cloud_model = "m"', "cloud_model", "m"),
    ],
)
def test_a_value_of_the_file_has_the_type_of_its_setting(tmp_path: Path, text: str, name: str, value: object) -> None:
    """Lists are lists, switches are booleans, numbers are numbers, in whichever way TOML may write them."""
    assert of_file(tmp_path, text).value(name) == (value, "config")


@pytest.mark.parametrize(
    "text",
    [
        "budget = true",
        "budget = 1.5",
        "budget = [1]",
        "fallback = 2",
        "fallback = [true]",
        "local_hosts = [1]",
        "local_hosts = 1",
        "[[local_hosts]]\nname = 'a'",
        'cloud_model = ["a", "b"]',
        "cloud_model = 1",
        "cloud = true",
        "[cloud]\nlock = 1",
        "api_key_cmd = ['pass', 'show']",
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, text: str) -> None:
    """What cannot be the setting's value is an error that names the setting, and never a guess."""
    settings = of_file(tmp_path, text)
    name = text.strip("[]").partition(" ")[0].partition("]")[0]
    with pytest.raises(ConfigurationError, match=f"^{name} in "):
        settings.validate(name)


def test_the_same_types_come_from_everywhere(tmp_path: Path) -> None:
    """The environment, a session and a default give what the file gives."""
    settings = of_file(tmp_path, "budget = 5\nfallback = true\n", TROOPER_BUDGET="7", TROOPER_LOCAL="0")
    assert (settings.number("budget"), settings.boolean("local"), settings.boolean("fallback")) == (7, False, True)
    assert (settings.words("guard_hosts"), settings.boolean("fallback")) == ((), True)
    within = settings.with_session({"budget": "9", "local": "1", "on_leak": "warn"})
    assert within.value("budget") == (7, "env")
    assert within.value("on_leak") == ("warn", "session")
    assert within.boolean("local") is False
    assert Settings({}).with_session({"local": "1"}).value("local") == (True, "session")


def test_a_session_changes_no_settings_but_its_own(tmp_path: Path) -> None:
    """The settings of a session are others: those without it stay as they were."""
    settings = of_file(tmp_path, "")
    before = {name: settings.value(name) for name in KNOWN}
    assert settings.with_session({"cloud": "off"}).text("cloud") == "off"
    assert {name: settings.value(name) for name in KNOWN} == before


def test_only_what_is_asked_for_is_validated() -> None:
    """One bad value stops those who need it."""
    settings = Settings({"TROOPER_BUDGET": "many", "TROOPER_LOCAL": "1"})
    settings.validate("local", "cloud")
    with pytest.raises(ConfigurationError, match=r"^TROOPER_BUDGET must be a whole number above 0; nothing was sent$"):
        settings.validate("local", "budget")


def test_a_setting_is_asked_for_by_its_type() -> None:
    """A boolean that somebody compares with a text would be no lock; it is a fault at once."""
    with pytest.raises(AssertionError):
        Settings({"TROOPER_LOCAL": "1"}).text("local")
