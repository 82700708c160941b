"""Clients and actors of clu on either broker: the messages of their data plane."""

from __future__ import annotations

import asyncio
import decimal
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, CluError
from clu._amqp.sending import Envelope
from tests.amqp.actors import Camera, ping
from tests.brokers import connect
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

VALUES: dict[str, Any] = {
    "text": "ä€😀",
    "long": "x" * 300,
    "none": None,
    "true": True,
    "small": -1,
    "large": -(2**63),
    "real": 1.5,
    "decimal": decimal.Decimal("3.14"),
    "list": [1, "a", [None, {"b": False}]],
    "table": {"a": {"b": [1, 2]}},
}


@pytest.fixture
async def camera(url: str) -> AsyncIterator[Camera]:
    async with Camera("camera", url=url) as camera:
        yield camera


@pytest.fixture
async def client(url: str) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("client", url=url) as client:
        yield client


class Listening:
    """A client that keeps what it receives as it is."""

    def __init__(self, url: str, name: str) -> None:
        self.messages: list[Any] = []
        self.client = AMQPClient(name, url=url)
        self.client.handle_reply = self._take  # type: ignore[method-assign]

    async def _take(self, message: Any) -> None:
        await message.ack()
        self.messages.append(message)


async def send(client: AMQPClient, key: str, headers: dict[str, Any], **more: Any) -> Any:
    """Publish over the data plane, and return what becomes of it."""
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert client._sender is not None
    envelope = Envelope(key, headers, is_mandatory=True, **more)
    client._sender.send(envelope, b"{}", outcome.set_result)
    return await asyncio.wait_for(outcome, 10)


async def test_ping(camera: Camera, client: AMQPClient) -> None:
    assert await ping(client) == "Pong."


async def test_a_command_to_nobody_fails(client: AMQPClient) -> None:
    command = await client.send_command("nobody", "ping")
    assert command.status.did_fail
    assert command.replies.get("error") == "Failed routing message to consumer 'nobody'."


async def test_another_instance_is_noticed(url: str, camera: Camera) -> None:
    with pytest.raises(CluError, match="another instance of the same actor is running"):
        await Camera("camera", url=url).start()
    assert await ping(camera) == "Pong."


async def test_thousands_of_replies_come_in_order(camera: Camera, client: AMQPClient) -> None:
    command = await client.send_command("camera", "count 3000")
    numbers = [reply.body["number"] for reply in command.replies if "number" in reply.body]
    assert numbers == list(range(3000))
    await until(lambda: camera.stats["backlog"] == 0)


@pytest.mark.parametrize("name", VALUES)
async def test_headers_arrive_as_they_were_sent(url: str, client: AMQPClient, name: str) -> None:
    listening = Listening(url, "listening")
    async with listening.client:
        headers = {"message_code": "i", "sender": "x", name: VALUES[name]}
        assert await send(client, "reply.broadcast", headers) is None
        await until(lambda: listening.messages)
        (message,) = listening.messages
        assert message.headers == headers
        assert type(message.headers[name]) is type(VALUES[name])
        assert message.headers is not headers


