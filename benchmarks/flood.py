"""The costs of a client that floods and does not read, for an actor and its other clients.

``python benchmarks/flood.py`` measures each actor over TCP, on asyncio and uvloop, in a process of
its own, and commands of a megabyte. ``docs/reliability.md`` promises the limits; the tests check,
without a clock, their cause: the number of commands in an iteration of the event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from pathlib import Path

from clu.testing import setup_test_actor

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.flooding import COMMANDS, FLOODS, BusyActor, flood
from tests.isolated.busy_actor import JSON

KINDS = ("json", "legacy")
LOOPS = ("asyncio", "uvloop")
MEGABYTE = 1024 * 1024
#: What docs/reliability.md promises: milliseconds, milliseconds, megabytes.
MOST = {"ping": 1000.0, "lag": 250.0, "memory": 32.0}
#: The seconds between two pings.
PAUSE = 0.002
LONG_COMMANDS = {"short words": "a ", "quoted": "'a b' ", "like options": "-f "}


def longest_ping(port: int, pings: int) -> float:
    """Return the longest time in seconds that another client waits for an answer."""
    longest = 0.0
    with socket.create_connection(("127.0.0.1", port)) as good, good.makefile("rb") as replies:
        for _ in range(pings):
            start = time.perf_counter()
            good.sendall(b"1 ping\n")
            while b"Pong" not in replies.readline():
                pass
            longest = max(longest, time.perf_counter() - start)
            time.sleep(PAUSE)
    return longest


def measure_flood(kind: str, loop: str, text: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the figures that `MOST` limits."""
    with BusyActor(kind, loop) as busy, flood(busy.port, text, options.commands):
        longest = longest_ping(busy.port, options.pings)
        found = busy.report()
    return {"ping": 1000 * longest, "lag": 1000 * found["lag"], "memory": found["megabytes"]}


async def measure_long_command(word: str) -> float:
    """Return how many seconds it takes to run a command of a megabyte."""
    actor = await setup_test_actor(JSON("busy", port=0, additional_properties=True))
    actor.log.sh.setLevel(100)
    body = "count " + word * (MEGABYTE // len(word))
    start = time.perf_counter()
    command = await actor.invoke_mock_command(body)
    await command
    if not command.status.did_succeed:
        raise SystemExit(f"{word!r}: {actor.mock_replies}")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actor", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--loop", choices=LOOPS, nargs="+", default=LOOPS)
    parser.add_argument("--commands", type=int, default=COMMANDS, help="of a flood")
    parser.add_argument("--pings", type=int, default=200, help="of another client")
    options = parser.parse_args()
    passed: set[str] = set()
    print("| flood | actor | longest ping of another client (ms) | lag (ms) | memory (MB) |")
    print("| --- | --- | ---: | ---: | ---: |")
    for name, text in FLOODS.items():
        for kind in options.actor:
            for loop in options.loop:
                found = measure_flood(kind, loop, text, options)
                passed |= {what for what, most in MOST.items() if found[what] >= most}
                cells = " | ".join(f"{found[what]:.1f}" for what in MOST)
                print(f"| {name} | {kind}, {loop} | {cells} |", flush=True)
    print("\n| command of a megabyte | ms |\n| --- | ---: |")
    for name, word in LONG_COMMANDS.items():
        print(f"| {name} | {1000 * asyncio.run(measure_long_command(word)):.0f} |")
    limits = f"{MOST['ping']:.0f} ms, {MOST['lag']:.0f} ms, {MOST['memory']:.0f} MB"
    print(f"\nLimits ({limits}): {'passed by ' + ', '.join(sorted(passed)) if passed else 'kept'}.")


if __name__ == "__main__":
    main()
