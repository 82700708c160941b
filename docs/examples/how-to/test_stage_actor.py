import asyncio

import pytest
from stage_actor import Stage

from clu.testing import setup_test_actor


async def stage():
    return await setup_test_actor(Stage("stage"))


async def do(actor, text):
    command = actor.invoke_mock_command(text)
    if asyncio.iscoroutine(command):  # an AMQP actor
        command = await command
    return await command


def test_it_moves():
    async def main():
        actor = await stage()
        command = await do(actor, "move 5")
        assert command.status.did_succeed
        assert command.replies.get("position") == 5
        assert actor.mock_replies[-1].flag == ":"
        assert actor.mock_replies[-1]["position"] == 5

    asyncio.run(main())


@pytest.mark.parametrize("position", ["-1", "101", "far"])
def test_it_does_not_leave_its_range(position):
    async def main():
        actor = await stage()
        command = await do(actor, f"move {position}")
        assert command.status.did_fail
        assert "Invalid value for 'POSITION'" in actor.mock_replies[-2]["help"][0]

    asyncio.run(main())
