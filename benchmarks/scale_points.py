"""One point of a plot of `scale.py`, in processes of its own; prints the figures as JSON.

    python scale_points.py PLOT SERIES X [--seconds S] [--url URL] [--broker PID ...]

Each actor is a process, forked before there is an event loop; the clients, which are clu's own,
share this one. What is counted is processor time, by process, in the repeat that took least: it
depends less than the time on the clock on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import click
from peer_programs.common import cpu_of

import clu
from clu.parsers.click import command_parser
from clu.remote import JSONClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from multiprocessing.connection import Connection
    from typing import TypeAlias

    Work: TypeAlias = Callable[[int], Coroutine[Any, Any, None]]

#: The series of plots: the transport for most, the kind of message for actors on one broker.
TCP, AMQP = "TCP JSON", "AMQP"
UPDATES, COMMANDS = "updates of all", "commands to all"
#: The others are idle.
UPDATES_OF_ONE = "updates of one"
#: What differs from point to point, and what it is where something else differs.
KEYWORDS = 30
#: Where there are several actors, as many for each of them.
IN_FLIGHT = 100
IN_FLIGHT_EACH = 20
#: The keywords of an update. The first is in all of them, the others go through all there are.
KEYWORDS_OF_UPDATE = 5
VARIANTS = 1000
UPDATES_PER_TURN = 50
REPEATS = 5
#: The share of the seconds that a warm-up takes at least.
WARM_UP = 0.3
#: The updates of each actor in a repeat, at least: they are started by a command, which costs more.
LEAST_UPDATES = 200
#: And of all actors together.
LEAST_TOGETHER = 2000
#: The seconds that anything may take: messages that got lost do not come any more.
TIMEOUT = 60
#: Connections that are made at the same time.
CONNECTING = 10


@dataclass(frozen=True)
class Setting:
    """What a point consists of."""

    transport: str
    actors: int = 1
    followers: int = 1
    keywords: int = KEYWORDS
    in_flight: int = IN_FLIGHT
    #: Whether the clients keep a model of the keywords.
    models: bool = False
    message: str = UPDATES


def setting_of(plot: str, series: str, x: int) -> Setting:
    """Return what a point consists of."""
    if plot == "followers":
        return Setting(series, followers=x)
    if plot == "actors":
        return Setting(AMQP, actors=x, message=series, in_flight=IN_FLIGHT_EACH * x)
    if plot == "keywords":
        return Setting(series, keywords=x, models=series == AMQP)
    if plot == "in-flight":
        return Setting(series, in_flight=x, message=COMMANDS)
    raise ValueError(f"there is no plot {plot!r}")


def schema(keywords: int) -> dict[str, Any]:
    properties = {f"keyword_{index}": {"type": "number"} for index in range(keywords)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def update(index: int, keywords: int) -> dict[str, float]:
    """Return an update, whose first keyword tells which one it is."""
    others = KEYWORDS_OF_UPDATE - 1
    names = (1 + (index * others + each) % (keywords - 1) for each in range(others))
    return {"keyword_0": float(index), **{f"keyword_{name}": index / 8 for name in names}}


def add_burst(keywords: int) -> None:
    updates = [update(index, keywords) for index in range(VARIANTS)]

    @command_parser.command()
    @click.argument("count", type=int)
    async def burst(command: Any, count: int) -> None:
        for index in range(count):
            command.actor.write("i", updates[index % VARIANTS])
            if index % UPDATES_PER_TURN == UPDATES_PER_TURN - 1:
                await asyncio.sleep(0)
        command.finish()


def make_actor(name: str, setting: Setting, url: str) -> Any:
    keywords = schema(setting.keywords)
    if setting.transport == TCP:
        return clu.JSONActor(name, host="127.0.0.1", port=0, schema=keywords)
    return clu.AMQPActor(name, url=url, schema=keywords)


async def import_all(setting: Setting, url: str) -> None:
    """Import what an actor takes, once for all processes that are forked."""
    make_actor("none", setting, url)


async def serve(name: str, setting: Setting, url: str, parent: Connection) -> None:
    """Run an actor until it is killed."""
    add_burst(setting.keywords)
    actor = make_actor(name, setting, url)
    await actor.start()
    parent.send(actor.port if setting.transport == TCP else name)
    await asyncio.get_running_loop().create_future()


def run_actor(name: str, setting: Setting, url: str, parent: Connection, ours: Connection) -> None:
    ours.close()
    asyncio.run(serve(name, setting, url, parent))


class Actors:
    """The processes of the actors."""

    def __init__(self, setting: Setting, url: str) -> None:
        asyncio.run(import_all(setting, url))
        context = multiprocessing.get_context("fork")
        self.names = [f"bench{index}" for index in range(setting.actors)]
        #: Those that send messages.
        self.busy = self.names[:1] if setting.message == UPDATES_OF_ONE else self.names
        self.ends: list[Connection] = []
        self.processes: list[Any] = []
        for name in self.names:
            ours, theirs = context.Pipe()
            arguments = (name, setting, url, theirs, ours)
            process = context.Process(target=run_actor, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self.ends.append(ours)
            self.processes.append(process)

    def addresses(self) -> list[Any]:
        """Wait until all have started."""
        return [self._address(end) for end in self.ends]

    def _address(self, end: Connection) -> Any:
        if not end.poll(TIMEOUT):
            raise TimeoutError("an actor does not start")
        return end.recv()

    def cpu(self) -> float:
        """Return the processor time of those that send messages."""
        return sum(cpu_of(process.pid) for process in self.processes[: len(self.busy)])

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()


class Follower:
    """A client, and what it has got."""

    def __init__(self, client: Any, setting: Setting) -> None:
        self.client = client
        self.transport = setting.transport
        self.count = self.wanted = 0
        self.arrived: asyncio.Future[None] | None = None
        client.add_reply_callback(self.take)

    def take(self, reply: Any) -> None:
        if "keyword_0" not in reply.body:
            return
        self.count += 1
        if self.count == self.wanted and self.arrived is not None:
            self.arrived.set_result(None)

    def expect(self, count: int) -> asyncio.Future[None]:
        self.count, self.wanted = 0, count
        self.arrived = asyncio.get_running_loop().create_future()
        return self.arrived

    async def send(self, name: str, text: str) -> None:
        if self.transport == TCP:
            command = await self.client.send_command(text)
        else:
            command = await (await self.client.send_command(name, text))
        if not command.status.did_succeed:
            raise AssertionError(f"{text} failed: {command.replies}")


@contextlib.asynccontextmanager
async def followers(
    setting: Setting, url: str, addresses: list[Any]
) -> AsyncIterator[list[Follower]]:
    """Start the clients, some at a time."""
    limit = asyncio.Semaphore(CONNECTING)

    async def start(index: int) -> Any:
        if setting.transport == TCP:
            client: Any = JSONClient("127.0.0.1", addresses[0])
        else:
            models = addresses if setting.models else []
            client = clu.AMQPClient(f"follower{index}", url=url, models=models)
        async with limit:
            await client.start()
        return client

    clients = await asyncio.gather(*(start(index) for index in range(setting.followers)))
    try:
        yield [Follower(client, setting) for client in clients]
    finally:
        await asyncio.gather(*(client.stop() for client in clients))


def updates_of(setting: Setting, actors: list[str], clients: list[Follower]) -> Work:
    """Return what makes this number of updates arrive, at all followers together."""

    async def work(number: int) -> None:
        each = number // len(actors) // len(clients)
        arrivals = [client.expect(each * len(actors)) for client in clients]
        await asyncio.gather(*(clients[0].send(name, f"burst {each}") for name in actors))
        await asyncio.gather(*arrivals)

    return work


def commands_of(setting: Setting, actors: list[str], clients: list[Follower]) -> Work:
    """Return what sends this number of commands, as many as the setting says in flight."""

    async def sender(numbers: Any) -> None:
        for number in numbers:
            await clients[0].send(actors[number % len(actors)], "ping")

    async def work(number: int) -> None:
        numbers = iter(range(number))  # which all senders share
        await asyncio.gather(*(sender(numbers) for _ in range(setting.in_flight)))

    return work


async def measure(
    work: Work, step: int, seconds: float, actors: Actors, broker: list[int]
) -> dict[str, float]:
    """Repeat the work for some seconds, and return what one message took of what, in us."""
    number, spent = step, 0.0
    while spent < WARM_UP * seconds:
        start = perf_counter()
        await asyncio.wait_for(work(number), TIMEOUT)
        spent = perf_counter() - start
        number *= 2
    number = max(step, round(number / 2 * seconds / REPEATS / spent) // step * step)

    def clocks() -> tuple[float, ...]:
        pids = sum(cpu_of(pid) for pid in broker)
        return perf_counter(), process_time(), actors.cpu(), pids

    taken = []
    for _ in range(REPEATS):
        before = clocks()
        await asyncio.wait_for(work(number), TIMEOUT)
        taken.append([(b - a) / number * 1e6 for a, b in zip(before, clocks(), strict=True)])
    walls, *cpu = zip(*taken, strict=True)
    clients, of_actors, of_broker = map(min, cpu)
    return {
        "wall": statistics.median(walls),
        "clients": clients,
        "actors": of_actors,
        "broker": of_broker,
        "number": number * REPEATS,
    }


async def run(
    setting: Setting, actors: Actors, url: str, seconds: float, broker: list[int]
) -> dict[str, float]:
    addresses = actors.addresses()
    async with followers(setting, url, addresses) as clients:
        if setting.message == COMMANDS:
            work = commands_of(setting, actors.names, clients)
            step = setting.in_flight
        else:
            work = updates_of(setting, actors.busy, clients)
            each = max(LEAST_UPDATES * len(actors.busy), UPDATES_PER_TURN * setting.followers)
            step = max(each, LEAST_TOGETHER)
        for name in actors.names:  # an actor has accepted a connection when it answers
            await asyncio.gather(*(client.send(name, "ping") for client in clients))
        return await measure(work, step, seconds, actors, broker)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plot")
    parser.add_argument("series")
    parser.add_argument("x", type=int)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--url", default=os.environ.get("CLU_BENCHMARK_URL", ""))
    parser.add_argument("--broker", type=int, action="append", default=[])
    options = parser.parse_args()
    setting = setting_of(options.plot, options.series, options.x)
    actors = Actors(setting, options.url)
    try:
        figures = asyncio.run(run(setting, actors, options.url, options.seconds, options.broker))
    finally:
        actors.stop()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
