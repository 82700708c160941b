"""The telemetry of this machine as keywords, with their schema."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Generic, TypeVar

import psutil

__all__ = ["SCHEMA", "CpuMeter", "Sampler"]

T = TypeVar("T")

#: The interval over which rates are computed from counters, and its minimum, in seconds: the
#: kernel counts CPU time in steps of 10 ms.
WINDOW = 1.0
SHORTEST = 0.1
GIB = 2**30

_LOOPBACK = ("lo", "Loopback Pseudo-Interface")


def _number(description: str, **limits: float) -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "description": description, **limits}


def _percentage(description: str) -> dict[str, Any]:
    return _number(f"{description} [%]", maximum=100)


#: The keywords of the actor. The unit is in brackets at the end of the description. Rates are
#: averages over the last second, or since the previous reading if that is longer ago.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sequence": {
            "type": "integer",
            "minimum": 0,
            "description": "How many replies of telemetry were broadcast, this one included",
        },
        "cpu": _percentage("CPU use, average of the cores"),
        "cpu_cores": {
            "type": "array",
            "items": {"type": "number", "minimum": 0, "maximum": 100},
            "description": "CPU use of each core [%]",
        },
        "load": {
            "type": "array",
            "items": {"type": "number", "minimum": 0},
            "minItems": 3,
            "maxItems": 3,
            "description": "Processes that run or wait, averages over 1, 5 and 15 minutes",
        },
        "memory_used": _number("Memory in use [GiB]"),
        "memory_available": _number("Memory that programs can get without swapping [GiB]"),
        "swap_used": _number("Swap space in use [GiB]"),
        "disk_read": _number("Rate at which all disks are read [MB/s]"),
        "disk_write": _number("Rate at which all disks are written [MB/s]"),
        "disk_free": _number("Free space of the file system of the working directory [GiB]"),
        "network_in": _number("Rate at which data is received, except on loopback [kB/s]"),
        "network_out": _number("Rate at which data is sent, except on loopback [kB/s]"),
        "loopback": _number("Rate of data between programs of this machine [kB/s]"),
        "temperatures": {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": -273.15},
            "description": "Temperature of each chip with a sensor [degC]",
        },
        "process_cpu": _number("CPU use of the process of this actor, of one core [%]"),
        "rate": _number("Rate at which telemetry is broadcast [Hz]"),
        "progress": _percentage("Progress of the measurement"),
        "samples": {
            "type": "integer",
            "minimum": 0,
            "description": "Samples of the CPU use in the measurement",
        },
        "cpu_mean": _percentage("Mean of the CPU use in the measurement"),
        "cpu_min": _percentage("Minimum of the CPU use in the measurement"),
        "cpu_max": _percentage("Maximum of the CPU use in the measurement"),
    },
    "additionalProperties": False,
}


class Window(Generic[T]):
    """The readings of the last second or so."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, T]] = deque()

    def add(self, now: float, reading: T) -> tuple[float, T, T] | None:
        """Add a reading. Return the seconds since the oldest reading, the oldest and the new one.

        Returns None if the interval is too short.
        """
        readings = self._readings
        readings.append((now, reading))
        while len(readings) > 1 and readings[1][0] <= now - WINDOW:
            readings.popleft()
        then, oldest = readings[0]
        return (now - then, oldest, reading) if now - then >= SHORTEST else None


class CpuMeter:
    """The CPU use of each core since the last reading."""

    def __init__(self) -> None:
        self._last = cpu_counters()

    def read(self) -> float:
        """Return the average of the cores in percent."""
        last, self._last = self._last, cpu_counters()
        return _mean(cpu_percentages(last, self._last))


class Sampler:
    """Reads the sensors of this machine.

    Each value is read from its sensor; nothing is interpolated. Keywords without a sensor, or
    without enough readings for a rate, are left out.
    """

    def __init__(self) -> None:
        self._cpu: Window[list[tuple[float, float]]] = Window()
        self._counters: Window[list[float]] = Window()
        self._has_swap = psutil.swap_memory().total > 0
        self._has_temperatures = bool(_temperatures())
        self.read()

    def read(self, slow: bool = True) -> dict[str, Any]:
        """Read the sensors.

        Parameters
        ----------
        slow
            Whether to also read the sensors that change or are read slowly.
        """
        now = time.monotonic()
        keywords: dict[str, Any] = {}
        if cpu := self._cpu.add(now, cpu_counters()):
            cores = cpu_percentages(*cpu[1:])
            keywords["cpu"] = _mean(cores)
            keywords["cpu_cores"] = cores
        keywords["load"] = [round(value, 2) for value in psutil.getloadavg()]
        memory = psutil.virtual_memory()
        keywords["memory_used"] = round(memory.used / GIB, 3)
        keywords["memory_available"] = round(memory.available / GIB, 3)
        if slow:
            keywords.update(self._read_slow())
        if counters := self._counters.add(now, _io_counters()):
            keywords.update(_io_rates(*counters))
        return keywords

    def _read_slow(self) -> dict[str, Any]:
        keywords: dict[str, Any] = {"disk_free": round(psutil.disk_usage(".").free / GIB, 3)}
        if self._has_swap:
            keywords["swap_used"] = round(psutil.swap_memory().used / GIB, 3)
        if self._has_temperatures:
            keywords["temperatures"] = _temperatures()
        return keywords


def cpu_counters() -> list[tuple[float, float]]:
    """Return the busy time and the total time of each core in seconds."""
    counters = []
    for core in psutil.cpu_times(percpu=True):
        # The Linux kernel also counts guest time as user time.
        guests = getattr(core, "guest", 0.0) + getattr(core, "guest_nice", 0.0)
        total = sum(core) - guests
        counters.append((total - core.idle - getattr(core, "iowait", 0.0), total))
    return counters


def cpu_percentages(old: list[tuple[float, float]], new: list[tuple[float, float]]) -> list[float]:
    """Return the CPU use of each core between two readings of its counters, in percent."""
    percentages = []
    for (old_busy, old_total), (busy, total) in zip(old, new, strict=False):
        share = (busy - old_busy) / (total - old_total) if total > old_total else 0.0
        percentages.append(round(min(max(100 * share, 0.0), 100.0), 1))
    return percentages


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 2)


def _io_counters() -> list[float]:
    disk = psutil.disk_io_counters(nowrap=False)
    inward = outward = loopback = 0
    for name, interface in psutil.net_io_counters(pernic=True, nowrap=False).items():
        if name.rstrip("0123456789 ") in _LOOPBACK:
            loopback += interface.bytes_sent
        else:
            inward += interface.bytes_recv
            outward += interface.bytes_sent
    network = [inward / 1e3, outward / 1e3, loopback / 1e3]
    # In that order because a container may have no disks.
    disks = [disk.read_bytes / 1e6, disk.write_bytes / 1e6] if disk is not None else []
    return [100 * time.process_time(), *network, *disks]


_RATES = ("process_cpu", "network_in", "network_out", "loopback", "disk_read", "disk_write")


def _io_rates(seconds: float, old: list[float], new: list[float]) -> dict[str, float]:
    changes = zip(_RATES, old, new, strict=False)
    # A counter decreases when a disk or an interface is removed.
    return {name: round(max(late - early, 0.0) / seconds, 2) for name, early, late in changes}


def _temperatures() -> dict[str, float]:
    read = getattr(psutil, "sensors_temperatures", None)
    if read is None:
        return {}
    chips: dict[str, float] = {}
    for chip, sensors in read().items():
        values = [sensor.current for sensor in sensors if sensor.current is not None]
        if values:
            chips[chip] = round(max(values), 1)
    return chips
