"""Actors of each kind with the same commands."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from clu import AMQPActor, Command, JSONActor, LegacyActor
from clu.parsers.click import CluGroup, get_schema, ping

SCHEMA = {
    "type": "object",
    "properties": {
        "state": {"type": "string"},
        "temperature": {"type": "number"},
        "region": {"type": "array", "items": {"type": "integer"}},
        "text": {"type": "string"},
    },
}


@click.group(cls=CluGroup)
def parser(*args: Any) -> None:
    pass


for builtin in (get_schema, ping):
    parser.add_command(builtin)


@parser.command()
@click.argument("seconds", type=float, default=0)
async def expose(command: Command[Any], seconds: float) -> None:
    command.info(state="exposing")
    await asyncio.sleep(seconds)
    command.info(state="idle", temperature=-110, region=[1, 2])
    command.finish()


@parser.command()
async def wait(command: Command[Any]) -> None:
    await asyncio.sleep(600)


@parser.command()
@click.argument("actor")
async def ask(command: Command[Any], actor: str) -> None:
    """Has another actor expose."""
    await command.actor.send_command(actor, "expose", command=command)
    command.finish()


@parser.command()
async def twice(command: Command[Any]) -> None:
    await command.child_command("ping")
    command.finish(text="twice")


class Camera(AMQPActor):
    parser = parser
    schema = SCHEMA


class JSONCamera(JSONActor):
    parser = parser
    schema = SCHEMA


class LegacyCamera(LegacyActor):
    parser = parser
    schema = SCHEMA


KINDS = (Camera, JSONCamera, LegacyCamera)


async def run(actor: Any, text: str) -> Any:
    """Run a command as the tests of existing actors do, and return it when it is done."""
    command = actor.invoke_mock_command(text)
    if asyncio.iscoroutine(command):
        command = await command
    return await command
