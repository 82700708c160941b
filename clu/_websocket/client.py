"""A client of the websocket bridge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from websockets.asyncio.server import ServerConnection


class BridgeClient:
    """A client of the websocket bridge, and the commands that it waits for.

    Parameters
    ----------
    connection
        The connection of the package websockets.

    Attributes
    ----------
    name
        The address of the client, for the log.
    commands
        The tasks of its commands that have not ended.
    is_browser
        Whether the client is a page in a browser, which tells its origin.
    is_dropped
        Whether the server has closed the connection at once.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.name = client_name(connection)
        self.commands: set[asyncio.Task[None]] = set()
        request = connection.request
        self.is_browser = request is not None and "Origin" in request.headers
        self.is_dropped = False

    def __repr__(self) -> str:
        return f"<BridgeClient {self.name} ({len(self.commands)} commands)>"

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be sent to the client anymore."""
        return self.connection.transport.is_closing()

    @property
    def waiting(self) -> int:
        """How many bytes wait for the client."""
        return self.connection.transport.get_write_buffer_size()

    def drop(self) -> None:
        """Close the connection at once."""
        self.is_dropped = True
        self.connection.transport.abort()

    def run(self, command: Coroutine[Any, Any, None]) -> None:
        """Run what sends a command and waits for its end."""
        task = asyncio.get_running_loop().create_task(command)
        self.commands.add(task)
        task.add_done_callback(self.commands.discard)

    async def stop(self) -> None:
        """Wait for no command anymore."""
        tasks = list(self.commands)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def client_name(connection: ServerConnection) -> str:
    """Return the address of a client as a text."""
    address = connection.remote_address
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "of unknown address"
