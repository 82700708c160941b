"""Bad input, many commands, and starting and stopping: an AMQP actor runs for months."""

from __future__ import annotations

import asyncio
import contextlib
import decimal
import gc
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, Command
from clu.exceptions import CluConnectionError

from ..waiting import until
from .actors import Camera, Listener, codes, only, ping

if TYPE_CHECKING:
    from tests.broker import Broker

TWO_MEGABYTES = 2 * 1024 * 1024


# -- input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"command_id": 5, "commander_id": "tester.camera"},
        {"command_id": [1, {"a": bytearray(b"x")}], "commander_id": "tester.camera"},
        {"command_id": "odd", "commander_id": "tester.camera", "internal": "maybe", "task": 0},
        {"command_id": "odd", "commander_id": "tester.camera", "write_to_log": []},
    ],
)
async def test_a_command_with_odd_headers_is_answered(
    camera: Camera, client: AMQPClient, listener: Listener, headers: dict[str, Any]
) -> None:
    await listener.command({"command_string": "ping"}, **headers)
    await until(lambda: len(listener.find("reply.tester.camera")) == 2)
    assert listener.find("reply.tester.camera")[-1].headers["message_code"] == ":"
    assert await ping(client) == "Pong."


@pytest.mark.parametrize("commander", [7, [1], {"a": 1}, True, "x" * 300])
async def test_an_odd_commander_does_no_harm(
    camera: Camera, client: AMQPClient, listener: Listener, commander: Any
) -> None:
    await listener.command({"command_string": "ping"}, command_id="odd", commander_id=commander)
    assert await ping(client) == "Pong."
    await until(lambda: camera.stats["backlog"] == 0)
    assert camera.is_connected()


@pytest.mark.parametrize(
    "body",
    [
        b"x" * TWO_MEGABYTES,
        b'{"command_string": "' + b"x" * TWO_MEGABYTES + b'"}',
        {"command_string": "ping " * 20_000},
        {"command_string": ["ping"] * 200_000},
    ],
    ids=["no JSON", "one word", "many words", "no text"],
)
async def test_a_huge_command_fails(
    camera: Camera, client: AMQPClient, listener: Listener, body: Any
) -> None:
    await listener.command(body, command_id="huge", commander_id="tester.camera")

    def failed() -> bool:
        replies = listener.find("reply.tester.camera")
        return bool(replies) and replies[-1].headers["message_code"] == "f"

    await until(failed)
    assert sum(len(reply.body) for reply in listener.find("reply.tester.camera")) < 10_000
    assert await ping(client) == "Pong."


async def test_a_reply_of_two_megabytes_arrives(camera: Camera, client: AMQPClient) -> None:
    command = await client.send_command("camera", "echo " + "x" * TWO_MEGABYTES)
    assert len(command.replies.get("text")) == TWO_MEGABYTES


