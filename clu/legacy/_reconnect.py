"""The command that reconnects an actor to its hub."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import click

from clu.parsers.click import CluCommand

if TYPE_CHECKING:
    from clu.command import Command


@click.command(cls=CluCommand, name="tron-reconnect")
async def tron_reconnect(command: Command[Any], *args: Any) -> None:
    """Reconnects to tron/hub."""
    tron = command.actor.tron
    if tron is None:
        command.fail(error="The actor has no connection to a hub.")
        return
    await tron.reconnect()
    if tron.connected():
        command.finish()
    else:
        command.fail(error=f"Cannot connect to the hub at {tron.host}:{tron.port}.")


#: The same command with the name of the function.
tron_reconnect_too = copy.copy(tron_reconnect)
tron_reconnect_too.name = "tron_reconnect"
tron_reconnect_too.hidden = True
