"""``clu watch``: the keywords of actors, as they change."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from clu._watch.sampling import STRATEGIES, Sampling
from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.connection import Connection
    from clu.cli.watch.follow import KeywordFollower
    from clu.cli.watch.selection import Target

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
@click.option(
    "--strategy",
    type=click.Choice(list(STRATEGIES)),
    help="Which values are shown; by default event, or the one that takes the options below.",
)
@click.option("--delta", type=float, metavar="D", help="Numbers that differ by more than D.")
@click.option("--min", "shortest", type=float, metavar="S", help="At most a value each S seconds.")
@click.option("--max", "longest", type=float, metavar="S", help="At least a value each S seconds.")
@click.option("--period", type=float, metavar="S", help="A value each S seconds.")
@click.option("--no-status", is_flag=True, help="Do not ask for the values at the start.")
@click.option("--internal", is_flag=True, help="Also follow internal replies.")
@click.argument(
    "words", metavar="ACTOR [KEYWORD|ACTOR]...", type=ActorType(), nargs=-1, required=True
)
def command(
    broker: BrokerOptions,
    seconds: float | None,
    plain: bool,
    as_json: bool,
    repeats: bool,
    strategy: str | None,
    delta: float | None,
    shortest: float | None,
    longest: float | None,
    period: float | None,
    no_status: bool,
    internal: bool,
    words: tuple[ActorAddress, ...],
) -> None:
    """Follow the keywords of actors: all of them, or those given.

    ACTOR is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. A word
    after it is a KEYWORD of it, or, if it has a dot, ACTOR.KEYWORD or another actor. * and ? stand
    for any characters: quote them.

    \b
    clu watch camera temperature status
    clu watch camera 'tcc.*' 'stage.pos*'
    clu watch '*'
    clu watch --json --seconds 60 tcp://localhost:19990 cpu > cpu.jsonl

    \b
    The strategies are those of KATCP:
      auto               each value that the actor sends (--all)
      event              changes
      period             the latest value, each --period
      differential       changes by more than --delta
      event-rate         changes, at most each --min, and a value at least each --max
      differential-rate  the same for changes by more than --delta

    Actors are asked for the values that they have sent before, and are sent their command status
    if some are missing. The values are shown in a table on a terminal, and otherwise as a line for
    each change. The table scrolls with the arrows and the mouse, what is typed filters it, and
    Space freezes it.

    The exit status is 0 at the end, 2 if the arguments are not valid or an actor has no such
    keyword, and 3 if the broker or a TCP actor cannot be reached at the start. A connection that
    is lost later is reopened.
    """  # noqa: D301
    from clu._core.run import run  # completion does not need it, and must be quick

    sampling = _sampling(repeats, strategy, delta, shortest, longest, period)
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    table = is_terminal and not (plain or as_json)

    async def watch() -> None:
        from clu.cli.watch.follow import KeywordFollower

        follower = KeywordFollower(
            _connections(words, broker),
            sampling=sampling,
            ask_status=not no_status,
            internal=internal,
        )
        await _watch(follower, seconds, table, as_json)

    with contextlib.suppress(KeyboardInterrupt):
        run(watch())


def _sampling(
    repeats: bool,
    strategy: str | None,
    delta: float | None,
    shortest: float | None,
    longest: float | None,
    period: float | None,
) -> Sampling:
    from clu.exceptions import CluValueError

    parameters = {"delta": delta, "min": shortest, "max": longest, "period": period}
    if repeats:
        if strategy not in (None, "auto"):
            raise click.UsageError(f"--all is the strategy auto, and not {strategy}.")
        strategy = "auto"
    elif strategy is None and not any(value is not None for value in parameters.values()):
        strategy = "event"
    try:
        return Sampling(strategy, **parameters)
    except CluValueError as error:
        raise click.UsageError(str(error)) from None


def _connections(
    words: tuple[ActorAddress, ...], broker: BrokerOptions
) -> list[tuple[Connection, list[Target]]]:
    """Return the connections that are needed, and what to follow over each."""
    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.open import make_connection
    from clu.cli.watch.selection import targets

    grouped: dict[tuple[str, int] | None, list[Target]] = {}
    for target in targets(words):
        grouped.setdefault(target.tcp, []).append(target)
    return [
        (make_connection(ActorAddress(items[0].actor, tcp), broker), items)
        for tcp, items in grouped.items()
    ]


async def _watch(
    follower: KeywordFollower, seconds: float | None, table: bool, as_json: bool
) -> None:
    import asyncio

    view: asyncio.Task[None] | None = None
    try:
        await follower.open()
        if table:
            from clu.cli.watch.screen import watch_table

            shown = watch_table(follower)
        else:
            from clu.cli.watch.view import watch_lines

            shown = watch_lines(follower, as_json)
        view = asyncio.ensure_future(shown)
        ends: set[asyncio.Future[Any]] = {view, follower.problem}
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if view is not None:
            view.cancel()
            await asyncio.wait({view})
        await follower.close()
    if follower.problem.done():
        raise follower.problem.result()
    if not view.cancelled():
        view.result()
