"""A camera. Each exposure commands the shutter to open, and to close again."""

from __future__ import annotations

import asyncio
import os

import click

import clu
from clu import AMQPActor, Command, command_parser
from clu.parsers.click import unique

URL = os.environ.get("CLU_URL", "amqp://guest:guest@localhost:5672/")


class Camera(AMQPActor):
    """A camera that counts its images."""

    schema = {
        "type": "object",
        "properties": {
            "state": {"enum": ["idle", "exposing"]},
            "image": {"type": "string"},
        },
        "additionalProperties": False,
    }
    images = 0


@command_parser.command(cancellable=True)
@click.argument("SECONDS", type=click.FloatRange(min=0))
@unique()
async def expose(command: Command[Camera], seconds: float) -> None:
    """Takes an exposure, which --stop aborts."""
    camera = command.actor
    opening = await command.send_command("shutter", "open")
    if opening.status.did_fail:
        command.fail(error="The shutter does not open.")
        return
    try:
        command.info(state="exposing")
        await asyncio.sleep(seconds)
    finally:
        await command.send_command("shutter", "close")
        command.info(state="idle")
    camera.images += 1
    command.finish(image=f"image-{camera.images:04}.fits")


camera = Camera("camera", url=URL)


async def main() -> None:
    """Run the camera until it is interrupted."""
    async with camera:
        print("The camera waits for commands.", flush=True)
        await camera.run_forever()


if __name__ == "__main__":
    clu.run(main())
