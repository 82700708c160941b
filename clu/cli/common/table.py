"""Tables: as wide as the terminal, or, where there is none, as wide as what is in them."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from clu.cli.common.rendering import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

__all__ = ["make_table", "show_table", "span", "table_text"]

#: The columns of what is not a terminal: nothing is broken into lines.
_UNLIMITED = 10_000


def make_table(titles: Sequence[str], rows: Iterable[Sequence[Any]], folded: int = -1) -> Table:
    """Return a table.

    Parameters
    ----------
    titles
        The titles of the columns. A column without values is left out.
    rows
        The values of each row; None is an empty cell.
    folded
        The column that is broken into lines if the terminal is too narrow.
    """
    from rich.table import Table
    from rich.text import Text

    cells = [["" if value is None else printable(str(value)) for value in row] for row in rows]
    used = [number for number in range(len(titles)) if any(row[number] for row in cells)]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number in used:
        is_folded = number == folded % len(titles)
        table.add_column(titles[number], no_wrap=not is_folded, overflow="fold")
    for row in cells:
        table.add_row(*[Text(row[number]) for number in used])
    return table


def table_text(table: Table) -> str:
    """Return a table as text, with escape sequences on a terminal only."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    output = io.StringIO()
    width = None if is_terminal else _UNLIMITED
    Console(file=output, width=width, force_terminal=is_terminal, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in output.getvalue().rstrip("\n").split("\n"))


def show_table(titles: Sequence[str], rows: Iterable[Sequence[Any]], folded: int = -1) -> None:
    """Print a table. See `make_table`."""
    import click

    click.echo(table_text(make_table(titles, rows, folded)))


def span(seconds: float | None) -> str | None:
    """Format a period, such as for how long an actor has run."""
    if seconds is None:
        return None
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
