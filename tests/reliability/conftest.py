"""Actors of each kind, over real sockets and without a network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from .actors import Peer, make, make_offline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(params=["json", "legacy"])
def kind(request: pytest.FixtureRequest) -> str:
    """A kind of actor that serves TCP."""
    return str(request.param)


@pytest.fixture(params=["json", "legacy", "amqp"])
async def offline(request: pytest.FixtureRequest) -> Any:
    """An actor of each kind without a network."""
    return await make_offline(request.param)


@pytest.fixture
async def actor(kind: str) -> AsyncIterator[Any]:
    actor = await make(kind).start()
    yield actor
    await actor.stop()


@pytest.fixture
async def peer(kind: str, actor: Any) -> AsyncIterator[Peer]:
    async with await Peer.connect(kind, actor.port) as peer:
        yield peer


@pytest.fixture
async def stray(actor: Any) -> list[dict[str, Any]]:
    """What reaches the exception handler of the event loop from now on."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    return found
