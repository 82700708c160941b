"""The commands that every actor has."""

from __future__ import annotations

import enum
import json
import os
from typing import TYPE_CHECKING, Any

import click

from clu._watch.requests import VALUES, last_values
from clu.exceptions import CommandParserError
from clu.parsers._commands import CluCommand, CluGroup
from clu.parsers._words import excerpt

if TYPE_CHECKING:
    from clu.command import Command

#: The width of the help, for a terminal of 80 columns: that of the actor does not matter.
_HELP_WIDTH = 78
#: What has the command ``keyword`` reply with the last value of a keyword, or of several.
_VALUE = "--value"


@click.group(cls=CluGroup)
def command_parser(*args: Any) -> None:
    pass


command_parser.help = None
# Nothing needs to be called before each command.
command_parser.callback = None


@command_parser.command()
def ping(command: Command[Any], *args: Any) -> None:
    """Pings the actor."""
    command.finish("Pong.")


@command_parser.command()
def version(command: Command[Any], *args: Any) -> None:
    """Reports the version."""
    command.finish(version=command.actor.version)


@command_parser.command(name="get_schema")
def get_schema(command: Command[Any], *args: Any) -> None:
    """Returns the schema of the actor as a JSON schema."""
    if command.actor.model is None:
        command.fail(error="The actor does not know its own schema.")
    else:
        command.finish(schema=json.dumps(command.actor.model.schema))


@command_parser.command(name="help")
@click.argument("PARSER-COMMAND", type=str, required=False)
def help_(command: Command[Any], *args: Any, parser_command: str | None) -> None:
    """Shows the help."""
    words = parser_command.split() if parser_command else []
    try:
        ctx = _context_of(command.actor.parser, command.actor.name, words)
    except CommandParserError as error:
        command.fail(error=str(error))
        return
    lines = ctx.get_help().splitlines()
    if command.actor._replies_with_lists:
        command.finish(help=lines, write_to_log=False)
        return
    for line in lines:
        command.warning(help=line, write_to_log=False)
    command.finish()


def _context_of(parser: click.Group, name: str, words: list[str]) -> click.Context:
    """Return the context of a command, for its help."""
    ctx = click.Context(parser, info_name=name, terminal_width=_HELP_WIDTH)
    for word in words:
        group = ctx.command
        if not isinstance(group, click.Group):
            break  # the arguments of the command that --help was added to
        found = group.get_command(ctx, word)
        if found is None:
            raise CommandParserError(f"command {excerpt(word)} not found.")
        ctx = click.Context(found, info_name=word, parent=ctx, terminal_width=_HELP_WIDTH)
    return ctx


def help_of(ctx: click.Context, name: str) -> list[str]:
    """Return the lines of the help of the command of a context, as ``help`` shows them.

    Parameters
    ----------
    ctx
        The context.
    name
        The name of the actor.
    """
    within = []
    while ctx.parent is not None:
        within.append(ctx)
        ctx = ctx.parent
    shown = click.Context(ctx.command, info_name=name, terminal_width=_HELP_WIDTH)
    for inner in reversed(within):
        shown = click.Context(
            inner.command, info_name=inner.info_name, parent=shown, terminal_width=_HELP_WIDTH
        )
    return shown.get_help().splitlines()


@command_parser.command(internal=True)
@click.argument("COMMAND-NAME", type=str, required=False)
def get_command_model(command: Command[Any], *args: Any, command_name: str | None) -> None:
    """Returns a dictionary representation of the command using ``unclick``."""
    parser: click.Command = command.actor.parser
    if command_name:
        group, found = parser, None
        if isinstance(group, click.Group):
            found = group.get_command(click.Context(group), command_name)
        if found is None:
            command.fail(error=f"Cannot find command {excerpt(command_name)}.")
            return
        parser = found
    model = _model_of(parser)
    if command.actor._replies_with_lists:
        command.finish(command_model=model, write_to_log=False)
    else:  # a line has no objects; the schema asks for one
        text = json.dumps(model)
        command.finish(command_model=text, validate=False, write_to_log=False)


def _model_of(command: click.Command) -> Any:
    """Return the model of a command: what ``unclick.command_to_json`` returns, but of any command.

    That fails if only one parameter has a type or a default value that JSON does not have.
    """
    info = click.Context(command).to_info_dict()["command"]
    return json.loads(json.dumps(info, default=_as_json))


def _as_json(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name  # as click shows it, and takes it
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "(dynamic)" if callable(value) else str(value)


class _KeywordCommand(CluCommand):
    """The command ``keyword``, which replies with the last values to ``--value``.

    That is for programs that watch keywords. It is no option, as those are in the command model,
    which is the recorded one.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments."""
        if _VALUE in args:
            ctx.params["value"] = True
            args = [word for word in args if word != _VALUE]
        return super().parse_args(ctx, args)


@command_parser.command(cls=_KeywordCommand)
@click.argument("KEYWORD", type=str, required=True)
def keyword(command: Command[Any], *args: Any, keyword: str, value: bool = False) -> None:
    """Prints human-readable information about a keyword."""
    model = command.actor.model
    if model is None:
        command.fail(error="Actor does not have a data model.")
        return
    if value:
        _reply_with_values(command, last_values(model, keyword))
        return
    definition = model.schema["properties"].get(keyword)
    if definition is None:
        command.fail(error=f"Keyword {excerpt(keyword)!r} is not part of the data model.")
        return
    text = json.dumps(definition, indent=2).replace('"', "")
    lines = f"{keyword} = {text}".splitlines()
    width = max(map(len, lines)) + 4
    for line in lines:
        command.info(text=line.ljust(width), write_to_log=False)
    command.finish()


def _reply_with_values(command: Command[Any], values: dict[str, Any]) -> None:
    # A reply with the keyword itself would be a new assignment for all who follow it.
    found: Any = values if command.actor._replies_with_lists else json.dumps(values)
    command.finish({VALUES: found}, validate=False, internal=True, write_to_log=False)


@click.command(cls=CluCommand)
@click.option("--on/--off", default=True, help="Turn multiline on/off.")
def multiline(command: Command[Any], *args: Any, on: bool) -> None:
    """Set multiline mode for the transport."""
    command.transport.multiline = on
    command.finish(text=f"Multiline mode is {'on' if on else 'off'}")
