"""What goes wrong on demand, and what clients and actors make of it."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, CluError
from clu.exceptions import CluNotImplemented, CluTypeError, CluValueError
from tests.amqp.actors import Camera, ping
from tests.amqp.outages import Commanding, LogLines, Numbered, numbers_from
from tests.waiting import until

if TYPE_CHECKING:
    from clu.testing import MemoryBroker

#: What the end of commands may be whose client or actor was cut off.
ENDS = ("done", "lost", "does not run", "There is no connection", "Failed routing")


async def all_back(*clients: AMQPClient) -> None:
    await until(lambda: all(client.is_connected() for client in clients))
    await until(lambda: all(client.stats["backlog"] == 0 for client in clients))


async def test_nothing_is_lost_when_an_actor_is_cut_off_again_and_again(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    async with Numbered(camera) as numbered:
        for _ in range(3):
            await asyncio.sleep(0.1)
            bus.faults.cut("camera")
            await until(lambda: not camera.is_connected())
            await until(camera.is_connected)
    await all_back(camera)
    await until(lambda: len(numbers) >= numbered.count)
    assert numbers == list(range(numbered.count))
    assert camera.stats["dropped"] == 0


async def test_nothing_is_lost_when_the_broker_is_restarted(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    async with Numbered(camera) as numbered:
        await asyncio.sleep(0.1)
        bus.faults.restart(0.5)
        await until(lambda: not camera.is_connected() and not client.is_connected())
        await all_back(camera, client)
        await asyncio.sleep(0.1)
    await all_back(camera)
    # What was sent when the client had no queue yet went to nobody, as with RabbitMQ: the
    # actor waits a moment before it publishes again.
    await until(lambda: numbered.count - 1 in numbers)
    assert numbers == list(range(numbered.count))


async def test_what_is_durable_outlives_a_restart(bus: MemoryBroker) -> None:
    import aio_pika

    async with await bus.connect() as connection:
        channel = await connection.channel()
        await channel.declare_exchange("lasting", "direct", durable=True)
        await channel.declare_exchange("passing", "direct")
        queue = await channel.declare_queue("lasting", durable=True)
        await channel.declare_queue("passing")
        await queue.bind("lasting", "key")
        for body, mode in ((b"kept", 2), (b"lost", 1)):
            message = aio_pika.Message(body, delivery_mode=mode)
            await channel.default_exchange.publish(message, routing_key="lasting")
        closed = asyncio.Event()
        connection.close_callbacks.add(lambda *_: closed.set())
        bus.faults.restart()
        await closed.wait()
    assert set(bus.host.queues) == {"lasting"}
    assert "lasting" in bus.host.exchanges
    assert "passing" not in bus.host.exchanges
    async with await bus.connect() as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("lasting", durable=True)
        assert (await queue.get(no_ack=True)).body == b"kept"
        assert await queue.get(fail=False) is None
        exchange = await channel.get_exchange("lasting")
        await exchange.publish(aio_pika.Message(b"still bound"), routing_key="key")
        assert (await queue.get(no_ack=True)).body == b"still bound"


async def test_every_command_ends_in_an_outage(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    async with Commanding(client) as commanding:
        for name in ("camera", "client"):
            await asyncio.sleep(0.3)
            bus.faults.cut(name)
            await all_back(camera, client)
        await asyncio.sleep(0.3)
    outcomes = await commanding.ended(60)
    assert outcomes.count("done") >= 3
    assert all(any(end in outcome for end in ENDS) for outcome in outcomes), outcomes


async def test_the_log_says_what_it_says_with_rabbitmq(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    with LogLines() as log:
        log.follow(camera, client)
        bus.faults.cut("client")
        await until(lambda: not client.is_connected())
        await all_back(client)
        assert await ping(client) == "Pong."
    lost, back = log.of("clu:client", level=30)
    assert re.fullmatch(
        r"client: lost the connection to memory://lab \(.*\); connecting again\.", lost
    )
    assert re.fullmatch(
        r"client: connected to memory://lab again after .* s; [01] messages wait\.", back
    )
    assert log.of("aio_pika", "aiormq", "asyncio", level=30) == []


async def test_who_is_cut_off_for_some_time_connects_when_it_is_over(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    start = time.monotonic()
    bus.faults.cut("camera", 1.5)
    await until(lambda: "camera" not in bus.connections)
    command = await client.send_command("camera", "ping")
    assert command.replies.get("error") == "Failed routing message to consumer 'camera'."
    await until(lambda: not camera.is_connected())
    await all_back(camera)
    assert time.monotonic() - start > 1.5
    await until(lambda: "camera" in bus.connections)
    assert await ping(client) == "Pong."


async def test_nobody_connects_while_the_broker_is_down(bus: MemoryBroker) -> None:
    bus.faults.restart(60)
    with pytest.raises(CluError, match="the memory broker 'lab' is down"):
        await AMQPClient("client", url=bus.url).start()
    bus.faults.clear()
    async with AMQPClient("client", url=bus.url) as client:
        assert client.is_connected()


async def test_what_is_kept_back_keeps_its_place(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    start = time.monotonic()
    bus.faults.delay("reply.broadcast", 0.2, n=1)
    for number in range(100):
        camera.write("i", number=number)
    await until(lambda: len(numbers) == 100)
    assert time.monotonic() - start >= 0.2
    assert numbers == list(range(100))
    await all_back(camera)
    camera.write("i", number=100)
    await until(lambda: len(numbers) == 101)


async def test_what_is_kept_back_is_not_lost_when_the_connection_is(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    bus.faults.delay("reply.#", 0.3)
    for number in range(10):
        camera.write("i", number=number)
    await asyncio.sleep(0.05)
    bus.faults.cut("camera")
    await until(lambda: len(numbers) == 10)
    assert numbers == list(range(10))


async def test_messages_that_are_dropped_were_confirmed(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    bus.faults.drop("reply.*", n=3)
    for number in range(5):
        camera.write("i", number=number)
    await until(lambda: numbers)
    await all_back(camera)
    assert numbers == [3, 4]
    assert camera.stats["dropped"] == camera.stats["nacked"] == 0


async def test_a_command_that_is_dropped_runs_into_its_time_limit(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    bus.faults.drop("command.camera")
    command = await client.send_command("camera", "ping", time_limit=0.1)
    assert command.status.did_fail
    assert command.replies == []
    assert await ping(client) == "Pong."


async def test_messages_that_are_refused_are_counted(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    bus.faults.nack("reply.broadcast", n=2)
    for number in range(5):
        camera.write("i", number=number)
    await until(lambda: len(numbers) == 3)
    await all_back(camera)
    assert camera.stats["nacked"] == 2


async def test_a_message_that_comes_twice_is_handled_once(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers, seen = numbers_from(client), []
    connection = await bus.connect()
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind("sdss_exchange", "reply.#")

        async def take(message: Any) -> None:
            seen.append(message.message_id)

        await queue.consume(take, no_ack=True)
        bus.faults.duplicate("reply.broadcast", n=None)
        for number in range(5):
            camera.write("i", number=number)
        await until(lambda: len(seen) == 10)
    assert [len(set(seen[i : i + 2])) for i in range(0, 10, 2)] == [1] * 5
    await until(lambda: len(numbers) == 5)
    assert numbers == list(range(5))


async def test_a_command_that_comes_twice_runs_once(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    bus.faults.duplicate("command.#")
    command = await client.send_command("camera", "ping")
    assert [reply.message_code.value for reply in command.replies] == [">", ":"]


async def test_who_is_slow_gets_everything_late(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    numbers = numbers_from(client)
    bus.faults.slow("client", 100)
    start = time.monotonic()
    for number in range(40):
        camera.write("i", number=number)
    await until(lambda: len(numbers) == 40)
    assert time.monotonic() - start > 0.2
    assert numbers == list(range(40))
    bus.faults.slow("client", None)
    assert await ping(client) == "Pong."


async def test_who_is_slow_can_be_cut_off(
    bus: MemoryBroker, camera: Camera, client: AMQPClient
) -> None:
    bus.faults.slow("client", 0.001)
    for number in range(5):
        camera.write("i", number=number)
    await asyncio.sleep(0.05)
    bus.faults.cut("client")
    await until(lambda: not client.is_connected())
    bus.faults.clear()
    await all_back(client)
    assert await ping(client) == "Pong."


async def test_an_actor_may_pull_its_own_plug(bus: MemoryBroker, client: AMQPClient) -> None:
    async with Camera("camera", url=bus.url) as camera:
        back: list[Any] = []
        camera.connection.connection.reconnect_callbacks.add(lambda *args: back.append(args))

        def cut(command: Any) -> None:
            bus.faults.cut("camera")

        camera.parse_command = cut  # type: ignore[assignment,method-assign]
        await client.send_command("camera", "anything", await_command=False)
        await until(lambda: back)
        await all_back(camera)


def test_the_order_cannot_be_changed(bus: MemoryBroker) -> None:
    with pytest.raises(CluNotImplemented, match="AMQP keeps the order"):
        bus.faults.reorder("reply.#")


async def test_who_is_not_there_cannot_be_cut_off(bus: MemoryBroker, client: AMQPClient) -> None:
    with pytest.raises(CluValueError, match=r"'camra' is connected.*connected: 'client'"):
        bus.faults.cut("camra")


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("cut", ("client", -1), CluValueError),
        ("restart", (float("nan"),), CluValueError),
        ("restart", ("soon",), CluValueError),
        ("slow", ("client", 0), CluValueError),
        ("slow", ("client", float("inf")), CluValueError),
        ("drop", ("reply.#", 0), CluValueError),
        ("nack", ("reply.#", 1.5), CluValueError),
        ("delay", (5, 1), CluTypeError),
        ("delay", ("reply.#", None), CluValueError),
    ],
)
async def test_what_makes_no_sense_is_refused(
    bus: MemoryBroker, client: AMQPClient, method: str, arguments: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"."):
        getattr(bus.faults, method)(*arguments)
    assert client.is_connected()
