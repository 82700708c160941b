"""The subcommand ``clu stubs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clu._core.run import run
from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.broker import BrokerOptions
    from clu.cli.common.description import Answers
    from clu.cli.common.options import ActorAddress

__all__ = ["command"]


@click.command(name="stubs")
@broker_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Wait at most this number of seconds for each answer.",
)
@click.argument("actor", metavar="NAME", type=ActorType())
def command(broker: BrokerOptions, timeout: float, actor: ActorAddress) -> None:
    """Write the types of an actor, for editors and type checkers.

    NAME is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. What is
    written goes into a file such as camera.pyi. It has a class for the actor, with the signatures
    of its commands, and a class Keywords.

    \b
    The exit status is
      0  the actor has described its commands
      1  it has not
      2  the arguments are not valid
      3  the broker or the actor cannot be reached
    """  # noqa: D301
    answers = run(_ask(actor, broker, timeout))
    for problem in answers.problems:
        click.echo(problem, err=True)
    if answers.model is None:
        raise click.exceptions.Exit(1)
    from clu.cli.stubs.module import module_of

    click.echo(module_of(answers.actor, answers.model, answers.schema), nl=False)


async def _ask(actor: ActorAddress, broker: BrokerOptions, timeout: float) -> Answers:
    from clu.cli.common.description import ask
    from clu.cli.common.open import make_connection

    connection = make_connection(actor, broker)
    await connection.open()
    try:
        return await ask(connection, actor.name, timeout)
    finally:
        await connection.close()
