"""The actor that the tests call."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from clu import AMQPActor, Command
from clu.parsers import click as parsers

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "description": "How many"},
        "exposure": {"type": "object"},
        "temperature": {"type": "number"},
        "state": {"enum": ["idle", "exposing"]},
    },
    "additionalProperties": True,
}


@click.group(cls=parsers.CluGroup)
def parser(*args: Any) -> None:
    pass


for builtin in (
    parsers.ping,
    parsers.version,
    parsers.help_,
    parsers.keyword,
    parsers.get_schema,
    parsers.get_command_model,
):
    parser.add_command(builtin)


@parser.command(cancellable=True)
@click.argument("exposure_time", type=click.FloatRange(0, 3600), metavar="TIME")
@click.option(
    "--flavour",
    type=click.Choice(["bias", "dark", "object"]),
    default="object",
    show_default=True,
    help="What to expose.",
)
@click.option("--count", "-c", type=int, default=1, help="How many exposures.")
@click.option("--note", multiple=True, help="A line for the header.")
@click.option("--timeout", type=float, help="That of the shutter.")
@click.option("--window", type=int, nargs=4)
@click.option("--read/--no-read", default=True)
@click.option("--lambda", "-l", "lambda_", type=click.IntRange(300, 1000))
async def expose(command: Command[Any], exposure_time: float, **options: Any) -> None:
    """Expose the camera.

    \b
    The time is in
    seconds.
    """
    command.info(text=repr((exposure_time, options)))
    command.info(state="exposing")
    await asyncio.sleep(0)
    command.finish(text="read", state="idle")


@parser.group()
@click.option("--port", type=int, help="That of the supply.")
@parsers.pass_args()
def power(command: Any, port: int | None) -> None:
    """The power supply."""
    command.port = port


@power.command()
@click.argument("names", nargs=-1)
def on(command: Any, names: tuple[str, ...]) -> None:
    """Switch on."""
    command.finish(text=repr((command.port, names)))


@power.command(name="cycle-all")
@click.option("--port", type=int)
def cycle_all(command: Any, port: int | None) -> None:
    command.finish(text=repr((command.port, port)))


@power.command(name="started")
def when_started(command: Command[Any]) -> None:
    command.finish(text="at noon")


@parser.command(name="class")
@click.argument("word", required=False)
@click.argument("second", required=False)
def class_(command: Command[Any], word: str | None, second: str | None) -> None:
    command.finish(text=repr((word, second)))


@parser.command(hidden=True)
def secret(command: Command[Any]) -> None:
    command.finish(text="secret")


@parser.command()
@click.argument("count", type=int)
def count(command: Command[Any], count: int) -> None:
    """Count."""
    for number in range(count):
        command.info(number=number)
    command.finish()


#: How often the command `flaky` has run.
attempts: list[str] = []


@parser.command()
@click.argument("failures", type=int)
@click.option("--hang", is_flag=True)
async def flaky(command: Command[Any], failures: int, hang: bool) -> None:
    """Fail at first."""
    attempts.append(str(command.command_id))
    if len(attempts) <= failures:
        if hang:
            await asyncio.sleep(1000)
        command.fail(error=f"Failure {len(attempts)}.")
    else:
        command.finish(text=f"attempt {len(attempts)}")


@parser.command()
async def sleep(command: Command[Any]) -> None:
    command.info(text="sleeping")
    await asyncio.sleep(1000)


@parser.command()
@click.argument("actor")
async def forward(command: Command[Any], actor: str) -> None:
    """Command another actor."""
    other = await command.actor.actor(actor)
    result = await other.count(2, command=command)
    command.finish(text=f"{result.actor} counted to {result.last('number')}")


@parser.command()
@click.argument("reason")
def pass_on(command: Command[Any], reason: str) -> None:
    """Fail with the reason of another actor."""
    command.fail(error=reason)


class AMQPCamera(AMQPActor):
    parser = parser
    schema = SCHEMA
