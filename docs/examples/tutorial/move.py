import asyncio

import click

import clu
from clu import JSONActor, command_parser


@command_parser.command()
@click.argument("POSITION", type=float)
async def move(command, position):
    """Moves the stage."""
    for part in (0.5, 1.0):
        await asyncio.sleep(0.5)
        command.info(position=position * part)
    command.finish(text="The stage is there.")


async def main():
    stage = await JSONActor("stage", port=9999, version="0.1.0").start()
    await stage.run_forever()


clu.run(main())
