from __future__ import annotations

import asyncio
import importlib
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType


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


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()
