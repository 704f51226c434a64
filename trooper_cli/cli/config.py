"""`trooper config`: what is set, where it is set, and setting it."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.ask.variables import check_variables
from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.errors import ConfigurationError, UsageError
from trooper_cli.settings import KNOWN, Settings, Value, parse

if TYPE_CHECKING:
    from pathlib import Path

    from trooper_cli.config_file import TomlValue
    from trooper_cli.settings import SettingValue

# Of letters and figures together; names of programs and of people are shorter.
_LONG_WORD = 16
# What may be a name that is misspelt.
_NAME = re.compile(r"[A-Za-z_-]{1,32}")

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

OfSession = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-s", "--session", metavar="NAME", help="The defaults of this session instead of config.toml."),
]
SettingName = Annotated[str, typer.Argument(metavar="SETTING", help="A name as `trooper config` prints it.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing if all goes well.")]


@app.callback()
def config(context: typer.Context, *, session: OfSession = None, as_json: JsonOption = False) -> int:
    """Show each setting with its value and its origin: flag, env, session, config or default.

    \b
    trooper config
    trooper config -s ops --json | jq .cloud_model
    trooper config set budget 8000
    trooper config set -s ops local 1
    """  # noqa: D301
    if context.invoked_subcommand is not None:
        if session is not None or as_json:
            raise UsageError(f"options stand after `trooper config {context.invoked_subcommand}`")
        return 0
    environment = environment_of(context)
    output, settings = environment.output(), environment.settings(check=False)
    chosen = Value(session, "flag") if session is not None else settings.value("session")
    if isinstance(chosen.value, str):
        from trooper_cli.store.session import settings_of

        settings = settings.with_session(settings_of(environment.home, chosen.value))
    code = 0
    try:
        check_variables(settings.environ)
    except ConfigurationError as error:
        environment.say(str(error))
        code = error.code
    found: dict[str, tuple[SettingValue, str]] = {}
    for name in KNOWN:
        try:
            value, origin = chosen if name == "session" else settings.value(name)
            found[name] = _shown(name, value), origin
        except ConfigurationError as error:
            environment.say(str(error))
            code = error.code
    if names := _clouds(settings):
        found["clouds"] = names, "config"
    if as_json:
        rows = {
            name: {"value": value, "origin": origin, "variable": KNOWN[name].variable if name in KNOWN else None}
            for name, (value, origin) in found.items()
        }
        output.write(f"{json.dumps(rows, ensure_ascii=False)}\n")
        return code
    width = max(map(len, found), default=0)
    for name, (value, origin) in found.items():
        output.write(f"{name:<{width}}  {origin:<7}  ")
        output.write(f"{_as_text(value)}\n", "" if origin != "default" else "dim")
    if output.is_terminal:
        output.write(f"\nconfig.toml is {settings.file}\n", "dim")
    return code


@app.command("set", context_settings={"ignore_unknown_options": True})  # A number may be below zero.
def set_value(
    context: typer.Context,
    name: SettingName,
    values: Annotated[list[str], typer.Argument(metavar="VALUE...", help="Several for a list.")],
    *,
    session: OfSession = None,
    quiet: Quiet = False,
) -> int:
    """Set a value in config.toml, whose comments stay, or as a default of one session.

    \b
    trooper config set cloud off
    trooper config set local_hosts gpu.lan
    trooper config set api_key_cmd "pass show anthropic"
    trooper config set -s ops local 1
    """  # noqa: D301
    environment = environment_of(context)
    settings = environment.settings()
    _check_name(name, settings, in_session=session is not None)
    value = _checked(name, values)
    if session is not None:
        from trooper_cli.store.session import Session

        with closing(Session.open_or_create(environment.home, session)) as opened:
            opened.set(name, "\n".join(values) if isinstance(value, list) else _stored(value))
    else:
        from trooper_cli.config_file import change

        file = _file(settings)
        if KNOWN[name].kind == "key" and file.exists():
            # Before the key is in it, and where a link leads.
            from trooper_cli.files import chmod_private

            chmod_private(file.resolve())
        change(file, name, value)
    variable = KNOWN[name].variable
    if variable in settings.environ:
        environment.notices(quiet=quiet).notify(f"{variable} is set in this environment and goes before it")
    return 0


@app.command()
def unset(context: typer.Context, name: SettingName, *, session: OfSession = None) -> int:
    """Remove a value from config.toml or from the defaults of one session.

    \b
    trooper config unset cloud_model
    trooper config unset -s ops local
    """  # noqa: D301
    environment = environment_of(context)
    settings = environment.settings()
    if session is not None:
        from trooper_cli.store.session import Session

        _check_name(name, settings, in_session=True)
        with closing(Session.open(environment.home, session)) as opened:
            opened.set(name, None)
        return 0
    from trooper_cli.config_file import change

    # A misspelt name stands in the file as well, and is what one wants out of it most.
    if not change(_file(settings), name, None) and name not in KNOWN:
        raise _no_setting(name)
    return 0


def _clouds(settings: Settings) -> tuple[str, ...]:
    """Return the names of the tables of `[[clouds]]`, by which `--cloud=NAME` asks them."""
    from trooper_cli.engines.clouds import names_of_clouds

    try:
        return tuple(names_of_clouds(settings)[1:])
    except ConfigurationError:
        # What is wrong with the file is said of its settings.
        return ()


def _file(settings: Settings) -> Path:
    assert settings.file is not None  # noqa: S101
    return settings.file


def _no_setting(name: str) -> UsageError:
    # What is no name may be a prompt or a key, which no error repeats.
    shown = f"there is no setting {name!r}" if _NAME.fullmatch(name) else "this is no name of a setting"
    return UsageError(f"{shown}; `trooper config` lists them")


def _check_name(name: str, settings: Settings, *, in_session: bool) -> None:
    if name == "clouds":
        raise UsageError(f"clouds are tables, each under [[clouds]] in {settings.file}; see docs/fallback.md")
    if name not in KNOWN:
        raise _no_setting(name)
    known = KNOWN[name]
    if in_session and not known.in_session:
        raise UsageError(f"{name} is not a setting of one session; set it in {settings.file}")
    if not in_session and not known.in_file:
        raise UsageError(f"{name} is a setting of a call, by {known.variable}, and not of config.toml; see also -s")


def _checked(name: str, values: list[str]) -> TomlValue:
    """Return the value in the type that it has in TOML.

    Raises:
        UsageError: the setting cannot have this value.

    """
    known = KNOWN[name]
    if known.kind == "list":
        if any(not value or "\n" in value for value in values):
            raise UsageError(f"{name} is a list of texts of one line each")
        if name == "guard_patterns":
            from trooper_cli.guard import user_patterns

            user_patterns.find("", values)
        _parsed(name, values)
        return values
    if len(values) > 1:
        raise UsageError(f"{name} has one value; quote it if it holds spaces")
    value = values[0]
    if not value:
        raise UsageError(f"{name} cannot be empty; `trooper config unset {name}` takes it out")
    if known.kind == "boolean":
        value = {"true": "1", "false": "0"}.get(value.lower(), value)
    parsed = _parsed(name, value)
    return list(parsed) if isinstance(parsed, tuple) else parsed


def _parsed(name: str, value: object) -> str | int | float | tuple[str, ...]:
    try:
        return parse(name, value)
    except ValueError as fault:
        raise UsageError(f"{name} {fault}") from fault


def _stored(value: TomlValue) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _shown(name: str, value: SettingValue) -> SettingValue:
    if KNOWN[name].kind == "key" and value is not None:
        return "***"
    if KNOWN[name].kind == "command" and isinstance(value, str):
        from trooper_cli.guard.credentials import mask

        return " ".join(map(_shown_word, mask(value).split(" ")))
    # An empty list is no value either.
    return value or None if isinstance(value, tuple) else value


def _shown_word(word: str) -> str:
    """Return a word of a command, without what may be a key: many letters and figures in a row."""
    longest = max(re.findall(r"[A-Za-z0-9+=_]+", word), key=len, default="")
    is_mixed = any(map(str.isdigit, longest)) and any(map(str.isalpha, longest))
    return word.replace(longest, "***") if len(longest) >= _LONG_WORD and is_mixed else word


def _as_text(value: SettingValue) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "-" if value is None else ", ".join(value) if isinstance(value, tuple) else str(value)
