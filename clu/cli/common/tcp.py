"""A connection to a TCP JSON actor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from typing import TYPE_CHECKING

from clu._tcp.client import open_connection
from clu._tcp.lines import LineSplitter, OverlongLine
from clu.cli.common.connection import (
    CONNECTION_TIMEOUT,
    CRITICAL,
    CannotConnect,
    Connection,
    Outcome,
    Received,
    Result,
    failed_before,
    not_ended,
)

if TYPE_CHECKING:
    from clu._tcp.client import TCPStreamClient

__all__ = ["TCPConnection"]

_LINE_LIMIT = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_RECONNECT_INTERVAL = 1.0
#: How long to wait for the answer to a request of the connection itself, in seconds.
_ANSWER_TIMEOUT = 5.0
_TERMINAL = {":": Outcome.DONE, "f": Outcome.FAILED}


class _Running:
    """A running command."""

    def __init__(self, text: str, quiet: bool) -> None:
        self.text = text
        self.quiet = quiet
        self.has_failed = False
        self.replies: list[Received] = []
        self.ended: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def end(self, outcome: Outcome, reason: str = "") -> None:
        if not self.ended.done():
            self.ended.set_result(Result(outcome, reason, self.replies))


class TCPConnection(Connection):
    """A connection to a TCP JSON actor. It is reopened when it is lost.

    Parameters
    ----------
    host, port
        The address and port of the actor.

    Attributes
    ----------
    name
        The name of the actor, once it has replied.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self.host = host
        self.port = port
        self.name: str | None = None
        # Random: others choose ids too, and replies to their commands may be broadcast.
        self._last_id = random.randrange(2**16, 2**30)
        #: What the actor calls this connection in its replies, once it has replied.
        self._own_id: str | None = None
        self._running: dict[int, _Running] = {}
        self._stream: TCPStreamClient | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """The address of the actor."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"

    async def open(self) -> None:
        """Connect to the actor."""
        try:
            stream = await self._connect()
        except (OSError, asyncio.TimeoutError) as error:
            raise CannotConnect(f"Cannot connect to {self.address}: {_reason(error)}.") from None
        self._stream = stream  # a command may be sent before the task begins
        self._task = asyncio.get_running_loop().create_task(self._keep(stream))

    async def close(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._end_all("The connection is closed.")

    async def listen(self) -> bool:
        """Have the actor also send the replies to the commands of others."""
        result = await self.run(
            self.address, "all-replies --on", quiet=True, timeout=_ANSWER_TIMEOUT
        )
        return result.outcome is not Outcome.FAILED

    async def run(
        self, actor: str, text: str, *, quiet: bool = False, timeout: float | None = None
    ) -> Result:
        """Run a command."""
        if self._stream is None or self._stream.writer is None:
            return Result(Outcome.UNREACHABLE, f"Not connected to {self.address}.")
        if "\n" in text or "\r" in text:
            return Result(Outcome.FAILED, "A command for a TCP actor must be a single line.")
        self._last_id += 1
        command_id, running = self._last_id, _Running(text, quiet)
        self._running[command_id] = running
        self._stream.writer.write(f"{command_id} {text}\n".encode(errors="replace"))
        try:
            return await asyncio.wait_for(asyncio.shield(running.ended), timeout)
        except asyncio.TimeoutError:
            reason = not_ended(self.name or self.address, text, timeout)
            return Result(Outcome.TIMED_OUT, reason, running.replies)

    async def _connect(self) -> TCPStreamClient:
        return await asyncio.wait_for(open_connection(self.host, self.port), CONNECTION_TIMEOUT)

    async def _keep(self, stream: TCPStreamClient) -> None:
        while True:
            self._stream, self._own_id = stream, None
            try:
                await self._read(stream)
            finally:
                self._stream = None
                stream.close()
            self._end_all(f"{self.address} closed the connection.")
            self.on_notice(f"Lost the connection to {self.address}; reconnecting.")
            stream = await self._reconnect()
            self._stream = stream
            self.on_notice(f"Reconnected to {self.address}.")
            self.on_connected(self)

    async def _reconnect(self) -> TCPStreamClient:
        while True:
            await asyncio.sleep(_RECONNECT_INTERVAL)
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                return await self._connect()

    async def _read(self, stream: TCPStreamClient) -> None:
        assert stream.reader is not None
        splitter = LineSplitter(_LINE_LIMIT)
        with contextlib.suppress(OSError):
            while data := await stream.reader.read(_CHUNK):
                for line in splitter.feed(data):
                    self._take(line.head if isinstance(line, OverlongLine) else line)

    def _take(self, line: bytes) -> None:
        try:
            reply = json.loads(line)
            header, keywords = reply["header"], reply["data"]
            actor, code = str(header["sender"]), str(header["message_code"])
            command_id, internal = header["command_id"], bool(header["internal"])
            commander_id = header.get("commander_id")
            keywords = dict(keywords)
        except (ValueError, LookupError, TypeError, RecursionError):
            self.on_notice(f"{self.address} sent an invalid reply: {_excerpt(line)}")
            return
        self.name = actor
        running = self._running.get(command_id) if isinstance(command_id, int) else None
        if running is not None and self._own_id is None:
            self._own_id = commander_id
        if commander_id != self._own_id:  # another client may use the same ids
            running = None
        broadcast = running is None
        received = Received(actor, code, keywords, internal, broadcast, not broadcast)
        if running is not None:
            running.replies.append(received)
        if running is None or not running.quiet:
            self.on_reply(received)
        if running is not None and code == CRITICAL:
            running.has_failed = True
        if running is not None and code in _TERMINAL:
            del self._running[command_id]
            if running.has_failed and code != "f":
                running.end(Outcome.FAILED, failed_before(actor, running.text))
            else:
                running.end(_TERMINAL[code])

    def _end_all(self, reason: str) -> None:
        running, self._running = self._running, {}
        for command in running.values():
            command.end(Outcome.UNREACHABLE, reason)


def _excerpt(line: bytes, length: int = 60) -> str:
    text = line[: length + 1].decode(errors="replace").strip()
    return repr(text if len(line) <= length else f"{text[:length]}...")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number is None and isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return f"no answer within {CONNECTION_TIMEOUT:g} s"
    # asyncio includes the addresses of all families in the error message.
    return os.strerror(number) if number and number > 0 else str(error)
