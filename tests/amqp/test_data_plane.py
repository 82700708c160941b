"""The data plane, against a broker: what it must do that aio_pika does elsewhere."""

from __future__ import annotations

import asyncio
import copy
import datetime
import decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock

import aio_pika
import pytest
from aio_pika.exceptions import ChannelInvalidStateError, DeliveryError, MessageProcessError

from clu import AMQPClient, AMQPReply
from clu.exceptions import CluConnectionError

from ..waiting import until
from .actors import Camera, Listener, ping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker

HEADERS = {"message_code": "i", "command_id": "1", "sender": "somebody", "internal": False}


class Taker(AMQPClient):
    """Keeps the messages that it gets, and acknowledges none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.messages: list[Any] = []

    async def handle_reply(self, message: Any) -> AMQPReply:
        self.messages.append(message)
        return None  # type: ignore[return-value]


@pytest.fixture
async def taker(broker: Broker) -> AsyncIterator[Taker]:
    async with Taker("taker", url=broker.url) as taker:
        yield taker


def plane_of(client: AMQPClient) -> Any:
    return client.connection._plane


async def write(camera: Camera, *numbers: int) -> None:
    for number in numbers:
        camera.write("i", number=number)
        await asyncio.sleep(0)


def follow(client: AMQPClient) -> list[int]:
    numbers: list[int] = []

    def take(reply: Any) -> None:
        if "number" in reply.body:
            numbers.append(reply.body["number"])

    client.add_reply_callback(take)
    return numbers


async def test_it_counts_on_when_a_client_starts_again(broker: Broker) -> None:
    camera = Camera("camera", url=broker.url)
    for times in (1, 2):
        async with camera:
            await write(camera, 1)
            await until(lambda: camera.stats["backlog"] == 0)
        assert camera.stats["published"] == 2 * times  # it also announces itself


async def test_a_message_is_one_of_aio_pika(
    broker: Broker, camera: Camera, client: AMQPClient, taker: Taker, listener: Listener
) -> None:
    await listener.publish(
        "reply.broadcast",
        {"a": 1},
        {**HEADERS, "list": [1, {"b": None}]},
        correlation_id="1",
        message_id="m",
        reply_to="q",
        expiration=60,
        timestamp=datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone.utc),
        priority=3,
        type="t",
        app_id="app",
        user_id="guest",
        content_type="text/json",
        content_encoding="utf8",
    )
    await until(lambda: taker.messages and listener.messages)
    (ours,), (theirs,) = taker.messages, listener.messages
    assert isinstance(ours, aio_pika.abc.AbstractIncomingMessage)
    assert not isinstance(ours, aio_pika.IncomingMessage)
    different = {"consumer_tag", "delivery_tag", "cluster_id"}
    assert ours.info().keys() == theirs.info().keys()
    for name, value in theirs.info().items():
        assert name in different or ours.info()[name] == value, name
        assert name in different or getattr(ours, name) == value, name
    assert ours.consumer_tag in taker.connection._consumer_tag.values()
    assert bytes(ours) == ours.body == b'{"a": 1}'
    assert ours.message_count is None
    assert ours.properties.message_id == "m"
    copied = copy.copy(ours)
    assert isinstance(copied, aio_pika.Message)
    assert copied.headers == ours.headers
    assert "'message_id': 'm'" in repr(ours)
    with pytest.warns(DeprecationWarning, match="headers_raw"):
        assert ours.headers_raw == ours.headers


async def test_a_message_is_acknowledged_once(taker: Taker, listener: Listener) -> None:
    for _ in range(5):
        await listener.publish("reply.broadcast", {}, HEADERS)
    await until(lambda: len(taker.messages) == 5)
    first, second, third, fourth, last = taker.messages
    assert not first.processed
    assert not first.locked
    await first.ack()
    assert first.processed
    assert first.locked
    with pytest.raises(MessageProcessError):
        await first.ack()
    await second.nack(requeue=False)
    async with third.process():
        pass
    assert third.processed
    await fourth.reject()
    await last.ack(multiple=True)
    with pytest.raises(ValueError, match="not mine"):
        async with last.process(ignore_processed=True):
            raise ValueError("not mine")
    assert await alive(taker)


async def alive(client: AMQPClient) -> bool:
    """Whether the channel of the queues is as it was: the broker closes it for a wrong ack."""
    before = await client.connection.channel.get_underlay_channel()
    await asyncio.sleep(0.1)
    return before is await client.connection.channel.get_underlay_channel() and (
        not before.is_closed
    )


async def test_a_message_of_a_consumer_without_acknowledgements(
    client: AMQPClient, listener: Listener
) -> None:
    replies: list[AMQPReply] = []
    client.add_reply_callback(replies.append)
    await listener.publish("reply.broadcast", {}, HEADERS, correlation_id="1")
    await until(lambda: replies)
    message = replies[0].message
    assert message.processed
    for settle in (message.ack, message.nack, message.reject):
        with pytest.raises(TypeError, match="no_ack"):
            await settle()


async def test_a_message_from_a_channel_that_is_gone(taker: Taker, listener: Listener) -> None:
    await listener.publish("reply.broadcast", {}, HEADERS)
    await until(lambda: taker.messages)
    (message,) = taker.messages
    assert message.channel.number == message.channel_number
    await break_channel(taker.connection.channel)
    await until(taker.is_connected)
    with pytest.raises(ChannelInvalidStateError):
        await message.ack()
    with pytest.raises(ChannelInvalidStateError):
        _ = message.channel
    await listener.publish("reply.broadcast", {}, HEADERS)
    await until(lambda: len(taker.messages) == 2)  # the first one is known
    await taker.messages[1].ack()
    assert await alive(taker)


async def break_channel(channel: Any) -> None:
    """Make the broker close a channel."""
    underlay = await channel.get_underlay_channel()
    with pytest.raises(aio_pika.exceptions.ChannelClosed):
        await underlay.exchange_declare("sdss_exchange", exchange_type="direct", auto_delete=True)


async def test_bodies_of_any_size(camera: Camera, client: AMQPClient, taker: Taker) -> None:
    words: list[str] = []
    client.add_reply_callback(lambda reply: words.append(reply.body.get("word")))
    sizes = [0, 1, 131_000, 131_064, 131_072, 400_000, 3_000_000, 5]
    for size in sizes:
        camera.write("i", word="x" * size)
    await until(lambda: len(words) == len(sizes))
    assert list(map(len, words)) == sizes
    assert await ping(client) == "Pong."
    await taker.connection.exchange.publish(aio_pika.Message(b""), routing_key="reply.broadcast")
    await until(lambda: taker.messages[-1].body == b"")


async def test_headers_of_every_type(client: AMQPClient, taker: Taker, listener: Listener) -> None:
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    values = {
        "none": None,
        "yes": True,
        # A negative one is too much for the pamqp of the listener before version 4.
        "small": -5 if int(version("pamqp").partition(".")[0]) >= 4 else 5,
        "short": -3000,
        "long": 70_000,
        "unsigned": 2**32 - 1,
        "huge": -(2**62),
        "float": 0.5,
        "decimal": decimal.Decimal("1.25"),
        "text": "äöü\U0001f52d",
        "bytes": bytearray(b"\xff\x00"),
        "time": moment,
        "list": [1, "a", None, [True]],
        "table": {"inner": {"deep": 1}},
    }
    replies: list[AMQPReply] = []
    client.add_reply_callback(replies.append)
    headers = {**HEADERS, **values}
    await listener.publish("reply.broadcast", {}, headers, correlation_id="1")
    await until(lambda: taker.messages and replies)
    assert taker.messages[0].headers == headers
    assert replies[0].is_valid
    assert replies[0].headers == {**headers, "bytes": b"\xff\x00".decode(errors="replace")}


async def test_queues_and_the_exchange_are_those_of_aio_pika(
    camera: Camera, client: AMQPClient
) -> None:
    seen: list[Any] = []

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        async with message.process():
            seen.append(message)

    queue = await client.connection.add_queue("extra", callback=take, bindings="extra.*,reply.#")
    assert client.connection.queues[-1] is queue
    message = aio_pika.Message(b"hello", headers={"a": 1})
    await client.connection.exchange.publish(message, routing_key="extra.a")
    with pytest.raises(DeliveryError):
        await client.connection.exchange.publish(message, routing_key="nowhere")
    for _ in range(20):
        assert await ping(client) == "Pong."
    await until(lambda: len(seen) == 41)
    assert isinstance(seen[0], aio_pika.IncomingMessage)
    assert seen[0].body == b"hello"
    assert await alive(client)


async def test_a_test_may_replace_how_messages_are_published(camera: Camera) -> None:
    publish = AsyncMock()
    camera.connection.exchange.publish = publish
    camera.write("i", number=3)
    await until(lambda: publish.called)
    assert b'"number":3' in publish.call_args.args[0].body
    assert publish.call_args.kwargs == {"routing_key": "reply.broadcast"}


async def test_instances_may_handle_messages_their_own_way(
    camera: Camera, client: AMQPClient
) -> None:
    handled, commands = AsyncMock(), AsyncMock()
    client.handle_reply = handled  # type: ignore[method-assign]
    camera.new_command = commands  # type: ignore[method-assign]
    await client.send_command("camera", "ping", await_command=False)
    await until(lambda: commands.called)
    camera.write("i", number=1)
    await until(lambda: handled.called)
    await commands.call_args.args[0].ack()


async def test_commands_run_in_the_order_in_which_they_came(
    camera: Camera, client: AMQPClient
) -> None:
    order: list[str] = []
    parse = camera.parse_command

    def note(command: Any) -> Any:
        order.append(command.body)
        return parse(command)

    camera.parse_command = note  # type: ignore[method-assign]
    sent = [client.send_command("camera", f"echo {number}") for number in range(300)]
    done = await asyncio.wait_for(asyncio.gather(*sent), 20)
    assert order == [f"echo {number}" for number in range(300)]
    assert [c.replies.get("text") for c in done] == [str(number) for number in range(300)]


async def test_many_unroutable_commands_among_others(camera: Camera, client: AMQPClient) -> None:
    names = ["camera", "nobody"] * 100
    sent = [client.send_command(name, "ping", time_limit=15) for name in names]
    done = await asyncio.wait_for(asyncio.gather(*sent), 20)
    assert [command.status.did_succeed for command in done] == [True, False] * 100
    assert done[1].replies.get("error") == "Failed routing message to consumer 'nobody'."
    assert client.running_commands == {}
    assert client.stats["backlog"] == 0


async def test_what_cannot_be_addressed_is_reported(
    camera: Camera, client: AMQPClient, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="routing key is longer than 255 bytes"):
        await client.send_command("x" * 300, "ping")
    assert client.running_commands == {}
    camera.log.propagate = True
    command: Any = type("Fake", (), {"command_id": "1", "commander_id": "x" * 300, "replies": []})
    camera.write("i", number=1, command=command)
    assert camera.stats["dropped"] == 1
    assert await ping(client) == "Pong."


@pytest.mark.parametrize("which", ["publishing", "queues"])
async def test_a_channel_that_the_broker_closes_is_replaced(
    camera: Camera, client: AMQPClient, which: str
) -> None:
    numbers = follow(client)
    await write(camera, *range(50))
    channel = plane_of(camera)._channel if which == "publishing" else camera.connection.channel
    writing = asyncio.create_task(write(camera, *range(50, 1000)))
    await break_channel(channel)
    await writing
    await write(camera, *range(1000, 1100))
    await until(lambda: len(numbers) >= 1100)
    assert numbers == list(range(1100))
    assert camera.stats["dropped"] == 0
    await until(lambda: camera.stats["backlog"] == 0)
    assert await ping(client) == "Pong."
    assert (await camera.send_command("camera", "ping")).status.did_succeed


@pytest.mark.skipif(
    int(version("aio-pika").partition(".")[0]) < 10, reason="aio_pika 9.6 does not declare it again"
)
async def test_a_queue_that_was_deleted_is_back(camera: Camera, client: AMQPClient) -> None:
    underlay = await camera.connection.channel.get_underlay_channel()
    await underlay.queue_delete("camera_commands")
    await asyncio.sleep(0.2)

    async def answers() -> bool:
        command = await client.send_command("camera", "ping", time_limit=0.5)
        return bool(command.status.did_succeed)

    for _ in range(20):
        if await answers():
            return
        await asyncio.sleep(0.2)
    pytest.fail("the actor does not listen")


async def test_heartbeats_keep_an_idle_connection(broker: Broker) -> None:
    async with AMQPClient("idle", url=f"{broker.url}?heartbeat=1") as client:
        before = client.connection.connection.transport.connection
        await asyncio.sleep(2.5)
        assert client.is_connected()
        assert client.connection.connection.transport.connection is before


@pytest.mark.rabbitmq
async def test_a_busy_connection_does_not_look_dead(
    camera: Camera, client: AMQPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While messages come, the broker need not send heartbeats, and aiormq sees nothing."""
    monkeypatch.setattr("clu._amqp.stream._HEARTBEAT_PERIOD", 0.05)
    protocol = plane_of(client)._protocol
    fed: list[bytes] = []
    feed = protocol._reader.feed_data
    monkeypatch.setattr(protocol._reader, "feed_data", lambda data: (fed.append(data), feed(data)))
    for number in range(20):
        camera.write("i", number=number)
        await asyncio.sleep(0.02)
    assert fed.count(b"\x08\x00\x00\x00\x00\x00\x00\xce") >= 2
    assert await ping(client) == "Pong."


