"""Mistakes that type checking finds. Each has an ignore; one that is not needed is an error."""

from __future__ import annotations

from typing import Any

from clu import AMQPActor, AMQPClient, Command, Device, JSONActor, command_parser, run
from clu.parsers.click import timeout


class Camera(AMQPActor):
    """An actor."""

    gain: float = 1.0


class Shutter(AMQPActor):
    """Another one."""


def move(command: Command[Shutter]) -> None:
    """Take commands of the shutter only."""


@command_parser.command()
async def expose(command: Command[Camera]) -> None:
    """Takes an exposure."""
    command.actor.exposure  # type: ignore[attr-defined]
    command.actor.gain = "high"  # type: ignore[assignment]
    command.finnish()  # type: ignore[attr-defined]
    command.write(["i"])  # type: ignore[arg-type]
    command.child_command(["status"])  # type: ignore[arg-type]
    move(command)  # type: ignore[arg-type]
    command.status.is_finished  # type: ignore[attr-defined]


@timeout("5")  # type: ignore[arg-type]
async def wait(command: Command[Any]) -> None:
    """Waits."""


def take(command: Command[int]) -> None:  # type: ignore[type-var]
    """Take a command of what is no actor."""


async def start() -> int:
    """Start actors incorrectly."""
    AMQPClient("client", port="5672")  # type: ignore[arg-type]
    Device("localhost", 9999, callback="print")  # type: ignore[arg-type]
    oven: Camera = await JSONActor("oven", port=1).start()  # type: ignore[assignment]
    return oven.version  # type: ignore[return-value]


text: str = run(start())  # type: ignore[assignment]
