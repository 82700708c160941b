"""Run 20,000 commands over TCP and print what they leave behind, as JSON.

Run by tests/test_leaks.py in a process of its own, so that nothing else is counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tracemalloc
from typing import Any

import click

import clu
from clu.parsers import _tasks
from clu.parsers.click import CluGroup, ping

COMMANDS = 20_000
BATCH = 500
# One that succeeds at once, later, one that fails, raises, is cut off, is unknown, is garbage.
MIX = [
    b"%d ping",
    b"%d later",
    b"%d fail",
    b"%d broken",
    b"%d slow",
    b"%d unknown",
    b'%d "open',
    b"%d \xff",
]


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


parser.add_command(ping)


@parser.command()
async def later(command: clu.Command[Any]) -> None:
    await asyncio.sleep(0)
    command.finish(text="later")


@parser.command()
async def fail(command: clu.Command[Any]) -> None:
    command.fail(error="no")


@parser.command()
async def broken(command: clu.Command[Any]) -> None:
    raise ValueError("broken")


@parser.command()
@clu.parsers.click.timeout(0.001)
async def slow(command: clu.Command[Any]) -> None:
    await asyncio.Event().wait()


class Actor(clu.JSONActor):
    """An actor with the commands above."""

    parser = parser


class LegacyActorOfTest(clu.LegacyActor):
    """The same with the other protocol."""

    parser = parser


def code_of(line: bytes) -> str:
    if line.startswith(b"{"):
        return str(json.loads(line)["header"]["message_code"])
    return line.split(b" ", 3)[2].decode()


async def run(port: int, count: int) -> int:
    """Send commands from a client and return how many were answered."""
    reader, writer = await asyncio.open_connection("localhost", port)
    answered = 0
    for start in range(0, count, BATCH):
        lines = [MIX[number % len(MIX)] % number for number in range(start, start + BATCH)]
        writer.write(b"\n".join(lines) + b"\n")
        pending = BATCH
        while pending:
            pending -= code_of(await reader.readline()) in ":f"
        answered += BATCH
    writer.close()
    await writer.wait_closed()
    return answered


def alive(kind: type) -> int:
    return sum(isinstance(item, kind) for item in gc.get_objects())


async def main() -> None:
    kind = LegacyActorOfTest if "legacy" in sys.argv else Actor
    actor: Any = kind("leaky", "localhost", port=0, additional_properties=True)
    actor.log.sh.setLevel(100)
    await actor.start()
    await run(actor.port, 4 * BATCH)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    answered = await run(actor.port, COMMANDS)
    await asyncio.sleep(0.1)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    found = {
        "answered": answered,
        "bytes_per_command": grown / COMMANDS,
        "commands": alive(clu.Command),
        "contexts": alive(click.Context),
        "tasks": len(asyncio.all_tasks()) - 1,  # without the task of this function
        "running_tasks": len(_tasks._running),
        "running_commands": len(actor._active_commands),
        "transports": len(actor.transports),
        "timers": len(getattr(asyncio.get_running_loop(), "_scheduled", [])),
    }
    await actor.stop()
    print(json.dumps(found))


if __name__ == "__main__":
    if "uvloop" in sys.argv:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
