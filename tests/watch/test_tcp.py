"""Subscriptions of a client of a TCP JSON actor."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from clu import JSONActor
from clu.exceptions import CluError, CluValueError, KeywordTimeout
from clu.remote import JSONClient
from tests.amqp.actors import SCHEMA, make_parser
from tests.proxy import Proxy
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Lamp(JSONActor):
    parser = make_parser()
    schema = SCHEMA


@pytest.fixture
async def lamp() -> AsyncIterator[Lamp]:
    lamp = await Lamp("lamp", "127.0.0.1", 0).start()
    yield lamp
    await lamp.stop()


@pytest.fixture
async def client(lamp: Lamp) -> AsyncIterator[JSONClient]:
    async with JSONClient("127.0.0.1", lamp.port) as client:
        yield client


async def test_a_latecomer_gets_the_last_value(lamp: Lamp) -> None:
    lamp.write("i", number=3)
    assert lamp.model is not None
    client = JSONClient("127.0.0.1", lamp.port)
    async with client, client.watch("number") as updates:
        update = await updates.__anext__()
        assert (update.name, update.value, update.code) == ("lamp.number", 3, None)
        assert update.when == lamp.model["number"].last_seen
        lamp.write("w", number=4)
        update = await updates.__anext__()
        assert (update.value, update.code, update.command_id) == (4, "w", None)
        assert (await client.wait_for("lamp.Number")).value == 4
    assert client._notifier._callbacks == []


async def test_what_others_do_is_seen(lamp: Lamp, client: JSONClient) -> None:
    waiting = asyncio.create_task(client.wait_for("number", lambda value: value == 4))
    async with JSONClient("127.0.0.1", lamp.port) as other:
        while not waiting.done():
            await other.send_command("count 5")
    update = await waiting
    assert update.command_id is not None
    assert update.code == "i"


async def test_a_keyword_that_is_none_is_an_error(lamp: Lamp, client: JSONClient) -> None:
    with pytest.raises(CluValueError, match=r"'numbre'\. Did you mean number\?"):
        await client.watch("numbre").__anext__()
    with pytest.raises(CluValueError, match="lamp has no keyword 'numbre'"):
        await client.wait_for("lamp.numbre")
    with pytest.raises(CluValueError, match=r"lamp.word has no numbers"):
        await client.watch("word", delta=1).__anext__()
    with pytest.raises(CluValueError, match=f"{client.address} is lamp, not camera"):
        client.watch("camera.number")
    assert len(client._get_watchers()) == 0


async def test_who_does_not_need_numbers_goes_on(lamp: Lamp, client: JSONClient) -> None:
    with contextlib.closing(client.watch("word")) as one:
        with pytest.raises(CluValueError, match=r"lamp.word has no numbers"):
            await client.watch("word", delta=1).__anext__()
        lamp.write("i", word="a")
        assert (await one.__anext__()).value == "a"


async def test_it_survives_the_loss_of_the_connection(lamp: Lamp) -> None:
    async with Proxy(lamp.port) as proxy:
        client = await JSONClient("127.0.0.1", proxy.port).start()
        lamp.write("i", number=1)
        async with client.watch("number") as updates, client.watch("word") as words:
            assert (await updates.__anext__()).value == 1
            proxy.cut()
            await until(lambda: not client.is_connected())
            lamp.write("i", number=2)  # nobody gets it
            assert (await updates.__anext__()).value == 2
            lamp.write("i", number=3, word="new")
            assert (await updates.__anext__()).value == 3
            assert (await words.__anext__()).value == "new"
            assert words.missed == 0
        await client.stop()


async def test_stopping_the_client_ends_what_waits(lamp: Lamp, client: JSONClient) -> None:
    waiting = asyncio.create_task(client.wait_for("number"))
    updates = client.watch("number")
    await until(lambda: lamp.transports)
    await client.stop()
    with pytest.raises(CluError, match="The client was stopped"):
        await waiting
    assert [update async for update in updates] == []
    await until(lambda: "_introduce" not in repr(asyncio.all_tasks()))


async def test_before_the_start_the_connection_is_waited_for(lamp: Lamp) -> None:
    client = JSONClient("127.0.0.1", lamp.port)
    with pytest.raises(KeywordTimeout, match=r"No value came\. Not connected to tcp://127"):
        await client.wait_for("number", timeout=0.05)
    lamp.write("i", number=3)
    async with client.watch("number") as updates:
        await asyncio.sleep(0)
        async with client:
            assert (await updates.__anext__()).value == 3


async def test_an_actor_of_another_kind_can_be_watched() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                number = line.split()[0].decode()
                header = f'"command_id": {number}, "commander_id": "me", "sender": "old"'
                body = '"message_code": "f", "internal": false}, "data": {"position": 5}}'
                writer.write(f'{{"header": {{{header}, {body}\n'.encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    async with JSONClient("127.0.0.1", port) as client:
        update: Any = await client.wait_for("position", timeout=20)
        assert update.name == "old.position"
    server.close()
