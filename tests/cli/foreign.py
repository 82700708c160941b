"""Programs on the broker that are not ours: actors of the recorded release, and recorders."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import aio_pika

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Observatory


class Foreign:
    """A queue that is bound as a program wants it, which may answer commands as an actor does."""

    def __init__(self, name: str, answers: tuple[str, ...]) -> None:
        self.name = name
        self.messages: list[Any] = []
        self._answers = answers
        self._connection: Any = None
        self._exchange: Any = None

    async def start(self, url: str, keys: tuple[str, ...]) -> None:
        self._connection = await aio_pika.connect(url)
        channel = await self._connection.channel()
        self._exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
        queue = await channel.declare_queue(f"{self.name}_commands", exclusive=True)
        for key in keys:
            await queue.bind(self._exchange, key)
        await queue.consume(self._take, no_ack=True)

    async def stop(self) -> None:
        await self._connection.close()

    async def _take(self, message: Any) -> None:
        self.messages.append(message)
        for code in self._answers:
            await self.reply(code, message.headers)

    async def reply(self, code: str, command: dict[str, Any], **keywords: Any) -> None:
        headers = {
            "message_code": code,
            "commander_id": command.get("commander_id"),
            "command_id": command.get("command_id"),
            "sender": self.name,
            "internal": False,
        }
        body = json.dumps(keywords).encode()
        reply = aio_pika.Message(body, headers=headers, correlation_id=command.get("command_id"))
        key = command.get("commander_id", "broadcast")
        await self._exchange.publish(reply, routing_key=f"reply.{key}")


@contextlib.contextmanager
def foreign(
    observatory: Observatory, name: str, *keys: str, answers: tuple[str, ...] = ()
) -> Iterator[Foreign]:
    program = Foreign(name, answers)
    observatory.call(program.start(observatory.broker.url, keys or (f"command.{name}.#",)))
    try:
        yield program
    finally:
        observatory.call(program.stop())
