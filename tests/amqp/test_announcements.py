"""Commands that the broker delivered to nobody, or whose replies were lost, end with a reason."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPActor, AMQPClient
from tests.proxy import Proxy

from ..waiting import until
from .actors import Camera, Listener, ping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker

RESTARTED = "The actor 'camera' was started anew and does not run the command."
RECONNECTED = "The actor 'camera' lost its connection, and the command or its replies with it."
OVERFLOWED = "The actor 'camera' had no room for replies, and lost some."


@pytest.fixture
async def proxy(broker: Broker) -> AsyncIterator[Proxy]:
    async with Proxy(broker.port) as proxy:
        yield proxy


@pytest.fixture
async def sender(broker: Broker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("sender", url=broker.url, lost_command_limit=1.0) as sender:
        yield sender


def announcements(listener: Listener) -> list[dict[str, Any]]:
    return [
        message.headers
        for message in listener.find("reply.broadcast")
        if "announcement" in message.headers
    ]


async def announce(
    listener: Listener, running: Any, key: str = "reply.broadcast", **headers: Any
) -> None:
    """Announce something as an actor of the name ``camera``."""
    headers = {
        "message_code": "i",
        "sender": "camera",
        "internal": True,
        "announcement": "reconnected",
        **headers,
    }
    if running is not None:
        headers["running_commands"] = running
    await listener.publish(key, {}, headers, content_type="text/json")


async def started(client: AMQPClient, seconds: float = 1000) -> Any:
    """Return a command that runs."""
    command = await client.send_command("camera", f"sleep {seconds}", await_command=False)
    await until(lambda: command.replies)
    return command


async def failed(command: Any) -> str:
    """Wait until a command has failed; return the reason."""
    await asyncio.wait_for(command, 15)
    assert command.status.did_fail
    return str(command.replies.get("error"))


# -- what actors say ------------------------------------------------------------------------


async def test_an_actor_that_starts_announces_itself_once(
    broker: Broker, listener: Listener
) -> None:
    async with Camera("camera", url=broker.url) as camera:
        await until(lambda: announcements(listener))
        assert await ping(camera) == "Pong."
        camera.write("i", number=1)
        await until(lambda: len(listener.find("reply.broadcast")) == 2)
    (message, _) = listener.find("reply.broadcast")
    assert message.body == b"{}"
    assert message.correlation_id is None
    assert message.headers == {
        "message_code": "i",
        "commander_id": None,
        "command_id": None,
        "sender": "camera",
        "internal": True,
        "announcement": "started",
        "running_commands": [],
    }
    assert announcements(listener) == [message.headers]


async def test_an_actor_that_is_back_announces_the_commands_that_it_runs(
    broker: Broker, proxy: Proxy, listener: Listener, sender: AMQPClient
) -> None:
    async with Camera("camera", url=proxy.url) as camera:
        commands = [await started(sender) for _ in range(2)]
        short = await started(sender, 0.1)
        await short
        proxy.cut()
        await until(lambda: not camera.is_connected())
        await until(lambda: len(announcements(listener)) == 2)
        await asyncio.sleep(0.3)
        headers = announcements(listener)
        assert [item["announcement"] for item in headers] == ["started", "reconnected"]
        assert headers[1]["running_commands"] == sorted(item.command_id for item in commands)


async def test_ids_that_would_not_fit_into_a_frame_are_left_out(
    broker: Broker, proxy: Proxy, listener: Listener, sender: AMQPClient
) -> None:
    async with Camera("camera", url=proxy.url):
        commands = [
            await sender.send_command(
                "camera", "sleep 1000", command_id=f"{number:0200}", await_command=False
            )
            for number in range(40)
        ]
        await until(lambda: all(command.replies for command in commands))
        proxy.cut()
        await until(lambda: len(announcements(listener)) == 2)
        assert "running_commands" not in announcements(listener)[1]
        await asyncio.sleep(1.5)
        assert not any(command.done() for command in commands)


class Selective(AMQPActor):
    """Takes commands in a way of its own, so that it does not know all that it runs."""

    async def new_command(self, message: Any, ack: bool = True) -> Any:
        return await super().new_command(message, ack)


async def test_an_actor_that_takes_commands_itself_does_not_say_which_run(
    broker: Broker, listener: Listener
) -> None:
    async with Selective("camera", url=broker.url):
        await until(lambda: announcements(listener))
    assert "running_commands" not in announcements(listener)[0]


# -- what clients do about it ---------------------------------------------------------------


async def test_a_command_delivered_into_a_dead_connection_fails_with_a_reason(
    broker: Broker, proxy: Proxy, sender: AMQPClient
) -> None:
    async with Camera("camera", url=proxy.url, heartbeat=1) as camera:
        running = await started(sender)
        finishes = await started(sender, 1)
        proxy.abandon()
        lost = [await sender.send_command("camera", "ping", await_command=False) for _ in range(3)]
        for command in lost:
            assert await failed(command) == RECONNECTED
        await until(camera.is_connected)
        await asyncio.wait_for(finishes, 10)
        assert finishes.replies.get("text") == "slept"
        await asyncio.sleep(1.5)
        assert not running.done()
        assert await ping(sender) == "Pong."
        assert list(sender.running_commands) == [running.command_id]


async def test_commands_to_an_actor_that_was_started_anew_fail_with_a_reason(
    broker: Broker, proxy: Proxy, sender: AMQPClient
) -> None:
    camera = await Camera("camera", url=proxy.url).start()
    command = await started(sender)
    # A process that dies says nothing: nothing of this gets out.
    proxy.hold()
    proxy.cut()
    await camera.stop()
    async with Camera("camera", url=broker.url):
        assert await failed(command) == RESTARTED
        assert sender.running_commands == {}
        assert await ping(sender) == "Pong."


async def test_a_command_whose_replies_did_not_fit_into_the_outbox_fails_with_a_reason(
    broker: Broker, proxy: Proxy, sender: AMQPClient, listener: Listener
) -> None:
    async with Camera("camera", url=proxy.url, outbox_messages=20) as camera:
        running = await started(sender)
        lost = await started(sender, 1)
        proxy.hold()
        for number in range(100):
            camera.write("i", number=number)
        await until(lambda: len(camera._active_commands) == 1)  # the other one has ended
        assert camera.stats["dropped"] > 0
        proxy.release()
        assert await failed(lost) == OVERFLOWED
        await asyncio.sleep(1)
        assert not running.done()
        said = [headers["announcement"] for headers in announcements(listener)]
        assert said == ["started", "overflowed"]


async def test_a_command_that_the_actor_still_runs_outlives_an_outage(
    broker: Broker, proxy: Proxy
) -> None:
    sender = AMQPClient("sender", url=proxy.url, lost_command_limit=4.0)
    async with sender, Camera("camera", url=proxy.url):
        command = await started(sender, 7)
        proxy.cut()
        await asyncio.wait_for(command, 15)
        assert command.replies.get("text") == "slept"


async def test_only_commands_to_the_actor_that_announces_are_in_doubt(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    command = await started(sender)
    await announce(listener, [], sender="cam")
    await announce(listener, [], sender="camera.x")
    await announce(listener, [command.command_id])
    await asyncio.sleep(1.3)
    assert not command.done()
    await announce(listener, [])
    assert await failed(command) == RECONNECTED


async def test_a_reply_takes_a_command_out_of_doubt(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    command = await started(sender, 2)
    await announce(listener, [])
    headers = {"message_code": "i", "sender": "camera", "command_id": command.command_id}
    await until(lambda: sender.running_commands._lost)
    await listener.publish(
        "reply.sender.camera", {"text": "x"}, headers, correlation_id=command.command_id
    )
    await asyncio.wait_for(command, 10)
    assert command.status.did_succeed


async def test_an_announcement_that_makes_no_sense_does_no_harm(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    command = await started(sender, 1.5)
    for running in (None, "x", 5, {"x": 1}):
        await announce(listener, running, announcement=["odd"])
    await asyncio.wait_for(command, 10)
    assert command.status.did_succeed
    command = await started(sender)
    await announce(listener, [None, 5], announcement=["odd"])
    assert await failed(command) == "The actor 'camera' does not run the command."
    assert await ping(sender) == "Pong."


async def test_announcements_do_not_reach_callbacks(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    replies: list[Any] = []
    sender.add_reply_callback(replies.append)
    await announce(listener, [])
    assert await ping(sender) == "Pong."
    assert [reply for reply in replies if "announcement" in reply.headers] == []
    assert replies


async def test_without_a_limit_no_command_is_given_up(
    camera: Camera, broker: Broker, listener: Listener
) -> None:
    async with AMQPClient("patient", url=broker.url, lost_command_limit=None) as client:
        command = await started(client, 1)
        await announce(listener, [])
        await asyncio.wait_for(command, 10)
        assert command.status.did_succeed


async def test_repeated_announcements_do_not_put_off_the_limit(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    command = await started(sender)
    # Without an end it runs into the limit of the test.
    while not command.done():
        await announce(listener, [])
        await asyncio.sleep(0.05)
    assert await failed(command) == RECONNECTED
