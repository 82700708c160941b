"""What the demo shows: recent values, formats and frames."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import pytest

import clu.cli.demo.session as demo_session
from clu.cli.demo.frame import age, format_value, frame
from clu.cli.demo.history import BIN, History, Keyword, Keywords, sparkline
from clu.cli.demo.host_actor import HostActor
from clu.cli.demo.session import DemoSession
from clu.cli.demo.summary import failures, latency, percentile, summary

if TYPE_CHECKING:
    from collections.abc import Callable


class Probe:
    """A view that calls a function once everything that is shown has been received."""

    def __init__(self, function: Callable[[DemoSession], None]) -> None:
        self.function = function
        self.called = False

    async def show(self, session: DemoSession) -> None:
        while "cpu" not in session.follower.keywords or not (
            session.measurement and session.measurement.keywords
        ):
            await asyncio.sleep(0.01)
        self.function(session)
        self.called = True
        session.stop()


@pytest.fixture(autouse=True)
def short_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_session, "_MEASURE_LENGTH", 0.4)


async def run_session(function: Callable[[DemoSession], None]) -> DemoSession:
    session = DemoSession(rate=50, seconds=None, port=0)
    probe = Probe(function)
    await session.run(probe)
    assert probe.called
    return session


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([5, 5, 5], "▁▁▁"),
        ([100, 100.5, 100], "▁▁▁"),
        ([0, 0, 0], "▁▁▁"),
        ([-1, 0, 1], "▁▅█"),
    ],
)
def test_sparkline_spans_the_values(values: list[float], drawn: str) -> None:
    assert sparkline(values) == drawn


def test_history_keeps_the_last_value_of_each_bin() -> None:
    history = History()
    for value, number in ((1, 10.0), (2, 10.5), (3, 11.0), (4, 13.0)):
        history.add(value, number * BIN)
    assert history.recent(10) == [2, 3, 3, 4]
    assert history.recent(2) == [3, 4]


def test_history_survives_a_long_silence() -> None:
    history = History()
    history.add(1, 0.0)
    history.add(2, 1e9)
    assert history.recent(2) == [1, 2]


def test_parts_of_a_value_have_their_own_history() -> None:
    keywords = Keywords()
    keywords.update({"cpu_cores": [10.0, 30.0], "temperatures": {"nvme": 40.0}})
    keywords.update({"cpu_cores": [20.0, 10.0]})
    cores = keywords["cpu_cores"]
    assert [part.value for part in cores.parts.values()] == [20.0, 10.0]
    assert cores.history.recent(1) == [20.0]
    assert keywords["temperatures"].parts["nvme"].name == "temperatures[nvme]"


@pytest.mark.parametrize(
    ("name", "unit", "value", "text"),
    [
        ("cpu", "%", 12.34, "12.3 %"),
        ("memory_used", "GiB", 7.256, "7.26 GiB"),
        ("load", "", [0.5, 1, 2], "0.50 1.00 2.00"),
        ("temperatures", "degC", {"a": 40.0, "b": 51.5}, "51.5 degC max"),
        ("cpu_cores", "%", [0.0, 50.0, 100.0], "▁▅█"),
        ("error", "", "no sensor", "no sensor"),
    ],
)
def test_value_is_formatted_with_its_unit(name: str, unit: str, value: Any, text: str) -> None:
    keyword = Keyword(name, unit)
    keyword.set(value, 0.0)
    assert format_value(keyword).strip() == text


def test_many_cores_fit_into_the_column() -> None:
    keyword = Keyword("cpu_cores", "%")
    keyword.set([0.0] * 255 + [100.0], 0.0)
    assert len(format_value(keyword)) <= 18
    assert format_value(keyword).endswith("█")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123, "12 ms"), (0.9, "900 ms"), (2.34, "2.3 s"), (150.0, "150 s")]
)
def test_age_is_short(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([float(value) for value in range(1, 201)], 0.99) == 198.0
    assert latency([0.001, 0.002, 0.004]) == "median 2.00 ms, p99 4.00 ms"


async def test_frame_fits_the_terminal() -> None:
    def check(session: DemoSession) -> None:
        for width, height in ((80, 24), (120, 40), (200, 60), (40, 10), (20, 3)):
            lines = frame(session, width, height)
            assert len(lines) <= max(height, 4)
            if width >= 80:
                assert max(line.cell_len for line in lines) <= width
                text = "\n".join(line.plain for line in lines)
                for expected in ("replies/s", "0 lost", "memory_used", "GiB", "measure", "▁"):
                    assert expected in text
                assert f"send tcp://localhost:{session.actor.port} status" in text

    await run_session(check)


async def test_a_measurement_that_somebody_else_has_begun_does_not_end_the_demo() -> None:
    reason = "Another command with name measure is already running."

    def check(session: DemoSession) -> None:
        assert session.measurement is not None
        session.measurement.keywords = {"error": reason}
        lines = [line.plain for line in frame(session, 120, 40)]
        assert any(line.startswith(" measure 0.4") and reason in line for line in lines)
        assert all(
            len(line) <= 60 for line in map(str, frame(session, 60, 24)) if "measure" in line
        )
        assert "measure 0.4" not in dict(summary(session))

    await run_session(check)


async def test_session_accounts_for_every_reply() -> None:
    session = await run_session(lambda session: None)
    follower = session.follower
    assert failures(session) == []
    assert session.lost == 0
    assert session.actor.sequence == follower.sequence.received > 0
    assert follower.sent == follower.answered
    assert session.measurement is not None
    told = dict(summary(session))
    assert told["telemetry"].endswith("none lost")
    assert {"ping", "rate", "kernels", "loop", "cost", "checked"} <= set(told)


async def test_gap_in_the_telemetry_is_a_failure() -> None:
    def skip_two(session: DemoSession) -> None:
        session.actor.sequence += 2

    session = await run_session(skip_two)
    assert session.lost == 2
    assert failures(session) == ["2 replies of telemetry were lost."]
    assert dict(summary(session))["telemetry"].endswith("2 LOST")


async def test_lost_connection_ends_the_demo_with_a_failure() -> None:
    def hang_up(session: DemoSession) -> None:
        for transport in session.actor.transports.values():
            transport.abort()

    session = DemoSession(rate=50, seconds=None, port=0)
    await asyncio.wait_for(session.run(Probe(hang_up)), 20)
    assert "The actor has closed the connection." in failures(session)


async def test_actor_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_session, "_TIMEOUT", 0.1)
    monkeypatch.setattr(HostActor, "parse_command", lambda self, command: None)
    with pytest.raises(click.ClickException, match="does not answer"):
        await DemoSession(rate=50, seconds=None, port=0).run(Probe(lambda session: None))


async def test_warnings_are_reported_at_the_end() -> None:
    session = await run_session(lambda session: session.actor.log.warning("Low on %s.", "fuel"))
    assert session.warnings == ["Low on fuel."]
    assert failures(session) == []


async def test_error_of_the_display_comes_through() -> None:
    def fail(session: DemoSession) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await DemoSession(rate=50, seconds=None, port=0).run(Probe(fail))
