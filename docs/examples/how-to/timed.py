import clu
from clu import JSONActor, command_parser


@command_parser.command()
def status(command):
    """Tells the temperature."""
    command.finish(temperature=21.5)


async def main():
    dome = JSONActor("dome", port=9999, additional_properties=True)
    dome.timed_commands.resolution = 0.1
    dome.timed_commands.add_command("status", delay=0.5, first_silent=True)
    await dome.start()
    await dome.run_forever()


clu.run(main())
