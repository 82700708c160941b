"""What all tests share: async tests run on asyncio and, where there is one, on uvloop."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import importlib.util
import signal
import sys
import warnings
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.brokers import IN_MEMORY, ON_RABBITMQ, SharedMemoryBroker, is_about_rabbitmq
from tests.hanging import tasks_shown_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clu.testing import MemoryBroker
    from tests.broker import Broker

# What an example takes depends on what else the machine does.
WITHOUT_CLOCK = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("clu", **WITHOUT_CLOCK)
hypothesis.settings.register_profile("thorough", max_examples=5000, **WITHOUT_CLOCK)
hypothesis.settings.load_profile("clu")

#: The seconds that the end of a test may take.
TEARDOWN_LIMIT = 120

with warnings.catch_warnings():
    # sdsstools leaves a file open as it is imported, which would fail the first test.
    warnings.simplefilter("ignore", ResourceWarning)
    importlib.import_module("sdsstools.logger")
    gc.collect()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What is started in the background ignores Ctrl-C, and what it starts would do so, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None and sys.platform != "win32"


def loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "asyncio": asyncio.new_event_loop
    }
    if HAS_UVLOOP:
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    return factories


def pytest_asyncio_loop_factories(
    config: object, item: object
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return loop_factories()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about RabbitMQ where the broker is in memory."""
    if not IN_MEMORY:
        return
    left_out = [item for item in items if is_about_rabbitmq(item)]
    if left_out:
        items[:] = [item for item in items if not is_about_rabbitmq(item)]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The private RabbitMQ server that the tests of a worker share."""
    from tests.broker import Broker

    broker = Broker(tmp_path_factory.mktemp("rabbitmq"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def memory_broker() -> Iterator[SharedMemoryBroker]:
    """The broker in memory that the tests of a worker share."""
    with SharedMemoryBroker() as broker:
        yield broker


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Broker | MemoryBroker:
    """The broker of a test."""
    on_rabbitmq = ON_RABBITMQ or is_about_rabbitmq(request.node)
    return request.getfixturevalue("rabbitmq" if on_rabbitmq else "memory_broker")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Say what hangs while the fixtures of a test are made."""
    with tasks_shown_after(_limit(item) - 5, f"The set-up of {item.nodeid}", item.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Say what hangs in a test."""
    with tasks_shown_after(_limit(item) - 5, item.nodeid, item.config):
        return (yield)


def _limit(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0] if marker else item.config.getini("timeout"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """End the run if the end of a test hangs.

    uvloop waits for ever when a loop is closed on which a failed test has left something open, and
    pytest-timeout does not apply once a test has failed.
    """
    faulthandler.dump_traceback_later(TEARDOWN_LIMIT, exit=True)
    try:
        with tasks_shown_after(TEARDOWN_LIMIT - 5, f"The end of {item.nodeid}", item.config):
            return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: object, call: object) -> Iterator[None]:
    """Keep lone surrogates out of reports: they cannot leave a worker of pytest-xdist."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report
