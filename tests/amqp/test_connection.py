"""Connecting, and what can go wrong with it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import aio_pika
import psutil
import pytest

from clu import AMQPClient
from clu.exceptions import CluConnectionError, CluError, CluRuntimeError, CluValueError
from clu.protocol import TopicListener
from tests.brokers import connect
from tests.proxy import Proxy

from ..waiting import until
from .actors import Camera, only, ping

if TYPE_CHECKING:
    from tests.broker import Broker


def tasks() -> set[Any]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def connections(port: int) -> list[Any]:
    """Return the connections of this process to a port."""
    found = psutil.Process().net_connections("tcp")
    return [item for item in found if item.raddr and item.raddr.port == port]


async def refused(client: AMQPClient) -> CluConnectionError:
    from aio_pika.exceptions import AMQPConnectionError

    before = asyncio.all_tasks()
    host, port = client.connection.host, client.connection.port
    open_before = len(connections(port))
    with pytest.raises(CluConnectionError) as caught:
        await client.start()
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, AMQPConnectionError)
    assert str(caught.value).endswith(".")
    assert not str(caught.value).endswith("..")
    assert f"{host}:{port}" in str(caught.value)
    assert not client.is_connected()
    await only(before)
    await until(lambda: len(connections(port)) == open_before)
    await client.stop()
    return caught.value


@pytest.mark.rabbitmq
async def test_keyword_parameters(broker: Broker, camera: Camera) -> None:
    client = AMQPClient("words", host="127.0.0.1", port=broker.port, user="guest", password="guest")
    assert not client.is_connected()
    assert repr(client) == "<AMQPClient (name='words', disconnected)>"
    assert await client.start() is client
    assert client.is_connected()
    assert "127.0.0.1" in repr(client)
    assert "guest:guest" not in repr(client)
    assert await ping(client) == "Pong."
    await client.stop()
    assert not client.is_connected()
    await client.stop()


async def test_a_client_without_a_name_gets_one(broker: Broker) -> None:
    async with AMQPClient(url=broker.url) as client:
        assert client.name.startswith("amqp-client-")


async def test_no_broker() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    error = await refused(AMQPClient("x", host="127.0.0.1", port=port))
    assert "refused" in str(error)


@pytest.mark.parametrize("kind", [AMQPClient, Camera])
async def test_a_broker_that_does_not_answer(kind: type[AMQPClient]) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        port = mute.getsockname()[1]
        client = kind("x", port=port, host="127.0.0.1", connection_timeout=0.3)
        assert "no answer within 0.3 s" in str(await refused(client))
        if isinstance(client, Camera):
            assert not client.timed_commands.running


def test_the_limit_is_twenty_seconds_by_default() -> None:
    assert AMQPClient("x").connection.timeout == 20


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"url": "amqp://"}, "has no host"),
        ({"url": "amqp:///host"}, "has no host"),
        ({"url": "amqp://host:x"}, "makes no sense: .*port"),
        ({"port": 70000}, "makes no sense: Port out of range"),
        ({"host": ""}, "makes no sense: .*host"),
        ({"host": "no host"}, "makes no sense: .*'no host'"),
    ],
)
async def test_a_host_or_port_that_makes_no_sense_is_refused_at_once(
    parameters: dict[str, Any], reason: str
) -> None:
    client = AMQPClient("x", **parameters)
    with pytest.raises(CluValueError, match=f"The address of the broker {reason}"):
        await asyncio.wait_for(client.start(), 5)
    await client.stop()


@pytest.mark.rabbitmq
async def test_an_empty_address_is_none(broker: Broker, camera: Camera) -> None:
    async with AMQPClient("words", url="", host="127.0.0.1", port=broker.port) as client:
        assert await ping(client) == "Pong."


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("secret@localhost:5672", "has no scheme"),
        ("http://localhost", "begins with 'http://'"),
        ("://localhost", "begins with '://'"),
    ],
)
def test_an_address_that_is_not_one_of_a_broker_is_refused_at_once(url: str, reason: str) -> None:
    with pytest.raises(CluValueError, match=f"The address of the broker {reason}") as caught:
        AMQPClient("x", url=url)
    assert "amqp://" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.rabbitmq
async def test_wrong_credentials(broker: Broker) -> None:
    error = await refused(AMQPClient("x", port=broker.port, host="127.0.0.1", password="secret"))
    assert "ACCESS_REFUSED" in str(error)
    assert "secret" not in str(error)


@pytest.mark.rabbitmq
async def test_wrong_virtual_host(broker: Broker) -> None:
    error = await refused(
        AMQPClient("x", port=broker.port, host="127.0.0.1", virtualhost="nowhere")
    )
    assert "nowhere" in str(error)


async def test_two_actors_of_one_name(
    broker: Broker, camera: Camera, client: AMQPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu._amqp.topology._LOCK_TIMEOUT", 0.3)
    second = Camera("camera", url=broker.url)
    with pytest.raises(CluError, match="another instance of the same actor is running") as caught:
        await second.start()
    assert "cannot create queue camera_replies" in str(caught.value)
    assert not second.is_connected()
    assert await ping(client) == "Pong."


async def test_an_actor_waits_until_the_broker_has_forgotten_its_predecessor(
    broker: Broker, client: AMQPClient
) -> None:
    predecessor = await Camera("camera", url=broker.url).start()
    successor = Camera("camera", url=broker.url)
    start = asyncio.create_task(successor.start())
    await asyncio.sleep(0.3)
    assert not start.done()
    await predecessor.stop()
    await start
    assert await ping(client) == "Pong."
    await successor.stop()


async def test_a_client_is_started_once(client: AMQPClient) -> None:
    with pytest.raises(CluRuntimeError):
        await client.start()
    assert client.is_connected()


async def test_a_stopped_client_can_start_again(broker: Broker, camera: Camera) -> None:
    client = AMQPClient("again", url=broker.url)
    for _ in range(2):
        await client.start()
        assert await ping(client) == "Pong."
        await client.stop()


async def test_stop_without_start_and_with_a_mock() -> None:
    before = tasks()
    camera = Camera("camera")
    await camera.stop()
    camera.connection.connection = MagicMock(spec={"is_closed": False})
    await camera.stop()
    assert tasks() <= before


async def test_stop_leaves_nothing_behind(broker: Broker) -> None:
    before = tasks()
    camera = Camera("camera", url=broker.url)
    await camera.start()
    async with AMQPClient("client", url=broker.url) as client:
        await client.send_command("camera", "count 10")
        running = await client.send_command("camera", "sleep 60", await_command=False)
        stopping = asyncio.create_task(camera.stop())
        await asyncio.wait_for(running, 5)
        assert running.status.did_fail
        assert running.replies.get("error")
        await stopping
    await asyncio.sleep(0.05)
    assert tasks() <= before


async def test_stop_publishes_what_was_written(broker: Broker, client: AMQPClient) -> None:
    numbers: list[int] = []
    client.add_reply_callback(lambda reply: numbers.append(reply.body["number"]))
    async with Camera("camera", url=broker.url) as camera:
        for number in range(1000):
            camera.write("i", number=number)
    await until(lambda: len(numbers) == 1000)
    assert numbers == list(range(1000))


async def test_stop_ends_the_commands_of_a_client(broker: Broker, camera: Camera) -> None:
    async with AMQPClient("leaving", url=broker.url) as client:
        command = await client.send_command("camera", "sleep 30", await_command=False)
    assert command.status.did_fail
    assert command.replies.get("error") == "The client was stopped."


async def test_run_forever_ends_with_stop(broker: Broker) -> None:
    client = await AMQPClient("runner", url=broker.url).start()
    running = asyncio.create_task(client.run_forever())
    await asyncio.sleep(0.05)
    assert not running.done()
    await client.stop()
    await asyncio.wait_for(running, 5)


async def test_a_listener_has_queues_of_its_own(broker: Broker) -> None:
    listener = TopicListener(url=broker.url)
    assert not hasattr(listener, "channel")
    assert await listener.connect("own_exchange") is listener
    keys: list[str] = []

    async def take(message: Any) -> None:
        async with message.process():
            keys.append(message.routing_key)

    queue = await listener.add_queue("own_queue", callback=take, bindings="a.*, b.#")
    await listener.add_queue("other_queue", callback=take, bindings=["c"])
    assert listener.queues[0] is queue
    for key in ("a.1", "x", "b.2.3", "c"):
        publish = listener.exchange.publish(aio_pika.Message(b""), routing_key=key)
        if key == "x":
            with pytest.raises(aio_pika.exceptions.DeliveryError):
                await publish
        else:
            await publish
    await until(lambda: len(keys) == 3)
    assert sorted(keys) == ["a.1", "b.2.3", "c"]
    await listener.stop()
    await listener.stop()
    assert listener.connection is None


@pytest.mark.parametrize("heartbeat", [-1, 1.5, 65535, "10", float("nan"), float("inf")])
def test_a_heartbeat_that_is_no_number_of_seconds_is_refused(heartbeat: Any) -> None:
    with pytest.raises(CluValueError, match=r"The heartbeat .* is not a whole number of seconds"):
        AMQPClient("odd", heartbeat=heartbeat)


@pytest.mark.parametrize(
    ("query", "heartbeat", "expected"),
    [("", None, 60), ("?heartbeat=7", None, 7), ("?heartbeat=7", 9, 9), ("", 9.0, 9), ("", 0, 0)],
)
async def test_the_heartbeat_is_the_parameter_or_else_what_the_url_says(
    broker: Broker, query: str, heartbeat: Any, expected: int
) -> None:
    async with AMQPClient("beating", url=broker.url + query, heartbeat=heartbeat) as client:
        aiormq_connection = client.connection.connection.transport.connection
        assert aiormq_connection.connection_tune.heartbeat == expected


async def test_the_heartbeat_of_an_actor_can_come_from_its_configuration(broker: Broker) -> None:
    config = {"actor": {"name": "camera", "url": broker.url, "heartbeat": 9}}
    async with Camera.from_config(config) as camera:
        aiormq_connection = camera.connection.connection.transport.connection
        assert aiormq_connection.connection_tune.heartbeat == 9


@pytest.mark.rabbitmq
async def test_stop_does_not_mind_that_the_connection_is_lost(broker: Broker) -> None:
    async with Proxy(broker.port) as proxy:
        camera = await Camera("camera", url=proxy.url).start()
        proxy.hold()
        proxy.cut()
        await camera.stop()
        assert not camera.is_connected()


async def delete_exchange(listener: TopicListener) -> None:
    """What the broker does as the last one leaves who has a queue."""
    connection = await connect(listener.url)
    channel = await connection.channel()
    await channel.exchange_delete("sdss_exchange")
    await connection.close()


async def test_the_exchange_may_go_with_the_last_of_the_others(broker: Broker) -> None:
    listener = await TopicListener(broker.url).connect("sdss_exchange")
    try:
        await delete_exchange(listener)
        queue = await listener.add_queue("own_queue", bindings=["a", "b"])
        for key in "ab":
            await listener.exchange.publish(aio_pika.Message(key.encode()), routing_key=key)
            message = await queue.get(timeout=5)
            assert message.body == key.encode()
            await message.ack()
    finally:
        await listener.stop()


async def test_an_actor_starts_as_the_exchange_goes_with_the_last_of_the_others(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_now = TopicListener.connect

    async def connect_late(self: TopicListener, *args: Any) -> TopicListener:
        await connect_now(self, *args)
        await delete_exchange(self)
        return self

    monkeypatch.setattr(TopicListener, "connect", connect_late)
    async with Camera("camera", url=broker.url) as camera:
        monkeypatch.undo()
        assert await ping(camera) == "Pong."
