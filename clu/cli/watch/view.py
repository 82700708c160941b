"""The values of keywords as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clu.cli.common.rendering import json_line, keyword_line, printable

if TYPE_CHECKING:
    from clu.cli.watch.follow import KeywordFollower

__all__ = ["watch_lines"]


async def watch_lines(follower: KeywordFollower, as_json: bool) -> None:
    """Print a line for each change until the task is cancelled."""
    while True:
        changes = [await follower.changes.get()]
        while not follower.changes.empty():
            changes.append(follower.changes.get_nowait())
        lines: list[str] = []
        for change in changes:
            if change.notice:
                _print(lines)
                click.echo(printable(change.notice), err=True)
            elif as_json:
                lines.append(
                    json_line(actor=change.actor, keyword=change.keyword, value=change.value)
                )
            else:
                lines.append(keyword_line(*change[:3]))
        _print(lines)


def _print(lines: list[str]) -> None:
    """Print lines at once, and forget them."""
    if lines:
        click.echo("\n".join(lines))
        lines.clear()
