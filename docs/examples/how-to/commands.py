import asyncio

import click

import clu
from clu import JSONActor, command_parser
from clu.parsers.click import timeout, unique


@command_parser.command(name="filter")
@click.argument("NAME", type=click.Choice(["red", "green", "blue"]))
@click.option("--fast", is_flag=True, help="Do not wait for the wheel to settle.")
async def turn(command, name, fast):
    """Turns the filter wheel."""
    await asyncio.sleep(0.1 if fast else 0.3)
    command.finish(filter=name)


@command_parser.command(cancellable=True)
@unique()
@timeout(60)
@click.argument("TIME", type=click.FloatRange(min=0))
async def expose(command, time):
    """Takes an exposure of TIME seconds."""
    command.info(text="The shutter is open.")
    try:
        await asyncio.sleep(time)
    finally:
        command.info(text="The shutter is closed.")
    command.finish()


@command_parser.command()
@click.argument("ROWS", type=click.IntRange(min=0))
async def readout(command, rows):
    """Reads out so many ROWS."""
    for row in range(rows):
        command.info(row=row, counts=[row, 2 * row])
        await command.drain()
    command.finish()


@command_parser.group()
def cooler():
    """Cools the detector."""


@cooler.command()
@click.argument("TEMPERATURE", type=float)
def on(command, temperature):
    """Cools down to a TEMPERATURE in degrees Celsius."""
    if temperature > 20:
        return command.fail(error=f"{temperature} is not cold.")
    return command.finish(text=f"Cooling down to {temperature}.")


@cooler.command()
def off(command):
    """Lets it warm up."""
    command.finish()


async def main():
    camera = JSONActor("camera", port=9999, additional_properties=True)
    await camera.start()
    await camera.run_forever()


clu.run(main())
