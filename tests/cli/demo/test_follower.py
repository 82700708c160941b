"""The client that follows the actor of the demo."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from clu.cli.demo.follower import Follower, SequenceCheck
from clu.cli.demo.host_actor import HostActor
from clu.model import Model


def reply(keywords: dict[str, Any], command_id: int | None = None, code: str = "i") -> bytes:
    header = {"command_id": command_id, "message_code": code, "sender": "host"}
    return json.dumps({"header": header, "data": keywords}).encode() + b"\n"


@pytest.mark.parametrize(
    ("numbers", "lost", "disordered"),
    [
        ([1, 2, 3], 0, 0),
        ([5, 6, 7], 0, 0),
        ([1, 2, 4], 1, 0),
        ([1, 5, 6, 9], 5, 0),
        ([1, 2, 2, 3], 0, 1),
        ([1, 3, 2, 4], 1, 1),
        ([], 0, 0),
    ],
)
def test_gap_in_the_sequence_is_counted(numbers: list[int], lost: int, disordered: int) -> None:
    check = SequenceCheck()
    for number in numbers:
        check.add(number)
    assert (check.received, check.lost, check.disordered) == (len(numbers), lost, disordered)


def test_gap_between_replies_is_counted() -> None:
    follower = Follower()
    for number in (1, 2, 5):
        follower.receive(reply({"sequence": number}))
    assert follower.sequence.lost == 2


def test_answers_to_commands_are_not_part_of_the_sequence() -> None:
    follower = Follower()
    follower.receive(reply({"sequence": 1}))
    follower.receive(reply({"sequence": 1}, command_id=3))
    follower.receive(reply({"sequence": 2}))
    assert (follower.sequence.received, follower.sequence.disordered) == (2, 0)


@pytest.mark.parametrize("line", [b"\n", b"{\n", b"[]\n", b"{}\n", b'{"header": {}, "data": {}}\n'])
def test_line_that_is_no_reply_is_counted(line: bytes) -> None:
    follower = Follower()
    follower.receive(line)
    assert len(follower.invalid) == 1


def test_reply_that_the_schema_does_not_allow_is_counted() -> None:
    follower = Follower()
    schema = {"type": "object", "properties": {"cpu": {"type": "number"}}}
    follower.model = Model("host", schema)
    follower.receive(reply({"cpu": 1.5}))
    follower.receive(reply({"cpu": "much"}))
    assert follower.invalid == ["'much' is not of type 'number'"]


async def test_command_has_an_answer() -> None:
    actor = await HostActor().start()
    follower = Follower()
    await follower.connect("localhost", actor.port)
    pings = [follower.send("ping") for _ in range(10)]
    for answer in pings:
        assert (await answer.wait()).keywords == {"text": "Pong."}
    failed = await follower.command("rate 1e9")
    assert failed.code == "f"
    assert follower.sent == follower.answered == 12
    assert len(follower.latencies["ping"]) == 10
    assert follower.running == []
    assert follower.invalid == []
    await follower.disconnect()
    await actor.stop()


async def test_keywords_have_the_units_of_the_schema() -> None:
    actor = await HostActor(rate=200).start()
    follower = Follower()
    await follower.connect("localhost", actor.port)
    actor.start_telemetry()
    while "memory_used" not in follower.keywords:
        await follower.command("ping")
    assert follower.keywords["memory_used"].unit == "GiB"
    assert follower.keywords["load"].unit == ""
    assert follower.rate > 0
    await follower.disconnect()
    await actor.stop()


async def test_lost_connection_ends_the_commands_that_wait() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    follower = Follower()
    with pytest.raises(ConnectionError, match="closed the connection"):
        await follower.connect("127.0.0.1", server.sockets[0].getsockname()[1])
    with pytest.raises(ConnectionError, match="closed the connection"):
        await follower.command("ping")
    await follower.disconnect()
    server.close()
