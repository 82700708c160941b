"""The cluster that the tests share, whole at the start of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import loop_factories

from .nodes import Cluster

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator


def pytest_asyncio_loop_factories(
    config: object, item: object
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on one event loop only, uvloop where there is one: nodes take long to come back."""
    return dict(list(loop_factories().items())[-1:])


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """Three nodes that run, whatever the test before did to them."""
    shared_cluster.start()
    return shared_cluster
