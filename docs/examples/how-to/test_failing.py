import pytest
from observatory import Camera

pytestmark = pytest.mark.asyncio


async def test_what_does_not_come(clu_bus, clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_client.send_command("camera", "expose 0.1")
    await clu_bus.expect("camera", state="reading", within=1)


async def test_what_is_left_behind(clu_client, clu_actor):
    await clu_actor(Camera)
    await clu_client.send_command("camera", "expose 600", await_command=False)
