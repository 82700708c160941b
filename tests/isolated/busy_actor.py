"""Run an actor, and report its costs as JSON when a line arrives on stdin.

Run by tests/flooding.py in a process of its own, so that only the actor is measured.
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

#: It makes replies of some 270 bytes.
TEXT = "x" * 170
#: The seconds between two looks.
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
@click.argument("words", nargs=-1)
@click.option("--flag", "-f", is_flag=True)
def count(command: Command[Any], words: tuple[str, ...], flag: bool) -> None:
    command.finish(text=str(len(words)))


@parser.command()
async def never(command: Command[Any]) -> None:
    await asyncio.Event().wait()


@parser.command()
async def shout(command: Command[Any]) -> None:
    """Broadcast 40 MB."""
    for number in range(4000):
        command.actor.write("i", text="x" * 10_000, number=number)
        if number % 10 == 9:
            await asyncio.sleep(0.004)
    command.finish(text="hoarse")


@parser.command()
@click.argument("number", type=int)
@click.option("--drain", is_flag=True)
async def tell(command: Command[Any], number: int, drain: bool) -> None:
    """Write replies, and let the loop run only if the client does not keep up."""
    for index in range(number):
        command.info(text=TEXT, number=index)
        if drain:
            await command.drain()
        if index % 1000 == 0:
            cost.look()
    command.finish()


class Iterations:
    """Counts the most commands in one iteration of the event loop, which serves all clients."""

    def __init__(self) -> None:
        self.commands = self.most = 0

    def take_command(self) -> None:
        if self.commands == 0:
            asyncio.get_running_loop().call_soon(self._end)
        self.commands += 1
        self.most = max(self.most, self.commands)

    def _end(self) -> None:
        self.commands = 0


class Counting:
    """Mix-in of actors that count the commands in one iteration of the event loop."""

    parser = parser
    iterations = Iterations()

    def new_command(self, *args: Any, **kwargs: Any) -> Any:
        self.iterations.take_command()
        return super().new_command(*args, **kwargs)


class JSON(Counting, JSONActor):
    pass


class Legacy(Counting, LegacyActor):
    pass


class Cost:
    """The memory of the process, in bytes, and the longest lag of the event loop, in seconds."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.lag = 0.0
        self.start()

    def start(self) -> None:
        self.before = self.memory = self.process.memory_info().rss

    async def watch(self) -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(BEAT)
            self.lag = max(self.lag, time.perf_counter() - start - BEAT)
            self.look()

    def look(self) -> None:
        self.memory = max(self.memory, self.process.memory_info().rss)


cost = Cost()


async def main(kind: str, limits: dict[str, Any]) -> None:
    if kind == "json":
        actor: Any = JSON("busy", port=0, additional_properties=True, **limits)
    else:
        actor = Legacy("busy", "localhost", 0, additional_properties=True, **limits)
    actor.log.sh.setLevel(100)
    await actor.start()
    for _ in range(200):  # what is imported and cached with the first commands does not count
        await Command("ping", actor=actor, silent=True).parse()
    cost.start()
    watching = asyncio.create_task(cost.watch())
    print(actor.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    watching.cancel()
    found = {
        "megabytes": (cost.memory - cost.before) / 1e6,
        "lag": cost.lag,
        "commands_in_an_iteration": actor.iterations.most,
        "in_flight": len(actor._active_commands),
    }
    print(json.dumps(found), flush=True)
    await actor.stop()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(sys.argv[1], json.loads(sys.argv[3])))
    else:
        asyncio.run(main(sys.argv[1], json.loads(sys.argv[3])))
