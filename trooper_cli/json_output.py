"""The JSON that commands print, as types: what a program may rely on.

`docs/schemas/` and the tables of fields in the reference are made from these by `python -m tools.generate`. The types
are read by the type checker and the generator, which lists the commands that print them; nothing loads them when a
command runs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, NotRequired, TypedDict

from trooper_cli.turn import Label, Side

Reason = Literal[
    "flag", "env", "session", "policy", "default", "no_key", "breaker", "fallback", "limit", "leak", "path"
]


class Usage(TypedDict):
    """Tokens, as the engine counted them."""

    input: Annotated[int, "tokens that were read"]
    output: Annotated[int, "tokens that were written"]
    cache_read: Annotated[int, "input that was read from the cloud's cache"]
    cache_write: Annotated[int, "input that was written to the cloud's cache"]
    thinking: Annotated[int, "the part of the output that went into thinking"]


class Context(TypedDict):
    """What of the session the model was told; numbers are those of its turns."""

    anchor: Annotated[list[int], "the first turns, verbatim"]
    sitrep: Annotated[list[int], "turns of which the report tells something"]
    tail: Annotated[list[int], "the latest turns, verbatim"]
    tokens: Annotated[float, "estimated tokens of context and prompt"]
    budget: Annotated[float, "most tokens of context and prompt"]
    text: NotRequired[Annotated[str, "with --dry-run: all that the model would read but the prompt itself"]]


# `from` is a word of the language.
Fallback = TypedDict(
    "Fallback",
    {
        "from": Annotated[str, "the engine that was asked first"],
        "cause": Annotated[str, "the kind of failure, such as QuotaError"],
    },
)


class Answer(TypedDict):
    """An answer."""

    answer: Annotated[str, "its text"]
    session: Annotated[str | None, "its name; null for a one-off turn"]
    turn: Annotated[int, "its number in the session, from 1; 0 for a one-off turn"]
    label: Annotated[Label, "whether the cloud may be told of it later"]
    route: Annotated[Side, "where it was executed"]
    reason: Annotated[Reason, "why there"]
    engine: Annotated[str, "anthropic, a name of [[clouds]], ollama, openai or embedded"]
    model: Annotated[str, "as the engine names it"]
    host: Annotated[str, "the host that was connected to; embedded for the engine in this process"]
    network: Annotated[bool, "a host of local_hosts executed it, not this machine itself"]
    inference_geo: Annotated[str | None, "where the cloud says that it computed"]
    stop: Annotated[str, "end_turn, max_tokens, repetition, or what the engine calls it"]
    usage: Usage
    cost: Annotated[float | None, "USD; 0 for this machine, null where no price is known"]
    context: Context
    fallback: Annotated[Fallback | None, "why another engine than the first answered"]
    seconds: Annotated[float, "from the decision to the end of the answer"]
    data: NotRequired[Annotated[object, "with --schema: the value of the answer, any JSON"]]


class BatchAnswer(Answer):
    """An answer to a line of a batch."""

    id: Annotated[str | float | None, "the id of the line; null if it has none"]
    line: Annotated[int, "the number of the line, from 1"]
    error: NotRequired[Annotated[str, "present where the answer could not be recorded: what happened"]]
    exit: NotRequired[Annotated[int, "beside error: the exit code of a single ask"]]


class BatchFailure(TypedDict):
    """A line of a batch that has no answer."""

    id: Annotated[str | float | None, "the id of the line; null if it has none"]
    line: Annotated[int, "the number of the line, from 1"]
    error: Annotated[str, "what a single ask would have said; never the prompt"]
    exit: Annotated[int, "the exit code of a single ask"]


class Request(TypedDict):
    """The request that an ask would send, with what the model would read."""

    label: Annotated[Label, "whether the cloud may be told of it later"]
    route: Annotated[Side, "where it would be executed"]
    reason: Annotated[Reason, "why there"]
    engine: Annotated[str, "anthropic, a name of [[clouds]], ollama, openai or embedded"]
    model: Annotated[str, "as the engine names it"]
    url: Annotated[str, "where it would be sent; embedded:PATH for the engine in this process"]
    headers: Annotated[dict[str, str], "secrets are shown as ***"]
    body: Annotated[object, "the request body, as it would be sent"]
    body_sha256: Annotated[str, "of the body"]
    context: Context


class Session(TypedDict):
    """A session, one object a line."""

    session: Annotated[str, "its name"]
    turns: Annotated[int, "how many"]
    private: Annotated[int, "how many of the turns are private"]
    newest: Annotated[str | None, "the time of the newest turn, UTC"]


class ExportedTurn(TypedDict):
    """A turn, one object a line, as `trooper import` reads it."""

    turn: Annotated[int, "its number in the session, from 1"]
    at: Annotated[str, "when it was asked, UTC"]
    label: Annotated[Label, "whether the cloud may be told of it"]
    prompt: Annotated[str, "what was asked"]
    answer: Annotated[str, "what arrived of the answer"]
    engine: Annotated[str | None, "what executed it; null if nothing did"]
    model: Annotated[str | None, "as the engine names it"]
    status: Annotated[str, "how far it came: asked, answered, incomplete, refused or failed"]
    system: NotRequired[Annotated[str, "present where the turn had a system prompt"]]


class Turn(ExportedTurn):
    """A turn of a session, one object a line."""

    stop: Annotated[str | None, "why the answer ended"]


class ReportLine(TypedDict):
    """A line of a situation report."""

    kind: Annotated[str, "the heading it stands under"]
    turn: Annotated[int, "the turn that it is from"]
    text: Annotated[str, "as it is told"]


Report = TypedDict(
    "Report",
    {
        "session": Annotated[str, "its name"],
        "as": Annotated[Side, "which side is told this"],
        "turns": Annotated[int, "how many turns the report is of"],
        "lines": Annotated[list[ReportLine], "what is told, line by line"],
        "text": Annotated[str, "the whole report"],
        "written_by": Annotated[str | None, "with --write: the model that wrote it"],
    },
)


class Departure(TypedDict):
    """A request that left this machine, or an act of sharing, one object a line."""

    at: Annotated[str, "when, UTC"]
    to: Annotated[Literal["cloud", "network", "share"], "a cloud, a host of local_hosts, or the public turns"]
    host: Annotated[str, "where it went"]
    bytes: Annotated[int, "size of the request's body"]
    sha256: Annotated[str, "of the request's body"]
    turn: Annotated[int | None, "the turn that was asked; null where it was erased, and for a count"]
    turns: Annotated[list[int], "earlier turns that took part"]
    private: Annotated[list[int], "those of all these that are private"]
    counted_private: Annotated[int, "how many were private when it left"]
    outcome: Annotated[str, "what became of it: the status of the turn, the kind of failure, or counted"]
    inference_geo: Annotated[str | None, "where the cloud says that it computed"]


class Finding(TypedDict):
    """Something the guard found in a text, one object a line; never the text itself."""

    file: Annotated[str, "- for standard input"]
    kind: Annotated[str, "private text, or the rule that it matches"]
    offset: Annotated[int, "characters before it"]
    length: Annotated[int, "characters"]
    session: NotRequired[Annotated[str, "the session whose private turn holds that text"]]
    turn: NotRequired[Annotated[int, "the number of that turn"]]


class State(StrEnum):
    """How a check stands: `warn` is worth knowing and stops nothing."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(TypedDict):
    """What was looked at, how it stands, and the next step."""

    check: Annotated[str, "what was looked at"]
    state: Annotated[State, "warn is worth knowing and stops nothing"]
    text: Annotated[str, "what was found"]
    next: Annotated[str, "the next step; empty if there is none"]


