"""A simulated filter wheel: it answers lines over TCP, as the controllers of devices often do.

POS? asks for the slot, which is answered by POS 1. GOTO 3 is answered by OK at once, and by POS 3
when the wheel is there.
"""

import asyncio

SLOTS = 6


class Wheel:
    """A wheel that turns one way, by a slot in a fifth of a second."""

    slot = 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            match line.decode().split():
                case ["POS?"]:
                    writer.write(b"POS %d\n" % self.slot)
                case ["GOTO", slot] if slot.isdecimal() and 1 <= int(slot) <= SLOTS:
                    writer.write(b"OK\n")
                    while self.slot != int(slot):
                        await asyncio.sleep(0.2)
                        self.slot = self.slot % SLOTS + 1
                    writer.write(b"POS %d\n" % self.slot)
                case _:
                    writer.write(b"ERROR not understood\n")
        writer.close()


async def start(port: int) -> asyncio.Server:
    return await asyncio.start_server(Wheel().serve, "localhost", port)


async def main() -> None:
    await start(9998)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
