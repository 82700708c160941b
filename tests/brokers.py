"""The brokers that tests run on: RabbitMQ, or the one in memory if `CLU_TEST_BROKER` is memory."""

from __future__ import annotations

import os
from typing import Any

import aio_pika

from clu.testing import MemoryBroker

#: Whether tests run on the broker in memory. Those marked `rabbitmq` do not run then.
IN_MEMORY = os.environ.get("CLU_TEST_BROKER") == "memory"
#: The fixtures of tests that are about RabbitMQ, besides those with the mark.
ABOUT_RABBITMQ = frozenset({"proxy", "mortal", "narrow", "secure", "own_broker", "alice"})


class SharedMemoryBroker(MemoryBroker):
    """A broker in memory in the place of a RabbitMQ, of which it has only the address."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"The broker in memory has no {name!r}: has this test the mark rabbitmq?"
        )


async def connect(url: str) -> Any:
    """Return a connection of aio_pika to a broker of either kind."""
    if url.startswith("memory:"):
        from clu._amqp.memory.client import connect as connect_in_memory

        return await connect_in_memory(url, "aio_pika")
    return await aio_pika.connect(url)
