"""Talking in a terminal: lines are edited below what comes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any

import click
from prompt_toolkit.application import run_in_terminal

from clu.cli.common.line_input import make_session, restored_on_signals
from clu.cli.talk.piped import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clu.cli.talk.peer import Peer

__all__ = ["talk_typed"]

#: A line that is longer, and has not ended, is shown as far as it has come.
_LONGEST = 1_000_000


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
    terminal = _Terminal()
    with terminal.used():
        click.echo(f"Connected to {peer.address}. Ctrl-D ends it.", err=True)
        showing = asyncio.ensure_future(terminal.show_all(peer))
        try:
            await _send_typed(terminal, peer, end, showing)
        finally:
            is_closed = not showing.cancel()
            await asyncio.wait({showing})
    if is_closed:
        showing.result()
        click.echo(f"{peer.address} closed the connection.", err=True)


async def _send_typed(
    terminal: _Terminal, peer: Peer, end: bytes, showing: asyncio.Future[None]
) -> None:
    """Send lines until the user leaves, or nothing more is shown."""
    while not showing.done():
        reading = asyncio.ensure_future(terminal.read())
        tasks: set[asyncio.Future[Any]] = {reading, showing}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            terminal.leave(reading)
            await asyncio.wait({reading})
            return
        line = reading.result()
        if line is None:
            return
        for part in line.split("\n"):  # several when they are pasted
            peer.send(part.encode(errors="surrogateescape") + end)


class _Terminal:
    """The line that is typed, and above it what has come.

    A last line that has not ended, such as the prompt of a device, stands before what is typed, or
    its end if it is long.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._session = make_session(
            lambda: [("", self._before())], "talk_history", reserve_space_for_menu=0
        )

    def _before(self) -> str:
        """Return what stands before what is typed."""
        room = max(self._session.app.output.get_size().columns * 3 // 4, 1)
        return self._rest if len(self._rest) <= room else f"…{self._rest[1 - room :]}"

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Do not echo what is typed where it does not belong, and restore the terminal."""
        with self._session.app.input.raw_mode(), restored_on_signals(self._session):
            yield

    async def show_all(self, peer: Peer) -> None:
        """Show what comes until the peer closes the connection."""
        async with contextlib.aclosing(peer.texts()) as texts:
            async for text in texts:
                await run_in_terminal(functools.partial(self._take, text))
        if self._rest:
            await run_in_terminal(functools.partial(self._take, "\n"))

    def _take(self, text: str) -> None:
        lines, newline, rest = text.rpartition("\n")
        if newline:
            show(f"{self._rest}{lines}\n")
            self._rest = rest
        elif len(self._rest) > _LONGEST:
            show(f"{self._rest}\n")
            self._rest = rest
        else:
            self._rest += rest

    async def read(self) -> str | None:
        """Return the next line, or None when the user leaves."""
        try:
            line = await self._session.prompt_async(set_exception_handler=False)
        except (EOFError, KeyboardInterrupt):
            return None
        if self._before() != self._rest:
            show(f"{self._rest}\n")
        self._rest = ""  # it is on the screen, with what was typed after it
        return line

    def leave(self, reading: asyncio.Future[str | None]) -> None:
        """Stop reading a line."""
        if self._session.app.is_running:
            self._session.app.exit(exception=EOFError)
        else:
            reading.cancel()
