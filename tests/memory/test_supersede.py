from __future__ import annotations

import pytest

from tests.memory.views import Turns, report
from trooper_cli.memory import build, fold, search

FILLER = [
    (f"The {name} team works on part {number}.", "Good.")
    for number, name in enumerate(("red", "blue", "green", "white"))
]


def stale(*turns: tuple[str, str]) -> list[str]:
    state = fold.fold(Turns([("Hello there, team.", "Hello."), *turns]))
    return [unit.text for unit in state.units if unit.stale]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("Retention of the logs is 14 days.", "Retention of the logs is 30 days now."),
        ("The cutover is planned for Saturday, 12 October.", "We move the cutover to Saturday 19 October."),
        ("Jonas moderates the postmortem.", "Jonas is sick, so Agnieszka moderates the postmortem instead."),
        ("We read from shop-ro-2.internal.", "shop-ro-2.internal is retired, use shop-ro-5.internal instead."),
        ("The VM gets 24GB of memory.", "Give the VM 32GB of memory instead of 24GB."),
        ("The release is on 2 June.", "The release slips to 16 June."),
        ("Der Umbau kostet 14500 Euro.", "Der Umbau kostet jetzt 16000 statt 14500 Euro."),
        ("The cache TTL is 300 seconds.", "The cache TTL should be 60 seconds after all."),
        ("Rate limit: 100 requests per minute.", "We are raising the rate limit, 250 requests per minute."),
        ("The deploy window is Tuesday.", "The deploy window got changed: Thursday."),
        ("The port is 8080.", "8080 is taken, so the port is 9090."),
        ("The pool size is 20.", "The pool size is 40 since yesterday."),
        ("Timeout 5 s for uploads.", "Uploads got a longer timeout: 30 s."),
        ("Alerts go to #ops-alerts.", "Alerts belong in #sre-oncall, not #ops-alerts."),
        ("The chunk size is 512.", "Set the chunk size to 1024."),
        ("The limit is 12 hours per person.", "Kim changed the limit: 12 is too little, 20 hours."),
        ("Heap is 8 GB on the search nodes.", "8 GB of heap turned out too small on the search nodes, 16 GB."),
        ("DNS TTL is 3600 s.", "Lowered the DNS TTL, 300 s."),
        ("The versionCode is 740021.", "The versionCode had to be raised to 740024 because of 3 rebuilds."),
    ],
)
def test_a_reversed_statement_is_stale(older: str, newer: str) -> None:
    """The older value is marked by the newer one."""
    assert stale((older, "Noted."), *FILLER, (newer, "Noted."))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("The primary db-1 has 24 GB.", "The replica db-2 has 32 GB."),
        ("Retention of the logs is 14 days.", "Retention of the logs is 14 days now."),
        ("VLANs: office 10, phones 20, guests 30, printers 40.", "The guests VLAN is 130 instead of 30."),
        ("The alert fires at 50 clients.", "The pizza now costs 12 euros."),
        ("The API answers in 200 ms.", "The web page takes longer, 350 ms."),
        ("Retention of the logs is 14 days.", "14 days of logs are too much for one page, show 50 lines."),
        ("The cache TTL is 300 seconds.", "Since yesterday the cache holds 40 GB."),
        ("The demo is at 10:00 on Monday.", "Maria is on leave on Monday."),
        ("The port of the API is 8080.", "The port of the metrics is 9090."),
        ("Backup of server alpha takes 20 minutes.", "Backup of server beta takes 30 minutes."),
        ("Rollout of the app starts on 4 May.", "Rollout of the site starts on 9 May."),
    ],
)
def test_other_statements_stand(older: str, newer: str) -> None:
    """What is about something else, or says the same, or is a list, is left alone."""
    assert not stale((older, "Noted."), *FILLER, (newer, "Noted."))


def test_a_reversed_decision_is_not_told_in_its_old_form() -> None:
    """The report has the newest value, and without room for both not the old one."""
    turns = [
        ("Let's begin.", "Yes."),
        ("The limit of the pool is 80 connections.", "Noted."),
        *FILLER * 3,
        ("The limit of the pool is raised to 120 connections.", "Noted."),
    ]
    text = report(Turns(turns), 60)
    assert "120" in text
    assert "is 80" not in text
    assert "limit of pool 80" not in text


def test_what_replaced_a_value_is_told_in_its_place() -> None:
    """A question for the replica is told what replaced the replica, though that does not say "replica"."""
    turns = [
        ("Let's begin.", "Yes."),
        *FILLER,
        ("The replica to read from is shop-ro-2.internal.", "ok"),
        *FILLER * 4,
        ("shop-ro-2.internal is being retired, use shop-ro-5.internal instead.", "ok"),
        *FILLER * 8,
    ]
    notes = build(Turns(turns), "Which replica do we read from?", 300).messages[-1].text
    assert "shop-ro-5" in notes
    assert "(since changed) replica to read from shop-ro-2" in notes


def test_a_stale_unit_does_not_reach_a_small_context() -> None:
    """What an engine is told holds the new value beside the prompt."""
    turns = [
        ("Let's begin.", "Yes."),
        ("Nothing yet.", "Yes."),
        ("Retention of the logs is 14 days.", "Noted."),
        *FILLER * 8,
        ("Retention of the logs is 30 days now.", "Noted."),
        *FILLER * 8,
    ]
    context = build(Turns(turns), "How long is the retention?", 300)
    told = "\n".join(message.text for message in context.messages)
    assert "30 days" in told
    assert search.asked_terms("How long is the retention?") == ("long", "retent")
