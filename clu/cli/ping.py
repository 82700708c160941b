"""``clu ping``: whether actors answer, and how soon."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from clu._core.run import run
from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.broker import BrokerOptions
    from clu.cli.common.connection import Connection, Outcome, Result
    from clu.cli.common.options import ActorAddress

__all__ = ["command"]

_INTERRUPTED = 130


@click.command(name="ping")
@broker_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Wait at most this number of seconds for the answer of each.",
)
@click.argument("actors", metavar="NAME...", type=ActorType(), nargs=-1, required=True)
def command(broker: BrokerOptions, timeout: float, actors: tuple[ActorAddress, ...]) -> None:
    """Send a ping to actors, and print how soon each answers.

    NAME is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. Any
    answer counts, so also that an actor has no command ping.

    \b
    The exit status is
      0    all have answered
      1    an actor has not answered within --timeout
      2    the arguments are not valid
      3    an actor is not there, or the broker cannot be reached
      130  interrupted with Ctrl-C
    """  # noqa: D301
    try:
        outcomes = run(_ping_all(dict.fromkeys(actors), broker, timeout))
    except KeyboardInterrupt:
        raise click.exceptions.Exit(_INTERRUPTED) from None
    raise click.exceptions.Exit(max(outcomes))


async def _ping_all(
    actors: dict[ActorAddress, None], options: BrokerOptions, timeout: float
) -> list[int]:
    broker: Connection | None = None
    if any(actor.tcp is None for actor in actors):
        from clu.cli.common.broker import BrokerConnection

        broker = BrokerConnection(options)
        await broker.open()
    try:
        pings = [_ping(actor, options, broker, timeout) for actor in actors]
        return await asyncio.gather(*pings)
    finally:
        if broker is not None:
            await broker.close()


async def _ping(
    actor: ActorAddress, options: BrokerOptions, broker: Connection | None, timeout: float
) -> int:
    """Send a ping to an actor, and return the exit status for it."""
    from clu.cli.common.connection import CannotConnect, Outcome

    if actor.tcp is None:
        assert broker is not None
        return await _ping_over(broker, actor.name, timeout)
    from clu.cli.common.open import make_connection

    connection = make_connection(actor, options)
    try:
        await connection.open()
    except CannotConnect as error:
        click.echo(f"{actor.name}: {error.message}", err=True)
        return int(Outcome.UNREACHABLE)
    try:
        return await _ping_over(connection, actor.name, timeout)
    finally:
        await connection.close()


async def _ping_over(connection: Connection, name: str, timeout: float) -> int:
    from clu.cli.common.connection import Outcome

    start = time.perf_counter()
    result = await connection.run(name, "ping", quiet=True, timeout=timeout)
    text, outcome = _judge(result, 1e3 * (time.perf_counter() - start), timeout)
    click.echo(f"{name}: {text}", err=outcome is not Outcome.DONE)
    return int(outcome)


def _judge(result: Result, milliseconds: float, timeout: float) -> tuple[str, Outcome]:
    """Return what to print, and what counts for the exit status."""
    from clu.cli.common.connection import Outcome
    from clu.cli.common.rendering import plain_value

    if result.outcome is Outcome.DONE:
        return f"{milliseconds:.1f} ms", Outcome.DONE
    if result.outcome is Outcome.FAILED:
        error = result.keyword("error")
        reason = "" if error is None else f": {plain_value(error)}"
        return f"{milliseconds:.1f} ms, but the command ping fails{reason}.", Outcome.DONE
    if result.outcome is Outcome.TIMED_OUT:
        begun = " It runs the command ping." if result.replies else ""
        return f"No answer within {timeout:g} s.{begun}", Outcome.FAILED
    return result.reason, Outcome.UNREACHABLE
