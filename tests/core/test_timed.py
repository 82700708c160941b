"""Commands that an actor runs on itself periodically."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from clu import Command, TimedCommand, TimedCommandList
from clu.exceptions import CluError

from ..test_base import Collector
from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Actor(Collector):
    """An actor with a command that ends at once, one that does not, and one that raises."""

    def __init__(self) -> None:
        super().__init__("timed", validate=False)
        self.runs: list[Command[Any]] = []

    def parse_command(self, command: Command[Any]) -> None:
        self.runs.append(command)
        if command.body == "raise":
            raise RuntimeError("broken command")
        if command.body != "wait":
            command.finish(ran=command.body)

    def count(self, body: str) -> int:
        return sum(command.body == body for command in self.runs)


@pytest.fixture
def actor() -> Actor:
    return Actor()


@pytest.fixture
async def timed(actor: Actor) -> AsyncIterator[TimedCommandList]:
    timed = TimedCommandList(actor, resolution=0.001)
    yield timed
    await timed.stop()


def test_a_list_holds_timed_commands(actor: Actor) -> None:
    timed = TimedCommandList(actor)
    timed.add_command("status")
    timed.add_command("ping", delay=5, first_silent=True)
    assert timed.resolution == 0.5
    assert isinstance(timed[0], TimedCommand)
    assert [(each.command_string, each.delay, each.first_silent) for each in timed] == [
        ("status", 1, False),
        ("ping", 5, True),
    ]


async def test_all_run_at_once_and_then_only_when_due(
    actor: Actor, timed: TimedCommandList
) -> None:
    timed.add_command("often", delay=0.001)
    timed.add_command("rarely", delay=3600)
    assert timed.start() is timed
    await until(lambda: actor.count("often") >= 5)
    assert actor.count("rarely") == 1


async def test_the_actor_commands_itself(actor: Actor, timed: TimedCommandList) -> None:
    timed.add_command("status", delay=3600)
    timed.start()
    await until(lambda: bool(actor.sent))
    (command,) = actor.runs
    assert command.commander_id == ".timed"
    assert command.actor is actor
    assert not command.internal
    assert actor.output == [(":", {"ran": "status"})]


async def test_what_still_runs_is_not_run_again(actor: Actor, timed: TimedCommandList) -> None:
    timed.add_command("wait", delay=0.001)
    timed.add_command("other", delay=0.001)
    timed.start()
    await until(lambda: actor.count("other") >= 5)
    assert actor.count("wait") == 1
    assert timed[0].is_running
    actor.runs[0].finish()
    await until(lambda: actor.count("wait") == 2)


async def test_one_that_fails_does_not_stop_the_others_or_itself(
    actor: Actor, timed: TimedCommandList, caplog: pytest.LogCaptureFixture
) -> None:
    timed.add_command("raise", delay=0.001)
    timed.add_command("fine", delay=0.001)
    timed.start()
    await until(lambda: actor.count("fine") >= 3 and actor.count("raise") >= 3)
    assert timed.running
    assert "The timed command 'raise' failed." in caplog.text
    assert "broken command" in caplog.text


async def test_only_the_first_run_is_silent(actor: Actor, timed: TimedCommandList) -> None:
    timed.add_command("quiet", delay=0.001, first_silent=True)
    timed.start()
    await until(lambda: len(actor.runs) >= 3)
    await timed.stop()
    assert [command.silent for command in actor.runs[:3]] == [True, False, False]
    assert len(actor.sent) == len(actor.runs) - 1


async def test_starting_twice_is_an_error(timed: TimedCommandList) -> None:
    timed.start()
    with pytest.raises(CluError, match="already running") as caught:
        timed.start()
    assert isinstance(caught.value, RuntimeError)


async def test_stopping_stops_and_can_be_done_at_any_time(
    actor: Actor, timed: TimedCommandList
) -> None:
    await timed.stop()
    assert timed.running is False
    timed.add_command("often", delay=0.001)
    timed.start()
    assert timed.running is True
    await until(lambda: actor.count("often") >= 1)
    await timed.stop()
    await timed.stop()
    assert timed.running is False
    runs = len(actor.runs)
    await asyncio.sleep(0.01)
    assert len(actor.runs) == runs


async def test_starting_again_runs_all_at_once_again(actor: Actor, timed: TimedCommandList) -> None:
    timed.add_command("rarely", delay=3600)
    for times in (1, 2):
        timed.start()
        await until(lambda times=times: actor.count("rarely") == times)
        await timed.stop()


async def test_commands_can_be_added_and_removed_while_they_run(
    actor: Actor, timed: TimedCommandList
) -> None:
    timed.start()
    timed.add_command("late", delay=0.001)
    await until(lambda: actor.count("late") >= 2)
    timed.clear()
    await asyncio.sleep(0.005)
    runs = len(actor.runs)
    await asyncio.sleep(0.01)
    assert len(actor.runs) == runs


async def test_a_resolution_of_nothing_leaves_time_for_others(actor: Actor) -> None:
    timed = TimedCommandList(actor, resolution=0)
    timed.start()
    await asyncio.sleep(0.01)
    await timed.stop()


async def test_a_timed_command_can_be_run_alone(actor: Actor) -> None:
    command = TimedCommand("wait")
    await command.run(actor)
    assert command.is_running
    actor.runs[0].finish()
    await asyncio.sleep(0)
    assert not command.is_running
