"""``clu websocket``: a bridge between websocket clients and a broker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any

import click

from clu import websocket as defaults
from clu._core.run import run
from clu.exceptions import CluError

if TYPE_CHECKING:
    from clu.websocket import WebsocketServer

__all__ = ["command"]


@click.command(name="websocket", context_settings={"show_default": True})
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=9876,
    help="The port to listen at for websocket clients; 0 takes a free one.",
)
@click.option(
    "--host",
    default="localhost",
    help="The address to listen at. With another one than localhost, set a token: "
    "who connects may command every actor.",
)
@click.option(
    "-H", "--rabbitmq-host", default="localhost", help="The host that runs the AMQP broker."
)
@click.option(
    "-P",
    "--rabbitmq-port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    default=5672,
    help="The port of the AMQP broker.",
)
@click.option("--user", default="guest", help="The user at the AMQP broker.")
@click.option(
    "--password",
    default="guest",
    envvar="CLU_RABBITMQ_PASSWORD",
    show_envvar=True,
    help="The password at the AMQP broker.",
)
@click.option(
    "--url", help="The address of the AMQP broker, in the place of the four options above."
)
@click.option(
    "--token",
    envvar="CLU_WEBSOCKET_TOKEN",
    show_envvar=True,
    help="What clients must know: they say ?token=... in the address or a header "
    "Authorization: Bearer. The environment hides it from other users of the machine.",
)
@click.option(
    "--allow-origin",
    "allowed_origins",
    multiple=True,
    metavar="ORIGIN",
    help="Also let in pages from this origin, like https://example.org; * for all, null for "
    "files. Can be repeated. By default pages of this machine, and of the host that "
    "the browser connects to if it goes by address or by the name of this machine.",
)
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    metavar="N",
    default=defaults.MAX_CONNECTIONS,
    help="How many clients to accept.",
)
@click.option(
    "--max-commands",
    type=click.IntRange(min=1),
    metavar="N",
    default=defaults.MAX_COMMANDS,
    help="How many commands of a client may run at once.",
)
@click.option(
    "--message-limit",
    type=click.IntRange(min=1),
    default=defaults.MESSAGE_LIMIT,
    metavar="BYTES",
    help="The length of the longest message of a client.",
)
@click.option(
    "--buffer-limit",
    type=click.IntRange(min=1),
    default=defaults.BUFFER_LIMIT,
    metavar="BYTES",
    help="How much may wait for a client that does not read, before it is dropped.",
)
@click.option(
    "--keepalive",
    type=click.FloatRange(min=0.1),
    default=defaults.KEEPALIVE,
    metavar="SECONDS",
    help="How often to ping a client, and how long it has to answer before it is dropped.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    default=defaults.TIME_LIMIT,
    metavar="SECONDS",
    help="How long to wait for the end of a command.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also tell who connects and who goes.")
def command(
    port: int,
    host: str,
    rabbitmq_host: str,
    rabbitmq_port: int,
    verbose: bool,
    **options: Any,
) -> None:
    """Connect websocket clients to an AMQP broker.

    A client, such as a page in a browser, sends JSON objects with the keys consumer (the name of
    an actor), command_string and, if it likes, command_id. It receives all replies of all actors,
    and an object with the key error when its message cannot be passed on.
    """
    from clu.websocket import WebsocketServer

    try:
        server = WebsocketServer(
            host,
            port,
            host=rabbitmq_host,
            port=rabbitmq_port,
            verbose=20 if verbose else False,
            **options,
        )
        run(_serve(server))
    except (CluError, OSError) as error:
        raise click.ClickException(str(error)) from None


async def _serve(server: WebsocketServer) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows ends the program by itself
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
    starting = asyncio.ensure_future(server.start())
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            broker = server.client.connection.address
            click.echo(f"Listening at {server.address} for {broker}. Ctrl-C stops.")
            await stopping
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await server.stop()
