"""A device server and a client of aiokatcp, which reads the annotations of their methods."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiokatcp
from common import Client, main, stopped, write_updates


class Device(aiokatcp.DeviceServer):
    """A device with a temperature."""

    VERSION = "bench-1.0"
    BUILD_STATE = "bench-1.0.0"

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.temperature = aiokatcp.Sensor(float, "temperature", "a reading", "degC")
        self.sensors.add(self.temperature)

    async def request_ping(self, ctx: Any) -> str:
        """Answer."""
        return "Pong."

    async def request_move(self, ctx: Any, position: float, fast: bool) -> float:
        """Take two typed arguments; katcp has no options."""
        if not fast:
            raise AssertionError("the argument is lost")
        return position

    async def request_burst(self, ctx: Any, count: int) -> None:
        """Write updates."""
        await write_updates(count, self.update)

    def update(self, value: float) -> None:
        self.temperature.set_value(value, aiokatcp.Sensor.Status.NOMINAL)


class Katcp(aiokatcp.Client):
    """A client that passes the values on."""

    taker: Client

    def inform_sensor_status(
        self, timestamp: float, count: int, name: str, status: str, reading: float
    ) -> None:
        """Take an update."""
        if status == "nominal":
            self.taker.take(reading)


class Peer(Client):
    """The client of the workloads."""

    def __init__(self, client: Katcp) -> None:
        self.client = client
        client.taker = self

    async def ping(self) -> None:
        await self.client.request("ping")

    async def move(self) -> None:
        await self.client.request("move", 5.0, True)

    async def start_updates(self, number: int) -> None:
        await self.client.request("burst", number)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    device = Device("127.0.0.1", 0)
    await device.start()
    port = device.server.sockets[0].getsockname()[1]
    async with stopped(device, f"127.0.0.1:{port}") as address:
        yield address


@asynccontextmanager
async def client(address: str) -> AsyncIterator[Client]:
    host, port = address.split(":")
    connected = await Katcp.connect(host, int(port))
    peer = Peer(connected)
    await connected.request("sensor-sampling", "temperature", "event")
    yield peer
    connected.close()


if __name__ == "__main__":
    main(server, client)
