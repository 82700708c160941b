"""Actors and messages for the AMQP tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aio_pika
import click

from clu import AMQPActor, AMQPClient, Command
from clu.parsers import click as parsers
from tests.brokers import connect

SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "word": {"type": "string"}},
    "additionalProperties": False,
}


def make_parser() -> click.Group:
    @click.group(cls=parsers.CluGroup)
    def parser(*args: Any) -> None:
        pass

    for command in (
        parsers.ping,
        parsers.version,
        parsers.get_schema,
        parsers.help_,
        parsers.keyword,
    ):
        parser.add_command(command)

    @parser.command()
    @click.argument("text")
    def echo(command: Command[Any], text: str) -> None:
        command.finish(text=text)

    @parser.command()
    @click.argument("count", type=int)
    def count(command: Command[Any], count: int) -> None:
        for number in range(count):
            command.info(number=number)
        command.finish()

    @parser.command()
    @click.argument("seconds", type=float)
    async def sleep(command: Command[Any], seconds: float) -> None:
        await asyncio.sleep(seconds)
        command.finish(text="slept")

    @parser.command()
    def unsendable(command: Command[Any]) -> None:
        command.info(word=object())
        command.finish(word=object())

    @parser.command()
    @click.argument("actor")
    async def forward(command: Command[Any], actor: str) -> None:
        child = await command.send_command(actor, "ping", new_command=False)
        command.finish(text=child.replies.get("text"))

    return parser


class Camera(AMQPActor):
    """The actor of the tests."""

    parser = make_parser()
    schema = SCHEMA


async def only(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until there are no other tasks."""
    for _ in range(1000):
        if asyncio.all_tasks() <= tasks:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"there are still {asyncio.all_tasks() - tasks}")


def codes(command: Any) -> list[str]:
    return [reply.message_code.value for reply in command.replies]


class Listener:
    """Keeps the messages that reach an exchange."""

    def __init__(self, connection: Any, exchange: Any) -> None:
        self.connection = connection
        self.exchange = exchange
        self.messages: list[Any] = []

    @classmethod
    async def connect(cls, url: str) -> Listener:
        connection = await connect(url)
        channel = await connection.channel()
        exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
        self = cls(connection, exchange)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "reply.#")
        await queue.bind(exchange, "command.camera.#")
        await queue.consume(self._take, no_ack=True)
        return self

    async def _take(self, message: Any) -> None:
        self.messages.append(message)

    async def publish(self, key: str, body: Any, headers: dict[str, Any], **kwargs: Any) -> None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        message = aio_pika.Message(body, headers=headers, **kwargs)
        await self.exchange.publish(message, routing_key=key)

    async def command(self, body: Any, **headers: Any) -> None:
        await self.publish("command.camera", body, headers, content_type="text/json")

    def find(self, key: str) -> list[Any]:
        return [message for message in self.messages if message.routing_key == key]

    async def close(self) -> None:
        await self.connection.close()


async def ping(client: AMQPClient, actor: str = "camera") -> str:
    command = await asyncio.wait_for(client.send_command(actor, "ping"), 10)
    return str(command.replies.get("text"))
