"""A million replies of one command: how many arrive, and what they cost the actor in memory.

``python benchmarks/million.py`` runs the actor in a process of its own, with a callback that never
awaits and with one that awaits ``command.drain()`` after each reply. ``docs/reliability.md`` names
the figures; tests with fewer replies are in ``tests/amqp/test_backlog.py`` and
``tests/reliability/``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import click
from private_broker import private_broker

import clu
from clu.parsers.click import CluGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLION = 1_000_000
TRANSPORTS = ("json", "legacy", "amqp")
SCHEMA = {"type": "object", "properties": {"number": {"type": "integer"}}}


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


@parser.command()
@click.argument("count", type=int)
async def burst(command: clu.Command[Any], count: int) -> None:
    for number in range(count):
        command.info(number=number)
    command.finish()


@parser.command()
@click.argument("count", type=int)
async def stream(command: clu.Command[Any], count: int) -> None:
    for number in range(count):
        command.info(number=number)
        await command.drain()
    command.finish()


def resident() -> float:
    """Return the memory of this process in MiB."""
    with open(f"/proc/{os.getpid()}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def peak() -> float:
    """Return the most memory that this process has had, in MiB."""
    # `getrusage` would count that of the parent before the program began.
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\s*(\d+) kB", status.read())[1]) / 1024


async def run_actor(transport: str, url: str) -> None:
    """Serve until a line comes, and print the port, then the memory above the start in MiB."""
    kind = {"json": clu.JSONActor, "legacy": clu.LegacyActor, "amqp": clu.AMQPActor}[transport]
    cls: Any = type("Million", (kind,), {"parser": parser, "schema": SCHEMA})
    where = {"url": url} if transport == "amqp" else {"host": "127.0.0.1", "port": 0}
    actor = await cls("million", **where).start()
    before = resident()
    print(getattr(actor, "port", 0), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(peak() - before, flush=True)
    await actor.stop()


@contextlib.contextmanager
def actor_process(transport: str, loop: str, url: str) -> Iterator[Any]:
    command = [sys.executable, __file__, "--serve", transport, "--loop", loop, "--url", url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def numbers_over_tcp(transport: str, port: int, text: str) -> Iterator[int]:
    """Run a command and yield the numbers in its replies."""
    with socket.create_connection(("127.0.0.1", port)) as server, server.makefile("rb") as lines:
        server.sendall(f"1 {text}\n".encode())
        for line in lines:
            if transport == "json":
                reply = json.loads(line)
                code, value = reply["header"]["message_code"], reply["data"].get("number")
            else:
                _, command_id, code, keywords = line.decode().split(" ", 3)
                value = int(keywords[7:]) if keywords.startswith("number=") else None
                code = code if command_id == "1" else "i"
            if value is not None:
                yield value
            if code in (":", "f"):
                return


async def count_over_amqp(url: str, text: str) -> int:
    """Run a command and return how many numbers arrived, in order."""
    count = 0

    def take(reply: Any) -> None:
        nonlocal count
        count += reply.body.get("number") == count

    async with clu.AMQPClient("observer", url=url) as client:
        client.add_reply_callback(take)
        await client.send_command("million", text)
    return count


def measure(transport: str, verb: str, loop: str, url: str, count: int) -> tuple[int, float, float]:
    """Return how many replies arrived in order, the seconds, and the MiB above the start."""
    with actor_process(transport, loop, url) as process:
        port = int(process.stdout.readline())
        start = time.perf_counter()
        if transport == "amqp":
            arrived = asyncio.run(count_over_amqp(url, f"{verb} {count}"))
        else:
            arrived = 0
            for number in numbers_over_tcp(transport, port, f"{verb} {count}"):
                arrived += number == arrived
        seconds = time.perf_counter() - start
        process.stdin.write("\n")
        process.stdin.flush()
        return arrived, seconds, float(process.stdout.readline())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--transport", choices=TRANSPORTS, nargs="+", default=TRANSPORTS)
    options.add_argument("--loop", choices=["asyncio", "uvloop"], default="uvloop")
    options.add_argument("--replies", type=int, default=MILLION)
    options.add_argument("--serve", choices=TRANSPORTS, help=argparse.SUPPRESS)
    options.add_argument("--url", default="", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        clu.run(run_actor(chosen.serve, chosen.url), loop=chosen.loop)
        return
    is_complete = True
    print("| actor | callback | arrived | a second | memory above the start (MiB) |")
    print("| --- | --- | ---: | ---: | ---: |")
    with private_broker() as broker:
        for transport in chosen.transport:
            for verb, name in (("burst", "never awaits"), ("stream", "drains")):
                arrived, seconds, memory = measure(
                    transport, verb, chosen.loop, broker.url, chosen.replies
                )
                is_complete &= arrived == chosen.replies
                rate = f"{arrived / seconds:,.0f}"
                print(f"| {transport} | {name} | {arrived:,} | {rate} | {memory:.0f} |", flush=True)
    sys.exit(not is_complete)


if __name__ == "__main__":
    main()
