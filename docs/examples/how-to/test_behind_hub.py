import pytest

from clu import LegacyActor
from clu.testing import Hub

pytestmark = pytest.mark.asyncio

SCHEMA = {"type": "object", "properties": {"exptime": {"type": "number"}}}


@pytest.mark.filterwarnings("ignore:starting LegacyActor without Tron")
async def test_it_is_commanded_through_the_hub(clu_actor):
    async with Hub() as hub:
        camera = await clu_actor(LegacyActor, "camera", schema=SCHEMA)
        hub.add_actor(camera)
        guider = await clu_actor(LegacyActor, "guider", tron_host=hub.host, tron_port=hub.port)
        assert (await guider.send_command("hub", "startNubs camera")).status.did_succeed
        command = await guider.send_command("camera", "ping")
        assert command.replies.get("text") == ["Pong."]
        assert hub.commands("camera") == ["camera ping"]


async def test_without_a_hub(clu_bus, clu_actor):
    camera = await clu_actor(LegacyActor, "camera", schema=SCHEMA)
    command = await camera.invoke_mock_command("ping")
    assert command.status.did_succeed
    reader, writer = await clu_actor.connect(camera)
    writer.write(b"7 ping\n")
    while b" 7 : text=Pong." not in await reader.readline():
        pass
    camera.write("w", exptime=5)
    await clu_bus.expect("camera", exptime=5, message_code="w")
