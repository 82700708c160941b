"""A broker in memory, and an actor and a client on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clu import AMQPClient
from clu.testing import MemoryBroker
from tests.amqp.actors import Camera

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def bus() -> Iterator[MemoryBroker]:
    with MemoryBroker("lab") as bus:
        yield bus


@pytest.fixture
async def camera(bus: MemoryBroker) -> AsyncIterator[Camera]:
    async with Camera("camera", url=bus.url) as camera:
        yield camera


@pytest.fixture
async def client(bus: MemoryBroker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("client", url=bus.url) as client:
        yield client
