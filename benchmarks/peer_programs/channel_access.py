"""A server and a client of caproto: process variables of EPICS over Channel Access."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from common import Client, main, value

os.environ |= {"EPICS_CA_ADDR_LIST": "127.0.0.1", "EPICS_CA_AUTO_ADDR_LIST": "NO"}

from caproto import ChannelType
from caproto.asyncio.client import Context as ClientContext
from caproto.asyncio.server import Context as ServerContext
from caproto.server import PVGroup, pvproperty

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Device(PVGroup):
    """A device whose commands are values that are written."""

    temperature = pvproperty(value=0.0)
    ping = pvproperty(value=0)
    move = pvproperty(value=[0.0, 0.0])
    burst = pvproperty(value=0)

    @ping.putter
    async def ping(self, instance: Any, count: int) -> int:
        return count

    @move.putter
    async def move(self, instance: Any, arguments: Any) -> Any:
        if not arguments[1]:
            raise AssertionError("the argument is lost")
        return arguments

    @burst.putter
    async def burst(self, instance: Any, count: int) -> int:
        self.writing = asyncio.get_running_loop().create_task(self.write(count))
        return count

    async def write(self, count: int) -> None:
        for index in range(count):
            await self.temperature.write(value(index))


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["EPICS_CA_SERVER_PORT"] = str(probe.getsockname()[1])
    device = Device(prefix="bench:")
    context = ServerContext(device.pvdb, ["127.0.0.1"])
    running = asyncio.get_running_loop().create_task(context.run())
    await asyncio.sleep(1)
    yield os.environ["EPICS_CA_SERVER_PORT"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Peer(Client):
    """The client of the workloads."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    async def write(self, name: str, values: Any) -> None:
        await self.variables[name].write(values, wait=True)

    async def ping(self) -> None:
        await self.write("ping", 1)

    async def move(self) -> None:
        await self.write("move", [5.0, 1.0])

    async def start_updates(self, number: int) -> None:
        await self.write("burst", number)


@asynccontextmanager
async def client(address: str) -> AsyncIterator[Client]:
    os.environ["EPICS_CA_SERVER_PORT"] = address
    context = ClientContext()
    names = ["temperature", "ping", "move", "burst"]
    found = await context.get_pvs(*(f"bench:{name}" for name in names))
    variables = dict(zip(names, found, strict=True))
    for variable in found:
        await variable.wait_for_connection(timeout=10)
    peer = Peer(variables)

    async def take(_: Any, response: Any) -> None:
        peer.take(float(response.data[0]))

    subscription = variables["temperature"].subscribe(data_type=ChannelType.DOUBLE)
    subscription.add_callback(take)
    await asyncio.sleep(0.5)
    yield peer
    await context.disconnect()


if __name__ == "__main__":
    main(server, client)
