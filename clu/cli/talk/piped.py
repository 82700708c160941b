"""Talking where standard input or output is not a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from clu.cli.talk.peer import Peer

__all__ = ["show", "talk_piped"]

_STDIN = 0
_CHUNK = 65536
#: How many pieces of the input may wait for a peer that takes none.
_AHEAD = 16


async def talk_piped(peer: Peer, end: bytes, wait: float) -> None:
    """Send standard input, and print what comes.

    Parameters
    ----------
    peer
        The connection.
    end
        What ends each line that is sent.
    wait
        The seconds without anything from the peer, after the end of the input, after which no more
        is expected.

    Raises
    ------
    CannotConnect
        If the connection is lost.
    """
    output = _Output()
    printing = asyncio.ensure_future(output.print_all(peer))
    sending = asyncio.ensure_future(_send(peer, end))
    try:
        await asyncio.wait({printing, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not printing.done():
            output.was_heard()
        while not printing.done() and (left := output.last + wait - _now()) > 0:
            await asyncio.wait({printing}, timeout=left)
    finally:
        ended = [task for task in (printing, sending) if not task.cancel()]
        await asyncio.gather(printing, sending, return_exceptions=True)
    for task in ended:
        task.result()


class _Output:
    """What has been printed, and when that was."""

    def __init__(self) -> None:
        self.was_heard()

    def was_heard(self) -> None:
        """Count the silence from now on."""
        self.last = _now()

    async def print_all(self, peer: Peer) -> None:
        """Print what comes until the peer closes the connection."""
        async with contextlib.aclosing(peer.texts()) as texts:
            async for text in texts:
                self.was_heard()
                show(text)


def show(text: str) -> None:
    """Print text as it is, as far as standard output can."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=False)


async def _send(peer: Peer, end: bytes) -> None:
    """Send standard input; what is missing at its end is the end of the last line."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)
    # Input from a file cannot be awaited, and a thread of the event loop would have to end first.
    loop = asyncio.get_running_loop()
    threading.Thread(target=_read_input, args=(loop, pieces, room), daemon=True).start()
    is_complete = True
    while data := await pieces.get():
        room.release()
        is_complete = data.endswith(b"\n")
        await peer.write(data.replace(b"\n", end))
    if not is_complete:
        await peer.write(end)


def _read_input(
    loop: asyncio.AbstractEventLoop, pieces: asyncio.Queue[bytes], room: threading.Semaphore
) -> None:
    data = b"\n"
    while data:
        room.acquire()
        try:
            data = os.read(_STDIN, _CHUNK)
        except OSError:  # there is no standard input
            data = b""
        try:
            loop.call_soon_threadsafe(pieces.put_nowait, data)
        except RuntimeError:  # the loop is closed: nobody wants the input any more
            return


def _now() -> float:
    return asyncio.get_running_loop().time()
