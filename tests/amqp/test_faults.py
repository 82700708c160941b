"""What happens when the broker, or the way to it, breaks down."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from clu import AMQPClient
from clu._amqp.sending import ITEM_COST
from tests.proxy import Proxy

from ..waiting import until
from .actors import Camera, ping
from .outages import (
    RATE,
    Commanding,
    LogLines,
    Numbered,
    numbers_from,
    witness,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.broker import Broker

pytestmark = pytest.mark.timeout(300)

#: Settings that let an outage be over soon: commands whose replies were lost fail in a few seconds.
SOON: dict[str, Any] = {"connection_timeout": 10.0, "lost_command_limit": 3.0}
#: For whom the outage is one that only heartbeats show. Nobody else has them every second: the
#: broker drops whoever is silent for three, which a busy machine may well make of it, and what is
#: published until a client is back is not for it.
SOON_SEEN: dict[str, Any] = {**SOON, "heartbeat": 1}
#: The seconds in which all is over, also on a machine that is busy with other things.
LIMIT = 80.0


@pytest.fixture
def mortal(broker: Broker) -> Iterator[Broker]:
    """The broker, in a test that stops or pauses it."""
    yield broker
    if broker.is_running:
        broker.resume()
    else:
        broker.stop()
        broker.start()


@pytest.fixture
async def proxy(broker: Broker) -> AsyncIterator[Proxy]:
    async with Proxy(broker.port) as proxy:
        yield proxy


@pytest.fixture
def lines() -> Iterator[LogLines]:
    with LogLines() as lines:
        yield lines


async def arrived(numbers: list[int], count: int, *clients: Camera) -> None:
    try:
        await until(lambda: len(numbers) >= count, LIMIT)
    except (asyncio.TimeoutError, TimeoutError):
        missing = sorted(set(range(count)).difference(numbers))
        what = f"{len(missing)} of {count} are missing, from {missing[:3]} to {missing[-3:]}"
        raise AssertionError(
            f"{what}: {[(client.name, client.stats) for client in clients]}"
        ) from None
    assert numbers == list(range(count))


async def caught_up(numbers: list[int], written: Numbered) -> None:
    """Wait until what was written so far has arrived, while writing goes on."""
    count = written.count
    await until(lambda: len(numbers) >= count, LIMIT)


async def check_that_all_is_back(camera: Camera, observer: Camera) -> None:
    assert await ping(observer, "camera") == "Pong."
    assert await ping(camera, "observer") == "Pong."
    for actor in (camera, observer):
        assert actor.is_connected()
        assert actor.running_commands == {}
        # A broker that has not noticed yet that the old connection is gone keeps its queues locked.
        names = [queue.name for queue in actor.connection.queues]
        assert [re.sub(r"\.[0-9a-f]{8}$", "", name) for name in names] == [
            f"{actor.name}_replies",
            f"{actor.name}_commands",
        ]
    await until(lambda: camera.stats["backlog"] == 0)
    assert camera.stats["dropped"] == 0


def check_outcomes(outcomes: list[str]) -> None:
    assert "done" in outcomes
    assert all(outcomes), f"a command failed without a reason: {outcomes}"


def check_log(lines: LogLines, *names: str) -> None:
    """One line when the connection goes, one when it is back, and no flood besides."""
    for name in names:
        own = [line for line in lines.of(f"clu:{name}") if line.startswith(f"{name}: ")]
        assert len([line for line in own if "lost the connection" in line]) == 1, own
        assert len([line for line in own if "connected to" in line and "again" in line]) == 1, own
    assert lines.of("asyncio", "aio_pika", "aiormq", level=30) == []
    assert lines.of("clu", *(f"clu:{name}" for name in names), level=40) == []


# -- a stream of replies at a steady rate ---------------------------------------------------


async def test_nothing_is_lost_when_the_broker_is_killed(mortal: Broker, lines: LogLines) -> None:
    camera = Camera("camera", url=mortal.url, outbox_messages=100_000)
    observer = Camera("observer", url=mortal.url, **SOON)
    lines.follow(camera, observer)
    async with camera, observer:
        numbers = numbers_from(observer)
        short = await camera.send_command("observer", "sleep 2", await_command=False)
        long = await observer.send_command("camera", "sleep 1000", await_command=False)
        async with Numbered(camera) as written, Commanding(observer) as commands:
            await until(lambda: len(numbers) > RATE)
            mortal.stop()
            await until(lambda: not (camera.is_connected() or observer.is_connected()))
            assert camera.stats["backlog"] > 0
            await asyncio.sleep(1)
            await asyncio.to_thread(mortal.start)
            await until(lambda: camera.is_connected() and observer.is_connected())
            await caught_up(numbers, written)
            await asyncio.sleep(0.5)
        await arrived(numbers, written.count, camera, observer)
        check_outcomes(await commands.ended(LIMIT))
        await asyncio.wait_for(asyncio.gather(short, long), LIMIT)
        assert short.replies.get("text") == "slept"
        assert long.status.did_fail
        assert long.replies.get("error") == "The connection to the broker was lost."
        await check_that_all_is_back(camera, observer)
        check_log(lines, "camera", "observer")


@pytest.mark.parametrize("whose", ["camera", "observer"])
async def test_nothing_is_lost_when_the_connection_is_cut(
    broker: Broker, proxy: Proxy, lines: LogLines, whose: str
) -> None:
    urls = {"camera": broker.url, "observer": broker.url, whose: proxy.url}
    camera = Camera("camera", url=urls["camera"], outbox_messages=100_000, **SOON)
    observer = Camera("observer", url=urls["observer"], **SOON)
    lines.follow(camera, observer)
    async with camera, observer, witness(broker.url) as seen:
        numbers = numbers_from(observer)
        async with Numbered(camera) as written, Commanding(observer) as commands:
            await until(lambda: len(numbers) > RATE / 2)
            proxy.cut()
            lost = {"camera": camera, "observer": observer}[whose]
            await until(lambda: not lost.is_connected())
            await until(lost.is_connected)
            await asyncio.sleep(2)
        check_outcomes(await commands.ended(LIMIT))
        if whose == "camera":
            await arrived(numbers, written.count, camera, observer)
        else:  # its queue went with its connection: what came meanwhile is not for it
            await until(lambda: numbers[-1] == written.count - 1)
            assert numbers == sorted(set(numbers))
        await check_that_all_is_back(camera, observer)
        duplicates = seen.check()
        assert duplicates <= camera.stats["repeated"]
        check_log(lines, whose)


async def test_nothing_is_lost_when_the_connection_is_half_open(
    broker: Broker, proxy: Proxy, lines: LogLines
) -> None:
    camera = Camera("camera", url=proxy.url, outbox_messages=100_000, **SOON_SEEN)
    observer = Camera("observer", url=broker.url, **SOON)
    lines.follow(camera, observer)
    async with camera, observer, witness(broker.url) as seen:
        numbers = numbers_from(observer)
        async with Numbered(camera) as written, Commanding(observer) as commands:
            await until(lambda: len(numbers) > RATE / 2)
            proxy.abandon()
            await until(lambda: not camera.is_connected())
            await until(camera.is_connected)
            await caught_up(numbers, written)
        await arrived(numbers, written.count, camera, observer)
        check_outcomes(await commands.ended(LIMIT))
        await check_that_all_is_back(camera, observer)
        seen.check()
        check_log(lines, "camera")


async def test_nothing_is_lost_when_the_broker_is_paused(mortal: Broker, lines: LogLines) -> None:
    camera = Camera("camera", url=mortal.url, outbox_messages=100_000, **SOON)
    observer = Camera("observer", url=mortal.url, **SOON)
    lines.follow(camera, observer)
    async with camera, observer, witness(mortal.url) as seen:
        numbers = numbers_from(observer)
        async with Numbered(camera) as written, Commanding(observer) as commands:
            await until(lambda: len(numbers) > RATE / 2)
            mortal.pause()
            before = written.count
            await asyncio.sleep(3)
            assert written.count - before > RATE  # writing goes on
            assert camera.stats["backlog"] > RATE
            mortal.resume()
            await caught_up(numbers, written)
        await arrived(numbers, written.count, camera, observer)
        check_outcomes(await commands.ended(LIMIT))
        await check_that_all_is_back(camera, observer)
        assert seen.check() == 0
        assert lines.of("asyncio", "aio_pika", "aiormq", "clu:camera", level=30) == []


async def test_nothing_is_lost_when_the_broker_is_paused_for_longer_than_a_heartbeat(
    mortal: Broker, lines: LogLines
) -> None:
    camera = Camera("camera", url=mortal.url, outbox_messages=100_000, **SOON_SEEN)
    observer = Camera("observer", url=mortal.url, **SOON_SEEN)
    lines.follow(camera, observer)
    async with camera, observer, witness(mortal.url) as seen:
        numbers = numbers_from(observer)
        async with Numbered(camera) as written, Commanding(observer) as commands:
            await until(lambda: len(numbers) > RATE / 2)
            mortal.pause()
            await until(lambda: not camera.is_connected())
            await asyncio.sleep(1)
            mortal.resume()
            await until(camera.is_connected)
            await caught_up(numbers, written)
        await arrived(numbers, written.count, camera, observer)
        check_outcomes(await commands.ended(LIMIT))
        await check_that_all_is_back(camera, observer)
        seen.check()
        check_log(lines, "camera")


async def test_an_attempt_to_connect_again_that_gets_no_answer_is_not_the_last(
    broker: Broker, proxy: Proxy, lines: LogLines
) -> None:
    camera = Camera("camera", url=proxy.url, connection_timeout=1.0)
    observer = Camera("observer", url=broker.url)
    lines.follow(camera, observer)
    async with camera, observer:
        numbers = numbers_from(observer)
        proxy.blackhole()
        proxy.cut()
        async with Numbered(camera) as written:
            await asyncio.sleep(2.5)
            assert not camera.is_connected()
            proxy.blackhole(False)
            await until(camera.is_connected)
        await arrived(numbers, written.count, camera, observer)
        await check_that_all_is_back(camera, observer)
        check_log(lines, "camera")


# -- the outbox -----------------------------------------------------------------------------


async def test_what_does_not_fit_into_the_outbox_is_counted_and_logged_once(
    broker: Broker, proxy: Proxy, lines: LogLines
) -> None:
    limit, count = 1000, 20_000
    camera = Camera("camera", url=proxy.url, outbox_messages=limit)
    lines.follow(camera)
    async with camera, Camera("observer", url=broker.url) as observer:
        numbers = numbers_from(observer)
        process = psutil.Process()
        for outage in range(2):
            numbers.clear()
            dropped = camera.stats["dropped"]
            await cut_off(camera, proxy)
            memory = process.memory_info().rss
            for number in range(count):
                camera.write("i", number=number, word="x" * 2000)
                if number % 100 == 0:
                    await asyncio.sleep(0)
                    assert camera.stats["backlog"] <= limit
            assert process.memory_info().rss - memory < 24 * 1024**2  # all of it would be 40 MB
            assert camera.stats["backlog"] == limit
            proxy.blackhole(False)
            lost = camera.stats["dropped"] - dropped
            assert lost == count - limit == camera.stats["dropped_outbox"] // (outage + 1)
            await arrived(numbers, limit, camera)
            await until(lambda: camera.stats["backlog"] == 0)
            said = [line for line in lines.of("clu:camera", level=30) if "connect" not in line]
            assert [line for line in said if "outbox is full" in line] == said[::2]
            assert len(said) == 2 * (outage + 1)
            assert f"{lost} were dropped" in said[-1]
        await check_ping(camera, observer)


async def cut_off(camera: Camera, proxy: Proxy) -> None:
    """Cut the connection of an actor, which cannot connect again for now."""
    proxy.blackhole()
    proxy.cut()
    await until(lambda: not camera.is_connected())


async def check_ping(camera: Camera, observer: Camera) -> None:
    assert await ping(observer, "camera") == "Pong."
    assert await ping(camera, "observer") == "Pong."


async def test_a_stream_that_overflows_loses_as_many_as_are_counted(
    mortal: Broker, lines: LogLines
) -> None:
    limit = RATE // 2
    size = limit * (len('{"number":1234}') + ITEM_COST)
    camera = Camera("camera", url=mortal.url, backlog_bytes=size)
    lines.follow(camera)
    async with camera, Camera("observer", url=mortal.url) as observer:
        numbers = numbers_from(observer)
        async with Numbered(camera) as written:
            await until(lambda: len(numbers) > 50)
            mortal.pause()
            await until(lambda: camera.stats["dropped"] > RATE)
            mortal.resume()
            published = camera.stats["published"]
            await until(lambda: camera.stats["published"] > published + limit)
        # The last one may be among the dropped, on a machine that is busy.
        await until(lambda: written.count - len(numbers) == camera.stats["dropped"])
        assert numbers == sorted(set(numbers))
        assert camera.stats["dropped"] == camera.stats["dropped_backlog"]
        # A line when it begins, and again only after half of the backlog has gone out.
        full = [line for line in lines.of("clu:camera", level=30) if "is full" in line]
        assert 1 <= len(full) <= 1 + camera.stats["published"] / (limit / 2)


async def test_bytes_in_the_outbox_are_limited(proxy: Proxy) -> None:
    camera = Camera("camera", url=proxy.url, outbox_bytes=100_000)
    async with camera:
        await cut_off(camera, proxy)
        for _ in range(30):
            camera.write("i", word="x" * 10_000)
        assert camera.stats["dropped"] == 21
        assert camera.stats["backlog_bytes"] < 100_000
        proxy.blackhole(False)
        await until(lambda: camera.stats["backlog"] == 0)


# -- commands -------------------------------------------------------------------------------


async def test_a_command_with_a_time_limit_ends_although_the_broker_stalls(proxy: Proxy) -> None:
    async with Camera("camera", url=proxy.url) as camera:
        proxy.hold()
        command = await asyncio.wait_for(
            camera.send_command("camera", "ping", time_limit=0.2), LIMIT
        )
        assert command.status.did_fail
        assert camera.running_commands == {}
        proxy.release()


async def test_a_command_whose_replies_are_lost_fails_with_a_reason(
    proxy: Proxy, broker: Broker
) -> None:
    client = AMQPClient("lonely", url=proxy.url, lost_command_limit=0.5)
    async with client, Camera("camera", url=broker.url):
        command = await client.send_command("camera", "sleep 1000", await_command=False)
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

    async with AMQPClient("waiting", url=proxy.url) as client:
        client.connection.timeout = 0.3
        proxy.hold()
        proxy.cut()
        await until(lambda: not client.is_connected())
        with pytest.raises(AMQPConnectionError, match="No answer from the broker"):
            await client.send_command("camera", "ping")
        assert client.running_commands == {}
        await until(lambda: client.stats["backlog"] == 0)
        proxy.release()


async def test_stop_does_not_wait_for_a_stalled_broker_for_ever(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu._amqp.connection._CLOSE_TIMEOUT", 0.3)
    monkeypatch.setattr("clu.client._STOP_TIMEOUT", 0.3)
    camera = await Camera("camera", url=proxy.url).start()
    proxy.hold()
    camera.write("i", number=1)
    sending = asyncio.create_task(camera.send_command("camera", "ping"))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(camera.stop(), 5)
    command = await asyncio.wait_for(sending, 5)
    assert command.status.did_fail
    assert command.replies.get("error") == "The client was stopped."
