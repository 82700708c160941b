#!/usr/bin/env python
"""The broker in memory, against the same actor and client without a broker between them.

    python benchmarks/memory_broker.py [--replies N] [--pings N] [--rounds N] [--loop LOOP]

Both are on the broker. For the figures without one, what each writes is handed to the other in the
next iteration of the event loop: nothing is routed, queued or acknowledged. The two are measured
in turn, in processor time, and the medians are printed with their ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import statistics
from time import process_time
from typing import TYPE_CHECKING, Any

import click
import inputs

import clu
from clu._amqp.sending import Envelope
from clu._speedups import backend
from clu._speedups.reply import encode_json
from clu.parsers.click import command_parser
from clu.testing import MemoryBroker

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLIES_PER_TURN = 50


@command_parser.command()
@click.argument("count", type=int)
async def burst(command: Any, count: int) -> None:
    messages = [inputs.message(index) for index in range(inputs.VARIANTS)]
    for index in range(count):
        command.info(messages[index % inputs.VARIANTS])
        if index % REPLIES_PER_TURN == REPLIES_PER_TURN - 1:
            await asyncio.sleep(0)
    command.finish()


@contextlib.contextmanager
def without_broker(actor: Any, client: Any) -> Iterator[None]:
    """Hand what an actor and a client write to each other, past the broker."""
    loop = asyncio.get_running_loop()
    planes = (actor.connection._plane, client.connection._plane)
    handlers = {
        kind: next(handler for tag, handler in plane.handlers.items() if kind.encode() in tag)
        for kind, plane in (("commands", planes[0]), ("replies", planes[1]))
    }

    def patch(plane: Any) -> None:
        sender = plane.sender
        pending: list[Any] = []

        def hand_over() -> None:
            messages = pending.copy()
            pending.clear()
            for message in messages:
                is_command = message.routing_key.startswith("command.")
                handlers["commands" if is_command else "replies"](message)
            sender.confirm(sender._first_tag + len(messages) - 1, True, True)

        def send(message: Any, is_urgent: bool = False) -> None:
            if not pending:
                loop.call_soon(hand_over)
            pending.append(message)

        plane._protocol.send = send
        plane._protocol.acknowledge = lambda channel, tag: None

    tags = [plane.sender._first_tag for plane in planes]
    for plane in planes:
        patch(plane)
    try:
        yield
    finally:
        for plane, tag in zip(planes, tags, strict=True):
            del plane._protocol.send, plane._protocol.acknowledge
            plane.sender._first_tag = tag  # what the broker counts on with


async def measure_pings(client: Any, count: int) -> float:
    start = process_time()
    for _ in range(count):
        await client.send_command("bench", "ping")
    return (process_time() - start) / count


async def measure_burst(client: Any, count: int) -> float:
    start = process_time()
    command = await client.send_command("bench", f"burst {count}")
    seconds = (process_time() - start) / count
    assert len(command.replies) == count + 2, len(command.replies)
    return seconds


async def measure_replies(actor: Any, count: int) -> float:
    """Publish the same reply again and again, encoded once, to a client that handles each."""
    body = encode_json(inputs.message(1))
    headers = {"message_code": "i", "command_id": None, "sender": "bench", "internal": False}
    envelope, sender = Envelope("reply.broadcast", headers), actor._sender
    start = process_time()
    for index in range(count):
        sender.put(envelope, body, 1)
        if index % REPLIES_PER_TURN == REPLIES_PER_TURN - 1:
            await asyncio.sleep(0)
    while sender.backlog.count:
        await asyncio.sleep(0)
    return (process_time() - start) / count


async def main(arguments: argparse.Namespace) -> None:
    figures: dict[str, list[float]] = {}
    async with MemoryBroker() as bus:
        actor = clu.AMQPActor("bench", url=bus.url, schema=inputs.schema())
        client = clu.AMQPClient("client", url=bus.url)
        async with actor, client:
            for log in (actor.log, client.log):
                log.setLevel(logging.WARNING)
            for measure, subject, count in (
                (measure_pings, client, arguments.pings),
                (measure_burst, client, arguments.replies),
                (measure_replies, actor, arguments.replies),
            ):
                for _ in range(arguments.rounds + 1):
                    for kind in ("broker", "without"):
                        gc.collect()
                        direct = without_broker(actor, client)
                        with direct if kind == "without" else contextlib.nullcontext():
                            taken = await measure(subject, count)
                            await asyncio.sleep(0.01)
                        figures.setdefault(f"{measure.__name__} {kind}", []).append(taken)
    medians = {name: statistics.median(taken[1:]) for name, taken in figures.items()}
    print(f"kernels: {', '.join(sorted(set(backend().values())))}; loop: {arguments.loop}")
    for what in ("pings", "burst", "replies"):
        broker, without = (medians[f"measure_{what} {kind}"] for kind in ("broker", "without"))
        print(
            f"{what:8} {1e6 * broker:8.2f} us on the broker, {1e6 * without:8.2f} us without, "
            f"ratio {broker / without:.2f}; {1 / broker:,.0f}/s"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--replies", type=int, default=20_000)
    parser.add_argument("--pings", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    chosen = parser.parse_args()
    if chosen.loop == "uvloop":
        import uvloop

        uvloop.run(main(chosen))
    else:
        asyncio.run(main(chosen))
