"""The two brokers, and raw channels on them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from clu.testing import MemoryBroker
from tests.brokers import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a broker."""
    if request.param == "memory":
        with MemoryBroker() as bus:
            yield bus.url
    else:
        yield request.getfixturevalue("broker").url


@pytest.fixture
async def open_channel(url: str) -> AsyncIterator[Callable[..., Any]]:
    """Open channels of aiormq, each on a connection of its own."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_channel(**arguments: Any) -> Any:
            connection = await stack.enter_async_context(await connect(url))
            return await connection.transport.connection.channel(**arguments)

        yield open_channel


@pytest.fixture
async def channel(open_channel: Callable[..., Any]) -> Any:
    """A channel with confirms."""
    return await open_channel()
