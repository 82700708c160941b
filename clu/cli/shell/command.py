"""``clu shell``, or ``clu`` alone: a prompt for commands, with the replies above it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions

__all__ = ["command"]


@click.command(name="shell")
@broker_options
@click.option("-a", "--all", "others", is_flag=True, help="Also show replies to others.")
@click.option("-n", "--no-indent", is_flag=True, help="Show each reply in a single line.")
@click.option("-b", "--ignore-broadcasts", is_flag=True, help="Do not show broadcasts.")
@click.option("-t", "--no-time", is_flag=True, help="Do not show the time (UTC).")
@click.option("--internal", is_flag=True, help="Also show internal replies.")
@click.argument("actors", type=ActorType(), nargs=-1)
def command(
    broker: BrokerOptions,
    others: bool,
    no_indent: bool,
    ignore_broadcasts: bool,
    no_time: bool,
    internal: bool,
    actors: tuple[ActorAddress, ...],
) -> None:
    """Send commands to actors interactively.

    Type the name of an actor and a command for it. Tab completes both, and replies are shown
    above the prompt. Type help for more.

    ACTORS are names of actors on the broker, or tcp://HOST:PORT for TCP JSON actors. Their
    names can be completed from the start, and only their broadcasts are shown. Commands can be
    sent to any other actor on the broker as well. No broker is needed if all of them are TCP
    actors.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("The shell needs a terminal. Use clu send or clu watch in scripts.")
    from clu._core.run import run  # completion does not need it, and must be quick
    from clu.cli.common.rendering import Renderer
    from clu.cli.shell.actors import Actors
    from clu.cli.shell.session import ShellSession, Visibility

    names = {actor.name for actor in actors if actor.tcp is None}
    session = ShellSession(
        Actors(actors, broker),
        Renderer.of_environment(not no_indent, not no_time),
        Visibility(others, not ignore_broadcasts, internal, names),
    )
    run(session.run())
