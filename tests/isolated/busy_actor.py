"""Run an actor, and report what its clients have cost it, as JSON, when a line comes from stdin.

Run by tests/reliability/test_peers.py in a process of its own, so that only the actor is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import click
import psutil

from clu import Command, JSONActor, LegacyActor
from clu.parsers.click import CluGroup, ping

BEAT = 0.005


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


parser.add_command(ping)


@parser.command()
@click.argument("text")
def echo(command: Command[Any], text: str) -> None:
    command.finish(text=text)


@parser.command()
async def never(command: Command[Any]) -> None:
    await asyncio.Event().wait()


@parser.command()
async def shout(command: Command[Any]) -> None:
    """Tell everybody 40 MB."""
    for number in range(4000):
        command.actor.write("i", text="x" * 10_000, number=number)
        if number % 10 == 9:
            await asyncio.sleep(0.004)
    command.finish(text="hoarse")


class JSON(JSONActor):
    parser = parser


class Legacy(LegacyActor):
    parser = parser


class Cost:
    """The memory of the process, and how long the loop was busy without a break."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.before = self.most = self.process.memory_info().rss
        self.longest = 0.0

    async def watch(self) -> None:
        while True:
            # The time that this thread computes does not depend on who else uses the machine.
            start = time.thread_time()
            await asyncio.sleep(BEAT)
            self.longest = max(self.longest, time.thread_time() - start)
            self.most = max(self.most, self.process.memory_info().rss)


async def main(kind: str) -> None:
    if kind == "json":
        actor: Any = JSON("busy", port=0, additional_properties=True)
    else:
        actor = Legacy("busy", "localhost", 0, additional_properties=True)
    actor.log.sh.setLevel(100)
    await actor.start()
    for _ in range(200):  # what is imported and cached with the first commands does not count
        await Command("ping", actor=actor, silent=True).parse()
    cost = Cost()
    watching = asyncio.create_task(cost.watch())
    print(actor.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    watching.cancel()
    found = {
        "megabytes": (cost.most - cost.before) / 1e6,
        "longest": cost.longest,
        "in_flight": len(actor._running_commands),
        "clients": len(actor.transports),
    }
    print(json.dumps(found), flush=True)
    await actor.stop()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(sys.argv[1]))
    else:
        asyncio.run(main(sys.argv[1]))
