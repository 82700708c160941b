"""Actors elsewhere, whose commands are called like functions; a client of TCP JSON actors.

``await client.actor("camera")`` of any client, and of any actor that is one, makes a `RemoteActor`.
"""

from __future__ import annotations

from clu._core.result import CommandResult
from clu._remote.actor import CommandGroup, RemoteActor, RemoteCommand
from clu._remote.calling import Retries
from clu._remote.client import CommandsActors
from clu._remote.running import Running
from clu._tcp.address import split_url
from clu._tcp.json_client import JSONClient, JSONReply

__all__ = [
    "CommandGroup",
    "CommandResult",
    "CommandsActors",
    "JSONClient",
    "JSONReply",
    "RemoteActor",
    "RemoteCommand",
    "Retries",
    "Running",
    "connect",
]


async def connect(url: str, *, token: str | None = None) -> JSONClient:
    """Connect to a TCP JSON actor.

    Parameters
    ----------
    url
        The address, ``tcp://HOST:PORT``.
    token
        The token of the actor, if it needs one.

    Returns
    -------
    client
        A client that has been started.

    Raises
    ------
    CluConnectionError
        If the actor cannot be reached, or does not take the token.
    CluValueError
        If the address is not one.
    """
    host, port = split_url(url)
    return await JSONClient(host, port, token=token).start()
