"""A server and a client of p4p: process variables of EPICS over PV Access."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from common import Client, main, write_updates
from p4p.client.asyncio import Context
from p4p.nt import NTURI, NTScalar
from p4p.server import Server, StaticProvider
from p4p.server.asyncio import SharedPV

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: The updates that the server keeps for a subscriber: it drops older ones otherwise.
QUEUE = "record[queueSize=200000]"
BURST = NTURI([("count", "i")])
MOVE = NTURI([("position", "d"), ("fast", "?")])
READING = NTScalar("d")
TEXT = NTScalar("s")


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    temperature = SharedPV(nt=READING, initial=0.0)
    ping, move, burst = (SharedPV(nt=TEXT, initial="") for _ in range(3))

    @ping.rpc
    async def answer(pv: Any, operation: Any) -> None:
        operation.done(TEXT.wrap("Pong."))

    @move.rpc
    async def start(pv: Any, operation: Any) -> None:
        query = operation.value().query
        if not query.fast:
            raise AssertionError("the argument is lost")
        operation.done(READING.wrap(query.position))

    @burst.rpc
    async def write(pv: Any, operation: Any) -> None:
        count = operation.value().query.count
        operation.done(TEXT.wrap(""))
        await write_updates(count, temperature.post)

    provider = StaticProvider("bench")
    variables = {"temperature": temperature, "ping": ping, "move": move, "burst": burst}
    for name, variable in variables.items():
        provider.add(f"bench:{name}", variable)
    with Server(providers=[provider], isolate=True) as running:
        yield json.dumps(running.conf())


class Peer(Client):
    """The client of the workloads."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.nothing = BURST.wrap("bench:ping", kws={"count": 0}, scheme="pva")

    async def ping(self) -> None:
        await self.context.rpc("bench:ping", self.nothing)

    async def move(self) -> None:
        arguments = MOVE.wrap("bench:move", kws={"position": 5.0, "fast": True}, scheme="pva")
        await self.context.rpc("bench:move", arguments)

    async def start_updates(self, number: int) -> None:
        count = BURST.wrap("bench:burst", kws={"count": number}, scheme="pva")
        await self.context.rpc("bench:burst", count)


@asynccontextmanager
async def client(address: str) -> AsyncIterator[Client]:
    with Context("pva", conf=json.loads(address), useenv=False) as context:
        peer = Peer(context)

        async def take(reading: float) -> None:
            peer.take(float(reading))

        await context.get("bench:temperature")
        subscription = context.monitor("bench:temperature", take, request=QUEUE)
        await asyncio.sleep(0.5)  # the present value comes first
        yield peer
        subscription.close()


if __name__ == "__main__":
    main(server, client)
