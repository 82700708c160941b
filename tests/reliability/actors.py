"""Actors of each kind with the same commands, and clients that return replies of any kind alike."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import click

from clu import AMQPActor, Command, JSONActor, LegacyActor
from clu.parsers.click import (
    CluGroup,
    cancel_command,
    get_command_model,
    get_schema,
    help_,
    keyword,
    ping,
    timeout,
    unique,
    version,
)
from clu.testing import setup_test_actor

from ..legacy.user import split
from ..waiting import TIMEOUT


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


for builtin in (ping, version, help_, get_schema, keyword, get_command_model):
    parser.add_command(builtin)


@parser.command()
@click.argument("text")
def echo(command: Command[Any], text: str) -> None:
    command.finish(text=text)


@parser.command()
@click.option("--stop", is_flag=True)
async def wait(command: Command[Any], stop: bool) -> None:
    """Runs as often as it is sent, unlike a cancellable command."""
    if stop:
        cancel_command(keep_last=True)
        command.finish(text="The others are cancelled.")
        return
    command.info(text="waiting")
    await asyncio.sleep(600)


@parser.command(cancellable=True)
async def single(command: Command[Any]) -> None:
    command.info(text="waiting")
    await asyncio.sleep(600)


@parser.command()
@click.argument("seconds", type=float)
async def sleep(command: Command[Any], seconds: float) -> None:
    await asyncio.sleep(seconds)
    command.finish(text="slept")


@parser.command()
@click.argument("words", nargs=-1)
@click.option("--flag", "-f", is_flag=True)
def count(command: Command[Any], words: tuple[str, ...], flag: bool) -> None:
    command.finish(text=f"{len(words)} words")


@parser.command()
@unique()
async def only(command: Command[Any]) -> None:
    await asyncio.sleep(600)


@parser.command()
@timeout(0.02)
async def slow(command: Command[Any]) -> None:
    await asyncio.sleep(600)


@parser.command()
@timeout(3600)
async def quick(command: Command[Any]) -> None:
    command.finish()


@parser.command()
async def stubborn(command: Command[Any]) -> None:
    """Ignore cancellation for a while."""
    command.info(text="started")
    end = asyncio.get_running_loop().time() + 1
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


@parser.command(name="parent")
@click.argument("words", nargs=-1)
async def parent(command: Command[Any], words: tuple[str, ...]) -> None:
    child = await command.child_command(" ".join(words))
    command.finish(text=f"child {child.status.name}")


@parser.command(name="shut-down")
async def shut_down(command: Command[Any]) -> None:
    await command.actor.stop()


class JSON(JSONActor):
    parser = parser


class Legacy(LegacyActor):
    parser = parser


class AMQP(AMQPActor):
    parser = parser


def make(kind: str, **kwargs: Any) -> Any:
    """Return an actor that was not started."""
    kwargs = {"version": "1.2.3", "additional_properties": True, **kwargs}
    if kind == "amqp":
        actor: Any = AMQP("camera", **kwargs)
    elif kind == "legacy":
        actor = Legacy("camera", "localhost", **{"port": 0, **kwargs})
    else:
        actor = JSON("camera", **{"port": 0, **kwargs})
    actor.log.sh.setLevel(100)
    return actor


async def make_offline(kind: str, **kwargs: Any) -> Any:
    """Return an actor without a network."""
    return await setup_test_actor(make(kind, **kwargs))


async def invoke(actor: Any, body: str, command_id: int = 1) -> Command[Any]:
    """Run a command on an actor without a network, and return when it has begun."""
    result = actor.invoke_mock_command(body, command_id)
    command: Command[Any] = await result if asyncio.iscoroutine(result) else result
    return command


async def run(actor: Any, body: str, command_id: int = 1) -> Command[Any]:
    """Run a command on an actor without a network to its end."""
    command = await invoke(actor, body, command_id)
    await asyncio.wait_for(asyncio.shield(command), TIMEOUT)
    await asyncio.sleep(0)
    return command


def ends(actor: Any, command_id: int = 1) -> list[dict[str, Any]]:
    """Return the terminal replies to a command that an actor without a network has sent."""
    return [
        dict(reply)
        for reply in actor.mock_replies
        if reply.flag in (":", "f") and str(reply.command_id) == str(command_id)
    ]


def errors(actor: Any) -> str:
    """Return all error messages that an actor without a network has sent."""
    return "\n".join(
        str(reply.get("error", "")) for reply in actor.mock_replies if reply.flag in ("e", "f")
    )


class Answer(NamedTuple):
    """A reply of any kind of actor; the text contains all its keywords."""

    command_id: int | None
    code: str
    text: str


class Peer:
    """A client over a real socket."""

    def __init__(self, kind: str, reader: asyncio.StreamReader, writer: Any) -> None:
        self.kind = kind
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, kind: str, port: int) -> Peer:
        """Connect, and read the greeting if there is one."""
        limit = 64 * 1024 * 1024
        peer = cls(kind, *await asyncio.open_connection("127.0.0.1", port, limit=limit))
        if kind == "legacy":
            while "version=" not in (await peer.answer()).text:
                pass
        return peer

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    def send(self, line: bytes | str) -> None:
        self.writer.write((line.encode() if isinstance(line, str) else line) + b"\n")

    async def answer(self) -> Answer:
        line = await asyncio.wait_for(self.reader.readline(), 20)
        if not line:
            raise EOFError("the actor closed the connection")
        if self.kind == "legacy":
            _, command_id, code, body = split(line)
            return Answer(command_id, code, body)
        reply = json.loads(line)
        header = reply["header"]
        text = json.dumps(reply["data"], ensure_ascii=False)
        return Answer(header["command_id"], header["message_code"], text)

    async def answers(self, command_id: int | None = None) -> list[Answer]:
        """Return the replies up to the end of a command, of any command by default."""
        found: list[Answer] = []
        while True:
            found.append(await self.answer())
            if found[-1].code in (":", "f") and command_id in (None, found[-1].command_id):
                return found

    async def ask(self, line: bytes | str) -> list[Answer]:
        self.send(line)
        return await self.answers()

    async def rest(self) -> bytes:
        """Return what is received until the actor closes the connection."""
        return await asyncio.wait_for(self.reader.read(), 20)
