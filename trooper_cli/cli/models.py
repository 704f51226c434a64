"""`trooper models`: the models that an ask can use, where each of them runs, and which one would be used now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import typer

from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.errors import TrooperError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trooper_cli.cli.terminal import Output
    from trooper_cli.engines.engine import LocalEngine
    from trooper_cli.engines.ollama import Server
    from trooper_cli.settings import Settings
    from trooper_cli.store.prices import Prices

PLAIN, LOCAL = "ask", "ask --local"


class Row(NamedTuple):
    """One model. `proof` is what shows that it runs here: `process`, `loopback` or `local_hosts`; '' for a cloud's.

    `size` is in bytes and `context` in tokens, 0 where they are not known. `refused` is why Trooper does not use it.
    `capabilities` is what its engine says that it can do, None where it says nothing.
    """

    side: str
    engine: str
    name: str
    proof: str = ""
    host: str = ""
    size: int = 0
    licence: str = ""
    context: int = 0
    price: tuple[float, float] | None = None
    used_by: tuple[str, ...] = ()
    refused: str = ""
    capabilities: tuple[str, ...] | None = None


def models(context: typer.Context, *, as_json: JsonOption = False) -> int:
    """List the models: side, where they run, what they can do, context, price, and who uses them.

    Only this machine is asked, and hosts of local_hosts; no cloud is contacted. What runs
    here says by what that is shown: it is in this process, or its server has a loopback
    address. What a model can do is what its engine says, if it does. The last column says
    which model a plain ask and a private one would use now, or why none uses it.

    \b
    trooper models
    trooper models --json | jq -r '.models[] | select(.used_by != []) | .name'
    """  # noqa: D301
    from trooper_cli.engines.pulled import unfinished_models
    from trooper_cli.store.prices import load

    environment = environment_of(context)
    settings = environment.settings()
    assert settings.file is not None  # noqa: S101
    prices = load(settings.file.with_name("prices.toml"))
    rows = list(_rows(settings, environment.home, prices, environment.say))
    unfinished = list(unfinished_models(environment.home))
    if as_json:
        record = {
            "models": [_as_json(row) for row in rows],
            "unfinished": [part._asdict() for part in unfinished],
            "prices": {"currency": "USD", "per": "million tokens", "date": prices.date, "source": prices.source},
        }
        environment.output().write(f"{json.dumps(record, ensure_ascii=False)}\n")
        return 0
    _print(rows, environment.output())
    # Where another program serves the models, nothing that is pulled is used.
    if settings.text("local_url") is None or settings.text("local_engine") is not None:
        _print_hints(rows, environment)
    for part in unfinished:
        from trooper_cli.engines.model_fetch import gigabytes

        here = f"{gigabytes(part.here)} of {gigabytes(part.size)}"
        environment.say(f"{part.file} is not whole yet ({here}); the `trooper pull` that began it goes on from there")
    return 0


def _rows(settings: Settings, home: Path, prices: Prices, say: Callable[[str], None]) -> Iterator[Row]:
    from trooper_cli.engines.local import local_engine, local_key
    from trooper_cli.net.egress import this_machine_only

    plain = _side_of_plain(settings, say)
    yield from _clouds(settings, prices, is_plain=plain == "cloud")
    users = (LOCAL,) if plain != "local" else (PLAIN, LOCAL)
    chosen, key, said = None, None, set[str]()
    try:
        key = local_key(settings)
    except TrooperError as error:
        say(str(error))
        said.add(str(error))
    with this_machine_only():
        try:
            chosen = local_engine(settings, home, None, connect=True, key=key)
        except TrooperError as error:
            if str(error) not in said:
                say(str(error))
        yield from _ollama(settings, chosen, users, say)
        if chosen is not None and chosen.name == "openai":
            yield _server(settings, chosen, users)
        yield from _pulled(settings, home, chosen, users, say)


def _side_of_plain(settings: Settings, say: Callable[[str], None]) -> str:
    """Return on which side an ask without flags is executed; '' if it is refused."""
    from trooper_cli.ask.route import decide
    from trooper_cli.engines.clouds import has_cloud

    try:
        return decide(
            local_flag=None,
            local_setting=settings.boolean("local"),
            origin=settings.value("local").origin,
            cloud_lock=settings.text("cloud") == "off",
            has_key=lambda: has_cloud(settings),
        ).side
    except TrooperError as error:
        say(str(error))
        return ""


def _clouds(settings: Settings, prices: Prices, *, is_plain: bool) -> Iterator[Row]:
    """Yield the model of each cloud that has a key, without asking it."""
    from urllib.parse import urlsplit

    from trooper_cli.engines.clouds import clouds

    is_locked = settings.text("cloud") == "off"
    for number, cloud in enumerate(clouds(settings, connect=False)):
        price = prices.of(cloud.model, 0)
        yield Row(
            "cloud",
            cloud.name,
            cloud.model,
            host=urlsplit(cloud.account[0]).netloc,
            context=cloud.window(),
            price=(price.input, price.output) if price else None,
            used_by=(PLAIN,) if is_plain and number == 0 else (),
            refused="the cloud is locked" if is_locked else "",
        )


def _ollama(
    settings: Settings, chosen: LocalEngine | None, users: tuple[str, ...], say: Callable[[str], None]
) -> Iterator[Row]:
    from trooper_cli.engines.ollama import Server
    from trooper_cli.engines.ollama_listing import ELSEWHERE, listed

    try:
        server = Server(settings.environ, settings.words("local_hosts"))
        found = server.inventory()
        here = listed(server, found.models)
    except UnavailableError:
        # It is not running; where it is wanted, the choice of the engine has said so.
        return
    except TrooperError as error:
        say(str(error))
        return
    proof = "local_hosts" if server.on_network else "loopback"
    for model in here:
        is_used = chosen is not None and chosen.name == "ollama" and model.name in _names(chosen.model)
        if model.refused == ELSEWHERE:
            yield Row("cloud", "ollama", model.name, refused=ELSEWHERE, capabilities=model.capabilities)
            continue
        yield Row(
            "local", "ollama", model.name, proof, _host(server), model.size, model.licence, model.context,
            used_by=users if is_used else (), refused=model.refused, capabilities=model.capabilities,
        )  # fmt: skip
    for name in found.elsewhere:
        yield Row("cloud", "ollama", name, refused=ELSEWHERE)


def _names(model: str) -> set[str]:
    return {model, f"{model}:latest"}


def _host(server: Server) -> str:
    from urllib.parse import urlsplit

    return urlsplit(server.endpoint().url).netloc


def _server(settings: Settings, chosen: LocalEngine, users: tuple[str, ...]) -> Row:
    from urllib.parse import urlsplit

    proof = "local_hosts" if chosen.on_network else "loopback"
    host = urlsplit(settings.text("local_url") or "").netloc.rpartition("@")[2]
    return Row("local", chosen.name, chosen.model or "default", proof, host, context=chosen.window(), used_by=users)


def _pulled(
    settings: Settings, home: Path, chosen: LocalEngine | None, users: tuple[str, ...], say: Callable[[str], None]
) -> Iterator[Row]:
    """Yield the models of `trooper pull`, and the file that is named by its path."""
    from trooper_cli.engines.gguf import header
    from trooper_cli.engines.known_models import known_model
    from trooper_cli.engines.local import installed
    from trooper_cli.engines.pulled import embedded_model, name_of, pulled_models

    paths = pulled_models(home)
    used = None
    try:
        used = embedded_model(settings, home)
    except TrooperError as error:
        say(str(error))
    if used is not None and used not in paths:
        paths.insert(0, used)
    for path in paths:
        known, refused, size = known_model(path.name), "", 0
        context, licence = 0, known.licence if known else ""
        try:
            found = header(path)
            size, context, licence = path.stat().st_size, found.context, licence or found.licence
        except (TrooperError, OSError) as error:
            refused = str(error)
        is_used = chosen is not None and chosen.name == "embedded" and path == used
        yield Row(
            "local", "embedded", name_of(path), "process", "", size, licence, context,
            used_by=users if is_used else (),
            refused=refused or ("" if installed() else "the embedded engine is not installed"),
        )  # fmt: skip


def _as_json(row: Row) -> dict[str, object]:
    """Return a row with null for what is not known. What runs here costs no tokens."""
    price = {"input": row.price[0], "output": row.price[1]} if row.price else None
    return {
        "side": row.side,
        "engine": row.engine,
        "name": row.name,
        "proof": row.proof or None,
        "host": row.host or None,
        "size": row.size or None,
        "licence": row.licence or None,
        "context": row.context or None,
        "capabilities": list(row.capabilities) if row.capabilities is not None else None,
        "price": {"input": 0, "output": 0} if row.side == "local" else price,
        "used_by": list(row.used_by),
        "refused": row.refused or None,
    }


_PLACES = {
    "process": "here (in this process)",
    "loopback": "here (loopback)",
    "local_hosts": "your network (local_hosts)",
    "": "",
}


_HEADS = ("side", "engine", "model", "runs", "can", "size", "context", "licence", "USD in/out", "used by")
_FIGURES = {"size", "context", "USD in/out"}


def _print(rows: list[Row], output: Output) -> None:
    if not rows:
        return
    if output.is_terminal:
        _show(rows, output)
        return
    cells = [_HEADS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        padded = [
            cell.rjust(width) if head in _FIGURES else cell.ljust(width)
            for head, cell, width in zip(_HEADS, line, widths, strict=True)
        ]
        style = "dim" if number == 0 else "bold" if rows[number - 1].used_by else ""
        output.write(f"{'  '.join(padded).rstrip()}\n", style)


# From what names a model to what matters least.
_ON_A_TERMINAL = ("model", "side", "engine", "used by", "can", "context", "USD in/out", "runs", "size", "licence")


def _show(rows: list[Row], output: Output) -> None:
    from trooper_cli.cli.tables import Column, write_table

    places = [_HEADS.index(head) for head in _ON_A_TERMINAL]
    columns = [Column(head, is_number=head in _FIGURES) for head in _ON_A_TERMINAL]
    cells = [[cells[at].replace("not used: ", "nothing: ") for at in places] for cells in map(_cells, rows)]
    write_table(output, columns, cells, ["bold" if row.used_by else "" for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    from trooper_cli.engines.model_fetch import gigabytes

    price = "free" if row.side == "local" else f"{row.price[0]:g}/{row.price[1]:g}" if row.price else "?"
    return (
        row.side,
        row.engine,
        row.name,
        _PLACES[row.proof] or f"elsewhere ({row.host or 'a cloud of Ollama'})",
        ", ".join(row.capabilities or ()),
        gigabytes(row.size) if row.size else "",
        f"{row.context:,}" if row.context else "",
        row.licence,
        price,
        f"not used: {row.refused}" if row.refused else ", ".join(row.used_by),
    )


def _print_hints(rows: list[Row], environment: Environment) -> None:
    if not any(row.side == "local" and not row.refused for row in rows):
        environment.say(
            "no model on this machine yet; `trooper pull` fetches a small one, `trooper pull --help` lists more"
        )
