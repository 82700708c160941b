"""``clu demo``: an actor with the telemetry of this machine, and a client that follows it."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from clu._core.run import run
from clu.cli.demo.limits import RATES
from clu.exceptions import CluValueError

if TYPE_CHECKING:
    from rich.console import Console

    from clu.cli.demo.session import DemoSession

__all__ = ["command"]


@click.command(name="demo")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.5),
    metavar="S",
    help="Stop after this number of seconds. By default, run until Ctrl-C.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="P",
    help="The port to listen on; 0 selects a free port. By default 19990, or a free port.",
)
@click.option(
    "--rate",
    type=click.FloatRange(*RATES),
    default=50,
    show_default=True,
    metavar="HZ",
    help="The number of telemetry replies to send per second, from {:g} to {:g}.".format(*RATES),
)
@click.option(
    "--loop",
    type=click.Choice(["auto", "asyncio", "uvloop"]),
    default="auto",
    help="The event loop. By default uvloop, if it is installed.",
)
@click.option("--plain", is_flag=True, help="Print plain lines, even on a terminal.")
def command(
    seconds: float | None,
    port: int | None,
    rate: float,
    loop: Literal["auto", "asyncio", "uvloop"],
    plain: bool,
) -> None:
    """Stream this machine's telemetry from an actor to a client.

    An actor named host listens on a port of localhost, and broadcasts the load of this machine.
    A client follows it over TCP, sends it commands, and checks that no replies are lost.
    """
    if importlib.util.find_spec("psutil") is None:
        raise click.ClickException(
            'clu demo reads the sensors with psutil, which is missing: pip install "sdss-clu[demo]"'
        )
    from clu.cli.demo.session import DemoSession

    session = DemoSession(rate, seconds, port)
    console = None if plain else _live_console()
    try:
        run(session.run(_view(console)), loop=loop)
    except CluValueError as error:
        raise click.ClickException(str(error)) from None
    _tell(session, console)


def _live_console() -> Console | None:
    """Return the console, if a live table can be shown on it."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return None
    from rich.console import Console

    console = Console(highlight=False)
    return console if "utf" in console.encoding.lower() else None


def _view(console: Console | None) -> Any:
    from clu.cli.demo.view import LiveView, PlainView

    return PlainView() if console is None else LiveView(console)


def _tell(session: DemoSession, console: Console | None) -> None:
    from clu.cli.common.palette import AMBER, RED
    from clu.cli.common.program import program_name
    from clu.cli.demo.frame import table
    from clu.cli.demo.session import PORT
    from clu.cli.demo.summary import failures, summary

    if console is not None:
        console.print(*table(session, console.width, 1000), sep="\n")
    click.echo()
    for title, text in summary(session):
        click.echo(f" {click.style(f'{title:12}', bold=True)} {text}")
    for warning in session.warnings:
        click.secho(f" warning      {warning}", fg=AMBER, err=True)
    problems = failures(session)
    for problem in problems:
        click.secho(f" problem      {problem}", fg=RED, err=True)
    port = session.requested_port or PORT
    clu, address = program_name(), f"tcp://localhost:{port}"
    click.echo(f"\n Talk to it: run  {clu} demo  in one terminal, and in another\n")
    click.echo(f"   {clu} send {address} measure 3")
    click.echo(f"   {clu} describe {address}")
    click.echo(f"   {clu} watch {address}")
    if problems:
        raise click.exceptions.Exit(1)