async def test_a_stream_that_is_no_amqp_is_given_up(camera: Camera, client: AMQPClient) -> None:
    numbers = follow(client)
    protocol = plane_of(client)._protocol
    protocol.data_received(b"\x09garbage")
    await until(lambda: not client.is_connected())
    await until(client.is_connected)
    assert await ping(client) == "Pong."
    await write(camera, 1)
    await until(lambda: numbers == [1])
    assert plane_of(client)._protocol is not protocol


async def test_a_message_with_broken_headers_spoils_nothing(
    client: AMQPClient, camera: Camera
) -> None:
    plane = plane_of(client)
    tag = next(iter(plane.handlers))
    method = b"\x00\x3c\x00\x3c" + bytes([len(tag)]) + tag + b"\0" * 8 + b"\0\0\0"
    header = b"\x00\x3c\x00\x00" + b"\0" * 8 + b"\x20\x00" + b"\x00\x00\x00\x05\x01kX\x00\x00"
    for kind, payload in ((1, method), (2, header)):
        head = bytes([kind, 0, 1]) + len(payload).to_bytes(4, "big")
        plane._protocol.data_received(head + payload + b"\xce")
    assert await ping(client) == "Pong."


async def test_a_callback_cannot_end_the_connection(camera: Camera, client: AMQPClient) -> None:
    numbers: list[int] = []

    def take(reply: Any) -> None:
        numbers.append(reply.body["number"])
        raise asyncio.CancelledError

    client.add_reply_callback(take)
    protocol = plane_of(client)._protocol
    await write(camera, 1, 2, 3)
    await until(lambda: len(numbers) == 3)
    assert numbers == [1, 2, 3]
    assert plane_of(client)._protocol is protocol
    assert client.is_connected()


