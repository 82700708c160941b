"""The byte streams of connections to a broker, closed where aiormq leaves them open."""

from __future__ import annotations

import asyncio
from typing import Any

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError

__all__ = ["ClosingTransportFactory"]


class ClosingTransportFactory(TransportFactory):
    """Opens byte streams for aiormq, one at a time.

    aiormq 6, the last for Python 3.10, forgets the stream of a connection that was refused, lost
    or stuck, and leaves it open.
    """

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None

    async def create(self, url: Any, **kwargs: Any) -> Any:
        """Open a stream, with TLS if the address says so, in the place of the one before."""
        self.close()
        provider = kwargs.pop("ssl_context_provider")
        tls = await provider.get_context() if url.scheme == "amqps" else None
        try:
            reader, writer = await self._open(url, tls, **kwargs)
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._transport = writer.transport
        return reader, writer

    async def _open(
        self, url: Any, tls: Any, **kwargs: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(url.host, url.port, ssl=tls, **kwargs)

    def close(self) -> None:
        """Close the stream, if it still is open, without waiting for anything."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
