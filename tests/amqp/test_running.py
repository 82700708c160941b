"""Waiting until a command is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from clu import Command
from clu._amqp.running import wait_until_sent


def future() -> asyncio.Future[bool]:
    return asyncio.get_running_loop().create_future()


async def test_it_ends_with_the_confirmation() -> None:
    waiting = future()
    asyncio.get_running_loop().call_soon(waiting.set_result, True)
    assert await wait_until_sent(waiting, Command("x"), 20)


async def test_it_ends_with_the_command() -> None:
    command: Command[Any] = Command("x")
    asyncio.get_running_loop().call_soon(command.set_status, "failed")
    assert await wait_until_sent(future(), command, 20)
    assert await wait_until_sent(future(), command, 20)


async def test_it_tells_that_the_time_is_over() -> None:
    assert not await wait_until_sent(future(), Command("x"), 0.01)
    assert not await wait_until_sent(future(), None, 0.01)


async def test_it_raises_the_error_of_the_broker() -> None:
    waiting = future()
    asyncio.get_running_loop().call_soon(waiting.set_exception, KeyError("x"))
    with pytest.raises(KeyError):
        await wait_until_sent(waiting, Command("x"), 20)


async def test_a_cancellation_in_the_iteration_of_the_timeout_is_not_swallowed() -> None:
    waiting = future()
    task = asyncio.ensure_future(wait_until_sent(waiting, Command("x"), 0.01))

    def cancel(_: object) -> None:
        task.cancel()

    waiting.add_done_callback(cancel)  # the timeout ends it
    with pytest.raises(asyncio.CancelledError):
        await task
