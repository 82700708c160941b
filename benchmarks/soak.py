#!/usr/bin/env python
"""Run an AMQP actor and a client for minutes or hours, and check that nothing is lost or grows.

    python benchmarks/soak.py [--minutes M] [--rate R] [--fault-every S] [--cluster]

It starts a private broker. The client sends commands to the actor at a steady rate: commands with
several replies, with a time limit, cancelled ones and unroutable ones; meanwhile the actor writes
numbered broadcasts. At intervals the broker is killed and started again, or the connection is cut.
With ``--cluster`` there are three nodes of RabbitMQ 4.3 (`make test-brokers` gets it), of which any
one is killed; a client then misses what is sent while it is on its way to another one.
The exit status is 1 when a reply was lost or delivered twice, a command was left, or memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from private_broker import private_broker

import clu
from clu import AMQPActor, AMQPClient, Command
from clu.exceptions import CluConnectionError
from clu.parsers.click import command_parser

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.cluster.nodes import Cluster
from tests.proxy import Proxy

import click  # isort: skip

REPLIES = 5
MEGABYTE = 1024**2
#: The part of the run in which memory is not judged: caches fill, and outages make holes in it.
WARM_UP = 0.5
#: Less than this many megabytes is no growth, however steep it looks in a short run.
NOISE = 4.0
#: A command that ended last may still be in use somewhere.
STRAY_COMMANDS = 2
SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "step": {"type": "integer"}},
    "additionalProperties": False,
}


@command_parser.command()
@click.argument("steps", type=int)
def count(command: Command[Any], steps: int) -> None:
    for step in range(steps):
        command.info(step=step)
    command.finish()


@command_parser.command()
@click.argument("seconds", type=float)
async def wait(command: Command[Any], seconds: float) -> None:
    await asyncio.sleep(seconds)
    command.finish()


class Soak:
    """The actor, the client, what they do and what was observed."""

    def __init__(self, actor: AMQPActor, client: AMQPClient, rate: float) -> None:
        self.actor = actor
        self.client = client
        self.rate = rate
        self.outcomes: Counter[str] = Counter()
        self.written = self.received = self.twice = self.lost = self.broken_sequences = 0
        self.faults = self.missed = 0
        self._was_away = False
        self.worst_lag = 0.0
        self.memory: list[tuple[float, float]] = []
        self.commands: set[asyncio.Task[None]] = set()
        self._next = 0
        client.add_reply_callback(self._take)

    def watch_losses(self) -> None:
        """Count what the client misses while it has no queue as missed, and not as lost."""
        self.client.connection.connection.reconnect_callbacks.add(self._is_back)

    def _is_back(self, *_: Any) -> None:
        self._was_away = True

    def _take(self, reply: Any) -> None:
        number = reply.body.get("number")
        if number is None or reply.sender != self.actor.name:
            return
        self.received += 1
        if number < self._next:
            self.twice += 1
        else:
            gap, self._next = number - self._next, number + 1
            if self._was_away:
                self.missed += gap
            else:
                self.lost += gap
        self._was_away = False

    async def broadcast(self) -> None:
        while True:
            self.actor.write("i", number=self.written)
            self.written += 1
            await asyncio.sleep(1 / self.rate)

    async def command(self) -> None:
        kinds = (self.several, self.several, self.limited, self.cancelled, self.unroutable)
        while True:
            task = asyncio.create_task(self.run(random.choice(kinds)))
            self.commands.add(task)
            task.add_done_callback(self.commands.discard)
            await asyncio.sleep(1 / self.rate)

    async def run(self, kind: Any) -> None:
        try:
            self.outcomes[await kind()] += 1
        except CluConnectionError:
            self.outcomes["not sent"] += 1

    async def several(self) -> str:
        command = await self.client.send_command("soak", f"count {REPLIES}", time_limit=60)
        if not command.status.did_succeed:
            return "failed in an outage" if self.faults else "failed"
        steps = [reply.message["step"] for reply in command.replies if "step" in reply.message]
        self.broken_sequences += steps != list(range(REPLIES))
        return "done"

    async def limited(self) -> str:
        command = await self.client.send_command("soak", "wait 0.2", time_limit=0.05)
        return "timed out" if command.status.did_fail else "not timed out"

    async def cancelled(self) -> str:
        sending = asyncio.create_task(self.client.send_command("soak", "wait 0.1"))
        await asyncio.sleep(0.05)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, CluConnectionError):
            await sending
        return "cancelled"

    async def unroutable(self) -> str:
        command = await self.client.send_command("nobody", "ping", time_limit=60)
        return "unroutable" if command.status.did_fail else "answered by nobody"

    async def tick(self) -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(0.01)
            self.worst_lag = max(self.worst_lag, time.monotonic() - start - 0.01)

    def measure_memory(self, elapsed: float) -> float:
        used = psutil.Process().memory_info().rss / MEGABYTE
        self.memory.append((elapsed, used))
        return used

    def late_memory(self) -> list[tuple[float, float]]:
        end = self.memory[-1][0]
        return [point for point in self.memory if point[0] >= WARM_UP * end]

    def growth(self) -> float:
        """Megabytes an hour, by a straight line through what was measured after the warm-up."""
        late = self.late_memory()
        if len(late) < 3:
            return 0.0
        return 3600 * statistics.linear_regression(*zip(*late, strict=True)).slope

    def grows(self, limit: float) -> bool:
        """Whether memory grew by more than the limit, in megabytes an hour, and than noise."""
        late = [used for _, used in self.late_memory()]
        return self.growth() > limit and late[-1] - late[0] > NOISE

    def line(self, elapsed: float) -> str:
        return (
            f"{elapsed:7.0f} s  {self.memory[-1][1]:6.1f} MB  {sum(self.outcomes.values()):8,} "
            f"commands  {self.received:8,} of {self.written:,} broadcasts  {self.lost} lost  "
            f"{self.twice} twice  {self.faults} faults  lag {1000 * self.worst_lag:.0f} ms  "
            f"{len(asyncio.all_tasks())} tasks"
        )


async def break_things(soak: Soak, broker: Any, proxy: Proxy, period: float) -> None:
    """Cut the actor's connection, and every third time kill the broker."""
    while True:
        await asyncio.sleep(period)
        soak.faults += 1
        if soak.faults % 3:
            proxy.cut()
        else:
            await asyncio.to_thread(broker.stop)
            await asyncio.sleep(2)
            await asyncio.to_thread(broker.start)


