"""Stopping actors on a broker, whatever they do at that moment."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, Command, CommandStatus
from clu.exceptions import CluRuntimeError
from tests.conftest import HAS_UVLOOP
from tests.reliability.actors import make
from tests.reliability.programs import check_end

from ..waiting import until
from .actors import Camera, make_parser, only, ping

if TYPE_CHECKING:
    from tests.broker import Broker


async def test_stop_at_once_and_again_ends_each_command_once(
    actor: Any, client: AMQPClient
) -> None:
    before = {task for task in asyncio.all_tasks() if task not in actor._tasks}
    sent = [
        await client.send_command("camera", body, await_command=False)
        for body in ["wait"] * 20 + ["sleep 60", "parent wait"]
    ]
    await until(lambda: len(actor._active_commands) == 23)
    await asyncio.wait_for(asyncio.gather(actor.stop(), actor.stop()), 10)
    await asyncio.wait_for(asyncio.gather(*sent), 10)
    for command in sent:
        ends = [reply for reply in command.replies if reply.message_code.value in ":f"]
        assert [end.message_code.value for end in ends] == ["f"]
        assert "cancelled" in ends[0].message["error"]
    assert not actor._active_commands
    assert not actor.timed_commands.running
    await only(before)


async def test_to_stop_does_not_look_cancelled_when_the_connection_is_lost_meanwhile(
    actor: Any,
) -> None:
    class Queue:
        async def cancel(self, tag: str) -> None:
            raise asyncio.CancelledError  # as aiormq does

    actor.connection._consumer_tag = {Queue(): "tag"}
    await actor.stop()
    assert not actor.is_connected()


async def test_stop_ends_what_the_actor_itself_runs(actor: Any) -> None:
    actor.timed_commands.add_command("wait", delay=1)
    own: Command[Any] = Command("wait", actor=actor).parse()
    child = own.child_command("wait")
    await until(lambda: actor.timed_commands[0].is_running)
    await actor.stop()
    assert {own.status, child.status} == {CommandStatus.CANCELLED}
    assert not actor.timed_commands[0].is_running


async def test_stop_does_not_wait_for_ever_for_a_callback_that_refuses(
    broker: Broker,
    client: AMQPClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("clu._core.loop.cancel_tasks.__defaults__", (0.05,))
    is_over = asyncio.Event()

    class Stubborn(Camera):
        parser = make_parser()

    @Stubborn.parser.command()
    async def refuse(command: Command[Any]) -> None:
        command.info(word="started")
        while not is_over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await is_over.wait()

    actor = await Stubborn("camera", url=broker.url).start()
    sent = await client.send_command("camera", "refuse", await_command=False)
    await until(lambda: len(sent.replies) == 2)
    (command,) = actor._active_commands
    await asyncio.wait_for(actor.stop(), 5)
    await asyncio.wait_for(sent, 10)
    assert sent.status.did_fail
    assert sent.replies.get("error") == "The actor is stopping."
    assert command.status is CommandStatus.CANCELLED
    assert "1 callbacks are still running after being cancelled" in caplog.text
    is_over.set()
    assert command._task is not None
    await asyncio.wait([command._task], timeout=5)


async def test_a_command_may_stop_its_own_actor(broker: Broker, client: AMQPClient) -> None:
    before = asyncio.all_tasks()
    actor = await make("amqp", url=broker.url).start()
    command = await asyncio.wait_for(client.send_command("camera", "shut-down"), 10)
    assert command.status.did_fail
    assert "stopping" in command.replies.get("error")
    await only(before)
    assert not actor.is_connected()
    await actor.start()
    assert await ping(client) == "Pong."
    await actor.stop()


async def test_a_second_start_is_an_error_and_the_first_goes_on(
    actor: Any, client: AMQPClient
) -> None:
    sender = actor._sender
    with pytest.raises(RuntimeError, match="There is a connection"):
        await actor.start()
    assert actor._sender is sender
    assert await ping(client) == "Pong."


ENDING = """
async def main():
    url, how = sys.argv[1:]
    actor = clu.AMQPActor("ending", url=url)
    actor.log.sh.setLevel(100)
    await actor.start()
    actor.timed_commands.add_command("ping", delay=0.01)
    command = await actor.send_command("ending", "ping")
    assert command.status.did_succeed
    await actor.send_command("ending", "ping", await_command=False)
    if how == "stopped":
        await actor.stop()
    if how == "cancelled":
        asyncio.current_task().cancel()
        await asyncio.sleep(1)
"""


@pytest.mark.rabbitmq
@pytest.mark.parametrize("how", ["stopped", "left running", "cancelled"])
@pytest.mark.parametrize("loop", ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])])
def test_the_interpreter_ends_without_a_complaint(broker: Broker, loop: str, how: str) -> None:
    check_end(ENDING, loop, broker.url, how)


async def test_of_two_starts_at_once_the_second_is_an_error_and_the_first_goes_on(
    broker: Broker,
) -> None:
    client = AMQPClient("twice", url=broker.url)
    outcomes = await asyncio.gather(client.start(), client.start(), return_exceptions=True)
    assert outcomes[0] is client
    assert isinstance(outcomes[1], CluRuntimeError)
    assert "There is a connection" in str(outcomes[1])
    async with Camera("camera", url=broker.url):
        assert await ping(client) == "Pong."
    await client.stop()


async def test_two_stops_at_once_end_as_soon_as_all_is_confirmed(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clu.client._STOP_TIMEOUT", 1000.0)
    camera = await Camera("camera", url=broker.url).start()
    for number in range(1000):
        camera.write("i", number=number)
    await asyncio.wait_for(asyncio.gather(camera.stop(), camera.stop()), 60)
    assert camera.stats["published"] >= 1000
    assert camera.stats["dropped"] == 0
