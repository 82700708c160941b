"""What a call of a `clu.remote.RemoteCommand` costs more than `send_command` of the same string.

Both are measured in one run, one by one in random order: `python benchmarks/remote_calls.py`. Once
without a broker: the client ends each command as soon as it would publish it, so that the
difference is exact. And once with an actor, in this process, on a broker of its own, where all of
it has left the caches of the processor before the next command. The figures are medians of the CPU
time of the process, which other processes disturb least.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
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


async def compare(client: clu.AMQPClient, camera: RemoteActor, number: int) -> list[float]:
    """Return the medians of both, and the difference, in microseconds."""

    async def send() -> None:
        command = await client.send_command("camera", TEXT)
        assert command.status.did_succeed

    async def call() -> None:
        result = await camera.expose(900, flavour="dark", note=["a b"])
        assert result.command == TEXT

    kinds = [send, call] * number
    random.shuffle(kinds)
    seconds: dict[Any, list[float]] = {send: [], call: []}
    for kind in [*kinds[: number // 5], *kinds]:
        start = process_time()
        await kind()
        seconds[kind].append(process_time() - start)
    sent, called = (statistics.median(seconds[kind][number // 10 :]) * 1e6 for kind in (send, call))
    return [sent, called, called - sent]


async def without_broker(number: int) -> list[float]:
    client = WithoutBroker("client")
    camera = await client.actor("camera", model=json.loads(command_to_json(parser)))
    return await compare(client, camera, number)


async def with_broker(url: str, number: int) -> list[float]:
    async with Camera("camera", url=url), clu.AMQPClient("client", url=url) as client:
        return await compare(client, await client.actor("camera"), number)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--number", type=int, default=10_000, help="commands of each kind")
    given = options.parse_args()
    print(f"{'us CPU for one':16} {'send_command':>14} {'call':>10} {'more':>8}")
    row = asyncio.run(without_broker(given.number))
    print(f"{'without broker':16} {row[0]:14.1f} {row[1]:10.1f} {row[2]:8.1f}")
    with private_broker() as broker:
        row = asyncio.run(with_broker(broker.url, given.number))
    print(f"{'with broker':16} {row[0]:14.1f} {row[1]:10.1f} {row[2]:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
