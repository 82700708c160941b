"""What tests of outages look at: replies, commands and the log meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from clu.exceptions import CluConnectionError
from tests.brokers import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Self

    from clu import AMQPClient, Command

    from .actors import Camera

#: Replies a second.
RATE = 500
#: The seconds between two commands.
_COMMAND_PERIOD = 0.1


class Numbered:
    """Writes numbered replies at a steady rate, whatever happens.

    Parameters
    ----------
    actor
        The actor that writes them.
    """

    def __init__(self, actor: Camera) -> None:
        self.actor = actor
        self.count = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _write(self) -> None:
        start = time.monotonic()
        while True:
            for _ in range(int((time.monotonic() - start) * RATE) - self.count):
                self.actor.write("i", number=self.count)
                self.count += 1
            await asyncio.sleep(0.01)


def numbers_from(client: AMQPClient, actor: str = "camera") -> list[int]:
    """Return a list to which the numbers are added that the client receives."""
    numbers: list[int] = []

    def take(reply: Any) -> None:
        if reply.sender == actor and "number" in reply.body:
            numbers.append(reply.body["number"])

    client.add_reply_callback(take)
    return numbers


class Commanding:
    """Sends commands all the time, and notes how each ends.

    Parameters
    ----------
    client
        The client that sends them. None has a time limit.
    """

    def __init__(self, client: AMQPClient) -> None:
        self.client = client
        self._commands: list[asyncio.Task[str]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            self._commands.append(asyncio.create_task(self._send()))
            await asyncio.sleep(_COMMAND_PERIOD)

    async def _send(self) -> str:
        try:
            return outcome(await self.client.send_command("camera", "ping"))
        except CluConnectionError as error:
            return str(error)

    async def ended(self, limit: float) -> list[str]:
        """Wait until all commands have ended; return "done", or why it failed, for each."""
        _, pending = await asyncio.wait(self._commands, timeout=limit)
        assert not pending, f"{len(pending)} commands hang"
        return [command.result() for command in self._commands]


def outcome(command: Command[Any]) -> str:
    """Return "done", or why a command failed."""
    if command.status.did_succeed:
        return "done"
    return str(command.replies.get("error"))


class LogLines(logging.Handler):
    """Keeps what clu, the AMQP libraries and asyncio log from INFO on; nothing else is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        #: The logger, the level and the text of each line.
        self.lines: list[tuple[str, int, str]] = []
        self._levels: dict[logging.Logger, int] = {}

    def __enter__(self) -> Self:
        for name in ("clu", "aio_pika", "aiormq", "asyncio"):
            self._add(logging.getLogger(name))
        return self

    def __exit__(self, *_: object) -> None:
        for logger, level in self._levels.items():
            logger.removeHandler(self)
            logger.setLevel(level)

    def follow(self, *clients: AMQPClient) -> None:
        """Keep what clients log too. A client that is made anew must be followed anew."""
        for client in clients:
            self._add(client.log)

    def _add(self, logger: logging.Logger) -> None:
        self._levels.setdefault(logger, logger.level)
        logger.addHandler(self)
        logger.setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, record.getMessage()))

    def of(self, *loggers: str, level: int = logging.INFO) -> list[str]:
        """Return the lines of loggers and of those below them."""
        return [
            text
            for name, at, text in self.lines
            if at >= level and any(name == top or name.startswith(f"{top}.") for top in loggers)
        ]


class Witness:
    """Sees every message to `reply.#`, those that are published twice too."""

    def __init__(self) -> None:
        #: The message id and the body of each message.
        self.messages: list[tuple[str | None, bytes]] = []

    async def _take(self, message: Any) -> None:
        self.messages.append((message.message_id, message.body))

    def check(self) -> int:
        """See that whatever came twice has the same message id; return how often that was."""
        ids: dict[bytes, str | None] = {}
        for message_id, body in self.messages:
            if b'"number"' in body:
                assert ids.setdefault(body, message_id) == message_id
        assert len(set(ids.values())) == len(ids)
        return len([body for _, body in self.messages if b'"number"' in body]) - len(ids)


@contextlib.asynccontextmanager
async def witness(url: str) -> AsyncIterator[Witness]:
    """Listen to the replies on a connection of its own, which does not come back."""
    witness = Witness()
    async with await connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "reply.#")
        await queue.consume(witness._take, no_ack=True)
        yield witness
