"""A client of a TCP JSON actor that follows its keywords and checks what it receives."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clu._tcp.client import open_connection
from clu.cli.demo.history import Keywords
from clu.exceptions import CluError
from clu.model import Model

if TYPE_CHECKING:
    from clu._tcp.client import TCPStreamClient

__all__ = ["Answer", "Follower", "SequenceCheck"]

_TERMINAL_CODES = (":", "f")
#: The seconds over which the rate of replies is averaged.
_RATE_WINDOW = 2.0


class SequenceCheck:
    """Checks that numbered replies arrive in order.

    Attributes
    ----------
    received
        The number of replies that arrived.
    lost
        The number of missing replies between those that arrived.
    disordered
        The number of replies that arrived twice, or after one with a higher number.
    """

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self.disordered = 0
        self._expected: int | None = None

    def add(self, number: int) -> None:
        """Add the number of the next reply."""
        self.received += 1
        expected = number if self._expected is None else self._expected
        if number < expected:
            self.disordered += 1
            return
        self.lost += number - expected
        self._expected = number + 1


@dataclass(eq=False)
class Answer:
    """A command, and the replies of the actor.

    Attributes
    ----------
    code
        The code of the last reply, ``":"`` or ``"f"`` once the command is done.
    keywords
        The keywords of all the replies; a later value replaces an earlier one.
    seconds
        The time from sending the command to its last reply.
    """

    text: str
    code: str = ""
    keywords: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    done: asyncio.Future[Answer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future(), repr=False
    )

    async def wait(self) -> Answer:
        """Wait until the command is done. Cancelling the waiting task does not affect it."""
        return await asyncio.shield(self.done)


class Follower:
    """A client of a TCP JSON actor.

    Attributes
    ----------
    keywords
        The broadcast keywords: their current and recent values.
    sequence
        The check of the sequence numbers of the broadcast replies.
    received
        The number of replies that arrived.
    invalid
        The errors of replies that do not match the schema of the actor, or cannot be parsed.
    sent, answered
        The number of commands that were sent, and of those that are done.
    latencies
        The durations of the commands in seconds, by command string.
    closed
        A task that is done when the connection is closed.
    """

    def __init__(self) -> None:
        self.keywords = Keywords()
        self.sequence = SequenceCheck()
        self.received = 0
        self.invalid: list[str] = []
        self.sent = 0
        self.answered = 0
        self.latencies: dict[str, list[float]] = {}
        self.model: Model | None = None
        self.closed: asyncio.Task[None]
        self._connection: TCPStreamClient | None = None
        self._pending: dict[int, tuple[Answer, float]] = {}
        self._arrivals: deque[float] = deque()

    async def connect(self, host: str, port: int) -> None:
        """Connect to the actor, and request the schema of its keywords.

        Raises
        ------
        OSError
            If the actor cannot be reached.
        CluError
            If the actor does not return its schema.
        """
        self._connection = await open_connection(host, port)
        assert self._connection.reader is not None
        loop = asyncio.get_running_loop()
        self.closed = loop.create_task(self._read(self._connection.reader))
        answer = await self.command("get_schema")
        if "schema" not in answer.keywords:
            raise CluError("The actor did not return its schema.")
        self.model = Model("host", answer.keywords["schema"], is_file=False)
        self.keywords.use_schema(self.model.schema)

    async def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            await asyncio.wait([self.closed])

    async def command(self, text: str) -> Answer:
        """Send a command, and wait until it is done.

        Raises
        ------
        ConnectionError
            If the connection is closed before that.
        """
        return await self.send(text).wait()

    def send(self, text: str) -> Answer:
        """Send a command.

        Raises
        ------
        ConnectionError
            If the connection is closed.
        """
        writer = self._connection.writer if self._connection is not None else None
        if writer is None:
            raise ConnectionError("There is no connection to the actor.")
        if self.closed.done():
            raise ConnectionResetError("The actor has closed the connection.")
        self.sent += 1
        answer = Answer(text)
        self._pending[self.sent] = answer, time.perf_counter()
        writer.write(f"{self.sent} {text}\n".encode())
        return answer

    @property
    def running(self) -> list[Answer]:
        """The commands that are not done."""
        return [answer for answer, _ in self._pending.values()]

    @property
    def rate(self) -> float:
        """The recent number of replies per second."""
        arrivals = self._arrivals
        now = time.monotonic()
        while arrivals and arrivals[0] < now - _RATE_WINDOW:
            arrivals.popleft()
        return len(arrivals) / max(now - arrivals[0], 0.1) if arrivals else 0.0

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self.receive(line)
        except ConnectionError:
            pass
        finally:
            for answer in self.running:
                if not answer.done.done():
                    answer.done.set_exception(
                        ConnectionResetError("The actor has closed the connection.")
                    )
                    answer.done.exception()  # it may not be awaited: do not warn about that

    def receive(self, line: bytes) -> None:
        """Handle a line from the actor."""
        self.received += 1
        self._arrivals.append(time.monotonic())
        try:
            reply = json.loads(line)
            header, keywords = reply["header"], reply["data"]
            code, command_id = header["message_code"], header["command_id"]
        except (ValueError, TypeError, KeyError) as error:
            self.invalid.append(f"{type(error).__name__}: {error}")
            return
        if self.model is not None:
            valid, problem = self.model.validate(keywords)
            if not valid:
                self.invalid.append(str(problem).partition("\n")[0])
        if command_id is None:
            self.keywords.update(keywords)
            if "sequence" in keywords:
                self.sequence.add(keywords["sequence"])
        elif command_id in self._pending:
            self._advance(command_id, code, keywords)

    def _advance(self, command_id: int, code: str, keywords: dict[str, Any]) -> None:
        answer, began = self._pending[command_id]
        answer.code = code
        answer.keywords.update(keywords)
        if code not in _TERMINAL_CODES:
            return
        del self._pending[command_id]
        self.answered += 1
        answer.seconds = time.perf_counter() - began
        self.latencies.setdefault(answer.text, []).append(answer.seconds)
        if not answer.done.done():
            answer.done.set_result(answer)
