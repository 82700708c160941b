"""Connections to TCP servers."""

from __future__ import annotations

import asyncio
import os

from clu.exceptions import CluRuntimeError

__all__ = ["TCPStreamClient", "open_connection", "why_not_connected"]


class TCPStreamClient:
    """A connection to a TCP server.

    Parameters
    ----------
    host, port
        The address and port of the server.

    Attributes
    ----------
    reader, writer
        The streams, once the connection is open.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def open_connection(self) -> None:
        """Open the connection."""
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    def close(self) -> None:
        """Close the connection.

        Raises
        ------
        CluRuntimeError
            If it was never opened.
        """
        if self.writer is None:
            raise CluRuntimeError("connection cannot be closed because it is not open.")
        self.writer.close()


async def open_connection(host: str, port: int) -> TCPStreamClient:
    """Open a connection to a TCP server.

    Parameters
    ----------
    host, port
        The address and port of the server.

    Returns
    -------
    client
        The open connection.
    """
    client = TCPStreamClient(host, port)
    await client.open_connection()
    return client


def why_not_connected(error: Exception, timeout: float) -> str:
    """Return the reason of a connection that was not made within a time, in a few words."""
    number = getattr(error, "errno", None)
    if number is None and isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return f"no answer within {timeout:g} s"
    # asyncio includes the addresses of all families in the error message.
    return os.strerror(number) if number and number > 0 else str(error)
