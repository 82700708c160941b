"""The brokers of the tests: RabbitMQ for what is about it, and the one in memory for the rest.

``CLU_TEST_BROKER=rabbitmq``, or a release of it in ``CLU_TEST_RABBITMQ``, runs all on RabbitMQ;
``CLU_TEST_BROKER=memory`` leaves out what is about RabbitMQ.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest

from clu.testing import MemoryBroker

if TYPE_CHECKING:
    from tests.broker import Broker

_KIND = os.environ.get("CLU_TEST_BROKER", "")
if _KIND not in {"", "memory", "rabbitmq"}:
    raise ValueError(f"CLU_TEST_BROKER is memory, rabbitmq or nothing, and not {_KIND!r}.")
#: Whether tests run on the broker in memory only. Those about RabbitMQ do not run then.
IN_MEMORY = _KIND == "memory"
#: Whether all tests run on RabbitMQ.
ON_RABBITMQ = _KIND == "rabbitmq" or bool(os.environ.get("CLU_TEST_RABBITMQ"))
#: The fixtures of tests that are about RabbitMQ, besides those with the mark.
_FIXTURES = frozenset({"rabbitmq", "proxy", "mortal", "narrow", "secure", "own_broker", "alice"})


def is_about_rabbitmq(item: pytest.Item) -> bool:
    """Tell tests that are about RabbitMQ, or not for the broker in memory."""
    return bool(
        item.get_closest_marker("rabbitmq") or _FIXTURES & set(getattr(item, "fixturenames", ()))
    )


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


@pytest.fixture(scope="session", name="broker")
def broker_of_programs(rabbitmq: Broker) -> Broker:
    """The broker of tests whose programs are processes of their own; their conftest imports it."""
    return rabbitmq
