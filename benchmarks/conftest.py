from __future__ import annotations

import asyncio
import importlib
import warnings
from typing import TYPE_CHECKING

import pytest
import yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from pytest_benchmark.fixture import BenchmarkFixture

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ResourceWarning)
    import sdsstools  # noqa: F401  (leaves a file open where it finds a pyproject.toml)


@pytest.fixture(params=["py", "c"], ids=["interpreted", "compiled"])
def kernel(request: pytest.FixtureRequest) -> Callable[[str], ModuleType]:
    """Import a kernel by its name, in either build."""

    def load(name: str) -> ModuleType:
        module = f"clu._speedups.{name}_{request.param}"
        if request.param == "py":
            return importlib.import_module(module)
        return pytest.importorskip(module, exc_type=ImportError)

    return load


@pytest.fixture(autouse=True)
def beside_the_yardstick(benchmark: BenchmarkFixture) -> Iterator[None]:
    """Measure the fixed work immediately before and after, for `gate.py`."""
    before = yardstick.seconds()
    yield
    benchmark.extra_info["yardstick"] = min(before, yardstick.seconds())


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()
