"""Dictionaries of keys, a hub, and connections to it that are retried at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clu.legacy.tron import TronClientProtocol
from clu.legacy.types.keys import KeysDictionary
from clu.testing import Hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def actorkeys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(__file__).parent / "dictionaries"
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("actorkeys", None)
    yield folder / "actorkeys"
    sys.modules.pop("actorkeys", None)
    KeysDictionary.registry.clear()


@pytest.fixture
async def hub(actorkeys: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(TronClientProtocol, "initial_delay", 0.01)
    async with Hub() as hub:
        yield hub
