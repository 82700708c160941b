"""What all tests share: async tests run on asyncio and, where there is one, on uvloop."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

with warnings.catch_warnings():
    # sdsstools leaves a file open as it is imported, which would fail the first test.
    warnings.simplefilter("ignore", ResourceWarning)
    importlib.import_module("sdsstools.logger")
    gc.collect()

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
