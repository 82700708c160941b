"""An actor for an oven that is controlled by lines over TCP: oven.py PORT DEVICE_PORT."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click

import clu
from clu import Command, Device, JSONActor, command_parser


class Oven(JSONActor):
    """An oven. Its keyword is broadcast whenever the device reports a new temperature."""

    schema = {
        "type": "object",
        "properties": {"temperature": {"type": "integer"}},
        "additionalProperties": False,
    }

    def __init__(self, *args: Any, device_port: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.device = Device("localhost", device_port, callback=self.take_line)
        self.temperature = 0
        self.changed = asyncio.Condition()

    async def take_line(self, line: str) -> None:
        """Handle a line of the device."""
        match line.split():
            case ["T", number]:
                self.temperature = int(number)
                self.write("i", temperature=self.temperature)
                async with self.changed:
                    self.changed.notify_all()
            case ["ERROR", *words]:
                self.write("e", error=f"The oven says: {' '.join(words)}")


@command_parser.command()
def status(command: Command[Oven]) -> None:
    """Reports the temperature."""
    command.finish(temperature=command.actor.temperature)


@command_parser.command(cancellable=True)
@click.argument("DEGREES", type=click.IntRange(0, 300))
async def heat(command: Command[Oven], degrees: int) -> None:
    """Heats or cools, and ends when the temperature is reached."""
    oven = command.actor
    oven.device.write(f"S {degrees}")
    async with oven.changed:
        await oven.changed.wait_for(lambda: oven.temperature == degrees)
    command.finish(temperature=degrees)


async def main(port: int, device_port: int) -> None:
    """Run the actor until it is interrupted."""
    oven = await Oven("oven", port=port, device_port=device_port).start()
    await oven.device.start()
    oven.device.write("T?")
    print(f"The oven waits for commands at port {port}.", flush=True)
    await oven.run_forever()


if __name__ == "__main__":
    clu.run(main(*map(int, sys.argv[1:])))
