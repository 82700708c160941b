"""The demo: the actor, and the client that follows it and sends it commands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

import click

from clu._speedups import backend
from clu.cli.demo.follower import Follower
from clu.cli.demo.host_actor import HostActor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clu.cli.demo.follower import Answer

__all__ = ["PORT", "DemoSession", "View"]

#: The port to try first, and the address.
PORT = 19990
HOST = "localhost"

#: The interval between commands of the client in seconds; every tenth one is ``status``.
_PING_PERIOD = 0.05
_STATUS_EVERY = 10
#: The maximum length of a measurement, and the pause before the next one if there is no end.
_MEASURE_LENGTH = 5.0
_MEASURE_PAUSE = 15.0
#: How long to wait for an answer, in seconds.
_TIMEOUT = 5.0


class View(Protocol):
    """A display of the running demo."""

    async def show(self, session: DemoSession) -> None:
        """Show the demo until the task is cancelled."""


class DemoSession:
    """A run of the demo.

    Parameters
    ----------
    rate
        The rate of the telemetry in Hz.
    seconds
        How long to run, in seconds; None means until it is interrupted.
    port
        The port of the actor; by default `PORT`, or a free port if that is in use.

    Attributes
    ----------
    elapsed
        The seconds since the telemetry was started.
    cpu_seconds
        The CPU time of actor, client and display in that time.
    measurement
        The current or the last command ``measure``.
    problems
        The problems that prevented the demo from continuing.
    warnings
        The warnings that were logged.
    """

    def __init__(self, rate: float, seconds: float | None, port: int | None) -> None:
        self.requested_rate = rate
        self.seconds = seconds
        self.requested_port = port
        self.follower = Follower()
        self.measurement: Answer | None = None
        self.cpu_seconds = 0.0
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.kernels = backend()
        self.loop_name = ""
        self.actor: HostActor
        self._stop = asyncio.Event()
        self._began: float | None = None
        self._ended: float | None = None

    @property
    def address(self) -> str:
        """The address of the actor."""
        return f"{HOST}:{self.actor.port}"

    @property
    def elapsed(self) -> float:
        """The seconds since the telemetry was started."""
        if self._began is None:
            return 0.0
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    @property
    def lost(self) -> int:
        """The number of telemetry replies that should have arrived but did not."""
        missing = self.actor.sequence - self.follower.sequence.received if self._ended else 0
        return max(self.follower.sequence.lost, missing)

    @property
    def build(self) -> str:
        """The build of the kernels: compiled, interpreted or partly compiled."""
        builds = set(self.kernels.values())
        return builds.pop() if len(builds) == 1 else "partly compiled"

    async def run(self, view: View) -> None:
        """Run the demo to its end."""
        self.loop_name = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        self.actor = await self._start_actor()
        try:
            with _collect_warnings(self.actor.log, self.warnings):
                await self._connect()
                await self._follow(view)
        finally:
            await self.follower.disconnect()
            await self.actor.stop()

    def stop(self) -> None:
        """Stop the demo early."""
        self._stop.set()

    async def _start_actor(self) -> HostActor:
        ports = [PORT, 0] if self.requested_port is None else [self.requested_port]
        for port in ports:
            actor = HostActor(HOST, port, self.requested_rate)
            try:
                return await actor.start()
            except OSError as error:
                # asyncio includes the addresses of all families in the error message.
                reason = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(f"Cannot listen on {HOST}:{ports[-1]}: {reason}.")

    async def _connect(self) -> None:
        try:
            await asyncio.wait_for(self.follower.connect(HOST, self.actor.port), _TIMEOUT)
        except asyncio.TimeoutError:
            reasons = " ".join(["The actor does not answer.", *self.warnings])
            raise click.ClickException(reasons) from None

    async def _follow(self, view: View) -> None:
        cpu_began = time.process_time()
        self._began = time.monotonic()
        self.actor.start_telemetry()
        background = asyncio.gather(self._command(), self._measure(), view.show(self))
        interrupted = asyncio.ensure_future(_interruption(self._stop))
        try:
            events: list[asyncio.Future[Any]] = [background, interrupted, self.follower.closed]
            await asyncio.wait(events, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.actor.stop_telemetry()
            self._ended = time.monotonic()
            self.cpu_seconds = time.process_time() - cpu_began
            interrupted.cancel()
            background.cancel()
            outcome = await asyncio.gather(interrupted, background, return_exceptions=True)
        for error in outcome:
            if isinstance(error, ConnectionError):
                self.problems.append(str(error))
            elif isinstance(error, Exception):
                raise error
        await self._settle()

    async def _command(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(_PING_PERIOD)
            count += 1
            await self.follower.command("ping" if count % _STATUS_EVERY else "status")

    async def _measure(self) -> None:
        seconds = _MEASURE_LENGTH
        if self.seconds is not None:
            seconds = max(round(min(seconds, self.seconds / 2), 1), 0.1)
        await asyncio.sleep(seconds / 5)
        while True:
            self.measurement = self.follower.send(f"measure {seconds:g}")
            await self.measurement.wait()
            if self.seconds is not None:
                return
            await asyncio.sleep(_MEASURE_PAUSE)

    async def _settle(self) -> None:
        """Wait for the outstanding replies."""
        follower = self.follower
        try:
            if self.measurement is not None and not self.measurement.done.done():
                follower.send("measure --stop")
            # Replies are ordered: earlier broadcasts arrive before this answer.
            follower.send("ping")
            await asyncio.wait([item.done for item in follower.running], timeout=_TIMEOUT)
        except ConnectionError as error:
            self.problems.append(str(error))
        self.problems.extend(f"No answer to: {item.text}" for item in follower.running)


async def _interruption(stop: asyncio.Event) -> None:
    """Wait for an event that is set by Ctrl-C or SIGTERM."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    if sys.platform == "win32":
        for number in signals:
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        await stop.wait()
        return
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


class _Collector(logging.Handler):
    """Collects warnings, to be shown after the display has ended."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextlib.contextmanager
def _collect_warnings(log: logging.Logger, messages: list[str]) -> Iterator[None]:
    handler = _Collector(messages)
    loggers = [log, logging.getLogger("clu")]
    terminal: logging.Handler | None = getattr(log, "sh", None)
    if terminal is not None:
        log.removeHandler(terminal)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        if terminal is not None:
            log.addHandler(terminal)
        for logger in loggers:
            logger.removeHandler(handler)
