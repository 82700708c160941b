"""``clu watch``: the keywords of an actor, as they change."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from clu._core.run import run
from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.broker import BrokerOptions
    from clu.cli.common.options import ActorAddress
    from clu.cli.watch.follow import KeywordFollower

__all__ = ["command"]


@click.command(name="watch")
@broker_options
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="End after so many seconds. By default it runs until Ctrl-C.",
)
@click.option("--plain", is_flag=True, help="Print plain lines, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print each value as JSON in a line.")
@click.option("-a", "--all", "repeats", is_flag=True, help="Tell values that did not change too.")
@click.option("--no-status", is_flag=True, help="Do not send the command status at the start.")
@click.option("--internal", is_flag=True, help="Follow internal replies too.")
@click.argument("actor", type=ActorType())
@click.argument("keywords", metavar="[KEYWORD]...", nargs=-1)
def command(
    broker: BrokerOptions,
    seconds: float | None,
    plain: bool,
    as_json: bool,
    repeats: bool,
    no_status: bool,
    internal: bool,
    actor: ActorAddress,
    keywords: tuple[str, ...],
) -> None:
    """Follow the keywords of an actor, all or those that are named.

    ACTOR is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. An
    actor that has a command status is sent that first, for the values at the start. The values
    are shown in a table on a terminal, and else as a line for each change.

    \b
    clu watch camera temperature status
    clu watch --json --seconds 60 tcp://localhost:19990 cpu > cpu.jsonl

    The exit status is 0 at the end, 2 if these arguments make no sense, and 3 if the broker or
    the TCP actor is not there at the start. A connection that is lost later is made again.
    """  # noqa: D301
    from clu.cli.common.open import make_connection
    from clu.cli.watch.follow import KeywordFollower

    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    table = is_terminal and not (plain or as_json)

    async def watch() -> None:
        follower = KeywordFollower(
            make_connection(actor, broker),
            actor.name,
            actor.tcp is not None,
            keywords,
            repeats=repeats,
            ask_status=not no_status,
            internal=internal,
        )
        await _watch(follower, seconds, table, as_json)

    with contextlib.suppress(KeyboardInterrupt):
        run(watch())


async def _watch(
    follower: KeywordFollower, seconds: float | None, table: bool, as_json: bool
) -> None:
    from clu.cli.watch.view import watch_lines, watch_table

    try:
        await follower.open()
        view = watch_table(follower) if table else watch_lines(follower, as_json)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(view, seconds)
    finally:
        await follower.close()
