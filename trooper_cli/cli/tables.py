"""Tables that fit the terminal, and what stands in their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trooper_cli.cli.terminal import Output

_GAP = 2
_SHORTEST_BAR, _LONGEST_BAR = 8, 24


class Column(NamedTuple):
    """A column of a table."""

    head: str
    is_number: bool = False


def write_table(
    output: Output,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str] = (),
    bars: Sequence[tuple[float, str]] = (),
) -> None:
    """Write rows under the heads of their columns, for a terminal.

    A column without a word in it is left out. Columns that the width has no room for follow each row in lines of their
    own, each with its head before it, so that nothing is cut.

    Args:
        output: a terminal.
        columns: from the one that names the row to the one that matters least.
        rows: a cell for each column.
        styles: of each row; none without.
        bars: for each row a share from 0 to 1 and a style; drawn behind it where all columns fit and leave room.

    """
    from trooper_cli.cli.screen import write_paragraph

    filled = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    widths = {at: max(map(_cells, [columns[at].head, *(row[at] for row in rows)])) for at in filled}
    beside: list[int] = []
    while filled and sum(widths[at] + _GAP for at in [*beside, filled[0]]) - _GAP <= output.width:
        beside.append(filled.pop(0))
    if not beside:
        beside.append(filled.pop(0))
    below = filled
    taken = sum(widths[at] + _GAP for at in beside)
    room = min(output.width - taken, _LONGEST_BAR)
    room = 0 if below or room < _SHORTEST_BAR else room

    def line_of(cells: Sequence[str]) -> str:
        return (" " * _GAP).join(_padded(cells[at], widths[at], is_number=columns[at].is_number) for at in beside)

    write_paragraph(output, line_of([column.head for column in columns]).rstrip(), "dim")
    for number, row in enumerate(rows):
        style = styles[number] if styles else ""
        if bars and room:
            share, colour = bars[number]
            first = [(f"{line_of(row)}{' ' * _GAP}", style), (_bar(share, room), colour)]
            write_paragraph(output, "", first=first)
        else:
            write_paragraph(output, line_of(row).rstrip(), style)
        if rest := "; ".join(f"{columns[at].head} {row[at]}" for at in below if row[at]):
            write_paragraph(output, rest, "dim", first=[(" " * _GAP, "")])


def _bar(share: float, room: int) -> str:
    eighths = round(room * 8 * share)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _cells(text: str) -> int:
    from rich.cells import cell_len

    from trooper_cli.cli.terminal import escaped

    return cell_len(escaped(text))


def _padded(text: str, width: int, *, is_number: bool) -> str:
    space = " " * (width - _cells(text))
    return f"{space}{text}" if is_number else f"{text}{space}"


def local_time(at: str) -> str:
    """Return a time of this machine's clock to the minute; what is no time stays as it is."""
    from datetime import datetime

    try:
        return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return at


def ranges(numbers: Iterable[int]) -> str:
    """Return whole numbers in their order, with those that follow each other as a range: `1-3, 7`, with a dash."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}\N{EN DASH}{last}" for first, last in found)
