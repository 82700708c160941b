"""Commands from clients to actors, over a real broker."""

from __future__ import annotations

import asyncio
import datetime
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, AMQPReply, Command, CommandStatus
from clu.exceptions import CluConnectionError

from ..waiting import until
from .actors import Camera, Listener, codes, ping

if TYPE_CHECKING:
    from tests.broker import Broker


async def test_a_command_is_answered(camera: Camera, client: AMQPClient) -> None:
    command = await client.send_command("camera", "ping")
    assert command.status is CommandStatus.DONE
    assert codes(command) == [">", ":"]
    assert command.replies.get("text") == "Pong."
    assert command.replies[1].message == command.replies[1].body == {"text": "Pong."}
    assert (await command) is command
    assert client.running_commands == {}


async def test_the_messages_are_as_recorded(
    camera: Camera, client: AMQPClient, listener: Listener
) -> None:
    sent = await client.send_command("camera", "ping")
    await until(lambda: len(listener.messages) >= 3)
    (command,) = listener.find("command.camera")
    assert str(uuid.UUID(sent.command_id)) == sent.command_id
    assert command.headers == {
        "command_id": sent.command_id,
        "commander_id": "client.camera",
        "internal": False,
        "write_to_log": True,
    }
    assert json.loads(command.body) == {"command_string": "ping"}
    assert command.content_type == "text/json"
    assert command.correlation_id == sent.command_id
    assert command.reply_to == "client_replies"
    started, done = listener.find("reply.client.camera")
    assert started.headers["message_code"] == ">"
    assert started.headers["internal"] is True
    assert done.headers == {
        "message_code": ":",
        "commander_id": "client.camera",
        "command_id": sent.command_id,
        "sender": "camera",
        "internal": False,
    }
    assert json.loads(done.body) == {"text": "Pong."}
    assert done.content_type == "text/json"
    assert done.correlation_id == sent.command_id
    age = datetime.datetime.now(datetime.timezone.utc) - done.timestamp
    assert abs(age) < datetime.timedelta(seconds=30)
    assert done.message_id
    assert done.message_id != started.message_id


async def test_the_topology_is_as_recorded(camera: Camera) -> None:
    exchange = camera.connection.exchange
    assert (exchange.name, exchange.auto_delete, exchange.durable) == ("sdss_exchange", True, False)
    replies, commands = camera.connection.queues
    assert (replies.name, commands.name) == ("camera_replies", "camera_commands")
    assert replies.exclusive
    assert commands.exclusive
    assert not replies.durable
    assert camera.connection.channel.is_closed is False
    assert camera.connection.connection.is_closed is False


async def test_further_words_are_added_to_the_command(camera: Camera, client: AMQPClient) -> None:
    command = await client.send_command("camera", "count", 3)
    assert codes(command) == [">", "i", "i", "i", ":"]
    assert command.replies.get("number") == 0
    assert (await client.proxy("camera").send_command("count", 1)).status.did_succeed


async def test_an_internal_command_gets_internal_replies(
    camera: Camera, client: AMQPClient
) -> None:
    command = await client.send_command("camera", "ping", internal=True, command_id="mine")
    assert command.command_id == "mine"
    assert [reply.internal for reply in command.replies] == [True, True]


async def test_a_command_fails_at_the_actor(camera: Camera, client: AMQPClient) -> None:
    command = await client.send_command("camera", "dance")
    assert command.status is CommandStatus.FAILED
    assert codes(command) == [">", "w", "f"]
    assert "does not exist or cannot be parsed" in command.replies.get("error")


async def test_a_command_to_nobody_fails(client: AMQPClient) -> None:
    command = await client.send_command("nobody", "ping")
    assert command.status is CommandStatus.FAILED
    assert command.replies.get("error") == "Failed routing message to consumer 'nobody'."
    assert client.running_commands == {}
    assert await client.send_task("nobody", "expose") is None


async def test_a_command_need_not_be_awaited(camera: Camera, client: AMQPClient) -> None:
    command = await client.send_command("camera", "sleep 0.2", await_command=False)
    assert not command.done()
    assert client.running_commands == {command.command_id: command}
    await asyncio.wait_for(command, 5)
    assert command.replies.get("text") == "slept"
    assert client.running_commands == {}


async def test_a_time_limit_ends_a_command_and_late_replies_do_no_harm(
    camera: Camera, client: AMQPClient
) -> None:
    command = await client.send_command("camera", "sleep 0.3", time_limit=0.1)
    assert command.status is CommandStatus.TIMEDOUT
    assert client.running_commands == {}
    await asyncio.sleep(0.4)
    assert command.status is CommandStatus.TIMEDOUT
    assert await ping(client) == "Pong."


async def test_a_cancelled_command_is_forgotten(camera: Camera, client: AMQPClient) -> None:
    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        await asyncio.wait_for(client.send_command("camera", "sleep 0.3"), 0.1)
    assert client.running_commands == {}
    await asyncio.sleep(0.4)
    assert await ping(client) == "Pong."


