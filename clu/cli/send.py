"""``clu send``: sends a command to an actor, for scripts."""

from __future__ import annotations

import gc
import re
import shlex
from typing import TYPE_CHECKING

import click

from clu.cli.common.options import ActorType, broker_options, options_so_far

if TYPE_CHECKING:
    import asyncio

    from click.shell_completion import CompletionItem

    from clu.cli.common.actor_address import ActorAddress
    from clu.cli.common.broker_options import BrokerOptions
    from clu.cli.common.connection import Received, Result

__all__ = ["command"]

_INTERRUPTED = 130
_REJECTED = 1
#: What an actor, also one of sdss-clu, replies instead of a reply that is not valid.
_REJECTION = "Failed validating the reply:"
_NEEDS_QUOTES = re.compile(r"[\s\"'\\]|^$")


class _SendCommand(click.Command):
    """A command whose last words are those of another program: they are completed as such."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the options of the actor's command, once there is an actor."""
        if ctx.params.get("actor") is None:
            return super().shell_complete(ctx, incomplete)
        return _complete_word(ctx, None, incomplete)


def _complete_word(ctx: click.Context, param: object, incomplete: str) -> list[CompletionItem]:
    from clu.cli.common.completing import complete_command

    actor, broker = ctx.params.get("actor"), options_so_far(ctx)
    if actor is None or broker is None:
        return []
    return complete_command(broker, actor, ctx.params.get("command_words") or (), incomplete)


@click.command(name="send", cls=_SendCommand, context_settings={"allow_interspersed_args": False})
@broker_options
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Give up after this number of seconds. By default, wait until the command ends.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each reply as a line of JSON.")
@click.option("--internal", is_flag=True, help="Also print internal replies.")
@click.argument("actor", type=ActorType())
@click.argument(
    "command_words",
    metavar="COMMAND...",
    nargs=-1,
    required=True,
    shell_complete=_complete_word,
)
def command(
    broker: BrokerOptions,
    timeout: float | None,
    as_json: bool,
    internal: bool,
    actor: ActorAddress,
    command_words: tuple[str, ...],
) -> None:
    """Send a command to an actor, and print its replies.

    ACTOR is the name of an actor on the broker, or tcp://HOST:PORT for a TCP JSON actor. All
    arguments after it, including options, are the command. Several words are quoted as needed
    to stay separate words; a single one is used as the whole command string.

    \b
    clu send camera expose 5 --flavour dark
    clu send --timeout 5 --json tcp://localhost:19990 status

    \b
    The exit status is
      0    the command is done
      1    the command failed, or a reply did not match the schema of the actor
      2    the arguments are not valid
      3    the broker or the actor cannot be reached, or the connection was lost
      4    the command did not end within --timeout; it may still be running
      130  interrupted with Ctrl-C; the command may still be running
    """  # noqa: D301
    from clu._core.run import run  # completion does not need it, and must be quick

    text = _join(command_words)
    if actor.tcp is not None and len(text.splitlines()) > 1:
        raise click.UsageError("A command for a TCP actor must be a single line.")
    try:
        # For one command, uvloop takes longer to import than it saves.
        result = run(_send(actor, broker, text, timeout, as_json, internal), loop="asyncio")
    except KeyboardInterrupt:
        click.echo("Interrupted. The command may still be running.", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None
    if result.outcome == 0 and any(map(_is_rejected, result.replies)):
        click.echo("Error: A reply did not match the schema of the actor.", err=True)
        raise click.exceptions.Exit(_REJECTED)
    if result.reason:
        click.echo(f"Error: {result.reason}", err=True)
    gc.freeze()  # at its exit, the interpreter would look for garbage in all that was imported
    raise click.exceptions.Exit(int(result.outcome))


def _is_rejected(reply: Received) -> bool:
    error = reply.keywords.get("error")
    return reply.code == "e" and isinstance(error, str) and error.startswith(_REJECTION)


def _join(words: tuple[str, ...]) -> str:
    if len(words) == 1:
        return words[0]
    return " ".join(shlex.quote(word) if _NEEDS_QUOTES.search(word) else word for word in words)


async def _send(
    actor: ActorAddress,
    broker: BrokerOptions,
    text: str,
    timeout: float | None,
    as_json: bool,
    internal: bool,
) -> Result:
    import asyncio

    from clu.cli.common.open import make_connection

    connection = make_connection(actor, broker)
    # They are printed here because a closed pipe would not be noticed in a callback.
    replies: asyncio.Queue[Received | None] = asyncio.Queue()
    connection.on_reply = lambda received: replies.put_nowait(received if received.own else None)
    connection.on_notice = lambda text: click.echo(text, err=True)
    await connection.open()
    try:
        running = asyncio.ensure_future(connection.run(actor.name, text, timeout=timeout))
        running.add_done_callback(lambda _: replies.put_nowait(None))
        while not (running.done() and replies.empty()):
            received = await replies.get()
            if received is not None and (internal or not received.internal):
                click.echo(_format(received, as_json))
        return await running
    finally:
        await connection.close()


def _format(received: Received, as_json: bool) -> str:
    from clu.cli.common.rendering import json_line, reply_lines

    if not as_json:
        return reply_lines(received)
    return json_line(actor=received.actor, code=received.code, keywords=received.keywords)
