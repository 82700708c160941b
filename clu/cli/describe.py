"""``clu describe``: the keywords and the commands of an actor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from clu._core.run import run
from clu.cli.common.options import ActorType, broker_options

if TYPE_CHECKING:
    from clu.cli.common.broker import BrokerOptions
    from clu.cli.common.description import Description
    from clu.cli.common.options import ActorAddress

__all__ = ["command"]


@click.command(name="describe")
@broker_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Wait at most this number of seconds for each answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a page about the actor.")
@click.option("-a", "--all", "everything", is_flag=True, help="Also what every actor has.")
@click.argument("actor", metavar="NAME", type=ActorType())
def command(
    broker: BrokerOptions,
    timeout: float,
    as_json: bool,
    markdown: bool,
    everything: bool,
    actor: ActorAddress,
) -> None:
    """Show the keywords and the commands of an actor.

    NAME is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. The actor
    is asked for its schema and its commands. If it cannot tell one of them, that is said.

    \b
    The exit status is
      0  the actor has described its keywords, its commands or both
      1  it has described neither
      2  the arguments are not valid
      3  the broker or the actor cannot be reached
    """  # noqa: D301
    if as_json and markdown:
        raise click.UsageError("Use either --json or --markdown.")
    description = run(_describe(actor, broker, timeout))
    for problem in description.problems:
        click.echo(problem, err=True)
    if as_json:
        click.echo(json.dumps(description.as_json(), indent=2))
    elif markdown:
        from clu.cli.common.markdown import markdown_of

        click.echo(markdown_of(description, everything))
    else:
        _show(description, everything)
    if description.keywords is None and description.commands is None:
        raise click.exceptions.Exit(1)


async def _describe(actor: ActorAddress, broker: BrokerOptions, timeout: float) -> Description:
    from clu.cli.common.description import describe
    from clu.cli.common.open import make_connection

    connection = make_connection(actor, broker)
    await connection.open()
    try:
        return await describe(connection, actor.name, timeout)
    finally:
        await connection.close()


def _show(description: Description, everything: bool) -> None:
    from clu.cli.common.table import show_table

    if keywords := description.shown_keywords(everything):
        show_table(
            ("KEYWORD", "TYPE", "UNIT", "RANGE", "DESCRIPTION"), [item[:5] for item in keywords]
        )
    elif description.keywords is not None:
        click.echo(f"{description.actor} has no keywords of its own.")
    if description.keywords is not None and description.commands is not None:
        click.echo()
    if commands := description.shown_commands(everything):
        rows: list[tuple[str, str, str]] = []
        for item in commands:
            rows.append((item.usage, "", item.help))
            rows.extend((f"  {found.name}", found.type, found.help) for found in item.parameters)
        show_table(("COMMAND", "TYPE", "HELP"), rows)
    elif description.commands is not None:
        click.echo(f"{description.actor} has no commands of its own.")