class Health(TypedDict):
    """What works and what does not."""

    works: Annotated[bool, "a plain ask would work"]
    exit: Annotated[int, "the exit code that it would have, and that doctor has"]
    checks: Annotated[list[Check], "one after the other"]


class Setting(TypedDict):
    """The value of a setting."""

    value: Annotated[object, "as it is in force; secrets are not shown"]
    origin: Annotated[str, "where it is from: default, file, env, session or flag"]
    variable: Annotated[str | None, "the environment variable that sets it"]


class Used(TypedDict):
    """What one model on one side used."""

    side: Annotated[Side, "where it was executed"]
    engine: Annotated[str, "what executed it"]
    model: Annotated[str, "as the engine names it"]
    requests: Annotated[int, "how many"]
    without_figures: Annotated[int, "requests that came to no end"]
    input: Annotated[int, "tokens"]
    output: Annotated[int, "tokens"]
    cache_read: Annotated[int, "tokens"]
    cache_write: Annotated[int, "tokens"]
    cost: Annotated[float | None, "USD; null where no price is known"]


class Saved(TypedDict):
    """What a way of saving came to."""

    tokens: Annotated[int, "that were not sent, or counted here"]
    dollars: Annotated[float | None, "USD; null where no price is known"]


class PriceSource(TypedDict):
    """Where prices are from."""

    date: Annotated[str, "of the table"]
    source: Annotated[str, "whose table it is"]


