"""The private cluster of the tests: it forms, loses a node and gets it back."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import aio_pika
import pytest
from aio_pika.exceptions import DeliveryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aio_pika.abc import AbstractChannel

    from tests.broker import Broker

    from .nodes import Cluster

#: Three nodes start, and some stop and start again, on a machine that is busy with other things.
pytestmark = pytest.mark.timeout(300)


@contextlib.asynccontextmanager
async def channel_on(node: Broker) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(node.url) as connection:
        yield await connection.channel(on_return_raises=True)


async def publish_until_it_is_routed(channel: AbstractChannel, queue: str) -> None:
    """Publish to a queue that another node has just declared, of which this one learns later."""
    while True:
        message = aio_pika.Message(b"hello")
        with contextlib.suppress(DeliveryError):
            await channel.default_exchange.publish(message, routing_key=queue)
            return


async def check_a_message_passes(source: Broker, target: Broker) -> None:
    """See that what is published at one node arrives in a queue of another one."""
    async with channel_on(source) as there, channel_on(target) as here:
        queue = await here.declare_queue(exclusive=True)
        await publish_until_it_is_routed(there, queue.name)
        received = await queue.get(no_ack=True)
        assert received is not None
        assert received.body == b"hello"


async def test_nodes_form_one_cluster(cluster: Cluster) -> None:
    for node in cluster.nodes:
        assert cluster.running(node) == cluster.nodes
    first, second, third = cluster.nodes
    for source, target in ((first, second), (second, third), (third, first)):
        await check_a_message_passes(source, target)


async def test_nodes_are_of_the_release(cluster: Cluster) -> None:
    for node in cluster.nodes:
        async with await aio_pika.connect(node.url) as connection:
            version = connection.transport.connection.server_properties["version"]
        assert version.startswith("4.3.")


async def test_killed_node_is_missed_and_comes_back(cluster: Cluster) -> None:
    first, second, third = cluster.nodes
    async with channel_on(first) as channel:
        cluster.kill(second)
        with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
            probe.connect(("127.0.0.1", second.port))
        assert cluster.running(first) == cluster.running(third) == [first, third]
        await check_a_message_passes(first, third)

        cluster.start()
        assert cluster.running(second) == cluster.nodes
        await check_a_message_passes(second, third)
        assert not channel.is_closed


async def test_node_restarts_while_the_others_go_on(cluster: Cluster) -> None:
    first, second, third = cluster.nodes
    before = second.pids
    async with channel_on(first) as channel:
        cluster.restart(second)
        assert not channel.is_closed
    assert set(before).isdisjoint(second.pids)
    assert cluster.running(third) == cluster.nodes
    await check_a_message_passes(second, first)


async def test_all_nodes_come_back_after_all_were_killed(cluster: Cluster) -> None:
    for node in cluster.nodes:
        cluster.kill(node)
    cluster.start()
    assert cluster.running(cluster.nodes[0]) == cluster.nodes
