"""The actor filterwheel: what it is, and the commands that it accepts."""

import pathlib
import re
from typing import Any

import click
import clu
from clu.exceptions import CluError
from clu.parsers.click import unique

from filterwheel import __version__

#: The last line of each answer of the wheel.
END = re.compile(r"^(POS|ERROR) ")


class Filterwheel(clu.JSONActor):
    """The actor, with its connection to the wheel."""

    schema = pathlib.Path(__file__).with_name("schema.json")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, version=__version__, **kwargs)
        self.filters: list[str] = self.config["filters"]
        self.device = clu.Device(
            **self.config["device"],
            reconnect=True,
            on_connected=lambda: self.write("i", connected=True),
            on_lost=lambda: self.write("w", connected=False),
        )

    async def start(self) -> Any:
        await super().start()
        await self.device.start()
        return self

    async def stop(self) -> None:
        await super().stop()
        await self.device.stop()

    async def ask(self, line: str) -> str:
        """Send a line to the wheel, and return the filter that is in the beam at the end."""
        *_, last = await self.device.request(line, until=END, timeout=30)
        word, value = last.split(maxsplit=1)
        if word == "ERROR":
            raise CluError(f"The wheel does not take {line!r}: {value}.")
        return self.filters[int(value) - 1]


@clu.command_parser.command()
@unique()
@click.argument("NAME")
async def move(command: clu.Command[Filterwheel], name: str) -> None:
    """Turns the wheel to the filter NAME."""
    wheel = command.actor
    if name not in wheel.filters:
        command.fail(error=f"There is no filter {name}, only {', '.join(wheel.filters)}.")
        return
    command.info(moving=True)
    try:
        found = await wheel.ask(f"GOTO {wheel.filters.index(name) + 1}")
    except CluError as error:
        command.fail(moving=False, error=str(error))
    else:
        command.finish(moving=False, filter=found)


@clu.command_parser.command()
async def status(command: clu.Command[Filterwheel]) -> None:
    """Reports the filter in the beam."""
    try:
        command.finish(filter=await command.actor.ask("POS?"))
    except CluError as error:
        command.fail(error=str(error))
