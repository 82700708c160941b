import clu
from clu import LegacyActor, command_parser


@command_parser.command()
async def observe(command):
    """Takes an exposure with the camera."""
    exposure = await command.send_command("camera", "expose 5")
    if exposure.status.did_fail:
        command.fail(error="The camera did not expose.")
    else:
        command.finish(text="There is an exposure.")


async def main():
    stage = LegacyActor(
        "stage",
        host="localhost",
        port=9999,
        tron_host="localhost",
        tron_port=6093,
    )
    await stage.start()
    await stage.run_forever()


clu.run(main())
