"""Actors have the broker send them replies once somebody wants these, clients do so at once."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from aio_pika import Message
from aio_pika.exceptions import DeliveryError

from clu import AMQPClient
from clu.model import Model

from ..waiting import until
from .actors import Camera, ping

if TYPE_CHECKING:
    from clu import AMQPReply, Command
    from tests.broker import Broker

HEADERS = {"message_code": "i", "sender": "stage", "commander_id": None, "command_id": None}
SCHEMA = {"type": "object", "properties": {"position": {"type": "integer"}}}


async def is_subscribed(actor: Any) -> bool:
    """Whether a reply of another actor is sent to any queue."""
    reply = Message(b'{"position": 5}', headers=HEADERS)
    try:
        await actor.connection.exchange.publish(reply, routing_key="reply.broadcast")
    except DeliveryError:
        return False
    return True


async def test_a_client_receives_replies_from_the_start(client: AMQPClient) -> None:
    assert await is_subscribed(client)


async def test_an_actor_that_follows_nobody_receives_none(camera: Camera) -> None:
    assert not await is_subscribed(camera)


async def test_it_receives_them_before_its_first_command_leaves(camera: Camera) -> None:
    for text in ("ping", "count 3"):
        command = await camera.send_command("camera", text)
        assert command.status.did_succeed
    assert len(command.replies) == 5
    assert await is_subscribed(camera)


async def test_first_commands_that_are_sent_together_all_end(camera: Camera) -> None:
    sent = [await camera.send_command("camera", "ping", await_command=False) for _ in range(3)]
    sent += [await camera.send_command("nobody", "ping", await_command=False)]
    succeeded = [(await command).status.did_succeed for command in sent]
    assert succeeded == [True, True, True, False]
    assert not camera.running_commands


async def test_a_command_of_a_command_ends(camera: Camera, client: AMQPClient) -> None:
    command: Command[Any] = await client.send_command("camera", "forward camera")
    assert command.status.did_succeed
    assert command.replies.get("text") == "Pong."


async def test_it_receives_them_once_it_has_a_callback(camera: Camera, broker: Broker) -> None:
    seen: list[Any] = []
    camera.add_reply_callback(lambda reply: seen.append(reply.body))
    await until(lambda: camera._receives_replies)
    async with Camera("stage", url=broker.url) as stage:
        stage.write("i", text="hello")
        await until(lambda: {"text": "hello"} in seen)


@pytest.mark.parametrize("how", ["[]", "update", "setdefault", "|="])
async def test_it_receives_them_once_it_has_a_model(camera: Camera, how: str) -> None:
    model = Model("stage", SCHEMA)
    if how == "[]":
        camera.models["stage"] = model
    elif how == "update":
        camera.models.update(stage=model)
    elif how == "setdefault":
        assert camera.models.setdefault("stage", model) is model
    else:
        camera.models |= {"stage": model}
    await until(lambda: camera._receives_replies)
    assert await is_subscribed(camera)
    await until(lambda: camera.models["stage"]["position"].value == 5)


@pytest.mark.parametrize("when", ["a callback", "a model"])
async def test_what_it_has_before_it_starts_counts(broker: Broker, when: str) -> None:
    actor = Camera("camera", url=broker.url)
    if when == "a model":
        actor.models["stage"] = Model("stage", SCHEMA)
    else:
        actor.add_reply_callback(lambda _: None)
    async with actor:
        assert await is_subscribed(actor)


@pytest.mark.parametrize("where", ["class", "instance"])
async def test_one_that_handles_replies_itself_receives_them(broker: Broker, where: str) -> None:
    seen: list[bytes] = []

    class Follower(Camera):
        async def handle_reply(self, message: Any) -> AMQPReply:
            seen.append(message.body)
            return await super().handle_reply(message)

    async def handle(message: Any) -> None:
        await message.ack()
        seen.append(message.body)

    actor = (Follower if where == "class" else Camera)("camera", url=broker.url)
    if where == "instance":
        # As programs do it, though it is a method and returns a reply.
        actor.handle_reply = handle  # type: ignore[assignment,method-assign]
    async with actor:
        assert await is_subscribed(actor)
        await until(lambda: b'{"position": 5}' in seen)


@pytest.mark.parametrize("autospec", [True, False])
async def test_a_mock_in_place_of_the_method_gets_the_replies(
    broker: Broker, autospec: bool
) -> None:
    def is_written() -> bool:
        return any(
            json.loads(call.args[-1].body) == {"number": 5} for call in handle_reply.mock_calls
        )

    with mock.patch.object(AMQPClient, "handle_reply", autospec=autospec) as handle_reply:
        client, camera = (kind(kind.__name__, url=broker.url) for kind in (AMQPClient, Camera))
        async with client, camera:
            camera.write("i", number=5)
            await until(is_written)


async def test_a_reply_that_nobody_receives_is_no_error(
    camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        camera.write("i", text="Is anybody there?")
        assert camera.stats["backlog"]
        await until(lambda: not camera.stats["backlog"])
    assert not caplog.records
    assert camera.stats["dropped"] == 0


async def test_it_receives_them_after_an_outage(camera: Camera) -> None:
    assert await ping(camera) == "Pong."
    await camera.connection.connection.transport.connection.close(ConnectionError("cut"))
    await until(lambda: not camera.is_connected())
    await until(camera.is_connected, 20)
    assert await ping(camera) == "Pong."


async def test_its_first_command_in_an_outage_leaves_when_that_is_over(camera: Camera) -> None:
    await camera.connection.connection.transport.connection.close(ConnectionError("cut"))
    await until(lambda: not camera.is_connected())
    assert await ping(camera) == "Pong."


async def test_a_command_after_the_end_fails_at_once(broker: Broker) -> None:
    async with Camera("camera", url=broker.url) as camera:
        pass
    with pytest.raises(ConnectionError, match="no connection to the broker"):
        await camera.send_command("camera", "ping")
