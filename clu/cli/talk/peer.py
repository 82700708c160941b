"""The connection to what is talked to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from clu._tcp.client import open_connection, why_not_connected
from clu.cli.common.connection import CONNECTION_TIMEOUT, CannotConnect
from clu.cli.talk.text import ReceivedText

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Peer"]

_CHUNK = 65536
#: How long the rest of a character may take before its bytes are shown, in seconds.
_TIMEOUT = 0.2


class Peer:
    """A TCP connection to a device, an actor or a hub.

    Parameters
    ----------
    host, port
        Its address.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def address(self) -> str:
        """The address, as users give it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    async def open(self) -> None:
        """Connect.

        Raises
        ------
        CannotConnect
            If there is nobody at the address.
        """
        try:
            stream = await asyncio.wait_for(
                open_connection(self._host, self._port), CONNECTION_TIMEOUT
            )
        except (OSError, UnicodeError, asyncio.TimeoutError) as error:
            reason = why_not_connected(error, CONNECTION_TIMEOUT)
            raise CannotConnect(f"Cannot connect to tcp://{self.address}: {reason}.") from None
        self._reader, self._writer = stream.reader, stream.writer
        assert self._writer is not None
        self._writer.transport.set_write_buffer_limits(0)  # what was written has been sent

    def close(self) -> None:
        """Close the connection at once."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def texts(self) -> AsyncGenerator[str, None]:
        """Yield what comes, as soon as it comes, until the peer closes the connection.

        Raises
        ------
        CannotConnect
            If the connection is lost.
        """
        text = ReceivedText()
        reading: asyncio.Future[bytes] | None = None
        try:
            while True:
                reading = reading or asyncio.ensure_future(self._read())
                if text.is_incomplete:
                    done, _ = await asyncio.wait({reading}, timeout=_TIMEOUT)
                    if not done:
                        yield text.finish()
                        continue
                data = await reading
                reading = None
                if not data:
                    break
                yield text.feed(data)
            yield text.finish()
        finally:
            if reading is not None:
                reading.cancel()

    def send(self, data: bytes) -> None:
        """Send bytes, without waiting for a peer that takes none."""
        assert self._writer is not None
        self._writer.write(data)

    async def write(self, data: bytes) -> None:
        """Send bytes, and wait while the peer takes none.

        Raises
        ------
        CannotConnect
            If the connection is lost.
        """
        self.send(data)
        assert self._writer is not None
        try:
            await self._writer.drain()
        except OSError as error:
            raise self._lost(error) from None

    async def _read(self) -> bytes:
        assert self._reader is not None
        try:
            return await self._reader.read(_CHUNK)
        except OSError as error:
            raise self._lost(error) from None

    def _lost(self, error: OSError) -> CannotConnect:
        reason = why_not_connected(error, CONNECTION_TIMEOUT)
        return CannotConnect(f"Lost the connection to tcp://{self.address}: {reason}.")