class Limit(TypedDict):
    """A spending cap, in USD."""

    limit: Annotated[float, "the cap"]
    spent: Annotated[float | None, "what was spent, or may be by requests under way; null where a price is not known"]
    left: Annotated[float | None, "what is left; null where a price is not known"]


class Limits(TypedDict):
    """The spending caps and what is left of them."""

    day: Annotated[Limit | None, "limit_day; null where there is none"]
    session: Annotated[Limit | None, "limit_session of the session that is named; null where there is none"]


class Totals(TypedDict):
    """Tokens, what they cost, and what was saved."""

    used: Annotated[list[Used], "one for each side, engine and model"]
    cloud_cost: Annotated[float, "USD, of all that has a price"]
    by_local: Annotated[Saved, "what local turns would have cost in the cloud"]
    by_compression: Annotated[Saved, "what was not sent, since memory is compressed"]
    currency: Annotated[Literal["USD"], "of all amounts"]
    prices: Annotated[PriceSource, "where they are from"]
    limits: Limits


class ModelPrice(TypedDict):
    """USD for a million tokens."""

    input: Annotated[float, "USD for a million tokens"]
    output: Annotated[float, "USD for a million tokens"]


class Model(TypedDict):
    """A model that an ask can use."""

    side: Annotated[Side, "who executes it: a cloud, or this machine"]
    engine: Annotated[str, "anthropic, a name of [[clouds]], ollama, openai or embedded"]
    name: Annotated[str, "what -m takes"]
    proof: Annotated[
        Literal["process", "loopback", "local_hosts"] | None,
        "what shows that it runs here: in this process, at a loopback address, or on a host that local_hosts names; "
        "null for a cloud",
    ]
    host: Annotated[str | None, "where it is asked; null in this process"]
    size: Annotated[int | None, "bytes on the disk"]
    licence: Annotated[str | None, "as the model's file or server states it"]
    context: Annotated[int | None, "tokens"]
    capabilities: Annotated[
        list[str] | None,
        "what its engine says that it can do: chat, think, see, embed, tools, insert, or a word of the engine's own; "
        "null if it says nothing",
    ]
    price: Annotated[ModelPrice | None, "null if it is not known"]
    used_by: Annotated[list[Literal["ask", "ask --local"]], "which asks use it now, where none names another one"]
    refused: Annotated[str | None, "why it is not used"]


class UnfinishedModel(TypedDict):
    """A model of which `trooper pull` has fetched a part."""

    file: Annotated[str, "its name in the folder of models"]
    here: Annotated[int, "bytes that have arrived"]
    size: Annotated[int, "bytes of the whole"]


class ModelPrices(PriceSource):
    """Where the prices of models are from, and in what they are."""

    currency: Annotated[Literal["USD"], "of the prices"]
    per: Annotated[Literal["million tokens"], "what a price is for"]


class Models(TypedDict):
    """The models that an ask can use, each with its side, the proof of its place, its context and its price."""

    models: Annotated[list[Model], "all of them"]
    unfinished: Annotated[list[UnfinishedModel], "what `trooper pull` has begun"]
    prices: Annotated[ModelPrices, "where they are from"]


class CountedText(TypedDict):
    """One text and its tokens."""

    file: Annotated[str, "as it was named; - for standard input"]
    tokens: Annotated[int, "of this text"]


class Count(TypedDict):
    """The tokens of one or more texts, and how they were counted."""

    tokens: Annotated[int, "of all texts together"]
    exact: Annotated[bool, "false for an estimate, and where long runs were counted in parts"]
    by: Annotated[Literal["estimate", "tiktoken", "cloud"], "what counted: cloud is Claude's API"]
    name: Annotated[str, "the encoding, or the model of Claude's"]
    factor: Annotated[float | None, "what an estimate was multiplied by"]
    texts: Annotated[list[CountedText], "in the order they were named"]
