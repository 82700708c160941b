"""``clu list``: who is on the broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from clu._core.run import run
from clu.cli.common.options import broker_options

if TYPE_CHECKING:
    from rich.table import Table

    from clu.cli.common.broker import BrokerOptions
    from clu.cli.common.census import Census, Entry

__all__ = ["command"]

#: The seconds between two looks.
_PERIOD = 3.0
_TITLES = ("NAME", "KIND", "VERSION", "CLU", "HOST", "PID", "UP", "RUNS", "KNOWN FROM")


@click.command(name="list")
@broker_options
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Wait this number of seconds for the next answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("-w", "--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
def command(
    broker: BrokerOptions, seconds: float, as_json: bool, watch: bool, names: tuple[str, ...]
) -> None:
    """List the actors and clients on the broker.

    Everybody is asked, and actors and clients of this package answer. Actors of sdss-clu do not
    know the question: they are listed if they say something meanwhile, or if their NAMEs are
    given and they answer a ping. The last column tells how each is known

    \b
      its answer   it has answered the question who is there
      a ping       it has answered a ping only
      its replies  it was seen to reply, and may be gone since
      no answer    a NAME whose queue is there, but that does not answer
      absent       a NAME that nobody has

    RUNS is the number of commands that an actor runs. The exit status is 0, or 3 if the broker
    cannot be reached.
    """  # noqa: D301
    from clu.cli.common.broker import BrokerConnection
    from clu.cli.common.census import Census

    connection = BrokerConnection(broker)
    census = Census(connection, names)

    async def show() -> None:
        await connection.open()
        try:
            if watch:
                connection.on_notice = lambda text: click.echo(text, err=True)
                await _watch(census, seconds, as_json)
            else:
                _show(await census.take(seconds), as_json, connection.address)
        finally:
            await connection.close()

    with contextlib.suppress(KeyboardInterrupt):
        run(show())


def _show(entries: list[Entry], as_json: bool, address: str) -> None:
    from clu.cli.common.table import table_text

    if as_json:
        click.echo(json.dumps([entry.as_json() for entry in entries], indent=2))
    elif entries:
        click.echo(table_text(_table(entries)))
    else:
        click.echo(f"Nobody answers on {address}.", err=True)


async def _watch(census: Census, seconds: float, as_json: bool) -> None:
    from clu.cli.common.table import table_text
    from clu.exceptions import CluConnectionError

    with contextlib.ExitStack() as stack:
        live: Any = None
        if sys.stdout.isatty() and not as_json:
            from rich.console import Console
            from rich.live import Live

            console = Console(highlight=False)
            live = stack.enter_context(Live(console=console, auto_refresh=False))
        while True:
            with contextlib.suppress(CluConnectionError):  # which the notices tell
                entries = await census.take(seconds)
                if live is not None:
                    live.update(_table(entries), refresh=True)
                elif as_json:
                    click.echo(json.dumps([entry.as_json() for entry in entries]))
                else:
                    click.echo(f"{table_text(_table(entries))}\n")
            await asyncio.sleep(max(_PERIOD - seconds, 0.1))


def _table(entries: list[Entry]) -> Table:
    from clu.cli.common.table import make_table, span

    rows = []
    for entry in entries:
        item = entry.presence
        rows.append(
            (
                entry.name,
                entry.kind,
                item.version,
                item.clu_version,
                None if item.host is None else item.host.partition(".")[0],
                item.pid,
                span(item.uptime),
                item.running_commands,
                _known_from(entry),
            )
        )
    return make_table(_TITLES, rows, folded=_TITLES.index("HOST"))


def _known_from(entry: Entry) -> str:
    from clu.cli.common import census
    from clu.cli.common.table import span

    if entry.known_from == census.REPLIES:
        assert entry.last_reply is not None
        return f"its replies, {span(time.monotonic() - entry.last_reply)} ago"
    texts = {census.ANSWER: "its answer", census.PING: "a ping"}
    return texts.get(entry.known_from, entry.known_from)
