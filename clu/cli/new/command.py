"""``clu new``: the files of a new actor."""

from __future__ import annotations

import pathlib

import click

from clu.cli.new.name import ProjectName
from clu.cli.new.project import contents, make
from clu.cli.new.transport import TRANSPORTS

__all__ = ["command"]


@click.command(name="new")
@click.option(
    "--transport",
    type=click.Choice(list(TRANSPORTS)),
    default="tcp",
    show_default=True,
    help="How the actor speaks: JSON over TCP, AMQP over a RabbitMQ broker, or the protocol of "
    "legacy hubs.",
)
@click.argument("name", metavar="NAME")
def command(transport: str, name: str) -> None:
    """Make the files of a new actor, in a new folder NAME.

    The actor runs at once, and so do its tests. It has a schema of its keywords, a configuration,
    two commands to begin with, and a unit of systemd. NAME consists of letters, digits, - and _,
    and is also the name of the actor and of its package, with _ in place of -.

    \b
    clu new filterwheel
    clu new --transport amqp guide-camera

    The exit status is 0 if the files are made, and 2 if they cannot be: then there are none.
    """  # noqa: D301
    project = ProjectName(name)
    chosen = TRANSPORTS[transport]
    make(pathlib.Path(name), contents(project, chosen))
    click.echo(f"{name} is made: an actor {project.package!r} that speaks {chosen.title}. Next:\n")
    click.echo(f"  cd {name} && python -m pytest")
    click.echo("  clu run")
    click.echo(f"  {chosen.hint.format(actor=project.package)}")
