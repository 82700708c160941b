"""The commands of the actor, with a simulated wheel."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from clu.testing import setup_test_actor

from filterwheel import simulator
from filterwheel.actor import Filterwheel


@pytest_asyncio.fixture
async def actor() -> AsyncIterator[Any]:
    server = await simulator.start(port=0)  # a free one
    port = server.sockets[0].getsockname()[1]
    config = {
        "actor": {"name": "filterwheel", "port": 0},
        "device": {"host": "localhost", "port": port},
        "filters": ["open", "u", "g", "r", "i", "z"],
    }
    actor = await setup_test_actor(Filterwheel.from_config(config))
    await actor.device.start()
    yield actor
    await actor.device.stop()
    server.close()


async def run(actor: Any, text: str) -> Any:
    return await actor.invoke_mock_command(text)


async def test_it_turns_to_a_filter(actor: Any) -> None:
    command = await run(actor, "move g")
    assert command.status.did_succeed
    assert command.replies.get("filter") == "g"


async def test_a_filter_that_it_does_not_have_is_refused(actor: Any) -> None:
    command = await run(actor, "move h-alpha")
    assert command.status.did_fail
    assert "There is no filter h-alpha" in command.replies.get("error")


async def test_commands_fail_while_there_is_no_wheel(actor: Any) -> None:
    await actor.device.stop()
    command = await run(actor, "status")
    assert command.status.did_fail
    assert "is not connected" in command.replies.get("error")
