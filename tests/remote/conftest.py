"""An actor for each transport, and a client that commands it by way of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, JSONActor, LegacyActor
from clu.legacy.tron import TronClientProtocol, TronConnection
from clu.remote import JSONClient
from clu.testing import Hub

from ..broker import free_port
from .actors import SCHEMA, AMQPCamera, parser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from clu.remote import RemoteActor

    from ..broker import Broker

KINDS = ["amqp", "json", "legacy"]


class JSONCamera(JSONActor):
    parser = parser


class LegacyCamera(LegacyActor):
    parser = parser


@pytest.fixture
async def camera(broker: Broker) -> AsyncIterator[AMQPCamera]:
    actor = await AMQPCamera("camera", url=broker.url, version="1.2.3").start()
    yield actor
    await actor.stop()


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("client", url=broker.url) as client:
        yield client


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(TronClientProtocol, "initial_delay", 0.01)
    async with Hub() as hub:
        yield hub


async def ask_hub(hub: Hub) -> TronConnection:
    return await TronConnection("test.user", "127.0.0.1", hub.port).start()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def remote(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[RemoteActor]:
    """The camera, as an object."""
    client: Any
    actor: Any
    if kind == "amqp":
        broker = request.getfixturevalue("broker")
        actor = await AMQPCamera("camera", url=broker.url, version="1.2.3").start()
        client = await AMQPClient("client", url=broker.url).start()
        yield await client.actor("camera")
        await client.stop()
    elif kind == "json":
        actor = await JSONCamera("camera", port=free_port(), schema=SCHEMA).start()
        async with JSONClient("localhost", actor.port) as client:
            yield await client.actor()
    else:
        async with Hub() as hub:
            actor = LegacyCamera("camera", "127.0.0.1", free_port(), schema=SCHEMA)
            await actor.start()
            hub.add_actor("camera", actor.port)
            client = await ask_hub(hub)
            await client.send_command("hub", "startNubs camera")
            yield await client.actor("camera")
            client.stop()
    await actor.stop()