async def test_garbage_is_acknowledged(
    broker: Broker, client: AMQPClient, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The broker sends no more to an actor that has not acknowledged so many messages.
    monkeypatch.setattr("clu._amqp.topology.PREFETCH", 4)
    async with Camera("camera", url=broker.url):
        for body in (b"no json", b"", b"\xff", b"[]", b"{}", b"5"):
            await listener.publish("command.camera", body, {})
            await listener.publish("command.camera", body, {"task": True})
            await listener.command(body, command_id="bad", commander_id="tester.camera")
            await client.send_task("camera", "unknown")
        assert await ping(client) == "Pong."


async def test_fifty_tasks_in_a_row_all_run(camera: Camera, client: AMQPClient) -> None:
    ran: list[int] = []

    async def expose(payload: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        ran.append(payload["number"])
        if payload["number"] % 7 == 0:
            raise ValueError("no film")

    camera.add_task_handler("expose", expose)
    for number in range(50):
        await client.send_task("camera", "expose", number=number)
    await until(lambda: len(ran) == 50)
    assert sorted(ran) == list(range(50))
    assert await ping(client) == "Pong."


async def test_garbage_among_replies_ends_nobody_elses_commands(
    camera: Camera, client: AMQPClient, listener: Listener
) -> None:
    command = await client.send_command("camera", "sleep 0.3", await_command=False)
    headers = {"message_code": ":", "command_id": command.command_id, "sender": "camera"}
    for body, more in [
        (b"\xff\xfe", {}),
        (b"[" * 100_000, {}),
        (b"{}", {"message_code": "?"}),
        (b"{}", {"sender": 3}),
        (b"{}", {"command_id": "another"}),
        (b"x" * TWO_MEGABYTES, {}),
    ]:
        await listener.publish(
            "reply.client.camera", body, {**headers, **more}, correlation_id=command.command_id
        )
    await asyncio.wait_for(command, 10)
    assert command.replies.get("text") == "slept"
    assert codes(command) == [">", ":"]
    assert client.running_commands == camera.running_commands == {}


@pytest.mark.parametrize("text", ["12", " 0 ", "9" * 5000])
async def test_a_command_that_is_only_a_number_fails(
    camera: Camera, client: AMQPClient, text: str
) -> None:
    command = await asyncio.wait_for(client.send_command("camera", text), 10)
    assert command.status.did_fail
    assert "does not exist or cannot be parsed" in command.replies.get("error")


# -- peers ----------------------------------------------------------------------------------


async def test_a_client_that_vanishes_with_commands_in_flight_costs_the_actor_no_line_each(
    broker: Broker, camera: Camera, client: AMQPClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with AMQPClient("gone", url=broker.url) as gone:
        for _ in range(100):
            await gone.send_command("camera", "sleep 60", await_command=False)
        await until(lambda: len(camera._active_commands) == 100)
        caplog.clear()
        assert gone.connection.connection is not None
        await gone.connection.connection.close()
        for command in list(camera._active_commands):  # each has a last reply to nobody
            assert command._task is not None
            command._task.cancel()
        await until(lambda: not camera._active_commands)
        await until(lambda: camera.stats["backlog"] == 0)
        assert await ping(client) == "Pong."
        said = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        # One for all, where a reply came to the queue while the broker was deleting it.
        gone_line = "A queue for reply.gone.camera is gone: messages reach only the others."
        assert said in ([], [gone_line])


async def use_client(client: AMQPClient, name: str, pings: int) -> None:
    for index in range(pings):
        text = f"{name}-{index}"
        command = await client.send_command("camera", f"echo {text}")
        assert codes(command) == [">", ":"]
        assert command.replies.get("text") == text


async def test_many_clients_with_fifty_pings_each_get_their_own_replies(
    broker: Broker, camera: Camera
) -> None:
    async def use(number: int) -> None:
        async with AMQPClient(f"client-{number}", url=broker.url) as client:
            await use_client(client, client.name, 50)
            await until(lambda: not client.running_commands)

    await asyncio.gather(*(use(number) for number in range(5)))
    assert not camera._active_commands


#: Every client gets the replies to all clients: 200 connections with 50 pings each would take four
#: million deliveries, and the broker minutes. So 200 connections have a ping each, and 200 users of
#: five connections have 50 each: on one event loop and transport, as the smaller test has them all.
USERS, PINGS, CONNECTIONS = 200, 50, 5


@pytest.mark.endurance
async def test_two_hundred_connections_get_their_own_replies(
    broker: Broker, camera: Camera
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [AMQPClient(f"client-{number}", url=broker.url) for number in range(USERS)]
        await asyncio.gather(*(stack.enter_async_context(client) for client in clients))
        await asyncio.gather(*(use_client(client, client.name, 1) for client in clients))


@pytest.mark.endurance
async def test_two_hundred_users_with_fifty_pings_each_get_their_own_replies(
    broker: Broker, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(AMQPClient(f"client-{number}", url=broker.url))
            for number in range(CONNECTIONS)
        ]
        users = [(clients[user % CONNECTIONS], f"user-{user}") for user in range(USERS)]
        await asyncio.gather(*(use_client(client, name, PINGS) for client, name in users))
        assert not any(client.running_commands for client in clients)
    assert not camera._active_commands
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


# -- memory ---------------------------------------------------------------------------------


@pytest.mark.endurance
async def test_two_thousand_commands_leave_nothing(camera: Camera, client: AMQPClient) -> None:
    async def send(kind: int) -> None:
        if kind == 0:
            assert (await client.send_command("camera", "ping")).status.did_succeed
        elif kind == 1:
            assert (await client.send_command("camera", "dance")).status.did_fail
        elif kind == 2:
            assert (await client.send_command("nobody", "ping")).status.did_fail
        elif kind == 3:
            slow = await client.send_command("camera", "sleep 0.05", time_limit=0.01)
            assert slow.status.did_fail
        else:
            await client.send_command("camera", "ping", await_command=False)

    async def many(count: int) -> None:
        for start in range(0, count, 50):
            await asyncio.gather(*(send(n % 5) for n in range(start, start + 50)))
        await until(lambda: not client.running_commands and not camera._active_commands)

    def left() -> tuple[int, int]:
        gc.collect()
        commands = sum(isinstance(thing, Command) for thing in gc.get_objects())
        return commands, sys.getallocatedblocks()

    # What remembers the ids of the latest messages is bounded, and shall be full from the start.
    for one in (camera, client):
        one._seen.most = 100
    for logger in (camera.log, client.log):
        logger.setLevel(logging.CRITICAL)
    await many(500)
    tasks = asyncio.all_tasks()
    # What something else in the process keeps, it does not keep again and again.
    for _ in range(3):
        commands, blocks = left()
        await many(2000)
        await only(tasks)
        more_commands, more_blocks = left()
        assert more_commands <= commands
        # An object is a block, whatever its size: not one is kept for each command of any kind.
        if more_blocks - blocks < 400:
            break
    else:
        pytest.fail(f"{more_blocks - blocks} blocks are left of 2000 commands")
    assert client.running_commands == camera.running_commands == {}


# -- starting and stopping ------------------------------------------------------------------


async def test_something_that_is_no_broker_is_named() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    before = asyncio.all_tasks()
    client = AMQPClient("x", host="127.0.0.1", port=port, connection_timeout=3.0)
    with pytest.raises(CluConnectionError, match=f"127.0.0.1:{port}"):
        await client.start()
    server.close()
    await only(before)
    await client.stop()


async def test_a_server_that_hangs_up_at_once_is_named() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = AMQPClient("x", host="127.0.0.1", port=port, connection_timeout=3.0)
    with pytest.raises(CluConnectionError, match=f"127.0.0.1:{port}"):
        await client.start()
    server.close()


@pytest.mark.rabbitmq
async def test_a_client_as_context_manager_raises_what_start_raises(broker: Broker) -> None:
    with pytest.raises(CluConnectionError, match="ACCESS_REFUSED"):
        async with AMQPClient("x", host="127.0.0.1", port=broker.port, password="no"):
            raise AssertionError("it must not get here")
    async with AMQPClient("x", url=broker.url) as client:
        assert client.is_connected()
        with pytest.raises(KeyError, match="mine"):
            async with AMQPClient("y", url=broker.url):
                raise KeyError("mine")
    assert not client.is_connected()


async def test_an_actor_stops_twice_and_starts_again(broker: Broker, client: AMQPClient) -> None:
    before = asyncio.all_tasks()
    camera = Camera("camera", url=broker.url)
    await camera.stop()
    for _ in range(2):
        await camera.start()
        assert await ping(client) == "Pong."
        running = await client.send_command("camera", "sleep 60", await_command=False)
        await camera.stop()
        await asyncio.wait_for(running, 10)
        assert running.status.did_fail
        assert running.replies.get("error")
        await camera.stop()
    await only(before)


@pytest.mark.parametrize("level", [0, logging.CRITICAL])
@pytest.mark.parametrize("commander", [[1, {"a": 1}], decimal.Decimal("1.5")])
async def test_the_outcome_of_an_odd_commander_does_not_depend_on_the_log(
    camera: Camera, listener: Listener, commander: Any, level: int
) -> None:
    camera.log.setLevel(level)
    await listener.command({"command_string": "ping"}, command_id="1", commander_id=commander)
    key = f"reply.{commander}"
    await until(lambda: len(listener.find(key)) == 2)
    assert listener.find(key)[-1].headers["message_code"] == ":"
