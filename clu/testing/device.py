"""A stand-in for a device: lines in, lines out, and what can go wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluRuntimeError, CluTypeError, CluValueError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FakeDevice"]

#: The longest line that it takes, in bytes.
_LIMIT = 64 * 1024 * 1024
#: A socket with this option is not closed in order, but reset.
_RESET = struct.pack("ii", 1, 0)
#: What a device sends that has lost its mind: no line of text, and the same each time.
_GARBAGE = b"\xff\xfe\x00\x1b[\x80garbage\xc3\x28;=\x07"

Answer = str | bytes | Sequence[Any] | Callable[[Any], Any] | None


class _Rule:
    """What is answered to some lines: one answer after the other, and then the last one."""

    def __init__(self, line: str | re.Pattern[str], answers: Sequence[Answer]) -> None:
        self.line = line
        self._answers = list(answers)

    def matches(self, line: str) -> Any:
        if isinstance(self.line, str):
            return line if line == self.line else None
        return self.line.fullmatch(line)

    def next(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class FakeDevice:
    """A device on a port of this machine, for tests of a `clu.device.Device`, for example.

    It answers lines with what it was told to, remembers what it has received, and can fail in the
    ways in which devices do. It is used with ``async with``, or `start` and `stop`.

    Parameters
    ----------
    answers
        What is answered to which line: as for `on`, with one answer each.
    port
        The port to listen on; a free one by default.
    newline
        What the lines end with that it sends. Lines that it receives may end with any newline.
    unknown
        What is answered to all other lines; nothing by default.

    Attributes
    ----------
    host, port
        Where it listens.
    received
        The lines that it has received, without newlines.
    connections
        How many have connected so far.
    """

    def __init__(
        self,
        answers: Mapping[str | re.Pattern[str], Answer] | None = None,
        *,
        port: int = 0,
        newline: str = "\n",
        unknown: Answer = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.newline = newline
        self.unknown = unknown
        self.received: list[str] = []
        self.connections = 0
        self._rules: list[_Rule] = []
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[Any]] = {}
        self._server: asyncio.AbstractServer | None = None
        self._changed: asyncio.Event = asyncio.Event()
        self._looked_at = 0
        self._silent = self._garbled = self._cut = 0.0
        self._delay = 0.0
        self._error: Exception | None = None
        for line, answer in (answers or {}).items():
            self.on(line, answer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({self.host}:{self.port}, {len(self._clients)} clients)>"

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> Self:
        """Switch it on.

        Raises
        ------
        CluRuntimeError
            If it is on.
        OSError
            If it cannot listen on the port.
        """
        if self._server is not None:
            raise CluRuntimeError(f"The device is on already, on port {self.port}.")
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Switch it off: connections are closed, and refused until it is started again.

        Raises
        ------
        Exception
            What a function that answers lines has raised, if one has.
        """
        if self._server is not None:
            self._server.close()
            self._server = None
        await asyncio.sleep(0)  # the handler of a connection that has just been made begins to run
        tasks = list(self._clients.values())
        for writer, task in list(self._clients.items()):
            writer.close()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        error, self._error = self._error, None
        if error is not None:
            raise error

    # -- what it says ---------------------------------------------------------------------

    def on(self, line: str | re.Pattern[str], *answers: Answer) -> None:
        """Tell it what to answer to a line.

        Parameters
        ----------
        line
            The line, or a compiled pattern for the whole line.
        answers
            The answers: the first time the first one, and so on; the last one is repeated. Each is
            a line, bytes that are sent as they are, a list of such, None for no answer, or a
            function or coroutine function that returns one of these. It is called with the line,
            or with the match of the pattern. A later call for the same line replaces this one.

        Raises
        ------
        CluTypeError
            If the line is neither a string nor a pattern.
        CluValueError
            If there is no answer, or the line has a newline.
        """
        if not isinstance(line, (str, re.Pattern)):
            raise CluTypeError(f"A line is a string or a compiled pattern, not {line!r}.")
        if not answers:
            raise CluValueError(f"There is no answer to {line!r}; None stands for silence.")
        if isinstance(line, str) and ("\n" in line or "\r" in line):
            raise CluValueError(f"{line!r} is not one line: leave out the newline.")
        self._rules = [rule for rule in self._rules if rule.line != line]
        # Lines come before patterns.
        self._rules.append(_Rule(line, answers))
        self._rules.sort(key=lambda rule: not isinstance(rule.line, str))

    def say(self, line: str | bytes) -> None:
        """Send a line, or bytes as they are, to all who are connected, without being asked."""
        for writer in self._clients:
            writer.write(self._bytes(line))

    async def expect(self, line: str | re.Pattern[str], within: float = 5.0) -> str:
        """Wait for a line, which may have come already.

        Each call looks at the lines after the one that the last call has returned.

        Parameters
        ----------
        line
            The line, or a compiled pattern for the whole line.
        within
            For how many seconds to wait.

        Returns
        -------
        line
            The line.

        Raises
        ------
        AssertionError
            If it does not come. It tells what did come.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        rule, start = _Rule(line, [None]), self._looked_at
        seen = start
        while True:
            self._changed.clear()
            for number in range(seen, len(self.received)):
                if rule.matches(self.received[number]) is not None:
                    self._looked_at = number + 1
                    return self.received[number]
            seen = len(self.received)
            if loop.time() >= end:
                came = ", ".join(map(repr, self.received[start:])) or "nothing"
                what = repr(line if isinstance(line, str) else line.pattern)
                raise AssertionError(
                    f"The device did not receive {what} within {within:g} s, but {came}."
                )
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                await asyncio.wait_for(self._changed.wait(), end - loop.time())

    # -- what goes wrong ------------------------------------------------------------------

    def silence(self, n: int | None = None) -> None:
        """Give no answer to the next ``n`` lines, or to all until `heal`."""
        self._silent = _count(n)

    def garble(self, n: int | None = 1) -> None:
        """Answer the next ``n`` lines, or all, with bytes that are no text, and a newline."""
        self._garbled = _count(n)

    def delay(self, seconds: float) -> None:
        """Wait before each answer.

        Raises
        ------
        CluValueError
            If it is not a number of seconds.
        """
        if not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
            raise CluValueError(f"{seconds!r} is not a number of seconds.")
        self._delay = seconds

    def cut(self, n: int | None = 0) -> None:
        """Lose the connections: they are reset, as by a device that is switched off and on.

        A cable that is pulled out tells nobody: that is `silence`.

        Parameters
        ----------
        n
            With 0, they are lost now. Otherwise the connection is closed in the middle of each of
            the next ``n`` answers; None stands for all.
        """
        if n == 0:
            for writer in self._clients:
                _reset(writer)
        else:
            self._cut = _count(n)

    def heal(self) -> None:
        """End all that goes wrong."""
        self._silent = self._garbled = self._cut = self._delay = 0

    # -- connections ----------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[writer] = task
        self.connections += 1
        try:
            while line := await reader.readline():
                text = line.decode(errors="backslashreplace").rstrip("\r\n")
                self.received.append(text)
                self._changed.set()
                await self._answer(text, writer)
        except OSError:
            pass
        except Exception as error:  # of a function that answers
            self._error = error
        except asyncio.CancelledError:
            writer.transport.abort()  # streams log an error if they are cancelled
        finally:
            del self._clients[writer]
            writer.close()

    async def _answer(self, line: str, writer: asyncio.StreamWriter) -> None:
        found, answer = line, self.unknown
        for rule in self._rules:
            if (match := rule.matches(line)) is not None:
                found, answer = match, rule.next()
                break
        if callable(answer):
            answer = answer(found)
            if inspect.isawaitable(answer):
                answer = await answer
        if self._delay:
            await asyncio.sleep(self._delay)
        data = b"" if answer is None else self._bytes(answer)
        if self._silent > 0:
            self._silent -= 1
            return
        if self._garbled > 0:
            self._garbled -= 1
            data = _GARBAGE + self.newline.encode()
        if self._cut > 0:
            self._cut -= 1
            writer.write(data[: len(data) // 2])
            await writer.drain()
            writer.close()  # the half of the answer arrives, which it might not with a reset
            return
        writer.write(data)
        await writer.drain()

    def _bytes(self, answer: Any) -> bytes:
        if isinstance(answer, str):
            return f"{answer}{self.newline}".encode()
        if isinstance(answer, (bytes, bytearray)):
            return bytes(answer)
        if isinstance(answer, (list, tuple)):
            return b"".join(map(self._bytes, answer))
        raise CluTypeError(f"A device answers lines, bytes or a list of them, not {answer!r}.")


def _count(n: int | None) -> float:
    if n is None:
        return float("inf")
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise CluValueError(f"{n!r} is not a number of lines.")
    return n


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
