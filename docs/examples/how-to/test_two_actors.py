"""Two actors that talk to each other, an outage, and ten minutes that take no time."""

import asyncio

from clu import AMQPActor, AMQPClient, command_parser
from clu.testing import MemoryBroker


@command_parser.command()
async def expose(command):
    """Takes an image, which takes ten minutes."""
    opened = await command.send_command("shutter", "open")
    if opened.status.did_fail:
        command.fail(error="the shutter does not open")
        return
    await asyncio.sleep(600)
    command.finish(text="read out")


@command_parser.command(name="open")
def open_(command):
    """Opens the shutter."""
    command.finish(text="open")


class Camera(AMQPActor):
    schema = {"type": "object", "properties": {"temperature": {"type": "number"}}}


class Shutter(AMQPActor):
    schema = {"type": "object", "properties": {}}


def test_two_actors():
    async def main():
        async with (
            MemoryBroker() as bus,
            Camera("camera", url=bus.url),
            Shutter("shutter", url=bus.url),
            AMQPClient("client", url=bus.url) as client,
            bus.fast_forward(),
        ):
            command = await client.send_command("camera", "expose")
            assert command.replies.get("text") == "read out"

    asyncio.run(main())


def test_an_actor_that_is_gone():
    async def main():
        async with (
            MemoryBroker() as bus,
            Camera("camera", url=bus.url),
            Shutter("shutter", url=bus.url),
            AMQPClient("client", url=bus.url) as client,
        ):
            bus.faults.cut("shutter", seconds=60)
            command = await client.send_command("camera", "expose")
            assert command.replies.get("error") == "the shutter does not open"

    asyncio.run(main())


def test_nothing_is_lost_in_an_outage():
    async def main():
        async with (
            MemoryBroker() as bus,
            Camera("camera", url=bus.url) as camera,
            AMQPClient("client", url=bus.url, models=["camera"]) as client,
        ):
            seen = []
            client.models["camera"].register_callback(
                lambda model, changed: seen.append(changed.value)
            )
            bus.faults.slow("client", rate=500)
            for degrees in range(100):
                camera.write("i", temperature=-degrees)
                if degrees == 50:
                    bus.faults.cut("camera")
                await asyncio.sleep(0)
            while len(seen) < 100:
                await asyncio.sleep(0.01)
            assert seen == [-degrees for degrees in range(100)]

    asyncio.run(main())
