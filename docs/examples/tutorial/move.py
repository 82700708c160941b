import asyncio

import click

from clu import JSONActor, command_parser


@command_parser.command()
@click.argument("POSITION", type=float)
async def move(command, position):
    """Moves the stage."""
    for part in (0.5, 1.0):
        await asyncio.sleep(0.5)
        command.info(position=position * part)
    command.finish(text="The stage is there.")


stage = JSONActor("stage", port=9999, version="0.1.0")
