import asyncio

import click

import clu
from clu import LegacyActor, command_parser

SCHEMA = {
    "type": "object",
    "properties": {
        "position": {"type": "number"},
        "limits": {"type": "array", "items": {"type": "number"}},
        "moving": {"type": "boolean"},
    },
}


@command_parser.command()
@click.argument("POSITION", type=click.FloatRange(0, 100))
async def move(command, position):
    """Moves the stage to a POSITION in mm."""
    command.info(moving=True, limits=[0, 100])
    await asyncio.sleep(0.2)
    command.info(position=position, moving=False)
    command.finish(text="The stage is there.")


async def main():
    stage = LegacyActor("stage", host="localhost", port=9999, version="0.1.0", schema=SCHEMA)
    await stage.start()
    await stage.run_forever()


clu.run(main())
