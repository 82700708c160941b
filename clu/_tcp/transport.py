"""The transport of a client of a TCP server, the same on every event loop.

It is just over 400 lines, as what is held, gathered, refused and sent must keep one order.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from clu._tcp.limits import StallWatch

try:
    import fcntl
    import termios
except ImportError:  # on Windows
    _OUT_QUEUE = None
else:
    _OUT_QUEUE = termios.TIOCOUTQ

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from clu._tcp.limits import BufferLimits

logger = logging.getLogger("clu")

#: The number of bytes to gather before writing them within an iteration of the event loop, and
#: to buffer for a client before `ClientTransport.drain` waits.
OFFER_SIZE = 64 * 1024


class ClientTransport(asyncio.Transport):
    """The transport with which a server writes to a client.

    Unlike the transports of uvloop, it allows setting attributes. It combines the writes of one
    iteration of the event loop into one system call, or more if there is much, so that a client
    in another process can read while a callback writes. It disconnects a client that does not
    read.

    Parameters
    ----------
    transport
        The transport of the event loop.
    loop
        The event loop.
    limits
        How much to buffer before disconnecting the client.
    wait_writable
        Returns a coroutine that waits until the transport of the event loop has written most of
        its buffer.

    Attributes
    ----------
    user_id
        The id of the client, set by the actor.
    multiline
        Whether to indent the replies to the client.
    is_refused
        Whether to ignore further data from the client.
    closed
        A future that is done when the connection is closed, or None if it was not needed yet.
    on_overflow
        A function that is called with the reason when the client is disconnected as too much is
        buffered for it. It logs the reason by default.
    """

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        limits: BufferLimits,
        wait_writable: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._limits = limits
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._is_flush_due = False
        self._is_held = False
        #: Whether what is held has to be sent before the steps of callbacks that are expected.
        self._must_flush = False
        self._steps = 0
        self._has_offered = False
        #: What the kernel has not accepted in this iteration.
        self._refused: collections.deque[bytes | memoryview] | None = None
        self._refused_size = 0
        self._written = 0
        self._file = _file_of(transport)
        self._watch = StallWatch(loop, limits.stall_limit, self._taken, self._look)
        self._wait_writable = wait_writable
        self._writable: asyncio.Task[None] | None = None
        #: Is done when `drain` shall not wait any longer, as the client is stalled.
        self._stalled: asyncio.Future[None] | None = None
        self._requests = 0
        self._most_requests = 0
        self._fewer_requests: asyncio.Event | None = None
        self.closed: asyncio.Future[None] | None = None
        self.user_id: Any = None
        self.multiline = False
        self.is_refused = False
        self.on_overflow: Callable[[str], None] = self._log_overflow

    def __repr__(self) -> str:
        return f"<ClientTransport (user_id={self.user_id!r}) {self._transport!r}>"

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes at the end of this iteration of the event loop, if the client is connected."""
        if type(data) is not bytes:
            data = bytes(data)
        if not self._gathered:
            if self._transport.is_closing():
                return
            if not self._is_flush_due:
                self._is_flush_due = True
                self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._gathered_size += len(data)
        if self._gathered_size > OFFER_SIZE:
            self._offer()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Send several pieces of data."""
        for data in list_of_data:
            self.write(data)

    def hold(self) -> None:
        """Keep what is written until `release`, unless it is much."""
        self._is_flush_due = self._is_held = True
        self._must_flush = self._steps == 0

    def release(self) -> None:
        """Send what was written since `hold`, unless it may wait for the steps of callbacks."""
        self._is_held = False
        if self._must_flush or self._steps == 0:
            self._flush()

    def await_step(self, *, may_wait: bool) -> None:
        """Expect the first step of a callback, of which `step_done` tells.

        Parameters
        ----------
        may_wait
            Whether what is held may wait for it.
        """
        if self._steps == 0 and self._is_held:
            self._must_flush = False
        self._must_flush |= not may_wait
        self._steps += 1

    def step_done(self) -> None:
        """Send what was written, unless there are other steps to wait for."""
        self._steps -= 1
        if self._steps == 0 and self._is_flush_due:
            self._flush()

    def is_congested(self) -> bool:
        """Whether much waits in the event loop for the client to read."""
        return int(self._transport.get_write_buffer_size()) > OFFER_SIZE

    def _take_gathered(self) -> bytes:
        gathered = self._gathered
        self._written += self._gathered_size
        self._gathered, self._gathered_size = [], 0
        return gathered[0] if len(gathered) == 1 else b"".join(gathered)

    def _offer(self) -> None:
        """Write what the kernel accepts; the rest is kept."""
        if self._transport.is_closing():  # and its file descriptor may be that of another
            self._forget()
            return
        self._has_offered = True
        before = self._refused_size + self._transport.get_write_buffer_size()
        piece = self._take_gathered()
        if self._refused is None:
            self._refused = collections.deque()
        self._refused.append(piece)
        self._refused_size += len(piece)
        # The buffer of the transport comes first.
        if self._file is not None and before == self._refused_size - len(piece):
            self._send()
        self._check(before)

    def _send(self) -> None:
        assert self._file is not None
        refused = self._refused
        while refused:
            piece = refused[0]
            try:
                sent = os.write(self._file, piece)
            except OSError:
                return  # it is full, or the transport will meet the same error
            self._refused_size -= sent
            if sent < len(piece):
                refused[0] = memoryview(piece)[sent:]
                return
            refused.popleft()

    def _flush(self) -> None:
        """Pass everything on to the transport of the event loop."""
        self._is_flush_due = self._has_offered = False
        if not (self._gathered or self._refused):
            return
        if self._transport.is_closing():
            self._forget()
            return
        before = self.get_write_buffer_size() - self._gathered_size if self._gathered else 0
        while self._refused:
            self._transport.write(self._refused.popleft())
        self._refused_size = 0
        if self._gathered:
            self._transport.write(self._take_gathered())
        self._check(before)

    def _forget(self) -> None:
        self._gathered, self._gathered_size = [], 0
        self._refused = None
        self._refused_size = 0

    def _check(self, before: int) -> None:
        """Look at what is buffered; ``before`` is how much was before the latest piece."""
        buffered = self.get_write_buffer_size()
        limits = self._limits
        if buffered <= limits.buffer_limit:
            return
        most = max(limits.buffer_limit, limits.buffer_hard_limit)
        if buffered > most and before > 0:
            self._disconnect(
                f"it reads too slowly: {buffered} bytes are buffered (buffer_hard_limit is {most})"
            )
        else:
            self._watch.start()

    def _taken(self) -> int:
        """Return how many bytes the client has acknowledged, as far as the system tells."""
        queued = 0 if self._file is None else _queued(self._file)
        return self._written + self._gathered_size - self.get_write_buffer_size() - queued

    def _look(self) -> bool:
        """Act on whether the client is stalled, and return whether to look again."""
        buffered = self.get_write_buffer_size()
        limits = self._limits
        if self.is_closing() or buffered <= min(OFFER_SIZE, limits.buffer_limit):
            self._watch.reset()
            self._release()
            return False
        if not self._watch.is_stalled:
            return buffered > limits.buffer_limit or self._stalled is not None
        if buffered > limits.buffer_limit:
            self._disconnect(
                f"it does not read: it has read nothing for {limits.stall_limit:g} s, and "
                f"{buffered} bytes are buffered (buffer_limit is {limits.buffer_limit})"
            )
        self._release()
        return False

    def _disconnect(self, reason: str) -> None:
        self.abort()
        self.on_overflow(reason)

    def _log_overflow(self, reason: str) -> None:
        logger.warning(
            "Disconnecting the client %s at %s: %s.",
            self.user_id,
            self.get_extra_info("peername"),
            reason,
        )

    def _release(self) -> None:
        if self._stalled is not None and not self._stalled.done():
            self._stalled.set_result(None)
        self._stalled = None

    async def drain(self) -> None:
        """Wait until little is buffered for the client, or it has disconnected, or is stalled.

        It returns immediately if at most 64 KiB are buffered, and as little was written in this
        iteration of the event loop.
        """
        if self._has_offered:
            await asyncio.sleep(0)
        if self.get_write_buffer_size() <= OFFER_SIZE:
            return
        self._flush()
        writable = self._until_writable()
        if writable is None:
            return
        self._watch.start()
        if self._watch.is_stalled:
            return
        if self._stalled is None:
            self._stalled = self._loop.create_future()
        await asyncio.wait([writable, self._stalled], return_when=asyncio.FIRST_COMPLETED)
        if writable.done():
            self._release()

    async def wait_writable(self) -> None:
        """Wait until little is buffered for the client, or it has disconnected."""
        writable = self._until_writable()
        if writable is not None:
            await asyncio.wait([writable])

    def _until_writable(self) -> asyncio.Task[None] | None:
        """Return a task that ends when little is buffered, or None if that is so."""
        if self._wait_writable is None or self._transport.is_closing():
            return None
        if self._transport.get_write_buffer_size() <= OFFER_SIZE:
            return None
        if self._writable is None or self._writable.done():
            # One for all that wait: old releases of Python allow only one.
            self._writable = self._loop.create_task(self._await_writable())
        return self._writable

    async def _await_writable(self) -> None:
        assert self._wait_writable is not None
        with contextlib.suppress(OSError):
            await self._wait_writable()

    def begin_request(self) -> None:
        """Record that the client is waiting for an answer."""
        self._requests += 1

    def end_request(self, *_: object) -> None:
        """Record that a request of the client has been answered."""
        self._requests -= 1
        if self._fewer_requests is not None and self._requests <= self._most_requests:
            self._fewer_requests.set()

    @property
    def requests(self) -> int:
        """The number of answers that the client is waiting for."""
        return self._requests

    async def wait_requests(self, most: int = 0) -> None:
        """Wait until the client is waiting for at most ``most`` answers."""
        self._most_requests = most
        while self._requests > most:
            if self._fewer_requests is None:
                self._fewer_requests = asyncio.Event()
            self._fewer_requests.clear()
            await self._fewer_requests.wait()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return information about the connection."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return bool(self._transport.is_closing())

    def close(self) -> None:
        """Close the connection when all data has been sent."""
        self._flush()
        self._watch.stop()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self._forget()
        self._watch.stop()
        self._transport.abort()

    def can_write_eof(self) -> bool:
        """Whether the write end can be closed separately."""
        return bool(self._transport.can_write_eof())

    def write_eof(self) -> None:
        """Close the write end when all data has been sent."""
        self._flush()
        self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the client."""
        return (
            self._gathered_size + self._refused_size + int(self._transport.get_write_buffer_size())
        )

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and high watermarks for flow control."""
        limits: tuple[int, int] = self._transport.get_write_buffer_limits()
        return limits

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the high and low watermarks for flow control."""
        self._transport.set_write_buffer_limits(high=high, low=low)

    def is_reading(self) -> bool:
        """Whether data is being received."""
        return bool(self._transport.is_reading())

    def pause_reading(self) -> None:
        """Pause receiving data."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume receiving data."""
        self._transport.resume_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of the event loop's transport."""
        protocol: asyncio.BaseProtocol = self._transport.get_protocol()
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol of the event loop's transport."""
        self._transport.set_protocol(protocol)


def _file_of(transport: Any) -> int | None:
    """Return the file descriptor to write to while the buffer of the transport is empty."""
    socket = transport.get_extra_info("socket")
    if os.name != "posix" or socket is None or transport.get_extra_info("sslcontext") is not None:
        return None
    return int(socket.fileno())


def _queued(file: int) -> int:
    """Return how many bytes the kernel has not sent, or got no acknowledgement of, or 0.

    Its buffer may hold megabytes, and it accepts more only when a third of it is free.
    """
    if _OUT_QUEUE is None:
        return 0
    try:
        return int.from_bytes(fcntl.ioctl(file, _OUT_QUEUE, bytes(4)), sys.byteorder)
    except OSError:
        return 0
