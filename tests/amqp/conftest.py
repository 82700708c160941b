"""The broker that the AMQP tests share, and the actor and the client on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient
from tests.reliability.actors import make

from .actors import Camera, Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


#: How tests begin that take long, and run on asyncio only.
LARGE = "test_two_hundred_"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes long on one event loop: outages on uvloop, very many clients on asyncio."""
    left_out = [
        item
        for item in items
        if item.path.parent == Path(__file__).parent
        and (
            (item.name.startswith(LARGE) and "[uvloop" in item.name)
            or ("test_faults" in item.nodeid and "[asyncio" in item.name)
        )
    ]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
async def camera(broker: Broker) -> AsyncIterator[Camera]:
    camera = Camera("camera", url=broker.url, version="1.2.3")
    await camera.start()
    yield camera
    await camera.stop()


@pytest.fixture
async def actor(broker: Broker) -> AsyncIterator[Any]:
    """An actor with the commands of the actors of tests/reliability."""
    actor = await make("amqp", url=broker.url).start()
    yield actor
    await actor.stop()


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("client", url=broker.url) as client:
        yield client


@pytest.fixture
async def listener(broker: Broker) -> AsyncIterator[Listener]:
    listener = await Listener.connect(broker.url)
    yield listener
    await listener.close()
