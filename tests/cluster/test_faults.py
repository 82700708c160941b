"""Actors and clients of a cluster whose nodes are killed, or restarted one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, CommandStatus
from clu.exceptions import CluError
from tests.amqp.actors import Camera

from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from clu.client import AMQPReply

    from .nodes import Cluster

pytestmark = pytest.mark.timeout(400)

#: The seconds between two replies of the actor, and between two commands.
_REPLY_PERIOD, _COMMAND_PERIOD = 0.002, 0.05
_SOON: dict[str, Any] = {"lost_command_limit": 5.0, "heartbeat": 5, "connection_timeout": 10.0}


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who has several addresses begin with the first one."""
    monkeypatch.setattr(random, "shuffle", lambda _: None)


class _CountsLosses:
    """A mix-in for clients: how often the connection was lost."""

    losses = 0

    def _connection_lost(self, *args: Any) -> None:
        was_there = self._lost_at is None  # type: ignore[has-type]
        super()._connection_lost(*args)  # type: ignore[misc]
        self.losses += was_there and self._lost_at is not None  # type: ignore[has-type]


class LosingCamera(_CountsLosses, Camera):
    """An actor that counts losses."""


class Observer(_CountsLosses, AMQPClient):
    """A client that notes the numbers that the actor sends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.numbers: list[int] = []
        self.add_reply_callback(self._take)

    def _take(self, reply: AMQPReply) -> None:
        if "number" in reply.body:
            self.numbers.append(reply.body["number"])

    @property
    def gaps(self) -> int:
        """How often numbers are missing."""
        pairs = zip(self.numbers, self.numbers[1:], strict=False)
        return sum(after != before + 1 for before, after in pairs)


class Traffic:
    """An actor that writes numbers, observers of them, and a client that sends commands."""

    def __init__(self, addresses: list[list[str]]) -> None:
        actor, client, *observers = addresses
        self.actor = LosingCamera("camx", url=actor, **_SOON)
        self.client = Observer("client", url=client, **_SOON)
        self.observers = [
            Observer(f"observer{number}", url=url, **_SOON) for number, url in enumerate(observers)
        ]
        self.written = 0
        self.outcomes: list[bool] = []
        self._sent: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[Traffic]:
        async with contextlib.AsyncExitStack() as stack:
            for program in (*self.observers, self.client, self.actor):
                await stack.enter_async_context(program)
            tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._command())]
            await self.works()
            yield self
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*self._sent)  # each of them ends
            self.actor.write("i", number=self.written)
            for observer in (*self.observers, self.client):
                await until(lambda observer=observer: observer.numbers[-1] == self.written)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
            while self.written < (loop.time() - start) / _REPLY_PERIOD:
                self.actor.write("i", number=self.written)
                self.written += 1
            await asyncio.sleep(_REPLY_PERIOD)

    async def _command(self) -> None:
        while True:
            task = asyncio.create_task(self._ping())
            self._sent.add(task)
            task.add_done_callback(self._sent.discard)
            await asyncio.sleep(_COMMAND_PERIOD)

    async def _ping(self) -> None:
        done = False
        with contextlib.suppress(CluError):
            done = (await self.client.send_command("camx", "ping")).status is CommandStatus.DONE
        self.outcomes.append(done)

    async def works(self) -> None:
        """Wait until commands and replies pass again, for a while."""
        seen = len(self.outcomes)
        await until(lambda: len(self.outcomes) > seen + 20 and all(self.outcomes[-20:]))
        now = self.written
        for observer in (*self.observers, self.client):
            await until(lambda observer=observer: observer.numbers[-1:] >= [now])

    def check(self, logged: list[logging.LogRecord]) -> None:
        for observer in (*self.observers, self.client):
            assert observer.numbers == sorted(set(observer.numbers))  # in order, none twice
            # Who is away misses what is sent meanwhile, and nothing else.
            assert observer.gaps <= observer.losses
            assert observer.stats["dropped"] == 0
        assert self.actor.stats["dropped"] == 0
        for program in (self.actor, self.client, *self.observers):
            lines = [record.getMessage() for record in logged if record.name == program.log.name]
            assert len(lines) <= 2 * max(1, program.losses), lines


def from_node(urls: list[str], first: int) -> list[str]:
    return [*urls[first:], *urls[:first]]


@pytest.mark.parametrize("victim", ["actor", "client", "bystander"])
async def test_commands_and_replies_pass_again_when_a_node_is_killed(
    cluster: Cluster, caplog: pytest.LogCaptureFixture, victim: str
) -> None:
    caplog.set_level(logging.WARNING)
    urls = cluster.urls
    killed = {"actor": 0, "client": 1, "bystander": 2}[victim]
    # The first observer is at a node that stays.
    places = [from_node(urls, number) for number in (0, 1, (killed + 1) % 3, killed)]
    traffic = Traffic(places)
    async with traffic.run():
        caplog.clear()
        await asyncio.to_thread(cluster.kill, cluster.nodes[killed])
        await traffic.works()
    traffic.check(caplog.records)
    staying = traffic.observers[0]
    assert staying.losses == 0
    assert staying.numbers == list(range(traffic.written + 1))


async def test_commands_and_replies_pass_while_all_nodes_are_restarted(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    traffic = Traffic([from_node(cluster.urls, number) for number in (0, 1, 2, 0)])
    async with traffic.run():
        caplog.clear()
        for node in cluster.nodes:
            await asyncio.to_thread(cluster.restart, node)
            await traffic.works()
    traffic.check(caplog.records)


async def test_the_names_of_a_lost_node_are_taken_by_nobody_else(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue whose node is gone stays locked, so that its name is not to be had."""
    first = cluster.urls[0]
    lost = await Camera("camx", url=first).start()
    cluster.kill(cluster.nodes[0])
    await lost.stop()
    async with Camera("camx", url=cluster.urls[1:]) as camera:
        names = camera.stats["queues"]
        async with AMQPClient("client", url=cluster.urls[1:]) as client:
            command = await client.send_command("camx", "ping")
            assert command.status is CommandStatus.DONE
            assert client.stats["queues"] == {}
        with pytest.raises(CluError, match="another instance"):
            await Camera("camx", url=cluster.urls[1:]).start()
    assert set(names) == {"camx_replies", "camx_commands"}
    for known, name in names.items():
        assert name.startswith(f"{known}.")
        assert len(name) == len(known) + 9
        assert f"{known!r} is locked" in caplog.text
