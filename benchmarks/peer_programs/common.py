"""What the programs of all peers share: the two roles of a program, and the three workloads.

    python PROGRAM.py server             prints its address, and runs until its input is closed
    python PROGRAM.py client ADDRESS CASE --seconds S --server PID     prints figures as JSON

Only the standard library is used: each program runs in the environment of its peer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

AT_ONCE = 100
#: The updates that are written in one iteration of the event loop.
UPDATES_PER_TURN = 50
REPEATS = 5
#: The seconds that anything may take: messages that got lost do not come any more.
TIMEOUT = 60


class Client:
    """A client of a peer. A program derives one from it."""

    #: How many updates have arrived, the value of the last one, and what is done at `wanted`.
    count = 0
    last = 0.0
    wanted = 0
    arrived: asyncio.Future[None]

    async def ping(self) -> None:
        """Send a command, and wait until it is done."""
        raise NotImplementedError

    async def move(self) -> None:
        """Send ``move 5 --fast``, and wait until it is done; not every peer has such a thing."""
        raise NotImplementedError

    async def start_updates(self, number: int) -> None:
        """Make the server write this many updates, of which `take` is called with each value."""
        raise NotImplementedError

    def take(self, value: float) -> None:
        """Take an update."""
        self.count += 1
        self.last = value
        if self.count == self.wanted:
            self.arrived.set_result(None)

    async def updates(self, number: int) -> None:
        """Wait until this many updates have arrived, and check that the last is the last one."""
        self.count, self.wanted = 0, number
        self.arrived = asyncio.get_running_loop().create_future()
        await self.start_updates(number)
        await self.arrived
        if self.last != value(number - 1):
            raise AssertionError(f"the last of {number} updates is {self.last}")


def value(index: int) -> float:
    """The value of an update: those in a row differ, as readings of an instrument do."""
    return index % 64 / 8 - 110.25


async def write_updates(number: int, write: Callable[[float], Any]) -> None:
    """Write updates, and let the event loop send them now and then."""
    for index in range(number):
        write(value(index))
        if index % UPDATES_PER_TURN == UPDATES_PER_TURN - 1:
            await asyncio.sleep(0)


async def serially(client: Client, number: int) -> None:
    for _ in range(number):
        await client.ping()


async def at_once(client: Client, number: int) -> None:
    for _ in range(number // AT_ONCE):
        await asyncio.gather(*(client.ping() for _ in range(AT_ONCE)))


async def moves(client: Client, number: int) -> None:
    for _ in range(number):
        await client.move()


async def updates(client: Client, number: int) -> None:
    await client.updates(number)


#: The workloads, each with the step by which the number of operations grows.
CASES: dict[str, tuple[Any, int]] = {
    "ping": (serially, 1),
    "ping_100": (at_once, AT_ONCE),
    "updates": (updates, UPDATES_PER_TURN),
    "move": (moves, 1),
}


def cpu_of(process: int) -> float:
    """The seconds of processor time that a process has taken, or none where that is unknown."""
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
    return float("nan")


async def measure(client: Client, case: str, seconds: float, server: int) -> dict[str, float]:
    """Repeat a workload for some seconds; give what its fastest and its median repeat took."""
    work, step = CASES[case]
    number, spent = step, 0.0
    while spent < seconds / REPEATS / 2:  # which also warms up
        number *= 2
        start = perf_counter()
        await asyncio.wait_for(work(client, number), TIMEOUT)
        spent = perf_counter() - start
    number = max(step, round(number * seconds / REPEATS / spent) // step * step)
    walls = []
    before = process_time(), cpu_of(server)
    for _ in range(REPEATS):
        start = perf_counter()
        await asyncio.wait_for(work(client, number), TIMEOUT)
        walls.append((perf_counter() - start) / number * 1e6)
    after = process_time(), cpu_of(server)
    done = number * REPEATS
    walls.sort()
    return {
        "wall": walls[REPEATS // 2],
        "fastest": walls[0],
        "client": (after[0] - before[0]) / done * 1e6,
        "server": (after[1] - before[1]) / done * 1e6,
        "number": done,
    }


async def serve(server: Callable[[], AbstractAsyncContextManager[str]]) -> None:
    async with server() as address:
        print(address, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def use(
    client: Callable[[str], AbstractAsyncContextManager[Client]], options: argparse.Namespace
) -> None:
    async with client(options.address) as connected:
        figures = await measure(connected, options.case, options.seconds, options.server)
        print(json.dumps(figures), flush=True)


def main(
    server: Callable[[], AbstractAsyncContextManager[str]],
    client: Callable[[str], AbstractAsyncContextManager[Client]],
) -> None:
    """Run a program in one of its roles."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("role", choices=("server", "client"))
    parser.add_argument("address", nargs="?")
    parser.add_argument("case", nargs="?", choices=CASES)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--server", type=int, default=0)
    parser.add_argument("--core", type=int)
    parser.add_argument("--uvloop", action="store_true")
    options, _ = parser.parse_known_args()
    if options.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    run: Any = asyncio.run
    if options.uvloop:
        import uvloop

        run = uvloop.run
    run(serve(server) if options.role == "server" else use(client, options))


@contextlib.asynccontextmanager
async def stopped(thing: Any, address: str) -> AsyncIterator[str]:
    """Stop a server at the end."""
    try:
        yield address
    finally:
        await thing.stop()
