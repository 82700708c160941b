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
    help="Stop after this number of seconds. By default, run until Ctrl-C.",
)
@click.option("--plain", is_flag=True, help="Print plain lines, even on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print each value as a line of JSON.")
@click.option("-a", "--all", "repeats", is_flag=True, help="Also show values that did not change.")
@click.option("--no-status", is_flag=True, help="Do not send the command status at the start.")
@click.option("--internal", is_flag=True, help="Also follow internal replies.")
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
    """Follow the keywords of an actor: all of them, or those given.

    ACTOR is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. If
    the actor has a command status, it is sent first, to get the initial values. The values are
    shown in a table on a terminal, and otherwise as a line for each change.

    \b
    clu watch camera temperature status
    clu watch --json --seconds 60 tcp://localhost:19990 cpu > cpu.jsonl

    The exit status is 0 at the end, 2 if the arguments are not valid, and 3 if the broker or the
    TCP actor cannot be reached at the start. A connection that is lost later is reopened.
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
