"""What happens when the broker, or the way to it, breaks down."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient
from tests.broker import Broker

from .actors import Camera, ping, until

if TYPE_CHECKING:
    import pathlib
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.timeout(90)


class Proxy:
    """Passes a connection on to the broker, until it is cut or held up."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.flows = asyncio.Event()
        self.flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.flows.set()
        self.cut()
        await asyncio.sleep(0.1)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onwards = await asyncio.open_connection("127.0.0.1", self.target)
        ends = {writer, onwards}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, onwards), self._pump(there, writer))
        finally:
            self._writers -= ends

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def proxy(broker: Broker) -> AsyncIterator[Proxy]:
    async with Proxy(broker.port) as proxy:
        yield proxy


def url(port: int) -> str:
    return f"amqp://guest:guest@127.0.0.1:{port}/"


def follow(client: AMQPClient) -> list[int]:
    numbers: list[int] = []

    def take(reply: Any) -> None:
        if "number" in reply.body:
            numbers.append(reply.body["number"])

    client.add_reply_callback(take)
    return numbers


async def write(camera: Camera, start: int, stop: int) -> None:
    for number in range(start, stop):
        camera.write("i", number=number)
        if number % 5 == 0:
            await asyncio.sleep(0.01)


async def test_replies_survive_a_cut_connection_in_order(proxy: Proxy, client: AMQPClient) -> None:
    numbers = follow(client)
    async with Camera("camera", url=url(proxy.port)) as camera:
        assert await ping(client) == "Pong."
        await write(camera, 0, 200)
        proxy.cut()
        await write(camera, 200, 600)
        await until(lambda: len(numbers) >= 600, 20)
        assert numbers == list(range(600))
        await until(lambda: camera.stats["waiting"] == 0)
        assert camera.stats["dropped"] == 0
        assert camera.is_connected()
        assert await ping(client) == "Pong."
        assert (await camera.send_command("camera", "ping")).status.did_succeed


async def test_a_stalled_broker_slows_nobody_down(proxy: Proxy, client: AMQPClient) -> None:
    numbers = follow(client)
    camera = Camera("camera", url=url(proxy.port), outbox_messages=1000)
    async with camera:
        proxy.flows.clear()
        for number in range(1500):
            camera.write("i", number=number)
        await asyncio.sleep(0.2)
        assert camera.stats["waiting"] == 1000
        assert camera.stats["dropped"] == 500
        command = await camera.send_command("camera", "ping", time_limit=0.2)
        assert command.status.did_fail
        proxy.flows.set()
        await until(lambda: len(numbers) == 1000)
        assert numbers == list(range(1000))
        camera.write("i", number=-1)
        await until(lambda: numbers[-1] == -1)
        assert camera.stats["dropped"] == 500


async def test_bytes_in_the_outbox_are_limited(proxy: Proxy) -> None:
    camera = Camera("camera", url=url(proxy.port), outbox_bytes=100_000)
    async with camera:
        proxy.flows.clear()
        for _ in range(30):
            camera.write("i", word="x" * 10_000)
        assert camera.stats["dropped"] == 21
        assert camera.stats["waiting_bytes"] < 100_000
        proxy.flows.set()


async def test_a_command_whose_replies_are_lost_fails_with_a_reason(
    proxy: Proxy, broker: Broker
) -> None:
    client = AMQPClient("lonely", url=url(proxy.port), lost_command_limit=0.5)
    async with client, Camera("camera", url=broker.url):
        command = await client.send_command("camera", "sleep 0.2", await_command=False)
        await asyncio.sleep(0.1)
        proxy.cut()
        await asyncio.wait_for(command, 10)
        assert command.status.did_fail
        assert command.replies.get("error") == "The connection to the broker was lost."
        await until(client.is_connected)
        assert await ping(client) == "Pong."


async def test_a_command_waits_for_the_connection_only_so_long(
    proxy: Proxy, broker: Broker
) -> None:
    from aio_pika.exceptions import AMQPConnectionError

    async with AMQPClient("waiting", url=url(proxy.port)) as client:
        client.connection.timeout = 0.3
        proxy.flows.clear()
        proxy.cut()
        await until(lambda: not client.is_connected())
        with pytest.raises(AMQPConnectionError, match="No answer from the broker"):
            await client.send_command("camera", "ping")
        assert client.running_commands == {}
        await until(lambda: client.stats["waiting"] == 0)
        proxy.flows.set()


async def test_stop_does_not_wait_for_a_stalled_broker_for_ever(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu._topic_listener._CLOSE_LIMIT", 0.3)
    monkeypatch.setattr("clu.client._DRAIN_LIMIT", 0.3)
    before = asyncio.all_tasks()
    camera = await Camera("camera", url=url(proxy.port)).start()
    proxy.flows.clear()
    camera.write("i", number=1)
    await asyncio.wait_for(camera.stop(), 5)
    proxy.flows.set()
    proxy.cut()
    await until(lambda: asyncio.all_tasks() - before <= {asyncio.current_task()})


async def test_everything_is_back_after_the_broker_was_killed(tmp_path: pathlib.Path) -> None:
    broker = Broker(tmp_path)
    await asyncio.to_thread(broker.start)
    try:
        camera = Camera("camera", url=broker.url)
        client = AMQPClient("client", url=broker.url)
        await camera.start()
        await client.start()
        numbers = follow(client)
        await write(camera, 0, 100)
        command = await client.send_command("camera", "sleep 1", await_command=False)
        await until(lambda: len(numbers) == 100)
        broker.stop(kill=True)
        await write(camera, 100, 400)
        await until(lambda: not client.is_connected())
        await asyncio.to_thread(broker.start)
        await until(lambda: client.is_connected() and camera.is_connected(), 30)
        await write(camera, 400, 500)
        await until(lambda: len(numbers) >= 500, 20)
        assert numbers == list(range(500))
        await asyncio.wait_for(command, 10)
        assert command.replies.get("text") == "slept"
        assert await ping(client) == "Pong."
        assert [queue.name for queue in camera.connection.queues] == [
            "camera_replies",
            "camera_commands",
        ]
        await client.stop()
        await camera.stop()
    finally:
        await asyncio.to_thread(broker.stop)
