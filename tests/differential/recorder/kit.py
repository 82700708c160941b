"""What many scenarios need: actors with mocks or on sockets, a raw client, a hub, a bus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
from typing import TYPE_CHECKING, Any

import click

from .describe import hide
from .transcript import NEVER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .transcript import Transcript

KINDS = ("json", "legacy", "amqp")


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    hide(str(port), "<port>")
    return port


def class_of(kind: str) -> Any:
    import clu

    return {"json": clu.JSONActor, "legacy": clu.LegacyActor, "amqp": clu.AMQPActor}[kind]


def build(kind: str, *args: Any, cls: Any = None, name: str = "act", **kwargs: Any) -> Any:
    """Make an actor that is not started."""
    cls = cls or class_of(kind)
    if kind != "amqp":
        kwargs.setdefault("host", "127.0.0.1")
        kwargs.setdefault("port", 1)
    return cls(name, *args, **kwargs)


def parser(*commands: Any) -> Any:
    """Return a group of one's own with the built-in commands and these."""
    from clu.parsers.click import (
        CluGroup,
        get_command_model,
        get_schema,
        help_,
        keyword,
        ping,
        version,
    )

    @click.group(cls=CluGroup)
    def group(*args: Any) -> None:
        pass

    for command in (ping, version, get_schema, help_, keyword, get_command_model, *commands):
        group.add_command(command)
    return group


def command(*args: Any, **kwargs: Any) -> Any:
    from clu.parsers.click import CluCommand

    return click.command(*args, cls=CluCommand, **kwargs)


def group(*args: Any, **kwargs: Any) -> Any:
    from clu.parsers.click import CluGroup

    return click.group(*args, cls=CluGroup, **kwargs)


async def mocked(kind: str, *args: Any, parse: Any = None, **kwargs: Any) -> Any:
    """Return an actor that was set up for tests."""
    from clu.testing import setup_test_actor

    actor = build(kind, *args, **kwargs)
    if parse is not None:
        actor.parser = parse
    return await setup_test_actor(actor)


def note_replies(t: Transcript, actor: Any, label: str = "replies") -> None:
    for reply in actor.mock_replies:
        row = [reply.user_id, reply.command_id, reply.flag, dict(reply)]
        t.note(label, row)


def note_bytes(t: Transcript, actor: Any, label: str = "bytes") -> None:
    """Note what went to the mocks of the transport."""
    for transport in getattr(actor, "transports", {}).values():
        for call in transport.write.mock_calls:
            t.note(label, call.args[0])
    exchange = getattr(getattr(actor, "connection", None), "exchange", None)
    publish = getattr(exchange, "publish", None)
    for call in getattr(publish, "mock_calls", []):
        t.note(label, published(call))


def published(call: Any) -> Any:
    """Describe a call of publish, however its arguments are given."""
    arguments = dict(call.kwargs)
    message = call.args[0] if call.args else arguments.pop("message", None)
    if len(call.args) > 1:
        arguments["routing_key"] = call.args[1]
    return {"message": of_message(message), "arguments": arguments}


def of_message(message: Any) -> dict[str, Any]:
    """Describe an AMQP message."""
    names = ("content_type", "content_encoding", "delivery_mode", "priority", "expiration")
    names += ("type", "app_id", "user_id")
    shown = {name: getattr(message, name) for name in names}
    correlation, headers = message.correlation_id, dict(message.headers)
    shown["correlation_id"] = correlation
    shown["correlation is command id"] = str(correlation) == str(headers.get("command_id"))
    shown["reply_to"] = message.reply_to
    shown["timestamp"] = message.timestamp is not None
    headers = dict(sorted(headers.items()))  # a table has no order
    return {"headers": headers, "body": of_body(message.body), "properties": shown}


def of_body(body: bytes) -> Any:
    """Describe the body of a message: JSON is free to have blanks and escapes or not."""
    try:
        return {"JSON": json.dumps(json.loads(body))}
    except ValueError:
        return body


