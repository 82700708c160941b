import clu
from clu import JSONActor
from clu.parsers.click import CluGroup, ping

shutter_parser = CluGroup("shutter")
shutter_parser.add_command(ping)


class Controller:
    """What the commands work on."""

    is_open = False


@shutter_parser.command(name="open", aliases=["o"])
def open_(command, controller):
    """Opens the shutter."""
    controller.is_open = True
    command.finish(text="Open.")


@shutter_parser.command()
def status(command, controller):
    """Tells whether the shutter is open."""
    command.finish(text="Open." if controller.is_open else "Closed.")


class Shutter(JSONActor):
    parser = shutter_parser

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.parser_args = [Controller()]


async def main():
    shutter = await Shutter("shutter", port=9999).start()
    await shutter.run_forever()


clu.run(main())
