"""An actor of sdss-clu 2.6.1, run by the interpreter of that release: NAME URL [SCHEMA]."""

from __future__ import annotations

import asyncio
import json
import sys

import click

from clu import AMQPActor
from clu.parsers.click import command_parser


@command_parser.command()
async def status(command) -> None:  # type: ignore[no-untyped-def]
    """Reports the state."""
    command.info(temperature=-20.5)
    command.finish(state="idle")


@command_parser.command()
@click.argument("STATE")
async def change(command, state) -> None:  # type: ignore[no-untyped-def]
    """Changes the state."""
    command.actor.write("i", {"state": state}, broadcast=True)
    command.finish()


async def main(name: str, url: str, schema: str = "null") -> None:
    actor = AMQPActor(name, url=url, schema=json.loads(schema))
    await actor.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
