"""The lines of a client of a server, most of which are handled in the iteration they arrive in."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import sys
from typing import TYPE_CHECKING, Any

from clu._core.callbacks import log_callback_error
from clu._tcp.lines import LineSplitter, OverlongLine

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clu._tcp.transport import ClientTransport

__all__ = ["IncomingLines", "LineProtocol", "UnfinishedCallback"]

#: The bytes that may wait for the task of a client before its connection is paused.
_MOST_WAITING = 128 * 1024
_CHUNK = 256 * 1024
#: How many lines of one client are handled before yielding to others.
BATCH = 64


class LineProtocol(asyncio.StreamReaderProtocol):
    """The protocol of a connection: its data go to a stream reader, or to `IncomingLines`.

    Parameters
    ----------
    loop
        The event loop.
    connected
        A coroutine function that is called with the stream reader and writer of the connection,
        and runs as a task.

    Attributes
    ----------
    incoming
        What gets the data instead of the stream reader.
    has_ended
        Whether no more data will come.
    context
        The context in which the task runs, or None if that cannot be found out.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connected: Callable[
            [asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]
        ],
    ) -> None:
        super().__init__(asyncio.StreamReader(loop=loop), self._start, loop=loop)
        self.incoming: IncomingLines | None = None
        self.has_ended = False
        self.context: contextvars.Context | None = None
        self._connected = connected
        self._event_loop = loop
        self._handler: asyncio.Task[None] | None = None

    def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, coroutine = self._event_loop, self._connected(reader, writer)
        if sys.version_info >= (3, 12):
            task = loop.create_task(coroutine)
            # A task factory of the user may make tasks of another kind.
            self.context = task.get_context() if isinstance(task, asyncio.Task) else None
        elif sys.version_info >= (3, 11) and loop.get_task_factory() is None:
            self.context = contextvars.copy_context()
            task = loop.create_task(coroutine, context=self.context)
        else:
            task = loop.create_task(coroutine)
        self._handler = task
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            message = "Unhandled exception in the handler of a connection"
            context = {"message": message, "exception": error, "task": task}
            self._event_loop.call_exception_handler(context)

    def data_received(self, data: bytes) -> None:
        """Pass data on."""
        if self.incoming is None:
            super().data_received(data)
        else:
            self.incoming.take(data)

    def eof_received(self) -> bool | None:
        """Tell that the client has closed its half of the connection."""
        self.has_ended = True
        if self.incoming is not None:
            self.incoming.end(None)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the connection is closed."""
        super().connection_lost(exc)
        self.has_ended = True
        if self.incoming is not None:
            self.incoming.end(exc)


class UnfinishedCallback:
    """A callback that was called, and the coroutine that it has returned.

    Parameters
    ----------
    callback
        The callback.
    coroutine
        The coroutine.
    """

    def __init__(self, callback: Callable[..., Any], coroutine: Coroutine[Any, Any, Any]) -> None:
        self.callback = callback
        self.coroutine = coroutine

    async def finish(self) -> None:
        """Wait for the coroutine, and log any exception."""
        try:
            await self.coroutine
        except (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            log_callback_error(self.callback, error)


class IncomingLines:
    """The lines of a client, of which each is passed to a function.

    While the task of the client waits for data, the lines are handled as they arrive, as if the
    task did it, which saves two iterations of the event loop. What has to be waited for is left
    to the task: a coroutine, the end of other requests, a turn of other clients, and that the
    client reads.

    Parameters
    ----------
    transport
        The transport of the client.
    reader
        The stream reader of the connection.
    limit
        The maximum length of a line in bytes.
    most
        The maximum number of concurrent requests.
    handle
        A function that is called with each line, and returns what has to be waited for before the
        next one.
    """

    def __init__(
        self,
        transport: ClientTransport,
        reader: asyncio.StreamReader,
        limit: int,
        most: int,
        handle: Callable[[bytes | OverlongLine], UnfinishedCallback | None],
    ) -> None:
        self._transport = transport
        self._reader = reader
        self._splitter = LineSplitter(limit)
        self._most = most
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._context: contextvars.Context | None = None
        self._is_connected = False
        #: The lines that wait. Most clients never have any, and an empty deque takes 760 bytes.
        self._lines: collections.deque[bytes | OverlongLine] | None = None
        #: The callback for the line before these.
        self._unfinished: UnfinishedCallback | None = None
        self._data: list[bytes] = []
        self._size = 0
        self._is_paused = False
        self._has_ended = False
        self._error: Exception | None = None
        #: Is done when there is something for the task to do.
        self._work: asyncio.Future[None] | None = None

    # -- called by the protocol -----------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Handle data, or keep them for the task."""
        work = self._work
        if (
            work is not None
            and not work.done()
            and self._context is not None
            and asyncio.current_task() is None
        ):
            self._context.run(self._handle_now, data)
            return
        self._data.append(data)
        self._size += len(data)
        if self._size > _MOST_WAITING and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def end(self, error: Exception | None) -> None:
        """Tell the task that there will be no more data."""
        self._has_ended = True
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._work is not None and not self._work.done():
            self._work.set_result(None)

    def _handle_now(self, data: bytes) -> None:
        """Handle the lines in data until something has to be waited for."""
        assert self._task is not None
        transport, handle = self._transport, self._handle
        lines = self._splitter.feed(data)
        handled = 0
        # For callbacks it is the current task, as it is for those that it calls itself.
        asyncio._enter_task(self._loop, self._task)
        transport.hold()
        try:
            for line in lines:
                if handled == BATCH or transport.is_refused or transport.requests >= self._most:
                    break
                handled += 1
                self._unfinished = handle(line)
                if self._unfinished is not None:
                    break
        except asyncio.CancelledError:
            self._task.cancel()
        finally:
            transport.release()
            asyncio._leave_task(self._loop, self._task)
        if handled < len(lines):
            self._keep(lines[handled:])
        if self._lines or self._unfinished is not None or transport.is_congested():
            self._wake()

    # -- called by the task ---------------------------------------------------------------

    async def serve(self, until_answered: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """Handle lines until there are no more, or the client has disconnected.

        Parameters
        ----------
        until_answered
            A coroutine function that waits until at most that many requests of the client run.
        """
        transport = self._transport
        while await self._has_lines():
            handled = 0
            while self._lines:
                if transport.is_refused:
                    return
                if transport.requests >= self._most:
                    await until_answered(self._most - 1)
                    if transport.is_closing():
                        return
                self._unfinished = self._handle(self._lines.popleft())
                await self._finish()
                handled += 1
                if handled % BATCH == 0:
                    await asyncio.sleep(0)
                    await transport.wait_writable()
                    if transport.is_closing():
                        return
            if transport.get_write_buffer_size():
                await asyncio.sleep(0)
                await transport.wait_writable()

    async def connect(self, protocol: LineProtocol) -> None:
        """Get the data from the protocol of the connection instead of the stream reader."""
        self._context = protocol.context
        self._is_connected = True
        protocol.incoming = self
        # What came before is in the stream reader, which gives it when nothing is to follow.
        self._has_ended = protocol.has_ended
        self._reader.feed_eof()
        if data := await self._reader.read():
            self._data.append(data)

    def close(self) -> None:
        """Forget a callback that nobody waits for any more."""
        if self._unfinished is not None:
            self._unfinished.coroutine.close()

    async def _finish(self) -> None:
        unfinished, self._unfinished = self._unfinished, None
        if unfinished is not None:
            await unfinished.finish()

    async def _has_lines(self) -> bool:
        """Wait for lines that the task has to handle; return whether there are any."""
        while not self._lines:
            if self._error is not None:
                raise self._error
            if self._data:
                self._keep(self._splitter.feed(self._take_data()))
            elif self._has_ended:
                rest = self._splitter.flush()
                if not rest:
                    return False
                self._keep([rest])
            elif self._is_connected:
                await self._wait()
            elif data := await self._reader.read(_CHUNK):
                self._data.append(data)
            else:
                self._has_ended = True
        return True

    def _keep(self, lines: list[bytes | OverlongLine]) -> None:
        """Let lines wait for the task."""
        if self._lines:
            self._lines.extend(lines)
        elif lines:
            self._lines = collections.deque(lines)

    def _take_data(self) -> bytes:
        data = b"".join(self._data)
        self._data, self._size = [], 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return data

    async def _wait(self) -> None:
        """Wait until there is something for the task to do."""
        self._work = self._loop.create_future()
        try:
            await self._work
        finally:
            self._work = None
        await self._finish()
        if self._transport.is_congested():
            await self._transport.wait_writable()
