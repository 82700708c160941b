"""Clients of the websocket bridge that vanish, do not read or flood; its stop and start."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from clu.command import Command
from clu.websocket import WebsocketServer

from ..waiting import until
from .test_bridge import ended, receive, send

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection

    from tests.amqp.actors import Camera
    from tests.broker import Broker

HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

# With code 1000, and a mask of zeros.
CLOSE_FRAME = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


@pytest.fixture
async def bridge(broker: Broker) -> AsyncIterator[WebsocketServer]:
    limits: dict[str, Any] = {"buffer_limit": 256 * 1024, "stall_limit": 0.5}
    async with WebsocketServer(wport=0, url=broker.url, **limits) as bridge:
        yield bridge


@contextlib.asynccontextmanager
async def silent_client(
    bridge: WebsocketServer, receive_buffer: int | None = 4096
) -> AsyncIterator[socket.socket]:
    """A client that connects, and then neither reads nor writes."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.setblocking(False)
        known = len(bridge.wclients)
        await loop.sock_connect(client, ("127.0.0.1", bridge.wport))
        await loop.sock_sendall(client, HANDSHAKE.encode())
        await until(lambda: len(bridge.wclients) == known + 1)
        yield client


def messages(caplog: pytest.LogCaptureFixture, *levels: str) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.levelname in levels or not levels
    ]


