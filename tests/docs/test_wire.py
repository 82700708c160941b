"""The bytes on the pages about the wire protocols are those of real conversations."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import re
from typing import TYPE_CHECKING, Any

import aio_pika
import click
from websockets.asyncio.client import connect

from clu import AMQPActor, AMQPClient, JSONActor, LegacyActor
from clu.parsers.click import CluGroup, command_parser
from clu.websocket import WebsocketServer

from .compare import plain
from .pages import DOCS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.broker import Broker

WIRE = DOCS / "examples" / "wire"
_LIMIT = 20.0
SCHEMA = {
    "type": "object",
    "properties": {
        "position": {"type": "number"},
        "limits": {"type": "array", "items": {"type": "number"}},
        "moving": {"type": "boolean"},
    },
}


def _parser() -> CluGroup:
    parser = CluGroup("stage", commands=dict(command_parser.commands))

    @parser.command()
    @click.argument("POSITION", type=click.FloatRange(0, 100))
    async def move(command: Any, position: float) -> None:
        """Moves the stage to a POSITION in mm."""
        if isinstance(command.actor, LegacyActor):
            command.info(moving=True, limits=[0, 100])
            command.info(position=position, moving=False)
        else:
            command.info(position=position * 0.5)
            command.info(position=position)
        command.finish(text="The stage is there.")

    return parser


class Stage(JSONActor):
    parser = _parser()


class LegacyStage(LegacyActor):
    parser = _parser()


class AMQPStage(AMQPActor):
    parser = _parser()


class Talk:
    """A conversation on a page: lines ``C: ...`` of the client and ``S: ...`` of the server."""

    def __init__(self, name: str) -> None:
        lines = (WIRE / name).read_text().split("\n")
        assert lines.pop() == "", "a page ends with a line feed"
        self.lines = [(line[:3], line[3:]) for line in lines]

    async def replay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ours: str = "C: ",
        theirs: str = "S: ",
    ) -> None:
        for side, line in self.lines:
            if side == ours:
                writer.write(f"{line}\n".encode())
            else:
                assert side == theirs
                seen = await asyncio.wait_for(reader.readline(), _LIMIT)
                assert _same_ids(seen) == _same_ids(f"{line}\n".encode())
        writer.close()


@contextlib.asynccontextmanager
async def started(thing: Any) -> AsyncIterator[Any]:
    await thing.start()
    try:
        yield thing
    finally:
        await thing.stop()


def _same_ids(line: bytes) -> bytes:
    """Return a line with placeholders for ids, and its other bytes unchanged."""
    text = line.decode()
    assert text.endswith("\n")
    end = text[len(text.rstrip()) :]  # a space at the end of a line counts
    return f"{plain(text)}{end}".encode()


async def test_tcp_json() -> None:
    async with started(Stage("stage", port=0, version="0.1.0", schema=SCHEMA)) as stage:
        for name in ("tcp-json.txt", "tcp-json-more.txt", "tcp-json-all-replies.txt"):
            await Talk(name).replay(*await asyncio.open_connection("localhost", stage.port))


async def test_tcp_json_with_a_token() -> None:
    async with started(Stage("stage", port=0, token="a-long-random-word")) as stage:
        streams = await asyncio.open_connection("localhost", stage.port)
        await Talk("tcp-json-token.txt").replay(*streams)


async def test_legacy() -> None:
    actor = LegacyStage("stage", "127.0.0.1", 0, version="0.1.0", schema=SCHEMA)
    async with started(actor) as stage:
        await Talk("legacy.txt").replay(*await asyncio.open_connection("127.0.0.1", stage.port))


async def test_hub() -> None:
    """The test is the hub: the actor under test is its client."""
    replayed = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Talk("hub.txt").replay(reader, writer, ours="H: ", theirs="A: ")
            replayed.set_result(None)
        except BaseException as error:
            replayed.set_exception(error)

    hub = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = hub.sockets[0].getsockname()[1]
    async with hub, started(LegacyStage("stage", "127.0.0.1", 0, "127.0.0.1", port)) as stage:
        command = stage.send_command("camera", "expose 5")
        await asyncio.wait_for(replayed, _LIMIT)
        await asyncio.wait_for(command, _LIMIT)
    assert command.status.did_succeed
    assert command.replies.get("exposure") == ["5"]


def _render(message: Any) -> str:
    """Return a message of the broker as the page shows it."""
    lines = [f"exchange        {message.exchange}", f"routing key     {message.routing_key}"]
    for name in ("content_type", "delivery_mode", "correlation_id", "reply_to", "message_id"):
        value = getattr(message, name)
        if value is not None:
            lines.append(f"{name:16}{int(value) if name == 'delivery_mode' else value}")
    if isinstance(message.timestamp, datetime.datetime):
        lines.append(f"timestamp       {message.timestamp:%Y-%m-%d %H:%M:%S}")
    headers = json.dumps(dict(sorted(message.headers.items())))
    return "\n".join(
        [*lines, f"headers         {headers}", f"body            {message.body.decode()}"]
    )


async def _listen(url: str) -> tuple[Any, asyncio.Queue[Any]]:
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    exchange = await channel.declare_exchange("sdss_exchange", "topic", auto_delete=True)
    queue = await channel.declare_queue("probe", exclusive=True)
    await queue.bind(exchange, "#")
    messages: asyncio.Queue[Any] = asyncio.Queue()
    await queue.consume(messages.put, no_ack=True)
    return connection, messages


async def test_amqp(broker: Broker) -> None:
    connection, messages = await _listen(broker.url)
    shown = (WIRE / "amqp.txt").read_text().strip().split("\n\n")
    actor = AMQPStage("stage", url=broker.url, schema=SCHEMA)
    client = AMQPClient("night_log", url=broker.url)
    async with connection, started(actor) as stage, started(client):
        announcement = await asyncio.wait_for(messages.get(), _LIMIT)
        assert announcement.routing_key == "reply.broadcast"
        assert announcement.headers["announcement"] == "started"
        assert announcement.headers["running_commands"] == []
        assert (announcement.headers["internal"], announcement.body) == (True, b"{}")
        await client.send_command("stage", "move 5")
        stage.write("i", text="The sun rises.")
        seen = [await asyncio.wait_for(messages.get(), _LIMIT) for _ in shown[:-1]]
        await client.send_task("stage", "tidy", {"depth": 2})
        seen.append(await asyncio.wait_for(messages.get(), _LIMIT))
    assert [_plain_lines(_render(message)) for message in seen] == [
        _plain_lines(text) for text in shown
    ]


def _plain_lines(text: str) -> list[str]:
    return [plain(line) for line in text.splitlines()]


async def test_websocket(broker: Broker) -> None:
    stage = AMQPStage("stage", url=broker.url, schema=SCHEMA)
    bridge = WebsocketServer(wport=0, url=broker.url)
    async with started(stage), started(bridge), connect(bridge.address) as client:
        for side, line in Talk("websocket.txt").lines:
            if side == "C: ":
                await client.send(line)
            else:
                seen = await asyncio.wait_for(client.recv(), _LIMIT)
                assert isinstance(seen, str)
                # The order of keys is that of the transport, and of no importance.
                assert json.loads(_without_name(seen)) == json.loads(_without_name(line))


def _without_name(text: str) -> str:
    """Return a message without the random name of the bridge's client."""
    return plain(re.sub(r"amqp-client-[0-9a-f]{12}", "amqp-client-<name>", text))