async def test_each_receiver_has_an_object_of_its_own(url: str, client: AMQPClient) -> None:
    first, second = Listening(url, "first"), Listening(url, "second")
    async with first.client, second.client:
        headers: dict[str, Any] = {"message_code": "i", "sender": "x", "list": [1], "n": 1}
        assert await send(client, "reply.broadcast", headers) is None
        await until(lambda: first.messages and second.messages)
        one, two = first.messages[0], second.messages[0]
        one.headers["list"].append(2)
        one.headers["n"] = 2
        assert two.headers == headers
        assert headers["list"] == [1]
        assert one is not two


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"a": object()}, TypeError),
        ({"a": 2**63}, ValueError),
        ({1: "a"}, TypeError),
        ({"a": {"b": object()}}, TypeError),
        ({"x" * 256: 1}, ValueError),
        ({"a": "\ud800"}, ValueError),
        ({"a": "x" * 200_000}, ValueError),
        ({"a": set()}, TypeError),
        ({"a": decimal.Decimal("1e400")}, ValueError),
    ],
)
async def test_what_amqp_does_not_have_is_refused(
    client: AMQPClient, headers: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await send(client, "reply.broadcast", headers)
    assert await send(client, "presence.client", {"a": "x"}) is None
    assert client.stats["backlog"] == 0


@pytest.mark.parametrize("part", ["key", "correlation_id", "reply_to"])
@pytest.mark.parametrize("value", ["x" * 256, "ä" * 128, 5, b"x"])
async def test_strings_that_do_not_fit_are_refused(
    client: AMQPClient, part: str, value: Any
) -> None:
    parts: dict[str, Any] = {part: value}
    with pytest.raises((TypeError, ValueError)):
        await send(client, parts.pop("key", "reply.broadcast"), {}, **parts)


@pytest.mark.parametrize("key", ["x" * 247 + "ä", "ä" * 120, "x.ä.€"])
async def test_strings_that_just_fit_are_taken(url: str, client: AMQPClient, key: str) -> None:
    listening = Listening(url, "listening")
    async with listening.client:
        key = f"reply.{key}"
        assert await send(client, key, {}, correlation_id="ä" * 127) is None
        await until(lambda: listening.messages)
        message = listening.messages[0]
        assert (message.routing_key, message.correlation_id) == (key, "ä" * 127)


@pytest.fixture
async def recorder(url: str) -> AsyncIterator[Callable[[], list[Any]]]:
    """The messages that a program gets that uses aio_pika itself."""
    messages: list[Any] = []

    async def take(message: Any) -> None:
        messages.append(message)

    async with await connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "#")
        await queue.consume(take, no_ack=True)
        yield lambda: messages


async def test_what_others_see_of_a_message(
    recorder: Callable[[], list[Any]], camera: Camera, client: AMQPClient
) -> None:
    await client.send_command("camera", "echo hello")
    await until(lambda: [m for m in recorder() if b"hello" in m.body and m.routing_key[0] == "r"])
    command = next(m for m in recorder() if m.routing_key == "command.camera")
    reply = next(m for m in recorder() if b'"hello"' in m.body and m.routing_key[0] == "r")
    assert command.body == b'{"command_string":"echo hello"}'
    assert command.reply_to == "client_replies"
    assert command.correlation_id == command.headers["command_id"] == reply.correlation_id
    assert command.content_type == reply.content_type == "text/json"
    assert set(command.headers) == {"command_id", "commander_id", "internal", "write_to_log"}
    assert reply.routing_key == "reply.client.camera"
    assert reply.headers["message_code"] == ":"
    assert reply.timestamp is not None
    assert reply.delivery_mode == command.delivery_mode == 1
    assert command.message_id != reply.message_id


async def test_a_command_of_a_program_that_uses_aio_pika(url: str, camera: Camera) -> None:
    import aio_pika

    replies: list[Any] = []

    async def take(message: Any) -> None:
        replies.append(message)

    async with await connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("sdss_exchange")
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "reply.me.camera")
        await queue.consume(take, no_ack=True)
        headers: Any = {"command_id": "1", "commander_id": "me.camera"}
        message = aio_pika.Message(
            b'{"command_string": "ping"}', headers=headers, correlation_id="1"
        )
        await exchange.publish(message, routing_key="command.camera")
        await until(lambda: len(replies) == 2)
        assert [reply.headers["message_code"] for reply in replies] == [">", ":"]


async def test_what_an_actor_has_not_acknowledged_comes_again(url: str) -> None:
    taken: list[Any] = []

    class Slow(Camera):
        async def new_command(self, message: Any, ack: bool = True) -> Any:
            taken.append(message)
            if len(taken) > 1:
                return await super().new_command(message, ack)
            return None

    async with Slow("camera", url=url) as camera, AMQPClient("client", url=url) as client:
        command = await client.send_command("camera", "ping", await_command=False)
        await until(lambda: taken)
        await taken[0].nack(requeue=True)
        await asyncio.wait_for(command, 10)
        assert [message.redelivered for message in taken] == [False, True]
        assert taken[0].body == taken[1].body
        assert taken[0] is not taken[1]
        await until(lambda: camera.stats["backlog"] == 0)


async def test_the_exchange_of_an_actor_publishes(
    recorder: Callable[[], list[Any]], camera: Camera
) -> None:
    import aio_pika

    message = aio_pika.Message(b"body", headers={"a": [1]})
    await camera.connection.exchange.publish(message, routing_key="some.key")
    await until(lambda: [m for m in recorder() if m.routing_key == "some.key"])
    found = next(m for m in recorder() if m.routing_key == "some.key")
    assert (found.body, found.headers) == (b"body", {"a": [1]})
