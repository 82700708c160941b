"""A legacy actor behind a hub: guider.py PORT HUB_PORT."""

from __future__ import annotations

import asyncio
import sys

import click

import clu
from clu import Command, LegacyActor, command_parser


class Guider(LegacyActor):
    """A guider that sees its star drift."""

    schema = {
        "type": "object",
        "properties": {
            "guiding": {"type": "boolean"},
            "offset": {"type": "array", "items": {"type": "number"}},
            "frame": {"type": "integer"},
        },
        "additionalProperties": False,
    }


@command_parser.command(cancellable=True)
@click.argument("FRAMES", type=click.IntRange(1, 100))
async def guide(command: Command[Guider], frames: int) -> None:
    """Follows the star for some frames."""
    command.info(guiding=True)
    try:
        for frame in range(1, frames + 1):
            await asyncio.sleep(0.1)
            command.info(frame=frame, offset=[0.5 / frame, -0.25 / frame])
    finally:
        command.info(guiding=False)
    command.finish(text="The star is centred.")


async def main(port: int, hub_port: int) -> None:
    """Run the guider until it is interrupted."""
    guider = Guider("guider", "localhost", port, tron_host="localhost", tron_port=hub_port)
    await guider.start()
    print(f"The guider waits for the hub at port {port}.", flush=True)
    await guider.run_forever()


if __name__ == "__main__":
    clu.run(main(*map(int, sys.argv[1:])))
