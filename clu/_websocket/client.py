"""A client of the websocket bridge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Coroutine

    from websockets.asyncio.server import ServerConnection


class BridgeClient:
    """A client of the websocket bridge, and its running commands.

    Parameters
    ----------
    connection
        The connection of the package websockets, over a `ClientTransport`.
    log
        The log.

    Attributes
    ----------
    name
        The address of the client, for the log.
    commands
        The tasks of its running commands.
    is_browser
        Whether the client is a page in a browser, which sends its origin.
    is_dropped
        Whether the client was disconnected as too much was buffered for it.
    """

    def __init__(self, connection: ServerConnection, log: logging.Logger) -> None:
        self.connection = connection
        self.name = client_name(connection)
        self.commands: set[asyncio.Task[None]] = set()
        request = connection.request
        self.is_browser = request is not None and "Origin" in request.headers
        self.is_dropped = False
        self._log = log
        transport: Any = connection.transport
        transport.on_overflow = self._drop

    def __repr__(self) -> str:
        return f"<BridgeClient {self.name} ({len(self.commands)} commands)>"

    @property
    def is_gone(self) -> bool:
        """Whether the client has disconnected."""
        return self.connection.transport.is_closing()

    @property
    def buffered(self) -> int:
        """The number of bytes that are buffered for the client."""
        return self.connection.transport.get_write_buffer_size()

    def _drop(self, reason: str) -> None:
        self.is_dropped = True
        self._log.warning("Disconnected the websocket client %s: %s.", self.name, reason)

    def run(self, command: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that sends a command and waits for its end."""
        task = asyncio.get_running_loop().create_task(command)
        self.commands.add(task)
        task.add_done_callback(self.commands.discard)

    async def stop(self) -> None:
        """Stop waiting for commands."""
        tasks = list(self.commands)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def client_name(connection: ServerConnection) -> str:
    """Return the address of a client as a string."""
    address = connection.remote_address
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "of unknown address"
