import clu
from clu import AMQPActor, command_parser
from clu.exceptions import CommandError


@command_parser.command()
async def calibrate(command):
    """Take the calibrations of the night."""
    camera = command.actor.camera
    try:
        await camera.fan.on(command=command)
        for flavour in ("bias", "dark"):
            result = await camera.expose(0.1, flavour=flavour, command=command, timeout=30)
            command.info(text=f"There is {result.get('filename')}.")
    except CommandError as error:
        command.fail(error=error)
    else:
        command.finish()


class Sequencer(AMQPActor):
    async def start(self):
        await super().start()
        self.camera = await self.actor("camera", timeout=60)
        return self


async def main():
    sequencer = await Sequencer("sequencer", url="amqp://guest:guest@localhost:5672/").start()
    await sequencer.run_forever()


clu.run(main())
