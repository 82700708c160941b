"""A device server and a client of PyTango, without a database."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import tango
from common import Client, main, value
from tango.asyncio import DeviceProxy
from tango.server import Device, attribute, command, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


#: The updates that are written before the client has taken them.
PORTION = 500


class Bench(Device):
    """A device with a temperature."""

    def init_device(self) -> None:
        """Let the server push the changes."""
        super().init_device()
        self.reading = 0.0
        self.set_change_event("temperature", True, False)

    @attribute(dtype=float)
    def temperature(self) -> float:
        return self.reading

    @command(dtype_out=str)
    def ping_bench(self) -> str:
        return "Pong."

    @command(dtype_in=(float,), dtype_out=float)
    def move(self, arguments: Any) -> float:
        if not arguments[1]:
            raise AssertionError("the argument is lost")
        return float(arguments[0])

    @command(dtype_in=(int,))
    def burst(self, numbers: Any) -> None:
        threading.Thread(target=self.write, args=map(int, numbers)).start()

    def write(self, start: int, count: int) -> None:
        with tango.EnsureOmniThread():
            for index in range(start, start + count):
                self.push_change_event("temperature", value(index))


def serve(port: int) -> None:
    endpoint = ["-ORBendPoint", f"giop:tcp:127.0.0.1:{port}", "-nodb", "-dlist", "bench/bench/1"]
    run((Bench,), args=["Bench", "bench", *endpoint])


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # The library prints where the address is expected.
    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=serve, args=(port,), daemon=True).start()
    await asyncio.sleep(3)
    yield f"tango://127.0.0.1:{port}/bench/bench/1#dbase=no"


class Peer(Client):
    """The client of the workloads."""

    def __init__(self, device: Any) -> None:
        self.device = device

    async def ping(self) -> None:
        await self.device.command_inout("ping_bench")

    async def move(self) -> None:
        await self.device.command_inout("move", [5.0, 1.0])

    async def start_updates(self, number: int) -> None:
        # Events that the client has not taken yet are dropped from a thousand on.
        for start in range(0, number, PORTION):
            portion = min(PORTION, number - start)
            await self.device.command_inout("burst", [start, portion])
            while self.count < start + portion:
                await asyncio.sleep(0.0005)


@asynccontextmanager
async def client(address: str) -> AsyncIterator[Client]:
    peer = Peer(await DeviceProxy(address))
    loop = asyncio.get_running_loop()

    def take(event: Any) -> None:
        if not event.err:
            loop.call_soon_threadsafe(peer.take, event.attr_value.value)

    device = tango.DeviceProxy(address)
    subscription = device.subscribe_event("temperature", tango.EventType.CHANGE_EVENT, take)
    await asyncio.sleep(1)
    yield peer
    device.unsubscribe_event(subscription)


if __name__ == "__main__":
    main(server, client)
