"""Who is there: the question to everybody on a broker."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from clu import AMQPClient, __version__
from clu._amqp.presence import Presence, who_is_there
from clu.exceptions import CluConnectionError

from ..waiting import until

if TYPE_CHECKING:
    from tests.broker import Broker

    from .actors import Camera, Listener


async def test_everybody_answers_with_what_they_are_and_the_asker_is_left_out(
    broker: Broker, camera: Camera, client: AMQPClient
) -> None:
    async with AMQPClient("asker", url=broker.url) as asker:
        found = {item.name: item for item in await who_is_there(asker)}
    assert set(found) == {"camera", "client"}
    uptimes = [item.uptime for item in found.values()]
    assert all(isinstance(value, float) and 0 <= value < 100 for value in uptimes)
    host, pid = socket.gethostname(), os.getpid()
    actor = Presence("camera", True, "1.2.3", __version__, host, pid, None, 0)
    assert found["camera"]._replace(uptime=None) == actor
    other = Presence("client", False, "?", __version__, host, pid, None, None)
    assert found["client"]._replace(uptime=None) == other


async def test_the_running_commands_of_an_actor_are_counted(
    camera: Camera, client: AMQPClient
) -> None:
    send = client.send_command
    commands = [await send("camera", "sleep 60", await_command=False) for _ in range(2)]
    await until(lambda: all(command.replies for command in commands))
    (found,) = await who_is_there(client)
    assert (found.name, found.running_commands) == ("camera", 2)


async def test_an_actor_asks_as_well(broker: Broker, camera: Camera, client: AMQPClient) -> None:
    assert not camera._receives_replies
    assert [item.name for item in await who_is_there(camera)] == ["client"]


async def test_an_actor_that_is_called_all_is_not_everybody(
    broker: Broker, camera: Camera, listener: Listener
) -> None:
    for key in ("presence.all", "presence.presence", "presence."):
        await listener.publish(key, b"", {"commander_id": "somebody", "question": "q"})
    await listener.publish("presence", b"", {"commander_id": "somebody", "question": "all"})
    await until(lambda: listener.find("reply.somebody"))
    await asyncio.sleep(0.1)
    assert [item.headers["question"] for item in listener.find("reply.somebody")] == ["all"]


async def test_who_listens_to_the_keys_of_the_recorded_release_sees_no_question(
    camera: Camera, client: AMQPClient, listener: Listener
) -> None:
    assert await who_is_there(client)
    messages = listener.messages
    assert messages
    for message in messages:  # the answer, an internal reply of no command without keywords
        assert message.routing_key.startswith("reply.clu-question-")
        assert (message.body, message.headers["internal"]) == (b"{}", True)
        assert message.headers["command_id"] is message.correlation_id is None


async def test_answers_that_make_no_sense_are_taken_for_what_is_known(
    broker: Broker, camera: Camera, client: AMQPClient, listener: Listener
) -> None:
    asking = asyncio.ensure_future(who_is_there(client))
    await until(lambda: client._answer_takers)
    (question,) = client._answer_takers
    odd: list[Any] = [None, 5, {"pid": "x", "host": 3, "version": True, "commands": True}]
    for number, program in enumerate(odd):
        headers = {
            "message_code": "i",
            "sender": f"odd{number}",
            "commander_id": "clu-question-0",
            "announcement": "present",
            "question": question,
            "program": program,
        }
        await listener.publish("reply.clu-question-0", b"{}", headers)
    found = await asking
    assert found[1:] == [Presence("odd0"), Presence("odd1"), Presence("odd2")]
    assert found[0].name == "camera"


async def test_without_a_connection_the_question_is_an_error(client: AMQPClient) -> None:
    await client.connection.stop()
    with pytest.raises(CluConnectionError, match="no connection to the broker"):
        await who_is_there(client)
    assert client._answer_takers == {}