async def wait_until_idle(soak: Soak, limit: float) -> None:
    """Wait until no command is running and no reply is in flight."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        arrived = soak.received + soak.missed >= soak.written
        if not soak.commands and arrived and not soak.actor.stats["backlog"]:
            return
        await asyncio.sleep(0.1)


def objects(kind: type) -> int:
    gc.collect()
    return sum(isinstance(thing, kind) for thing in gc.get_objects())


async def left_of(before: int, limit: float = 5) -> int:
    """Return how many Command objects there are more than before.

    The actor may still run what the client has given up.
    """
    end = time.monotonic() + limit
    while (left := objects(Command) - before) > 0 and time.monotonic() < end:
        await asyncio.sleep(0.2)
    return left


async def kill_nodes(soak: Soak, cluster: Cluster, period: float) -> None:
    """Kill any one node, and start it again some seconds later."""
    while True:
        await asyncio.sleep(period)
        soak.faults += 1
        await asyncio.to_thread(cluster.kill, random.choice(cluster.nodes))
        await asyncio.sleep(5)
        await asyncio.to_thread(cluster.start)


async def soak_for(options: argparse.Namespace, broker: Any) -> int:
    arguments: dict[str, Any] = {"outbox_messages": 1_000_000}
    is_cluster = isinstance(broker, Cluster)
    async with contextlib.AsyncExitStack() as stack:
        if is_cluster:
            actor_url = client_url = broker.urls
        else:
            proxy = await stack.enter_async_context(Proxy(broker.port))
            actor_url, client_url = proxy.url, broker.url
        actor = AMQPActor("soak", url=actor_url, schema=SCHEMA, **arguments)
        client = AMQPClient("client", url=client_url, **arguments)
        for log in (actor.log, client.log):
            log.setLevel(options.log_level)
        async with actor, client:
            soak = Soak(actor, client, options.rate)
            before = objects(Command)
            jobs = [soak.broadcast(), soak.command(), soak.tick()]
            if is_cluster:
                soak.watch_losses()
            if options.fault_every and is_cluster:
                jobs.append(kill_nodes(soak, broker, options.fault_every))
            elif options.fault_every:
                jobs.append(break_things(soak, broker, proxy, options.fault_every))
            tasks = [asyncio.create_task(job) for job in jobs]
            start = time.monotonic()
            while (elapsed := time.monotonic() - start) < 60 * options.minutes:
                await asyncio.sleep(min(options.report_every, 60 * options.minutes - elapsed))
                soak.measure_memory(time.monotonic() - start)
                print(soak.line(time.monotonic() - start), flush=True)
                if any(task.done() for task in tasks):
                    break
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if not isinstance(result, asyncio.CancelledError):
                    raise RuntimeError("a part of the soak ended") from result
            if is_cluster or not broker.is_running:
                await asyncio.to_thread(broker.start)
            await wait_until_idle(soak, 90)
            return report(soak, options, await left_of(before))


def report(soak: Soak, options: argparse.Namespace, commands_left: int) -> int:
    growth = soak.growth()
    missing = soak.written - soak.received - soak.missed + soak.twice
    rows: list[tuple[str, str, bool]] = [
        ("broadcasts written", f"{soak.written:,}", True),
        ("broadcasts lost", f"{missing:,}", missing == 0),
        ("broadcasts missed while the client was away", f"{soak.missed:,}", True),
        ("broadcasts delivered twice", f"{soak.twice:,}", soak.twice == 0),
        ("commands whose replies were not in order", f"{soak.broken_sequences}", True),
        ("replies dropped by the outbox", f"{soak.actor.stats['dropped']:,}", True),
        ("faults", f"{soak.faults}", True),
        *((f"commands: {name}", f"{n:,}", True) for name, n in soak.outcomes.most_common()),
        ("commands that hang", f"{len(soak.commands)}", not soak.commands),
        ("running commands left", f"{len(soak.client.running_commands)}", True),
        ("Command objects left", f"{commands_left}", commands_left <= STRAY_COMMANDS),
        ("tasks left", f"{len(asyncio.all_tasks())}", True),
        ("memory", f"{soak.memory[0][1]:.1f} to {soak.memory[-1][1]:.1f} MB", True),
        ("growth of memory, second half", f"{growth:+.1f} MB/h", not soak.grows(options.growth)),
        ("worst lag of the loop", f"{1000 * soak.worst_lag:.0f} ms", True),
    ]
    width = max(len(name) for name, *_ in rows)
    print(f"\nclu {clu.__version__}, {options.minutes:g} minutes, {options.rate:g} a second")
    for name, value, is_good in rows:
        print(f"  {name:{width}}  {value:>18}{'' if is_good else '   <-- not as it should be'}")
    return int(not all(is_good for *_, is_good in rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--minutes", type=float, default=10, help="how long (default 10)")
    add("--rate", type=float, default=50, help="commands and broadcasts a second (default 50)")
    add("--fault-every", type=float, default=60, help="seconds between faults, 0 for none")
    add("--report-every", type=float, default=10, help="seconds between two lines (default 10)")
    add("--growth", type=float, default=20, help="megabytes an hour that are too much (default 20)")
    add("--cluster", action="store_true", help="three nodes, of which any one is killed")
    add("--uvloop", action="store_true", help="run on uvloop")
    add("--log-level", default="CRITICAL", help="of the actor and the client (default CRITICAL)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        if options.cluster:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            broker: Any = Cluster(Path(directory))
            stack.callback(broker.stop)
            broker.start()
        else:
            broker = stack.enter_context(private_broker())
        if options.uvloop:
            import uvloop

            return int(uvloop.run(soak_for(options, broker)))
        return asyncio.run(soak_for(options, broker))


if __name__ == "__main__":
    sys.exit(main())
