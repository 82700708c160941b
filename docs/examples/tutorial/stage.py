import asyncio

import click

from clu import JSONActor, command_parser

SCHEMA = {
    "type": "object",
    "properties": {
        "position": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "Where the stage is, in mm",
        },
    },
}


@command_parser.command()
@click.argument("POSITION", type=click.FloatRange(0, 100))
async def move(command, position):
    """Moves the stage to a POSITION in mm."""
    for part in (0.5, 1.0):
        await asyncio.sleep(0.5)
        command.info(position=position * part)
    command.finish(text="The stage is there.")


stage = JSONActor("stage", port=9999, version="0.1.0", schema=SCHEMA)
