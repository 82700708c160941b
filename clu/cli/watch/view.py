"""The values of keywords as a table on a terminal, and as lines."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from clu.cli.common.rendering import json_line, keyword_line, plain_value, printable

if TYPE_CHECKING:
    from rich.table import Table

    from clu.cli.watch.follow import Change, KeywordFollower

__all__ = ["watch_lines", "watch_table"]

_REFRESH_PERIOD = 0.25
_NARROW = 60


async def watch_lines(follower: KeywordFollower, as_json: bool) -> None:
    """Print a line for each change until the task is cancelled."""
    while True:
        change = await follower.changes.get()
        if change.notice:
            click.echo(printable(change.notice), err=True)
        elif as_json:
            click.echo(json_line(actor=change.actor, keyword=change.keyword, value=change.value))
        else:
            click.echo(keyword_line(*change[:3]))


async def watch_table(follower: KeywordFollower) -> None:
    """Show a table of the current values until the task is cancelled."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    rows: dict[tuple[str, str], tuple[Change, float]] = {}
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            while not follower.changes.empty():
                change = follower.changes.get_nowait()
                if change.notice:
                    console.print(printable(change.notice), style="yellow", markup=False)
                else:
                    rows[change.actor, change.keyword] = change, time.monotonic()
            live.update(_table(rows, *console.size), refresh=True)
            await asyncio.sleep(_REFRESH_PERIOD)


def _table(rows: dict[tuple[str, str], tuple[Change, float]], width: int, height: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    from clu.cli.demo.frame import age

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("keyword", style="cyan", no_wrap=True, max_width=max(width // 3, 8))
    table.add_column("value", style="bold", no_wrap=True, overflow="ellipsis", ratio=1)
    if width >= _NARROW:
        table.add_column("changed", style="dim", no_wrap=True, justify="right")
    now = time.monotonic()
    room = max(height - 3, 1)
    shown = list(rows.values()) if len(rows) <= room else list(rows.values())[: room - 1]
    for change, updated in shown:
        cells = [Text(printable(change.keyword)), Text(plain_value(change.value))]
        if width >= _NARROW:
            cells.append(Text(f"{age(now - updated)} ago"))
        table.add_row(*cells)
    if len(shown) < len(rows):
        table.add_row(Text(f"and {len(rows) - len(shown)} more", style="dim"))
    if not rows:
        table.add_row(Text("no values yet", style="dim"))
    return table
