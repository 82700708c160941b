"""A connection to a TCP JSON actor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

from clu._tcp.client import open_connection, why_not_connected
from clu._tcp.lines import LineSplitter, OverlongLine
from clu._tcp.refusals import NEEDED, NOT_RECEIVED, WRONG
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
    token
        The token to send first, for actors that require one.

    Attributes
    ----------
    name
        The name of the actor, once it has replied.
    """

    def __init__(self, host: str, port: int, token: str | None = None) -> None:
        super().__init__()
        self.host = host
        self.port = port
        self._token = token
        #: Why the actor does not admit this program, if it does not.
        self._refusal = ""
        self.name: str | None = None
        # Random: others choose ids too, and replies to their commands may be broadcast.
        self._last_id = 2**16 + int.from_bytes(os.urandom(3), sys.byteorder)
        #: What the actor calls this connection in its replies, once it has replied.
        self._own_id: str | None = None
        self._running: dict[int, _Running] = {}
        self._stream: TCPStreamClient | None = None
        #: Whether the actor has not replied over the connection yet.
        self._is_new = True
        #: Whether the actor also sends the replies to the commands of others.
        self._listens = False
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
            reason = why_not_connected(error, CONNECTION_TIMEOUT)
            raise CannotConnect(f"Cannot connect to {self.address}: {reason}.") from None
        # A command may be sent before the task begins.
        admitted = self._use(stream)
        self._task = asyncio.get_running_loop().create_task(self._keep(stream))
        if admitted is not None:
            await asyncio.wait([admitted.ended], timeout=CONNECTION_TIMEOUT)
            if self._refusal:
                raise CannotConnect(self._refusal)

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
        self._listens = result.outcome is Outcome.DONE
        return result.outcome is not Outcome.FAILED

    async def run(
        self, actor: str, text: str, *, quiet: bool = False, timeout: float | None = None
    ) -> Result:
        """Run a command."""
        if self._stream is None or self._stream.writer is None:
            reason = self._refusal or f"Not connected to {self.address}."
            return Result(Outcome.UNREACHABLE, reason)
        if "\n" in text or "\r" in text:
            return Result(Outcome.FAILED, "A command for a TCP actor must be a single line.")
        running = self._write(self._stream.writer, text, quiet)
        try:
            return await asyncio.wait_for(asyncio.shield(running.ended), timeout)
        except asyncio.TimeoutError:
            reason = not_ended(self.name or self.address, text, timeout)
            return Result(Outcome.TIMED_OUT, reason, running.replies)

    def _use(self, stream: TCPStreamClient) -> _Running | None:
        """Use a new connection: its first line is the token, if there is one."""
        self._stream, self._own_id, self._is_new, self._listens = stream, None, True, False
        if self._token is None or stream.writer is None:
            return None
        return self._write(stream.writer, f"token {self._token}", quiet=True)

    def _write(self, writer: asyncio.StreamWriter, text: str, quiet: bool) -> _Running:
        self._last_id += 1
        running = self._running[self._last_id] = _Running(text, quiet)
        writer.write(f"{self._last_id} {text}\n".encode(errors="replace"))
        return running

    async def _connect(self) -> TCPStreamClient:
        return await asyncio.wait_for(open_connection(self.host, self.port), CONNECTION_TIMEOUT)

    async def _keep(self, stream: TCPStreamClient) -> None:
        while True:
            try:
                await self._read(stream)
            finally:
                self._stream = None
                stream.close()
            self._end_all(self._refusal or f"{self.address} closed the connection.")
            if self._refusal:
                self.on_refused(self._refusal)
                return
            self.on_notice(f"Lost the connection to {self.address}; reconnecting.")
            stream = await self._reconnect()
            self._use(stream)
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
        if self._is_new and code == "f" and keywords.get("error") in (NEEDED, WRONG, NOT_RECEIVED):
            self._refusal = self._explain(keywords["error"])
            return
        self.name, self._is_new = actor, False
        running = self._running.get(command_id) if isinstance(command_id, int) else None
        if running is not None and self._own_id is None:
            self._own_id = commander_id
        if commander_id != self._own_id:  # another client may use the same ids
            running = None
        own = running is not None
        broadcast = not own and (command_id is None or not self._listens)
        received = Received(actor, code, keywords, internal, broadcast, own, len(line))
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

    def _explain(self, refusal: str) -> str:
        """Return what to do as the actor does not admit this program."""
        if refusal == WRONG:
            return f"{self.address} refuses the token: it is not that of the actor."
        return f"{self.address} needs a token: give it as --token, or better in CLU_TOKEN."

    def _end_all(self, reason: str) -> None:
        running, self._running = self._running, {}
        for command in running.values():
            command.end(Outcome.UNREACHABLE, reason)


def _excerpt(line: bytes, length: int = 60) -> str:
    text = line[: length + 1].decode(errors="replace").strip()
    return repr(text if len(line) <= length else f"{text[:length]}...")