async def invoke(
    t: Transcript, actor: Any, line: Any, label: str = "command", **kwargs: Any
) -> Any:
    """Run a command of an actor with mocks until it ends."""
    try:
        command = actor.invoke_mock_command(line, **kwargs)
        if asyncio.iscoroutine(command):
            command = await command
    except Exception as error:
        t.note(f"{label} invoked", error)
        return None
    await ended(t, command, label)
    return command


async def ended(
    t: Transcript, command: Any, label: str = "command", timeout: float = NEVER
) -> None:
    if isinstance(command, asyncio.Future):
        await asyncio.wait([command], timeout=timeout)
        await t.turns()
        t.note(f"{label} status", command.status)
    else:
        t.note(f"{label} is", command)


def command_of(text: str) -> str:
    """Return the number of the command in a line or a record; empty if it is none or 0."""
    found = re.search(r"command_id(?:=|\": )([1-9]\d*)|^(?:.* REPLY: )?\d+ ([1-9]\d*) ", text)
    return (found[1] or found[2]) if found else ""


def logs_by_command(t: Transcript) -> None:
    """Note the records of commands by command, if there are several at once."""
    for record in t.logs:
        if command := command_of(record):
            t.note(f"logs of {command}", record)
    t.logs[:] = [record for record in t.logs if not command_of(record)]


class Line:
    """A plain client of a server of lines.

    What it gets is noted by command, if it sends several: their replies have no common order. What
    a legacy actor sends it that is for another user is noted as that.
    """

    def __init__(self, t: Transcript, name: str = "client", by_command: bool = False) -> None:
        self.t, self.name, self.by_command = t, f"~{name}", by_command
        self.user = b""
        self.lines: list[bytes] = []
        t.ordered = False

    async def connect(self, port: int, host: str = "127.0.0.1") -> Line:
        self.reader, self.writer = await asyncio.open_connection(host, port)
        self.t.hide(self.writer.get_extra_info("sockname")[1], "<port>")
        self.task = asyncio.create_task(self.read())
        return self

    async def read(self) -> None:
        with contextlib.suppress(OSError):
            while line := await self.reader.readline():
                self.lines.append(line)
                self.t.note(self.label(line), line)
        self.t.note(self.name, "<closed>")

    def label(self, line: bytes) -> str:
        if found := re.match(rb"([1-9]\d*) \d+ i yourUserID=", line):
            self.user = self.user or found[1]
        if self.user and not line.startswith((b"0 ", self.user + b" ")):
            return f"{self.name} overhears"
        command = command_of(line.decode(errors="replace")) if self.by_command else ""
        return f"{self.name} {command}".rstrip()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def until(self, text: bytes, count: int = 1, timeout: float = NEVER) -> None:
        """Wait until a text has come so many times, and for what comes with it."""
        if not await self.t.until(lambda: self.seen(text) >= count, timeout):
            self.t.note(f"{self.name} waits for", text)
        await asyncio.sleep(0.03)

    def seen(self, text: bytes) -> int:
        return sum(text in line for line in self.lines)

    def close(self) -> None:
        self.task.cancel()
        self.writer.close()


@contextlib.asynccontextmanager
async def on_tcp(kind: str, *args: Any, parse: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
    """Run an actor on a real port."""
    port = free_port()
    actor = build(kind, *args, port=port, **kwargs)
    if parse is not None:
        actor.parser = parse
    await actor.start()
    actor.test_port = port
    try:
        yield actor
    finally:
        await stop(actor)


async def stop(actor: Any) -> None:
    """Stop an actor; the recorded release's may cancel the task that stops it."""
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(actor.stop())), NEVER)


