"""``clu websocket``: a bridge between websocket clients and a broker."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from typing import TYPE_CHECKING, Any

import click

from clu import websocket as defaults
from clu._core.run import run
from clu._tcp.limits import BUFFER_HARD_LIMIT, STALL_LIMIT
from clu.cli.common.options import bridge_options
from clu.exceptions import CluError

if TYPE_CHECKING:
    from clu.cli.common.broker_options import BrokerOptions
    from clu.websocket import WebsocketServer

__all__ = ["command"]


_NUMBER = re.compile(r"[0-9]+")


class _BridgeCommand(click.Command):
    """A command that takes ``-P PORT`` for the port of the broker, as that of sdss-clu does.

    Elsewhere -P is the password.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for place, argument in enumerate(args):
            rest = args[place + 1 :] if argument == "-P" else [argument[2:], *args[place + 1 :]]
            if argument.startswith("-P") and rest and _NUMBER.fullmatch(rest[0]):
                click.echo(
                    f"-P {rest[0]} is taken for the port of the broker, as in sdss-clu. Write "
                    "--rabbitmq-port, or --password for a password that is a number.",
                    err=True,
                )
                args = [*args[:place], "--rabbitmq-port", *rest]
                break
        return super().parse_args(ctx, args)


@click.command(name="websocket", cls=_BridgeCommand, context_settings={"show_default": True})
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=9876,
    help="The port to listen on for websocket clients; 0 selects a free port.",
)
@click.option(
    "--listen",
    "listen_host",
    metavar="HOST",
    default="localhost",
    help="The address to listen on. Set a token if it is not localhost: "
    "any client that connects can command every actor.",
)
@bridge_options
@click.option(
    "--token",
    envvar="CLU_WEBSOCKET_TOKEN",
    show_envvar=True,
    help="The token that clients must send, as ?token=... in the URL or in a header "
    "Authorization: Bearer. Other users of the machine can see arguments, but not the "
    "environment.",
)
@click.option(
    "--allow-origin",
    "allowed_origins",
    multiple=True,
    metavar="ORIGIN",
    help="Also allow pages from this origin, such as https://example.org; * for all, null for "
    "files. Can be repeated. Pages of this machine are always allowed, and those of the host "
    "that the browser connects to if it is an address or the name of this machine.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    metavar="N",
    default=defaults.MAX_CONNECTIONS,
    help="The maximum number of clients.",
)
@click.option(
    "--max-commands",
    type=click.IntRange(min=1),
    metavar="N",
    default=defaults.MAX_COMMANDS,
    help="The maximum number of concurrent commands of a client.",
)
@click.option(
    "--message-limit",
    type=click.IntRange(min=1),
    default=defaults.MESSAGE_LIMIT,
    metavar="BYTES",
    help="The maximum length of a message from a client.",
)
@click.option(
    "--buffer-limit",
    type=click.IntRange(min=1),
    default=defaults.BUFFER_LIMIT,
    metavar="BYTES",
    help="How much to buffer for a stalled client before disconnecting it.",
)
@click.option(
    "--stall-limit",
    type=click.FloatRange(min=0.1),
    default=STALL_LIMIT,
    metavar="SECONDS",
    help="How long a client may read nothing before it counts as stalled.",
)
@click.option(
    "--buffer-hard-limit",
    type=click.IntRange(min=1),
    default=BUFFER_HARD_LIMIT,
    metavar="BYTES",
    help="How much to buffer for any client before disconnecting it.",
)
@click.option(
    "--keepalive",
    type=click.FloatRange(min=0.1),
    default=defaults.KEEPALIVE,
    metavar="SECONDS",
    help="How often to ping a client, and how long to wait for an answer before disconnecting it.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    default=defaults.TIME_LIMIT,
    metavar="SECONDS",
    help="How long to wait for the end of a command.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also log when clients connect and disconnect.")
def command(
    port: int,
    listen_host: str,
    broker: BrokerOptions,
    verbose: bool,
    **options: Any,
) -> None:
    """Relay commands and replies between websocket clients and an AMQP broker.

    A client, such as a page in a browser, sends JSON objects with the keys consumer (the name of
    an actor), command_string and, optionally, command_id. It receives all replies of all actors,
    and an object with the key error if its message cannot be relayed.
    """
    from clu.websocket import WebsocketServer

    try:
        server = WebsocketServer(
            listen_host,
            port,
            **broker.client_arguments(),
            verbose=20 if verbose else False,
            **options,
        )
        run(_serve(server))
    except (CluError, OSError) as error:
        raise click.ClickException(str(error)) from None


async def _serve(server: WebsocketServer) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows terminates the program by default
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    starting = asyncio.ensure_future(server.start())
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            broker = server.client.connection.address
            click.echo(f"Listening on {server.address} for {broker}. Press Ctrl-C to stop.")
            await stopping
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await server.stop()
