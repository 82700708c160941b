import clu
from clu import Device, JSONActor, command_parser
from clu.exceptions import CluError


@command_parser.command()
async def read(command, thermometer):
    """Reads the thermometer."""
    try:
        [line] = await thermometer.request("READ?", timeout=5)
    except CluError as error:
        return command.fail(error=error)
    return command.finish(temperature=float(line.removeprefix("T=").removesuffix(" C")))


async def main():
    dome = JSONActor("dome", port=9999, additional_properties=True)
    thermometer = Device(
        "localhost",
        9998,
        reconnect=True,
        on_connected=lambda: dome.write("i", text="The thermometer is connected."),
        on_lost=lambda: dome.write("w", text="The thermometer is lost."),
    )
    dome.parser_args = [thermometer]
    await dome.start()
    await thermometer.start()
    await dome.run_forever()


clu.run(main())
