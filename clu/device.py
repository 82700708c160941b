"""Devices: a line-based TCP connection."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.callbacks import CallbackMixIn
from clu._core.names import lazy_names
from clu._tcp.client import TCPStreamClient
from clu._tcp.lines import LineSplitter, OverlongLine
from clu.exceptions import CluRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Device"]

T = TypeVar("T", bound="Device")
logger = logging.getLogger("clu")

_LINE_LIMIT = 16 * 1024 * 1024
_CHUNK = 64 * 1024


class Device(CallbackMixIn):
    """A TCP connection to a device.

    Override `process_message`, or pass a callback, to handle the lines that the device sends.

    Parameters
    ----------
    host, port
        The address and port of the device.
    callback
        A function or coroutine function that is called with each line, without the newline and
        surrounding white space. Bytes that are not UTF-8 are replaced.
    """

    def __init__(self, host: str, port: int, callback: Callable[[str], Any] | None = None) -> None:
        self.host = host
        self.port = port
        self._client = TCPStreamClient(host, port)
        self.listener: asyncio.Task[Any] | None = None
        CallbackMixIn.__init__(self, [callback if callback is not None else self.process_message])

    async def start(self: T) -> T:
        """Open the connection and start receiving lines.

        Raises
        ------
        CluRuntimeError
            If the connection is already open.
        OSError
            If the device cannot be reached.
        """
        if self.is_connected():
            raise CluRuntimeError("connection is already running.")
        await self._client.open_connection()
        self.listener = asyncio.get_running_loop().create_task(self._listen())
        return self

    async def stop(self) -> None:
        """Close the connection."""
        listener, self.listener = self.listener, None
        if self._client.writer is not None:
            self._client.close()
        if listener is not None and listener is not asyncio.current_task():
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    def is_connected(self) -> bool:
        """Whether the connection is open."""
        reader, writer = self._client.reader, self._client.writer
        if reader is None or writer is None:
            return False
        return not writer.is_closing() and not reader.at_eof()

    def write(self, message: str, newline: str = "\n") -> None:
        """Send a string to the device.

        Parameters
        ----------
        message
            The string.
        newline
            The string to append to it, unless it ends with it.

        Raises
        ------
        AssertionError
            If the connection is not open.
        """
        if self._client.writer is None or not self.is_connected():
            raise AssertionError(f"the device at {self.host}:{self.port} is not connected.")
        if not message.endswith(newline):
            message += newline
        self._client.writer.write(message.encode())

    async def process_message(self, line: str) -> None:
        """Handle a line from the device."""

    async def _listen(self) -> None:
        reader, writer = self._client.reader, self._client.writer
        if reader is None or writer is None:
            raise CluRuntimeError("connection is not open.")
        splitter = LineSplitter(_LINE_LIMIT)
        try:
            while data := await reader.read(_CHUNK):
                for line in splitter.feed(data):
                    self._handle_line(line)
        except ConnectionError as error:
            logger.warning("Lost the device at %s:%s: %s", self.host, self.port, error)
        finally:
            writer.close()
        if rest := splitter.flush():
            self._handle_line(rest)

    def _handle_line(self, line: bytes | OverlongLine) -> None:
        if isinstance(line, bytes):
            self.notify(line.decode(errors="replace").strip())
        else:
            logger.warning(
                "Dropped a line of over %d bytes from the device at %s:%s.",
                line.limit,
                self.host,
                self.port,
            )


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, open_connection="clu.protocol:open_connection")
