"""Time that is skipped: what sleeps goes on at once, in order."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from clu import AMQPClient
from clu.exceptions import CluNotImplemented, CluRuntimeError
from clu.testing import MemoryBroker
from tests.amqp.actors import Camera, ping

if TYPE_CHECKING:
    from collections.abc import Coroutine

HOUR = 3600.0


def run(main: Coroutine[None, None, None]) -> None:
    """Run a test on asyncio."""
    asyncio.run(main)


def test_a_command_that_takes_hours_takes_no_time() -> None:
    async def main() -> None:
        async with (
            MemoryBroker() as bus,
            Camera("camera", url=bus.url),
            AMQPClient("client", url=bus.url) as client,
        ):
            before, start = asyncio.get_running_loop().time(), time.monotonic()
            async with bus.fast_forward():
                command = await client.send_command("camera", f"sleep {HOUR}")
            assert command.replies.get("text") == "slept"
            assert asyncio.get_running_loop().time() - before >= HOUR
            assert time.monotonic() - start < HOUR
            assert client.is_connected()
            assert await ping(client) == "Pong."

    run(main())


def test_what_sleeps_goes_on_in_order() -> None:
    order: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    async def main() -> None:
        with MemoryBroker() as bus:
            async with bus.fast_forward():
                await asyncio.gather(*map(sleep, (50, 3 * HOUR, 1, 20, HOUR)))

    run(main())
    assert order == [1, 20, 50, HOUR, 3 * HOUR]


def test_time_limits_come_in_time() -> None:
    async def main() -> None:
        async with (
            MemoryBroker() as bus,
            Camera("camera", url=bus.url),
            AMQPClient("client", url=bus.url) as client,
            bus.fast_forward(),
        ):
            long = client.send_command("camera", f"sleep {HOUR}", time_limit=HOUR / 2)
            short = client.send_command("camera", "sleep 10", time_limit=20)
            late, early = await asyncio.gather(long, short)
            assert early.status.did_succeed
            assert late.status.name == "TIMEDOUT"

    run(main())


@pytest.mark.endurance
def test_an_outage_of_an_hour_takes_no_time() -> None:
    async def main() -> None:
        async with (
            MemoryBroker() as bus,
            Camera("camera", url=bus.url) as camera,
            AMQPClient("client", url=bus.url) as client,
            bus.fast_forward(),
        ):
            start = time.monotonic()
            bus.faults.restart(HOUR)
            await asyncio.sleep(HOUR / 2)
            assert not camera.is_connected()
            await asyncio.sleep(HOUR / 2 + 30)
            assert await ping(client) == "Pong."
            bus.faults.delay("reply.#", HOUR, n=1)
            command = await client.send_command("camera", "ping", time_limit=2 * HOUR)
            assert command.status.did_succeed
            assert time.monotonic() - start < HOUR

    run(main())


def test_what_works_in_a_thread_is_waited_for() -> None:
    async def main() -> None:
        with MemoryBroker() as bus:
            async with bus.fast_forward():
                working = asyncio.to_thread(time.sleep, 0.2)
                await asyncio.wait_for(working, 0.3 + HOUR)

                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), HOUR)

    run(main())


def test_time_is_skipped_once() -> None:
    async def main() -> None:
        with MemoryBroker() as bus:
            async with bus.fast_forward():
                with pytest.raises(CluRuntimeError, match="already"):
                    async with bus.fast_forward():
                        pass
            start = time.monotonic()
            await asyncio.sleep(0.1)
            assert time.monotonic() - start > 0.09
            async with bus.fast_forward():
                await asyncio.sleep(HOUR)

    run(main())


def test_uvloop_says_that_it_cannot() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        with MemoryBroker() as bus:
            with pytest.raises(CluNotImplemented, match=r"uvloop\.Loop, which has a clock"):
                async with bus.fast_forward():
                    pass
            assert asyncio.get_running_loop().time() > 0

    uvloop.run(main())
