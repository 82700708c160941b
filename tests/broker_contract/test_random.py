"""The two brokers answer the same to whatever a client does."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from aiormq.exceptions import PublishError
from pamqp.commands import Basic

from clu.testing import MemoryBroker
from tests.brokers import connect

if TYPE_CHECKING:
    from tests.broker import Broker

QUEUES, WORDS = ("one", "two", "three"), ("a", "b", "*", "#")
STEPS = 400


class Client:
    """Does what dice say, and writes down what comes of it."""

    def __init__(self, channel: Any, seed: int) -> None:
        self.channel = channel
        self.dice = random.Random(seed)
        self.prefix = uuid.uuid4().hex
        self.exchange = f"{self.prefix}-exchange"
        self.delivered: list[int] = []
        self.count = 0
        self.transcript: list[Any] = []

    def queue(self) -> str:
        return f"{self.prefix}-{self.dice.choice(QUEUES)}"

    def key(self, words: tuple[str, ...]) -> str:
        key = ".".join(self.dice.choice(words) for _ in range(self.dice.randint(1, 3)))
        return key.replace("#.#.#", "#.#")  # RabbitMQ 4.3 takes no more of them

    async def run(self) -> list[Any]:
        await self.channel.exchange_declare(self.exchange, exchange_type="topic")
        for name in QUEUES:
            await self.channel.queue_declare(f"{self.prefix}-{name}", exclusive=True)
        steps = (
            *([self.publish] * 8 + [self.get] * 8 + [self.bind] * 3),
            *(self.unbind, self.ack, self.ack, self.nack, self.nack, self.recover, self.purge),
        )
        for _ in range(STEPS):
            step = self.dice.choice(steps)
            self.transcript.append((step.__name__, await step()))
        await self.channel.exchange_delete(self.exchange)
        return self.transcript

    async def bind(self) -> None:
        await self.channel.queue_bind(self.queue(), self.exchange, self.key(WORDS))

    async def unbind(self) -> None:
        await self.channel.queue_unbind(self.queue(), self.exchange, self.key(WORDS))

    async def publish(self) -> str:
        self.count += 1
        properties = Basic.Properties(message_id=str(self.count))
        arguments = {"mandatory": self.dice.random() < 0.5, "properties": properties}
        exchange, key = self.exchange, self.key(("a", "b"))
        if self.dice.random() < 0.2:
            exchange, key = "", self.queue()
        body = str(self.count).encode() * self.dice.choice((1, 1, 200_000))
        try:
            await self.channel.basic_publish(body, exchange=exchange, routing_key=key, **arguments)
        except PublishError as error:
            delivery = error.message.delivery
            return f"returned {delivery.reply_code} {delivery.reply_text} {len(body)}"
        return "confirmed"

    async def get(self) -> Any:
        no_ack = self.dice.random() < 0.3
        message = await self.channel.basic_get(self.queue(), no_ack=no_ack)
        if message.delivery_tag is None:
            return None
        if not no_ack:
            self.delivered.append(message.delivery_tag)
        properties = message.header.properties
        delivery = message.delivery
        return (
            message.delivery_tag,
            properties.message_id,
            len(message.body),
            delivery.redelivered,
        )

    def one(self) -> int | None:
        return (
            self.delivered.pop(self.dice.randrange(len(self.delivered))) if self.delivered else None
        )

    async def ack(self) -> int | None:
        tag = self.one()
        if tag is not None:
            is_multiple = self.dice.random() < 0.3
            await self.channel.basic_ack(tag, multiple=is_multiple)
            if is_multiple:
                self.delivered = [other for other in self.delivered if other > tag]
        return tag

    async def nack(self) -> int | None:
        tag = self.one()
        if tag is not None:
            await self.channel.basic_nack(tag, requeue=self.dice.random() < 0.7)
        return tag

    async def recover(self) -> None:
        self.delivered.clear()
        await self.channel.basic_recover(requeue=True)

    async def purge(self) -> None:
        await self.channel.queue_purge(self.queue())


async def transcript(url: str, seed: int) -> list[Any]:
    async with await connect(url) as connection:
        return await Client(await connection.transport.connection.channel(), seed).run()


@pytest.mark.rabbitmq
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_a_client_does(broker: Broker, seed: int) -> None:
    with MemoryBroker() as bus:
        assert await transcript(bus.url, seed) == await transcript(broker.url, seed)
