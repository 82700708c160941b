"""Commands whose actor was killed end with a reason; those of a slow one go on."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, CommandStatus
from clu._amqp import absence_watch
from tests.proxy import Proxy

from ..waiting import until
from .actors import Camera
from .test_absence import queue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker

ABSENT = "The actor 'camera' is not on the broker any more, and does not run the command."
PROGRAM = """
import asyncio, sys
from tests.amqp.actors import Camera

async def main():
    await Camera("camera", url=sys.argv[1]).start()
    print("It is there.", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence_watch, "_PERIOD", 0.2)


@pytest.fixture
async def commander(broker: Broker) -> AsyncIterator[AMQPClient]:
    async with AMQPClient("commander", url=broker.url, absent_actor_limit=1.0) as client:
        yield client


async def running(client: AMQPClient, seconds: float = 600) -> Any:
    """Send a command that the actor begins to run."""
    command = await client.send_command("camera", f"sleep {seconds}", await_command=False)
    await until(lambda: command.replies)
    return command


@pytest.mark.rabbitmq
@pytest.mark.parametrize("key", [None, "command.#"])
async def test_a_command_ends_when_its_actor_was_killed(
    broker: Broker, commander: AMQPClient, key: str | None
) -> None:
    async with queue(broker, None, *([key] if key else [])):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, broker.url), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        while await process.stdout.readline() != b"It is there.\n":
            assert process.returncode is None
        command = await running(commander)
        await asyncio.sleep(1.5)
        assert command.status is CommandStatus.RUNNING
        process.kill()
        await process.wait()
        await asyncio.wait_for(command, 40)
    assert command.status is CommandStatus.FAILED
    assert command.replies.get("error") == ABSENT


@pytest.mark.rabbitmq
async def test_nothing_is_asked_of_an_actor_that_is_slow(
    broker: Broker, camera: Camera, commander: AMQPClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with queue(broker, None, "reply.#") as replies:
            command = await running(commander, 4)
            await until(lambda: commander._absence_watch._searches)  # type: ignore[union-attr]
            assert (await command).status is CommandStatus.DONE
            await until(lambda: len(replies) > 1)
            assert [item.headers["message_code"] for item in replies] == [">", ":"]
    assert caplog.records == []
    assert "camera_commands" not in broker.log  # where the broker says that a queue is locked


@pytest.mark.rabbitmq
async def test_an_actor_that_connects_again_runs_its_command_on(
    broker: Broker, commander: AMQPClient
) -> None:
    commander._absence_watch._limit = 20.0  # type: ignore[union-attr]
    async with (
        Proxy(broker.port) as proxy,
        Camera("camera", url=proxy.url) as camera,
    ):
        command = await running(commander, 6)
        await asyncio.sleep(1)
        proxy.cut()
        await until(lambda: not camera.is_connected())
        assert (await asyncio.wait_for(command, 60)).status is CommandStatus.DONE


async def test_an_actor_of_the_recorded_release_is_never_looked_for(
    broker: Broker, commander: AMQPClient
) -> None:
    async with queue(broker, "camera_commands", "command.camera.#") as messages:
        command = await commander.send_command("camera", "sleep 600", await_command=False)
        await until(lambda: messages)
        assert commander._absence_watch._timer is None  # type: ignore[union-attr]
    assert not command.done()


async def test_there_is_no_timer_when_no_command_runs(
    camera: Camera, commander: AMQPClient
) -> None:
    watch = commander._absence_watch
    assert watch is not None
    assert watch._timer is None
    assert (await running(commander, 0.01)).status
    assert watch._timer is not None
    await until(lambda: watch._timer is None)


async def test_without_a_limit_nobody_is_looked_for(broker: Broker, camera: Camera) -> None:
    async with AMQPClient("patient", url=broker.url, absent_actor_limit=None) as client:
        await running(client)
        assert client._absence_watch is None
