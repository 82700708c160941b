"""The command with which a client of a TCP JSON actor asks for the replies to others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from clu.parsers._commands import CluCommand

if TYPE_CHECKING:
    from clu.command import Command

__all__ = ["all_replies"]


# It is hidden because it is for programs, and because the list of commands is the recorded one.
@click.command(name="all-replies", cls=CluCommand, hidden=True)
@click.option("--on/--off", default=True, help="Turn the replies to other clients on or off.")
def all_replies(command: Command[Any], *args: Any, on: bool) -> None:
    """Also sends this client the replies to the commands of others."""
    listen = getattr(command.actor, "listen", None)
    if listen is None or command.transport is None:
        command.fail(error="This actor does not serve TCP clients: its replies reach all anyway.")
        return
    listen(command.transport, on)
    command.finish(text=f"Replies to other clients are {'on' if on else 'off'}.")
