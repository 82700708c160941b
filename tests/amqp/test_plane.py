"""When the data plane publishes again after a loss, with channels that are as ready as they say."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from unittest.mock import AsyncMock

from clu._amqp.backlog import Backlog
from clu._amqp.plane import DataPlane


class Channel:
    """A channel of aio_pika, which is restored or not."""

    def __init__(self) -> None:
        self.restored = asyncio.Event()
        self.restored.set()

    async def ready(self) -> None:
        await self.restored.wait()


async def test_nothing_is_published_before_the_queues_are_back() -> None:
    log = logging.getLogger("clu")
    plane: Any = DataPlane("ex", log, Backlog(log, 1, 1, 1))
    plane._channel, topology = Channel(), Channel()
    plane._topology = topology
    plane._attach = AsyncMock(return_value=True)
    waits = asyncio.Event()

    async def ready() -> None:
        await Channel.ready(topology)
        waits.set()

    topology.ready = ready  # type: ignore[method-assign]
    recovery = asyncio.create_task(plane._try_again())
    await waits.wait()  # aio_pika has not seen the loss yet
    waits.clear()
    topology.restored.clear()
    await asyncio.wait([recovery], timeout=0.2)
    plane._attach.assert_not_awaited()
    topology.restored.set()
    await recovery
    plane._attach.assert_awaited_once()