async def test_client_that_does_not_read_is_dropped_and_others_keep_their_flow(
    bridge: WebsocketServer, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    text = "x" * 100_000
    async with connect(bridge.address) as good:
        await until(lambda: len(bridge.wclients) == 1)
        async with silent_client(bridge):
            for number in range(200):
                camera.write("i", number=number, text=text)
                assert (await receive(good))["body"] == {"number": number, "text": text}
            await until(lambda: len(bridge.wclients) == 1)
        await send(good, "ping", command_id="a")
        assert (await ended(good, "a"))["body"] == {"text": "Pong."}
    dropped = [line for line in messages(caplog) if "does not read" in line]
    assert len(dropped) == 1
    assert "read nothing for 0.5 s, and " in dropped[0]
    assert "(buffer_limit is 262144)" in dropped[0]
    assert messages(caplog, "ERROR", "CRITICAL") == []


async def test_client_for_which_too_much_waits_is_dropped_at_once(
    broker: Broker, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    limits: dict[str, Any] = {"stall_limit": 3600, "buffer_hard_limit": 8 * 1024 * 1024}
    async with (
        WebsocketServer(wport=0, url=broker.url, **limits) as bridge,
        silent_client(bridge),
    ):
        while bridge.wclients:
            camera.write("i", text="x" * 100_000)
            await asyncio.sleep(0.01)
    (dropped,) = [line for line in messages(caplog, "WARNING") if "too slowly" in line]
    assert "(buffer_hard_limit is 8388608)" in dropped


async def test_client_that_vanishes_is_forgotten_with_its_commands(
    bridge: WebsocketServer, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(bridge.address) as good:
        client = await connect(bridge.address)
        await until(lambda: len(bridge.wclients) == 2)
        for number in range(10):
            await send(client, "sleep 60", command_id=str(number))
        await until(lambda: len(bridge.client.running_commands) == 10)
        tasks = [task for known in bridge._clients.values() for task in known.commands]
        assert len(tasks) == 10
        client.transport.abort()
        await until(lambda: len(bridge.wclients) == 1)
        await until(lambda: not bridge.client.running_commands)
        assert all(task.done() for task in tasks)
        del tasks
        gc.collect()
        # The actor still runs them, and the bridge has forgotten those that it has sent.
        left = [item for item in gc.get_objects() if isinstance(item, Command) and not item.actor]
        assert [command.body for command in left if command.body == "sleep 60"] == []
        await send(good, "ping", command_id="a")
        assert (await ended(good, "a"))["body"] == {"text": "Pong."}
        await client.wait_closed()
    await until(lambda: len([line for line in messages(caplog) if "has disconnected" in line]) == 2)
    assert messages(caplog, "WARNING", "ERROR", "CRITICAL") == []


async def test_client_that_answers_no_ping_is_dropped(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        WebsocketServer(wport=0, url=broker.url, keepalive=0.2) as bridge,
        silent_client(bridge),
    ):
        await until(lambda: not bridge.wclients)
    (line,) = [line for line in messages(caplog) if "has disconnected" in line]
    assert "keepalive ping timeout" in line
    assert messages(caplog, "WARNING", "ERROR", "CRITICAL") == []


async def test_reason_of_a_client_that_goes_makes_no_line_of_its_own(
    bridge: WebsocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(bridge.address) as client:
        await client.close(1000, "bye\n2026-01-01 [INFO]: forged")
    await until(lambda: not bridge.wclients)
    (line,) = [line for line in messages(caplog) if "has disconnected" in line]
    assert line.splitlines() == [line]
    assert "bye\\n2026-01-01 [INFO]: forged" in line


@pytest.mark.parametrize("half_closes", [False, True])
async def test_client_that_leaves_with_a_backlog_leaves_no_traceback(
    bridge: WebsocketServer, camera: Camera, caplog: pytest.LogCaptureFixture, half_closes: bool
) -> None:
    loop = asyncio.get_running_loop()
    async with silent_client(bridge, receive_buffer=None) as client:
        camera.write("i", text="x" * 10_000_000)
        (known,) = bridge._clients.values()
        await until(lambda: known.buffered > 1_000_000)
        await loop.sock_sendall(client, CLOSE_FRAME)
        if half_closes:
            client.shutdown(socket.SHUT_WR)
        while await asyncio.wait_for(loop.sock_recv(client, 1024 * 1024), 10):
            pass
    await until(lambda: not bridge.wclients)
    # The library that listens closes what is closed already a moment later.
    await asyncio.sleep(0.1)
    assert len([line for line in messages(caplog) if "received 1000" in line]) == 1
    assert messages(caplog, "WARNING", "ERROR", "CRITICAL") == []


@pytest.mark.endurance
async def test_flood_of_commands_is_answered_one_by_one(
    bridge: WebsocketServer, camera: Camera
) -> None:
    count = 5000
    done, refused = set(), set()

    async def read(client: Any) -> None:
        while len(done) + len(refused) < count:
            reply = await receive(client)
            if "error" in reply:
                refused.add(reply["command_id"])
            elif reply["headers"]["message_code"] == ":":
                done.add(reply["headers"]["command_id"])

    async with connect(bridge.address, max_queue=None) as flooding:
        reading = asyncio.ensure_future(read(flooding))
        for number in range(count):
            await send(flooding, "ping", command_id=f"flood {number}")
        await asyncio.wait_for(reading, 40)
    assert done
    assert len(done | refused) == count


async def test_flood_of_garbage_that_does_not_read_disturbs_nobody(
    bridge: WebsocketServer, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    # A masked frame with the text "x", with a mask of zeros.
    garbage = b"\x81\x81\x00\x00\x00\x00x" * 20_000
    async with connect(bridge.address) as good:
        await until(lambda: len(bridge.wclients) == 1)
        async with silent_client(bridge) as flooding:
            writing = asyncio.ensure_future(loop.sock_sendall(flooding, garbage))
            for number in range(20):
                await send(good, "ping", command_id=str(number))
                assert (await ended(good, str(number)))["body"] == {"text": "Pong."}
            await until(lambda: len(bridge.wclients) == 1, 30)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
    assert len(messages(caplog, "WARNING")) == 1
    assert messages(caplog, "ERROR", "CRITICAL") == []


async def test_what_is_no_websocket_is_turned_away(
    bridge: WebsocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    for line in (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x00",
        b"",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.wport)
        writer.write(line)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
    async with connect(bridge.address) as client:
        await send(client, "ping", "nobody", command_id="a")
        assert (await receive(client))["command_id"] == "a"
    assert messages(caplog, "WARNING", "ERROR", "CRITICAL") == []


async def test_client_that_does_not_finish_to_connect_is_closed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("clu._websocket.listener._OPEN_TIMEOUT", 0.1)
    async with WebsocketServer(wport=0, url=broker.url) as bridge:
        reader, writer = await asyncio.open_connection("127.0.0.1", bridge.wport)
        writer.write(HANDSHAKE[:20].encode())
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await writer.wait_closed()
    assert messages(caplog, "WARNING", "ERROR", "CRITICAL") == []


async def test_stop_informs_the_clients_and_leaves_nothing(broker: Broker, camera: Camera) -> None:
    before = {*asyncio.all_tasks()}
    bridge = WebsocketServer(wport=0, url=broker.url)
    await bridge.start()
    async with connect(bridge.address) as client:
        await send(client, "sleep 1", command_id="a")
        assert (await receive(client))["headers"]["command_id"] == "a"
        await asyncio.wait_for(bridge.stop(), 10)
        with pytest.raises(ConnectionClosed):
            await receive(client)
        assert client.close_code == 1001
    assert bridge.wclients == set()
    assert not bridge.client.is_connected()
    for _ in range(100):
        if not (left := asyncio.all_tasks() - before):
            break
        await asyncio.sleep(0.05)
    assert left == set()


async def test_stop_does_not_wait_for_clients_that_do_not_listen(
    broker: Broker, camera: Camera
) -> None:
    bridge = WebsocketServer(wport=0, url=broker.url)
    await bridge.start()
    async with silent_client(bridge):
        (silent,) = bridge._clients.values()
        # So much at once would be over the limit before anybody looks.
        for _ in range(200):
            camera.write("i", text="x" * 100_000)
            await asyncio.sleep(0.01)
            if silent.buffered > 100_000:
                break
        assert silent.buffered > 100_000
        # One that does not even finish to connect.
        _, writer = await asyncio.open_connection("127.0.0.1", bridge.wport)
        await asyncio.wait_for(bridge.stop(), 8)
        assert bridge.wclients == set()
        writer.close()


async def test_it_starts_again_after_a_stop(broker: Broker, camera: Camera) -> None:
    bridge = WebsocketServer(wport=0, url=broker.url)
    await bridge.stop()
    ports = []
    for command_id in ("first", "second"):
        await bridge.start()
        ports.append(bridge.wport)
        async with connect(bridge.address) as client:
            await send(client, "ping", command_id=command_id)
            assert (await ended(client, command_id))["body"] == {"text": "Pong."}
        await bridge.stop()
        await bridge.stop()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await connect(bridge.address)
    assert ports[0] == ports[1]


@pytest.mark.endurance
async def test_many_clients_get_their_replies(broker: Broker, camera: Camera) -> None:
    async with contextlib.AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(WebsocketServer(wport=0, url=broker.url))
        addresses = [connect(bridge.address, max_queue=None) for _ in range(200)]
        clients = [await stack.enter_async_context(address) for address in addresses]
        for number, client in enumerate(clients):
            await send(client, "ping", command_id=str(number))
        for number, client in enumerate(clients):
            assert (await ended(client, str(number)))["body"] == {"text": "Pong."}
        await asyncio.gather(*(client.close() for client in clients))


class SharedConnection:
    """A connection to the bridge for many users. It also receives the replies to the others."""

    def __init__(self, client: ClientConnection) -> None:
        self.client = client
        self.waiting: dict[str, asyncio.Future[Any]] = {}
        self.errors: list[Any] = []
        self.reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self.client:
            reply = json.loads(message)
            if "headers" not in reply:
                self.errors.append(reply)
            elif reply["headers"]["message_code"] in (":", "f"):
                waiting = self.waiting.pop(reply["headers"]["command_id"], None)
                if waiting is not None:
                    waiting.set_result(reply["body"])

    async def use(self, name: str, pings: int) -> None:
        for index in range(pings):
            text = f"{name}-{index}"
            self.waiting[text] = ended = asyncio.get_running_loop().create_future()
            await send(self.client, f"echo {text}", command_id=text)
            assert await asyncio.wait_for(ended, 30) == {"text": text}


@pytest.mark.endurance
async def test_two_hundred_users_with_fifty_pings_each_get_their_replies(
    broker: Broker, camera: Camera
) -> None:
    # All connections get all replies, so that 200 of them would get four million: they are shared.
    async with contextlib.AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(WebsocketServer(wport=0, url=broker.url))
        shared = [
            SharedConnection(await stack.enter_async_context(connect(bridge.address)))
            for _ in range(4)
        ]
        await asyncio.gather(*(shared[user % 4].use(f"user-{user}", 50) for user in range(200)))
        for connection in shared:
            assert connection.errors == []
            assert connection.waiting == {}
            await connection.client.close()
            await connection.reader
