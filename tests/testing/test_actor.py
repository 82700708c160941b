"""Actors without a network."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPActor, Command, CommandStatus, JSONActor, LegacyActor
from clu.exceptions import CluError
from clu.testing import MockReply, MockReplyList, TestCommand, setup_test_actor
from tests.test_base import Collector

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Actor(JSONActor):
    mock_replies: MockReplyList


@pytest.fixture
async def actor() -> Actor:
    return await setup_test_actor(Actor("camera", port=0, additional_properties=True))


async def test_a_command_is_run_as_if_a_user_had_sent_it(actor: Actor) -> None:
    command = actor.invoke_mock_command("ping")
    assert isinstance(command, Command)
    assert await asyncio.wait_for(command, 5) is command
    assert await command is command
    assert command.status is CommandStatus.DONE
    assert actor.mock_replies == [{}, {"text": "Pong."}]
    first, last = actor.mock_replies
    assert (first.flag, first.user_id, first.command_id) == (">", 666, 0)
    assert (last.flag, last.user_id, last.command_id) == (":", 666, 0)
    assert command.replies.get("text") == "Pong."


async def test_users_and_commands_have_their_ids() -> None:
    actor = await setup_test_actor(Actor("camera", port=0), user_id=9)
    command = actor.invoke_mock_command("nonsense", command_id=5)
    await asyncio.wait_for(command, 5)
    assert command.command_id == 5
    assert command.status.did_fail
    last = actor.mock_replies[-1]
    assert (last.flag, last.user_id, last.command_id) == ("f", 9, 5)
    assert list(actor.transports) == [9]


async def test_a_command_can_be_invoked_later(actor: Actor) -> None:
    loop = asyncio.get_running_loop()
    invoked: asyncio.Future[Any] = loop.create_future()
    loop.call_soon(lambda: invoked.set_result(actor.invoke_mock_command("ping")))
    command: Awaitable[Any] = await asyncio.wait_for(invoked, 5)
    await asyncio.wait_for(command, 5)
    assert "Pong." in actor.mock_replies


async def test_the_actor_is_not_started(actor: Actor) -> None:
    assert await actor.start() is actor
    assert actor.start.await_count == 1  # type: ignore[attr-defined]
    assert actor.server.port == 0


async def test_replies_without_a_command_arrive_too(actor: Actor) -> None:
    actor.write("i", number=5)
    assert actor.mock_replies == [{"number": 5}]
    assert (actor.mock_replies[0].flag, actor.mock_replies[0].command_id) == ("i", None)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("hello world", True),
        ("world", True),
        (5, True),
        ("item", True),
        ("key", True),
        (None, True),
        ("text", False),
        ("ite", False),
        (7, False),
    ],
)
async def test_the_values_of_all_replies_are_searched(
    actor: Actor, value: object, found: bool
) -> None:
    actor.write("i", text="hello world", number=5)
    actor.write("i", values=[1, "item"], table={"key": 1}, nothing=None)
    assert (value in actor.mock_replies) is found


@pytest.mark.parametrize(
    "make",
    [
        lambda: Actor("camera", port=0, additional_properties=True),
        lambda: LegacyActor("camera", "localhost", 0, additional_properties=True),
    ],
    ids=["json", "legacy"],
)
async def test_there_is_nothing_to_drain(make: Any) -> None:
    actor = await setup_test_actor(make())
    command = actor.invoke_mock_command("ping")
    await command
    for _ in range(100):
        actor.write("i", text="x" * 10_000, command=command)
    for coroutine in (actor.drain(), actor.drain(command), command.drain()):
        with pytest.raises(StopIteration):
            coroutine.send(None)


async def test_replies_can_be_forgotten(actor: Actor) -> None:
    actor.write("i", number=5)
    actor.mock_replies.clear()
    assert actor.mock_replies == []
    assert 5 not in actor.mock_replies


def test_a_reply_is_a_dictionary_that_prints_well() -> None:
    reply = MockReply(1, 2, "i", {"a": 1})
    assert reply == {"a": 1}
    assert repr(reply) == "<MockReply (1 2 i {'a': 1})>"
    assert MockReply(1, 2, "i") == {}


def test_legacy_replies_are_split_into_keywords() -> None:
    replies = MockReplyList(LegacyActor.__new__(LegacyActor))
    replies.parse_reply(b'3 7 i text="hello world"; pair=1,T; alone\n')
    replies.parse_reply("0 0 : \n")
    replies.parse_reply("not a reply\n")
    assert replies == [{"text": '"hello world"', "pair": "1,T", "alone": ""}, {}]
    assert (replies[0].user_id, replies[0].command_id, replies[0].flag) == (3, 7, "i")
    assert "hello" in replies
    assert "1,T" in replies


def test_amqp_replies_are_read_from_their_headers_and_body() -> None:
    replies = MockReplyList(AMQPActor.__new__(AMQPActor))
    headers = {"commander_id": b"client.camera", "command_id": "some-id", "message_code": b":"}
    replies.parse_reply(SimpleNamespace(headers=headers, body=b'{"text": "x"}'))
    replies.parse_reply(SimpleNamespace(headers={"message_code": "i"}, body=b""))
    assert replies == [{"text": "x"}, {}]
    first, last = replies
    assert (first.user_id, first.command_id, first.flag) == ("client.camera", "some-id", ":")
    assert (last.user_id, last.command_id, last.flag) == (None, None, "i")


async def test_another_kind_of_actor_is_refused() -> None:
    with pytest.raises(CluError, match="not implemented for this type of actor"):
        await setup_test_actor(Collector())  # type: ignore[type-var]


async def test_a_test_command_can_be_used_again(actor: Actor) -> None:
    command: TestCommand = TestCommand("x", commander_id=1, actor=actor)
    for times in (1, 2, 3):
        assert command.status is CommandStatus.READY
        assert not command.done()
        command.finish(a=times)
        assert await command is command
        assert len(command.replies) == times
        command.reset()
