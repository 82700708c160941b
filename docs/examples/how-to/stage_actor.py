import asyncio

import click

from clu import AMQPActor, command_parser


@command_parser.command()
@click.argument("POSITION", type=click.FloatRange(0, 100))
async def move(command, position):
    """Moves the stage."""
    await asyncio.sleep(0)
    command.finish(position=position)


class Stage(AMQPActor):
    schema = {"type": "object", "properties": {"position": {"type": "number"}}}
