"""Actors of clu on TCP, this clu's or the recorded release's, and three clients.

The variable PEER_KIND says which: ``json``, ``legacy``, or ``json-lines`` with a client that only
splits lines and parses JSON, as the recorded release has none.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click
from common import Client, main, stopped, write_updates

import clu
from clu.parsers.click import command_parser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KIND = os.environ.get("PEER_KIND", "json")
SCHEMA = {
    "type": "object",
    "properties": {"temperature": {"type": "number"}, "position": {"type": "number"}},
    "additionalProperties": False,
}


@command_parser.command()
@click.argument("count", type=int)
async def burst(command: Any, count: int) -> None:
    await write_updates(count, lambda value: command.actor.write("i", temperature=value))
    command.finish()


@command_parser.command()
@click.argument("position", type=float)
@click.option("--fast", is_flag=True)
async def move(command: Any, position: float, fast: bool) -> None:
    if not fast:
        raise AssertionError("the option is lost")
    command.finish(position=position)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    actor_class: Any = clu.LegacyActor if KIND == "legacy" else clu.JSONActor
    port = 0
    if not hasattr(clu, "remote"):  # the recorded release does not tell which port is free
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    actor = actor_class("bench", host="127.0.0.1", port=port, schema=SCHEMA)
    await actor.start()
    async with stopped(actor, f"127.0.0.1:{actor.port or port}") as address:
        yield address


class LineClient(Client, asyncio.Protocol):
    """A client on the bare event loop: it splits lines, and looks at what every client needs."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[None]] = {}
        self.number = 0
        self.rest = b""
        self.transport: Any = None
        self.take_line = self.take_legacy if KIND == "legacy" else self.take_json

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take_line(line)

    def take_json(self, line: bytes) -> None:
        reply = json.loads(line)
        header = reply["header"]
        if header["command_id"]:
            self.end(header["command_id"], header["message_code"])
        elif "temperature" in reply["data"]:
            self.take(reply["data"]["temperature"])

    def take_legacy(self, line: bytes) -> None:
        _, number, code, rest = line.decode().split(" ", 3)
        if number != "0":
            self.end(int(number), code)
        elif rest.startswith("temperature="):
            self.take(float(rest[12:]))

    def end(self, number: int, code: str) -> None:
        if code in "f:":
            if code == "f":
                raise AssertionError("a command failed")
            self.waiting.pop(number).set_result(None)

    async def send(self, text: str) -> None:
        self.number += 1
        done = self.waiting[self.number] = asyncio.get_running_loop().create_future()
        self.transport.write(b"%d %s\n" % (self.number, text.encode()))
        await done

    async def ping(self) -> None:
        await self.send("ping")

    async def move(self) -> None:
        await self.send("move 5 --fast")

    async def start_updates(self, number: int) -> None:
        await self.send(f"burst {number}")


class OwnClient(Client):
    """The client that clu has."""

    def __init__(self, client: Any) -> None:
        self.client = client
        client.add_reply_callback(self.take_reply)

    def take_reply(self, reply: Any) -> None:
        if "temperature" in reply.body:
            self.take(reply.body["temperature"])

    async def send(self, text: str) -> None:
        command = await self.client.send_command(text)
        if not command.status.did_succeed:
            raise AssertionError("a command failed")

    async def ping(self) -> None:
        await self.send("ping")

    async def move(self) -> None:
        await self.send("move 5 --fast")

    async def start_updates(self, number: int) -> None:
        await self.send(f"burst {number}")


@asynccontextmanager
async def client(address: str) -> AsyncIterator[Client]:
    host, port = address.split(":")
    if KIND == "json":
        from clu.remote import JSONClient

        async with JSONClient(host, int(port)) as connected:
            yield OwnClient(connected)
        return
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(LineClient, host, int(port))
    await asyncio.sleep(0.2)  # what a legacy actor tells a new client
    yield protocol
    transport.close()


if __name__ == "__main__":
    main(server, client)