async def test_the_connection_is_closed_by_its_user(client: AMQPClient) -> None:
    await client.connection.connection.close()
    assert not client.is_connected()
    with pytest.raises(aio_pika.exceptions.AMQPError):
        await asyncio.wait_for(client.send_command("camera", "ping"), 5)
    assert client.stats["backlog"] == 0


@pytest.mark.rabbitmq
async def test_a_blocked_connection_holds_messages_back(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    alarm = "{resource_limit, memory, node()}"
    numbers = follow(client)
    await write(camera, 0)
    await until(lambda: numbers == [0])
    try:
        set_alarm = f"rabbit_alarm:set_alarm({{{alarm}, []}})."
        await asyncio.to_thread(broker.control, "eval", set_alarm)
        # The broker says so at a message that comes once the alarm has reached the connection.
        written = 1
        while not plane_of(camera)._protocol.is_blocked:
            await write(camera, written)
            written += 1
            await asyncio.sleep(0.05)
        await write(camera, *range(written, written + 498))
        assert camera.stats["backlog"] >= 498
        assert camera.is_connected()
    finally:
        await asyncio.to_thread(broker.control, "eval", f"rabbit_alarm:clear_alarm({alarm}).")
    await until(lambda: len(numbers) >= written + 498)
    assert numbers == list(range(written + 498))
    assert camera.stats["dropped"] == camera.stats["repeated"] == 0


async def delete_exchange(client: AMQPClient) -> None:
    channel = await client.connection.connection.channel()
    await channel.exchange_delete("sdss_exchange")
    await channel.close()


async def test_a_deleted_exchange_is_back_with_the_bindings_of_the_actor_and_nothing_is_lost(
    broker: Broker, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    camera.log.propagate = True
    await delete_exchange(camera)
    await write(camera, 1, 2, 3)
    await until(lambda: not camera.stats["backlog"])
    assert camera.stats["dropped"] == 0
    assert caplog.text.count("The exchange was deleted") == 1
    async with AMQPClient("later", url=broker.url) as client:
        numbers = follow(client)
        assert await ping(client) == "Pong."
        await write(camera, 4)
        await until(lambda: numbers == [4])


async def test_a_client_that_finds_the_exchange_deleted_is_bound_to_it_again(
    camera: Camera, client: AMQPClient
) -> None:
    numbers = follow(client)
    await delete_exchange(client)
    with pytest.raises(CluConnectionError):
        await client.send_command("camera", "ping")
    await until(lambda: plane_of(client).is_attached)
    await write(camera, 1)
    await until(lambda: numbers == [1])


async def test_an_error_in_the_recovery_is_not_the_end_of_it(
    camera: Camera, client: AMQPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = follow(client)
    plane = plane_of(camera)
    attach, errors = plane._attach, iter([KeyError("odd"), RuntimeError("odd")])

    async def fail_twice() -> bool:
        for error in errors:
            raise error
        return bool(await attach())

    monkeypatch.setattr(plane, "_attach", fail_twice)
    await break_channel(plane._channel)
    await write(camera, 1)
    await until(lambda: numbers == [1])
