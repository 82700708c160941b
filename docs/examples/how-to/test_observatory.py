import asyncio

import pytest
from observatory import Camera, Sequencer

from clu import AMQPClient
from clu.testing import FakeDevice

pytestmark = pytest.mark.asyncio


async def test_two_actors(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_actor(Sequencer)
    async with clu_bus.fast_forward():
        command = await clu_client.send_command("sequencer", "sequence 2")
    assert clu_bus.snapshot(command) == [
        (">", {}),
        ("i", {"images": 1}),
        ("i", {"images": 2}),
        (":", {}),
    ]


async def test_an_outage_in_the_middle(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_actor(Sequencer)
    async with clu_bus.fast_forward():
        command = await clu_client.send_command("sequencer", "sequence 2", await_command=False)
        await clu_bus.expect("camera", state="exposing")
        clu_bus.faults.cut("camera", seconds=10)
        await clu_bus.expect("sequencer", images=2, within=3600)
        await command
    assert command.status.did_succeed


async def test_a_slow_client_holds_up_nobody(clu_bus, clu_client, clu_actor):
    camera = await clu_actor(Camera)
    async with AMQPClient("gui", url=clu_bus.url, models=["camera"]) as gui:
        clu_bus.faults.slow("gui", rate=10)
        for degrees in range(100):
            camera.write("i", temperature=-degrees)
        command = await clu_client.send_command("camera", "ping")
        assert command.status.did_succeed
        assert gui.models["camera"]["temperature"].value != -99  # not yet
        async with clu_bus.fast_forward():
            while gui.models["camera"]["temperature"].value != -99:
                await asyncio.sleep(1)


async def test_a_device_that_dies(clu_bus, clu_client, clu_actor):
    async with FakeDevice({"T?": "-110.5"}) as cooler:
        camera = await clu_actor(Camera, cooler=(cooler.host, cooler.port))
        await camera.cooler.start()
        await clu_client.send_command("camera", "temperature")
        await clu_bus.expect("camera", temperature=pytest.approx(-110, abs=1))

        cooler.cut(1)  # in the middle of its answer
        command = await clu_client.send_command("camera", "temperature")
        assert "lost" in command.replies.get("error")
        await clu_bus.expect("camera", text="The cooler is gone.")

        await clu_bus.expect("camera", text="The cooler is there.")  # again
        cooler.garble(1)
        command = await clu_client.send_command("camera", "temperature")
        assert "could not convert string to float" in command.replies.get("error")
        command = await clu_client.send_command("camera", "temperature")
        assert command.status.did_succeed
