"""What a client that floods and does not read costs an actor and its other clients.

``python benchmarks/flood.py`` measures each actor over TCP, on asyncio and uvloop, in a process of
its own. So it does a command of a megabyte. The limits are promised in ``docs/reliability.md``;
the tests see to what they follow from, the number of commands in a turn of the loop, without a
clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import click
import psutil
import uvloop

from clu import Command, JSONActor, LegacyActor
from clu.parsers.click import CluGroup, ping
from clu.testing import setup_test_actor

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTORS = {"json": JSONActor, "legacy": LegacyActor}
RUNNERS = {"asyncio": asyncio.run, "uvloop": uvloop.run}
MEGABYTE = 1024 * 1024
#: What docs/reliability.md promises: milliseconds, milliseconds, megabytes.
MOST = {"ping": 1000.0, "lag": 250.0, "memory": 32.0}
BEAT = 0.002
FLOODS = {
    "echo of 200 characters": "echo " + "x" * 200,
    "no such command": "nonsense",
    "never ends": "never",
}
LONG_COMMANDS = {"short words": "a ", "quoted": "'a b' ", "like options": "-f "}


@click.group(cls=CluGroup)
def command_parser(*args: Any) -> None:
    pass


command_parser.add_command(ping)


@command_parser.command()
@click.argument("text")
def echo(command: Command[Any], text: str) -> None:
    command.finish(text=text)


@command_parser.command()
async def never(command: Command[Any]) -> None:
    await asyncio.Event().wait()


@command_parser.command()
@click.argument("words", nargs=-1)
@click.option("--flag", "-f", is_flag=True)
def count(command: Command[Any], words: tuple[str, ...], flag: bool) -> None:
    command.finish(text=str(len(words)))


def make_actor(kind: str) -> Any:
    actor = ACTORS[kind]("flooded", host="localhost", port=0, additional_properties=True)
    actor.parser = command_parser
    actor.log.sh.setLevel(100)
    return actor


async def serve(kind: str) -> None:
    """Run an actor until a line comes, and print its longest lag in ms and its memory in MB."""
    actor = make_actor(kind)
    await actor.start()
    for _ in range(200):  # what is imported and cached with the first commands does not count
        await Command("ping", actor=actor, silent=True).parse()
    process = psutil.Process()
    before = process.memory_info().rss
    found = {"lag": 0.0, "memory": 0.0}

    async def watch() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(BEAT)
            found["lag"] = max(found["lag"], 1000 * (time.perf_counter() - start - BEAT))
            used = (process.memory_info().rss - before) / MEGABYTE
            found["memory"] = max(found["memory"], used)

    watching = asyncio.create_task(watch())
    print(actor.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    watching.cancel()
    print(json.dumps(found), flush=True)
    await actor.stop()


@contextlib.contextmanager
def flood(port: int, text: str, commands: int) -> Iterator[None]:
    """Send as many commands as the actor takes, and read nothing."""
    lines = b"".join(b"%d %s\n" % (number, text.encode()) for number in range(commands))
    deaf = socket.create_connection(("127.0.0.1", port))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def send() -> None:
        with contextlib.suppress(OSError):  # the actor may have cut it off
            deaf.sendall(lines)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            deaf.shutdown(socket.SHUT_RDWR)
        deaf.close()
        sending.join()


def longest_ping(port: int, pings: int) -> float:
    """Return the longest time in milliseconds that another client waits for an answer."""
    longest = 0.0
    with socket.create_connection(("127.0.0.1", port)) as good, good.makefile("rb") as replies:
        for _ in range(pings):
            start = time.perf_counter()
            good.sendall(b"1 ping\n")
            while b"Pong" not in replies.readline():
                pass
            longest = max(longest, 1000 * (time.perf_counter() - start))
            time.sleep(BEAT)
    return longest


def measure_flood(kind: str, loop: str, text: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--serve", "--actor", kind, "--loop", loop]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with flood(port, text, options.commands):
            longest = longest_ping(port, options.pings)
            out, _ = process.communicate("\n")
    return {"ping": longest, **json.loads(out)}


async def measure_long_command(word: str) -> float:
    """Return how many milliseconds it takes to run a command of a megabyte."""
    actor = await setup_test_actor(make_actor("json"))
    body = "count " + word * (MEGABYTE // len(word))
    start = time.perf_counter()
    command = await actor.invoke_mock_command(body)
    await command
    if not command.status.did_succeed:
        raise SystemExit(f"{word!r}: {actor.mock_replies}")
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actor", choices=ACTORS, nargs="+", default=list(ACTORS))
    parser.add_argument("--loop", choices=RUNNERS, nargs="+", default=list(RUNNERS))
    parser.add_argument("--commands", type=int, default=20_000, help="of a flood")
    parser.add_argument("--pings", type=int, default=200, help="of another client")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        RUNNERS[options.loop[0]](serve(options.actor[0]))
        return
    passed: list[str] = []
    print("| flood | actor | longest ping of another client (ms) | lag (ms) | memory (MB) |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, text in FLOODS.items():
        for kind in options.actor:
            for loop in options.loop:
                found = measure_flood(kind, loop, text, options)
                passed += [what for what, most in MOST.items() if found[what] >= most]
                cells = " | ".join(f"{found[what]:.1f}" for what in MOST)
                print(f"| {name} | {kind}, {loop} | {cells} |", flush=True)
    print("\n| command of a megabyte | ms |\n| --- | ---: |")
    for name, word in LONG_COMMANDS.items():
        print(f"| {name} | {asyncio.run(measure_long_command(word)):.0f} |")
    limits = f"{MOST['ping']:.0f} ms, {MOST['lag']:.0f} ms, {MOST['memory']:.0f} MB"
    print(f"\nLimits ({limits}): {'passed by ' + ', '.join(passed) if passed else 'kept'}.")


if __name__ == "__main__":
    main()
