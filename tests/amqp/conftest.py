"""The broker that the AMQP tests share, and the actor and the client on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient
from clu._amqp.plane import is_available
from tests.reliability.actors import make

from .actors import Camera, Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


#: The tests that need no transport, one of their own, or any.
INDEPENDENT = (
    "test_broker",
    "test_data_plane",
    "test_outbox",
    "test_sender",
    "test_testing",
)


#: How tests begin that take long, and run on asyncio only, over the data plane: by aio_pika alone
#: they take five times as long, and the smaller ones run there.
LARGE = "test_two_hundred_"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests over both transports: the data plane, and aio_pika alone."""
    if metafunc.module.__name__.rpartition(".")[2] in INDEPENDENT:
        return
    planes = ["compiled", "plain"] if is_available() else ["plain"]
    metafunc.parametrize("data_plane", planes, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave aio_pika alone on uvloop to the run without compiled kernels, to save its time.

    The outages, which take long, run over the data plane on uvloop only, and those with very many
    clients on one event loop.
    """
    left_out = [
        item
        for item in items
        if item.path.parent == Path(__file__).parent
        and item.name.startswith(LARGE)
        and (not is_available() or "[uvloop" in item.name or "plain" in item.name)
    ]
    if is_available():
        left_out += [
            item
            for item in items
            if "[uvloop-plain" in item.name
            or ("test_faults" in item.nodeid and "[asyncio-compiled" in item.name)
        ]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(autouse=True)
def data_plane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """Choose the transport of all clients and actors of a test."""
    plane: str | None = getattr(request, "param", None)
    if plane is not None:
        monkeypatch.setattr("clu._amqp.plane.is_available", lambda: plane == "compiled")
    return plane


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
