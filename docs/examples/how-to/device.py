import clu
from clu import Device, JSONActor, command_parser


class Thermometer(Device):
    def __init__(self, host, port):
        super().__init__(host, port)
        self.waiting = []

    async def process_message(self, line):
        temperature = float(line.removeprefix("T=").removesuffix(" C"))
        command = self.waiting.pop(0)
        command.finish(temperature=temperature)


@command_parser.command()
def read(command, thermometer):
    """Reads the thermometer."""
    if not thermometer.is_connected():
        return command.fail(error="The thermometer is not connected.")
    thermometer.waiting.append(command)
    return thermometer.write("READ?")


async def main():
    dome = JSONActor("dome", port=9999, additional_properties=True)
    thermometer = await Thermometer("localhost", 9998).start()
    dome.parser_args = [thermometer]
    await dome.start()
    await dome.run_forever()


clu.run(main())
