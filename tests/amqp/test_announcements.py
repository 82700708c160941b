"""Commands that the broker delivered to nobody, or whose replies were lost, end with a reason."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPActor, AMQPClient
from tests.brokers import connect
from tests.proxy import Proxy

from ..waiting import until
from .actors import Camera, Listener, ping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker

RESTARTED = "The actor 'camera' was started again and does not run the command."
RECONNECTED = "The actor 'camera' lost its connection, and the command or its replies with it."
LOST = "The connection to the broker was lost."


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
    await asyncio.wait_for(command, 60)
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


async def test_commands_to_an_actor_that_was_started_again_fail_with_a_reason(
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


async def test_an_overflow_is_announced_when_it_is_over_and_commands_end_all_the_same(
    broker: Broker, proxy: Proxy, sender: AMQPClient, listener: Listener
) -> None:
    async with Camera("camera", url=proxy.url, backlog_bytes=5000) as camera:
        running = await started(sender)
        short = await started(sender, 1)
        proxy.hold()
        for number in range(100):
            camera.write("i", number=number)
        await until(lambda: len(camera._active_commands) == 1)  # the other one has ended
        assert camera.stats["dropped"] > 0
        proxy.release()
        await asyncio.wait_for(short, 10)
        assert short.status.did_succeed
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


async def test_only_commands_to_the_actor_that_announces_are_suspected(
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


async def test_a_reply_clears_a_suspected_command(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    command = await started(sender, 2)
    await announce(listener, [])
    headers = {"message_code": "i", "sender": "camera", "command_id": command.command_id}
    await until(lambda: sender.running_commands._suspects)
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


# -- questions ------------------------------------------------------------------------------


async def test_after_its_own_outage_a_client_learns_that_its_command_still_runs(
    camera: Camera, broker: Broker, proxy: Proxy
) -> None:
    """It is quiet for longer than the limit, which is only for actors that do not answer."""
    async with AMQPClient("sender", url=proxy.url, lost_command_limit=4.0) as sender:
        command = await started(sender, 9)
        proxy.cut()
        await until(lambda: sender.running_commands._suspects)
        await until(lambda: not sender.running_commands._suspects)
        assert not command.done()
        await asyncio.wait_for(command, 20)
        assert command.replies.get("text") == "slept"


async def test_a_command_that_ended_during_the_outage_of_its_client_fails_at_once(
    camera: Camera, broker: Broker, proxy: Proxy
) -> None:
    async with AMQPClient("sender", url=proxy.url, lost_command_limit=1000) as sender:
        command = await started(sender, 0.5)
        proxy.blackhole()
        proxy.cut()
        await until(lambda: not camera._active_commands)
        proxy.blackhole(False)
        assert await failed(command) == f"{LOST} The actor 'camera' does not run the command."


async def test_a_peer_that_cannot_be_asked_is_left_to_the_limit_of_the_command(
    broker: Broker, proxy: Proxy
) -> None:
    """One of the recorded release has a queue of commands, which is not bound to questions."""
    async with AMQPClient("sender", url=proxy.url, lost_command_limit=3.0) as sender:
        connection = await connect(broker.url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("old_commands", exclusive=True)
            await queue.bind("sdss_exchange", "command.old.#")
            command = await sender.send_command("old", "expose 75", await_command=False)
            proxy.cut()
            await until(lambda: sender.running_commands._suspects)
            await until(lambda: not sender.running_commands._suspects)
            assert not command.done()
            # Once it is gone, there is nobody to wait for.
            await connection.close()
            proxy.cut()
            assert await failed(command) == LOST


async def test_an_answer_for_another_client_says_nothing_about_ours(
    camera: Camera, sender: AMQPClient, listener: Listener
) -> None:
    command = await started(sender, 2)
    sender.running_commands.connection_lost(1000)
    present = {"announcement": "present", "commander_id": "other"}
    await announce(listener, [], key="reply.other", **present)
    assert await ping(sender) == "Pong."
    assert sender.running_commands._suspects
    await announce(
        listener, [command.command_id], key="reply.sender", **{**present, "commander_id": "sender"}
    )
    await until(lambda: not sender.running_commands._suspects)
    await asyncio.wait_for(command, 10)
    assert command.status.did_succeed


@pytest.mark.parametrize("headers", [{}, {"commander_id": 5}, {"commander_id": "x" * 250}])
async def test_an_odd_question_does_no_harm(
    camera: Camera, client: AMQPClient, listener: Listener, headers: Any
) -> None:
    await listener.publish("presence.camera", b"\xff", headers)
    assert await ping(client) == "Pong."
