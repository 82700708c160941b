"""The broker in memory as a thing of one process: names, threads, event loops that are closed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from clu import AMQPClient, CluError
from clu.exceptions import CluConnectionError, CluRuntimeError, CluValueError
from clu.sync import Client as BlockingClient
from clu.testing import MemoryBroker
from tests.amqp.actors import Camera, ping
from tests.conftest import loop_factories
from tests.waiting import until


def test_a_broker_has_a_name_and_an_address() -> None:
    with MemoryBroker("lab-1") as named, MemoryBroker() as other:
        assert (named.name, named.url) == ("lab-1", "memory://lab-1")
        assert other.url == f"memory://{other.name}"
        assert repr(named) == "<MemoryBroker (memory://lab-1, 0 connections)>"
    assert repr(named) == "<MemoryBroker (memory://lab-1, closed)>"


def test_there_is_one_broker_of_a_name() -> None:
    with (
        MemoryBroker("lab"),
        pytest.raises(CluRuntimeError, match="There is a memory broker 'lab' already"),
    ):
        MemoryBroker("lab")
    with MemoryBroker("lab"):
        pass


@pytest.mark.parametrize("name", ["", "Lab", "a b", "a/b", "a:1", "ä", 5, "-a", "a@b"])
def test_a_name_that_cannot_be_in_an_address_is_refused(name: Any) -> None:
    with pytest.raises(CluValueError, match="The name of a memory broker"):
        MemoryBroker(name)


@pytest.mark.parametrize(
    "url",
    [
        *("memory://", "memory:lab", "memory://lab:5672", "memory://guest@lab", "memory://lab/a"),
        *("memory://Lab", "memory:///lab"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(url: str) -> None:
    with pytest.raises(CluValueError, match="memory://NAME"):
        AMQPClient("client", url=url)


@pytest.mark.parametrize(
    "url", [["memory://a", "memory://b"], "amqp://localhost,memory://a", "memory://a,memory://b"]
)
def test_a_memory_broker_is_no_part_of_a_cluster(url: Any) -> None:
    with pytest.raises(CluValueError, match="alone"):
        AMQPClient("client", url=url)


async def test_who_connects_to_a_broker_that_is_not_there_is_told_so() -> None:
    client = AMQPClient("client", url="memory://nowhere")
    with pytest.raises(CluConnectionError, match="there is no memory broker 'nowhere' in this pro"):
        await client.start()


async def test_a_broker_that_is_closed_is_gone() -> None:
    bus = MemoryBroker("lab")
    client = await AMQPClient("client", url=bus.url).start()
    bus.close()
    bus.close()
    await until(lambda: not client.is_connected())
    with pytest.raises(CluConnectionError, match="no memory broker 'lab'"):
        await AMQPClient("other", url=bus.url).start()
    await client.stop()


async def test_a_broker_that_is_there_again_gets_what_was_kept() -> None:
    with MemoryBroker("lab") as bus:
        camera = await Camera("camera", url=bus.url).start()
    await until(lambda: not camera.is_connected())
    camera.write("i", number=1)
    with MemoryBroker("lab") as bus:
        await until(camera.is_connected)
        async with AMQPClient("client", url=bus.url) as client:
            assert await ping(client) == "Pong."
        await until(lambda: camera.stats["backlog"] == 0)
        await camera.stop()


async def test_actors_and_clients_may_be_in_different_threads() -> None:
    with MemoryBroker() as bus:
        stop = asyncio.Event()
        loops: list[Any] = []
        started = threading.Event()

        async def serve() -> None:
            loops.append(asyncio.get_running_loop())
            async with Camera("camera", url=bus.url):
                started.set()
                await stop.wait()

        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        try:
            await asyncio.to_thread(started.wait, 20)
            async with AMQPClient("client", url=bus.url) as client:
                for _ in range(20):
                    assert await ping(client) == "Pong."
                command = await client.send_command("camera", "count 2000")
                numbers = [r.body["number"] for r in command.replies if "number" in r.body]
                assert numbers == list(range(2000))
                bus.faults.cut("camera")
                await asyncio.sleep(0)
                command = await asyncio.wait_for(client.send_command("camera", "ping"), 30)
                assert command.done()
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            await asyncio.to_thread(thread.join, 20)
        assert not thread.is_alive()


def test_a_blocking_client_talks_to_an_actor_in_another_thread() -> None:
    with MemoryBroker() as bus:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            camera = Camera("camera", url=bus.url)
            asyncio.run_coroutine_threadsafe(camera.start(), loop).result(20)
            with BlockingClient(bus.url) as observatory:
                assert observatory.send("camera", "ping").replies
            asyncio.run_coroutine_threadsafe(camera.stop(), loop).result(20)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)
            loop.close()


LEFT = """
import asyncio, sys
from clu import AMQPClient
from clu.testing import MemoryBroker
from tests.amqp.actors import Camera, ping
from tests.conftest import loop_factories

with MemoryBroker() as bus:
    loop = loop_factories()[sys.argv[1]]()
    loop.run_until_complete(Camera("camera", url=bus.url).start())
    loop.close()

    async def again():
        async with Camera("camera", url=bus.url), AMQPClient("client", url=bus.url) as client:
            return await ping(client)

    print(asyncio.run(again()))
"""


@pytest.mark.parametrize("kind", loop_factories())
def test_who_left_without_a_word_does_not_keep_its_name(kind: str) -> None:
    """As a test does that fails before it stops what it has started."""
    run = subprocess.run(
        [sys.executable, "-c", LEFT, kind], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stdout == "Pong.\n", run.stderr


def test_a_process_that_was_forked_is_told_so() -> None:
    with MemoryBroker() as bus:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            text = "connected"
            try:
                asyncio.run(AMQPClient("client", url=bus.url).start())
            except CluError as error:
                text = str(error)
            except BaseException as error:  # the parent must be told
                text = repr(error)
            os.write(write, text.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as output:
            text = output.read()
        os.waitpid(pid, 0)
        assert "is in the process from which this one was forked" in text


async def test_a_message_that_is_too_long_is_refused_as_rabbitmq_does() -> None:
    with MemoryBroker(max_message_size=1000) as bus:
        async with AMQPClient("client", url=bus.url) as client, Camera("camera", url=bus.url):
            command = client.send_command("camera", "echo " + "x" * 2000)
            with pytest.raises(CluValueError, match="the broker takes 1000 at most"):
                await command
            assert await ping(client) == "Pong."


@pytest.mark.parametrize(
    ("method", "arguments", "reason"),
    [
        ("queue_declare", {"queue": "q", "arguments": {"x-max-length": 5}}, "x-max-length"),
        ("exchange_declare", {"exchange": "e", "exchange_type": "headers"}, "type headers"),
        ("exchange_bind", {"destination": "amq.topic", "source": "amq.direct"}, "Exchange.Bind"),
        ("basic_qos", {"prefetch_size": 5}, "prefetch_size=5"),
        ("tx_select", {}, "Tx.Select"),
    ],
)
async def test_what_it_does_not_know_is_refused_with_a_reason(
    method: str, arguments: dict[str, Any], reason: str
) -> None:
    with MemoryBroker() as bus:
        connection = await bus.connect()
        channel = await connection.transport.connection.channel(publisher_confirms=False)
        with pytest.raises(Exception, match=reason):
            await getattr(channel, method)(**arguments)
        await connection.close()
