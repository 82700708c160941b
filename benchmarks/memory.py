#!/usr/bin/env python
"""Compare the memory of actors and clients with that of sdss-clu 2.6.1, on the same machine.

    python benchmarks/memory.py [--rounds R] [--write]

The figures are the resident memory of a process: of one that is idle, and by how much it grows with
clients that connect to an actor, and with commands that run in it. Each figure has a fresh process
(`memory_program.py`) in each round; the table has the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import report
from compare import ROOT, machine, write_readme
from private_broker import private_broker, recorded_release

import clu

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PROGRAM = Path(__file__).with_name("memory_program.py")
START, END = "<!-- memory:start -->", "<!-- memory:end -->"
KINDS = {"json": "JSONActor", "legacy": "LegacyActor", "amqp": "AMQPActor", "client": "AMQPClient"}
CLIENTS = 100
#: Fewer than an actor takes of one client.
COMMANDS_OF_CLIENT = 10
COMMANDS = CLIENTS * COMMANDS_OF_CLIENT
KIB, MIB = 1024, 1024**2
#: The seconds in which memory must stay the same to be taken, and how often one looks.
STEADY, PERIOD = 0.6, 0.1
#: The seconds that anything may take.
TIMEOUT = 200
IDLE, CLIENT, COMMAND = "idle", "client", "command"


@dataclass
class Build:
    """A clu to look at."""

    name: str
    python: Path
    environment: dict[str, str]


def builds(url: str, names: list[str]) -> list[Build]:
    environment = recorded_release.environment
    ours = {"PYTHONPATH": str(ROOT), "CLU_BENCHMARK_URL": url}
    python = Path(sys.executable)
    makers = {
        report.RECORDED: lambda: (recorded_release.make(), environment(CLU_BENCHMARK_URL=url)),
        report.COMPILED: lambda: (python, environment(**ours)),
        report.PURE: lambda: (python, environment(CLU_NO_EXTENSIONS="1", **ours)),
    }
    return [Build(name, *make()) for name, make in makers.items() if name in names]


@contextlib.contextmanager
def program(build: Build, kind: str) -> Iterator[tuple[psutil.Process, int]]:
    """Run the program; give its process and its port."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [build.python, PROGRAM, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=build.environment,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{build.name}: {KINDS[kind]} does not start")
            yield psutil.Process(process.pid), int(line)
        finally:
            process.stdin.close()
            process.kill()
            process.wait()
            process.stdout.close()


async def memory_of(process: psutil.Process) -> int:
    """Return the resident memory, once it does not change any more."""
    used, since, end = -1, 0.0, time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        now: int = process.memory_info().rss
        if now != used:
            used, since = now, time.monotonic()
        elif time.monotonic() - since > STEADY:
            break
        await asyncio.sleep(PERIOD)
    return used


async def read_until(reader: asyncio.StreamReader, mark: bytes, count: int) -> None:
    """Read until a line has come so many times that has the mark in it."""
    while count:
        count -= mark in await asyncio.wait_for(reader.readline(), TIMEOUT)


@contextlib.asynccontextmanager
async def tcp_clients(port: int) -> AsyncIterator[list[Any]]:
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS)]
    try:
        yield streams
    finally:
        for _, writer in streams:
            writer.close()


async def measure_tcp(build: Build, kind: str) -> dict[str, float]:
    with program(build, kind) as (process, port):
        idle = await memory_of(process)
        async with tcp_clients(port) as streams:
            connected = await memory_of(process)
            # Each has sent a command, and got its first reply, before commands are counted.
            running = b'"message_code": ">"' if kind == "json" else b" > "
            for reader, writer in streams:
                writer.write(b"1 ping\n")
                await read_until(reader, running, 1)
            used = await memory_of(process)
            for _, writer in streams:
                writer.write(b"".join(b"%d wait\n" % (2 + n) for n in range(COMMANDS_OF_CLIENT)))
            for reader, _ in streams:
                await read_until(reader, running, COMMANDS_OF_CLIENT)
            commanded = await memory_of(process)
    return {
        IDLE: idle / MIB,
        CLIENT: (connected - idle) / CLIENTS / KIB,
        COMMAND: (commanded - used) / COMMANDS / KIB,
    }


async def measure_amqp(build: Build, kind: str) -> dict[str, float]:
    with program(build, kind) as (process, _):
        figures = {IDLE: await memory_of(process) / MIB}
        if kind == "client":
            return figures
        client = clu.AMQPClient("memory", url=build.environment["CLU_BENCHMARK_URL"])
        client.log.setLevel("CRITICAL")
        async with client:
            await client.send_command("bench", "ping")
            used = await memory_of(process)
            sent = (
                client.send_command("bench", "wait", await_command=False) for _ in range(COMMANDS)
            )
            commands = [await command for command in sent]
            end = time.monotonic() + TIMEOUT
            while not all(command.replies for command in commands):
                if time.monotonic() > end:
                    raise TimeoutError("commands do not run")
                await asyncio.sleep(PERIOD)
            figures[COMMAND] = (await memory_of(process) - used) / COMMANDS / KIB
    return figures


def measure(builds: list[Build], rounds: int) -> dict[tuple[str, str, str], float]:
    """Return the medians, by the kind of actor, the figure and the build."""
    taken: dict[tuple[str, str, str], list[float]] = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for kind in KINDS:
            measure_kind = measure_tcp if kind in ("json", "legacy") else measure_amqp
            for build in builds:
                print(f"{KINDS[kind]}, {build.name}", file=sys.stderr, flush=True)
                for what, figure in asyncio.run(measure_kind(build, kind)).items():
                    taken.setdefault((kind, what, build.name), []).append(figure)
    return {key: statistics.median(figures) for key, figures in taken.items()}


TEXTS = {
    IDLE: "an idle {} (MiB)",
    CLIENT: "a client connected to a {} (KiB)",
    COMMAND: "a command that runs in a {} (KiB)",
}


def table(figures: dict[tuple[str, str, str], float], names: list[str]) -> str:
    rows = []
    for what, text in TEXTS.items():
        for kind, called in KINDS.items():
            found = [figures.get((kind, what, name)) for name in names]
            if any(figure is not None for figure in found):
                cells = ["-" if figure is None else f"{figure:.1f}" for figure in found]
                name = "process with an AMQPClient" if kind == "client" else called
                rows.append([text.format(name), *cells])
    return report.table(["resident memory of", *names], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes each (default 3)")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    parser.add_argument("--build", action="append", choices=report.BUILDS, help="only this build")
    options = parser.parse_args()
    with private_broker() as broker:
        compared = builds(broker.url, options.build or list(report.BUILDS))
        figures = measure(compared, options.rounds)
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    text = (
        f"{today}; {machine()}; {platform.python_implementation()} {platform.python_version()}; "
        f"`python benchmarks/memory.py --rounds {options.rounds}`; {CLIENTS} clients, "
        f"{COMMANDS:,} commands.\n\n{table(figures, [build.name for build in compared])}"
    )
    print(text)
    if options.write:
        write_readme(text, START, END)
    return 0


if __name__ == "__main__":
    sys.exit(main())