async def test_reply_callbacks(camera: Camera, client: AMQPClient) -> None:
    seen: list[tuple[str, Any]] = []

    async def follow(reply: AMQPReply) -> None:
        seen.append(("all", reply.message_code))

    def fails(reply: AMQPReply) -> None:
        raise ValueError("not today")

    client.add_reply_callback(fails)
    client.add_reply_callback(follow)
    assert follow in client._callbacks
    await client.send_command(
        "camera", "ping", reply_callback=lambda reply: seen.append(("one", reply.body))
    )
    await until(lambda: len(seen) == 4)
    assert ("one", {"text": "Pong."}) in seen
    client.remove_reply_callback(follow)
    client.remove_reply_callback(fails)
    with pytest.raises(ValueError, match="not registered"):
        client.remove_reply_callback(follow)


async def test_callbacks_that_raise_are_logged_by_name_and_stop_nothing(
    camera: Camera, client: AMQPClient, caplog: pytest.LogCaptureFixture
) -> None:
    def now(argument: Any) -> None:
        raise ValueError("not today")

    async def later(argument: Any) -> None:
        raise ValueError("not tomorrow")

    async def leave(argument: Any) -> None:
        raise SystemExit(3)

    def leave_now(argument: Any) -> None:
        raise SystemExit(3)

    for callback in (now, later, leave, leave_now):
        name = f"callback {__name__}.{callback.__qualname__} raised an error"
        client.add_reply_callback(callback)
        await client.send_command("camera", "ping")
        client.remove_reply_callback(callback)
        await until(lambda name=name: caplog.text.count(name) == 2)  # of two replies
        await client.send_command("camera", "ping", reply_callback=callback)
        await until(lambda name=name: caplog.text.count(name) == 4)
        camera.add_task_handler("expose", callback)
        await client.send_task("camera", "expose")
        await until(lambda name=name: caplog.text.count(name) == 5)
    assert await ping(client) == "Pong."


async def test_the_old_callback_argument_warns(camera: Camera, client: AMQPClient) -> None:
    bodies = []
    with pytest.warns(DeprecationWarning, match="use 'reply_callback'"):
        await client.send_command("camera", "ping", callback=lambda r: bodies.append(r.body))
    assert bodies == [{}, {"text": "Pong."}]


async def test_a_command_on_behalf_of_another_passes_on_its_ids(
    camera: Camera, client: AMQPClient, broker: Broker, listener: Listener
) -> None:
    async with Camera("spectrograph", url=broker.url):
        command = await client.send_command("spectrograph", "forward camera")
    assert command.replies.get("text") == "Pong."
    (forwarded,) = listener.find("command.camera")
    assert forwarded.headers["command_id"] == command.command_id
    assert forwarded.headers["commander_id"] == "client.spectrograph.camera"


async def test_concurrent_commands_of_one_parent_all_end(camera: Camera) -> None:
    parent: Command[Any] = Command("", commander_id="client.camera", command_id="p", actor=camera)
    commands = await asyncio.wait_for(
        asyncio.gather(
            *(parent.send_command("camera", f"echo {n}", new_command=False) for n in range(4))
        ),
        10,
    )
    assert [command.replies.get("text") for command in commands] == ["0", "1", "2", "3"]


async def test_an_actor_commands_itself(camera: Camera) -> None:
    assert (await camera.send_command("camera", "ping")).replies.get("text") == "Pong."
    command = Command("ping", actor=camera, commander_id=".camera")
    assert (await command.parse()).status.did_succeed


async def test_timed_commands_run_and_reach_the_clients(camera: Camera, client: AMQPClient) -> None:
    texts: list[str | None] = []
    client.add_reply_callback(lambda reply: texts.append(reply.body.get("text")))
    camera.timed_commands.add_command("ping", delay=0.01)
    camera.timed_commands.add_command("dance", delay=0.01)
    await until(lambda: texts.count("Pong.") >= 3)


async def test_commands_run_in_the_order_in_which_they_arrive(
    camera: Camera, client: AMQPClient
) -> None:
    ran: list[str] = []
    parse = camera.parse_command
    camera.parse_command = lambda c: ran.append(c.body) or parse(c)  # type: ignore[method-assign]
    commands = await asyncio.wait_for(
        asyncio.gather(*(client.send_command("camera", f"echo {n}") for n in range(300))), 20
    )
    assert ran == [f"echo {n}" for n in range(300)]
    assert [command.replies.get("text") for command in commands] == [str(n) for n in range(300)]


async def test_replies_keep_their_order(camera: Camera, client: AMQPClient) -> None:
    command = await asyncio.wait_for(client.send_command("camera", "count 2000"), 25)
    numbers = [reply.message["number"] for reply in command.replies[1:-1]]
    assert numbers == list(range(2000))
    assert camera.stats["dropped"] == 0


async def test_without_a_connection_a_command_raises_what_aio_pika_raises(
    broker: Broker,
) -> None:
    from aio_pika.exceptions import AMQPConnectionError

    client = AMQPClient("never", url=broker.url)
    with pytest.raises(AMQPConnectionError):
        await client.send_command("camera", "ping")
    await client.start()
    await client.connection.connection.close()
    assert not client.is_connected()
    with pytest.raises(AMQPConnectionError) as caught:
        await client.send_command("camera", "ping")
    assert isinstance(caught.value, CluConnectionError)
    assert client.running_commands == {}
    await client.stop()
