"""A shutter. It follows the camera, and aborts its exposure when the light is cut off."""

from __future__ import annotations

import asyncio
import os

import clu
from clu import AMQPActor, Command, command_parser

URL = os.environ.get("CLU_URL", "amqp://guest:guest@localhost:5672/")


class Shutter(AMQPActor):
    """A shutter that takes a moment to move."""

    schema = {
        "type": "object",
        "properties": {"shutter": {"enum": ["open", "closed"]}},
        "additionalProperties": False,
    }

    async def move(self, command: Command[Shutter], position: str) -> None:
        """Move the blades, and broadcast their position."""
        await asyncio.sleep(0.1)
        command.info(shutter=position)


@command_parser.command(name="open")
async def open_(command: Command[Shutter]) -> None:
    """Opens the shutter."""
    await command.actor.move(command, "open")
    command.finish()


@command_parser.command()
async def close(command: Command[Shutter]) -> None:
    """Closes the shutter."""
    await command.actor.move(command, "closed")
    command.finish()


@command_parser.command()
async def stop(command: Command[Shutter]) -> None:
    """Closes the shutter at once, and aborts the exposure."""
    await command.actor.move(command, "closed")
    if command.actor.models["camera"]["state"].value == "exposing":
        aborting = await command.send_command("camera", "expose --stop")
        if aborting.status.did_fail:
            command.warning(text="The camera did not abort its exposure.")
    command.finish()


shutter = Shutter("shutter", url=URL, models=["camera"])


async def main() -> None:
    """Run the shutter until it is interrupted."""
    async with shutter:
        print("The shutter waits for commands.", flush=True)
        await shutter.run_forever()


if __name__ == "__main__":
    clu.run(main())
