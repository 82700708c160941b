"""Commands whose callbacks, groups and parameters raise anything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from clu.parsers.click import pass_args

from .actors import parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu import Command


class OwnError(BaseException):
    """Not an Exception."""


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("an error in the text of an error")


class BrokenUsage(click.ClickException):
    def format_message(self) -> str:
        raise RuntimeError("an error in the text of an error")


ERRORS: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: ValueError("the reason"),
    "BaseException": lambda: OwnError("the reason"),
    "sys.exit": lambda: SystemExit(3),  # pytest would end with 0 as if all were well
    "GeneratorExit": GeneratorExit,
    "click.Abort": click.Abort,
    "ctx.exit": lambda: click.exceptions.Exit(0),
    "usage": lambda: click.BadParameter("the reason"),
    "CancelledError": asyncio.CancelledError,
    "StopIteration": StopIteration,
    "StopAsyncIteration": StopAsyncIteration,
    "TimeoutError": asyncio.TimeoutError,
    "silent": SilentError,
    "broken usage": lambda: BrokenUsage("the reason"),
    "surrogate": lambda: ValueError("\ud800 the reason"),
    "lines": lambda: ValueError("first line\nthe reason; fake=1"),
}

#: Those that have no text, or whose text cannot be told.
UNTOLD = {
    *("sys.exit", "GeneratorExit", "click.Abort", "ctx.exit", "CancelledError"),
    *("StopIteration", "StopAsyncIteration", "TimeoutError", "silent", "broken usage"),
}


def fail_with(name: str) -> None:
    error = ERRORS[name]()
    raise error


class BrokenType(click.ParamType):
    name = "broken"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        fail_with(value)


argument = click.argument("name")


@parser.command(name="raise-sync")
@argument
def raise_sync(command: Command[Any], name: str) -> None:
    fail_with(name)


@parser.command(name="raise-async")
@argument
async def raise_async(command: Command[Any], name: str) -> None:
    await asyncio.sleep(0)
    fail_with(name)


@parser.command(name="raise-context")
@argument
@click.pass_context
async def raise_context(ctx: click.Context, command: Command[Any], name: str) -> None:
    await asyncio.sleep(0)
    fail_with(name)


@parser.command(name="raise-type")
@click.argument("name", type=BrokenType())
async def raise_type(command: Command[Any], name: str) -> None:
    command.finish(text="not reached")


@parser.group(name="raise-group")
@click.argument("name")
def raise_group(name: str) -> None:
    fail_with(name)


@parser.group(name="raise-group-async")
@click.argument("name")
@pass_args()
async def raise_group_async(command: Command[Any], name: str) -> None:
    await asyncio.sleep(0)
    fail_with(name)


@parser.group(name="raise-in-group")
def raise_in_group() -> None: ...


for group in (raise_group, raise_group_async):

    @group.command()
    def leaf(command: Command[Any]) -> None:
        command.finish(text="not reached")


raise_in_group.add_command(raise_async, "leaf")

#: The places, each with a command that raises there.
COMMANDS = {
    "sync": 'raise-sync "{}"',
    "async": 'raise-async "{}"',
    "context": 'raise-context "{}"',
    "type": 'raise-type "{}"',
    "group": 'raise-group "{}" leaf',
    "async group": 'raise-group-async "{}" leaf',
    "in a group": 'raise-in-group leaf "{}"',
}


#: Each command for each error.
BODIES = [body.format(name) for name in ERRORS for body in COMMANDS.values()]
