"""Running an actor: starting it, waiting for a signal, and stopping it in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import click

from clu.cli.run.announcement import announcement
from clu.cli.run.notify import notify

if TYPE_CHECKING:
    from collections.abc import Callable

    from clu.base import BaseActor

__all__ = ["INTERRUPTED", "serve", "stop_on_signals"]

#: The exit status of a program that Ctrl-C ends while it stops.
INTERRUPTED = 130


async def serve(make_actor: Callable[[], BaseActor]) -> None:
    """Run an actor until a signal, or the actor itself, ends it.

    Parameters
    ----------
    make_actor
        A function that returns the actor. It is called here because actors may create tasks when
        they are made.
    """
    stopped = asyncio.Event()
    stop_on_signals(stopped)
    actor = make_actor()
    starting = asyncio.ensure_future(_start(actor))
    stopping = asyncio.ensure_future(stopped.wait())
    running: asyncio.Future[None] | None = None
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            click.echo(announcement(actor))
            notify("READY=1", f"STATUS={actor.name} runs.")
            running = asyncio.ensure_future(_run_forever(actor))
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
    finally:
        notify("STOPPING=1")
        tasks: list[asyncio.Future[Any]] = [starting, stopping]
        if running is not None:
            tasks.append(running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await actor.stop()


async def _start(actor: BaseActor) -> None:
    await actor.start()


async def _run_forever(actor: BaseActor) -> None:
    """Wait until the actor ends by itself."""
    run_forever = getattr(actor, "run_forever", None)
    await (asyncio.Event().wait() if run_forever is None else run_forever())


def stop_on_signals(stopped: asyncio.Event) -> None:
    """Set an event at SIGTERM and the first Ctrl-C; a second one ends the program."""

    def stop() -> None:
        if stopped.is_set():  # what the actor does to stop takes too long for this user
            os._exit(INTERRUPTED)
        stopped.set()

    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows ends the program by default
        loop.add_signal_handler(signal.SIGINT, stop)
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
