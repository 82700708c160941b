"""The telemetry of this machine."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import jsonschema
import psutil
import pytest

from clu.cli.demo import telemetry
from clu.cli.demo.telemetry import SCHEMA, Sampler, cpu_percentages

VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0, cpu=0.0)
    clock.monotonic = lambda: clock.now
    clock.process_time = lambda: clock.cpu
    monkeypatch.setattr(telemetry, "time", clock)
    return clock


def test_readings_satisfy_the_schema(clock: SimpleNamespace) -> None:
    sampler = Sampler()
    clock.now += 1
    keywords = sampler.read()
    VALIDATOR.validate(keywords)
    assert {"cpu", "cpu_cores", "load", "memory_used", "network_in", "disk_free"} <= set(keywords)


def test_every_unit_is_in_the_description() -> None:
    VALIDATOR.check_schema(SCHEMA)
    without_unit = {"sequence", "load", "samples"}
    for name, definition in SCHEMA["properties"].items():
        has_unit = re.search(r"\[\S+]$", definition["description"]) is not None
        assert has_unit == (name not in without_unit), name


def test_rates_wait_for_a_second_reading(clock: SimpleNamespace) -> None:
    keywords = Sampler().read()
    assert "memory_used" in keywords
    assert {"cpu", "network_in", "disk_read"}.isdisjoint(keywords)


def test_rates_are_of_the_last_second(clock: SimpleNamespace) -> None:
    sampler = Sampler()
    for _ in range(40):
        clock.now += 0.1
        clock.cpu += 0.05
        sampler.read()
    for _ in range(12):
        clock.now += 0.1
        keywords = sampler.read()
    assert keywords["process_cpu"] == 0.0


def test_rates_span_the_time_since_the_reading_before(clock: SimpleNamespace) -> None:
    sampler = Sampler()
    clock.now += 10
    clock.cpu += 5
    assert sampler.read()["process_cpu"] == 50.0


def test_slow_sensors_are_read_when_asked() -> None:
    assert "disk_free" not in Sampler().read(slow=False)


def test_machine_without_disks_swap_and_temperatures(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: None)
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(total=0))
    monkeypatch.delattr(psutil, "sensors_temperatures", raising=False)
    sampler = Sampler()
    clock.now += 1
    keywords = sampler.read()
    VALIDATOR.validate(keywords)
    assert {"disk_read", "disk_write", "swap_used", "temperatures"}.isdisjoint(keywords)


def test_machine_with_temperatures(monkeypatch: pytest.MonkeyPatch) -> None:
    def sensors() -> dict[str, list[Any]]:
        return {
            "coretemp": [SimpleNamespace(current=41.04), SimpleNamespace(current=55.0)],
            "nvme": [SimpleNamespace(current=None)],
        }

    monkeypatch.setattr(psutil, "sensors_temperatures", sensors, raising=False)
    keywords = Sampler().read()
    VALIDATOR.validate(keywords)
    assert keywords["temperatures"] == {"coretemp": 55.0}


def test_loopback_is_counted_apart(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    total = SimpleNamespace(bytes_sent=0, bytes_recv=0)
    monkeypatch.setattr(psutil, "net_io_counters", lambda **_: {"lo0": total, "eth0": total})
    sampler = Sampler()
    clock.now += 1
    total.bytes_sent, total.bytes_recv = 3000, 5000
    keywords = sampler.read()
    assert (keywords["network_in"], keywords["network_out"]) == (5.0, 3.0)
    assert keywords["loopback"] == 3.0


def test_counter_that_went_back_gives_no_negative_rate(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SimpleNamespace(read_bytes=10**9, write_bytes=0)
    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: disk)
    sampler = Sampler()
    clock.now += 1
    disk.read_bytes = 0
    assert sampler.read()["disk_read"] == 0.0


def test_cpu_use_of_each_core() -> None:
    old = [(10.0, 100.0), (20.0, 100.0), (5.0, 50.0)]
    new = [(10.5, 101.0), (20.0, 101.0), (5.0, 50.0)]
    assert cpu_percentages(old, new) == [50.0, 0.0, 0.0]
