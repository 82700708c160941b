"""Devices: a line-based TCP connection."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from clu._core.callbacks import CallbackMixIn
from clu._core.names import lazy_names
from clu._tcp.client import TCPStreamClient
from clu._tcp.lines import LineSplitter, OverlongLine
from clu._tcp.request import Request
from clu.exceptions import CluConnectionError, CluRuntimeError, CluTimeoutError

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

__all__ = ["Device"]

T = TypeVar("T", bound="Device")
logger = logging.getLogger("clu")

_LINE_LIMIT = 16 * 1024 * 1024
_CHUNK = 64 * 1024
#: The first and the longest pause between two attempts to connect again, in seconds.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class Device(CallbackMixIn):
    """A TCP connection to a device.

    Override `process_message`, or pass a callback, to handle the lines that the device sends, or
    await `request` for those that answer a line.

    Parameters
    ----------
    host, port
        The address and port of the device.
    callback
        A function or coroutine function that is called with each line, without the newline and
        surrounding white space. Bytes that are not UTF-8 are replaced.
    on_connected, on_lost
        Functions or coroutine functions that are called, with the device, when there is a
        connection, and when the device has closed it or it is lost.
    reconnect
        Whether to connect again when the connection is lost. The pauses between two attempts begin
        with half a second, and double up to 30 s, or to the number of seconds that is given.
    """

    def __init__(
        self,
        host: str,
        port: int,
        callback: Callable[[str], Any] | None = None,
        *,
        on_connected: Callable[..., Any] | None = None,
        on_lost: Callable[..., Any] | None = None,
        reconnect: bool | float = False,
    ) -> None:
        self.host = host
        self.port = port
        self._client = TCPStreamClient(host, port)
        self.listener: asyncio.Task[Any] | None = None
        self._is_opening = False
        self._request: Request | None = None
        self._turn = asyncio.Lock()
        self._longest_pause = _LONGEST_PAUSE if reconnect is True else float(reconnect)
        self._connected = CallbackMixIn([] if on_connected is None else [on_connected])
        self._lost = CallbackMixIn([] if on_lost is None else [on_lost])
        CallbackMixIn.__init__(self, [callback if callback is not None else self.process_message])

    async def start(self: T) -> T:
        """Open the connection and start receiving lines.

        Raises
        ------
        CluRuntimeError
            If the connection is already open, or being opened.
        OSError
            If the device cannot be reached.
        """
        is_reconnecting = (
            self._longest_pause > 0 and self.listener is not None and not self.listener.done()
        )
        if self._is_opening or is_reconnecting or self.is_connected():
            raise CluRuntimeError("connection is already running.")
        await self._end_listener()  # of a connection that was lost a moment ago
        await self._open()
        self.listener = asyncio.get_running_loop().create_task(self._keep_listening())
        self._connected.notify(self)
        return self

    async def _open(self) -> None:
        self._is_opening = True
        try:
            await self._client.open_connection()
        finally:
            self._is_opening = False

    async def stop(self) -> None:
        """Close the connection."""
        if self._client.writer is not None:
            self._client.close()
        await self._end_listener()
        self._end_request("was stopped")

    async def _end_listener(self) -> None:
        listener, self.listener = self.listener, None
        if listener is not None and listener is not asyncio.current_task():
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def request(
        self,
        line: str,
        until: int | str | re.Pattern[str] | Callable[[str], Any] = 1,
        timeout: float | None = 10.0,
    ) -> list[str]:
        """Send a line to the device, and wait for the lines that answer it.

        Requests wait for each other, in their order. All lines that come before the end of the
        answer are part of it; callbacks get them, too.

        Parameters
        ----------
        line
            The line.
        until
            What tells the last line of the answer: the number of lines, that line, a pattern that
            is found in it, or a function that is true for it.
        timeout
            After how many seconds to give up, from when the line is sent; None stands for never.
            A device that answers after that confuses the next request: close the connection then,
            unless it tells which line it answers.

        Returns
        -------
        lines
            The lines of the answer.

        Raises
        ------
        CluConnectionError
            If the connection is not open, or lost before the end of the answer.
        CluTimeoutError
            If the answer does not end in time. It names the lines that came.
        """
        async with self._turn:
            request = Request(until)
            if not self.is_connected():
                raise CluConnectionError(f"{self._name} is not connected: cannot send {line!r}.")
            self._request = request
            try:
                self.write(line)
                return await asyncio.wait_for(request.answered, timeout)
            except (asyncio.TimeoutError, TimeoutError):
                came = f"only {request.lines} came" if request.lines else "nothing came"
                raise CluTimeoutError(
                    f"{self._name} did not answer {line!r} within {timeout:g} s: {came}."
                ) from None
            finally:
                self._request = None

    @property
    def _name(self) -> str:
        return f"The device at {self.host}:{self.port}"

    def _end_request(self, what: str) -> None:
        if self._request is not None:
            self._request.fail(CluConnectionError(f"{self._name} {what} before it answered."))

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

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            finally:
                self._end_request("closed the connection, or it was lost,")
            self._lost.notify(self)
            if self._longest_pause <= 0:
                return
            await self._reopen()
            self._connected.notify(self)

    async def _reopen(self) -> None:
        pause = min(_FIRST_PAUSE, self._longest_pause)
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._longest_pause)
            try:
                await self._open()
                return
            except OSError as error:
                logger.debug("%s cannot be reached: %s", self._name, error)

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
            self._handle_line(rest, is_complete=False)

    def _handle_line(self, line: bytes | OverlongLine, is_complete: bool = True) -> None:
        if isinstance(line, bytes):
            text = line.decode(errors="replace").strip()
            if self._request is not None and is_complete:  # half of an answer is none
                self._request.take(text)
            self.notify(text)
        else:
            logger.warning(
                "Dropped a line of over %d bytes from the device at %s:%s.",
                line.limit,
                self.host,
                self.port,
            )


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, open_connection="clu.protocol:open_connection")
