"""Nothing is lost while everybody is well: what is written faster than the broker takes it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import AMQPActor, AMQPClient, Command
from clu.parsers import click as parsers

from ..conftest import HAS_UVLOOP
from ..waiting import until
from .actors import SCHEMA, codes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker


@click.group(cls=parsers.CluGroup)
def parser(*args: Any) -> None:
    pass


@parser.command()
@click.argument("count", type=int)
async def burst(command: Command[Any], count: int) -> None:
    """Writes without awaiting anything."""
    for number in range(count):
        command.info(number=number)
    command.finish()


@parser.command()
@click.argument("count", type=int)
async def stream(command: Command[Any], count: int) -> None:
    for number in range(count):
        command.info(number=number)
        await command.drain()
    command.finish()


class Burst(AMQPActor):
    parser = parser
    schema = SCHEMA


@pytest.fixture
async def actor(broker: Broker) -> AsyncIterator[Burst]:
    async with Burst("burst", url=broker.url) as actor:
        yield actor


def numbers_of(command: Command[Any]) -> list[int]:
    return [reply.message["number"] for reply in command.replies if "number" in reply.message]


async def test_a_callback_that_does_not_await_loses_no_reply(
    actor: Burst, client: AMQPClient
) -> None:
    command = await asyncio.wait_for(client.send_command("burst", "burst 12000"), 60)
    assert command.status.did_succeed
    assert numbers_of(command) == list(range(12_000))
    assert actor.stats["dropped"] == 0
    assert actor.stats["backlog_peak"] > 12_000 * 100
    await until(lambda: actor.stats["backlog_bytes"] == 0)


async def test_drain_keeps_the_backlog_small(actor: Burst, client: AMQPClient) -> None:
    command = await asyncio.wait_for(client.send_command("burst", "stream 20000"), 60)
    assert numbers_of(command) == list(range(20_000))
    assert actor.stats["backlog_peak"] < 1.1 * 1024 * 1024


async def test_of_more_than_fits_the_first_and_last_reply_arrive_and_how_many_do_not(
    broker: Broker, client: AMQPClient, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Burst("burst", url=broker.url, backlog_bytes=200_000) as actor:
        command = await asyncio.wait_for(client.send_command("burst", "burst 5000"), 60)
        assert command.status.did_succeed
        numbers = numbers_of(command)
        assert numbers == list(range(len(numbers)))
        dropped = 5000 - len(numbers)
        assert dropped == actor.stats["dropped"] == actor.stats["dropped_backlog"] > 0
        assert codes(command)[0] == ">"
        assert codes(command)[-2:] == ["w", ":"]
        text = f"{dropped} replies of this command were dropped."
        assert command.replies[-2].message == {"text": text}
        said = capsys.readouterr().err
        assert "The broker is slow" in said
        assert "The backlog is full" in said
        assert "Logging error" not in said
        again = await asyncio.wait_for(client.send_command("burst", "burst 10"), 60)
        assert codes(again) == [">", *["i"] * 10, ":"]


ACTOR = """
import asyncio, sys
import clu
from tests.amqp.test_backlog import Burst

async def main():
    actor = await Burst("burst", url=sys.argv[1]).start()
    print("started", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    stats = actor.stats
    await actor.stop()
    print(stats["dropped"], flush=True)

clu.run(main(), loop=sys.argv[2])
"""


@pytest.mark.rabbitmq
@pytest.mark.parametrize("loop", ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])])
@pytest.mark.parametrize("has_stream", [False, True])
def test_two_processes_lose_nothing_also_where_confirms_come_late(
    broker: Broker, loop: str, has_stream: bool
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ACTOR, broker.url, loop],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        command = asyncio.run(command_burst(broker.url, has_stream))
        assert numbers_of(command) == list(range(20_000))
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "0\n"


async def command_burst(url: str, has_stream: bool) -> Command[Any]:
    async with AMQPClient("observer", url=url) as client:
        channel = await client.connection.connection.channel()
        if has_stream:  # it confirms later than a classic queue
            queue = await channel.declare_queue(
                "recorder", durable=True, arguments={"x-queue-type": "stream"}
            )
            await queue.bind("sdss_exchange", "reply.#")
        try:
            return await asyncio.wait_for(client.send_command("burst", "burst 20000"), 100)
        finally:
            if has_stream:
                await queue.delete(if_unused=False, if_empty=False)
            await channel.close()
