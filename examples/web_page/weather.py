"""A weather station that reports the weather once a second."""

from __future__ import annotations

import os
import random
from typing import Literal

import click
from pydantic import BaseModel

import clu
from clu import AMQPActor, Command, command_parser
from clu.command import TimedCommand

URL = os.environ.get("CLU_URL", "amqp://guest:guest@localhost:5672/")


class Weather(BaseModel):
    """The keywords of the station."""

    temperature: float | None = None
    wind: float | None = None
    dome: Literal["open", "closed"] | None = None


class Station(AMQPActor):
    """A weather station that can close the dome."""

    schema = Weather
    dome = "open"


@command_parser.command()
def status(command: Command[Station]) -> None:
    """Reports the weather."""
    command.finish(
        temperature=round(random.gauss(12, 0.2), 1),
        wind=round(random.gauss(5, 1), 1),
        dome=command.actor.dome,
    )


@command_parser.command()
@click.argument("POSITION", type=click.Choice(["open", "closed"]))
def dome(command: Command[Station], position: str) -> None:
    """Opens or closes the dome."""
    command.actor.dome = position
    command.finish(dome=position)


async def main() -> None:
    """Run the station until it is interrupted."""
    async with Station("weather", url=URL) as station:
        station.timed_commands.append(TimedCommand("status", delay=1))
        print("The weather station waits for commands.", flush=True)
        await station.run_forever()


if __name__ == "__main__":
    clu.run(main())
