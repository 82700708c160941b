"""``clu hz``: how many messages and bytes a second actors send."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import click

from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.connection import Connection, Received
    from clu.cli.common.options import ActorAddress
    from clu.cli.watch.selection import Target

__all__ = ["Rates", "command"]


@click.command(name="hz")
@broker_options
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="S",
    help="The seconds over which to count.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each interval.")
@click.argument("words", metavar="[ACTOR|KEYWORD]...", type=ActorType(), nargs=-1)
def command(
    broker: BrokerOptions,
    interval: float,
    count: int | None,
    as_json: bool,
    words: tuple[ActorAddress, ...],
) -> None:
    """Show the messages and bytes a second of actors and of their keywords, until Ctrl-C.

    All actors on the broker are counted, or those given, as for clu watch. A message with several
    keywords counts for each of them; its bytes are those of its values. The bytes of an actor are
    those of its messages, over AMQP without the headers.

    \b
    clu hz
    clu hz camera 'tcc.axis*'
    clu hz --json --interval 10 tcp://localhost:19990 > rates.jsonl
    """  # noqa: D301
    from clu._core.run import run

    with contextlib.suppress(KeyboardInterrupt):
        run(_count(broker, interval, count, as_json, words))


async def _count(
    broker: BrokerOptions,
    interval: float,
    count: int | None,
    as_json: bool,
    words: tuple[ActorAddress, ...],
) -> None:
    import asyncio

    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.open import make_connection
    from clu.cli.watch.selection import targets

    found = targets(words or [ActorAddress("*", None)])
    rates = Rates(found)
    places = dict.fromkeys(target.tcp for target in found)
    connections = {
        tcp: make_connection(ActorAddress(item.actor, tcp), broker)
        for tcp in places
        for item in [next(target for target in found if target.tcp == tcp)]
    }
    refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    tasks: set[asyncio.Task[bool]] = set()

    def listen_again(connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(connection.listen())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def refuse(reason: str) -> None:
        if not refused.done():
            refused.set_result(reason)

    try:
        for tcp, connection in connections.items():
            connection.on_reply = lambda received, tcp=tcp: rates.take(received, tcp)  # type: ignore[misc]
            connection.on_notice = lambda text: click.echo(text, err=True)
            connection.on_refused = refuse
            connection.on_connected = listen_again
            await connection.open()
            if not await connection.listen() and not refused.done():
                click.echo("Only broadcasts are counted: the actor sends no others.", err=True)
        while count is None or count > 0:
            await asyncio.wait([refused], timeout=interval)
            if refused.done():
                raise _Refused(refused.result())
            click.echo(rates.json_line(interval) if as_json else rates.table(interval))
            rates.clear()
            count = None if count is None else count - 1
    finally:
        for connection in connections.values():
            await connection.close()


class _Refused(click.ClickException):
    """An actor that does not admit this program."""

    exit_code = 3


class Rates:
    """The numbers of messages and bytes, by actor and by keyword.

    Parameters
    ----------
    targets
        What is counted.
    """

    def __init__(self, targets: list[Target]) -> None:
        self._targets = targets
        self._actors: dict[str, list[int]] = {}
        self._keywords: dict[tuple[str, str], list[int]] = {}

    def take(self, received: Received, tcp: tuple[str, int] | None = None) -> None:
        """Count a message, which came from a TCP actor or over the broker."""
        wanted = [target for target in self._targets if target.tcp == tcp]
        actor = received.actor
        keywords = {
            keyword: value
            for keyword, value in received.keywords.items()
            if any(target.wants(actor, keyword) for target in wanted)
        }
        if not keywords and not (
            not received.keywords
            and any(not item.keywords and item.wants(actor, "") for item in wanted)
        ):
            return
        _add(self._actors.setdefault(actor, [0, 0]), received.size)
        for keyword, value in keywords.items():
            _add(self._keywords.setdefault((actor, keyword), [0, 0]), len(json.dumps(value)))

    def clear(self) -> None:
        """Begin the next interval. Who has sent something before is shown with 0."""
        for counts in (*self._actors.values(), *self._keywords.values()):
            counts[:] = 0, 0

    def table(self, seconds: float) -> str:
        """Return the rates as lines."""
        lines = [f"{'':32} {'messages/s':>12} {'bytes/s':>12}"]
        for actor in sorted(self._actors):
            lines.append(_line(actor, self._actors[actor], seconds))
            lines.extend(
                _line(f"  {keyword}", self._keywords[name, keyword], seconds)
                for name, keyword in sorted(self._keywords)
                if name == actor
            )
        if len(lines) == 1:
            lines.append("no messages yet")
        return "\n".join([*lines, ""])

    def json_line(self, seconds: float) -> str:
        """Return the rates as a line of JSON."""
        from clu.cli.common.rendering import json_line

        actors = {
            actor: {
                **_rates(counts, seconds),
                "keywords": {
                    keyword: _rates(self._keywords[name, keyword], seconds)
                    for name, keyword in sorted(self._keywords)
                    if name == actor
                },
            }
            for actor, counts in sorted(self._actors.items())
        }
        return json_line(seconds=seconds, actors=actors)


def _add(counts: list[int], size: int) -> None:
    counts[0] += 1
    counts[1] += size


def _rates(counts: list[int], seconds: float) -> dict[str, Any]:
    return {
        "messages_per_second": round(counts[0] / seconds, 3),
        "bytes_per_second": round(counts[1] / seconds, 1),
    }


def _line(name: str, counts: list[int], seconds: float) -> str:
    from clu.cli.common.rendering import printable

    name = printable(name)
    name = name if len(name) <= 32 else f"{name[:31]}…"
    return f"{name:32} {counts[0] / seconds:12.1f} {counts[1] / seconds:12.0f}"
