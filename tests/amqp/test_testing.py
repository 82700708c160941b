"""AMQP actors prepared for tests, which need no broker."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import AsyncMock

import aio_pika
import pytest

from clu import Command
from clu.exceptions import CluNotImplemented
from clu.testing import TestCommand, setup_test_actor

from .actors import Camera


@pytest.fixture
async def camera() -> Any:
    return await setup_test_actor(Camera("camera", validate=False))


async def test_a_command_gives_a_coroutine_of_a_command(camera: Any) -> None:
    result = camera.invoke_mock_command("sleep 0.01", command_id=3)
    assert asyncio.iscoroutine(result)
    command = await result
    assert not command.done()
    assert command.commander_id == "mock_test_client"
    await command
    assert [reply.flag for reply in camera.mock_replies] == [">", ":"]
    assert "slept" in camera.mock_replies
    last = camera.mock_replies[-1]
    assert (last.user_id, last.command_id) == ("mock_test_client", "3")


async def test_the_last_reply_is_there_when_the_command_ends(camera: Any) -> None:
    for count in range(3):
        camera.mock_replies.clear()
        await (await camera.invoke_mock_command(f"count {count}"))
        assert [dict(r) for r in camera.mock_replies[1:-1]] == [{"number": n} for n in range(count)]
        assert camera.mock_replies[-1].flag == ":"


async def test_what_reaches_the_exchange(camera: Any) -> None:
    assert isinstance(camera.connection.exchange.publish, AsyncMock)
    camera.write("i", text="hello")
    await asyncio.sleep(0)
    camera.connection.exchange.publish.assert_awaited_once()
    (message,), keywords = camera.connection.exchange.publish.await_args
    assert isinstance(message, aio_pika.Message)
    assert json.loads(message.body) == {"text": "hello"}
    assert message.headers["message_code"] == "i"
    assert keywords == {"routing_key": "reply.broadcast"}


async def test_commands_made_by_hand(camera: Any) -> None:
    command = TestCommand("ping", commander_id="me", actor=camera)
    camera.parse_command(command)
    await command
    command.reset()
    assert not command.done()
    assert await camera.start() is camera
    await camera.stop()


async def test_an_actor_that_was_not_prepared_writes_to_nobody() -> None:
    camera = Camera("camera")
    command: Command[Any] = Command("", actor=camera)
    command.info(text="hello")
    command.finish()
    assert [reply.message for reply in command.replies] == [{"text": "hello"}, {}]
    assert camera.stats["backlog"] == 0
    with pytest.raises(CluNotImplemented):
        camera.invoke_mock_command("ping")
