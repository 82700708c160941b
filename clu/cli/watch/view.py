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
        change = await follower.changes.get()
        if change.notice:
            click.echo(printable(change.notice), err=True)
        elif as_json:
            click.echo(json_line(actor=change.actor, keyword=change.keyword, value=change.value))
        else:
            click.echo(keyword_line(*change[:3]))
