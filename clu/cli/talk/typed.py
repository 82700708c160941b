"""Talking in a terminal: lines are edited below what comes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click
from prompt_toolkit.application import run_in_terminal

from clu.cli.common.line_input import make_session, restored_on_signals
from clu.cli.talk.piped import show

if TYPE_CHECKING:
    from clu.cli.talk.peer import Peer

__all__ = ["talk_typed"]


async def talk_typed(peer: Peer, end: bytes) -> None:
    """Send the lines that the user types, and show what comes above the line.

    Parameters
    ----------
    peer
        The connection.
    end
        What ends each line that is sent.

    Raises
    ------
    CannotConnect
        If the connection is lost.
    """
    click.echo(f"Connected to {peer.address}. Ctrl-D ends it.", err=True)
    terminal = _Terminal()
    showing = asyncio.ensure_future(terminal.show_all(peer))
    try:
        while not showing.done():
            reading = asyncio.ensure_future(terminal.read())
            await asyncio.wait({reading, showing}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                terminal.leave(reading)
                await asyncio.wait({reading})
                break
            line = reading.result()
            if line is None:
                return
            for part in line.split("\n"):  # several when they are pasted
                await peer.write(part.encode(errors="surrogateescape") + end)
    finally:
        showing.cancel()
        await asyncio.wait({showing})
    showing.result()
    click.echo(f"{peer.address} closed the connection.", err=True)


class _Terminal:
    """The line that is typed, and above it what has come.

    A last line that has not ended, such as the prompt of a device, stands before what is typed.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._session = make_session(
            lambda: [("", self._rest)], "talk_history", reserve_space_for_menu=0
        )

    async def show_all(self, peer: Peer) -> None:
        """Show what comes until the peer closes the connection."""
        async with contextlib.aclosing(peer.texts()) as texts:
            async for text in texts:
                await run_in_terminal(lambda text=text: self._take(text))
        if self._rest:
            await run_in_terminal(lambda: self._take("\n"))

    def _take(self, text: str) -> None:
        lines, newline, self._rest = (self._rest + text).rpartition("\n")
        show(lines + newline)

    async def read(self) -> str | None:
        """Return the next line, or None when the user leaves."""
        try:
            with restored_on_signals(self._session):
                line = await self._session.prompt_async(set_exception_handler=False)
        except (EOFError, KeyboardInterrupt):
            return None
        self._rest = ""  # it is on the screen, with what was typed after it
        return line

    def leave(self, reading: asyncio.Future[str | None]) -> None:
        """Stop reading a line."""
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError)
        else:
            reading.cancel()
