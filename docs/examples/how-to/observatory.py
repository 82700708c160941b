import asyncio

import click

from clu import AMQPActor, Device, command_parser
from clu.exceptions import CluError


class Camera(AMQPActor):
    schema = {
        "type": "object",
        "properties": {"state": {"type": "string"}, "temperature": {"type": "number"}},
    }

    def __init__(self, *args, cooler=("localhost", 9998), **kwargs):
        super().__init__(*args, **kwargs)
        self.cooler = Device(
            *cooler,
            reconnect=True,
            on_connected=lambda: self.write("i", text="The cooler is there."),
            on_lost=lambda: self.write("w", text="The cooler is gone."),
        )

    async def stop(self):
        await self.cooler.stop()
        await super().stop()


class Sequencer(AMQPActor):
    schema = {"type": "object", "properties": {"images": {"type": "integer"}}}


@command_parser.command()
@click.argument("SECONDS", type=float)
async def expose(command, seconds):
    """Takes an image."""
    command.info(state="exposing")
    await asyncio.sleep(seconds)
    command.finish(state="idle")


@command_parser.command()
async def temperature(command):
    """Asks the cooler for the temperature."""
    try:
        [line] = await command.actor.cooler.request("T?", timeout=5)
        command.finish(temperature=float(line))
    except (CluError, ValueError) as error:
        command.fail(error=f"No temperature: {error}")


@command_parser.command()
@click.argument("COUNT", type=int)
async def sequence(command, count):
    """Has the camera take images."""
    for number in range(count):
        image = await command.send_command("camera", "expose 600")
        if image.status.did_fail:
            return command.fail(error=f"There is no image {number + 1}.")
        command.info(images=number + 1)
    return command.finish()
