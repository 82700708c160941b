"""``clu.run``: which event loop it uses."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from clu._core.run import default_loop, run
from clu.exceptions import CluValueError

HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None


async def loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "uvloop" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_asyncio_runs_where_it_is_asked_for() -> None:
    assert run(loop_module(), loop="asyncio") == "asyncio"


@pytest.mark.skipif(not HAS_UVLOOP, reason="there is no uvloop")
@pytest.mark.parametrize("loop", ["auto", "uvloop"])
def test_uvloop_runs_where_it_is_installed(loop: Any) -> None:
    assert default_loop() == "uvloop"
    assert run(loop_module(), loop=loop) == "uvloop"


def test_asyncio_stands_in_for_a_missing_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    without_uvloop(monkeypatch)
    assert default_loop() == "asyncio"
    assert run(loop_module()) == "asyncio"


def test_missing_uvloop_is_reported_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    without_uvloop(monkeypatch)
    with pytest.raises(CluValueError, match="not installed"):
        run(loop_module(), loop="uvloop")


def test_unknown_loop_is_refused() -> None:
    loop: Any = "trio"
    with pytest.raises(CluValueError, match="'trio'"):
        run(loop_module(), loop=loop)


def test_error_of_the_program_comes_through() -> None:
    async def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(fail())
