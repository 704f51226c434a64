"""The report for people."""

from __future__ import annotations

from trooper_cli.memory import report, tokens
from trooper_cli.turn import Exchange

TALK = [
    Exchange("We have to move the billing database. It must not be down for more than 6 minutes.", "Understood."),
    Exchange("The cut-over is planned for Saturday 14 June.", "Noted, the cut-over on 14 June."),
    Exchange("By the way, what is the capital of Peru?", "Lima has 10 million people and was founded in 1535."),
    Exchange("Here is the log:\n```\n02:14 db01 rejected password\n02:15 db01 rejected password\n```", "I see."),
    Exchange("02:14 db01 rejected password for root", "Run `systemctl restart sshd` on db01."),
    Exchange("Change of plan: the cut-over moves to Saturday 21 June.", "Noted."),
    Exchange("Use 32GB for shared_buffers. We decided on logical replication for the cut-over.", "Fine."),
    Exchange("Still waiting for the certificate from Petra.", "Good luck."),
]


def written(turns: list[Exchange], room: float = 600) -> str:
    return "\n".join(f"{line.heading}: {line.text}" for line in report.lines(turns, room))


def test_what_is_open_comes_first_and_decisions_newest_first() -> None:
    """Open, rules, decisions: in this order, each with its whole sentence."""
    lines = written(TALK).splitlines()
    assert lines[0] == "Open: Still waiting for the certificate from Petra."
    assert any(line.startswith("Rules and limits: ") and "6 minutes" in line for line in lines)
    decisions = [line for line in lines if line.startswith("Decisions: ")]
    assert "logical replication" in decisions[0]
    assert "21 June" in decisions[1]


def test_a_changed_value_is_told_once_with_what_it_was() -> None:
    """The newest value stands, with the old one behind it and not on a line of its own."""
    text = written(TALK)
    assert "21 June (was 14 june)" in text
    assert text.count("14 ") == 1
    line = next(line for line in report.lines(TALK, 600) if "21 June" in line.text)
    assert set(line.turns) == {5, 1}


def test_no_code_no_logs_no_side_talk() -> None:
    """No decision is made out of a log line, and no general knowledge is told."""
    text = written(TALK)
    assert not any(word in text for word in ("rejected", "systemctl", "Lima", "Peru", "`", "Here is the log"))


def test_what_is_done_is_not_open() -> None:
    """A later word that it is done closes an item."""
    done = [*TALK, Exchange("The certificate from Petra arrived, that is done.", "Fine.")]
    assert not any(line.heading == report.OPEN for line in report.lines(done, 600))


def test_it_fits() -> None:
    """A smaller report has fewer lines, never half ones."""
    assert tokens.estimate(written(TALK * 9, 80)) <= 110
    whole = written(TALK)
    assert all(line in whole for line in written(TALK, 40).splitlines())


def test_a_mask_hides_what_it_hides() -> None:
    text = "\n".join(line.text for line in report.lines(TALK, 600, lambda said: said.replace("32GB", "[credential]")))
    assert "32GB" not in text
    assert "[credential]" in text
