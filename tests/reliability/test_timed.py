"""Timed commands keep their period, never overlap, and use a monotonic clock.

tests/core/test_timed.py tests that one which fails does not stop the others.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import TYPE_CHECKING, Any

import pytest

from clu import Command, TimedCommandList

from ..test_base import Collector
from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Clock:
    """A clock that a test sets, instead of the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Actor(Collector):
    """An actor that records when its commands ran."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("timed", validate=False)
        self.clock = clock
        self.times: list[float] = []
        self.commands: list[Command[Any]] = []

    def parse_command(self, command: Command[Any]) -> None:
        self.times.append(self.clock.now - 1000)
        self.commands.append(command)
        if command.body != "hold":
            command.finish()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("clu._core.timed.time", clock)
    return clock


@pytest.fixture
async def timed(clock: Clock) -> AsyncIterator[TimedCommandList]:
    timed = TimedCommandList(Actor(clock), resolution=0.001)
    yield timed
    await timed.stop()


async def settle() -> None:
    await asyncio.sleep(0.02)


async def test_a_command_that_was_late_is_next_due_when_it_would_have_been(
    timed: TimedCommandList, clock: Clock
) -> None:
    actor: Any = timed.actor
    timed.add_command("status", delay=10)
    timed.start()
    await until(lambda: actor.times == [0])
    for now, expected in [
        (9.9, [0]),
        (17, [0, 17]),  # the loop was busy when it was due, at 10
        (19.9, [0, 17]),
        (20, [0, 17, 20]),
        (29.9, [0, 17, 20]),
        (57, [0, 17, 20, 57]),  # it missed three: it runs once
        (59.9, [0, 17, 20, 57]),
        (60, [0, 17, 20, 57, 60]),
    ]:
        clock.now = 1000 + now
        await settle()
        assert actor.times == expected, now


async def test_many_small_delays_do_not_add_up(timed: TimedCommandList, clock: Clock) -> None:
    actor: Any = timed.actor
    timed.add_command("status", delay=1)
    timed.start()
    await until(lambda: actor.times == [0])
    for number in range(1, 11):
        clock.now = 1000 + number + 0.4
        await until(lambda number=number: len(actor.times) == number + 1)
    clock.now = 1011
    await until(lambda: len(actor.times) == 12)


async def test_a_command_that_still_runs_is_not_run_again_and_then_keeps_its_period(
    timed: TimedCommandList, clock: Clock
) -> None:
    actor: Any = timed.actor
    timed.add_command("hold", delay=10)
    timed.start()
    await until(lambda: actor.times == [0])
    clock.now = 1035
    await settle()
    assert actor.times == [0]
    actor.commands[0].finish()
    await until(lambda: actor.times == [0, 35])
    actor.commands[1].finish()
    clock.now = 1039.9
    await settle()
    assert len(actor.times) == 2
    clock.now = 1040
    await until(lambda: actor.times == [0, 35, 40])


async def test_a_change_of_the_date_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    actor = Actor(clock)
    timed = TimedCommandList(actor, resolution=0.001)
    timed.add_command("rarely", delay=3600)
    timed.add_command("often", delay=0.001)
    timed.start()
    await until(lambda: len(actor.times) >= 3)
    tomorrow = time.time() + 86400
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    runs = len(actor.times)
    await until(lambda: len(actor.times) > runs + 3)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    runs = len(actor.times)
    await until(lambda: len(actor.times) > runs + 3)
    await timed.stop()
    assert sum(command.body == "rarely" for command in actor.commands) == 1
    assert datetime.datetime.now().year > 2000


async def test_the_resolution_does_not_make_a_command_late(clock: Clock) -> None:
    timed = TimedCommandList(Actor(clock), resolution=0.5)
    timed.add_command("soon", delay=0.125)
    timed[0].last_run = clock.now
    assert timed._pause() == 0.125
    timed.add_command("later", delay=60)
    timed[1].last_run = clock.now
    assert timed._pause() == 0.125
    timed[0].is_running = True
    assert timed._pause() == 0.5
    clock.now += 100
    assert timed._pause() == 0.001
