"""Whether there is an actor of a name: of this package, of another, slow, or behind a recorder."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient
from clu._amqp.absence import Finding, look_for_actor
from tests.brokers import connect

from .actors import Camera

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


@contextlib.asynccontextmanager
async def queue(broker: Broker, name: str | None, *keys: str) -> AsyncIterator[list[Any]]:
    """A queue of a program that is not ours, and the messages that it gets."""
    messages: list[Any] = []

    async def take(message: Any) -> None:
        messages.append(message)

    connection = await connect(broker.url)
    channel = await connection.channel()
    exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
    declared = await channel.declare_queue(name, exclusive=True)
    for key in keys:
        await declared.bind(exchange, key)
    await declared.consume(take, no_ack=True)
    yield messages
    await connection.close()


async def test_an_actor_is_found_and_who_is_not_there_is_absent(
    camera: Camera, client: AMQPClient
) -> None:
    assert await look_for_actor(client, "camera") is Finding.PRESENT
    assert await look_for_actor(client, "camera.filter.wheel") is Finding.PRESENT
    assert await look_for_actor(client, "cam") is Finding.ABSENT
    assert client._answer_takers == {}
    # A client of the name receives no commands.
    assert await look_for_actor(client, "client") is Finding.ABSENT


async def test_an_actor_with_a_queue_of_another_name_is_found(
    broker: Broker, client: AMQPClient
) -> None:
    camera = Camera("camera", url=broker.url)
    async with queue(broker, "camera_commands"):  # which a lost node leaves locked
        await camera.start()
    assert camera.commands_queue.name.startswith("camera_commands.")
    assert await look_for_actor(client, "camera") is Finding.PRESENT
    await camera.stop()
    assert await look_for_actor(client, "camera") is Finding.ABSENT


async def test_an_actor_of_the_recorded_release_is_found_and_sees_nothing(
    broker: Broker, client: AMQPClient
) -> None:
    async with queue(broker, "tcc_commands", "command.tcc.#") as messages:
        assert await look_for_actor(client, "tcc") is Finding.PRESENT
        assert await look_for_actor(client, "tcc.axis") is Finding.PRESENT
        await asyncio.sleep(0.1)
        assert messages == []


@pytest.mark.parametrize(
    ("key", "finding"), [("command.#", Finding.ABSENT), ("#", Finding.UNANSWERED)]
)
async def test_behind_a_recorder_who_is_not_there_is_not_found(
    broker: Broker, camera: Camera, client: AMQPClient, key: str, finding: Finding
) -> None:
    async with queue(broker, None, key):
        assert await look_for_actor(client, "nobody") is finding
        assert await look_for_actor(client, "camera") is Finding.PRESENT


@pytest.mark.rabbitmq
async def test_what_the_broker_does_not_allow_is_not_known_and_does_no_harm(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    broker.control("add_user", "bob", "secret")
    broker.control("set_permissions", "bob", *["^(bob_.*|sdss_exchange)$"] * 3)
    keys = r"^command\..*$", r"^(reply\..*|presence.*)$"
    broker.control("set_topic_permissions", "bob", "sdss_exchange", *keys)
    url = f"amqp://bob:secret@127.0.0.1:{broker.port}/"
    try:
        async with AMQPClient("bob", url=url) as bob:
            running = await bob.send_command("camera", "sleep 0.5", await_command=False)
            assert await look_for_actor(bob, "nobody") is Finding.UNKNOWN
            # RabbitMQ 4.3 looks at permissions before it says that the queue is somebody else's.
            finding = await look_for_actor(bob, "camera")
            assert finding in (Finding.PRESENT, Finding.UNKNOWN)
            assert (await running).status.did_succeed
    finally:
        broker.control("delete_user", "bob")


async def test_without_a_connection_it_is_not_known(client: AMQPClient) -> None:
    await client.connection.stop()
    assert await look_for_actor(client, "camera") is Finding.UNKNOWN
