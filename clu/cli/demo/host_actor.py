"""The actor of the demo: it streams the telemetry of its machine."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import click

from clu._version import __version__
from clu.actor import JSONActor
from clu.cli.demo.limits import DURATIONS, RATES
from clu.cli.demo.telemetry import SCHEMA, CpuMeter, Sampler
from clu.parsers.click import (
    CluGroup,
    get_command_model,
    get_schema,
    help_,
    keyword,
    ping,
    version,
)

if TYPE_CHECKING:
    from clu.command import Command

__all__ = ["HostActor", "host_parser"]

#: The interval between readings of sensors that change or are read slowly, in seconds.
_SLOW_PERIOD = 1.0
#: The minimum and maximum interval between samples of a measurement, in seconds.
_SAMPLE_PERIODS = (0.1, 1.0)


@click.group(cls=CluGroup)
def host_parser() -> None:
    """Telemetry of this machine."""


for _builtin in (ping, version, get_schema, help_, get_command_model, keyword):
    host_parser.add_command(_builtin)


class HostActor(JSONActor):
    """An actor that broadcasts the telemetry of its machine.

    Parameters
    ----------
    host, port
        The address and port to listen on.
    rate
        The number of telemetry replies to broadcast per second.

    Attributes
    ----------
    sequence
        The number of telemetry replies that were broadcast. Each reply includes its number.
    """

    parser = host_parser

    def __init__(self, host: str = "localhost", port: int = 0, rate: float = 50.0) -> None:
        super().__init__("host", host=host, port=port, schema=SCHEMA, version=__version__)
        self.sequence = 0
        self._rate = rate
        self._sampler = Sampler()
        self._timer: asyncio.Handle | None = None
        self._due = 0.0
        self._slow_due = 0.0

    async def stop(self) -> None:
        """Stop the telemetry and the server."""
        self.stop_telemetry()
        await super().stop()

    def start_telemetry(self) -> None:
        """Start broadcasting telemetry."""
        self.stop_telemetry()
        loop = asyncio.get_running_loop()
        self._due = loop.time()
        self._timer = loop.call_soon(self._broadcast)

    def stop_telemetry(self) -> None:
        """Stop broadcasting telemetry."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def rate(self) -> float:
        """The number of telemetry replies that are broadcast per second."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        if self._timer is not None:
            self.start_telemetry()

    def read(self) -> dict[str, Any]:
        """Read the sensors, and return all keywords."""
        return {"sequence": self.sequence, "rate": self._rate, **self._sampler.read()}

    def _broadcast(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        slow = began >= self._slow_due
        if slow:
            self._slow_due = began + _SLOW_PERIOD
        try:
            keywords = self._sampler.read(slow)
        except Exception as error:
            self.log.exception("Cannot read the sensors.")
            self.write("e", error=f"Cannot read the sensors: {error}", broadcast=True)
        else:
            if slow:
                keywords["rate"] = self._rate
            self.sequence += 1
            self.write("i", {"sequence": self.sequence, **keywords}, broadcast=True)
        now = loop.time()
        # If the sensors are too slow for the rate, telemetry uses at most half of the time.
        self._due = max(self._due + 1 / self._rate, 2 * now - began)
        self._timer = loop.call_at(self._due, self._broadcast)


@host_parser.command()
def status(command: Command[HostActor]) -> None:
    """Report all the keywords once."""
    command.finish(command.actor.read())


@host_parser.command()
@click.argument("HZ", type=float)
def rate(command: Command[HostActor], hz: float) -> None:
    """Set the rate of the telemetry in Hz."""
    if problem := _out_of_range("rate", hz, RATES, "Hz"):
        command.fail(error=problem)
        return
    command.actor.rate = hz
    command.finish(rate=hz)


@host_parser.command(cancellable=True)
@click.argument("SECONDS", type=float)
async def measure(command: Command[HostActor], seconds: float) -> None:
    """Measure the CPU use, and report the progress."""
    if problem := _out_of_range("length", seconds, DURATIONS, "s"):
        command.fail(error=problem)
        return
    shortest, longest = _SAMPLE_PERIODS
    steps = max(round(seconds / min(max(seconds / 20, shortest), longest)), 1)
    meter = CpuMeter()
    samples: list[float] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    for step in range(1, steps + 1):
        await asyncio.sleep(began + step * seconds / steps - loop.time())
        samples.append(meter.read())
        if step < steps:
            command.info(_summary(samples, steps))
    command.finish(_summary(samples, steps))


def _summary(samples: list[float], steps: int) -> dict[str, Any]:
    return {
        "progress": round(100 * len(samples) / steps, 1),
        "samples": len(samples),
        "cpu_mean": round(sum(samples) / len(samples), 2),
        "cpu_min": min(samples),
        "cpu_max": max(samples),
    }


def _out_of_range(what: str, value: float, limits: tuple[float, float], unit: str) -> str | None:
    lowest, highest = limits
    if math.isfinite(value) and lowest <= value <= highest:
        return None
    return f"The {what} must be from {lowest:g} to {highest:g} {unit}, not {value:g}."
