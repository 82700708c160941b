"""A simulated oven: it answers lines over TCP, as the controllers of devices often do.

``T?`` queries the temperature, ``S 80`` sets the target. Every change is reported.
"""

from __future__ import annotations

import asyncio
import sys

import clu
from clu.protocol import ClientTransport, TCPStreamServer


class Oven:
    """An oven that heats and cools by a degree in a twentieth of a second."""

    def __init__(self, port: int) -> None:
        self.temperature = self.target = 20
        self.server = TCPStreamServer("localhost", port, data_received_callback=self.answer)

    def answer(self, transport: ClientTransport, line: bytes) -> None:
        """Handle a line of a client."""
        match line.decode(errors="replace").split():
            case ["T?"]:
                transport.write(b"T %d\n" % self.temperature)
            case ["S", number] if number.isdecimal():
                self.target = int(number)
                transport.write(b"OK\n")
            case _:
                transport.write(b"ERROR not understood\n")

    async def heat(self) -> None:
        """Approach the target for ever."""
        while True:
            await asyncio.sleep(0.05)
            if self.temperature != self.target:
                self.temperature += 1 if self.temperature < self.target else -1
                for client in list(self.server.transports):
                    client.write(b"T %d\n" % self.temperature)


async def main(port: int) -> None:
    """Run the oven until it is interrupted."""
    oven = Oven(port)
    await oven.server.start()
    print(f"The simulated oven listens at port {port}.", flush=True)
    await oven.heat()


if __name__ == "__main__":
    clu.run(main(int(sys.argv[1])))