class Hub:
    """A hub like Tron: notes the lines of its client, and sends what it is told."""

    def __init__(
        self, t: Transcript, answer: Callable[[bytes], bytes | None] | None = None
    ) -> None:
        self.t, self.answer = t, answer
        self.lines: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        t.ordered = False

    async def start(self) -> Hub:
        self.port = free_port()
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.t.hide(self.port, "<port>")
        return self

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while line := await reader.readline():
                self.lines.append(line)
                self.t.note("~hub gets", line)
                if self.answer and (reply := self.answer(line)) is not None:
                    writer.write(reply)

    def send(self, data: bytes) -> None:
        for writer in self.writers:
            writer.write(data)

    async def until(self, text: bytes, count: int = 1) -> None:
        await self.t.until(lambda: sum(text in line for line in self.lines) >= count)

    def close(self) -> None:
        self.server.close()
        for writer in self.writers:
            writer.close()


# AMQP.


def broker() -> dict[str, Any]:
    """Return the host and the port of the broker as arguments of clients and actors."""
    address = os.environ["RECORDER_BROKER"]
    host, port = address.rsplit("@", 1)[1].strip("/").split(":")
    hide(port, "<broker port>")
    return {"host": host, "port": int(port)}


class Spy:
    """Takes down all messages of an exchange, as another program sees them."""

    def __init__(self, t: Transcript) -> None:
        self.t = t
        self.name = t.unique("exchange")
        self.messages: list[Any] = []
        self.noting = True
        t.ordered = False

    async def start(self) -> Spy:
        import aio_pika

        self.connection = await aio_pika.connect(os.environ["RECORDER_BROKER"])
        self.channel = await self.connection.channel()
        self.exchange = await self.channel.declare_exchange(
            self.name, aio_pika.ExchangeType.TOPIC, auto_delete=True
        )
        queue = await self.channel.declare_queue(exclusive=True)
        await queue.bind(self.exchange, "#")
        await queue.consume(self.take, no_ack=True)
        return self

    async def take(self, message: Any) -> None:
        if "announcement" in message.headers:
            return  # a broadcast more, which MIGRATION tells of
        self.messages.append(message)
        if self.noting:
            shown = of_message(message)
            self.t.note("~message", {"routing_key": message.routing_key, **shown})

    async def publish(self, routing_key: str, body: bytes, **properties: Any) -> None:
        import aio_pika

        message = aio_pika.Message(body, **properties)
        await self.exchange.publish(message, routing_key=routing_key, mandatory=False)

    async def reply(
        self, code: Any, body: bytes = b"{}", key: str = "reply.broadcast", **headers: Any
    ) -> None:
        """Publish a reply as an actor would; a header that is None is left out."""
        nobody = "00000000-0000-0000-0000-000000000000"
        given = {
            "message_code": code,
            "command_id": nobody,
            "commander_id": "broadcast",
            "internal": False,
            "sender": "other",
        } | headers
        given = {name: value for name, value in given.items() if value is not None}
        correlation = None if "command_id" not in given else str(given["command_id"])
        more = {"correlation_id": correlation, "content_type": "text/json"}
        await self.publish(key, body, headers=given, **more)

    async def until(self, count: int, timeout: float = NEVER) -> None:
        if not await self.t.until(lambda: len(self.messages) >= count, timeout):
            self.t.note("messages missing", count - len(self.messages))
        await asyncio.sleep(0.03)

    async def close(self) -> None:
        await self.connection.close()


@contextlib.asynccontextmanager
async def on_amqp(
    t: Transcript, parse: Any = None, cls: Any = None, client: bool = True, **kwargs: Any
) -> AsyncIterator[Any]:
    """Run an AMQP actor, a client and a spy on an exchange of their own."""
    import clu

    spy = await Spy(t).start()
    actor = (cls or clu.AMQPActor)(t.unique("act"), **broker(), **kwargs)
    if parse is not None:
        actor.parser = parse
    await actor.start(exchange_name=spy.name)
    user = clu.AMQPClient(t.unique("user"), **broker())
    if client:
        await user.start(exchange_name=spy.name)
    try:
        yield actor, user, spy
        await asyncio.sleep(0.03)  # for messages that are on their way
    finally:
        t.end()
        for one in (user, actor) if client else (actor,):
            await stop(one)
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await spy.close()
