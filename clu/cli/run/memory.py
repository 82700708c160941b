"""Running actors on a broker in memory, with a shell for them in the same terminal."""

from __future__ import annotations

import asyncio
import copy
import sys
from typing import TYPE_CHECKING, Any

import click

from clu.cli.run.serve import stop_on_signals
from clu.cli.run.target import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clu.base import BaseActor
    from clu.testing import MemoryBroker

__all__ = ["serve_in_memory"]


async def serve_in_memory(make_actors: Callable[[], Mapping[BaseActor, str]]) -> None:
    """Run actors on a broker in memory until the user leaves the shell, or a signal ends it.

    Without a terminal there is no shell.

    Parameters
    ----------
    make_actors
        A function that returns the actors, and the names of the modules that they are from. It is
        called here because actors may create tasks when they are made.

    Raises
    ------
    CannotRun
        If one of them is no actor for a broker.
    """
    from clu.testing import MemoryBroker

    stopped = asyncio.Event()
    stop_on_signals(stopped)
    with MemoryBroker("clu") as broker:
        actors = make_actors()
        for actor in actors:
            _use(actor, broker)
        _separate_commands(actors)
        names = [actor.name for actor in actors]
        begun: list[BaseActor] = []
        try:
            for actor in actors:
                begun.append(actor)
                await actor.start()
            _announce(names)
            if _is_terminal():
                await _until(stopped, _run_shell(broker, names))
            else:
                await stopped.wait()
        finally:
            for actor in reversed(begun):
                await actor.stop()


def _use(actor: BaseActor, broker: MemoryBroker) -> None:
    from clu.actor import AMQPBaseActor

    if not isinstance(actor, AMQPBaseActor):
        raise CannotRun(
            f"--memory is for actors on a broker: {actor.name} is a {type(actor).__name__}, and is "
            "run without it."
        )
    actor.connection.url, actor.connection.hosts = broker.url, None


def _separate_commands(actors: Mapping[BaseActor, str]) -> None:
    """Take the commands of the other programs from each actor.

    All actors of a process share `clu.command_parser`, and so would these, which were written to
    be alone. Commands of modules that several of them import stay with all.
    """
    from clu.parsers.click import command_parser

    for actor, module in actors.items():
        if getattr(actor, "parser", None) is not command_parser:
            continue
        others = {*actors.values()} - {module}
        actor.parser = parser = copy.copy(command_parser)  # type: ignore[attr-defined]
        parser.commands = {
            name: command
            for name, command in command_parser.commands.items()
            if getattr(command.callback, "__module__", None) not in others
        }


def _announce(names: list[str]) -> None:
    listed = f"{', '.join(names[:-1])} and {names[-1]} run" if names[1:] else f"{names[0]} runs"
    click.echo(f"{listed} on a broker in memory, for this process only.")
    if _is_terminal():
        click.echo(f"Type: {names[0]} help")


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


async def _run_shell(broker: MemoryBroker, names: list[str]) -> None:
    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.rendering import Renderer
    from clu.cli.shell.actors import Actors
    from clu.cli.shell.session import ShellSession, Visibility

    options = BrokerOptions(broker.url, "guest", "guest", "localhost", 5672)
    session = ShellSession(
        Actors(tuple(ActorAddress(name, None) for name in names), options),
        Renderer.of_environment(),
        Visibility(others=False, broadcasts=True, internal=False, actors=set()),
    )
    await session.run()


async def _until(stopped: asyncio.Event, work: Any) -> None:
    """Run a coroutine until it ends, or until the program is told to stop."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(stopped.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
