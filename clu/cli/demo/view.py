"""The demo on a terminal, and as plain lines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from clu.cli.demo.frame import format_value, frame
from clu.cli.demo.summary import measurement

if TYPE_CHECKING:
    from rich.console import Console

    from clu.cli.demo.session import DemoSession

__all__ = ["LiveView", "PlainView"]

_REFRESH_PERIOD = 0.125
_PLAIN = ("cpu", "load", "memory_used", "disk_write", "network_in")


class PlainView:
    """A line per second, for files, pipes and screen readers."""

    async def show(self, session: DemoSession) -> None:
        """Show the demo until the task is cancelled."""
        click.echo(
            f"Actor host on {session.address}, telemetry at {session.requested_rate:g} Hz, "
            f"event loop {session.loop_name}, kernels {session.build}"
        )
        told = None
        for second in range(1, 2**31):
            await asyncio.sleep(second - session.elapsed)
            click.echo(self._line(session))
            if (current := session.measurement) is None:
                continue
            progress = current.text, current.keywords.get("progress")
            if progress[1] is not None and progress != told:
                told = progress
                result = measurement(current.keywords)
                click.echo(f"{'':9}{current.text}: {progress[1]:.0f} %, {result}")

    @staticmethod
    def _line(session: DemoSession) -> str:
        follower = session.follower
        parts = [
            f"{session.elapsed:6.1f} s",
            f"{follower.rate:.1f} replies/s",
            f"{session.lost} lost",
            *(
                f"{name} {format_value(follower.keywords[name]).strip()}"
                for name in _PLAIN
                if name in follower.keywords
            ),
        ]
        return "  ".join(parts)


class LiveView:
    """A live table on a terminal.

    Parameters
    ----------
    console
        The console of the terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console

    async def show(self, session: DemoSession) -> None:
        """Show the demo until the task is cancelled."""
        from rich.console import Group
        from rich.live import Live

        with Live(console=self.console, screen=True, auto_refresh=False) as live:
            while True:
                width, height = self.console.size
                live.update(Group(*frame(session, width, height)), refresh=True)
                await asyncio.sleep(_REFRESH_PERIOD)
