"""The client of TCP JSON actors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import click
import pytest

from clu import Command, JSONActor
from clu.exceptions import CluConnectionError, CluRuntimeError, CluValueError
from clu.parsers.click import CluGroup
from clu.remote import JSONClient, JSONReply, connect

from ..amqp.actors import SCHEMA, make_parser
from ..broker import free_port
from ..waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Stage(JSONActor):
    parser = make_parser()


@Stage.parser.command()
@click.argument("number", type=int)
async def shout(command: Command[Any], number: int) -> None:
    command.write("i", {"number": number}, broadcast=True)
    await asyncio.sleep(1000)


@contextlib.asynccontextmanager
async def running(port: int, **kwargs: Any) -> AsyncIterator[Stage]:
    actor = await Stage("stage", port=port, schema=SCHEMA, **kwargs).start()
    try:
        yield actor
    finally:
        await actor.stop()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with running(free_port()) as actor:
        yield actor


async def test_a_command_ends_with_its_replies(stage: Stage) -> None:
    async with JSONClient("localhost", stage.port) as client:
        command = await client.send_command("count", 2)
        assert command.status.did_succeed
        assert [reply.message_code.value for reply in command.replies] == [">", "i", "i", ":"]
        assert client.actor_name == "stage"
        assert client.running_commands == {}
        failed = await client.send_command("dance")
        assert failed.status.did_fail
        assert "does not exist" in failed.replies.get("error")


async def test_callbacks_get_the_replies_of_the_command_and_of_all(stage: Stage) -> None:
    seen: list[JSONReply] = []
    own: list[Any] = []

    async def take(reply: JSONReply) -> None:
        own.append(reply.body)

    async with JSONClient("localhost", stage.port) as client:
        client.add_reply_callback(seen.append)
        stage.write("i", number=7)
        await until(lambda: seen)
        assert not seen[0].is_own
        assert (seen[0].sender, seen[0].command_id) == ("stage", None)
        assert seen[0].message == seen[0].body == {"number": 7}
        await client.send_command("count 1", reply_callback=take)
        await until(lambda: {"number": 0} in own)
        assert all(reply.is_own for reply in seen[1:])
        client.remove_reply_callback(seen.append)
        with pytest.raises(CluValueError, match="not registered"):
            client.remove_reply_callback(seen.append)


async def test_broadcast_replies_to_a_command_of_somebody_else_with_the_same_id_are_not_ours(
    stage: Stage,
) -> None:
    async with (
        JSONClient("localhost", stage.port) as one,
        JSONClient("localhost", stage.port) as two,
    ):
        await one.send_command("ping")
        await two.send_command("ping")
        one._last_id = two._last_id = 5
        heard: list[int] = []
        one.add_reply_callback(lambda reply: heard.append(reply.body.get("number")))
        first = await one.send_command("shout 1", await_command=False)
        await until(lambda: first.replies)
        second = await two.send_command("shout 2", await_command=False)
        await until(lambda: 2 in heard and second.replies)
        assert first.command_id == second.command_id
        assert [first.replies.get("number"), second.replies.get("number")] == [1, 2]
        assert 2 not in [reply.message.get("number") for reply in first.replies]


async def test_an_actor_is_found_by_its_address(stage: Stage) -> None:
    client = await connect(f"tcp://localhost:{stage.port}")
    assert client.is_connected()
    assert "connected" in repr(client)
    await client.stop()
    with pytest.raises(CluValueError, match=r"'localhost' is not the address of an actor"):
        await connect("localhost")


async def test_a_command_of_several_lines_is_refused(stage: Stage) -> None:
    async with JSONClient("localhost", stage.port) as client:
        with pytest.raises(CluValueError, match="must be a single line"):
            await client.send_command("ping\nping")


async def test_a_client_that_runs_cannot_be_started(stage: Stage) -> None:
    async with JSONClient("localhost", stage.port) as client:
        with pytest.raises(CluRuntimeError, match="already running"):
            await client.start()
    with pytest.raises(CluConnectionError, match="Not connected"):
        await client.send_command("ping")
    async with client:
        assert (await client.send_command("ping")).status.did_succeed


async def test_a_token_must_be_a_word() -> None:
    for token in ("", "two words", "\n"):
        with pytest.raises(CluValueError, match="token"):
            JSONClient("localhost", 1, token=token)


async def test_the_token_is_sent_again_after_a_loss() -> None:
    port = free_port()
    happened: list[str] = []
    client = JSONClient("localhost", port, token="secret")
    client.on_lost = lambda: happened.append("lost")
    client.on_connected = lambda: happened.append("connected")
    async with running(port, token="secret"):
        await client.start()
        command = await client.send_command("sleep 1000", await_command=False)
    await until(lambda: happened == ["lost"])
    assert command.status.did_fail
    async with running(port, token="secret"):
        await until(lambda: happened == ["lost", "connected"])
        assert (await client.send_command("ping")).status.did_succeed
        await client.stop()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"header": null, "data": {}}',
        b'{"header": {"message_code": "?", "sender": "a", "internal": false}, "data": {}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
async def test_what_is_no_reply_is_logged_and_loses_nothing(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = (
        b'{"header": {"command_id": %d, "commander_id": "c", "message_code": ":", '
        b'"internal": false, "sender": "stage"}, "data": {"text": "there"}}\n'
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command_id = int((await reader.readline()).split()[0])
        writer.write(line + b"\n" + answer % command_id)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "localhost", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with caplog.at_level(logging.WARNING, "clu"):
            async with JSONClient("localhost", port) as client:
                command = await client.send_command("ping")
    assert command.replies.get("text") == "there"
    (record,) = caplog.records
    assert "sent an invalid reply: " in record.getMessage()


async def test_an_actor_that_does_not_answer_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "localhost", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = JSONClient("localhost", port, token="secret", connection_timeout=0.1)
        with pytest.raises(CluConnectionError, match="refused the token"):
            await client.start()
        assert not client.is_connected()


async def test_commands_of_one_iteration_are_sent_together_and_in_order() -> None:
    @click.group(cls=CluGroup)
    def parser(*args: Any) -> None:
        pass

    order: list[int] = []

    @parser.command()
    @click.argument("number", type=int)
    async def count(command: Any, number: int) -> None:
        order.append(number)
        await asyncio.sleep(0)
        command.finish(number=number)

    actor_class = type("Actor", (JSONActor,), {"parser": parser})
    actor = actor_class("camera", host="127.0.0.1", port=0, additional_properties=True)
    await actor.start()
    try:
        async with JSONClient("127.0.0.1", actor.port) as client:
            written: list[bytes] = []
            transport = client._connection.transport  # type: ignore[union-attr]
            write = transport.write

            class Transport:
                def __getattr__(self, name: str) -> Any:
                    return getattr(transport, name)

                def write(self, data: bytes) -> None:
                    written.append(data)
                    write(data)

            client._connection.transport = Transport()  # type: ignore[union-attr]
            commands = await asyncio.gather(
                *(client.send_command(f"count {number}") for number in range(20))
            )
            assert [command.replies.get("number") for command in commands] == [*range(20)]
            assert order == [*range(20)]
            assert [piece.count(b"\n") for piece in written] == [1, 19]

            await client.send_command("count 20")
            assert written[2].count(b"\n") == 1

            # What was gathered is sent before the connection is closed.
            for number in (21, 22):
                await client.send_command(f"count {number}", await_command=False)
        await until(lambda: len(order) == 23)
        assert order == [*range(23)]
    finally:
        await actor.stop()
