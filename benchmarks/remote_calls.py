"""What a call of a `clu.remote.RemoteCommand` costs more than `send_command` of the same string.

Both are measured in one run, in turns: `python benchmarks/remote_calls.py`. Once without a broker:
the client ends each command as soon as it would publish it, so that the difference is exact. And
once with an actor, in this process, on a broker of its own, where it drowns in what the rest takes.
The figures are CPU time of the process, which other processes disturb least.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
from time import process_time
from typing import TYPE_CHECKING, Any

import click
from private_broker import private_broker
from unclick import command_to_json

import clu
from clu.parsers.click import CluGroup, get_command_model, ping, version
from clu.tools import CommandStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from clu.remote import RemoteActor

TEXT = "expose --flavour dark --note 'a b' 900"


@click.group(cls=CluGroup)
def parser() -> None:
    pass


for builtin in (ping, version, get_command_model):
    parser.add_command(builtin)


@parser.command()
@click.argument("exposure_time", type=click.FloatRange(0, 3600))
@click.option("--flavour", type=click.Choice(["bias", "dark", "object"]), default="object")
@click.option("--note", multiple=True)
@click.option("--count", type=int, default=1)
def expose(command: Any, exposure_time: float, **options: Any) -> None:
    """Expose."""
    command.finish()


class Camera(clu.AMQPActor):
    parser = parser


class WithoutBroker(clu.AMQPClient):
    """Ends each command instead of publishing it."""

    async def _send(self, sent: Any, consumer: str) -> None:
        self.running_commands.add(sent)
        sent.set_status(CommandStatus.RUNNING)
        sent.set_status(CommandStatus.DONE)


async def seconds_of(call: Callable[[], Awaitable[Any]], number: int) -> float:
    start = process_time()
    for _ in range(number):
        await call()
    return (process_time() - start) / number


async def compare(
    client: clu.AMQPClient, camera: RemoteActor, rounds: int, number: int
) -> list[float]:
    """Return the medians of both, and of their difference in each round, in microseconds."""

    async def send() -> None:
        command = await client.send_command("camera", TEXT)
        assert command.status.did_succeed

    async def call() -> None:
        result = await camera.expose(900, flavour="dark", note=["a b"])
        assert result.command == TEXT

    await seconds_of(send, number)
    await seconds_of(call, number)
    samples: list[tuple[float, float]] = []
    for index in range(rounds):
        gc.collect()
        if index % 2:
            called, sent = await seconds_of(call, number), await seconds_of(send, number)
        else:
            sent, called = await seconds_of(send, number), await seconds_of(call, number)
        samples.append((sent, called))
    columns = [*zip(*samples, strict=True), [called - sent for sent, called in samples]]
    return [statistics.median(column) * 1e6 for column in columns]


async def without_broker(rounds: int, number: int) -> list[float]:

    client = WithoutBroker("client")
    camera = await client.actor("camera", model=json.loads(command_to_json(parser)))
    return await compare(client, camera, rounds, number)


async def with_broker(url: str, rounds: int, number: int) -> list[float]:
    async with Camera("camera", url=url), clu.AMQPClient("client", url=url) as client:
        return await compare(client, await client.actor("camera"), rounds, number)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=41)
    options.add_argument("--number", type=int, default=1000, help="commands in a round")
    given = options.parse_args()
    print(f"{'us CPU for one':16} {'send_command':>14} {'call':>10} {'more':>8}")
    row = asyncio.run(without_broker(given.rounds, given.number))
    print(f"{'without broker':16} {row[0]:14.1f} {row[1]:10.1f} {row[2]:8.1f}")
    with private_broker() as broker:
        row = asyncio.run(with_broker(broker.url, given.rounds, max(given.number // 10, 1)))
    print(f"{'with broker':16} {row[0]:14.1f} {row[1]:10.1f} {row[2]:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
