"""The pytest plugin of clu: fixtures for tests of actors and clients.

It is a module of its own, outside of the package, and imports clu only for tests that use one of
its fixtures: `clu_bus`, `clu_client` and `clu_actor`. They work with pytest-asyncio, in both of its
modes, and with anyio on asyncio: since they are plain functions, neither has to know of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from clu.testing import ActorFactory, Bus, BusClient
    from clu.testing.session import Session

_session: pytest.StashKey[Session] = pytest.StashKey()
_has_failed: pytest.StashKey[bool] = pytest.StashKey()


@pytest.fixture
def clu_bus(request: pytest.FixtureRequest) -> Generator[Bus, None, None]:
    """A broker in memory, with a log of what goes over it: see `clu.testing.Bus`."""
    from clu.testing.session import Session

    node = request.node
    if _is_run_by_anyio(request):
        if (name := request.getfixturevalue("anyio_backend_name")) != "asyncio":
            pytest.fail(
                f"clu runs on asyncio, not on {name}: have the fixture anyio_backend return "
                "'asyncio'.",
                pytrace=False,
            )
        request.getfixturevalue("_clu_anyio_loop")
    # Before the fixtures and the event loop that were there when it was first used.
    session = Session(lambda: node.addfinalizer(lambda: _end(node, session)))
    node.stash[_session] = session
    yield session.bus
    session.bus.close()


@pytest.fixture
def clu_client(request: pytest.FixtureRequest, clu_bus: Bus) -> BusClient:
    """A client on the bus, which connects before the first actor: see `clu.testing.BusClient`."""
    client: BusClient = request.node.stash[_session].client
    return client


@pytest.fixture
def clu_actor(request: pytest.FixtureRequest, clu_bus: Bus) -> ActorFactory:
    """Starts actors: ``await clu_actor(Camera, schema=...)``. See `clu.testing.ActorFactory`."""
    actors: ActorFactory = request.node.stash[_session].actors
    return actors


@pytest.fixture
async def _clu_anyio_loop() -> AsyncGenerator[None, None]:
    """Keep the event loop of anyio, which would be closed when the test function has returned."""
    yield  # noqa: PT022  (a coroutine function would not keep it)


def _is_run_by_anyio(request: pytest.FixtureRequest) -> bool:
    is_of_other_plugin = request.node.get_closest_marker("asyncio") is not None
    return "anyio_backend" in request.fixturenames and not is_of_other_plugin


def _end(node: Any, session: Session) -> None:
    problems = session.end()
    if problems and not node.stash.get(_has_failed, False):
        listed = "\n".join(f"  - {problem}" for problem in problems)
        pytest.fail(f"The test has left something behind:\n{listed}", pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Add the log of the bus to the report of a test that has failed."""
    outcome = yield
    session = item.stash.get(_session, None)
    if session is None:
        return
    report = outcome.get_result()
    if report.failed:
        item.stash[_has_failed] = True
        if text := session.bus.log.describe():
            clean = text.encode(errors="backslashreplace").decode()
            report.sections.append(("clu log: what was said", clean))
