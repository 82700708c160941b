"""A responder and a subscriber of nats-py that exchange JSON; a NATS server is between them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nats
from common import UPDATES_PER_TURN, Client, main, value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROGRAM = Path(sys.executable).with_name("nats-server")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connect(url: str) -> Any:
    return await nats.connect(url, max_reconnect_attempts=50, reconnect_time_wait=0.1)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    port = free_port()
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_setaffinity"):
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, range(cores))  # as a broker has all cores in the other rows
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM), "-a", "127.0.0.1", "-p", str(port), stderr=asyncio.subprocess.DEVNULL
    )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, mine)
    url = f"nats://127.0.0.1:{port}"
    try:
        await asyncio.sleep(1)
        connection = await connect(url)

        async def ping(message: Any) -> None:
            json.loads(message.data)
            await message.respond(json.dumps({"text": "Pong."}).encode())

        async def move(message: Any) -> None:
            arguments = json.loads(message.data)
            if not arguments["fast"]:
                raise AssertionError("the argument is lost")
            await message.respond(json.dumps({"position": arguments["position"]}).encode())

        async def burst(message: Any) -> None:
            await message.respond(b"{}")
            for index in range(json.loads(message.data)["count"]):
                reading = {"temperature": value(index)}
                await connection.publish("bench.updates", json.dumps(reading).encode())
                if index % UPDATES_PER_TURN == UPDATES_PER_TURN - 1:
                    await asyncio.sleep(0)

        await connection.subscribe("bench.ping", cb=ping)
        await connection.subscribe("bench.move", cb=move)
        await connection.subscribe("bench.burst", cb=burst)
        await connection.flush()
        yield url
        await connection.close()
    finally:
        process.terminate()
        await process.wait()


class Peer(Client):
    """The client of the workloads."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def request(self, subject: str, **arguments: Any) -> Any:
        data = json.dumps(arguments).encode()
        return json.loads((await self.connection.request(subject, data, timeout=30)).data)

    async def ping(self) -> None:
        await self.request("bench.ping")

    async def move(self) -> None:
        await self.request("bench.move", position=5.0, fast=True)

    async def start_updates(self, number: int) -> None:
        await self.request("bench.burst", count=number)


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    connection = await connect(url)
    peer = Peer(connection)

    async def take(message: Any) -> None:
        peer.take(json.loads(message.data)["temperature"])

    await connection.subscribe("bench.updates", cb=take)
    await connection.flush()
    yield peer
    await connection.close()


if __name__ == "__main__":
    main(server, client)
