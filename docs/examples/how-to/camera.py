import asyncio

import click

import clu
from clu import AMQPActor, command_parser

SCHEMA = {
    "type": "object",
    "properties": {
        "filename": {"type": "string", "description": "The file of the exposure"},
        "fan": {"type": "boolean", "description": "Whether the fan runs"},
    },
}


@command_parser.command()
@click.argument("EXPOSURE_TIME", type=click.FloatRange(0, 3600))
@click.option(
    "--flavour",
    type=click.Choice(["bias", "dark", "object"]),
    default="object",
    help="What to expose.",
)
@click.option("--count", type=click.IntRange(1), default=1, help="How many exposures.")
async def expose(command, exposure_time, flavour, count):
    """Expose for EXPOSURE_TIME seconds."""
    for number in range(count):
        await asyncio.sleep(exposure_time)
        command.info(filename=f"{flavour}-{number}.fits")
    command.finish()


@command_parser.group()
def fan():
    """The fan of the camera."""


@fan.command()
def on(command):
    """Switch the fan on."""
    command.finish(fan=True)


@fan.command(name="set-speed")
@click.argument("SPEED", type=float)
def set_speed(command, speed):
    """Set the speed of the fan."""
    command.fail(error="The fan is stuck.")


async def main():
    camera = AMQPActor(
        "camera", url="amqp://guest:guest@localhost:5672/", version="0.1.0", schema=SCHEMA
    )
    await camera.start()
    await camera.run_forever()


clu.run(main())
