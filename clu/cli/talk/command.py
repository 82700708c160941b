"""``clu talk``: lines to a device, an actor or a hub, and what it says."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from clu._tcp.address import SCHEME, split_url
from clu.exceptions import CluValueError

__all__ = ["command"]

_ENDS = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n"}
_INTERRUPTED = 130


class _Address(click.ParamType):  # type: ignore[type-arg]
    """The address of anything on TCP; without a host, it is on this machine."""

    name = "address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Return the host and the port."""
        if isinstance(value, tuple):
            return value
        place = value.removeprefix(SCHEME).rstrip("/")
        host = "localhost:" if place.isdecimal() else "localhost" if place[:1] == ":" else ""
        try:
            return split_url(f"{SCHEME}{host}{place}")
        except CluValueError:
            self.fail(f"{value!r} is not an address: write HOST:PORT, such as localhost:9999.")


@click.command(name="talk")
@click.option(
    "--end",
    type=click.Choice(list(_ENDS)),
    default="lf",
    show_default=True,
    help="What ends each line that is sent.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="S",
    help="After the end of an input that is not typed, leave when nothing has come for this number "
    "of seconds. inf waits until the other side closes the connection.",
)
@click.argument("address", metavar="[HOST:]PORT", type=_Address())
def command(end: str, wait: float, address: tuple[str, int]) -> None:
    """Type lines to a device, actor or hub, and see what it says.

    Lines are sent and shown as they are. Bytes that are not UTF-8, and control characters, are
    shown as \\xff. HOST:PORT may begin with tcp://, and without a host it is localhost.

    \b
    clu talk localhost:9998
    clu talk --end crlf [fe80::1%eth0]:23
    echo 'POS?' | clu talk 9998

    In a terminal, lines can be edited, the arrows bring back earlier ones, and Ctrl-C or Ctrl-D
    ends it.

    \b
    The exit status is
      0    at the end, or the other side has closed the connection
      2    the arguments are not valid
      3    nobody is at the address, or the connection was lost
      130  interrupted with Ctrl-C, where the input is not typed
    """  # noqa: D301
    from clu._core.run import run  # completion does not need it, and must be quick

    is_typed = all(map(_is_terminal, (sys.stdin, sys.stdout))) and os.environ.get("TERM") != "dumb"
    try:
        run(_talk(*address, _ENDS[end], None if is_typed else wait), loop="asyncio")
    except KeyboardInterrupt:
        raise click.exceptions.Exit(0 if is_typed else _INTERRUPTED) from None


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


async def _talk(host: str, port: int, end: bytes, wait: float | None) -> None:
    from clu.cli.talk.peer import Peer

    peer = Peer(host, port)
    await peer.open()
    try:
        if wait is None:
            from clu.cli.talk.typed import talk_typed

            await talk_typed(peer, end)
        else:
            from clu.cli.talk.piped import talk_piped

            await talk_piped(peer, end, wait)
    finally:
        peer.close()
