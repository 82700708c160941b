"""The broker that the AMQP tests share, and the actor and the client on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clu import AMQPClient
from tests.broker import Broker

from .actors import Camera, Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("rabbitmq"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
async def camera(broker: Broker) -> AsyncIterator[Camera]:
    camera = Camera("camera", url=broker.url, version="1.2.3")
    await camera.start()
    yield camera
    await camera.stop()


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("client", url=broker.url) as client:
        yield client


@pytest.fixture
async def listener(broker: Broker) -> AsyncIterator[Listener]:
    listener = await Listener.connect(broker.url)
    yield listener
    await listener.close()
